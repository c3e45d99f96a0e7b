//! `libdfs`: files and directories in a container. Functions return zero or a positive errno.
//!
//! The pointers that callers get for mounts and open files are handles of the library's table and point to nothing: a wrong
//! or released one is recognised, and `EINVAL`.

pub mod attribute;
pub mod check;
pub mod container;
pub mod directory;
pub mod file;
pub mod filter;
pub mod layout;
pub mod lend;
pub mod mount;
pub mod mounted;
pub mod namespace;
pub mod open;
pub mod paths;
pub mod share;
pub mod snapshot;
pub mod status;
