//! Making, moving and removing entries.

use super::lookup::Told;
use super::{Caller, Kernel, failed};
use crate::inodes::{Entry, Inode};
use daos_dfs::{DfsError, NewEntry, Removed, Replace, Result, Seen};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// What is made under a new name.
pub(super) enum Making {
    /// An empty file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this.
    Symlink(Vec<u8>),
}

impl Kernel {
    /// Permission bits and owner of a new entry: in a directory with the set-group bit, its group.
    fn new_entry(&self, parent: &Entry, making: &Making, mode: u32, caller: Caller) -> NewEntry {
        let directory = parent.state().status;
        let inherits = directory.mode & libc::S_ISGID != 0;
        let own = parent.volume.file_system.options();
        let (uid, gid) = if self.choices.multi_user { (caller.uid, caller.gid) } else { (own.uid, own.gid) };
        let gid = if inherits { directory.gid } else { gid };
        let mode = match making {
            Making::Directory if inherits => mode | libc::S_ISGID,
            _ => mode,
        };
        NewEntry { mode: mode & 0o7777, owner: Some((uid, gid)) }
    }

    /// Makes an entry.
    pub(super) fn make(&self, parent: u64, name: &OsStr, making: Making, mode: u32, caller: Caller) -> Result<Told> {
        let directory = self.inodes.get(parent)?;
        let entry = directory.entry()?;
        let new = self.new_entry(entry, &making, mode, caller);
        let began = self.env.clock.monotonic();
        let (volume, node, name) = (entry.volume.clone(), entry.node(), name.as_bytes().to_vec());
        let (seen, newest): (Seen, u64) = self.run(move |client| async move {
            let system = &volume.file_system;
            let made = match making {
                Making::File => system.make_file(&client, &node, &name, new).await,
                Making::Directory => system.make_directory(&client, &node, &name, new).await,
                Making::Symlink(target) => system.make_symlink(&client, &node, &name, (&target, new)).await,
            };
            Ok::<_, DfsError>((made?, client.newest_change().0))
        })?;
        entry.note_entries_changed(newest);
        // It is new: nobody can have changed it before the kernel knows it.
        let told = self.tell(&entry.volume, parent, seen, u64::MAX);
        {
            let mut state = told.inode.entry()?.state();
            (state.made_at, state.asked_at) = (Some(began), Some(began));
        }
        Ok(told)
    }

    /// The target of a symbolic link.
    pub(super) fn target(&self, number: u64) -> Result<Vec<u8>> {
        let inode = self.inodes.get(number)?;
        let node = inode.entry()?.node();
        Ok(node.target()?.to_vec())
    }

    /// Takes a name out. The content goes at once, if it can with the same message, or with the last close. Who opens the file meanwhile has
    /// asked for it after the removal was sent, and finds that it is gone, or has counted the open before.
    pub(super) fn remove(&self, parent: u64, name: &OsStr) -> Result<()> {
        let directory = self.inodes.get(parent)?;
        let entry = directory.entry()?;
        let (volume, node, name) = (entry.volume.clone(), entry.node(), name.as_bytes().to_vec());
        let known = self.inodes.by_name(parent, &name);
        let (removed, newest) = self.run(move |client| async move {
            let known = known.as_ref().and_then(|inode| inode.entry().ok());
            let is_closed = || known.is_some_and(|known| known.state().opens == 0);
            let content = known.map(|known| (known.id, &is_closed as &dyn Fn() -> bool));
            let removed = volume.file_system.remove_name(&client, &node, &name, content).await?;
            Ok::<_, DfsError>((removed, client.newest_change().0))
        })?;
        entry.note_entries_changed(newest);
        self.after_removal(entry, removed)
    }

    /// Gives up the content of what was removed, unless it is open.
    fn after_removal(&self, directory: &Entry, removed: Removed) -> Result<()> {
        let volume = directory.volume.clone();
        if let Some(inode) = self.inodes.by_object(volume.index, removed.id) {
            self.inodes.detach(&volume, removed.id);
            let mut state = inode.entry()?.state();
            state.removed = Some(removed);
            if state.opens > 0 {
                return Ok(());
            }
        }
        self.run(move |client| async move { volume.file_system.discard(&client, removed).await })
    }

    /// Moves an entry, or exchanges two.
    pub(super) fn rename(&self, from: (u64, &OsStr), to: (u64, &OsStr), flags: u32) -> Result<()> {
        let (old, new) = (self.inodes.get(from.0)?, self.inodes.get(to.0)?);
        let (old_entry, new_entry) = (old.entry()?, new.entry()?);
        if !Arc::ptr_eq(&old_entry.volume, &new_entry.volume) {
            return failed(libc::EXDEV, "the two names are in different containers");
        }
        let (old_node, new_node) = (self.inodes.current_node(&old)?, self.inodes.current_node(&new)?);
        let (old_name, new_name) = (from.1.as_bytes().to_vec(), to.1.as_bytes().to_vec());
        let volume = old_entry.volume.clone();
        let replace = match flags {
            0 => Replace::Allowed,
            libc::RENAME_NOREPLACE => Replace::Never,
            libc::RENAME_EXCHANGE => {
                let moved = self.run(move |client| async move {
                    let system = &volume.file_system;
                    let first = system.see(&client, &old_node, &old_name).await?;
                    let second = system.see(&client, &new_node, &new_name).await?;
                    system.exchange(&client, (&old_node, &old_name), (&new_node, &new_name)).await?;
                    Ok::<_, DfsError>((first.status.id, second.status.id))
                })?;
                old_entry.forget_status();
                new_entry.forget_status();
                self.moved(&new, to.1, moved.0)?;
                return self.moved(&old, from.1, moved.1);
            }
            _ => return failed(libc::EINVAL, "a flag of renameat2 that is not supported"),
        };
        // The content of what is replaced goes as that of what is removed.
        let known = self.inodes.by_name(to.0, &new_name);
        let (renamed, newest) = self.run(move |client| async move {
            let (old, new) = ((&old_node, &old_name[..]), (&new_node, &new_name[..]));
            let known = known.as_ref().and_then(|inode| inode.entry().ok());
            let is_closed = || known.is_some_and(|known| known.state().opens == 0);
            let content = known.map(|known| (known.id, &is_closed as &dyn Fn() -> bool));
            let renamed = volume.file_system.rename_name(&client, old, new, replace, content).await?;
            Ok::<_, DfsError>((renamed, client.newest_change().0))
        })?;
        for directory in [old_entry, new_entry] {
            match renamed.is_one_change {
                true => directory.note_entries_changed(newest),
                false => directory.forget_status(),
            }
        }
        self.moved(&new, to.1, renamed.id)?;
        match renamed.replaced {
            Some(removed) => self.after_removal(new_entry, removed),
            None => Ok(()),
        }
    }

    /// An entry stands at another place now.
    fn moved(&self, directory: &Inode, name: &OsStr, id: daos_types::ObjectId) -> Result<()> {
        let parent = directory.entry()?;
        let Some(inode) = self.inodes.by_object(parent.volume.index, id) else { return Ok(()) };
        let parent_node = self.inodes.current_node(directory)?;
        let node = inode.entry()?.node().found_at(&parent_node, name.as_bytes())?;
        self.inodes.move_to(&inode, directory.number, node)
    }
}
