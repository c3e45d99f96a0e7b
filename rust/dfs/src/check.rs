//! Looking for objects that no entry stands for, and giving back their space or their content.
//!
//! Files and directories are reached from the root; what the container has beside them was left by a process that ended between
//! two steps. The walk remembers the objects that it reaches, so many at a time: where there are more, objects are divided by
//! their identifiers, and the walk is made once for each part. A part that has too many all the same is divided again: what is not
//! remembered would be taken for left over.
//!
//! Nothing else may change the container meanwhile, or what is being made just now would be taken for left over.

use crate::entry_store::{self, StoredEntry};
use crate::error::{DfsError, Result, fail};
use crate::file_system::FileSystem;
use crate::inode::Inode;
use crate::listing::{Listing, Remainders};
use crate::node::Node;
use crate::superblock;
use crate::tree::Visit;
use daos_client::{Anchor, Client, Conditions, ListLimits, Object, ObjectAnchor, ObjectFlags, ObjectTable, QueryWhat};
use daos_status::Code;
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};
use std::cell::Cell;
use std::collections::HashSet;

/// Objects that the walk remembers at a time: some 200 MB.
const REMEMBERED_MAX: usize = 4 << 20;
/// The most parts that objects are divided into: enough for 2^38 of them.
const PARTS_MAX: u64 = 1 << 16;
/// Objects of the table asked for at a time.
const OBJECTS_PER_REQUEST: u32 = 4096;
/// Names of a directory that no entry stands for, and chunks of such a file, asked for at a time.
const LISTING: ListLimits = ListLimits { count: 1024, bytes: 256 * 1024 };
/// The folder below the root where what was found goes.
const LOST_AND_FOUND: &[u8] = b"lost+found";
/// The akey of a file's bytes.
const BYTES_AKEY: &[u8] = b"0";

/// What the HDF5 connector has in the part of an identifier that is the user's: "HDF", and a number in the last byte. Its files have
/// entries, which name only the first of many objects (`hdf5_vol/docs/mapping.md`). Our own objects would come to these numbers after a billion of them in
/// one mount, and then one that is left over would stay.
const HDF5_MARK: u64 = 0x0048_4446;

/// Whether an object belongs to an HDF5 file, so that nothing is known here of who needs it.
fn is_of_hdf5(id: ObjectId) -> bool {
    (id.hi & u64::from(u32::MAX)) >> 8 == HDF5_MARK
}

/// What becomes of objects that no entry stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum LeftOver {
    /// They are only told of.
    #[default]
    Stays,
    /// They are removed.
    Goes,
    /// They get names in a new folder of this name in `/lost+found`; what is in a directory among them stays there.
    IsLinked(Vec<u8>),
}

/// What a check tells as it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// No entry stands for this object.
    LeftOver(ObjectId),
    /// This object has lost what was written.
    Damaged(ObjectId),
    /// This file got a chunk size by what it holds, because the default is too small; nobody knows its own any more.
    ChunkSize(ObjectId, u64),
}

/// What a check has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    /// Entries that the walk has met.
    pub entries: u64,
    /// Objects of the container.
    pub objects: u64,
    /// Objects that no entry stood for; those within a directory that was linked count as well.
    pub left_over: u64,
    /// Objects that got a name.
    pub linked: u64,
    /// Objects that have lost what was written, where that was asked for.
    pub damaged: u64,
    /// Names that moves have left behind, whose processes ended before the last step; they are gone now, unless all was to stay.
    pub remainders: u64,
}

/// The part of all objects that an object belongs to. Parts are powers of two: dividing each in two makes `part` and `part + parts`
/// of `part`.
fn part_of(id: ObjectId, parts: u64) -> u64 {
    let mixed = (id.lo ^ id.hi.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) % parts
}

impl FileSystem {
    /// Checks a namespace, which nothing else may change meanwhile. With `verify`, everything in it is read. Findings go to
    /// `tell` one by one.
    pub async fn check(
        &self,
        client: &Client,
        left_over: LeftOver,
        verify: bool,
        tell: impl FnMut(Finding),
    ) -> Result<CheckReport> {
        self.check_within(client, left_over, verify, REMEMBERED_MAX, tell).await
    }

    /// As [`FileSystem::check`], remembering at most so many objects of the walk at a time.
    pub async fn check_within(
        &self,
        client: &Client,
        left_over: LeftOver,
        verify: bool,
        remembered_max: usize,
        mut tell: impl FnMut(Finding),
    ) -> Result<CheckReport> {
        if left_over != LeftOver::Stays {
            self.check_writable()?;
        }
        let (mut report, count) = (CheckReport::default(), Cell::new(0));
        let remainders = match left_over {
            LeftOver::Stays => Remainders::Counted(&count),
            _ => Remainders::Cleared(&count),
        };
        let how = (verify, remembered_max, remainders);
        let lost = self.find_left_over(client, &mut report, how, &mut tell).await?;
        report.remainders = count.get();
        report.left_over = lost.len() as u64;
        match left_over {
            LeftOver::Stays => lost.iter().for_each(|id| tell(Finding::LeftOver(*id))),
            LeftOver::Goes => {
                for id in lost {
                    tell(Finding::LeftOver(id));
                    let object = Object::open(self.container(), id, ObjectFlags::READ_WRITE)?;
                    object.punch(client, Conditions::NONE).await?;
                }
            }
            LeftOver::IsLinked(name) => report.linked = self.link_left_over(client, lost, &name, &mut tell).await?,
        }
        Ok(report)
    }

    /// The objects that no entry stands for, at most [`REMEMBERED_MAX`] of them: the next check finds the others.
    async fn find_left_over(
        &self,
        client: &Client,
        report: &mut CheckReport,
        (verify, remembered_max, remainders): (bool, usize, Remainders<'_>),
        tell: &mut impl FnMut(Finding),
    ) -> Result<Vec<ObjectId>> {
        let table = ObjectTable::open(self.container(), Epoch::MAX)?;
        let mut lost = Vec::new();
        let mut rest = vec![(0, 1)];
        while let Some((part, parts)) = rest.pop() {
            let Some(reached) = self.reached(client, (part, parts), (remembered_max, remainders), report).await? else {
                if parts >= PARTS_MAX {
                    fail!(libc::ENOMEM, "the file system has more objects than a check can remember");
                }
                rest.extend([(part + parts, 2 * parts), (part, 2 * parts)]);
                continue;
            };
            let mut anchor = ObjectAnchor::default();
            while !anchor.end {
                for id in table.list(client, &mut anchor, OBJECTS_PER_REQUEST).await? {
                    if part_of(id, parts) != part {
                        continue;
                    }
                    report.objects += 1;
                    if verify && self.is_damaged(client, id).await? {
                        report.damaged += 1;
                        tell(Finding::Damaged(id));
                    }
                    if !reached.contains(&id) && !is_of_hdf5(id) && lost.len() < REMEMBERED_MAX {
                        lost.push(id);
                    }
                }
            }
        }
        Ok(lost)
    }

    /// The objects of a part that entries stand for; `None` when they are too many.
    async fn reached(
        &self,
        client: &Client,
        (part, parts): (u64, u64),
        (remembered_max, remainders): (usize, Remainders<'_>),
        report: &mut CheckReport,
    ) -> Result<Option<HashSet<ObjectId>>> {
        let root = self.root_directory();
        let own = [superblock::super_object(self.container(), ObjectFlags::READ_ONLY)?.id(), root.id()];
        let mut reached = HashSet::from(own);
        report.entries = 0;
        if let Remainders::Counted(count) = remainders {
            // Each walk meets all of them.
            count.set(0);
        }
        let visit = async |visit: Visit<'_>| {
            if let Visit::Entries { entries, .. } = visit {
                report.entries += entries.len() as u64;
                let ids = entries.iter().map(|(_, entry)| entry.inode.id);
                reached.extend(ids.filter(|id| part_of(*id, parts) == part));
                if reached.len() > remembered_max + own.len() {
                    fail!(libc::E2BIG, "more objects than are remembered at a time");
                }
            }
            Ok(())
        };
        match self.walk_tree(client, (root.clone(), remainders), visit).await {
            Ok(()) => Ok(Some(reached)),
            Err(error) if error.errno == libc::E2BIG => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn is_damaged(&self, client: &Client, id: ObjectId) -> Result<bool> {
        let object = Object::open(self.container(), id, ObjectFlags::READ_ONLY)?;
        match object.verify(client, self.epoch()).await {
            Ok(()) => Ok(false),
            Err(status) if status.code() == Code::Mismatch => Ok(true),
            Err(status) => Err(status.into()),
        }
    }

    /// Gives names to objects, but those that have one in a directory among them. Gives how many got one.
    async fn link_left_over(
        &self,
        client: &Client,
        lost: Vec<ObjectId>,
        name: &[u8],
        tell: &mut impl FnMut(Finding),
    ) -> Result<u64> {
        let folder = self.folder_for_left_over(client, name).await?;
        let mut held = HashSet::new();
        for id in lost.iter().filter(|id| id.object_type() == ObjectType::MULTI_HASHED) {
            self.entries_of_lost_directory(client, *id, &mut held).await?;
        }
        let mut linked = 0;
        for id in lost {
            tell(Finding::LeftOver(id));
            let kind = match id.object_type() {
                ObjectType::ARRAY_BYTE => libc::S_IFREG | 0o600,
                ObjectType::MULTI_HASHED => libc::S_IFDIR | 0o700,
                // No file and no directory is of such a type: a program has put it there.
                _ => continue,
            };
            if held.contains(&id) {
                continue;
            }
            let mut inode = Inode { id, ..self.new_inode(client, kind) };
            if inode.is_file() {
                inode.chunk_size = self.chunk_size_of_lost_file(client, id).await?;
                if inode.chunk_size != self.attributes().chunk_size {
                    tell(Finding::ChunkSize(id, inode.chunk_size));
                }
            }
            let entry = StoredEntry { inode, ..StoredEntry::default() };
            let name = format!("{}.{}", id.hi, id.lo);
            entry_store::insert(client, folder.directory()?.object(), name.as_bytes(), &entry).await?;
            linked += 1;
        }
        Ok(linked)
    }

    async fn folder_for_left_over(&self, client: &Client, name: &[u8]) -> Result<Node> {
        let (root, unknown) = (self.root(), ObjectClass::UNKNOWN);
        let above = root.create_directories(client, LOST_AND_FOUND, 0o755, unknown).await?;
        self.create_directory(client, &above, name, 0o755, unknown).await
    }

    /// Adds the objects that stand in a directory which has lost its own name.
    async fn entries_of_lost_directory(
        &self,
        client: &Client,
        id: ObjectId,
        held: &mut HashSet<ObjectId>,
    ) -> Result<()> {
        let object = Object::open(self.container(), id, ObjectFlags::READ_ONLY)?;
        let mut listing = Listing::default();
        while !listing.is_at_end() {
            for name in object.list_dkeys(client, self.epoch(), &mut listing.anchor, LISTING).await? {
                if let Some(entry) = self.find_in(client, &object, &name).await? {
                    held.insert(entry.inode.id);
                }
            }
            if held.len() > REMEMBERED_MAX {
                fail!(libc::ENOMEM, "directories without a name have more entries than a check can remember");
            }
        }
        Ok(())
    }

    /// The default chunk size, or a greater one when a chunk holds more.
    async fn chunk_size_of_lost_file(&self, client: &Client, id: ObjectId) -> Result<u64> {
        let object = Object::open(self.container(), id, ObjectFlags::READ_ONLY)?;
        let what = QueryWhat(QueryWhat::MAX.0 | QueryWhat::RECX.0);
        let mut chunk_size = self.attributes().chunk_size;
        let mut anchor = Anchor::default();
        while !anchor.end {
            for dkey in object.list_dkeys(client, self.epoch(), &mut anchor, LISTING).await? {
                let akey = Key::new(BYTES_AKEY)?;
                match object.query_key(client, self.epoch(), what, Some(dkey), Some(akey)).await {
                    Ok(found) => chunk_size = chunk_size.max(found.extent.map_or(0, |extent| extent.end())),
                    Err(status) if status.code() == Code::Nonexist => {}
                    Err(status) => return Err(DfsError::from(status)),
                }
            }
        }
        Ok(chunk_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_divided_evenly() {
        let mut counts = [0u32; 8];
        for number in 0..8000u64 {
            counts[part_of(ObjectId { lo: 7, hi: number }, 8) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (700..1300).contains(count)), "{counts:?}");
        assert_eq!(part_of(ObjectId { lo: 1, hi: 2 }, 1), 0);
    }

    #[test]
    fn objects_of_hdf5_files_are_known_by_their_mark() {
        let id = |hi| ObjectId { lo: 5, hi };
        assert!(is_of_hdf5(id(0x0012_0034_4844_4600)));
        assert!(is_of_hdf5(id(0x4844_4603)));
        assert!(!is_of_hdf5(id(0x4844_4600_0000_0000)));
        assert!(!is_of_hdf5(id(0)));
    }

    #[test]
    fn what_a_part_is_divided_into_is_all_of_it() {
        for number in 0..1000u64 {
            let id = ObjectId { lo: number, hi: number << 32 };
            for parts in [1, 2, 64, PARTS_MAX / 2] {
                let part = part_of(id, parts);
                assert!([part, part + parts].contains(&part_of(id, 2 * parts)), "{number} of {parts}");
            }
        }
    }
}
