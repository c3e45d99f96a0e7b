//! How many requests of each kind the kernel has made.
//!
//! The extended attribute [`TRAFFIC_ATTRIBUTE`] of the mount's root tells them, with the messages that they took: what an everyday
//! operation costs can be counted, by users and by tests.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// The attribute; it is made up, not stored, and lists do not show it.
pub const TRAFFIC_ATTRIBUTE: &[u8] = b"user.dfuse.traffic";

/// A kind of request, as the kernel's protocol names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Lookup,
    Forget,
    Getattr,
    Setattr,
    Readlink,
    Mknod,
    Mkdir,
    Unlink,
    Rmdir,
    Symlink,
    Rename,
    Link,
    Open,
    Create,
    Read,
    Write,
    Flush,
    Fsync,
    Release,
    Opendir,
    Readdir,
    Readdirplus,
    Releasedir,
    Fsyncdir,
    Statfs,
    Setxattr,
    Getxattr,
    Listxattr,
    Removexattr,
    Fallocate,
    CopyFileRange,
}

/// Their names, in the order of the above.
const NAMES: [&str; 31] = [
    "lookup",
    "forget",
    "getattr",
    "setattr",
    "readlink",
    "mknod",
    "mkdir",
    "unlink",
    "rmdir",
    "symlink",
    "rename",
    "link",
    "open",
    "create",
    "read",
    "write",
    "flush",
    "fsync",
    "release",
    "opendir",
    "readdir",
    "readdirplus",
    "releasedir",
    "fsyncdir",
    "statfs",
    "setxattr",
    "getxattr",
    "listxattr",
    "removexattr",
    "fallocate",
    "copy_file_range",
];

/// The counts of a mount.
#[derive(Debug)]
pub struct Counts([AtomicU64; NAMES.len()]);

impl Default for Counts {
    fn default() -> Counts {
        Counts([const { AtomicU64::new(0) }; NAMES.len()])
    }
}

impl Counts {
    /// One more.
    pub fn add(&self, kind: Kind) {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A line for each kind that there was, and one for the messages that were sent to engines.
    pub fn tell(&self, messages: u64) -> String {
        let mut text = String::new();
        for (name, count) in NAMES.iter().zip(&self.0) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                // Writing to a string cannot fail.
                let _ignored = writeln!(text, "{name} {count}");
            }
        }
        let _ignored = writeln!(text, "messages {messages}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_name() {
        let counts = Counts::default();
        counts.add(Kind::Lookup);
        counts.add(Kind::CopyFileRange);
        counts.add(Kind::CopyFileRange);
        counts.add(Kind::Getxattr);
        assert_eq!(counts.tell(7), "lookup 1\ngetxattr 1\ncopy_file_range 2\nmessages 7\n");
    }
}
