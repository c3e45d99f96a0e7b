//! Errors of the operating system, with the path and what can be done.

use daos_status::{Code, Status};
use std::io;

/// The status of an error while doing `what`, which names the path.
pub(super) fn io_status(error: &io::Error, what: &str) -> Status {
    let (code, remedy) = match error.raw_os_error() {
        Some(libc::ENOSPC) => (Code::Nospace, "; free space on its file system"),
        Some(libc::EDQUOT) => (Code::Nospace, "; the disk quota is used up: free space or raise it"),
        Some(libc::EFBIG) => (Code::Nospace, "; its file system does not hold files so large: use smaller devices"),
        Some(libc::EACCES | libc::EPERM) => (
            Code::NoPerm,
            "; give the user who runs the engine read and write permission there, or use another directory",
        ),
        Some(libc::EROFS) => (Code::NoPerm, "; its file system is mounted read-only: use another directory"),
        Some(libc::ENOENT) => (Code::Nonexist, "; create the directory, or use another"),
        Some(libc::ENOTDIR) => (Code::Notdir, "; a part of the path is a file: use another directory"),
        Some(libc::EEXIST) => (Code::Exist, ""),
        Some(libc::EMFILE | libc::ENFILE) => (Code::Nomem, "; raise the limit of open files (ulimit -n)"),
        Some(libc::ENOMEM) => (Code::Nomem, ""),
        _ => (Code::Io, ""),
    };
    Status::new(code, format!("{what}: {error}{remedy}"))
}
