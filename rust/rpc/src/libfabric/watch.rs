//! Finding out that the network to a peer was cut, and is whole again.
//!
//! A connection that was used while the network was cut comes back when the kernel sends again: after twice as long as it waited before, so that
//! after half a minute of a cut it takes nearly as long again. One that was just being made waits in the same way. Nothing of that is seen
//! above the provider, and a peer that is only slow, or stopped in its tracks, looks the same.
//!
//! So the transport tries to connect by itself when a peer is doubted: whoever is there takes that within moments, also when its
//! process is stopped. When nothing comes back, it tries again and again until something does: then the network is whole, and
//! the provider's connections to the peer are ended, and it begins new ones. So they are when the first attempt succeeds, but the kernel
//! has sent in vain again and again on one of them: the cut was over before anybody looked, or only new connections get through.

use super::probe::{Outcome, Probe};
use std::time::Duration;

/// How long an attempt may take before the network is taken to be cut: in that time the kernel tries twice.
const FIRST_ATTEMPT: Duration = Duration::from_millis(2500);

/// Between two attempts while it is cut. An answer that takes longer is not waited for: then the connection comes back by itself.
const NEXT_ATTEMPT: Duration = Duration::from_millis(500);

/// Between two looks at an attempt.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// A peer that nobody doubts any more is looked after for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    /// Nothing so far.
    Nothing,
    /// The peer can be reached, and could the whole time, as far as anybody has looked.
    There,
    /// Nobody wants to know any more.
    Unneeded,
    /// It was cut, and is whole.
    Whole,
}

/// A peer that is doubted.
pub(super) struct Watch {
    probe: Option<Probe>,
    is_cut: bool,
    /// When the next attempt begins, if this one does not succeed.
    next_at: Duration,
    look_at: Duration,
    until: Duration,
}

impl Watch {
    /// Begins to look after the peer at an address; `None` for one that has no address of IP.
    pub fn start(address: &[u8], now: Duration) -> Option<Watch> {
        let mut watch = Watch { probe: None, is_cut: false, next_at: now, look_at: now, until: now };
        watch.renew(now);
        watch.attempt(Probe::start(address), now);
        watch.probe.is_some().then_some(watch)
    }

    /// It is doubted still.
    pub fn renew(&mut self, now: Duration) {
        self.until = now.saturating_add(PATIENCE);
    }

    /// When there is something to do.
    pub fn look_at(&self) -> Duration {
        self.look_at
    }

    /// Looks at the attempt to connect, and begins the next one.
    pub fn look(&mut self, address: &[u8], now: Duration) -> Finding {
        if now < self.look_at {
            return Finding::Nothing;
        }
        let outcome = self.probe.as_ref().and_then(Probe::outcome);
        let finding = self.judge(outcome, now);
        if finding == Finding::Nothing && now >= self.next_at {
            self.attempt(Probe::start(address), now);
        }
        finding
    }

    fn attempt(&mut self, probe: Option<Probe>, now: Duration) {
        self.probe = probe;
        self.next_at = now.saturating_add(if self.is_cut { NEXT_ATTEMPT } else { FIRST_ATTEMPT });
    }

    fn judge(&mut self, outcome: Option<Outcome>, now: Duration) -> Finding {
        self.look_at = now.saturating_add(LOOK_INTERVAL);
        match outcome {
            Some(Outcome::Taken | Outcome::Refused) if self.is_cut => return Finding::Whole,
            Some(Outcome::Taken | Outcome::Refused) => return Finding::There,
            Some(Outcome::Failed) => {
                // At once, or after the kernel's own time: the next attempt has its own.
                self.probe = None;
                if !std::mem::replace(&mut self.is_cut, true) {
                    self.next_at = now.saturating_add(NEXT_ATTEMPT);
                }
            }
            None if now >= self.next_at => self.is_cut = true,
            None => {}
        }
        if now >= self.until { Finding::Unneeded } else { Finding::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(now: Duration) -> Watch {
        Watch { probe: None, is_cut: false, next_at: now + FIRST_ATTEMPT, look_at: now, until: now + PATIENCE }
    }

    #[test]
    fn a_peer_that_is_there_is_left_alone() {
        let now = Duration::from_secs(7);
        for outcome in [Outcome::Taken, Outcome::Refused] {
            let mut watch = watch(now);
            assert_eq!(watch.judge(None, now), Finding::Nothing);
            assert_eq!(watch.judge(Some(outcome), now + FIRST_ATTEMPT), Finding::There);
        }
    }

    /// A cut that ends is found out by the first attempt that succeeds; that no answer came, and that there was no way, are the same.
    #[test]
    fn the_end_of_a_cut_is_found_out() {
        let now = Duration::from_secs(7);
        for (outcome, time) in [(None, FIRST_ATTEMPT), (Some(Outcome::Failed), Duration::ZERO)] {
            let mut watch = watch(now);
            assert_eq!(watch.judge(outcome, now + time), Finding::Nothing);
            watch.attempt(None, now + time);
            assert_eq!(watch.next_at, now + time + NEXT_ATTEMPT);
            assert_eq!(watch.judge(None, now + time + NEXT_ATTEMPT), Finding::Nothing);
            assert_eq!(watch.judge(Some(Outcome::Taken), now + time + NEXT_ATTEMPT), Finding::Whole);
        }
    }

    #[test]
    fn who_is_not_doubted_any_more_is_forgotten() {
        let now = Duration::from_secs(7);
        let mut watch = watch(now);
        assert_eq!(watch.judge(Some(Outcome::Failed), now + PATIENCE - LOOK_INTERVAL), Finding::Nothing);
        watch.renew(now + LOOK_INTERVAL);
        assert_eq!(watch.judge(None, now + PATIENCE), Finding::Nothing);
        assert_eq!(watch.judge(None, now + PATIENCE + LOOK_INTERVAL), Finding::Unneeded);
        assert!(Watch::start(&[], now).is_none(), "no address of IP");
    }
}
