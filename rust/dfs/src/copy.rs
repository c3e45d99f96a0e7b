//! Copying trees between the machine's file systems and containers.
//!
//! Files, directories and symbolic links are copied, with permission bits and times of modification. Into a container, a file
//! is put in place at one instant: its bytes are written to an object that has no name yet, then the entry is written. A copy
//! that is cut short leaves whole files only, and made again gives the same tree. Outside, a file is written where it will be.
//!
//! Many files are under way at a time: workers, which are futures of one task, take names from a stack. They list a further
//! directory only when there are no names left, so the stack stays about as deep as the tree, whatever its size.

mod budget;
mod file;
mod source;
mod target;
mod worker;

use crate::error::{DfsError, Result, fail};
use crate::file_system::FileSystem;
use crate::quoted::quoted;
use daos_client::Client;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Names of skipped entries that are kept; more are only counted.
const SKIPPED_NAMES_MAX: usize = 100;
/// The most files that can be under way at a time.
const FILES_IN_FLIGHT_MAX: usize = 1024;

/// Where a tree is copied from or to.
#[derive(Clone, Debug)]
pub enum CopyPlace {
    /// A path of this machine.
    Local(PathBuf),
    /// A path of a container, from its root on.
    Container {
        /// The mounted container.
        file_system: FileSystem,
        /// The path; `/` or nothing for the root.
        path: Vec<u8>,
    },
}

/// How a tree is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyOptions {
    /// Files under way at a time.
    pub files_in_flight: usize,
    /// The copies belong to the owners of what is copied, not to the user who copies.
    pub preserve: bool,
}

impl Default for CopyOptions {
    /// Enough files to keep the log of an engine busy: it makes those durable together that arrive while it writes.
    fn default() -> CopyOptions {
        CopyOptions { files_in_flight: 64, preserve: false }
    }
}

/// How far a copy has come; shared with whoever watches it.
#[derive(Debug, Default)]
pub struct CopyProgress {
    /// Files that are copied.
    pub files: AtomicU64,
    /// Directories that are made.
    pub directories: AtomicU64,
    /// Symbolic links that are made.
    pub links: AtomicU64,
    /// Bytes that are copied.
    pub bytes: AtomicU64,
    /// Files that were found so far.
    pub files_found: AtomicU64,
    /// Bytes of the files that were found so far.
    pub bytes_found: AtomicU64,
    /// Ask the copy to stop: it ends with `ECANCELED` as soon as what is under way is done.
    pub cancel: AtomicBool,
}

impl CopyProgress {
    fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            fail!(libc::ECANCELED, "the copy was stopped; copy again to complete it");
        }
        Ok(())
    }

    fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

/// What was copied.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CopySummary {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Paths of what cannot be copied: sockets, pipes and devices; at most a hundred of them.
    pub skipped: Vec<String>,
    /// How many were skipped.
    pub skipped_count: u64,
}

/// Copies a file, a directory with all that is in it, or a symbolic link.
///
/// When nothing stands at the target, it becomes the copy; missing directories above it are made in a container. A directory
/// that stands there gets what is in the source directory, and keeps what else it has; a file is put into it under its own
/// name. Files and links that stand in the way of others are replaced; a file in the way of a directory, and the other way
/// round, is an error.
///
/// The first error ends the copy; it names the path.
pub async fn copy(
    client: &Client,
    from: CopyPlace,
    to: CopyPlace,
    options: CopyOptions,
    progress: Arc<CopyProgress>,
) -> Result<CopySummary> {
    if let CopyPlace::Container { file_system, .. } = &to {
        file_system.check_writable()?;
    }
    check_apart(client, &from, &to).await?;
    let workers = options.files_in_flight.clamp(1, FILES_IN_FLIGHT_MAX);
    let run = worker::Run::new(client.clone(), options, progress.clone());
    run.begin(from, to).await?;
    run.work(workers).await?;
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (skipped, skipped_count) = run.skipped();
    Ok(CopySummary {
        files: load(&progress.files),
        directories: load(&progress.directories),
        links: load(&progress.links),
        bytes: load(&progress.bytes),
        skipped,
        skipped_count,
    })
}

/// Refuses copies that would never end or that this crate is not for.
async fn check_apart(client: &Client, from: &CopyPlace, to: &CopyPlace) -> Result<()> {
    match (from, to) {
        (CopyPlace::Local(_), CopyPlace::Local(_)) => {
            fail!(libc::EINVAL, "one of source and target must be in a container");
        }
        (
            CopyPlace::Container { file_system: source, path },
            CopyPlace::Container { file_system: target, path: target_path },
        ) if source.container().id() == target.container().id() => {
            let source = source::node_at(client, source, path).await?;
            if let Some(above) = target::nearest(client, target, target_path).await?
                && above.directory()?.is_within(source.id())
            {
                fail!(libc::EINVAL, "{} is within what is to be copied", quoted(&target_path));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// An error with the path that it is about.
fn at(path: &[u8]) -> impl Fn(DfsError) -> DfsError {
    move |error| error.while_doing(format_args!("{}", quoted(path)))
}
