//! Flipped bits of the words that say what a value is: whether it has checksums, of which kind, and whether it is a value at all.

use super::setup::{bytes, fetch, key, run, update};
use super::{CONTAINER, OBJECT};
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::Children;
use crate::*;
use daos_env::SeededRandom;
use daos_status::Code;
use daos_types::Extent;

/// Where the record of the only value of an akey lies.
fn record(store: &Store, akey: &str) -> u64 {
    let arena = store.durable.arena();
    let container = store.container(arena, CONTAINER).expect("there");
    let object = container.find_child(arena, &fixed_probe(&object_key(OBJECT))).expect("sound").expect("there");
    let kind = OBJECT.object_type();
    let (dkey, akey) = (key("dkey"), key(akey));
    let dkey = object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), &dkey).expect("a key"));
    let akey = dkey
        .expect("sound")
        .expect("there")
        .find_child(arena, &KeyProbe::new(kind.akey_kind(), &akey).expect("a key"))
        .expect("sound")
        .expect("there");
    match akey.children().expect("sound") {
        Children::Direct(link) => u64::from(link) * 8,
        _ => panic!("one value"),
    }
}

/// The words of a record, by their place and their length, that say what the value is. Of an extent, the number among writes of one epoch is not
/// among them.
fn words(is_array: bool) -> &'static [(u64, u64)] {
    if is_array { &[(24, 12), (39, 1)] } else { &[(8, 16)] }
}

/// A bit that is not seen in an answer: whether the record lies in the room of its akey.
fn is_about_the_room(is_array: bool, bit: u64) -> bool {
    bit == if is_array { 39 * 8 + 7 } else { 20 * 8 + 7 }
}

fn extent(count: usize) -> Extent {
    Extent::new(3, count as u64).expect("not empty")
}

fn value(name: &str, data: &[u8]) -> UpdateValue {
    match name {
        "single" => UpdateValue::Single(Data::copy_of(data)),
        "array" => {
            UpdateValue::Array { record_size: 1, pieces: Few::from([(extent(data.len()), Data::copy_of(data))]) }
        }
        _ => UpdateValue::PunchExtents(vec![extent(data.len())]),
    }
}

/// Found that a container's checksums could be turned off for a value by one bit of its record: crc16, crc32 and sha1 are named by numbers with
/// one bit, and without it by zero, which stands for none. A punched range gave out the bytes that lie behind its record. And a checksum that was
/// taken for the place of checksums, where zeros were, led to a division by zero.
#[test]
fn a_flipped_bit_of_a_record_is_noticed_or_changes_no_answer() {
    run(async |store, _| {
        let random = SeededRandom::new(11);
        for kind in ChecksumKind::ALL.into_iter().filter(|kind| *kind != ChecksumKind::Off) {
            for (name, length) in [("single", 90), ("single", 6000), ("array", 90), ("array", 6000), ("punched", 90)] {
                let settings = ContainerSettings { checksum: kind, ..store.container_defaults() };
                store.container_create(CONTAINER, settings).await.expect("create");
                let data = bytes(&random, length);
                let update = update(CONTAINER, 5, name, value(name, &data));
                store.update(update).await.expect("update");
                let is_array = name != "single";
                let what = || if is_array { FetchWhat::Array(Few::from([extent(length)])) } else { FetchWhat::Single };
                let expected = fetch(&store, CONTAINER, 9, name, what()).await.expect("sound");
                let (arena, position) = (store.durable.arena(), record(&store, name));
                for (start, count) in words(is_array) {
                    for bit in start * 8..(start + count) * 8 {
                        let mut byte = [0];
                        arena.read_into(position + bit / 8, &mut byte).expect("in the arena");
                        arena.restore(position + bit / 8, &[byte[0] ^ 1 << (bit % 8)]).expect("in the arena");
                        match fetch(&store, CONTAINER, 9, name, what()).await {
                            Ok(found) => assert_eq!(found, expected, "{kind}, {name} of {length}: bit {bit}"),
                            Err(status) => {
                                // A size may have become one that is too large to be fetched.
                                let is_noticed = matches!(status.code(), Code::Csum | Code::DfInval | Code::Overflow);
                                assert!(is_noticed, "{status}");
                                assert!(!is_about_the_room(is_array, bit), "bit {bit}: {status}");
                            }
                        }
                        arena.restore(position + bit / 8, &byte).expect("in the arena");
                    }
                }
                assert_eq!(fetch(&store, CONTAINER, 9, name, what()).await.expect("sound again"), expected);
                store.container_destroy(CONTAINER).await.expect("destroy");
                store.wait_until_reclaimed().await;
            }
        }
    });
}
