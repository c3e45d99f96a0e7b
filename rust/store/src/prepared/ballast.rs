//! Space that a prepared change keeps for its commit.
//!
//! It is allocated when the change is prepared, in all sizes that the commit may need, and given to the transaction that commits, which uses
//! what it needs and frees the rest. So it is counted exactly, nobody else can have it, and it is there after a crash.
//!
//! What a commit needs depends on what is there by then. Records of keys and values may have to be made together or one by one, and
//! trees that have grown meanwhile may be cut in two at every level. What is kept here is enough for all of that; should it
//! not be, the commit uses what is kept for deleting.

use crate::tree::{HEAD_SIZE, NODE_SIZE_MAX, NODE_SIZES};
use crate::{Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue};
use daos_media::allocation_size;
use daos_types::{Key, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// Headers of records are between these.
const HEADER_LEAST: usize = 16;
const HEADER_MOST: usize = 48;

/// Levels of a tree that may be cut in two by one insertion.
const LEVELS: usize = 4;
/// A tree into which many keys are inserted is cut once for so many of them at least.
const KEYS_PER_NODE: usize = 10;

/// How many allocations of each size.
#[derive(Default)]
struct Sizes(BTreeMap<usize, usize>);

impl Sizes {
    fn add(&mut self, size: usize, count: usize) {
        if let Some(size) = allocation_size(size) {
            *self.0.entry(size).or_default() += count;
        }
    }

    /// One of every size that a record of so many headers and bytes may have.
    fn record(&mut self, headers: usize, bytes: usize) {
        let (least, most) = (headers * HEADER_LEAST + bytes, headers * HEADER_MOST + bytes);
        let mut size = least;
        while let Some(slot) = allocation_size(size).filter(|_| size <= most) {
            self.add(slot, 1);
            size = slot + 1;
        }
    }

    /// The nodes of a tree with so many insertions.
    fn tree(&mut self, insertions: usize) {
        self.add(HEAD_SIZE, 1);
        NODE_SIZES.iter().for_each(|size| self.add(*size, 1));
        self.add(NODE_SIZE_MAX, LEVELS + insertions / KEYS_PER_NODE);
    }
}

/// What a piece of a value needs: bytes behind the header of its record, and of what lies apart.
pub(crate) struct Tail {
    pub bytes: usize,
    /// The checksums.
    pub apart: usize,
}

/// The sizes of what is kept, with their counts. `tail` gives those of a piece of a value: by the number of the operation, of the akey and
/// of the piece.
pub(crate) fn sizes_of(
    operations: &[Operation],
    tail: impl Fn(usize, usize, usize) -> Tail,
) -> impl Iterator<Item = (usize, usize)> {
    let mut sizes = Sizes::default();
    let mut paths: BTreeMap<ObjectId, BTreeMap<Option<&Key>, BTreeSet<&Key>>> = BTreeMap::new();
    for (number, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Update(UpdateRequest { object, dkey, akeys, .. }) => {
                let below = paths.entry(*object).or_default().entry(Some(dkey)).or_default();
                for (index, update) in akeys.iter().enumerate() {
                    below.insert(&update.akey);
                    let pieces = match &update.value {
                        UpdateValue::Single(_) => 1,
                        UpdateValue::Array { pieces, .. } => pieces.len(),
                        UpdateValue::PunchExtents(extents) => extents.len(),
                    };
                    for piece in 0..pieces {
                        let tail = tail(number, index, piece);
                        sizes.record(1, tail.bytes);
                        if piece == 0 {
                            sizes.record(2, tail.bytes + update.akey.len());
                            sizes.record(3, tail.bytes + update.akey.len() + dkey.len());
                        }
                        if tail.apart > 0 {
                            sizes.add(tail.apart, 1);
                        }
                    }
                    sizes.tree(pieces);
                }
            }
            Operation::Punch(PunchRequest { object, what, .. }) => {
                let object = paths.entry(*object).or_default();
                // Each has a tree of its punches.
                match what {
                    PunchTarget::Object => sizes.tree(1),
                    PunchTarget::Dkeys(dkeys) => dkeys.iter().for_each(|dkey| {
                        object.entry(Some(dkey)).or_default();
                        sizes.tree(1);
                    }),
                    PunchTarget::Akeys { dkey, akeys } => akeys.iter().for_each(|akey| {
                        object.entry(Some(dkey)).or_default().insert(akey);
                        sizes.tree(1);
                    }),
                }
            }
        }
    }
    sizes.tree(paths.len());
    for dkeys in paths.values() {
        sizes.record(1, 16);
        sizes.tree(dkeys.len());
        for (dkey, akeys) in dkeys {
            let dkey = dkey.map_or(0, |dkey| dkey.len());
            sizes.record(1, dkey);
            for akey in akeys {
                sizes.record(1, akey.len());
                sizes.record(2, dkey + akey.len());
            }
            sizes.tree(akeys.len());
        }
    }
    sizes.0.into_iter()
}
