//! The POSIX namespace of a container.
//!
//! A [`FileSystem`] is a mount, a [`Node`] an open file, directory or symbolic link. Both are plain handles; their methods run
//! inside the client's context. What a method has changed is durable when it returns.
//!
//! # What is stored
//!
//! The layout is upstream's. A directory is an object; each entry is a dkey of it, whose akey `DFS_INODE` holds a record of
//! 88 bytes, `DFS_SLINK` the target of a symbolic link, and `x:NAME` an extended attribute. A file is a byte array. One object with a
//! fixed identifier holds the superblock, and the entry of the root.
//!
//! # What happens at one instant
//!
//! Creating an entry (of several that create one name, one does), removing one, renaming one also over another (see
//! `rename.rs`), and putting a whole file in place ([`mod@copy`]). A write of several chunks is not one instant; each chunk is.
//! Removing a directory and creating an entry in it at the same time can leave that entry unreachable.
//!
#![doc = include_str!("../docs/design.md")]
//!
#![doc = include_str!("../docs/posix.md")]

mod attributes;
mod check;
mod container_path;
pub mod copy;
mod directory;
mod entry_move;
mod entry_store;
mod error;
mod file;
mod file_system;
mod filter;
#[doc(hidden)]
pub mod fuzzing;
mod global;
mod inode;
mod listing;
mod lookup;
mod node;
mod object_ids;
mod open;
mod open_files;
mod path;
mod quoted;
mod remove;
mod rename;
mod scan;
mod seen;
mod status;
mod superblock;
mod system;
mod tree;

pub use attributes::{ATTRIBUTE_LENGTH_MAX, ATTRIBUTE_NAME_LENGTH_MAX, SetAttribute};
pub use check::{CheckReport, Finding, LeftOver};
pub use container_path::{ContainerPath, LINK_ATTRIBUTE, LINK_LENGTH_MAX};
pub use copy::{CopyOptions, CopyPlace, CopyProgress, CopySummary, copy};
pub use error::{DfsError, Result};
pub use file::{FILE_SIZE_MAX, range};
pub use file_system::{FileSystem, MountOptions};
pub use filter::{Filter, FilteredEntry, NamePattern};
pub use inode::Timestamp;
pub use listing::Listing;
pub use node::{Access, Node};
pub use open::{NewFile, OpenOptions};
pub use path::{NAME_LENGTH_MAX, PATH_LENGTH_MAX, check_name, split as split_path};
pub use quoted::{Quoted, quoted};
pub use rename::Replace;
pub use scan::ScanReport;
pub use seen::{NewEntry, Removed, RenamedName, Seen};
pub use status::{FileStatus, SetStatus};
pub use superblock::{Attributes, CHUNK_SIZE_DEFAULT, HINTS_LENGTH};
