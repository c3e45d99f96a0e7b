//! The engine's log: one line per event, in a file of bounded size.

use daos_env::{Clock, LogLevel};
use daos_status::{Result, Status};
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A log that has become so long is kept as the last one, and a new one begins: two of them are all there is.
const LENGTH_MAX: u64 = 4 << 20;
/// The longest line: a message that quotes hostile bytes must not fill the log.
const LINE_LENGTH_MAX: usize = 4096;

struct Open {
    file: File,
    length: u64,
}

/// A log file that is written to from any thread.
pub(crate) struct LogFile {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    open: Mutex<Open>,
}

fn open(path: &Path) -> std::io::Result<Open> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    Ok(Open { file, length })
}

impl LogFile {
    /// Goes on with a log, or begins one.
    pub fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Result<LogFile> {
        let opened =
            open(&path).map_err(|error| Status::from(error).while_doing(format_args!("opening {}", path.display())))?;
        Ok(LogFile { path, clock, open: Mutex::new(opened) })
    }

    /// Writes one line. A log that cannot be written does not keep the engine from working.
    pub fn write(&self, level: LogLevel, area: &str, message: fmt::Arguments<'_>) {
        let line = line(self.clock.wall_nanoseconds(), level, area, message);
        let mut log = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if log.length > LENGTH_MAX {
            let last = self.path.with_extension("log.1");
            if let Ok(new) = std::fs::rename(&self.path, last).and_then(|()| open(&self.path)) {
                *log = new;
            }
        }
        if log.file.write_all(line.as_bytes()).is_ok() {
            log.length += line.len() as u64;
        }
    }
}

/// `2026-01-31T12:00:00.000Z INFO engine: message`.
fn line(nanoseconds: u64, level: LogLevel, area: &str, message: fmt::Arguments<'_>) -> String {
    let word = match level {
        LogLevel::Error => "ERROR",
        LogLevel::Warn => "WARN",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBUG",
    };
    let mut line = format!("{} {word} {area}: ", time(nanoseconds));
    let text = message.to_string();
    for character in text.chars() {
        if line.len() > LINE_LENGTH_MAX {
            line.push_str("...");
            break;
        }
        if character.is_control() {
            // Writing to a string cannot fail.
            let _never_fails = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

/// A moment in UTC, to the millisecond.
fn time(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
    let (days, second) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// The date of a day since 1970-01-01. Years are counted from March, so that the leap day is the last of its year; an era
/// has 400 of them.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::ManualClock;

    #[test]
    fn moments_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(time(milliseconds * 1_000_000), text);
        }
    }

    #[test]
    fn an_event_is_one_bounded_line() {
        let text = line(0, LogLevel::Warn, "engine", format_args!("a\nb\u{1b}[0m {}", "x".repeat(10_000)));
        assert!(text.starts_with("1970-01-01T00:00:00.000Z WARN engine: a\\nb\\u{1b}[0m xxx"));
        assert!(text.ends_with("x...\n") && text.len() < LINE_LENGTH_MAX + 10);
        assert_eq!(text.matches('\n').count(), 1);
    }

    #[test]
    fn the_log_is_bounded_and_goes_on() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("engine.log");
        for _ in 0..2 {
            let log = LogFile::open(path.clone(), Arc::new(ManualClock::default())).expect("opens");
            for number in 0..2500 {
                log.write(LogLevel::Info, "test", format_args!("{number} {}", "y".repeat(1000)));
            }
        }
        let lengths: Vec<u64> = ["engine.log", "engine.log.1"]
            .iter()
            .map(|name| std::fs::metadata(place.path().join(name)).expect("is there").len())
            .collect();
        assert!(lengths.iter().all(|length| (100_000..LENGTH_MAX + 2000).contains(length)), "{lengths:?}");
        assert_eq!(std::fs::read_dir(place.path()).expect("is there").count(), 2);
    }
}
