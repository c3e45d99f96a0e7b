//! What `stat` tells and changes, and extended attributes.

use super::lookup::attributes_of;
use super::{Caller, Kernel, failed};
use crate::counts::TRAFFIC_ATTRIBUTE;
use crate::inodes::{Entry, Inode, ROOT, What};
use crate::places::link_to;
use daos_dfs::{DfsError, FileStatus, LINK_ATTRIBUTE, Node, Result, SetAttribute, SetStatus};
use fuser::FileAttr;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Extended attributes of the kernel that are not stored: access control lists other than permission bits.
const NOT_STORED: &[u8] = b"system.";

impl Kernel {
    /// What `stat` tells, and how long it is believed.
    pub(super) fn status(&self, number: u64) -> Result<(FileAttr, Duration)> {
        let inode = self.inodes.get(number)?;
        let What::Entry(entry) = &inode.what else { return Ok((self.place_attributes(number), Duration::ZERO)) };
        if let Some((status, left)) = self.known_directory(entry) {
            return Ok((attributes_of(number, &status), left));
        }
        let is_open = entry.state().opens > 0;
        let status = self.fresh_status(&inode, entry, is_open)?;
        Ok((attributes_of(number, &status), entry.volume.caching.attributes))
    }

    /// What `stat` tells of a directory that the engine was asked about not long ago, and for how long that is still believed. The
    /// kernel asks after each entry that it has made or removed there, since the times are others; we know these.
    fn known_directory(&self, entry: &Entry) -> Option<(FileStatus, Duration)> {
        let state = entry.state();
        let asked_at = state.asked_at.filter(|_| state.status.is_directory() && state.removed.is_none())?;
        let age = self.env.clock.monotonic().saturating_sub(asked_at);
        let left = entry.volume.caching.attributes.checked_sub(age).filter(|left| !left.is_zero())?;
        Some((state.status, left))
    }

    /// Asks what `stat` tells now. Of a file without a name it is what was known last, with the size that it has: when its name
    /// was taken away through this mount, and when by somebody else, if `is_open` says that it is open here.
    pub(super) fn fresh_status(&self, inode: &Inode, entry: &Entry, is_open: bool) -> Result<FileStatus> {
        self.send_gathered(entry);
        let asked = (self.env.clock.monotonic(), entry.volume.changes.load(Ordering::SeqCst));
        let (node, known, removed) = {
            let state = entry.state();
            (state.node.clone(), state.status, state.removed.is_some())
        };
        let status: Result<FileStatus> = self.run(move |client| async move {
            let found = if removed { failed(libc::ENOENT, "it has no name") } else { node.status(&client).await };
            match found {
                Err(error) if error.errno == libc::ENOENT && (removed || is_open) => {
                    let size = if node.is_file() { node.size(&client).await? } else { known.size };
                    Ok(FileStatus { size, ..known })
                }
                // Somebody has moved or removed it: the kernel looks the name up again.
                Err(error) if error.errno == libc::ENOENT => {
                    Err(DfsError::new(libc::ESTALE, "the entry is not where it was"))
                }
                found => found,
            }
        });
        Ok(self.notice(inode, status?, asked))
    }

    /// Changes what `stat` tells, for who has the file open where that is known.
    pub(super) fn set_status(
        &self,
        (number, opener): (u64, Option<u64>),
        set: SetStatus,
        caller: Caller,
    ) -> Result<(FileAttr, Duration)> {
        let inode = self.inodes.get(number)?;
        let entry = inode.entry()?;
        match opener {
            Some(opener) => self.settle(entry, opener)?,
            None => self.send_gathered(entry),
        }
        let (node, known, removed) = {
            let state = entry.state();
            (state.node.clone(), state.status, state.removed.is_some())
        };
        let set = without_privileges(set, &known, caller);
        let asked = (self.env.clock.monotonic(), entry.volume.changes.load(Ordering::SeqCst));
        let (status, newest) = self.run(move |client| async move {
            let status = if removed {
                set_removed(&client, &node, known, set).await?
            } else if set == SetStatus::default() {
                node.status(&client).await?
            } else {
                node.set_status(&client, set).await?
            };
            Ok::<_, DfsError>((status, client.newest_change().0))
        })?;
        let status = self.notice(&inode, status, asked);
        if set.mtime.is_some() && status.is_directory() {
            // Changes before this one count no more.
            entry.state().own_epoch = 0;
        }
        entry.note_change(if set.size.is_some() { newest } else { 0 });
        Ok((attributes_of(number, &status), entry.volume.caching.attributes))
    }

    /// Sets an extended attribute.
    pub(super) fn set_attribute(&self, number: u64, name: &OsStr, value: &[u8], flags: i32) -> Result<()> {
        let inode = self.inodes.get(number)?;
        let entry = inode.entry()?;
        let (node, name) = (entry.node(), stored_name(name)?);
        let set = match flags {
            0 => SetAttribute::Always,
            libc::XATTR_CREATE => SetAttribute::Create,
            libc::XATTR_REPLACE => SetAttribute::Replace,
            _ => return failed(libc::EINVAL, "flags of an extended attribute that exclude each other"),
        };
        {
            let mut state = entry.state();
            state.given_attributes = true;
            state.may_be_link |= name == LINK_ATTRIBUTE.as_bytes();
        }
        let value = value.to_vec();
        self.run(move |client| async move { node.set_attribute(&client, &name, value, set).await })
    }

    /// Reads an extended attribute. The root of a container says which one it is, as if it were a link to it: so the tools take any
    /// path of a mount.
    pub(super) fn attribute(&self, number: u64, name: &OsStr) -> Result<Vec<u8>> {
        let inode = self.inodes.get(number)?;
        if number == ROOT && name.as_bytes() == TRAFFIC_ATTRIBUTE {
            return Ok(self.traffic().into_bytes());
        }
        let What::Entry(entry) = &inode.what else { return failed(libc::ENODATA, "a directory of containers") };
        let (node, name) = (entry.node(), stored_name(name)?);
        if name == LINK_ATTRIBUTE.as_bytes() && node.id() == entry.volume.file_system.root().id() {
            return Ok(link_to(entry.volume.file_system.container()).into_bytes());
        }
        if self.is_bare(entry) {
            return failed(libc::ENODATA, "it was just made");
        }
        self.run(move |client| async move { node.attribute(&client, &name).await })
    }

    /// The requests so far, and the messages over the connection that there is now.
    fn traffic(&self) -> String {
        let messages = self.run(|client| async move { client.traffic().unwrap_or_default().sent_messages });
        self.counts.tell(messages)
    }

    /// Whether an entry is known to have no extended attributes, for as long as what `stat` tells is believed: the kernel asks
    /// at the first write of each file.
    fn is_bare(&self, entry: &Entry) -> bool {
        let made = {
            let state = entry.state();
            state.made_at.filter(|_| !state.given_attributes)
        };
        made.is_some_and(|made| self.env.clock.monotonic().saturating_sub(made) < entry.volume.caching.attributes)
    }

    /// The names of the extended attributes, each with a zero behind it.
    pub(super) fn attribute_names(&self, number: u64) -> Result<Vec<u8>> {
        let inode = self.inodes.get(number)?;
        let What::Entry(entry) = &inode.what else { return Ok(Vec::new()) };
        if self.is_bare(entry) {
            return Ok(Vec::new());
        }
        let node = entry.node();
        let names = self.run(move |client| async move { node.attribute_names(&client).await })?;
        Ok(names.into_iter().flat_map(|name| name.into_iter().chain([0])).collect())
    }

    /// Removes an extended attribute.
    pub(super) fn remove_attribute(&self, number: u64, name: &OsStr) -> Result<()> {
        let inode = self.inodes.get(number)?;
        let (node, name) = (inode.entry()?.node(), stored_name(name)?);
        self.run(move |client| async move { node.remove_attribute(&client, &name).await })
    }
}

fn stored_name(name: &OsStr) -> Result<Vec<u8>> {
    let name = name.as_bytes();
    if name.starts_with(NOT_STORED) {
        return failed(libc::EOPNOTSUPP, "access control lists other than permission bits are not supported");
    }
    Ok(name.to_vec())
}

/// A change of owner, and one of the size by another than the superuser, takes the set-user and set-group bits of files away.
pub(super) fn without_privileges(mut set: SetStatus, known: &FileStatus, caller: Caller) -> SetStatus {
    let owner = set.uid.is_some() || set.gid.is_some();
    let size = set.size.is_some() && caller.uid != 0;
    if set.mode.is_none() && known.is_file() && (owner || size) {
        let kept = without_privilege_bits(known.mode);
        if kept != known.mode {
            set.mode = Some(kept);
        }
    }
    set
}

/// The set-group bit of a file that its group may not execute has another meaning (locks that must be kept).
pub(super) fn without_privilege_bits(mode: u32) -> u32 {
    let group = if mode & libc::S_IXGRP != 0 { libc::S_ISGID } else { 0 };
    mode & !(libc::S_ISUID | group)
}

/// Changes an open file that has no name any more: its record lives here alone.
async fn set_removed(
    client: &daos_client::Client,
    node: &Node,
    known: FileStatus,
    set: SetStatus,
) -> Result<FileStatus> {
    if let Some(size) = set.size {
        node.set_size(client, size).await?;
    }
    let mode = set.mode.map_or(known.mode, |mode| (known.mode & libc::S_IFMT) | (mode & 0o7777));
    let size = if node.is_file() { node.size(client).await? } else { known.size };
    Ok(FileStatus {
        mode,
        size,
        uid: set.uid.unwrap_or(known.uid),
        gid: set.gid.unwrap_or(known.gid),
        mtime: set.mtime.unwrap_or(known.mtime),
        ..known
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_go_with_the_owner_and_with_a_size_set_by_others() {
        let known = FileStatus { mode: libc::S_IFREG | 0o6755, ..FileStatus::default() };
        let (root, user) = (Caller { uid: 0, gid: 0 }, Caller { uid: 7, gid: 7 });
        let size = SetStatus { size: Some(0), ..SetStatus::default() };
        let owner = SetStatus { uid: Some(1), ..SetStatus::default() };
        assert_eq!(without_privileges(size, &known, root).mode, None);
        assert_eq!(without_privileges(size, &known, user).mode, Some(libc::S_IFREG | 0o755));
        assert_eq!(without_privileges(owner, &known, root).mode, Some(libc::S_IFREG | 0o755));
        let locking = FileStatus { mode: libc::S_IFREG | 0o2745, ..known };
        assert_eq!(without_privileges(owner, &locking, root).mode, None);
    }
}
