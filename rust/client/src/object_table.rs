//! Tables of the objects of a container at an epoch: listed from all targets, each object once, in the order of their lower halves.
//!
//! Nothing is stored but the marks: the targets know which objects were there at an epoch, as long as the epoch is pinned by a snapshot
//! or not aggregated yet. The marks of an epoch are values of an object of the container's own ([`system_object`]), which tables
//! leave out: its dkeys are buckets of objects, its akeys objects.

use crate::array::run_bounded;
use crate::object::TARGETS_AT_ONCE;
use crate::{
    AkeyFetch, AkeyUpdate, Anchor, Client, Conditions, Container, ContainerFlags, Destination, FetchKind, ListLimits,
    Object, ObjectFlags, Source, UpdateValue,
};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};
use daos_wire::{ListObjects, ListObjectsReply, Opcode};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The longest mark (`DAOS_OIT_MARKER_MAX_LEN`).
pub const MARK_LENGTH_MAX: usize = 32;

/// Dkeys among which the marks of a table are spread.
const BUCKETS: u64 = 64;

/// The most objects of one step of a listing.
const OBJECTS_MAX: u32 = 1 << 16;

/// The fewest objects that a target is asked for at a time.
const FROM_TARGET_MIN: u32 = 16;

/// What the lower 32 bits of the upper half say of an object that the client keeps for itself in a container.
const SYSTEM_BITS: u64 = 0x6461_6f73;

/// What the client keeps for itself in a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SystemObject {
    /// The marks of the table of an epoch.
    Marks(Epoch),
    /// The registered object classes.
    Classes,
}

/// The object of a container's own for a purpose. No epoch is so great that it is that of the classes: nothing is written at it.
pub(crate) fn system_object(what: SystemObject) -> ObjectId {
    let (lo, class) = match what {
        SystemObject::Marks(epoch) => (epoch.0.min(u64::MAX - 1), ObjectClass::SX),
        SystemObject::Classes => (u64::MAX, ObjectClass::S1),
    };
    ObjectId::generate(ObjectId { hi: SYSTEM_BITS, lo }, ObjectType::OIDS, class)
}

/// Whether an object is one that the client keeps for itself.
fn is_system(id: ObjectId) -> bool {
    id.object_type() == ObjectType::OIDS && id.hi & 0xffff_ffff == SYSTEM_BITS
}

/// Where a listing of objects goes on; the default is the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ObjectAnchor {
    /// The last object that was looked at.
    pub after: Option<ObjectId>,
    /// Everything has been listed.
    pub end: bool,
}

/// An open table of objects.
#[derive(Clone, Debug)]
pub struct ObjectTable {
    container: Container,
    epoch: Epoch,
    /// Holds the marks, and is on all targets that the container uses.
    marks: Object,
}

impl ObjectTable {
    /// Opens the table of an epoch, or of what is newest with [`Epoch::MAX`]: nothing is sent.
    pub fn open(container: &Container, epoch: Epoch) -> Result<ObjectTable> {
        if epoch == Epoch::ZERO {
            fail!(Code::Inval, "container {} has no table of objects of epoch 0", container.id());
        }
        let is_read_only = container.flags().0 & ContainerFlags::READ_ONLY.0 != 0;
        let flags = if is_read_only { ObjectFlags::READ_ONLY } else { ObjectFlags::READ_WRITE };
        let marks = Object::open(container, system_object(SystemObject::Marks(epoch)), flags)?;
        Ok(ObjectTable { container: container.clone(), epoch, marks })
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Lists objects from `anchor` on and moves it: at most `count`, and none with `anchor.end` set when there are no more.
    pub async fn list(&self, client: &Client, anchor: &mut ObjectAnchor, count: u32) -> Result<Vec<ObjectId>> {
        if count == 0 {
            fail!(Code::Inval, "a listing of the objects of container {} has room for none", self.container.id());
        }
        let count = count.min(OBJECTS_MAX);
        while !anchor.end {
            let mut merged = self.step(client, anchor.after, count).await?;
            merged.cut(count as usize);
            anchor.end = merged.is_end;
            anchor.after = merged.objects.last().copied().or(merged.bound).or(anchor.after);
            merged.objects.retain(|object| !is_system(*object));
            if !merged.objects.is_empty() {
                return Ok(merged.objects);
            }
        }
        Ok(Vec::new())
    }

    /// As [`ObjectTable::list`], with the mark of each object; empty when it has none.
    pub async fn list_marked(
        &self,
        client: &Client,
        anchor: &mut ObjectAnchor,
        count: u32,
    ) -> Result<Vec<(ObjectId, Vec<u8>)>> {
        let objects = self.list(client, anchor, count).await?;
        let marks = self.marks(client, &objects).await?;
        Ok(objects.into_iter().zip(marks).collect())
    }

    /// As [`ObjectTable::list`], of objects without a mark.
    pub async fn list_unmarked(&self, client: &Client, anchor: &mut ObjectAnchor, count: u32) -> Result<Vec<ObjectId>> {
        while !anchor.end {
            let found = self.list_marked(client, anchor, count).await?;
            let unmarked: Vec<ObjectId> =
                found.into_iter().filter(|(_, mark)| mark.is_empty()).map(|(object, _)| object).collect();
            if !unmarked.is_empty() {
                return Ok(unmarked);
            }
        }
        Ok(Vec::new())
    }

    /// Marks an object of the table with 1 to 32 bytes, or takes its mark away; durable when it returns. `Nonexist` for an object that
    /// the table does not have.
    pub async fn mark(&self, client: &Client, object: ObjectId, mark: Option<&[u8]>) -> Result<()> {
        if mark.is_some_and(|mark| mark.is_empty() || mark.len() > MARK_LENGTH_MAX) {
            fail!(Code::Inval, "a mark of object {object} has 1 to {MARK_LENGTH_MAX} bytes");
        }
        if !self.has(client, object).await? {
            let container = self.container.id();
            fail!(Code::Nonexist, "container {container} has no object {object} at epoch {}", self.epoch.0);
        }
        let (dkey, akey) = place_of(object)?;
        match mark {
            None => self.marks.punch_akeys(client, Conditions::NONE, dkey, vec![akey]).await,
            Some(mark) => {
                let value = UpdateValue::Single(Source::Owned(mark.to_vec()));
                self.marks.update(client, Conditions::NONE, dkey, vec![AkeyUpdate { akey, value }]).await
            }
        }
    }

    /// The marks of objects, in their order; empty for those that have none.
    pub async fn marks(&self, client: &Client, objects: &[ObjectId]) -> Result<Vec<Vec<u8>>> {
        let mut buckets: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, object) in objects.iter().enumerate() {
            buckets.entry(bucket_of(*object)).or_default().push(index);
        }
        let marks = RefCell::new(vec![Vec::new(); objects.len()]);
        let fetches = buckets.into_iter().map(|(bucket, indexes)| {
            let marks = &marks;
            async move {
                let mut akeys = Vec::with_capacity(indexes.len());
                for index in &indexes {
                    let destination = Some(Destination::Owned(MARK_LENGTH_MAX as u64));
                    akeys.push(AkeyFetch { akey: place_of(objects[*index])?.1, kind: FetchKind::Single, destination });
                }
                let dkey = Key::from_u64(bucket);
                let found = self.marks.fetch(client, Epoch::MAX, Conditions::NONE, dkey, akeys).await?;
                for (index, found) in indexes.into_iter().zip(found) {
                    marks.borrow_mut()[index] = found.bytes;
                }
                Ok::<(), Status>(())
            }
        });
        run_bounded(TARGETS_AT_ONCE, fetches).await?;
        Ok(marks.into_inner())
    }

    /// Forgets all marks; durable when it returns.
    pub async fn forget_marks(&self, client: &Client) -> Result<()> {
        self.marks.punch(client, Conditions::NONE).await
    }

    /// Whether an object is in the table.
    async fn has(&self, client: &Client, id: ObjectId) -> Result<bool> {
        if is_system(id) {
            return Ok(false);
        }
        self.container.know_class(client, id).await?;
        let object = Object::open(&self.container, id, ObjectFlags::READ_ONLY)?;
        let (mut anchor, limits) = (Anchor::default(), ListLimits { count: 1, bytes: u64::MAX });
        while !anchor.end {
            if !object.list_dkeys(client, self.epoch, &mut anchor, limits).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the targets have behind an object.
    async fn step(&self, client: &Client, after: Option<ObjectId>, count: u32) -> Result<Merged> {
        let targets = self.marks.group_count(client).await?;
        // Identifiers are spread evenly, so that a fair share of each is what is needed, or little less.
        let share = (count / targets.max(1)).saturating_mul(2).clamp(FROM_TARGET_MIN.min(count), count);
        let request = ListObjects { address: self.marks.container_address(), epoch: self.epoch, after, count: share };
        let merged = RefCell::new(Merged { is_end: true, ..Merged::default() });
        let questions = (0..targets).map(|target| {
            let (request, merged) = (&request, &merged);
            async move {
                let reply: ListObjectsReply =
                    self.marks.ask_group(client, target, Opcode::ListObjects, request).await?;
                merged.borrow_mut().add(after, reply)
            }
        });
        run_bounded(TARGETS_AT_ONCE, questions).await?;
        Ok(merged.into_inner().settled())
    }
}

/// What several targets listed from the same place on.
#[derive(Default)]
struct Merged {
    objects: Vec<ObjectId>,
    /// The last object up to which all targets were listed, if some have more.
    bound: Option<ObjectId>,
    is_end: bool,
}

/// The order of the listing.
fn order(object: &ObjectId) -> (u64, u64) {
    (object.lo, object.hi)
}

impl Merged {
    fn add(&mut self, after: Option<ObjectId>, reply: ListObjectsReply) -> Result<()> {
        let ListObjectsReply { objects, more } = reply;
        let is_sorted = objects.windows(2).all(|pair| order(&pair[0]) < order(&pair[1]));
        let is_behind = objects.first().is_none_or(|first| after.is_none_or(|after| order(&after) < order(first)));
        if !is_sorted || !is_behind || (more && objects.is_empty()) {
            fail!(Code::Proto, "a target listed its objects in another order than theirs");
        }
        if more && let Some(last) = objects.last() {
            self.is_end = false;
            self.bound = match self.bound {
                Some(bound) if order(&bound) <= order(last) => Some(bound),
                _ => Some(*last),
            };
        }
        self.objects.extend(objects);
        Ok(())
    }

    /// Sorted, each object once, and none that another target may have to come before.
    fn settled(mut self) -> Merged {
        self.objects.sort_unstable_by_key(order);
        self.objects.dedup();
        if let Some(bound) = self.bound {
            self.objects.retain(|object| order(object) <= order(&bound));
        }
        self
    }

    /// No more objects than there is room for.
    fn cut(&mut self, count: usize) {
        if self.objects.len() > count {
            self.objects.truncate(count);
            self.is_end = false;
        }
    }
}

fn bucket_of(object: ObjectId) -> u64 {
    (object.lo ^ object.hi ^ object.lo >> 32) % BUCKETS
}

/// Where the mark of an object is.
fn place_of(object: ObjectId) -> Result<(Key, Key)> {
    let mut akey = object.lo.to_le_bytes().to_vec();
    akey.extend(object.hi.to_le_bytes());
    Ok((Key::from_u64(bucket_of(object)), Key::new(&akey)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u64) -> ObjectId {
        // Some with the same lower half.
        ObjectId { hi: number % 3, lo: number / 3 }
    }

    proptest! {
        /// Whatever targets hold which objects, each object comes once, in order, however small the steps are.
        #[test]
        fn every_object_comes_once(
            held in proptest::collection::vec(proptest::collection::btree_set(0u64..60, 0..30), 1..6),
            share in 1usize..9,
            count in 1usize..9,
        ) {
            let mut wanted: Vec<ObjectId> = held.iter().flatten().map(|number| id(*number)).collect();
            wanted.sort_unstable_by_key(order);
            wanted.dedup();
            let (mut listed, mut after, mut steps) = (Vec::new(), None, 0);
            loop {
                let mut merged = Merged { is_end: true, ..Merged::default() };
                for target in &held {
                    let mut objects: Vec<ObjectId> = target.iter().map(|number| id(*number)).collect();
                    objects.sort_unstable_by_key(order);
                    objects.retain(|object| after.is_none_or(|after| order(&after) < order(object)));
                    let more = objects.len() > share;
                    objects.truncate(share);
                    merged.add(after, ListObjectsReply { objects, more }).unwrap();
                }
                let mut merged = merged.settled();
                merged.cut(count);
                after = merged.objects.last().copied().or(merged.bound).or(after);
                listed.extend(merged.objects);
                steps += 1;
                prop_assert!(steps <= wanted.len() + 1);
                if merged.is_end {
                    break;
                }
            }
            prop_assert_eq!(listed, wanted);
        }
    }

    #[test]
    fn targets_that_list_in_another_order_are_refused() {
        for objects in [vec![id(9), id(8)], vec![id(8), id(8)], vec![id(2)]] {
            let reply = ListObjectsReply { objects, more: false };
            assert_eq!(Merged::default().add(Some(id(2)), reply).map_err(|error| error.code()), Err(Code::Proto));
        }
        let reply = ListObjectsReply { objects: vec![], more: true };
        assert!(Merged::default().add(None, reply).is_err());
    }

    #[test]
    fn system_objects_are_told_from_those_of_users() {
        assert!(is_system(system_object(SystemObject::Marks(Epoch(7)))));
        assert!(is_system(system_object(SystemObject::Classes)));
        assert_ne!(system_object(SystemObject::Marks(Epoch::MAX)), system_object(SystemObject::Classes));
        let user = ObjectId { hi: SYSTEM_BITS, lo: 7 };
        assert!(!is_system(ObjectId::generate(user, ObjectType::KV_HASHED, ObjectClass::S1)));
    }
}
