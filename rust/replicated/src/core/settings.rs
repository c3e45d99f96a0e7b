//! The numbers that bound a replica.

use std::time::Duration;

/// Times and bounds of a replica's decisions.
#[derive(Clone, Debug)]
pub struct CoreSettings {
    /// The number of the group; messages of others are not listened to.
    pub group: u64,
    /// How often a leader shows itself.
    pub heartbeat_interval: Duration,
    /// How long a follower waits at least for the leader before it wants to become one; the random part added to it is as
    /// long again. Also how often a leader checks that a majority answers.
    pub election_timeout: Duration,
    /// How long a committed change may wait for another one before it goes into the rows with a write of its own.
    pub apply_delay: Duration,
    /// How long to wait before something that storage refused is tried again.
    pub retry_interval: Duration,
    /// Bytes of entries in one message.
    pub append_bytes: usize,
    /// Messages with entries under way to one replica.
    pub appends_in_flight: usize,
    /// Entries that are kept behind the rows for replicas that are a little behind.
    pub kept_entries: usize,
    /// Bytes of entries that are kept behind the rows.
    pub kept_bytes: usize,
    /// Entries that may wait to be committed; one more is refused.
    pub proposals: usize,
    /// Bytes of entries that may wait to be committed.
    pub proposal_bytes: usize,
    /// Reads that may wait for a majority; one more is refused.
    pub reads: usize,
    #[cfg(test)]
    pub(crate) broken: Broken,
}

impl Default for CoreSettings {
    fn default() -> CoreSettings {
        CoreSettings {
            group: 0,
            // A busy machine delays a process for tens of milliseconds; an election that nobody needed costs more than
            // finding a dead leader a little later.
            heartbeat_interval: Duration::from_millis(250),
            election_timeout: Duration::from_millis(1500),
            apply_delay: Duration::from_millis(20),
            retry_interval: Duration::from_secs(1),
            append_bytes: 256 << 10,
            appends_in_flight: 16,
            kept_entries: 256,
            kept_bytes: 8 << 20,
            proposals: 512,
            proposal_bytes: 8 << 20,
            reads: 4096,
            #[cfg(test)]
            broken: Broken::default(),
        }
    }
}

/// Faults that tests build in on purpose, to see that the checks find them.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Broken {
    /// Votes and entries are answered before they are durable.
    pub answers_before_durable: bool,
    /// Logs are not compared when a vote is given.
    pub votes_for_anybody: bool,
    /// Reads are answered without asking a majority.
    pub reads_without_majority: bool,
    /// Several voters change at once.
    pub changes_many_voters: bool,
    /// Two votes in one term.
    pub votes_twice: bool,
}
