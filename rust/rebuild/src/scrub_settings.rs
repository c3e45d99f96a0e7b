//! What properties of a pool say about scrubbing.

use daos_status::{Code, Result, fail};
use std::time::Duration;

/// `DAOS_PROP_PO_SCRUB_MODE`: `DAOS_SCRUB_MODE_*`.
pub const PROPERTY_SCRUB_MODE: u32 = 16;
/// `DAOS_PROP_PO_SCRUB_FREQ`: seconds from the beginning of one pass to that of the next.
pub const PROPERTY_SCRUB_FREQUENCY: u32 = 17;
/// `DAOS_PROP_PO_SCRUB_THRESH`: errors from which on a target is called unfit; 0 for never.
pub const PROPERTY_SCRUB_THRESHOLD: u32 = 18;

/// As upstream's: one pass a week.
const FREQUENCY_DEFAULT: Duration = Duration::from_secs(604_800);

/// When scrubs run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ScrubMode {
    /// Never.
    #[default]
    Off,
    /// While nobody asks for anything.
    Lazy,
    /// Always, spread evenly over the time that a pass has.
    Timed,
}

/// How the stores of a pool are scrubbed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScrubSettings {
    /// When.
    pub mode: ScrubMode,
    /// From the beginning of one pass to that of the next.
    pub frequency: Duration,
    /// Errors from which on a target is called unfit; 0 for never.
    pub threshold: u64,
}

impl Default for ScrubSettings {
    fn default() -> ScrubSettings {
        ScrubSettings { mode: ScrubMode::Off, frequency: FREQUENCY_DEFAULT, threshold: 0 }
    }
}

impl ScrubSettings {
    /// What properties say; those that are not there have upstream's defaults.
    pub fn of(properties: &[(u32, u64)]) -> Result<ScrubSettings> {
        let mut settings = ScrubSettings::default();
        for (kind, number) in properties {
            match *kind {
                PROPERTY_SCRUB_MODE => {
                    settings.mode = match number {
                        0 => ScrubMode::Off,
                        1 => ScrubMode::Lazy,
                        2 => ScrubMode::Timed,
                        _ => fail!(Code::Inval, "{number} is no way to scrub (DAOS_SCRUB_MODE_*)"),
                    }
                }
                PROPERTY_SCRUB_FREQUENCY if *number == 0 => {
                    fail!(Code::Inval, "a pass of scrubbing in 0 seconds; give at least 1")
                }
                PROPERTY_SCRUB_FREQUENCY => settings.frequency = Duration::from_secs(*number),
                PROPERTY_SCRUB_THRESHOLD => settings.threshold = *number,
                _ => {}
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_say_how_to_scrub() {
        assert_eq!(ScrubSettings::of(&[]), Ok(ScrubSettings::default()));
        let settings = ScrubSettings::of(&[(16, 2), (17, 60), (18, 5), (1, 1)]).expect("valid");
        assert_eq!((settings.mode, settings.threshold), (ScrubMode::Timed, 5));
        assert_eq!(settings.frequency, Duration::from_secs(60));
        assert_eq!(ScrubSettings::of(&[(16, 1)]).expect("valid").mode, ScrubMode::Lazy);
        assert_eq!(ScrubSettings::of(&[(16, 3)]).expect_err("no mode").code(), Code::Inval);
        assert_eq!(ScrubSettings::of(&[(17, 0)]).expect_err("no time").code(), Code::Inval);
    }
}
