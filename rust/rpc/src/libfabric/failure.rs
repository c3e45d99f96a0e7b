//! What libfabric's error numbers mean to callers.

use daos_libfabric_sys as sys;
use daos_status::{Code, Status};
use std::ffi::CStr;

/// The error that a call of libfabric returned, negative or as it stands in a completion.
pub(super) fn failure(number: i32, what: &str) -> Status {
    let number = number.saturating_abs();
    Status::new(code_of(number), format!("{what}: {}", text_of(number)))
}

/// Whether the answer of a call says to make progress and call again.
pub(super) fn is_again(result: isize) -> bool {
    result == -(sys::FI_EAGAIN as isize)
}

fn code_of(number: i32) -> Code {
    match u32::try_from(number).unwrap_or_default() {
        sys::FI_ENOMEM => Code::Nomem,
        sys::FI_EAGAIN | sys::FI_EBUSY | sys::FI_ENOBUFS | sys::FI_EMFILE => Code::Busy,
        sys::FI_EINVAL | sys::FI_EADDRNOTAVAIL => Code::Inval,
        sys::FI_EACCES | sys::FI_EPERM => Code::NoPerm,
        sys::FI_EADDRINUSE => Code::Exist,
        sys::FI_ETIMEDOUT => Code::Timedout,
        sys::FI_ENODATA | sys::FI_ENOSYS | sys::FI_EOPNOTSUPP => Code::Notsupported,
        sys::FI_ENETDOWN
        | sys::FI_ENETUNREACH
        | sys::FI_ECONNABORTED
        | sys::FI_ECONNRESET
        | sys::FI_ECONNREFUSED
        | sys::FI_ENOTCONN
        | sys::FI_ESHUTDOWN
        | sys::FI_EHOSTDOWN
        | sys::FI_EHOSTUNREACH
        | sys::FI_ECANCELED => Code::Unreach,
        _ => Code::Hg,
    }
}

fn text_of(number: i32) -> String {
    // A canceled operation is one whose connection ended: "Operation canceled" would mislead.
    if number == sys::FI_ECANCELED as i32 {
        return "the connection ended".to_owned();
    }
    let text = sys::fi_strerror(number);
    if text.is_null() {
        return format!("error {number}");
    }
    // SAFETY: the text ends with a zero byte, and lives as long as the library.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_codes_with_sentences() {
        let status = failure(-(sys::FI_ECONNREFUSED as i32), "sending");
        assert_eq!(status.code(), Code::Unreach);
        assert!(status.context().starts_with("sending: ") && status.context().len() > 12, "{status}");
        assert_eq!(failure(i32::MIN, "x").code(), Code::Hg);
        assert_eq!(failure(sys::FI_ECANCELED as i32, "x").code(), Code::Unreach);
    }
}
