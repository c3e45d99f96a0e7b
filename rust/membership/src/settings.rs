//! Times and bounds.

use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

/// How members look after each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MembershipSettings {
    /// How often each member asks another one whether it lives.
    pub period: Duration,
    /// How long it waits for the answer before it asks others to ask.
    pub answer_timeout: Duration,
    /// How long a member that does not answer is suspected before it is taken for dead. It may deny that meanwhile.
    pub suspicion: Duration,
}

impl Default for MembershipSettings {
    /// The period is upstream's. Upstream suspects for 20 s; 5 s are enough for what a loaded machine does to a process, and a member that is
    /// taken for dead by mistake comes back by itself.
    fn default() -> MembershipSettings {
        MembershipSettings {
            period: Duration::from_secs(1),
            answer_timeout: Duration::from_millis(400),
            suspicion: Duration::from_secs(5),
        }
    }
}

/// The longest message: it travels inside a request, and fits one packet of a network.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1400;

/// The most members that are kept: as many as a system has engines at most, and some that were replaced.
pub(crate) const MEMBERS_MAX: usize = 8192;

/// Members that are asked to ask.
const HELPERS: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");
/// How often a piece of news is passed on.
const TRANSMISSIONS: NonZeroU8 = NonZeroU8::new(12).expect("not zero");
/// Members that are told news outside of questions and answers.
const TOLD: NonZeroUsize = NonZeroUsize::new(2).expect("not zero");
const ONE: NonZeroUsize = NonZeroUsize::new(1).expect("not zero");
/// Periods after which one member is asked for all that it knows.
const PERIODS_BETWEEN_FEEDS: u32 = 30;
/// Periods after which one that is taken for dead is told so: this heals a network that was cut in two.
const PERIODS_BETWEEN_CALLS: u32 = 5;
/// Periods after which the dead are forgotten. What others still say of them must have died away by then.
const PERIODS_TO_FORGET: u32 = 24 * 3600;

impl MembershipSettings {
    pub(crate) fn config(&self) -> foca::Config {
        let every = |periods: u32, num_members| {
            let frequency = self.period.saturating_mul(periods);
            Some(foca::PeriodicParams { frequency, num_members })
        };
        let mut config = foca::Config::simple();
        config.probe_period = self.period;
        config.probe_rtt = self.answer_timeout;
        config.num_indirect_probes = HELPERS;
        config.max_transmissions = TRANSMISSIONS;
        config.suspect_to_down_after = self.suspicion;
        config.remove_down_after = Some(self.period.saturating_mul(PERIODS_TO_FORGET));
        config.max_packet_size = NonZeroUsize::new(MESSAGE_BYTES_MAX).unwrap_or(ONE);
        config.notify_down_members = true;
        config.periodic_announce = every(PERIODS_BETWEEN_FEEDS, ONE);
        config.periodic_announce_to_down_members = every(PERIODS_BETWEEN_CALLS, ONE);
        config.periodic_gossip = every(1, TOLD);
        config
    }
}

/// When ranks that are taken for dead are excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExclusionSettings {
    /// Of how many ranks one may be excluded within [`ExclusionSettings::window`]; one always may.
    pub ranks_per_exclusion: u32,
    /// How long an exclusion counts.
    pub window: Duration,
    /// How long a rank has been dead before it is excluded.
    pub patience: Duration,
    /// For how long a rank that has joined is not excluded.
    pub rest: Duration,
}

impl Default for ExclusionSettings {
    /// A quarter of the ranks in a minute: more than that at once is a network, a switch or a rack, where people should look first.
    fn default() -> ExclusionSettings {
        ExclusionSettings {
            ranks_per_exclusion: 4,
            window: Duration::from_secs(60),
            patience: Duration::from_secs(2),
            // About as long as it takes until one that dies at once is taken for dead.
            rest: Duration::from_secs(10),
        }
    }
}
