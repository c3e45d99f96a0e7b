//! Removing entries.
//!
//! The entry goes first, then its object: no name ever stands for an object whose content is gone. A crash between the two
//! leaves an object that no name stands for; its space is lost until a check of the container finds it. Where a file lies at the target of its
//! name, both go with one message, and a crash leaves both or none.

use crate::directory::Directory;
use crate::entry_store::{self, StoredEntry, Taken};
use crate::error::{Result, fail};
use crate::file_system::FileSystem;
use crate::inode::Inode;
use crate::listing::{Listing, NAMES_PER_REQUEST};
use crate::node::{self, Node};
use crate::path::check_name;
use crate::quoted::quoted;
use daos_client::array::run_bounded;
use daos_client::{Client, Conditions, Object};
use daos_types::ObjectId;
use std::cell::RefCell;

/// Entries that a recursive removal works on at a time.
const REMOVALS_IN_FLIGHT_MAX: usize = 32;

impl FileSystem {
    /// Removes an entry; a directory that is not empty only with `recursive`, and then all that is in it. Gives the
    /// identifier of the object that went; zero where the answer was lost, and the container aggregated before it was asked for again. Durable when it
    /// returns.
    pub async fn remove(&self, client: &Client, parent: &Node, name: &[u8], recursive: bool) -> Result<ObjectId> {
        check_name(name)?;
        self.check_writable()?;
        let doing = |error: crate::DfsError| error.while_doing(format_args!("removing {}", quoted(&name)));
        let directory = parent.directory()?;
        self.discard_closed_if_possible(client).await;
        match self.remove_entry(client, directory, name).await {
            Err(error) if error.errno == libc::ENOTEMPTY && recursive => {
                if let Some(entry) = self.find(client, directory, name).await? {
                    let top = node::child(self, directory.clone(), name, &entry).map_err(doing)?;
                    self.empty(client, top).await.map_err(doing)?;
                }
                self.remove_entry(client, directory, name).await.map_err(doing)
            }
            removed => removed.map_err(doing),
        }
    }

    /// Removes an entry that is no directory, or an empty one.
    async fn remove_entry(&self, client: &Client, directory: &Directory, name: &[u8]) -> Result<ObjectId> {
        let content = (None, &(|| self.open_files().is_idle()) as &dyn Fn() -> bool);
        let (inode, has_gone) = self.take_entry(client, directory, name, content).await?;
        if !has_gone {
            self.discard_object(client, &inode).await?;
        }
        Ok(inode.id)
    }

    /// Takes out an entry that is no directory, or an empty one. Its object is left to the caller, unless it goes with it, which the second
    /// part says: that of a file can, if `content` has its identifier or none, and permits it at the moment of sending.
    pub(crate) async fn take_entry(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        content: (Option<ObjectId>, &dyn Fn() -> bool),
    ) -> Result<(Inode, bool)> {
        let holder = directory.object();
        let entry = match entry_store::take(client, holder, name, false, content).await? {
            Some(Taken::Out(entry, with_object)) => return Ok((entry.inode, with_object)),
            Some(Taken::Forgotten) => return Ok((Inode::default(), true)),
            Some(Taken::Missing) => None,
            // Most are directories; others came from another target.
            Some(Taken::Left(entry)) if entry.trace.to.is_none() => Some(*entry),
            Some(Taken::Left(_)) | None => self.find(client, directory, name).await?,
        };
        let Some(entry) = entry else {
            self.clear_remainder(client, directory, name).await?;
            fail!(libc::ENOENT, "{}", quoted(&name));
        };
        if entry.inode.is_directory() {
            self.check_empty(client, &node::child(self, directory.clone(), name, &entry)?).await?;
        }
        self.clear_origin(client, &entry).await?;
        if !entry.inode.is_directory()
            && let Some(Taken::Out(entry, with_object)) = entry_store::take(client, holder, name, true, content).await?
        {
            return Ok((entry.inode, with_object));
        }
        entry_store::punch(client, holder, name).await?;
        Ok((entry.inode, false))
    }

    /// Removes everything in a directory. Directories that are not empty wait on a stack until what is in them is gone; it
    /// is as deep as the tree, and needs none of the thread's stack.
    async fn empty(&self, client: &Client, top: Directory) -> Result<()> {
        let mut stack = vec![top];
        while let Some(directory) = stack.last().cloned() {
            let below = self.remove_leaves(client, &directory).await?;
            if !below.is_empty() {
                stack.extend(below);
                continue;
            }
            stack.pop();
            if let (false, Some(parent)) = (stack.is_empty(), directory.parent()) {
                match self.remove_entry(client, parent, directory.name()).await {
                    // Somebody has added to it meanwhile: the next pass over its parent finds it again.
                    Err(error) if error.errno == libc::ENOTEMPTY => {}
                    removed => ignore_missing(removed.map(drop))?,
                }
            }
        }
        Ok(())
    }

    /// Removes what can go from a directory, up to the first names that stay, and gives the directories that are in the way.
    async fn remove_leaves(&self, client: &Client, directory: &Directory) -> Result<Vec<Directory>> {
        let below = RefCell::new(Vec::new());
        let mut listing = Listing::default();
        while !listing.is_at_end() && below.borrow().is_empty() {
            let names = self.list(client, directory, &mut listing, NAMES_PER_REQUEST).await?;
            let removals = names.iter().map(|name| {
                let below = &below;
                async move {
                    match self.remove_entry(client, directory, name).await {
                        Err(error) if error.errno == libc::ENOTEMPTY => {}
                        // Somebody else may have been faster.
                        removed => return ignore_missing(removed.map(drop)),
                    }
                    if let Some(entry) = self.find(client, directory, name).await? {
                        below.borrow_mut().push(node::child(self, directory.clone(), name, &entry)?);
                    }
                    Ok(())
                }
            });
            run_bounded(REMOVALS_IN_FLIGHT_MAX, removals).await?;
        }
        Ok(below.into_inner())
    }

    /// Refuses a directory that has entries. Remainders of renames are none, and are cleared away.
    pub(crate) async fn check_empty(&self, client: &Client, directory: &Directory) -> Result<()> {
        let mut listing = Listing::default();
        while !listing.is_at_end() {
            for name in self.list(client, directory, &mut listing, 1).await? {
                if self.find(client, directory, &name).await?.is_some() {
                    fail!(libc::ENOTEMPTY, "{}", quoted(&directory.name()));
                }
                self.clear_remainder(client, directory, &name).await?;
            }
        }
        Ok(())
    }

    /// Gives up the content of an entry that is gone.
    pub(crate) async fn discard_object(&self, client: &Client, inode: &Inode) -> Result<()> {
        // The content of a file that is open stays until it is closed.
        if inode.is_symlink() || (inode.is_file() && self.open_files().outlives_its_name(inode.id)) {
            return Ok(());
        }
        self.punch_object(client, inode.id).await
    }

    async fn punch_object(&self, client: &Client, id: ObjectId) -> Result<()> {
        let object = Object::open(self.container(), id, self.object_flags())?;
        Ok(object.punch(client, Conditions::NONE).await?)
    }

    /// Gives up the content of files that were open when they lost their names, and are closed now. Removing and renaming do it as
    /// well; a caller who does neither may call it when it has closed a file.
    pub async fn discard_closed(&self, client: &Client) -> Result<()> {
        while let Some(id) = self.open_files().next_gone() {
            self.punch_object(client, id).await?;
            self.open_files().discarded(id);
        }
        Ok(())
    }

    /// As [`FileSystem::discard_closed`], beside something else, which does not fail by it: what cannot be given up now is tried again by
    /// the next one.
    pub(crate) async fn discard_closed_if_possible(&self, client: &Client) {
        if let Err(error) = self.discard_closed(client).await {
            daos_env::log!(Warn, "dfs", "the content of a file that was removed and is closed stays for now: {error}");
        }
    }

    /// Gives up the content of all files without a name, also of those that are still open: for the end of a mount.
    pub async fn discard_nameless(&self, client: &Client) -> Result<()> {
        self.open_files().give_up_nameless();
        self.discard_closed(client).await
    }

    /// Whether [`FileSystem::discard_nameless`] has something to do.
    pub fn has_nameless(&self) -> bool {
        self.open_files().has_nameless()
    }

    /// Whether [`FileSystem::discard_closed`] has something to do.
    pub fn has_closed_nameless(&self) -> bool {
        self.open_files().has_gone()
    }

    /// Takes away what a rename has left at the place where an entry came from: it must not come back to life with the
    /// object of an entry that goes.
    pub(crate) async fn clear_origin(&self, client: &Client, entry: &StoredEntry) -> Result<()> {
        let Some(from) = &entry.trace.from else { return Ok(()) };
        if self.is_at(client, entry.inode.id, from).await? {
            let directory = Object::open(self.container(), from.directory, self.object_flags())?;
            ignore_missing(entry_store::punch(client, &directory, &from.name).await)?;
        }
        Ok(())
    }

    /// Takes away an entry that a rename has moved and left behind; whether there was one.
    pub(crate) async fn clear_remainder(&self, client: &Client, directory: &Directory, name: &[u8]) -> Result<bool> {
        match entry_store::fetch(client, directory.object(), self.epoch(), name).await? {
            Some(stored) => self.clear_if_remainder(client, directory, name, &stored).await,
            None => Ok(false),
        }
    }

    /// As [`FileSystem::clear_remainder`], of an entry as it was read.
    pub(crate) async fn clear_if_remainder(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        stored: &StoredEntry,
    ) -> Result<bool> {
        let Some(to) = &stored.trace.to else { return Ok(false) };
        if !self.is_at(client, stored.inode.id, to).await? {
            return Ok(false);
        }
        ignore_missing(entry_store::punch(client, directory.object(), name).await)?;
        Ok(true)
    }
}

/// What is gone already need not go.
pub(crate) fn ignore_missing(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.errno == libc::ENOENT => Ok(()),
        result => result,
    }
}
