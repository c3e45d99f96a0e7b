//! When a peer that takes nothing is tried again, and when it is given up.

use super::probe::{Outcome, Probe};
use daos_status::{Code, Result, fail};
use std::time::Duration;

/// After the first refusal of the provider it is asked again after so long, then after twice as long, and so on. Short,
/// since a queue of its own that is full empties in microseconds...
const RETRY_FIRST: Duration = Duration::from_micros(50);

/// ...and long enough at the end for peers that are not there to cost nothing.
const RETRY_LAST: Duration = Duration::from_millis(20);

/// A peer that takes nothing for so long is asked by a connection of our own whether anybody listens; again after so long.
const PROBE_INTERVAL: Duration = Duration::from_millis(200);

/// A peer that takes nothing.
pub(super) struct Blocked {
    since: Duration,
    retry_at: Duration,
    delay: Duration,
    /// Whether it is tried before, when the provider has finished something.
    is_early: bool,
    probe_at: Duration,
    probe: Option<Probe>,
}

impl Blocked {
    pub fn new(since: Duration) -> Blocked {
        let probe_at = since.saturating_add(PROBE_INTERVAL);
        Blocked { since, retry_at: since, delay: RETRY_FIRST / 2, is_early: true, probe_at, probe: None }
    }

    /// The provider refused once more.
    pub fn again(&mut self, now: Duration) {
        self.delay = (self.delay * 2).min(RETRY_LAST);
        (self.retry_at, self.is_early) = (now + self.delay, true);
    }

    /// A message came back from its connection for the so many-th time.
    pub fn after_attempt(&mut self, attempt: u32, now: Duration) {
        self.delay = (RETRY_FIRST * 2u32.saturating_pow(attempt.min(16))).min(RETRY_LAST);
        (self.retry_at, self.is_early) = (now + self.delay, false);
    }

    /// Whether it is to be tried now; `progress` says that the provider has finished something.
    pub fn is_due(&self, now: Duration, progress: bool) -> bool {
        self.retry_at <= now || (progress && self.is_early)
    }

    /// For how long it has taken nothing.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// When it is tried again at the latest.
    pub fn retry_at(&self) -> Duration {
        self.retry_at
    }

    /// Fails when waiting has no use any more.
    pub fn check_patience(&mut self, address: &[u8], now: Duration, limit: Duration) -> Result<()> {
        if now.saturating_sub(self.since) > limit {
            fail!(Code::Unreach, "the peer took nothing for {limit:?}");
        }
        if self.is_refused(address, now) {
            fail!(Code::Unreach, "nobody listens at the peer's address");
        }
        Ok(())
    }

    /// Whether nobody listens at the peer's address, as far as that is known.
    fn is_refused(&mut self, address: &[u8], now: Duration) -> bool {
        if self.probe.is_none() && now >= self.probe_at {
            self.probe = Probe::start(address);
            self.probe_at = now.saturating_add(PROBE_INTERVAL);
        }
        let outcome = self.probe.as_ref().and_then(Probe::outcome);
        if outcome.is_some() {
            self.probe = None;
        }
        outcome == Some(Outcome::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_bound() {
        let mut now = Duration::from_secs(5);
        let mut blocked = Blocked::new(now);
        for round in 0..40 {
            blocked.again(now);
            let delay = blocked.retry_at() - now;
            assert_eq!(delay, (RETRY_FIRST * 2u32.pow(round.min(16))).min(RETRY_LAST));
            assert!(!blocked.is_due(now, false) && blocked.is_due(now, true));
            now = blocked.retry_at();
            assert!(blocked.is_due(now, false));
        }
        blocked.after_attempt(u32::MAX, now);
        assert!(!blocked.is_due(now, true) && blocked.is_due(now + RETRY_LAST, false));
        assert!(blocked.check_patience(&[], now, Duration::from_secs(100)).is_ok());
        let error = blocked.check_patience(&[], now, Duration::ZERO).unwrap_err();
        assert_eq!(error.code(), Code::Unreach);
    }
}
