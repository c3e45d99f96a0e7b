//! Enumerations while things change: what was there all the time is listed exactly once.

mod common;

use common::*;
use daos_env::{Random, SeededRandom};
use daos_status::Code;
use daos_store::*;
use daos_types::{Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::collections::{BTreeMap, BTreeSet};

fn object(kind: u8, number: u64) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: number }, ObjectType(kind), ObjectClass::S1)
}

/// Keys that begin alike for more bytes than an anchor holds, and others.
fn any_key(kind: u8, number: u64) -> Key {
    match kind {
        2 => Key::from_u64(number.wrapping_mul(0x9e37_79b9)),
        _ if number.is_multiple_of(3) => Key::new(&[&[b'x'; 64][..], &number.to_be_bytes()].concat()).expect("short"),
        _ => Key::new(&number.to_le_bytes()[..1 + (number % 4) as usize]).expect("short"),
    }
}

#[test]
fn keys_that_stay_are_listed_once_while_others_come_and_go() {
    with_store(|store, _| async move {
        for (kind, seed) in [(0, 1), (2, 2), (5, 3), (5, 4)] {
            let object = object(kind, seed);
            let random = SeededRandom::new(seed);
            let mut epoch = 1;
            // Visible keys by the epoch at which they came or went last.
            let mut there: BTreeMap<Key, bool> = BTreeMap::new();
            let mut change = |epoch: u64| {
                let key = any_key(kind, random.next_u64() % 400);
                let comes = !there.get(&key).copied().unwrap_or(false);
                there.insert(key.clone(), comes);
                let store = store.clone();
                let seen =
                    there.iter().filter(|(_, comes)| **comes).map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
                async move {
                    if comes {
                        let request = UpdateRequest { object, dkey: key, ..update(epoch, "", "a", single(b"x")) };
                        store.update(request).await.expect("update");
                    } else {
                        let request = PunchRequest { object, ..punch(epoch, PunchTarget::Dkeys(vec![key])) };
                        store.punch(request).await.expect("punch");
                    }
                    seen
                }
            };
            let mut seen = BTreeSet::new();
            for _ in 0..300 {
                seen = change(epoch).await;
                epoch += 1;
            }
            let (mut always, mut ever) = (seen.clone(), seen);
            let mut listed = Vec::new();
            let mut anchor = Anchor::Start;
            while anchor != Anchor::End {
                let limits = Limits { count: 1 + (epoch % 5) as usize, bytes: 1 + (epoch % 300) as usize };
                let listing = store.list_dkeys(CONTAINER, object, Epoch::MAX, &anchor, limits).await.expect("list");
                listed.extend(listing.entries);
                anchor = Anchor::decode(&listing.next.encode()).expect("valid");
                for _ in 0..epoch % 4 {
                    let seen = change(epoch).await;
                    always.retain(|key| seen.contains(key));
                    ever.extend(seen);
                    epoch += 1;
                }
                epoch += 1;
            }
            let set: BTreeSet<Key> = listed.iter().cloned().collect();
            assert_eq!(set.len(), listed.len(), "kind {kind}: a key came twice");
            let missing: Vec<&Key> = always.difference(&set).collect();
            assert!(missing.is_empty(), "kind {kind}: keys that stayed are missing: {missing:?}");
            assert!(set.is_subset(&ever), "kind {kind}: a key was never there");
            assert!(always.len() > 50, "the test lists something");
        }
    });
}

#[test]
fn extents_at_a_fixed_epoch_do_not_change_under_a_listing() {
    with_store(|store, _| async move {
        let random = SeededRandom::new(5);
        let mut epoch = 1;
        let write = |epoch: u64| {
            let range = extent(random.next_u64() % 2000, 1 + random.next_u64() % 40);
            let pieces = vec![(range, Data::Bytes(vec![1; range.count() as usize]))];
            let request = update(epoch, "d", "a", UpdateValue::Array { record_size: 1, pieces: pieces.into() });
            let store = store.clone();
            async move { store.update(request).await.expect("update") }
        };
        for _ in 0..300 {
            write(epoch).await;
            epoch += 1;
        }
        let fixed = Epoch(epoch - 1);
        let mut lists: Vec<Vec<(Extent, Epoch)>> = Vec::new();
        for (direction, changes) in
            [(Direction::Forward, 0), (Direction::Forward, 3), (Direction::Backward, 0), (Direction::Backward, 3)]
        {
            let mut found = Vec::new();
            let mut anchor = Anchor::Start;
            while anchor != Anchor::End {
                let limits = Limits { count: 7, bytes: 0 };
                let (dkey, akey) = (key("d"), key("a"));
                let list = store.list_extents(CONTAINER, OBJECT, &dkey, &akey, fixed, direction, &anchor, limits);
                let listing = list.await.expect("list");
                found.extend(listing.entries.iter().map(|entry| (entry.extent, entry.epoch)));
                anchor = listing.next;
                for _ in 0..changes {
                    write(epoch).await;
                    epoch += 1;
                }
            }
            if direction == Direction::Backward {
                found.reverse();
            }
            lists.push(found);
        }
        assert!(lists[0].len() > 100);
        assert!(lists.iter().all(|list| *list == lists[0]));
    });
}

#[test]
fn anchors_of_others_are_refused() {
    with_store(|store, _| async move {
        for number in 0..10u64 {
            for dkey in [format!("{number}"), "d".into()] {
                let pieces = vec![(extent(number * 10, 1), Data::copy_of(b"x"))];
                let array = UpdateValue::Array { record_size: 1, pieces: pieces.into() };
                store.update(update(number + 1, &dkey, "a", array)).await.expect("update");
            }
        }
        let limits = Limits { count: 2, bytes: 100 };
        let keys = store.list_dkeys(CONTAINER, OBJECT, Epoch::MAX, &Anchor::Start, limits).await.expect("list");
        let (dkey, akey, forward) = (key("d"), key("a"), Direction::Forward);
        let start = Anchor::Start;
        let list = store.list_extents(CONTAINER, OBJECT, &dkey, &akey, Epoch::MAX, forward, &start, limits);
        let extents = list.await.expect("list");
        let wrong = store.list_dkeys(CONTAINER, OBJECT, Epoch::MAX, &extents.next, limits).await;
        assert_eq!(wrong.expect_err("another kind").code(), Code::Inval);
        let wrong = store.list_extents(CONTAINER, OBJECT, &dkey, &akey, Epoch::MAX, forward, &keys.next, limits).await;
        assert_eq!(wrong.expect_err("another kind").code(), Code::Inval);
        // Any well-formed anchor gives an answer, whatever it was made of.
        let random = SeededRandom::new(3);
        for _ in 0..2000 {
            let mut bytes = keys.next.encode();
            let at = 1 + random.next_u64() as usize % (bytes.len() - 1);
            bytes[at] ^= random.next_u64() as u8;
            let anchor = Anchor::decode(&bytes).expect("of the right length");
            store.list_dkeys(CONTAINER, OBJECT, Epoch::MAX, &anchor, limits).await.expect("an answer");
        }
    });
}

/// Keys come and go behind, at and before the place of the listing.
#[test]
fn a_listing_of_a_whole_object_goes_on_while_keys_come_and_go() {
    with_store(|store, _| async move {
        let object = object(7, 9);
        let name =
            |number: u64| Key::new(&[&[b'x'; 70][..], format!("{number:03}").as_bytes()].concat()).expect("short");
        let put = async |epoch: u64, number: u64| {
            let akeys = ["a", "b"].map(|akey| AkeyUpdate {
                akey: key(akey),
                value: match akey {
                    "a" => single(&number.to_le_bytes()),
                    _ => {
                        let piece = |start| (extent(start, 1), Data::copy_of(&[number as u8]));
                        UpdateValue::Array { record_size: 1, pieces: (0..5).map(|index| piece(index * 2)).collect() }
                    }
                },
                conditions: Conditions::NONE,
            });
            let request = UpdateRequest { object, dkey: name(number), ..update(epoch, "", "", single(b"")) };
            store.update(UpdateRequest { akeys: akeys.into(), ..request }).await.expect("update");
        };
        for number in 0..150 {
            put(1, number * 2).await;
        }
        let random = SeededRandom::new(11);
        let (mut entries, mut anchor, mut epoch, mut punched) = (Vec::new(), TreeAnchor::Start, 2, BTreeSet::new());
        while anchor != TreeAnchor::End {
            let count = 1 + (epoch % 7) as usize;
            let request =
                TreeRequest { container: CONTAINER, object, epoch: Epoch::MAX, count, bytes: 500, embed: 100 };
            let listing = store.list_tree(&request, &anchor).await.expect("list");
            entries.extend(listing.entries);
            anchor = TreeAnchor::decode(&listing.next.encode()).expect("valid");
            let number = random.next_u64() % 300;
            if number.is_multiple_of(4) {
                punched.insert(name(number));
                let request = PunchRequest { object, ..punch(epoch, PunchTarget::Dkeys(vec![name(number)])) };
                store.punch(request).await.expect("punch");
            } else if number % 2 == 1 {
                put(epoch, number).await;
            }
            epoch += 1;
        }
        let mut dkeys: Vec<(Key, usize)> = Vec::new();
        for entry in entries {
            match entry {
                TreeEntry::Dkey(dkey) => dkeys.push((dkey, 0)),
                TreeEntry::Extent { data, .. } => {
                    let (dkey, count) = dkeys.last_mut().expect("below a dkey");
                    let number: u64 = std::str::from_utf8(&dkey[70..]).expect("digits").parse().expect("digits");
                    assert_eq!(data, Some(Data::copy_of(&[number as u8])));
                    *count += 1;
                }
                _ => {}
            }
        }
        assert!(dkeys.is_sorted_by(|before, after| before.0 < after.0), "each comes once, in order");
        for number in (0..150).map(|number| number * 2).filter(|number| !punched.contains(&name(*number))) {
            let found = dkeys.iter().find(|(dkey, _)| *dkey == name(number));
            assert_eq!(found.map(|found| found.1), Some(5), "what stays is listed with all its values");
        }
        assert!(punched.len() > 20);
    });
}
