//! Errors of the namespace, by POSIX number.

use daos_status::Status;
use std::borrow::Cow;
use std::fmt;

/// The result type of this crate.
pub type Result<T, E = DfsError> = std::result::Result<T, E>;

/// A POSIX error number together with a sentence that names what failed.
#[derive(Clone, PartialEq, Eq)]
pub struct DfsError {
    /// The positive number that `libdfs` returns.
    pub errno: i32,
    /// What failed, on what; without a full stop.
    pub context: Cow<'static, str>,
}

impl DfsError {
    /// An error with its context.
    pub fn new(errno: i32, context: impl Into<Cow<'static, str>>) -> DfsError {
        DfsError { errno, context: context.into() }
    }

    /// Puts what was being done in front of the context.
    #[must_use]
    pub fn while_doing(self, what: impl fmt::Display) -> DfsError {
        let context = if self.context.is_empty() { what.to_string() } else { format!("{what}: {}", self.context) };
        DfsError { errno: self.errno, context: context.into() }
    }

    /// The operating system's words for the number.
    pub fn text(&self) -> String {
        let text = std::io::Error::from_raw_os_error(self.errno).to_string();
        match text.find(" (os error") {
            Some(end) => text[..end].to_owned(),
            None => text,
        }
    }
}

impl From<Status> for DfsError {
    fn from(status: Status) -> DfsError {
        // The words for the POSIX number follow; those of the DER number would say the same once more.
        let context = match status.context() {
            "" => format!("{} ({})", status.code().text(), status.code().name()),
            context => format!("{context} ({})", status.code().name()),
        };
        DfsError { errno: status.to_errno(), context: context.into() }
    }
}

impl From<std::io::Error> for DfsError {
    fn from(error: std::io::Error) -> DfsError {
        DfsError { errno: error.raw_os_error().unwrap_or(libc::EIO), context: Cow::Borrowed("") }
    }
}

impl fmt::Display for DfsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.context.is_empty() {
            true => f.write_str(&self.text()),
            false => write!(f, "{}: {}", self.context, self.text()),
        }
    }
}

impl fmt::Debug for DfsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (errno {})", self.errno)
    }
}

impl std::error::Error for DfsError {}

/// `Err` of an error number and format arguments.
macro_rules! fail {
    ($errno:expr, $($arg:tt)+) => {
        return Err($crate::DfsError::new($errno, format!($($arg)+)))
    };
}
pub(crate) use fail;

#[cfg(test)]
mod tests {
    use super::*;
    use daos_status::Code;

    #[test]
    fn errors_name_what_failed() {
        let error = DfsError::new(libc::ENOENT, "/a/b").while_doing("opening");
        assert_eq!(error.to_string(), "opening: /a/b: No such file or directory");
        assert_eq!(DfsError::from(Status::new(Code::Nospace, "pool p")).errno, libc::ENOSPC);
        assert_eq!(DfsError::from(std::io::Error::from_raw_os_error(libc::EACCES)).errno, libc::EACCES);
    }
}
