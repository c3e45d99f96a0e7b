//! Error numbers of the DAOS API and the error type that carries them across the public seams.
//!
//! [`Code`] is generated from one table (`table.rs`), which is also the source of the C constants, of `d_errstr` and
//! of `d_errdesc`. [`Status`] is a code together with a sentence that says what failed and on what.

mod errno;
mod table;

pub use table::Code;

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// What a caller can do about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// The same call may succeed later.
    Retry,
    /// Fetch a newer pool map or leader, then call again.
    Refresh,
    /// Close the handle, open it again, then call again.
    Reopen,
    /// Delete something or grow the pool, then call again.
    FreeSpace,
    /// The call can never succeed as it is.
    GiveUp,
    /// What was asked for is damaged or gone.
    DataLost,
}

/// The result type of every public seam.
pub type Result<T, E = Status> = std::result::Result<T, E>;

/// An error number together with a sentence that says what failed, on what, and where it helps, what to do.
///
/// One word long, so that a result of a small value stays in registers: errors are rare and may pay for an allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Status(Box<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    code: Code,
    context: Cow<'static, str>,
}

impl Status {
    /// An error with its context: a sentence without a full stop, naming the object.
    #[cold]
    pub fn new(code: Code, context: impl Into<Cow<'static, str>>) -> Self {
        Status(Box::new(Parts { code, context: context.into() }))
    }

    /// Something stored has a format that this release does not know: `what` names it, and where it is. The sentence says what to do.
    #[cold]
    pub fn unknown_format(what: impl fmt::Display, found: u32, known: RangeInclusive<u32>) -> Self {
        let (first, last) = (known.start(), known.end());
        let knows = if first == last { first.to_string() } else { format!("{first} to {last}") };
        let remedy = match found > *last {
            true => "a newer release has written it: use that one, or a newer one",
            false => "an older release has written it: copy what is needed with that one",
        };
        let context = format!("{what} has format version {found}, and this release knows {knows}; {remedy}");
        Status::new(Code::DfIncompt, context)
    }

    /// The error number.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence given with the error.
    pub fn context(&self) -> &str {
        &self.0.context
    }

    /// The value that the C API returns: the negative number.
    pub fn to_der(&self) -> i32 {
        -(self.0.code as i32)
    }

    /// The error of a value that came from the C API or the wire; `None` for zero.
    pub fn from_der(der: i32, context: impl Into<Cow<'static, str>>) -> Option<Self> {
        if der == 0 {
            return None;
        }
        let code = der.checked_neg().and_then(Code::from_number).unwrap_or(Code::Unknown);
        Some(Status::new(code, context))
    }

    /// Puts what was being done in front of the context.
    #[must_use]
    pub fn while_doing(self, what: impl fmt::Display) -> Self {
        let context = if self.0.context.is_empty() { what.to_string() } else { format!("{what}: {}", self.0.context) };
        Status::new(self.0.code, context)
    }
}

impl From<Code> for Status {
    fn from(code: Code) -> Self {
        Status::new(code, "")
    }
}

impl From<std::io::Error> for Status {
    fn from(error: std::io::Error) -> Self {
        Status::new(errno::code_of_io_error(&error), error.to_string())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { code, context } = &*self.0;
        if context.is_empty() {
            write!(f, "{} ({}, -{})", code.text(), code.name(), *code as i32)
        } else {
            write!(f, "{context}: {} ({}, -{})", code.text(), code.name(), *code as i32)
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Status {}

/// `Err` of a status made from a code and format arguments: `fail!(Code::Inval, "label {label} is too long")`.
#[macro_export]
macro_rules! fail {
    ($code:expr, $($arg:tt)+) => {
        return Err($crate::Status::new($code, format!($($arg)+)))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_formats_say_who_has_written_them_and_what_to_do() {
        let status = |found, known| Status::unknown_format("the log /x/log", found, known);
        assert_eq!(
            status(4, 2..=3).context(),
            "the log /x/log has format version 4, and this release knows 2 to 3; a newer release has written it: use that one, or a newer one"
        );
        assert_eq!(
            status(1, 2..=2).context(),
            "the log /x/log has format version 1, and this release knows 2; an older release has written it: copy what is needed with that one"
        );
        assert_eq!(status(0, 1..=1).code(), Code::DfIncompt);
    }

    #[test]
    fn every_code_round_trips_through_its_number_and_has_words() {
        for &code in Code::ALL {
            assert_eq!(Code::from_number(code as i32), Some(code));
            assert!(code.name().starts_with("DER_"));
            assert!(!code.text().is_empty() && !code.text().ends_with('.'));
            let status = Status::from_der(-(code as i32), "x").expect("not zero");
            assert_eq!(status.code(), code);
            assert_eq!(status.to_der(), -(code as i32));
        }
    }

    #[test]
    fn numbers_from_outside_never_panic() {
        assert_eq!(Status::from_der(0, ""), None);
        for number in [1, i32::MIN, i32::MAX, -1, -999_999] {
            assert_eq!(Status::from_der(number, "").map(|s| s.code()), Some(Code::Unknown));
        }
    }

    #[test]
    fn contexts_are_put_in_front() {
        let status = Status::new(Code::Nonexist, "pool demo").while_doing("connecting");
        assert_eq!(status.to_string(), "connecting: pool demo: Does not exist (DER_NONEXIST, -1005)");
    }
}
