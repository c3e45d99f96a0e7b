//! Finding entries, and what the kernel is told of them.

use super::{Kernel, failed};
use crate::caching::Caching;
use crate::inodes::{Inode, Inodes, What};
use crate::places::{Places, Volume, parse_link};
use daos_client::Client;
use daos_dfs::{DfsError, FileStatus, LINK_ATTRIBUTE, Result, Seen, Timestamp};
use daos_types::Reference;
use fuser::{FileAttr, FileType, INodeNo};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// Largest size of reads and writes that is preferred, in bytes: what one request of the kernel carries.
const BLOCK_SIZE_MAX: u64 = 1 << 20;
/// Bytes of a directory of pools or containers, as `stat` tells it.
const PLACE_SIZE: u64 = 4096;

/// What the kernel is told of an entry.
pub struct Told {
    /// The inode.
    pub inode: Arc<Inode>,
    /// What `stat` tells.
    pub attributes: FileAttr,
    /// How long that is believed.
    pub attribute_time: Duration,
    /// How long the name is believed.
    pub entry_time: Duration,
}

impl Kernel {
    /// Finds a name in a directory.
    pub(super) fn look_up(&self, parent: u64, name: &OsStr) -> Result<Told> {
        let directory = self.inodes.get(parent)?;
        match &directory.what {
            What::System => self.look_up_pool(name),
            What::Pool(pool) => {
                let reference = reference(name)?;
                let (places, pool) = (self.places.clone(), pool.clone());
                let (volume, seen) = self.run(move |client| async move {
                    let volume = places.volume(&client, &pool, &reference).await?;
                    let seen = root_of(&client, &volume).await?;
                    Ok::<_, DfsError>((volume, seen))
                })?;
                // What is told of a directory cannot be overtaken: its size does not change.
                Ok(self.tell(&volume, parent, seen, u64::MAX))
            }
            What::Entry(entry) => {
                let (volume, places, node) = (entry.volume.clone(), self.places.clone(), entry.node());
                let name = name.as_bytes().to_vec();
                let known = self.known_directories(&volume);
                let changes = volume.changes.load(Ordering::SeqCst);
                let (volume, seen) = self.run(move |client| async move {
                    let seen = volume.file_system.see(&client, &node, &name).await?;
                    follow_link(&client, &places, volume, seen, known).await
                })?;
                Ok(self.tell(&volume, parent, seen, changes))
            }
        }
    }

    fn look_up_pool(&self, name: &OsStr) -> Result<Told> {
        let (places, reference) = (self.places.clone(), reference(name)?);
        let pool = self.run(move |client| async move { places.pool(&client, &reference).await })?;
        Ok(self.tell_place(self.inodes.remember_pool(&pool)))
    }

    /// A test of whether a directory is known to be no link to another container.
    fn known_directories(&self, volume: &Volume) -> impl FnOnce(&Seen) -> bool + Send + 'static + use<> {
        let index = volume.index;
        let inodes = self.inodes.clone();
        move |seen| {
            let inode = inodes.by_object(index, seen.status.id);
            inode.is_some_and(|inode| inode.entry().is_ok_and(|entry| !entry.state().may_be_link))
        }
    }

    /// Remembers an entry, and says what the kernel is to be told. `changes` is what the volume had counted when the entry was
    /// asked about.
    pub(super) fn tell(&self, volume: &Arc<Volume>, parent: u64, seen: Seen, changes: u64) -> Told {
        let mut status = seen.status;
        let inode = self.inodes.remember(volume, parent, seen);
        if let Ok(entry) = inode.entry()
            && entry.has_changed_since(changes)
        {
            status = self.fresh_status(&inode, entry, true).unwrap_or(status);
        }
        let attributes = attributes_of(inode.number, &status);
        let Caching { attributes: attribute_time, .. } = volume.caching;
        Told { attributes, attribute_time, entry_time: entry_time(&volume.caching, &status), inode }
    }

    fn tell_place(&self, inode: Arc<Inode>) -> Told {
        let caching = if self.places.caching_off { Caching::NONE } else { Caching::DEFAULT };
        let attributes = self.place_attributes(inode.number);
        Told { inode, attributes, attribute_time: caching.attributes, entry_time: caching.directories }
    }

    /// What `stat` tells of a directory of pools or containers.
    pub(super) fn place_attributes(&self, number: u64) -> FileAttr {
        let (uid, gid) = crate::system_calls::owner_of_process();
        let mode = libc::S_IFDIR | 0o555;
        let now = Timestamp::from_nanoseconds(self.env.clock.wall_nanoseconds());
        let status = FileStatus {
            mode,
            uid,
            gid,
            size: PLACE_SIZE,
            block_size: PLACE_SIZE,
            mtime: now,
            ctime: now,
            ..FileStatus::default()
        };
        attributes_of(number, &status)
    }

    /// Takes note of what `stat` tells, asked for at this time and when the volume had counted so many changes; gives what is to be
    /// told.
    pub(super) fn notice(&self, inode: &Inode, status: FileStatus, (time, changes): (Duration, u64)) -> FileStatus {
        let Ok(entry) = inode.entry() else { return status };
        let mut state = entry.state();
        state.status = status;
        state.size_asked = Some(changes);
        if status.is_directory() {
            state.asked_at = Some(time);
            // Entries have come or gone meanwhile: it may have been asked before.
            if state.changed_at > changes {
                state.follow_changes();
            }
        }
        state.status
    }

    /// How long names that are missing in a directory are not asked for again.
    pub(super) fn missing_time(&self, parent: u64) -> Duration {
        let inode = self.inodes.get(parent).ok();
        inode.and_then(|inode| Some(inode.entry().ok()?.volume.caching.missing)).unwrap_or_default()
    }
}

/// How long a name is believed.
fn entry_time(caching: &Caching, status: &FileStatus) -> Duration {
    if status.is_directory() { caching.directories } else { caching.entries }
}

/// A pool or container by its name as a directory.
fn reference(name: &OsStr) -> Result<Reference> {
    match name.to_str().and_then(|name| Reference::parse(name).ok()) {
        Some(reference) => Ok(reference),
        None => failed(libc::ENOENT, "neither a label nor a UUID"),
    }
}

/// The root of a namespace and what `stat` tells of it.
pub(crate) async fn root_of(client: &Client, volume: &Volume) -> Result<Seen> {
    let node = volume.file_system.root();
    let status = node.status(client).await?;
    Ok(Seen { node, status })
}

/// The root of another container, where a directory is a link to it; else the entry itself.
async fn follow_link(
    client: &Client,
    places: &Places,
    volume: Arc<Volume>,
    seen: Seen,
    is_known: impl FnOnce(&Seen) -> bool,
) -> Result<(Arc<Volume>, Seen)> {
    if !seen.status.is_directory() || is_known(&seen) {
        return Ok((volume, seen));
    }
    let value = match seen.node.attribute(client, LINK_ATTRIBUTE.as_bytes()).await {
        Ok(value) => value,
        Err(error) if error.errno == libc::ENODATA => return Ok((volume, seen)),
        Err(error) => return Err(error),
    };
    let Some((pool, container)) = parse_link(&value) else { return Ok((volume, seen)) };
    let pool = places.pool(client, &pool).await?;
    let other = places.volume(client, &pool, &container).await?;
    let root = root_of(client, &other).await?;
    Ok((other, root))
}

/// What `stat` tells, for the kernel.
pub(super) fn attributes_of(number: u64, status: &FileStatus) -> FileAttr {
    let mtime = system_time(status.mtime);
    FileAttr {
        ino: INodeNo(number),
        size: status.size,
        blocks: status.blocks(),
        // Times of access are not kept.
        atime: mtime,
        mtime,
        ctime: system_time(status.ctime),
        crtime: mtime,
        kind: kind_of(status.mode),
        perm: (status.mode & 0o7777) as u16,
        // A directory with one link tells programs that links do not count its directories.
        nlink: 1,
        uid: status.uid,
        gid: status.gid,
        rdev: 0,
        blksize: status.block_size.clamp(512, BLOCK_SIZE_MAX) as u32,
        flags: 0,
    }
}

/// The type of an entry by its mode.
pub(super) fn kind_of(mode: u32) -> FileType {
    match mode & libc::S_IFMT {
        libc::S_IFDIR => FileType::Directory,
        libc::S_IFLNK => FileType::Symlink,
        _ => FileType::RegularFile,
    }
}

/// A moment as the standard library has it.
fn system_time(time: Timestamp) -> SystemTime {
    let nanoseconds = Duration::from_nanos(u64::from(time.nanoseconds));
    let seconds = Duration::from_secs(time.seconds.unsigned_abs());
    let whole = match time.seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(seconds),
        _ => SystemTime::UNIX_EPOCH.checked_sub(seconds),
    };
    whole.and_then(|whole| whole.checked_add(nanoseconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A moment that the kernel names.
pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp { seconds: since.as_secs() as i64, nanoseconds: since.subsec_nanos() },
        Err(before) => {
            let before = before.duration();
            let (seconds, nanoseconds) = (before.as_secs() as i64, before.subsec_nanos());
            match nanoseconds {
                0 => Timestamp { seconds: -seconds, nanoseconds: 0 },
                _ => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
            }
        }
    }
}

/// The root of a mount: of all pools, of one pool, or of a container.
pub(crate) fn root_inode(volume: &Arc<Volume>, status: FileStatus) -> What {
    What::Entry(Inodes::root_entry(volume, crate::inodes::ROOT, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_go_there_and_back() {
        for time in [(0, 0), (1, 5), (-1, 0), (-5, 999_999_999), (1 << 34, 1)] {
            let time = Timestamp { seconds: time.0, nanoseconds: time.1 };
            assert_eq!(timestamp(system_time(time)), time);
        }
    }
}
