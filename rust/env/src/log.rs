//! One line per event, to standard error unless a program says otherwise.

use std::fmt;
use std::sync::OnceLock;

/// How much an event matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// Something failed that a person must look at.
    Error,
    /// Something is not as it should be, and the system went on.
    Warn,
    /// A change of state that an operator wants to know of.
    Info,
    /// What a developer wants to know.
    Debug,
}

type Sink = Box<dyn Fn(LogLevel, &str, fmt::Arguments<'_>) + Send + Sync>;
static SINK: OnceLock<Sink> = OnceLock::new();

/// Decides, once per process, where log lines go; without it, errors and warnings go to standard error.
pub fn set_log_sink(sink: impl Fn(LogLevel, &str, fmt::Arguments<'_>) + Send + Sync + 'static) {
    // The first program part that sets a sink wins; a library loaded into it must not redirect its log.
    let _already_set = SINK.set(Box::new(sink));
}

/// Writes one log line; `area` names the part of the system.
pub fn log_event(level: LogLevel, area: &str, message: fmt::Arguments<'_>) {
    match SINK.get() {
        Some(sink) => sink(level, area, message),
        None if level <= LogLevel::Warn => {
            let word = if level == LogLevel::Error { "ERROR" } else { "WARN" };
            let line = format!("daos {word} {area}: {message}").replace('\n', "\\n");
            write_line(&(line + "\n"));
        }
        None => {}
    }
}

/// One write for the line, so that lines of threads and processes do not mix; and no lock, which a child process could
/// inherit locked. A process whose standard error is closed or full still has to work: what cannot be written is lost.
fn write_line(line: &str) {
    // SAFETY: the bytes are those of the line.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

/// Logs an event: `log!(Warn, "engine", "target {index} ...")`.
#[macro_export]
macro_rules! log {
    ($level:ident, $area:expr, $($arg:tt)+) => {
        $crate::log_event($crate::LogLevel::$level, $area, format_args!($($arg)+))
    };
}
