//! What a pool's property says about getting space back.

use daos_status::{Code, Result, fail};
use std::time::Duration;

/// `DAOS_PROP_PO_RECLAIM`: `DAOS_RECLAIM_*`.
pub const PROPERTY_RECLAIM: u32 = 5;

/// Changes stay apart for so long at least: who reads at an epoch of just now must find it.
const GAP_DEFAULT: Duration = Duration::from_secs(5);

/// When space of what was overwritten and deleted is got back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReclaimMode {
    /// Never.
    Disabled,
    /// While nobody asks for anything, or when space is short.
    #[default]
    Lazy,
    /// Always.
    Time,
}

/// How the stores of a pool are aggregated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReclaimSettings {
    /// When.
    pub mode: ReclaimMode,
    /// Changes that are younger are left alone, unless a writer finds no space.
    pub gap: Duration,
}

impl Default for ReclaimSettings {
    fn default() -> ReclaimSettings {
        ReclaimSettings { mode: ReclaimMode::Lazy, gap: GAP_DEFAULT }
    }
}

impl ReclaimSettings {
    /// What properties say; those that are not there have upstream's defaults.
    pub fn of(properties: &[(u32, u64)]) -> Result<ReclaimSettings> {
        let mut settings = ReclaimSettings::default();
        for (_, number) in properties.iter().filter(|(kind, _)| *kind == PROPERTY_RECLAIM) {
            settings.mode = match number {
                0 => ReclaimMode::Disabled,
                1 => ReclaimMode::Lazy,
                4 => ReclaimMode::Time,
                _ => fail!(Code::Inval, "{number} is no way to reclaim: DAOS_RECLAIM_DISABLED, _LAZY and _TIME are"),
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_say_when_to_reclaim() {
        assert_eq!(ReclaimSettings::of(&[(1, 7)]), Ok(ReclaimSettings::default()));
        let mode = |number| ReclaimSettings::of(&[(5, number)]).map(|settings| settings.mode);
        assert_eq!(mode(0), Ok(ReclaimMode::Disabled));
        assert_eq!(mode(1), Ok(ReclaimMode::Lazy));
        assert_eq!(mode(4), Ok(ReclaimMode::Time));
        assert_eq!(mode(2).expect_err("not there").code(), Code::Inval);
    }
}
