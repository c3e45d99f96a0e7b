//! Ranks that are noted as stopped or excluded and may serve all the same.
//!
//! That ranks stop is noted before they do, since afterwards those that keep the metadata may be too few for it. Until such a rank has said that it
//! has ended, it answers clients: what it has acknowledged, with a clock that may be ahead, must be in the next snapshot, and what it writes
//! afterwards must not. So a snapshot waits for it, as for one that was lost. It is heard of soon: when it has ended, when it joins, or when its
//! connection breaks, and then it is waited for only as long as it may serve without one. Another engine that comes to lead knows nothing of
//! this, and waits as long for every rank that is noted as stopped.
//!
//! A rank that is excluded since it answers nobody may be cut off with some of the clients, and serves them until it has found out. Its clock may be
//! behind: what it writes in that time would be older than a snapshot that was made before. So a snapshot waits for it as well, and for one that an
//! administrator has excluded until it has said that it has ended, but no longer than for one that was lost: it may hang.

use daos_types::Rank;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// For how long a rank that was lost may serve: one that died without a word is excluded long before, and one that is cut off has ended to
/// serve objects.
pub(super) const LOST_LIMIT: Duration = Duration::from_secs(30);

/// For how long a rank that was excluded, as it did not answer, may serve: it finds out that it does not see the others when they find out that they do not
/// see it, give or take a few seconds, and serves for ten seconds more.
pub(super) const EXCLUDED_LIMIT: Duration = Duration::from_secs(20);

/// The ranks, and until when they may serve, if that has an end.
#[derive(Default)]
pub(super) struct Going(RefCell<BTreeMap<Rank, Option<Duration>>>);

impl Going {
    /// A rank will be noted as stopped or excluded, and serves; `until` when it is not connected.
    pub fn begin(&self, rank: Rank, until: Option<Duration>) {
        self.0.borrow_mut().insert(rank, until);
    }

    /// The connection of a rank has ended without a word.
    pub fn lose(&self, rank: Rank, until: Duration) {
        if let Some(end) = self.0.borrow_mut().get_mut(&rank) {
            end.get_or_insert(until);
        }
    }

    /// A rank has said that it has ended, or joins and says whether it serves.
    pub fn end(&self, rank: Rank) {
        self.0.borrow_mut().remove(&rank);
    }

    /// Whether a rank that is noted as stopped or excluded may serve.
    pub fn may_serve(&self, rank: Rank, now: Duration) -> bool {
        self.0.borrow().get(&rank).is_some_and(|until| until.is_none_or(|until| now < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_may_serve_until_it_is_heard_of() {
        let (going, second) = (Going::default(), Duration::from_secs);
        let [first, lost, strange] = [1, 2, 3].map(Rank);
        going.begin(first, None);
        going.begin(lost, None);
        going.lose(lost, second(30));
        going.lose(lost, second(90));
        going.lose(strange, second(30));
        assert!(going.may_serve(first, second(1000)) && going.may_serve(lost, second(29)));
        assert!(!going.may_serve(lost, second(30)) && !going.may_serve(strange, second(1)));
        going.end(first);
        assert!(!going.may_serve(first, second(0)));
        // It is stopped once more, after it was back.
        going.begin(lost, None);
        assert!(going.may_serve(lost, second(50)));
    }
}
