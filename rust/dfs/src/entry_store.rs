//! Entries of a directory as records of its object: one dkey per name.
//!
//! Beside upstream's akeys an entry can have one of our own, [`MOVE_AKEY`]. A rename changes two records, and a crash may
//! come between them: the akey lets whoever comes next see how far it got, see `rename.rs`.

use crate::error::{Result, fail};
use crate::inode::{ID_AT, INODE_LENGTH, Inode, InodeChange, MODE_AT};
use crate::path::{NAME_LENGTH_MAX, PATH_LENGTH_MAX};
use crate::quoted::quoted;
use daos_client::array::Array;
use daos_client::{
    AkeyFetch, AkeyFetched, AkeyUpdate, Anchor, Client, Conditions, Destination, EndAndNewest, FetchKind, ListLimits,
    NamePunch, NamePunched, Object, PieceState, Source, UpdateValue,
};
use daos_status::Code;
use daos_types::{Epoch, Extent, Key, ObjectId};

/// Akey of an entry's record (upstream's name).
const INODE_AKEY: &[u8] = b"DFS_INODE";
/// Akey of a symbolic link's target (upstream's name).
const SYMLINK_AKEY: &[u8] = b"DFS_SLINK";
/// Akey of the traces of a rename.
const MOVE_AKEY: &[u8] = b"DFS_MOVE";
/// What stands before the name of an extended attribute in its akey (upstream's prefix).
pub(crate) const ATTRIBUTE_PREFIX: &[u8] = b"x:";
/// Longest stored trace of a rename: two places.
const TRACE_LENGTH_MAX: usize = 2 * (1 + 16 + 2 + NAME_LENGTH_MAX);
/// Akeys listed in one request. Their bytes leave room for the longest names.
const AKEY_LISTING: ListLimits = ListLimits { count: 256, bytes: 64 * 1024 };

/// The place of an entry: a directory's object and a name in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub directory: ObjectId,
    pub name: Vec<u8>,
}

/// What renames left in an entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Trace {
    /// Where the entry is being moved to: as soon as its object is found there, it is no longer here.
    pub to: Option<Place>,
    /// Where the entry came from: what is found of it there is a remainder.
    pub from: Option<Place>,
}

impl Trace {
    pub(crate) fn is_empty(&self) -> bool {
        self.to.is_none() && self.from.is_none()
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for place in [&self.to, &self.from] {
            let Some(place) = place else {
                bytes.push(0);
                continue;
            };
            bytes.push(1);
            bytes.extend(place.directory.lo.to_le_bytes());
            bytes.extend(place.directory.hi.to_le_bytes());
            bytes.extend((place.name.len() as u16).to_le_bytes());
            bytes.extend(&place.name);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Trace> {
        let mut bytes = bytes;
        let mut take = |count: usize| bytes.split_off(..count);
        let mut place = || -> Option<Option<Place>> {
            if take(1)? == [0] {
                return Some(None);
            }
            let lo = u64::from_le_bytes(take(8)?.try_into().ok()?);
            let hi = u64::from_le_bytes(take(8)?.try_into().ok()?);
            let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
            let name = take(usize::from(length))?.to_vec();
            crate::path::check_name(&name).ok()?;
            Some(Some(Place { directory: ObjectId { lo, hi }, name }))
        };
        Some(Trace { to: place()?, from: place()? })
    }
}

/// An entry as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct StoredEntry {
    pub inode: Inode,
    /// Target of a symbolic link; empty for others.
    pub target: Vec<u8>,
    pub trace: Trace,
}

fn whole_inode() -> Extent {
    Extent::new(0, INODE_LENGTH as u64).expect("the record is not empty")
}

fn single(akey: &[u8], length_max: usize) -> Result<AkeyFetch> {
    let destination = Some(Destination::Owned(length_max as u64));
    Ok(AkeyFetch { akey: Key::new(akey)?, kind: FetchKind::Single, destination })
}

/// Reads an entry; `None` when there is none of this name.
pub(crate) async fn fetch(
    client: &Client,
    directory: &Object,
    epoch: Epoch,
    name: &[u8],
) -> Result<Option<StoredEntry>> {
    let found = directory.fetch(client, epoch, Conditions::NONE, Key::new(name)?, akeys_of_entry()?).await?;
    entry_of(found, name)
}

/// Reads an entry, and what its object tells if that can be known with the same message.
pub(crate) async fn fetch_with_content(
    client: &Client,
    directory: &Object,
    epoch: Epoch,
    name: &[u8],
) -> Result<Option<(StoredEntry, Option<EndAndNewest>)>> {
    let query = (ID_AT, Array::akey()?);
    let (found, content) = directory.fetch_then_query(client, epoch, Key::new(name)?, akeys_of_entry()?, query).await?;
    Ok(entry_of(found, name)?.map(|entry| (entry, content)))
}

/// What [`take`] found and did.
pub(crate) enum Taken {
    /// There is no entry of this name.
    Missing,
    /// The entry, which is still there: it is a directory, or a rename has left its traces in it, or it could not be taken out at once.
    Left(Box<StoredEntry>),
    /// The entry that was taken out, and whether the object of the file that it was went with it.
    Out(Box<StoredEntry>, bool),
    /// An entry was taken out, and nobody knows any more what it was: the answer was lost, and the container aggregated before it was asked for again.
    Forgotten,
}

/// Takes out an entry that is no directory, if that can be done in one message; with it the object of a file, if that is at the same target and
/// `may_take_object` says so at the moment of sending. `only_object`: no other one goes. An entry with the traces of a rename stays, unless what
/// they lead to `is_cleared`.
pub(crate) async fn take(
    client: &Client,
    directory: &Object,
    name: &[u8],
    is_cleared: bool,
    (only_object, may_take_object): (Option<ObjectId>, &dyn Fn() -> bool),
) -> Result<Option<Taken>> {
    let at = MODE_AT;
    // The bit that files and symbolic links have of their types, and directories have not.
    let only_if = (at, libc::S_IFREG, libc::S_IFREG);
    let object_if = (at, libc::S_IFMT, libc::S_IFREG);
    let without: &[u32] = if is_cleared { &[] } else { &[TRACE_INDEX] };
    let punch = NamePunch { only_if, without, at: ID_AT, only_object, object_if, may_take_object };
    let taken = directory.fetch_then_punch(client, Key::new(name)?, akeys_of_entry()?, punch).await?;
    let Some((found, punched)) = taken else { return Ok(None) };
    if punched == NamePunched::Forgotten {
        return Ok(Some(Taken::Forgotten));
    }
    let Some(entry) = entry_of(found, name)?.map(Box::new) else { return Ok(Some(Taken::Missing)) };
    Ok(Some(match punched {
        NamePunched::Nothing => Taken::Left(entry),
        NamePunched::Dkey | NamePunched::Forgotten => Taken::Out(entry, false),
        NamePunched::DkeyAndObject => Taken::Out(entry, true),
    }))
}

/// The number of [`MOVE_AKEY`] among [`akeys_of_entry`].
pub(crate) const TRACE_INDEX: u32 = 2;

/// What is read of an entry.
pub(crate) fn akeys_of_entry() -> Result<Vec<AkeyFetch>> {
    let inode = AkeyFetch {
        akey: Key::new(INODE_AKEY)?,
        kind: FetchKind::Array(vec![whole_inode()]),
        destination: Some(Destination::Owned(INODE_LENGTH as u64)),
    };
    Ok(vec![inode, single(SYMLINK_AKEY, PATH_LENGTH_MAX)?, single(MOVE_AKEY, TRACE_LENGTH_MAX)?])
}

pub(crate) fn entry_of(found: Vec<AkeyFetched>, name: &[u8]) -> Result<Option<StoredEntry>> {
    let mut found = found.into_iter();
    let (Some(record), Some(target), Some(trace)) = (found.next(), found.next(), found.next()) else {
        return Ok(None);
    };
    if record.size == 0 || !record.map.iter().any(|piece| piece.state == PieceState::Data) {
        return Ok(None);
    }
    let inode = Inode::decode(&record.bytes, name)?;
    let target = if inode.is_symlink() { target.bytes } else { Vec::new() };
    let trace = if trace.size == 0 { Some(Trace::default()) } else { Trace::decode(&trace.bytes) };
    let Some(trace) = trace else {
        fail!(libc::EIO, "the trace of a rename at {} is damaged", quoted(&name));
    };
    Ok(Some(StoredEntry { inode, target, trace }))
}

/// The akeys of an entry, which may be known to be new.
fn akeys_of(entry: &StoredEntry, is_new: bool) -> Result<Vec<AkeyUpdate>> {
    let record = if is_new { entry.inode.encode_new() } else { entry.inode.encode().to_vec() };
    let extents = Extent::new(0, record.len() as u64).into_iter().collect();
    let value = UpdateValue::Array { record_size: 1, extents, source: Source::Owned(record) };
    let mut akeys = vec![AkeyUpdate { akey: Key::new(INODE_AKEY)?, value }];
    if entry.inode.is_symlink() {
        let value = UpdateValue::Single(Source::Owned(entry.target.clone()));
        akeys.push(AkeyUpdate { akey: Key::new(SYMLINK_AKEY)?, value });
    }
    if !entry.trace.is_empty() {
        let value = UpdateValue::Single(Source::Owned(entry.trace.encode()));
        akeys.push(AkeyUpdate { akey: Key::new(MOVE_AKEY)?, value });
    }
    Ok(akeys)
}

/// Adds an entry; `EEXIST` when the name is taken: of several concurrent calls one wins.
pub(crate) async fn insert(client: &Client, directory: &Object, name: &[u8], entry: &StoredEntry) -> Result<()> {
    write(client, directory, name, entry, Vec::new(), Conditions::DKEY_INSERT).await
}

/// Writes an entry with extended attributes under a condition.
pub(crate) async fn write(
    client: &Client,
    directory: &Object,
    name: &[u8],
    entry: &StoredEntry,
    attributes: Vec<(Key, Vec<u8>)>,
    conditions: Conditions,
) -> Result<()> {
    let mut akeys = akeys_of(entry, conditions == Conditions::DKEY_INSERT)?;
    for (akey, value) in attributes {
        akeys.push(AkeyUpdate { akey, value: UpdateValue::Single(Source::Owned(value)) });
    }
    Ok(directory.update(client, conditions, Key::new(name)?, akeys).await?)
}

/// The update of some fields of a record.
pub(crate) fn change_of(change: &InodeChange) -> Result<AkeyUpdate> {
    let (extents, bytes) = change.encode();
    let value = UpdateValue::Array { record_size: 1, extents, source: Source::Owned(bytes) };
    Ok(AkeyUpdate { akey: Key::new(INODE_AKEY)?, value })
}

/// Changes fields of the record of an entry; `ENOENT` when it is gone.
pub(crate) async fn change(client: &Client, directory: &Object, name: &[u8], change: &InodeChange) -> Result<()> {
    if *change == InodeChange::default() {
        return Ok(());
    }
    let akeys = vec![change_of(change)?];
    Ok(directory.update(client, Conditions::DKEY_UPDATE, Key::new(name)?, akeys).await?)
}

/// Leaves the trace of a rename in an entry that must exist.
pub(crate) async fn set_trace(client: &Client, directory: &Object, name: &[u8], trace: &Trace) -> Result<()> {
    let value = UpdateValue::Single(Source::Owned(trace.encode()));
    let akeys = vec![AkeyUpdate { akey: Key::new(MOVE_AKEY)?, value }];
    Ok(directory.update(client, Conditions::DKEY_UPDATE, Key::new(name)?, akeys).await?)
}

/// Takes an entry out; `ENOENT` when there is none: of several concurrent calls one wins.
pub(crate) async fn punch(client: &Client, directory: &Object, name: &[u8]) -> Result<()> {
    Ok(directory.punch_dkeys(client, Conditions::PUNCH, vec![Key::new(name)?]).await?)
}

/// The akeys of an entry that `entry` does not write: extended attributes, and what another entry of the name left.
pub(crate) async fn other_akeys(
    client: &Client,
    directory: &Object,
    epoch: Epoch,
    name: &[u8],
    entry: &StoredEntry,
) -> Result<Vec<Key>> {
    let own: Vec<Key> = akeys_of(entry, false)?.into_iter().map(|update| update.akey).collect();
    let mut others = Vec::new();
    let mut anchor = Anchor::default();
    while !anchor.end {
        let listed = match directory.list_akeys(client, epoch, Key::new(name)?, &mut anchor, AKEY_LISTING).await {
            Ok(listed) => listed,
            Err(status) if status.code() == Code::Nonexist => break,
            Err(status) => return Err(status.into()),
        };
        others.extend(listed.into_iter().filter(|akey| !own.contains(akey)));
        if others.len() > crate::attributes::ATTRIBUTES_MAX {
            fail!(libc::ENOSPC, "{} has more akeys than can be handled", quoted(&name));
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Option<Place>> {
        let name = proptest::collection::vec(b'a'..=b'z', 1..NAME_LENGTH_MAX);
        proptest::option::of(
            (any::<u64>(), any::<u64>(), name)
                .prop_map(|(lo, hi, name)| Place { directory: ObjectId { lo, hi }, name }),
        )
    }

    proptest! {
        #[test]
        fn traces_round_trip((to, from) in (place(), place())) {
            let trace = Trace { to, from };
            let bytes = trace.encode();
            prop_assert!(bytes.len() <= TRACE_LENGTH_MAX);
            prop_assert_eq!(Trace::decode(&bytes), Some(trace));
        }

        #[test]
        fn any_bytes_are_a_trace_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Trace::decode(&bytes);
        }
    }

    #[test]
    fn entries_write_the_akeys_they_need() {
        let mut entry = StoredEntry::default();
        assert_eq!(akeys_of(&entry, true).expect("short keys").len(), 1);
        entry.inode.mode = libc::S_IFLNK | 0o777;
        entry.trace.to = Some(Place { directory: ObjectId::default(), name: b"x".to_vec() });
        assert_eq!(akeys_of(&entry, true).expect("short keys").len(), 3);
    }
}
