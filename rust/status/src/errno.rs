//! Translation between operating-system errors, POSIX numbers and DER codes.

use crate::{Code, Status};
use std::io::{Error, ErrorKind};

/// The code that stands for an operating-system error.
pub(crate) fn code_of_io_error(error: &Error) -> Code {
    match error.kind() {
        ErrorKind::NotFound => Code::Nonexist,
        ErrorKind::PermissionDenied => Code::NoPerm,
        ErrorKind::AlreadyExists => Code::Exist,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Code::Nospace,
        ErrorKind::OutOfMemory => Code::Nomem,
        ErrorKind::InvalidInput => Code::Inval,
        ErrorKind::TimedOut => Code::Timedout,
        ErrorKind::NotADirectory => Code::Notdir,
        ErrorKind::ResourceBusy | ErrorKind::WouldBlock => Code::Busy,
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::HostUnreachable
        | ErrorKind::BrokenPipe => Code::Unreach,
        _ => Code::Io,
    }
}

/// POSIX error numbers (Linux) that the mapping below uses.
mod posix {
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const EIO: i32 = 5;
    pub const E2BIG: i32 = 7;
    pub const EAGAIN: i32 = 11;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const EBUSY: i32 = 16;
    pub const EEXIST: i32 = 17;
    pub const ENOTDIR: i32 = 20;
    pub const EINVAL: i32 = 22;
    pub const ENOSPC: i32 = 28;
    pub const ENOSYS: i32 = 38;
    pub const EPROTO: i32 = 71;
    pub const EOVERFLOW: i32 = 75;
    pub const ERESTART: i32 = 85;
    pub const ENOTSUP: i32 = 95;
    pub const ETIMEDOUT: i32 = 110;
    pub const EHOSTUNREACH: i32 = 113;
    pub const EALREADY: i32 = 114;
    pub const ESTALE: i32 = 116;
    pub const ECANCELED: i32 = 125;
}

impl Code {
    /// The positive POSIX number that `libdfs` and `libduns` return for this code: upstream's, where upstream has one of its own. For
    /// some of those that are `EIO` there, programs get more to go by here.
    pub const fn to_errno(self) -> i32 {
        match self {
            Code::NoPerm | Code::EpRo | Code::EpOld | Code::ContDestroying => posix::EPERM,
            Code::OpNotPermitted => posix::EACCES,
            Code::NoHdl | Code::Inval | Code::IoInval | Code::RecSize => posix::EINVAL,
            Code::Notype | Code::Noschema | Code::Nolocal => posix::EINVAL,
            Code::Exist => posix::EEXIST,
            Code::Already => posix::EALREADY,
            Code::Unreach => posix::EHOSTUNREACH,
            Code::Proto => posix::EPROTO,
            Code::TxRestart => posix::ERESTART,
            Code::Nonexist | Code::Enoent | Code::ContNonexist => posix::ENOENT,
            Code::Nospace | Code::QuotaLimit => posix::ENOSPC,
            Code::Nomem | Code::Dos => posix::ENOMEM,
            Code::Nosys => posix::ENOSYS,
            Code::Notsupported => posix::ENOTSUP,
            Code::Timedout | Code::Noreply => posix::ETIMEDOUT,
            Code::Busy | Code::EqBusy => posix::EBUSY,
            Code::Again | Code::Inprogress => posix::EAGAIN,
            Code::Overflow | Code::Trunc => posix::EOVERFLOW,
            Code::RecordTooBig | Code::KeyTooBig => posix::E2BIG,
            Code::Canceled | Code::OpCanceled => posix::ECANCELED,
            Code::Notdir | Code::Badpath => posix::ENOTDIR,
            Code::Stale => posix::ESTALE,
            _ => posix::EIO,
        }
    }
}

impl Status {
    /// The positive POSIX number that `libdfs` and `libduns` return.
    pub fn to_errno(&self) -> i32 {
        self.code().to_errno()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs look at these numbers: a task list retries ERESTART, a script tells EHOSTUNREACH from EIO. Seven of them were
    /// others once.
    #[test]
    fn numbers_that_upstream_gives_are_the_same_here() {
        for (codes, number) in [
            (&[Code::NoPerm, Code::EpRo, Code::EpOld, Code::ContDestroying][..], posix::EPERM),
            (&[Code::Enoent, Code::Nonexist], posix::ENOENT),
            (&[Code::Inval, Code::Notype, Code::Noschema, Code::Nolocal, Code::NoHdl, Code::IoInval], posix::EINVAL),
            (&[Code::KeyTooBig, Code::RecordTooBig], posix::E2BIG),
            (&[Code::Exist], posix::EEXIST),
            (&[Code::Unreach], posix::EHOSTUNREACH),
            (&[Code::Nospace], posix::ENOSPC),
            (&[Code::Already], posix::EALREADY),
            (&[Code::Dos, Code::Nomem], posix::ENOMEM),
            (&[Code::Timedout], posix::ETIMEDOUT),
            (&[Code::Busy, Code::EqBusy], posix::EBUSY),
            (&[Code::Again], posix::EAGAIN),
            (&[Code::Proto], posix::EPROTO),
            (&[Code::Io, Code::Misc, Code::Csum], posix::EIO),
            (&[Code::Canceled], posix::ECANCELED),
            (&[Code::Overflow], posix::EOVERFLOW),
            (&[Code::Badpath, Code::Notdir], posix::ENOTDIR),
            (&[Code::Stale], posix::ESTALE),
            (&[Code::TxRestart], posix::ERESTART),
            (&[Code::Notsupported], posix::ENOTSUP),
        ] {
            for code in codes {
                assert_eq!(code.to_errno(), number, "{}", code.name());
            }
        }
    }
}
