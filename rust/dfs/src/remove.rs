//! Removing entries.
//!
//! The entry goes first, then its object: no name ever stands for an object whose content is gone. A crash between the two
//! leaves an object that no name stands for; its space is lost until a check of the container finds it.

use crate::directory::Directory;
use crate::entry_store::{self, StoredEntry};
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
use std::pin::Pin;

/// Entries that a recursive removal works on at a time.
const REMOVALS_IN_FLIGHT_MAX: usize = 32;
/// Directories within directories that a recursive removal enters; deeper ones need more than one call.
const DEPTH_MAX: u32 = 1024;

impl FileSystem {
    /// Removes an entry; a directory that is not empty only with `recursive`, and then all that is in it. Gives the
    /// identifier of the object that went. Durable when it returns.
    pub async fn remove(&self, client: &Client, parent: &Node, name: &[u8], recursive: bool) -> Result<ObjectId> {
        check_name(name)?;
        self.check_writable()?;
        let doing = |error: crate::DfsError| error.while_doing(format_args!("removing {}", quoted(&name)));
        self.remove_entry(client, parent.directory()?, name, recursive, 0).await.map_err(doing)
    }

    async fn remove_entry(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        recursive: bool,
        depth: u32,
    ) -> Result<ObjectId> {
        let Some(entry) = self.find(client, directory, name).await? else {
            self.clear_remainder(client, directory, name).await?;
            fail!(libc::ENOENT, "{}", quoted(&name));
        };
        if entry.inode.is_directory() {
            let child = node::child(self, directory.clone(), name, &entry)?;
            if recursive {
                if depth == DEPTH_MAX {
                    fail!(libc::ELOOP, "{} is deeper than {DEPTH_MAX} directories", quoted(&name));
                }
                let below: Pin<Box<dyn Future<Output = Result<()>>>> =
                    Box::pin(self.remove_all(client, &child, depth + 1));
                below.await?;
            }
            self.check_empty(client, &child).await?;
        }
        self.clear_origin(client, &entry).await?;
        entry_store::punch(client, directory.object(), name).await?;
        self.discard_object(client, &entry.inode).await?;
        Ok(entry.inode.id)
    }

    /// Removes everything in a directory.
    async fn remove_all(&self, client: &Client, directory: &Directory, depth: u32) -> Result<()> {
        let mut listing = Listing::default();
        while !listing.is_at_end() {
            let names = self.list(client, directory, &mut listing, NAMES_PER_REQUEST).await?;
            let removals = names.iter().map(|name| async move {
                match self.remove_entry(client, directory, name, true, depth).await {
                    // Somebody else was faster.
                    Err(error) if error.errno == libc::ENOENT => Ok(()),
                    result => result.map(drop),
                }
            });
            // One at a time further down: the bound is for the whole, not for each level.
            let limit = if depth == 1 { REMOVALS_IN_FLIGHT_MAX } else { 4 };
            run_bounded(limit, removals).await?;
        }
        Ok(())
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
        if inode.is_symlink() {
            return Ok(());
        }
        let object = Object::open(self.container(), inode.id, self.object_flags())?;
        Ok(object.punch(client, Conditions::NONE).await?)
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
        let stored = entry_store::fetch(client, directory.object(), self.epoch(), name).await?;
        let Some(StoredEntry { inode, trace, .. }) = stored else { return Ok(false) };
        let Some(to) = trace.to else { return Ok(false) };
        if !self.is_at(client, inode.id, &to).await? {
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
