//! Space that a prepared change keeps for its commit.
//!
//! It is allocated when the change is prepared, in all sizes that the commit may need, and given to the transaction that commits, which uses
//! what it needs and frees the rest. So it is counted exactly, nobody else can have it, and it is there after a crash.
//!
//! What a commit needs depends on what is there by then. Records of keys and values may have to be made together or one by one, and
//! trees that have grown meanwhile may be cut in two at every level. What is there when the change is prepared stays there: aggregation
//! leaves keys that a prepared change will change, even empty ones. So for a key that is there, nothing is kept to put it into its tree; for a
//! tree, as many nodes are kept as it has levels, and two more. Should that not be enough, because a tree has become hundreds of times as large
//! meanwhile, the commit uses what is kept for deleting.

use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{Children, Level};
use crate::tree::{HEAD_SIZE, LEAF_SIZE_MAX, NODE_SIZE_MAX, NODE_SIZES_AUGMENTED, NODE_SIZES_PLAIN, Tree};
use crate::{Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue};
use daos_media::{Arena, allocation_size};
use daos_status::Result;
use daos_types::{Key, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// Headers of records are between these.
const HEADER_LEAST: usize = 16;
const HEADER_MOST: usize = 48;

/// Levels of a tree by which it may have grown until the commit, which may also give it a new root.
const LEVELS_MORE: usize = 2;
/// Nodes that one insertion into the largest of trees may take.
const NODES_MAX: usize = 5;
/// Of the nodes that one insertion takes, these are no larger than leaves: a leaf, and a new root.
const SMALL_NODES: usize = 2;
/// A tree into which many keys are inserted has one leaf cut for so many of them at least, and one inner node.
const KEYS_PER_LEAF: usize = 10;
const KEYS_PER_INNER: usize = 100;

/// How many allocations of each size.
#[derive(Default)]
struct Sizes(BTreeMap<usize, usize>);

impl Sizes {
    fn add(&mut self, size: usize, count: usize) {
        if let Some(size) = allocation_size(size).filter(|_| count > 0) {
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

    /// The nodes of a tree of so many levels with so many insertions.
    fn tree(&mut self, levels: usize, insertions: usize, smaller: &[usize]) {
        if insertions == 0 {
            return;
        }
        self.add(HEAD_SIZE, 1);
        smaller.iter().for_each(|size| self.add(*size, 1));
        let nodes = (levels + LEVELS_MORE).min(NODES_MAX);
        self.add(LEAF_SIZE_MAX, SMALL_NODES + insertions / KEYS_PER_LEAF);
        self.add(NODE_SIZE_MAX, nodes - SMALL_NODES + insertions / KEYS_PER_INNER);
    }
}

/// What is there when a change is prepared.
pub(crate) struct Present<'a> {
    pub arena: &'a Arena,
    pub container: Level,
}

impl Present<'_> {
    fn object(&self, object: ObjectId) -> Result<Option<Level>> {
        self.container.find_child(self.arena, &fixed_probe(&object_key(object)))
    }

    fn dkey(&self, object: ObjectId, above: Option<&Level>, dkey: &Key) -> Result<Option<Level>> {
        let Some(above) = above else { return Ok(None) };
        above.find_child(self.arena, &KeyProbe::new(object.object_type().dkey_kind(), dkey)?)
    }

    fn akey(&self, object: ObjectId, above: Option<&Level>, akey: &Key) -> Result<Option<Level>> {
        let Some(above) = above else { return Ok(None) };
        above.find_child(self.arena, &KeyProbe::new(object.object_type().akey_kind(), akey)?)
    }

    /// Levels of the tree of what is below.
    fn levels(&self, level: Option<&Level>) -> Result<usize> {
        match level.map(Level::children).transpose()? {
            Some(Children::Tree(tree)) => tree.levels(self.arena),
            _ => Ok(0),
        }
    }

    /// Levels of the tree of punches.
    fn levels_of_punches(&self, level: Option<&Level>) -> Result<usize> {
        level.map_or(Ok(None), Level::punches)?.map_or(Ok(0), |tree: Tree| tree.levels(self.arena))
    }
}

/// What a piece of a value needs: bytes behind the header of its record, and of what lies apart.
pub(crate) struct Tail {
    pub bytes: usize,
    /// The checksums.
    pub apart: usize,
}

/// The keys that are changed: of objects the dkeys, of these the akeys.
type Paths<'a> = BTreeMap<ObjectId, BTreeMap<&'a Key, BTreeSet<&'a Key>>>;

/// The sizes of what is kept, with their counts. `tail` gives those of a piece of a value: by the number of the operation, of the akey and
/// of the piece.
pub(crate) fn sizes_of(
    operations: &[Operation],
    present: &Present<'_>,
    tail: impl Fn(usize, usize, usize) -> Tail,
) -> Result<BTreeMap<usize, usize>> {
    let mut sizes = Sizes::default();
    let mut paths = Paths::new();
    for (number, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Update(update) => {
                sizes.values(update, present, |akey, piece| tail(number, akey, piece))?;
                let below = paths.entry(update.object).or_default().entry(&update.dkey).or_default();
                below.extend(update.akeys.iter().map(|update| &update.akey));
            }
            Operation::Punch(punch) => sizes.punches(punch, present, &mut paths)?,
        }
    }
    sizes.keys(&paths, present)?;
    Ok(sizes.0)
}

impl Sizes {
    /// The records of the values of an update, and their trees.
    fn values(
        &mut self,
        update: &UpdateRequest,
        present: &Present<'_>,
        tail: impl Fn(usize, usize) -> Tail,
    ) -> Result<()> {
        let object = present.object(update.object)?;
        let dkey = present.dkey(update.object, object.as_ref(), &update.dkey)?;
        for (index, value) in update.akeys.iter().enumerate() {
            let akey = present.akey(update.object, dkey.as_ref(), &value.akey)?;
            let (pieces, is_array) = match &value.value {
                UpdateValue::Single(_) => (1, false),
                UpdateValue::Array { pieces, .. } => (pieces.len(), true),
                UpdateValue::PunchExtents(extents) => (extents.len(), true),
            };
            for piece in 0..pieces {
                let tail = tail(index, piece);
                self.record(1, tail.bytes);
                if piece == 0 && akey.is_none() {
                    self.record(2, tail.bytes + value.akey.len());
                }
                if piece == 0 && dkey.is_none() {
                    self.record(3, tail.bytes + value.akey.len() + update.dkey.len());
                }
                if tail.apart > 0 {
                    self.add(tail.apart, 1);
                }
            }
            // Other records of an array may be written before; a single value that is not there is the first one.
            if is_array || akey.is_some() {
                let smaller = if is_array { &NODE_SIZES_AUGMENTED[..] } else { &NODE_SIZES_PLAIN[..] };
                self.tree(present.levels(akey.as_ref())?, pieces, smaller);
            }
        }
        Ok(())
    }

    /// The trees of punches, of which each key that is punched has one.
    fn punches<'a>(&mut self, request: &'a PunchRequest, present: &Present<'_>, paths: &mut Paths<'a>) -> Result<()> {
        let dkeys = paths.entry(request.object).or_default();
        let object = present.object(request.object)?;
        match &request.what {
            PunchTarget::Object => {
                self.tree(present.levels_of_punches(object.as_ref())?, 1, &NODE_SIZES_PLAIN);
            }
            PunchTarget::Dkeys(keys) => {
                for key in keys {
                    dkeys.entry(key).or_default();
                    let dkey = present.dkey(request.object, object.as_ref(), key)?;
                    self.tree(present.levels_of_punches(dkey.as_ref())?, 1, &NODE_SIZES_PLAIN);
                }
            }
            PunchTarget::Akeys { dkey: name, akeys } => {
                let dkey = present.dkey(request.object, object.as_ref(), name)?;
                for key in akeys {
                    dkeys.entry(name).or_default().insert(key);
                    let akey = present.akey(request.object, dkey.as_ref(), key)?;
                    self.tree(present.levels_of_punches(akey.as_ref())?, 1, &NODE_SIZES_PLAIN);
                }
            }
        }
        Ok(())
    }

    /// The records of keys that are not there, and the trees that they are put into.
    fn keys(&mut self, paths: &Paths<'_>, present: &Present<'_>) -> Result<()> {
        let mut new_objects = 0;
        for (object, dkeys) in paths {
            let there = present.object(*object)?;
            if there.is_none() {
                new_objects += 1;
                self.record(1, 16);
            }
            let mut new_dkeys = 0;
            for (dkey, akeys) in dkeys {
                let level = present.dkey(*object, there.as_ref(), dkey)?;
                if level.is_none() {
                    new_dkeys += 1;
                    self.record(1, dkey.len());
                }
                let mut new_akeys = 0;
                for akey in akeys {
                    if present.akey(*object, level.as_ref(), akey)?.is_some() {
                        continue;
                    }
                    new_akeys += 1;
                    self.record(1, akey.len());
                    if level.is_none() {
                        self.record(2, dkey.len() + akey.len());
                    }
                }
                self.tree(present.levels(level.as_ref())?, new_akeys, &NODE_SIZES_PLAIN);
            }
            self.tree(present.levels(there.as_ref())?, new_dkeys, &NODE_SIZES_PLAIN);
        }
        self.tree(present.levels(Some(&present.container))?, new_objects, &NODE_SIZES_PLAIN);
        Ok(())
    }
}
