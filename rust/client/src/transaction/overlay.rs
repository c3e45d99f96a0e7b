//! What a transaction has changed itself, put over what it reads.

use super::{Change, Write};
use crate::{AkeyFetch, AkeyFetched, Client, Conditions, Destination, FetchKind, MapPiece, Object, PieceState};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent, Key, ObjectId};
use daos_wire::{PunchKind, UpdateKind};

/// Records of an array that the transaction has written or punched.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Patch {
    extent: Extent,
    /// `None` for a punch.
    bytes: Option<Vec<u8>>,
}

/// What a transaction has done to an akey.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Overlay {
    /// What was there before is punched.
    hides: bool,
    single: Option<Vec<u8>>,
    record_size: u64,
    /// In the order in which they were written: of those that overlap, the later one counts.
    patches: Vec<Patch>,
}

/// A part of what was asked for, and where its bytes come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Part<'a> {
    extent: Extent,
    state: PieceState,
    /// Of the transaction itself; what has none is of the target.
    bytes: Option<&'a [u8]>,
    /// The first record in what the target gave.
    below: u64,
}

impl Overlay {
    pub(super) fn of(writes: &[Write], object: ObjectId, dkey: &Key, akey: &Key) -> Overlay {
        let mut overlay = Overlay::default();
        for write in writes.iter().filter(|write| write.object.id() == object) {
            match &write.change {
                Change::Update(of, akeys) if of == dkey => {
                    let own = akeys.iter().filter(|(update, _)| update.akey == *akey);
                    own.for_each(|(update, bytes)| overlay.add(&update.value, bytes));
                }
                Change::Update(..) => {}
                Change::Punch(what) if hides(what, dkey, Some(akey)) => {
                    overlay = Overlay { hides: true, ..Overlay::default() };
                }
                Change::Punch(_) => {}
            }
        }
        overlay
    }

    fn add(&mut self, value: &UpdateKind, bytes: &[u8]) {
        match value {
            UpdateKind::Single(_) => self.single = Some(bytes.to_vec()),
            UpdateKind::PunchExtents(extents) => {
                self.patches.extend(extents.iter().map(|extent| Patch { extent: *extent, bytes: None }));
            }
            UpdateKind::Array(array) => {
                self.record_size = array.record_size;
                let mut position = 0;
                for extent in &array.extents {
                    let end = position + (extent.count() * array.record_size) as usize;
                    let bytes = bytes.get(position..end).map(<[u8]>::to_vec);
                    self.patches.push(Patch { extent: *extent, bytes });
                    position = end;
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Overlay::default()
    }

    /// Reads what the target has, and puts this over it.
    pub(super) async fn fetch(
        self,
        client: &Client,
        reader: &Object,
        dkey: &Key,
        akey: AkeyFetch,
    ) -> Result<AkeyFetched> {
        let AkeyFetch { akey, kind, destination } = akey;
        let below = match self.hides || (self.single.is_some() && matches!(kind, FetchKind::Single)) {
            true => None,
            false => Some(read_below(client, reader, dkey, &akey, &kind).await?),
        };
        match kind {
            FetchKind::Single => {
                let value = match self.single {
                    Some(value) => value,
                    None => below.map(|found| found.bytes).unwrap_or_default(),
                };
                give_single(value, destination, &akey)
            }
            FetchKind::Array(extents) => self.give_array(below, &extents, destination, &akey),
        }
    }

    /// The parts of what was asked for, in its order.
    fn parts<'a>(&'a self, below: &[MapPiece], extents: &[Extent], record_size: u64) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let mut position = 0;
        let hidden: Vec<MapPiece>;
        let below = if below.is_empty() {
            hidden = extents.iter().map(|extent| MapPiece { extent: *extent, state: PieceState::Hole }).collect();
            &hidden
        } else {
            below
        };
        for piece in below {
            parts.push(Part { extent: piece.extent, state: piece.state, bytes: None, below: position });
            position += piece.extent.count();
        }
        for patch in &self.patches {
            parts = parts.into_iter().flat_map(|part| cut(part, patch, record_size)).collect();
        }
        parts
    }

    fn give_array(
        &self,
        below: Option<AkeyFetched>,
        extents: &[Extent],
        destination: Option<Destination>,
        akey: &Key,
    ) -> Result<AkeyFetched> {
        let below = below.unwrap_or_default();
        let size = if below.size > 0 { below.size } else { self.record_size };
        let parts = self.parts(&below.map, extents, size);
        let records: u64 = parts.iter().map(|part| part.extent.count()).sum();
        let total = records.saturating_mul(size);
        let mut found = AkeyFetched {
            size,
            map: parts.iter().map(|part| MapPiece { extent: part.extent, state: part.state }).collect(),
            ..AkeyFetched::default()
        };
        let Some(mut destination) = destination else { return Ok(found) };
        let capacity = destination.capacity().unwrap_or(u64::MAX);
        if total > capacity {
            fail!(Code::RecordTooBig, "akey {akey:?} has {total} bytes, and there is room for {capacity}");
        }
        let mut position = 0u64;
        for part in &parts {
            let length = part.extent.count() * size;
            if part.state == PieceState::Data {
                let first = (part.below * size) as usize;
                let bytes = part.bytes.or_else(|| below.bytes.get(first..first + length as usize)).unwrap_or_default();
                put(&mut destination, &mut found.bytes, position, bytes);
                found.length = position + length;
            }
            position += length;
        }
        Ok(found)
    }
}

/// What of a part is seen through a patch, and what beside it.
fn cut<'a>(part: Part<'a>, patch: &'a Patch, record_size: u64) -> Vec<Part<'a>> {
    let Some(own) = part.extent.intersect(patch.extent) else { return vec![part] };
    let piece = |start: u64, end: u64| {
        let extent = Extent::from_bounds(start, end)?;
        let skipped = start - part.extent.start();
        let bytes = part.bytes.map(|bytes| {
            let first = (skipped * record_size) as usize;
            bytes.get(first..first + (extent.count() * record_size) as usize).unwrap_or_default()
        });
        Some(Part { extent, state: part.state, bytes, below: part.below + skipped })
    };
    let first = ((own.start() - patch.extent.start()) * record_size) as usize;
    let bytes = patch
        .bytes
        .as_ref()
        .map(|bytes| bytes.get(first..first + (own.count() * record_size) as usize).unwrap_or_default());
    let state = if bytes.is_some() { PieceState::Data } else { PieceState::Punched };
    let below = part.below + (own.start() - part.extent.start());
    let middle = Part { extent: own, state, bytes, below };
    [piece(part.extent.start(), own.start()), Some(middle), piece(own.end(), part.extent.end())]
        .into_iter()
        .flatten()
        .collect()
}

/// The value that the target has, with all its bytes.
async fn read_below(client: &Client, reader: &Object, dkey: &Key, akey: &Key, kind: &FetchKind) -> Result<AkeyFetched> {
    let ask = |destination| {
        let kind = match kind {
            FetchKind::Single => FetchKind::Single,
            FetchKind::Array(extents) => FetchKind::Array(extents.clone()),
        };
        vec![AkeyFetch { akey: akey.clone(), kind, destination }]
    };
    let sizes = reader.fetch(client, Epoch::MAX, Conditions::NONE, dkey.clone(), ask(None)).await?;
    let size = sizes.first().map_or(0, |found| found.size);
    let room = match kind {
        FetchKind::Single => Some(size),
        FetchKind::Array(extents) => {
            extents.iter().try_fold(0u64, |sum, extent| sum.checked_add(extent.count().checked_mul(size)?))
        }
    };
    let Some(room) = room.filter(|room| *room <= daos_wire::TRANSFER_BYTES_MAX) else {
        fail!(
            Code::RecordTooBig,
            "a fetch of a transaction of what it has changed itself reads too many bytes at once"
        );
    };
    if room == 0 {
        return Ok(sizes.into_iter().next().unwrap_or_default());
    }
    let mut found =
        reader.fetch(client, Epoch::MAX, Conditions::NONE, dkey.clone(), ask(Some(Destination::Owned(room)))).await?;
    Ok(found.pop().unwrap_or_default())
}

fn give_single(value: Vec<u8>, destination: Option<Destination>, akey: &Key) -> Result<AkeyFetched> {
    let mut found = AkeyFetched { size: value.len() as u64, ..AkeyFetched::default() };
    let Some(mut destination) = destination else { return Ok(found) };
    let capacity = destination.capacity().unwrap_or(u64::MAX);
    if found.size > capacity {
        fail!(Code::RecordTooBig, "akey {akey:?} has {} bytes, and there is room for {capacity}", found.size);
    }
    put(&mut destination, &mut found.bytes, 0, &value);
    found.length = found.size;
    Ok(found)
}

/// Puts bytes where they belong in a destination.
fn put(destination: &mut Destination, owned: &mut Vec<u8>, position: u64, bytes: &[u8]) {
    match destination {
        Destination::Memory(list) => {
            list.write_at(position, bytes);
        }
        Destination::Owned(_) => {
            let (start, end) = (position as usize, position as usize + bytes.len());
            owned.resize(owned.len().max(end), 0);
            owned[start..end].copy_from_slice(bytes);
        }
    }
}

/// Whether a punch hides a dkey, or an akey of it.
fn hides(what: &PunchKind, dkey: &Key, akey: Option<&Key>) -> bool {
    match what {
        PunchKind::Object => true,
        PunchKind::Dkeys(dkeys) => dkeys.contains(dkey),
        PunchKind::Akeys((of, akeys)) => of == dkey && akey.is_some_and(|akey| akeys.contains(akey)),
    }
}

/// Whether an object exists by what a transaction has done; `None` when it has done nothing that decides that.
pub(super) fn has_object(writes: &[Write], object: ObjectId) -> Option<bool> {
    writes.iter().rev().filter(|write| write.object.id() == object).find_map(|write| match &write.change {
        Change::Update(..) => Some(true),
        Change::Punch(PunchKind::Object) => Some(false),
        Change::Punch(_) => None,
    })
}

/// The same of a dkey.
pub(super) fn has_dkey(writes: &[Write], object: ObjectId, dkey: &Key) -> Option<bool> {
    writes.iter().rev().filter(|write| write.object.id() == object).find_map(|write| match &write.change {
        Change::Update(of, _) => (of == dkey).then_some(true),
        Change::Punch(what) => hides(what, dkey, None).then_some(false),
    })
}

/// The same of an akey.
pub(super) fn has_akey(writes: &[Write], object: ObjectId, dkey: &Key, akey: &Key) -> Option<bool> {
    writes.iter().rev().filter(|write| write.object.id() == object).find_map(|write| match &write.change {
        Change::Update(of, akeys) => {
            (of == dkey && akeys.iter().any(|(update, _)| update.akey == *akey)).then_some(true)
        }
        Change::Punch(what) => hides(what, dkey, Some(akey)).then_some(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_wire::ArrayUpdate;
    use proptest::prelude::*;

    fn extent(start: u64, count: u64) -> Extent {
        Extent::new(start, count).expect("an extent")
    }

    proptest! {
        /// Record by record, a fetch gives what was written last, by the transaction or below it.
        #[test]
        fn every_record_is_the_newest_one(
            below in proptest::collection::vec(proptest::option::of(any::<u16>()), 40),
            writes in proptest::collection::vec((0u64..36, 1u64..9, proptest::option::of(any::<u16>())), 0..8),
            asked in proptest::collection::vec((0u64..36, 1u64..9), 1..4),
            hides in any::<bool>(),
        ) {
            let mut model: Vec<Option<u16>> = if hides { vec![None; 40] } else { below.clone() };
            let mut overlay = Overlay { hides, ..Overlay::default() };
            for (start, count, value) in writes {
                let at = extent(start, count.min(40 - start));
                model[at.start() as usize..at.end() as usize].fill(value);
                match value {
                    None => overlay.add(&UpdateKind::PunchExtents(vec![at]), &[]),
                    Some(value) => {
                        let array = ArrayUpdate { record_size: 2, extents: vec![at] };
                        overlay.add(&UpdateKind::Array(array), &value.to_le_bytes().repeat(at.count() as usize));
                    }
                }
            }
            let extents: Vec<Extent> =
                asked.into_iter().map(|(start, count)| extent(start, count.min(40 - start))).collect();
            let numbers: Vec<u64> = extents.iter().flat_map(|extent| extent.start()..extent.end()).collect();
            let found = (!hides).then(|| AkeyFetched {
                size: 2,
                map: numbers
                    .iter()
                    .map(|number| MapPiece {
                        extent: extent(*number, 1),
                        state: if below[*number as usize].is_some() { PieceState::Data } else { PieceState::Hole },
                    })
                    .collect(),
                bytes: numbers.iter().flat_map(|number| below[*number as usize].unwrap_or(0).to_le_bytes()).collect(),
                length: 0,
            });
            let room = Destination::Owned(2 * numbers.len() as u64);
            let result = overlay.give_array(found, &extents, Some(room), &Key::new(b"a").unwrap()).unwrap();
            let (mut given, mut covered) = (Vec::new(), Vec::new());
            for piece in &result.map {
                covered.extend(piece.extent.start()..piece.extent.end());
                given.extend((piece.extent.start()..piece.extent.end()).map(|_| piece.state == PieceState::Data));
            }
            prop_assert_eq!(&covered, &numbers);
            for (index, number) in numbers.iter().enumerate() {
                let wanted = model[*number as usize];
                prop_assert_eq!(given[index], wanted.is_some());
                if let Some(wanted) = wanted {
                    prop_assert_eq!(&result.bytes[2 * index..2 * index + 2], &wanted.to_le_bytes());
                }
            }
            let last = given.iter().rposition(|data| *data).map_or(0, |index| 2 * (index as u64 + 1));
            prop_assert_eq!(result.length, last);
        }
    }
}
