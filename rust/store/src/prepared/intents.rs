//! What prepared changes will change, found by the places that they overlap.

use crate::UpdateValue;
use crate::place::{Place, Scope};
use daos_types::{Extent, TransactionId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A change of some place that a transaction has prepared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Intent {
    pub transaction: TransactionId,
    pub epoch: u64,
}

/// So many extents of an array are told apart in one change; of one with more, all between the first and the last record counts.
const EXTENTS_MAX: usize = 16;

/// What of an akey is changed or looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    All,
    /// These records of an array, of a size that is zero when it is left open.
    Records {
        extents: Vec<Extent>,
        record_size: u64,
    },
}

impl Part {
    /// What an update changes of an akey.
    pub(crate) fn of(value: Option<&UpdateValue>) -> Part {
        match value {
            Some(UpdateValue::Array { record_size, pieces }) => {
                Part::records(pieces.iter().map(|(extent, _)| *extent), *record_size)
            }
            Some(UpdateValue::PunchExtents(extents)) => Part::records(extents.iter().copied(), 0),
            Some(UpdateValue::Single(_)) | None => Part::All,
        }
    }

    /// Records of an array.
    pub(crate) fn records(extents: impl ExactSizeIterator<Item = Extent> + Clone, record_size: u64) -> Part {
        if extents.len() <= EXTENTS_MAX {
            return Part::Records { extents: extents.collect(), record_size };
        }
        let start = extents.clone().map(|extent| extent.start()).min();
        let end = extents.map(|extent| extent.end()).max();
        match start.zip(end).and_then(|(start, end)| Extent::from_bounds(start, end)) {
            Some(whole) => Part::Records { extents: vec![whole], record_size },
            None => Part::All,
        }
    }

    /// Whether two changes of one akey are in each other's way. Those of records of different sizes are: only one of them can be made.
    fn meets(&self, other: &Part) -> bool {
        let (Part::Records { extents, record_size }, Part::Records { extents: others, record_size: other_size }) =
            (self, other)
        else {
            return true;
        };
        let differ = record_size != other_size && *record_size != 0 && *other_size != 0;
        differ || extents.iter().any(|extent| others.iter().any(|other| extent.intersect(*other).is_some()))
    }
}

/// What an entry has of one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Kept {
    intent: Intent,
    part: Part,
}

/// What an entry says about its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// All of it is punched, or, of an akey, it is written.
    All,
    /// Something of it is changed.
    Some,
}

type Entry = (Scope, Mark, u64);

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Intents {
    count: Cell<usize>,
    entries: RefCell<BTreeMap<Entry, Vec<Kept>>>,
}

/// Calls `visit` with every entry that a change of a place makes.
fn for_each_entry(place: &Place, mut visit: impl FnMut(Entry)) {
    visit((Scope::Container, Mark::Some, place.container));
    visit((Scope::Object, Mark::Some, place.object));
    if place.scope >= Scope::Dkey {
        visit((Scope::Dkey, Mark::Some, place.dkey));
    }
    let word = match place.scope {
        Scope::Container | Scope::Object => place.object,
        Scope::Dkey => place.dkey,
        Scope::Akey => place.akey_word(),
    };
    visit((place.scope, Mark::All, word));
}

impl Intents {
    /// Whether nothing is prepared.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// A transaction will change a place.
    pub(crate) fn add(&self, place: &Place, part: &Part, intent: Intent) {
        let mut entries = self.entries.borrow_mut();
        for_each_entry(place, |entry| {
            let there = entries.entry(entry).or_default();
            // Only among akeys it matters what of them is changed.
            let part = if (entry.0, entry.1) == (Scope::Akey, Mark::All) { part.clone() } else { Part::All };
            let kept = Kept { intent, part };
            if !there.contains(&kept) {
                there.push(kept);
                self.count.set(self.count.get() + 1);
            }
        });
    }

    /// A transaction will not change a place any more.
    pub(crate) fn remove(&self, place: &Place, transaction: TransactionId) {
        let mut entries = self.entries.borrow_mut();
        for_each_entry(place, |entry| {
            let Some(there) = entries.get_mut(&entry) else { return };
            let before = there.len();
            there.retain(|kept| kept.intent.transaction != transaction);
            self.count.set(self.count.get() - (before - there.len()));
            if there.is_empty() {
                entries.remove(&entry);
            }
        });
    }

    /// The oldest change of somebody else that overlaps a place, or the part of it, at or below an epoch.
    pub(crate) fn overlapping(
        &self,
        place: &Place,
        part: &Part,
        epoch: u64,
        own: Option<TransactionId>,
    ) -> Option<Intent> {
        let entries = self.entries.borrow();
        let mut found: Option<Intent> = None;
        let mut look = |entry: Entry| {
            for Kept { intent, part: changed } in entries.get(&entry).into_iter().flatten() {
                let counts = Some(intent.transaction) != own && intent.epoch <= epoch && changed.meets(part);
                if counts && found.is_none_or(|found| intent.epoch < found.epoch) {
                    found = Some(*intent);
                }
            }
        };
        match place.scope {
            Scope::Container => look((Scope::Container, Mark::Some, place.container)),
            Scope::Object => look((Scope::Object, Mark::Some, place.object)),
            Scope::Dkey => {
                look((Scope::Object, Mark::All, place.object));
                look((Scope::Dkey, Mark::Some, place.dkey));
            }
            Scope::Akey => {
                look((Scope::Object, Mark::All, place.object));
                look((Scope::Dkey, Mark::All, place.dkey));
                look((Scope::Akey, Mark::All, place.akey_word()));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_types::{ContainerId, Key, ObjectId};

    fn place(object: u64, dkey: Option<&str>, akey: Option<&str>) -> Place {
        let id = ObjectId { hi: 0, lo: object };
        let key = |text: &str| Key::new(text.as_bytes()).expect("short");
        let mut place = Place::of_object(ContainerId::from_bytes([1; 16]), id);
        if let Some(dkey) = dkey {
            place = place.dkey(id, &key(dkey)).expect("hashed");
        }
        if let Some(akey) = akey {
            place = place.akey(id, &key(akey)).expect("hashed");
        }
        place
    }

    /// Whether one is part of the other.
    fn overlaps(a: &[&str], b: &[&str]) -> bool {
        a.iter().zip(b).all(|(a, b)| a == b)
    }

    #[test]
    fn every_kind_of_overlap_is_found_and_no_other() {
        let names: Vec<Vec<&str>> = ["1", "1 d", "1 e", "1 d a", "1 d b", "1 e a", "2", "2 d", "2 d a"]
            .iter()
            .map(|name| name.split(' ').collect())
            .collect();
        let of =
            |name: &Vec<&str>| place(name[0].parse().expect("a number"), name.get(1).copied(), name.get(2).copied());
        let (own, epoch) = (TransactionId::from_bytes([1; 16]), 10);
        let intent = Intent { transaction: own, epoch };
        for changed in &names {
            let intents = Intents::default();
            assert!(intents.is_empty());
            intents.add(&of(changed), &Part::All, intent);
            intents.add(&of(changed), &Part::All, intent);
            assert!(!intents.is_empty());
            for looked in &names {
                let expected = overlaps(changed, looked).then_some(intent);
                assert_eq!(intents.overlapping(&of(looked), &Part::All, 10, None), expected, "{changed:?} {looked:?}");
                assert_eq!(intents.overlapping(&of(looked), &Part::All, 9, None), None);
                assert_eq!(intents.overlapping(&of(looked), &Part::All, 10, Some(own)), None);
            }
            let container = Place::of_container(ContainerId::from_bytes([1; 16]));
            assert_eq!(intents.overlapping(&container, &Part::All, 10, None), Some(intent));
            intents.remove(&of(changed), own);
            assert!(intents.is_empty());
        }
    }

    #[test]
    fn records_of_one_array_are_told_apart() {
        let (own, epoch) = (TransactionId::from_bytes([1; 16]), 10);
        let intent = Intent { transaction: own, epoch };
        let extent = |start, count| Extent::new(start, count).expect("valid");
        let part = |extents: &[(u64, u64)], size| {
            let extents: Vec<Extent> = extents.iter().map(|(start, count)| extent(*start, *count)).collect();
            Part::records(extents.into_iter(), size)
        };
        let many: Vec<(u64, u64)> = (0..40).map(|number| (number * 10, 1)).collect();
        let cases = [
            (part(&[(0, 10)], 4), part(&[(10, 10)], 4), false),
            (part(&[(0, 10)], 4), part(&[(9, 10)], 4), true),
            (part(&[(0, 10), (20, 5)], 4), part(&[(10, 10), (25, 1)], 4), false),
            (part(&[(0, 10), (20, 5)], 4), part(&[(10, 10), (24, 1)], 4), true),
            (part(&[(0, 10)], 4), part(&[(10, 10)], 8), true),
            (part(&[(0, 10)], 4), part(&[(10, 10)], 0), false),
            (part(&[(0, 10)], 4), Part::All, true),
            (Part::All, part(&[(0, 10)], 4), true),
            (part(&many, 1), part(&[(5, 1)], 1), true),
            (part(&many, 1), part(&[(391, 1)], 1), false),
        ];
        let at = place(1, Some("d"), Some("a"));
        for (changed, looked, meets) in cases {
            let intents = Intents::default();
            intents.add(&at, &changed, intent);
            assert_eq!(intents.overlapping(&at, &looked, 10, None).is_some(), meets, "{changed:?} {looked:?}");
            // The dkey is changed, whatever of it.
            assert_eq!(intents.overlapping(&place(1, Some("d"), None), &Part::All, 10, None), Some(intent));
            intents.remove(&at, own);
            assert!(intents.is_empty());
        }
    }
}
