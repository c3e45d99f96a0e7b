//! The bytes of prepared changes, and what damaged and forged ones come to.

use super::encoding::decode;
use super::record::Record;
use crate::tree::Tree;
use crate::{
    AkeyUpdate, ChecksumKind, Conditions, Data, Durability, Few, Operation, PunchRequest, PunchTarget, Store,
    StoreSettings, TransactionOutcome, TransactionRequest, UpdateRequest, UpdateValue,
};
use daos_env::{Env, Executor, ManualClock, Random, SeededRandom, Spawner};
use daos_media::{Arena, MemoryMedia};
use daos_status::Code;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId, TransactionId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes(*b"sixteen bytes id");
const OBJECT: ObjectId = ObjectId { hi: 0x0102_0304, lo: 0x0506_0708 };
const ID: TransactionId = TransactionId::from_bytes(*b"one transaction.");

fn in_a_store(test: impl AsyncFnOnce(Rc<Store>, Spawner) + 'static) {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let env = Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) };
    let settings = StoreSettings {
        data_bytes: 64 << 20,
        arena_bytes: 4 << 20,
        log_bytes: 1 << 20,
        durability: Durability::Ram,
        checksum: ChecksumKind::Crc32c,
    };
    let work = async move {
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        test(store, spawner).await;
    };
    executor.block_on(work).expect("it ends");
}

fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

fn request(id: TransactionId, epoch: u64) -> TransactionRequest {
    let (container, object, at, conditions) = (CONTAINER, OBJECT, Epoch(epoch), Conditions::NONE);
    let large: Vec<u8> = (0..5000u32).map(|at| at as u8).collect();
    let extent = Extent::new(9, 2).expect("valid");
    let akey = |name: &str, value| AkeyUpdate { akey: key(name), value, conditions };
    let akeys = vec![
        akey("s", UpdateValue::Single(Data::copy_of(b"hello"))),
        akey("l", UpdateValue::Single(large.into())),
        akey("a", UpdateValue::Array { record_size: 2, pieces: Few::from([(extent, Data::copy_of(b"four"))]) }),
        akey("p", UpdateValue::PunchExtents(vec![extent])),
    ];
    let punch = |what| Operation::Punch(PunchRequest { container, object, epoch: at, what, conditions });
    let operations = vec![
        punch(PunchTarget::Object),
        punch(PunchTarget::Dkeys(vec![key("x"), key("y")])),
        punch(PunchTarget::Akeys { dkey: key("d"), akeys: vec![key("z")] }),
        Operation::Update(UpdateRequest {
            container,
            object,
            epoch: at,
            dkey: key("d"),
            conditions,
            akeys: akeys.into(),
        }),
    ];
    TransactionRequest { transaction: id, epoch: at, container, operations, reads: Vec::new() }
}

fn bytes(arena: &Arena, position: u64, length: usize) -> Vec<u8> {
    arena.read(position, length).expect("in the arena").to_vec()
}

/// The operations of [`request`], as they are stored.
fn golden_operations() -> Vec<u8> {
    let object = [&0x0102_0304u64.to_le_bytes()[..], &0x0506_0708u64.to_le_bytes()].concat();
    let extent = [&9u64.to_le_bytes()[..], &11u64.to_le_bytes()].concat();
    let large: Vec<u8> = (0..5000u32).map(|at| at as u8).collect();
    let parts: [&[u8]; 28] = [
        &[4, 0, 0, 0],
        &[1],
        &object,
        &[2],
        &object,
        b"\x02\0\0\0\x01\0\0\0x\x01\0\0\0y",
        &[3],
        &object,
        b"\x01\0\0\0d\x01\0\0\0\x01\0\0\0z",
        &[0],
        &object,
        b"\x01\0\0\0d\x04\0\0\0",
        b"\x01\0\0\0s\0",
        b"\0\x05\0\0\0hello",
        b"\x01\0\0\0l\0",
        b"\x01\x88\x13\0\0\x02\0\x80\0\0\x01\0\0\0",
        &u64::from(daos_checksum::crc32c(&large)).to_le_bytes(),
        // Two blocks from block 0 on.
        b"\x01\0\0\0\x02\0\0\0\0\0\0\0",
        b"\x01\0\0\0a\x01",
        &2u64.to_le_bytes(),
        b"\x01\0\0\0",
        &extent,
        b"\0\x04\0\0\0four",
        b"\x01\0\0\0p\x02",
        b"\x01\0\0\0",
        &extent,
        b"",
        b"",
    ];
    parts.concat()
}

#[test]
fn golden_bytes_of_prepared_changes() {
    in_a_store(async |store, _| {
        let arena = store.durable.arena();
        store.prepare(request(TransactionId::from_bytes([7; 16]), 4)).await.expect("prepared");
        store.abort(TransactionId::from_bytes([7; 16]), Epoch(4)).await.expect("aborted");
        store.prepare(request(ID, 5)).await.expect("prepared");
        let directory = store.superblock.prepared(arena).expect("sound");
        let [records, next, pieces @ ..] = arena.read_value::<[u32; 10]>(directory).expect("in the arena");
        assert_eq!(next, 1, "the next outcome");
        let mut expected = vec![7; 16];
        expected.extend([4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0; 4096 - 32]);
        assert_eq!(bytes(arena, u64::from(pieces[0]) * 8, 4096), expected, "the first outcomes");
        let cursor = Tree::at(records, false).expect("a tree").first(arena).expect("sound").expect("one");
        let entry = cursor.entry(arena).expect("sound");
        assert_eq!(entry.order, u64::from_be_bytes(*b"one tran"));
        let position = u64::from(entry.link) * 8;
        let record = Record::load(arena, entry.link).expect("sound");
        assert_eq!(record.operations, golden_operations());
        let length = record.operations.len() + record.kept.len() * 8;
        let mut expected = b"one transaction.\x05\0\0\0\0\0\0\0sixteen bytes id".to_vec();
        expected.extend(record.digest.to_le_bytes());
        expected.extend((length as u32).to_le_bytes());
        expected.extend((record.kept.len() as u32).to_le_bytes());
        let header = expected.clone();
        let part = u64::from(arena.read_value::<u32>(position + 64).expect("in the arena")) * 8;
        let content = bytes(arena, part, length);
        expected.extend(daos_checksum::crc64(&[header, content.clone()].concat()).to_le_bytes());
        assert_eq!(bytes(arena, position, 64), expected, "the header");
        let (offset, size) = record.kept[0];
        let kept = [offset.link().to_le_bytes(), (size as u32).to_le_bytes()].concat();
        assert_eq!(content[record.operations.len()..][..8], kept[..], "the first allocation that is kept");
        // What it stores is what the request said.
        store.commit(ID, Epoch(5)).await.expect("committed");
        assert_eq!(store.prepared_list().await.expect("list"), []);
        let outcome = store.transaction_outcome(ID, Epoch(5)).await.expect("known");
        assert_eq!(outcome, Some(TransactionOutcome::Committed));
    });
}

#[test]
fn flipped_bits_of_a_prepared_change_are_noticed() {
    in_a_store(async |store, spawner| {
        store.prepare(request(ID, 5)).await.expect("prepared");
        let link = store.prepared.get(ID).expect("prepared").link;
        let durable = store.durable.clone();
        let arena = durable.arena();
        drop(store);
        let position = u64::from(link) * 8;
        let part = u64::from(arena.read_value::<u32>(position + 64).expect("in the arena")) * 8;
        let length = arena.read_value::<u32>(position + 48).expect("in the arena") as usize;
        // Opening takes a while: of the operations and what is kept, one byte in seven is tried.
        let places = (0..68).map(|at| position + at).chain((0..length as u64).step_by(7).map(|at| part + at));
        for place in places {
            let before: u8 = arena.read_value(place).expect("in the arena");
            let bit = place % 8;
            arena.restore(place, &[before ^ 1 << bit]).expect("in the arena");
            let opened = Store::start(durable.clone(), &spawner);
            let code = opened.err().map(|status| status.code());
            assert!(matches!(code, Some(Code::Csum | Code::DfInval)), "byte {place} gives {code:?}");
            arena.restore(place, &[before]).expect("in the arena");
        }
        let store = Store::start(durable.clone(), &spawner).expect("as it was");
        store.commit(ID, Epoch(5)).await.expect("committed");
    });
}

#[test]
fn forged_operations_give_errors() {
    in_a_store(async |store, _| {
        let golden = golden_operations();
        let (mut sound, mut refused) = (0, 0);
        for seed in 0..20_000 {
            let random = SeededRandom::new(seed);
            let pick = |count: usize| random.next_u64() as usize % count;
            let mut forged = golden.clone();
            for _ in 0..1 + pick(3) {
                let at = pick(forged.len());
                match pick(4) {
                    0 => forged[at] = random.next_u64() as u8,
                    1 => forged[at] ^= 1 << pick(8),
                    2 => forged.truncate(at.max(1)),
                    _ => {
                        let word = random.next_u64().to_le_bytes();
                        let end = forged.len().min(at + 8);
                        forged[at..end].copy_from_slice(&word[..end - at]);
                    }
                }
            }
            match decode(&forged, CONTAINER, Epoch(5), &store.values) {
                Ok(_) => sound += 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::DfInval, "{status}");
                    refused += 1;
                }
            }
        }
        assert!(sound > 100 && refused > 1000, "{sound} are sound, {refused} are refused");
    });
}

/// A record whose checksum fits, but which names what it does not own.
#[test]
fn forged_records_change_nothing() {
    in_a_store(async |store, spawner| {
        store.prepare(request(ID, 5)).await.expect("prepared");
        let prepared = store.prepared.get(ID).expect("prepared");
        let durable = store.durable.clone();
        let arena = durable.arena();
        let sound = Record::load(arena, prepared.link).expect("sound");
        drop(store);
        for forgery in 0..3 {
            let mut record = sound.clone();
            record.transaction = TransactionId::from_bytes([forgery; 16]);
            match forgery {
                // Twice the same, not an allocation, and blocks that are free.
                0 => record.kept.push(record.kept[0]),
                1 => record.kept[0].1 += 4000,
                _ => {
                    let at = golden_operations().windows(12).position(|part| part == b"\x01\0\0\0\x02\0\0\0\0\0\0\0");
                    record.operations[at.expect("the blocks") + 8] = 0x30;
                }
            }
            let store = Store::start(durable.clone(), &spawner).expect("opens");
            let mut transaction = arena.begin();
            super::PreparedTable::insert(&mut transaction, &store.superblock, &record).expect("room");
            durable.commit(transaction).expect("committed");
            drop(store);
            let store = Store::start(durable.clone(), &spawner).expect("opens");
            let before = store.space().expect("sound");
            store.abort(record.transaction, Epoch(5)).await.expect_err("it is refused");
            assert_eq!(store.space().expect("sound"), before);
            assert!(store.prepared.get(record.transaction).is_some());
            // It goes by force, so that the next one is the only forgery.
            let link = store.prepared.get(record.transaction).expect("there").link;
            let mut transaction = arena.begin();
            let superblock = &store.superblock;
            super::PreparedTable::remove(&mut transaction, superblock, record.transaction, link).expect("there");
            durable.commit(transaction).expect("committed");
        }
        let store = Store::start(durable.clone(), &spawner).expect("opens");
        store.commit(ID, Epoch(5)).await.expect("the sound one is as it was");
    });
}
