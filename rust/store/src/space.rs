//! What a store reports about itself.

/// Bytes of one tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TierSpace {
    /// All bytes.
    pub total: u64,
    /// Bytes that can be written.
    pub free: u64,
}

/// Space of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreSpace {
    /// Metadata and small values.
    pub arena: TierSpace,
    /// Large values.
    pub data: TierSpace,
    /// Runs of free blocks of the data device. Few long ones make values of one piece; the device is fragmented when the longest is
    /// small against what is free.
    pub free_runs: u64,
    /// Bytes of the longest of them.
    pub longest_free_run: u64,
}

/// Counters since the store was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Updates done.
    pub updates: u64,
    /// Fetches done.
    pub fetches: u64,
    /// Punches done.
    pub punches: u64,
    /// Listings and queries done.
    pub listings: u64,
    /// Bytes of values written.
    pub bytes_written: u64,
    /// Bytes of values read.
    pub bytes_read: u64,
    /// Requests that were refused or failed.
    pub failures: u64,
    /// Times that bytes did not have their checksum: those of a value that was read, or that came with a request.
    pub checksum_errors: u64,
    /// Versions of values that scrubs have verified.
    pub scrubbed_values: u64,
    /// Their bytes.
    pub scrubbed_bytes: u64,
    /// Steps of aggregation and discarding.
    pub aggregation_steps: u64,
    /// Walks over a container that came to their end.
    pub aggregations: u64,
    /// Records that aggregation and discarding have freed: versions, punches and keys.
    pub records_freed: u64,
    /// Bytes of the values among them.
    pub bytes_freed: u64,
    /// Extents that aggregation has joined with others.
    pub extents_joined: u64,
    /// Extents that aggregation has made of them.
    pub extents_made: u64,
    /// Bytes of these, which were copied.
    pub bytes_joined: u64,
    /// Partly hidden extents of which aggregation has freed a part in place.
    pub extents_cut: u64,
    /// Fetches and listings that waited for a change to become durable.
    pub waits_for_log: u64,
}

impl Statistics {
    /// Requests of every kind, whatever became of them.
    pub fn requests(&self) -> u64 {
        let all = [self.updates, self.fetches, self.punches, self.listings, self.failures];
        all.into_iter().fold(0, u64::wrapping_add)
    }
}
