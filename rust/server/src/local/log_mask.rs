//! What goes into an engine's log: a level, and others for areas of the system; both can be changed while the engine runs.

use daos_env::LogLevel;
use daos_status::{Code, Result, Status, fail};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};

/// The areas that an engine's log lines name.
pub const LOG_AREAS: &[&str] =
    &["control", "engine", "media", "membership", "pool", "reclaim", "rpc", "scrub", "store", "system"];

/// The longest mask that is read, and with it the most areas.
const LENGTH_MAX: usize = 1024;

/// The least important level that is logged, in all and in single areas. Written as upstream's `D_LOG_MASK`: `INFO`, or
/// `ERR,rpc=DEBUG`; what comes later counts more, and parts without a word count nothing, as the last one of `ERR,`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogMask {
    level: LogLevel,
    areas: Vec<(String, LogLevel)>,
}

impl LogMask {
    /// One level everywhere.
    pub fn of(level: LogLevel) -> LogMask {
        LogMask { level, areas: Vec::new() }
    }

    /// Reads a mask. An area that no log line names is kept, and changes nothing.
    ///
    /// # Errors
    /// `DER_INVAL` for words that are no levels.
    pub fn parse(text: &str) -> Result<LogMask> {
        if text.len() > LENGTH_MAX {
            fail!(Code::Inval, "a log mask of {} bytes exceeds {LENGTH_MAX}", text.len());
        }
        let mut mask = LogMask::of(LogLevel::Info);
        let mut parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).peekable();
        if parts.peek().is_none() {
            level_of("", text)?;
        }
        for part in parts {
            match part.split_once('=') {
                Some((area, level)) if !area.trim().is_empty() => {
                    mask.set(area.trim().to_ascii_lowercase(), level_of(level, text)?);
                }
                _ => mask = LogMask::of(level_of(part, text)?),
            }
        }
        Ok(mask)
    }

    fn set(&mut self, area: String, level: LogLevel) {
        self.areas.retain(|(known, _)| *known != area);
        self.areas.push((area, level));
    }

    /// Those of its areas that no log line names.
    pub fn unknown_areas(&self) -> Vec<&str> {
        let names = self.areas.iter().map(|(area, _)| area.as_str());
        names.filter(|area| !LOG_AREAS.contains(area)).collect()
    }

    /// Whether a line goes into the log.
    fn admits(&self, level: LogLevel, area: &str) -> bool {
        let own = self.areas.iter().find(|(known, _)| known == area);
        level <= own.map_or(self.level, |(_, level)| *level)
    }

    /// The least important level that is logged anywhere.
    fn most(&self) -> LogLevel {
        self.areas.iter().map(|(_, level)| *level).fold(self.level, LogLevel::max)
    }
}

impl fmt::Display for LogMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word(self.level))?;
        self.areas.iter().try_for_each(|(area, level)| write!(f, ",{area}={}", word(*level)))
    }
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "ERR",
        LogLevel::Warn => "WARN",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBUG",
    }
}

/// The level of a word of upstream.
fn level_of(text: &str, mask: &str) -> Result<LogLevel> {
    match text.trim().to_ascii_uppercase().as_str() {
        "ERR" | "ERROR" | "CRIT" | "FATAL" | "ALERT" | "EMERG" | "EMIT" => Ok(LogLevel::Error),
        "WARN" | "WARNING" => Ok(LogLevel::Warn),
        "INFO" | "NOTE" | "NOTICE" => Ok(LogLevel::Info),
        "DEBUG" | "DBUG" | "TRACE" => Ok(LogLevel::Debug),
        other => {
            let sentence = format!(
                "log mask '{}' names level '{}', which is none of ERR, WARN, INFO, DEBUG; write LEVEL or LEVEL,AREA=LEVEL",
                mask.escape_default(),
                other.escape_default()
            );
            Err(Status::new(Code::Inval, sentence))
        }
    }
}

/// The mask of a running engine. Asked from any thread for every line, so that most are decided by one number.
pub(crate) struct LogSwitch {
    most: AtomicU8,
    mask: RwLock<LogMask>,
}

impl LogSwitch {
    pub fn new(mask: LogMask) -> LogSwitch {
        LogSwitch { most: AtomicU8::new(mask.most() as u8), mask: RwLock::new(mask) }
    }

    /// Whether a line goes into the log.
    pub fn admits(&self, level: LogLevel, area: &str) -> bool {
        level as u8 <= self.most.load(Ordering::Relaxed)
            && self.mask.read().unwrap_or_else(PoisonError::into_inner).admits(level, area)
    }

    /// Another mask from now on; gives the one before.
    pub fn set(&self, mask: LogMask) -> LogMask {
        let mut place = self.mask.write().unwrap_or_else(PoisonError::into_inner);
        self.most.store(mask.most() as u8, Ordering::Relaxed);
        std::mem::replace(&mut *place, mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn masks_are_read_as_upstream_writes_them() {
        for (text, canonical) in [
            ("debug", "DEBUG"),
            ("ERR", "ERR"),
            ("FATAL", "ERR"),
            ("NOTE", "INFO"),
            ("WARN,RPC=DEBUG, pool=err", "WARN,rpc=DEBUG,pool=ERR"),
            ("rpc=DEBUG", "INFO,rpc=DEBUG"),
            ("rpc=DEBUG,ERR", "ERR"),
            ("ERR;rpc=WARN;rpc=DEBUG", "ERR,rpc=DEBUG"),
            ("ERR,", "ERR"),
            (",, ERR ,;rpc=DEBUG, ", "ERR,rpc=DEBUG"),
        ] {
            let mask = LogMask::parse(text).expect(text);
            assert_eq!(mask.to_string(), canonical, "{text}");
            assert_eq!(LogMask::parse(canonical).as_ref(), Ok(&mask));
        }
        for bad in ["", ",", " ;, ", "LOUD", "=ERR", "rpc=", "rpc=LOUD", &"x".repeat(LENGTH_MAX + 1)] {
            assert_eq!(LogMask::parse(bad).map_err(|status| status.code()), Err(Code::Inval), "{bad}");
        }
        assert_eq!(LogMask::parse("ERR,mem=DEBUG,rpc=WARN").expect("valid").unknown_areas(), ["mem"]);
    }

    #[test]
    fn a_switch_lets_through_what_its_mask_says() {
        let switch = LogSwitch::new(LogMask::of(LogLevel::Info));
        let admitted = || {
            let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];
            ["rpc", "pool"].map(|area| levels.iter().filter(|level| switch.admits(**level, area)).count())
        };
        assert_eq!(admitted(), [3, 3]);
        let before = switch.set(LogMask::parse("WARN,rpc=DEBUG").expect("valid"));
        assert_eq!((before.to_string().as_str(), admitted()), ("INFO", [4, 2]));
        switch.set(LogMask::parse("DEBUG,rpc=ERR").expect("valid"));
        assert_eq!(admitted(), [1, 4]);
    }

    /// The areas after `log!(LEVEL, ` in a source.
    fn areas_in(source: &str, areas: &mut BTreeSet<String>) {
        let levels = ["Error", "Warn", "Info", "Debug"];
        for call in source.split("log!(").skip(1) {
            let call = call.trim_start();
            let Some(rest) = levels.iter().find_map(|level| call.strip_prefix(level)?.strip_prefix(',')) else {
                continue;
            };
            if let Some(area) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                areas.insert(area.to_owned());
            }
        }
    }

    fn look(place: &Path, areas: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(place).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                look(&path, areas);
            } else if path.extension().is_some_and(|end| end == "rs") {
                areas_in(&std::fs::read_to_string(&path).expect("text"), areas);
            }
        }
    }

    #[test]
    fn the_areas_are_those_of_the_log_lines_in_an_engine() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of crates");
        let mut areas = BTreeSet::new();
        for name in
            ["media", "membership", "object_service", "pool_service", "rebuild", "replicated", "rpc", "server", "store"]
        {
            look(&crates.join(name).join("src"), &mut areas);
        }
        assert_eq!(areas.iter().map(String::as_str).collect::<Vec<_>>(), LOG_AREAS);
    }
}
