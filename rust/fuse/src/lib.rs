//! `dfuse`: the POSIX namespaces of containers as a file system of the kernel.
//!
//! `arguments` holds the command line, `program` what happens around a mount (starting, detaching, ending), `kernel` answers the
//! kernel's requests over `daos_dfs`, and `inodes` remembers what the kernel knows.
//!
#![doc = include_str!("../docs/design.md")]

mod arguments;
mod caching;
mod counts;
mod directories;
mod gather;
mod inodes;
mod kernel;
mod launcher;
mod mountpoint;
mod places;
mod program;
mod system_calls;

pub use arguments::Arguments;
pub use program::run;
