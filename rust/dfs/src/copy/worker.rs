//! The workers of a copy, and the stack that they share.

use super::budget::Budget;
use super::file::{Shared, copy_file};
use super::source::{self, Item, Kind, SourceDirectory, SourceListing};
use super::target::{self, TargetDirectory};
use super::{CopyOptions, CopyPlace, CopyProgress, SKIPPED_NAMES_MAX, at};
use crate::error::{DfsError, Result, fail};
use crate::quoted::quoted;
use daos_client::Client;
use daos_client::array::run_bounded;
use daos_env::sync::Signal;
use std::cell::{Cell, RefCell};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes that all files of a run together have in memory.
const MEMORY_BYTES: u64 = 64 << 20;

/// A directory that is being copied.
struct Job {
    source: SourceDirectory,
    target: TargetDirectory,
    /// Of the source, for messages.
    path: Vec<u8>,
    /// What it gets when all that is in it is done; `None` for a directory that is not itself copied.
    item: Option<Item>,
    parent: Option<Rc<Job>>,
    /// Entries that are not done yet, and one for the listing.
    open: Cell<u64>,
}

/// Something to do.
enum Work {
    /// Copy an entry, perhaps under another name.
    Entry { job: Rc<Job>, name: Vec<u8>, target_name: Vec<u8> },
    /// List further names.
    List { job: Rc<Job>, listing: SourceListing },
}

#[derive(Default)]
struct Stack {
    entries: Vec<Work>,
    lists: Vec<Work>,
}

impl Stack {
    /// Entries first: a listing makes more of them.
    fn pop(&mut self) -> Option<Work> {
        self.entries.pop().or_else(|| self.lists.pop())
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lists.is_empty()
    }
}

#[derive(Default)]
struct Skipped {
    names: Vec<String>,
    count: u64,
}

/// One copy.
pub(super) struct Run {
    client: Client,
    options: CopyOptions,
    progress: Arc<CopyProgress>,
    budget: Budget,
    stack: RefCell<Stack>,
    busy: Cell<usize>,
    failed: Cell<bool>,
    changed: Signal,
    skipped: RefCell<Skipped>,
}

impl Run {
    pub fn new(client: Client, options: CopyOptions, progress: Arc<CopyProgress>) -> Run {
        Run {
            client,
            options,
            progress,
            budget: Budget::new(MEMORY_BYTES),
            stack: RefCell::default(),
            busy: Cell::new(0),
            failed: Cell::new(false),
            changed: Signal::new(),
            skipped: RefCell::default(),
        }
    }

    pub fn skipped(&self) -> (Vec<String>, u64) {
        let skipped = self.skipped.take();
        (skipped.names, skipped.count)
    }

    /// Puts the beginning of the copy on the stack.
    pub async fn begin(&self, from: CopyPlace, to: CopyPlace) -> Result<()> {
        let path = match &from {
            CopyPlace::Local(path) => path.as_os_str().as_bytes().to_vec(),
            CopyPlace::Container { path, .. } => path.clone(),
        };
        let (source, item) = match &from {
            CopyPlace::Local(local) => {
                (SourceDirectory::Local(local.clone()), source::local_item(local).map_err(at(&path))?)
            }
            CopyPlace::Container { file_system, path } => {
                let node = source::node_at(&self.client, file_system, path).await?;
                let item = Item::of_node(&self.client, &node).await.map_err(at(path))?;
                (SourceDirectory::Container(node), item)
            }
        };
        match item.kind {
            Kind::Directory => self.begin_tree(source, to, path, item).await,
            Kind::Other => fail!(libc::EINVAL, "{} is no file, directory or link", quoted(&path)),
            Kind::File | Kind::Symlink => self.begin_entry(source, to, path).await,
        }
    }

    async fn begin_tree(&self, source: SourceDirectory, to: CopyPlace, path: Vec<u8>, item: Item) -> Result<()> {
        let target = match to {
            CopyPlace::Local(local) => {
                let made = std::fs::create_dir(&local);
                if made.is_err() && !local.is_dir() {
                    let error = made.err().map(DfsError::from).unwrap_or_else(|| DfsError::new(libc::ENOTDIR, ""));
                    return Err(at(local.as_os_str().as_bytes())(error));
                }
                TargetDirectory::Local(local)
            }
            CopyPlace::Container { file_system, path } => {
                let node = target::make_all(&self.client, &file_system, &path).await.map_err(at(&path))?;
                TargetDirectory::Container(node)
            }
        };
        let job = Job { source, target, path, item: Some(item), parent: None, open: Cell::new(1) };
        self.push_list(Rc::new(job))
    }

    /// A single file or link, below the directory that it stands in.
    async fn begin_entry(&self, source: SourceDirectory, to: CopyPlace, path: Vec<u8>) -> Result<()> {
        let (source, name) = match source {
            SourceDirectory::Local(local) => {
                // Links were followed; what they end at is copied under the name that was given.
                let real = std::fs::canonicalize(&local).map_err(|error| at(&path)(error.into()))?;
                let parent = real.parent().unwrap_or(Path::new("/")).to_owned();
                let name = real.file_name().unwrap_or_default().as_bytes().to_vec();
                (SourceDirectory::Local(parent), name)
            }
            SourceDirectory::Container(node) => {
                let location = node.location();
                let Some(parent) = location.parent else { fail!(libc::EINVAL, "the root is no file") };
                let parent = crate::node::Node::of_directory(node.file_system(), parent, node.access());
                (SourceDirectory::Container(parent), location.name)
            }
        };
        let given = crate::path::split(&path).map_or(name.clone(), |(_, name)| name.to_vec());
        let (target, target_name) = match to {
            CopyPlace::Local(local) if local.is_dir() => (TargetDirectory::Local(local), given),
            CopyPlace::Local(local) => {
                let Some(name) = local.file_name() else {
                    fail!(libc::EINVAL, "'{}' has no name at its end", local.display());
                };
                let parent = local.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
                (TargetDirectory::Local(parent.to_owned()), name.as_bytes().to_vec())
            }
            CopyPlace::Container { file_system, path } => {
                let place = target::place_for_entry(&self.client, &file_system, &path, &given).await;
                let (node, name) = place.map_err(at(&path))?;
                (TargetDirectory::Container(node), name)
            }
        };
        let above = crate::path::split(&path).map_or(Vec::new(), |(above, _)| above.to_vec());
        let job = Rc::new(Job { source, target, path: above, item: None, parent: None, open: Cell::new(1) });
        self.stack.borrow_mut().entries.push(Work::Entry { job, name, target_name });
        Ok(())
    }

    fn push_list(&self, job: Rc<Job>) -> Result<()> {
        CopyProgress::count(&self.progress.directories, 1);
        let listing = job.source.listing().map_err(at(&job.path))?;
        self.stack.borrow_mut().lists.push(Work::List { job, listing });
        Ok(())
    }

    /// Runs so many workers until nothing is left to do.
    pub async fn work(&self, workers: usize) -> Result<()> {
        run_bounded(workers, (0..workers).map(|_| self.work_alone())).await
    }

    async fn work_alone(&self) -> Result<()> {
        loop {
            self.changed.wait_until(|| self.is_over() || !self.stack.borrow().is_empty()).await;
            if self.failed.get() {
                return Ok(());
            }
            let Some(work) = self.stack.borrow_mut().pop() else { return Ok(()) };
            self.busy.set(self.busy.get() + 1);
            let result = self.do_one(work).await;
            self.busy.set(self.busy.get() - 1);
            if result.is_err() {
                self.failed.set(true);
            }
            self.changed.wake_all();
            result?;
        }
    }

    /// Nobody does anything, and nothing is left; or it went wrong.
    fn is_over(&self) -> bool {
        self.failed.get() || (self.busy.get() == 0 && self.stack.borrow().is_empty())
    }

    async fn do_one(&self, work: Work) -> Result<()> {
        self.progress.check()?;
        match work {
            Work::Entry { job, name, target_name } => {
                self.copy_entry(&job, &name, &target_name).await?;
                self.one_done(job).await
            }
            Work::List { job, mut listing } => {
                let names = job.source.names(&self.client, &mut listing).await.map_err(at(&job.path))?;
                if names.is_empty() {
                    return self.one_done(job).await;
                }
                job.open.set(job.open.get() + names.len() as u64);
                let mut stack = self.stack.borrow_mut();
                stack.lists.push(Work::List { job: job.clone(), listing });
                for name in names {
                    stack.entries.push(Work::Entry { job: job.clone(), target_name: name.clone(), name });
                }
                drop(stack);
                self.changed.wake_all();
                Ok(())
            }
        }
    }

    async fn copy_entry(&self, job: &Rc<Job>, name: &[u8], target_name: &[u8]) -> Result<()> {
        let path = join(&job.path, name);
        let Some((entry, item)) = job.source.look(&self.client, name).await.map_err(at(&path))? else {
            return Ok(());
        };
        match item.kind {
            Kind::Other => {
                let mut skipped = self.skipped.borrow_mut();
                skipped.count += 1;
                if skipped.names.len() < SKIPPED_NAMES_MAX {
                    skipped.names.push(String::from_utf8_lossy(&path).into_owned());
                }
                Ok(())
            }
            Kind::Symlink => {
                let link_target = entry.link_target().map_err(at(&path))?;
                let preserve = self.options.preserve;
                let put = job.target.put_symlink(&self.client, target_name, link_target, &item, preserve).await;
                put.map_err(at(&path))?;
                CopyProgress::count(&self.progress.links, 1);
                Ok(())
            }
            Kind::File => {
                CopyProgress::count(&self.progress.files_found, 1);
                CopyProgress::count(&self.progress.bytes_found, item.size);
                let source = entry.open().map_err(at(&path))?;
                let target = job.target.begin_file(&self.client, target_name, &item).await.map_err(at(&path))?;
                let shared = Shared {
                    client: &self.client,
                    progress: &self.progress,
                    budget: &self.budget,
                    preserve: self.options.preserve,
                };
                copy_file(&shared, &path, &source, target, &item).await?;
                CopyProgress::count(&self.progress.files, 1);
                Ok(())
            }
            Kind::Directory => {
                let made = job.target.make_directory(&self.client, target_name, &item).await;
                let target = made.map_err(at(&path))?;
                let (source, parent) = (entry.directory(), Some(job.clone()));
                job.open.set(job.open.get() + 1);
                self.push_list(Rc::new(Job { source, target, path, item: Some(item), parent, open: Cell::new(1) }))
            }
        }
    }

    /// An entry of a directory, or its listing, is done; the last one ends the directory, and so on upwards.
    async fn one_done(&self, job: Rc<Job>) -> Result<()> {
        let mut next = Some(job);
        while let Some(job) = next {
            job.open.set(job.open.get() - 1);
            if job.open.get() > 0 {
                return Ok(());
            }
            if let Some(item) = &job.item {
                job.target.finish(&self.client, item, self.options.preserve).await.map_err(at(&job.path))?;
            }
            next = job.parent.clone();
        }
        Ok(())
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = directory.to_vec();
    if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_with_one_slash() {
        for (directory, path) in [("", "x"), ("/", "/x"), ("/a", "/a/x"), ("a/", "a/x")] {
            assert_eq!(join(directory.as_bytes(), b"x"), path.as_bytes());
        }
    }
}
