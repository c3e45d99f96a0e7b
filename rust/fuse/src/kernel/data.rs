//! Opening files, and their bytes.
#![allow(unsafe_code, reason = "bytes of a request are sent from where the kernel has put them")]

use super::attributes::without_privilege_bits;
use super::entries::Making;
use super::lookup::Told;
use super::{Caller, Descriptor, Kernel, failed};
use crate::caching::DataCache;
use crate::inodes::{Entry, Inode};
use daos_client::{ScatterList, Source};
use daos_dfs::{DfsError, FileStatus, Result, SetStatus, range};
use fuser::{FopenFlags, INodeNo};
use std::ffi::OsStr;
use std::sync::Arc;

/// Bytes that a copy between files moves at a time.
const COPY_PIECE: u64 = 1 << 20;
/// Bytes that one request to copy moves; the kernel asks again for the rest. A request must not take for ever.
const COPY_REQUEST_MAX: u64 = 64 << 20;

/// How bytes are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Writing {
    /// The set-user and set-group bits go.
    pub strip_privileges: bool,
    /// The program does not ask for stable storage, and the kernel has not gathered the bytes itself.
    pub may_wait: bool,
}

/// Counts an open until it is kept.
struct Opening<'a> {
    entry: &'a Entry,
    kept: bool,
}

impl<'a> Opening<'a> {
    /// Refuses a file whose content is gone with its last name.
    fn begin(entry: &'a Entry) -> Result<Opening<'a>> {
        let mut state = entry.state();
        if state.removed.is_some() && state.opens == 0 {
            return failed(libc::ESTALE, "the file was removed");
        }
        state.opens += 1;
        drop(state);
        Ok(Opening { entry, kept: false })
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.entry.state().opens -= 1;
        }
    }
}

impl Kernel {
    /// Opens a file. What others have changed since is seen from here on: the kernel's cache is kept when there is nothing.
    pub(super) fn open(&self, number: u64, flags: i32) -> Result<(u64, FopenFlags)> {
        let inode = self.inodes.get(number)?;
        let entry = inode.entry()?;
        if flags & libc::O_ACCMODE != libc::O_RDONLY && !entry.volume.file_system.options().writable {
            return failed(libc::EROFS, "the container cannot be changed by this user, or through this mount");
        }
        let mut opening = Opening::begin(entry)?;
        if flags & libc::O_TRUNC != 0 && flags & libc::O_ACCMODE != libc::O_RDONLY {
            self.truncate(entry, 0)?;
        }
        let before = entry.state().status;
        let status = self.fresh_status(&inode, entry, false)?;
        if !status.is_file() {
            return failed(libc::ESTALE, "the file has become something else");
        }
        opening.kept = true;
        let differs = (before.size, before.mtime) != (status.size, status.mtime);
        if differs && let Some(notifier) = self.notifier.get() {
            // The kernel believes its size for a while; before this open returns, it must not any more. Without a range no page
            // is touched, so this waits for nobody. An inode that the kernel has let go of needs no word.
            let _ignored = notifier.inval_inode(INodeNo(number), -1, 0);
        }
        let opener = entry.pending().open();
        Ok((opener, self.open_flags(entry, &status, flags) | flush_of(flags)))
    }

    /// Whether the kernel may use its cache, and may keep what it has.
    fn open_flags(&self, entry: &Entry, status: &FileStatus, flags: i32) -> FopenFlags {
        let caching = entry.volume.caching;
        let direct = flags & libc::O_DIRECT != 0 && !caching.ignore_direct;
        let version = (status.size, status.mtime);
        let now = self.env.clock.monotonic();
        let mut state = entry.state();
        let unchanged =
            state.cached == Some(version) || (state.cached.is_some() && nanoseconds(status) <= state.own_epoch);
        state.cached = Some(version);
        match caching.data {
            _ if direct => FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES,
            DataCache::Off => {
                state.cached = None;
                FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES
            }
            // Another open keeps what this one shares with it.
            _ if unchanged && state.opens > 1 => FopenFlags::FOPEN_KEEP_CACHE,
            DataCache::For(time) if unchanged && now.saturating_sub(state.closed_at) <= time => {
                FopenFlags::FOPEN_KEEP_CACHE
            }
            _ => FopenFlags::empty(),
        }
    }

    /// Makes and opens a file, or opens one that somebody else has made meanwhile.
    pub(super) fn create(
        &self,
        (parent, name): (u64, &OsStr),
        (mode, flags): (u32, i32),
        caller: Caller,
    ) -> Result<(Told, u64, FopenFlags)> {
        let told = match self.make(parent, name, Making::File, mode, caller) {
            Err(error) if error.errno == libc::EEXIST && flags & libc::O_EXCL == 0 => {
                let told = self.look_up(parent, name)?;
                let opened = self.open(told.inode.number, flags);
                return match opened {
                    Ok((opener, flags)) => Ok((told, opener, flags)),
                    Err(error) => {
                        // The kernel is not told of the entry, so it has no reference to it.
                        self.inodes.forget(told.inode.number, 1);
                        Err(error)
                    }
                };
            }
            made => made?,
        };
        let entry = told.inode.entry()?;
        entry.state().opens += 1;
        let status = entry.state().status;
        let flags = self.open_flags(entry, &status, flags) | flush_of(flags);
        let opener = entry.pending().open();
        Ok((told, opener, flags))
    }

    /// Closes a file; with the last close of one that has no name any more its content goes. Nobody hears of a failure here: the
    /// kernel has asked for it before, by [`Kernel::flush`], of each descriptor that writes.
    pub(super) fn close(&self, file: Descriptor) -> Result<()> {
        let inode = self.inodes.get(file.number)?;
        let entry = inode.entry()?;
        // While the content is still held, so that none is written after it was given up.
        self.send_gathered(entry);
        let (is_last, removed) = {
            let mut state = entry.state();
            state.opens = state.opens.saturating_sub(1);
            state.closed_at = self.env.clock.monotonic();
            (state.opens == 0, state.removed)
        };
        entry.pending().close(file.opener, is_last);
        let Some(removed) = removed.filter(|_| is_last) else { return Ok(()) };
        let volume = entry.volume.clone();
        self.run(move |client| async move { volume.file_system.discard(&client, removed).await })
    }

    /// Sends what was gathered for a file, and tells what could not be sent: `close` and `fsync`.
    pub(super) fn flush(&self, file: Descriptor) -> Result<()> {
        self.settle(self.inodes.get(file.number)?.entry()?, file.opener)
    }

    fn truncate(&self, entry: &Entry, size: u64) -> Result<()> {
        self.send_gathered(entry);
        let node = entry.node();
        let newest = self.run(move |client| async move {
            node.set_size(&client, size).await?;
            Ok::<_, DfsError>(client.newest_change().0)
        })?;
        entry.note_change(newest);
        Ok(())
    }

    /// Reads bytes; fewer at the end of the file.
    pub(super) fn read(&self, number: u64, offset: u64, length: u32, flags: i32) -> Result<Vec<u8>> {
        let inode = self.inodes.get(number)?;
        let entry = inode.entry()?;
        self.send_gathered(entry);
        let caching = entry.volume.caching;
        let is_cached = caching.data != DataCache::Off && (flags & libc::O_DIRECT == 0 || caching.ignore_direct);
        let (node, size) = {
            let state = entry.state();
            (state.node.clone(), state.told_size().filter(|_| is_cached))
        };
        // The kernel fills whole pages of its cache, and shows no more of them than the size that it was told. To read on behind
        // that would cost a question for the size.
        let length = size.map_or(u64::from(length), |size| size.saturating_sub(offset).min(u64::from(length)));
        self.run(move |client| async move { node.read(&client, offset, length).await })
    }

    /// Writes bytes, at once or, with those that follow, later.
    pub(super) fn write(&self, file: Descriptor, offset: u64, bytes: &[u8], how: Writing) -> Result<()> {
        let inode = self.inodes.get(file.number)?;
        let entry = inode.entry()?;
        if how.strip_privileges {
            self.strip_privileges(&inode, entry)?;
        }
        let Some(extent) = range(offset, bytes.len() as u64)? else { return Ok(()) };
        let gather = how.may_wait && self.choices.gather && entry.volume.caching.data != DataCache::Off;
        if gather && self.gathering.take(&self.context, (&inode, file.opener), offset, bytes)? {
            return Ok(());
        }
        self.settle(entry, file.opener)?;
        let node = entry.node();
        // SAFETY: the bytes are only read, and this thread, which holds them, returns when the write has ended.
        let list = unsafe { ScatterList::new(vec![(bytes.as_ptr().cast_mut(), bytes.len())]) };
        let newest = self.run(move |client| async move {
            node.write_ranges(&client, &[extent], Source::Memory(list)).await?;
            Ok::<_, DfsError>(client.newest_change().0)
        })?;
        entry.note_change(newest);
        Ok(())
    }

    /// A write by another than the superuser takes the set-user and set-group bits away.
    fn strip_privileges(&self, inode: &Arc<Inode>, entry: &Entry) -> Result<()> {
        let known = entry.state().status;
        let kept = without_privilege_bits(known.mode);
        if kept == known.mode {
            return Ok(());
        }
        let set = SetStatus { mode: Some(kept), ..SetStatus::default() };
        self.set_status((inode.number, None), set, Caller { uid: 0, gid: 0 }).map(drop)
    }

    /// Makes room, or a hole, or zeros. Room is not set aside: a later write can find that there is none.
    pub(super) fn allocate(&self, file: Descriptor, offset: u64, length: u64, mode: i32) -> Result<()> {
        const KEEP: i32 = libc::FALLOC_FL_KEEP_SIZE;
        const HOLE: i32 = libc::FALLOC_FL_PUNCH_HOLE | KEEP;
        const ZERO: i32 = libc::FALLOC_FL_ZERO_RANGE;
        const ZERO_KEEP: i32 = ZERO | KEEP;
        let (clears, extends) = match mode {
            0 => (false, true),
            KEEP => (false, false),
            HOLE | ZERO_KEEP => (true, false),
            ZERO => (true, true),
            _ => return failed(libc::EOPNOTSUPP, "a mode of fallocate that is not supported"),
        };
        let Some(extent) = range(offset, length)? else { return failed(libc::EINVAL, "a range without bytes") };
        let inode = self.inodes.get(file.number)?;
        let entry = inode.entry()?;
        self.settle(entry, file.opener)?;
        let node = entry.node();
        let newest = self.run(move |client| async move {
            let size = node.size(&client).await?;
            if clears && extent.start() < size {
                node.punch(&client, extent.start(), extent.count()).await?;
            }
            let wanted = if extends { size.max(extent.end()) } else { size };
            // A hole at the end has shortened the file.
            if wanted > size || (clears && extent.end() >= size && extent.start() < size) {
                node.set_size(&client, wanted).await?;
            }
            Ok::<_, DfsError>(client.newest_change().0)
        })?;
        entry.note_change(newest);
        Ok(())
    }

    /// Copies bytes from one file to another without the kernel in between; gives how many.
    pub(super) fn copy(&self, from: (u64, u64), to: (Descriptor, u64), length: u64) -> Result<u32> {
        let (source, target) = (self.inodes.get(from.0)?, self.inodes.get(to.0.number)?);
        self.send_gathered(source.entry()?);
        self.settle(target.entry()?, to.0.opener)?;
        let (source, target_entry) = (source.entry()?.node(), target.entry()?);
        let node = target_entry.node();
        let (mut from, mut to, mut left) = (from.1, to.1, length.min(COPY_REQUEST_MAX));
        let (copied, newest) = self.run(move |client| async move {
            let mut copied = 0;
            while left > 0 {
                let bytes = source.read(&client, from, left.min(COPY_PIECE)).await?;
                let count = bytes.len() as u64;
                if count == 0 {
                    break;
                }
                node.write(&client, to, bytes).await?;
                (from, to, left, copied) = (from + count, to + count, left - count, copied + count);
            }
            Ok::<_, DfsError>((copied, client.newest_change().0))
        })?;
        target_entry.note_change(newest);
        Ok(copied as u32)
    }
}

/// The close of one who only reads has nothing to tell.
fn flush_of(flags: i32) -> FopenFlags {
    if flags & libc::O_ACCMODE == libc::O_RDONLY { FopenFlags::FOPEN_NOFLUSH } else { FopenFlags::empty() }
}

/// The time of modification as an epoch of the engine, which it is unless a program has set it.
fn nanoseconds(status: &FileStatus) -> u64 {
    let seconds = u64::try_from(status.mtime.seconds).unwrap_or(u64::MAX);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(status.mtime.nanoseconds))
}
