//! What prepared changes will change, found by the places that they overlap.

use crate::place::{Place, Scope};
use daos_types::TransactionId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A change of some place that a transaction has prepared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Intent {
    pub transaction: TransactionId,
    pub epoch: u64,
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
    entries: RefCell<BTreeMap<Entry, Vec<Intent>>>,
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
    pub(crate) fn add(&self, place: &Place, intent: Intent) {
        let mut entries = self.entries.borrow_mut();
        for_each_entry(place, |entry| {
            let there = entries.entry(entry).or_default();
            if !there.contains(&intent) {
                there.push(intent);
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
            there.retain(|intent| intent.transaction != transaction);
            self.count.set(self.count.get() - (before - there.len()));
            if there.is_empty() {
                entries.remove(&entry);
            }
        });
    }

    /// The oldest change of somebody else that overlaps a place, at or below an epoch.
    pub(crate) fn overlapping(&self, place: &Place, epoch: u64, own: Option<TransactionId>) -> Option<Intent> {
        let entries = self.entries.borrow();
        let mut found: Option<Intent> = None;
        let mut look = |entry: Entry| {
            for intent in entries.get(&entry).into_iter().flatten() {
                let counts = Some(intent.transaction) != own && intent.epoch <= epoch;
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
            intents.add(&of(changed), intent);
            intents.add(&of(changed), intent);
            assert!(!intents.is_empty());
            for looked in &names {
                let expected = overlaps(changed, looked).then_some(intent);
                assert_eq!(intents.overlapping(&of(looked), 10, None), expected, "{changed:?} {looked:?}");
                assert_eq!(intents.overlapping(&of(looked), 9, None), None);
                assert_eq!(intents.overlapping(&of(looked), 10, Some(own)), None);
            }
            let container = Place::of_container(ContainerId::from_bytes([1; 16]));
            assert_eq!(intents.overlapping(&container, 10, None), Some(intent));
            intents.remove(&of(changed), own);
            assert!(intents.is_empty());
        }
    }
}
