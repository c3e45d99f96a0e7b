//! What an endpoint counts, and how often it says so.

use daos_env::Clock;
use daos_status::Code;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Time between two log lines of one kind: a flood from the network must not become a flood in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Events of one endpoint since it was opened, and what it has to do now.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Statistics {
    /// Messages that were not valid frames.
    pub malformed_frames: u64,
    /// Replies that nobody waited for (any more).
    pub late_replies: u64,
    /// Replies that could not be sent.
    pub lost_replies: u64,
    /// Requests that were dropped or answered with `DER_BUSY` because a bound was reached.
    pub refused_requests: u64,
    /// Requests that came twice, or may have been carried out by a server that has forgotten it, and were not served (again).
    pub doubled_requests: u64,
    /// Requests for another endpoint, which was at this place of the network before.
    pub stray_requests: u64,
    /// Answers that were sent once more because their caller did not get them.
    pub repeated_answers: u64,
    /// What went through the endpoint.
    pub traffic: Traffic,
    /// Calls and transfers that wait for their end now.
    pub outstanding: usize,
    /// Requests that the handler has and has not answered now.
    pub requests: usize,
    /// Pieces of memory that are exposed now.
    pub exposures: usize,
}

/// Messages and bytes, as the transport was given them and gave them: headers included, what the fabric adds not. Counting is cheap, so that
/// the cost of a request can be told from the numbers of an engine in use.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// Messages that were sent.
    pub sent_messages: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that came.
    pub received_messages: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Transfers that this endpoint made to or from memory of peers.
    pub transfers: u64,
    /// Bytes that it fetched from memory of peers.
    pub pulled_bytes: u64,
    /// Bytes that it wrote to memory of peers.
    pub pushed_bytes: u64,
}

/// A count with a log line once in a while.
#[derive(Default)]
pub(crate) struct Counter {
    count: Cell<u64>,
    unlogged: Cell<u64>,
    next_log: Cell<Duration>,
}

impl Counter {
    /// How often it happened.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// Counts one; logs the sentence unless one like it was logged just now.
    pub fn add(&self, clock: &dyn Clock, sentence: fmt::Arguments<'_>) {
        if let Some(count) = self.count_one(clock) {
            daos_env::log!(Warn, "rpc", "{sentence} ({count} such events)");
        }
    }

    /// The same for what does no harm and is no news for a user.
    pub fn note(&self, clock: &dyn Clock, sentence: fmt::Arguments<'_>) {
        if let Some(count) = self.count_one(clock) {
            daos_env::log!(Info, "rpc", "{sentence} ({count} such events)");
        }
    }

    /// How many there were since the last sentence, when it is time for another one.
    fn count_one(&self, clock: &dyn Clock) -> Option<u64> {
        self.count.set(self.count.get() + 1);
        self.unlogged.set(self.unlogged.get() + 1);
        let now = clock.monotonic();
        (now >= self.next_log.get()).then(|| {
            self.next_log.set(now + LOG_INTERVAL);
            self.unlogged.take()
        })
    }
}

/// The counters of one endpoint.
#[derive(Default)]
pub(crate) struct Counters {
    pub malformed_frames: Counter,
    pub late_replies: Counter,
    pub lost_replies: Counter,
    pub refused_requests: Counter,
    pub doubled_requests: Counter,
    pub stray_requests: Counter,
    pub repeated_answers: Counter,
    traffic: Cell<Traffic>,
    /// Requests that were answered with an error, by its number.
    failures: RefCell<BTreeMap<i32, (Code, u64)>>,
}

impl Counters {
    /// Counts a request that is answered with an error.
    pub fn failed(&self, code: Code) {
        self.failures.borrow_mut().entry(code as i32).or_insert((code, 0)).1 += 1;
    }

    /// The errors that requests were answered with, and how many.
    pub fn failures(&self) -> Vec<(Code, u64)> {
        self.failures.borrow().values().copied().collect()
    }

    /// Counts a message that was given to the transport.
    pub fn sent(&self, bytes: usize) {
        self.count(|traffic| {
            traffic.sent_messages += 1;
            traffic.sent_bytes += bytes as u64;
        });
    }

    /// Counts a message that came.
    pub fn received(&self, bytes: usize) {
        self.count(|traffic| {
            traffic.received_messages += 1;
            traffic.received_bytes += bytes as u64;
        });
    }

    /// Counts a transfer that was begun.
    pub fn transfer(&self, is_pull: bool, bytes: usize) {
        self.count(|traffic| {
            traffic.transfers += 1;
            let moved = if is_pull { &mut traffic.pulled_bytes } else { &mut traffic.pushed_bytes };
            *moved += bytes as u64;
        });
    }

    fn count(&self, change: impl FnOnce(&mut Traffic)) {
        let mut traffic = self.traffic.get();
        change(&mut traffic);
        self.traffic.set(traffic);
    }

    pub fn read(&self) -> Statistics {
        Statistics {
            malformed_frames: self.malformed_frames.count(),
            late_replies: self.late_replies.count(),
            lost_replies: self.lost_replies.count(),
            refused_requests: self.refused_requests.count(),
            doubled_requests: self.doubled_requests.count(),
            stray_requests: self.stray_requests.count(),
            repeated_answers: self.repeated_answers.count(),
            traffic: self.traffic.get(),
            ..Statistics::default()
        }
    }
}
