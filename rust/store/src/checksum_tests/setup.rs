//! A store in memory, requests to it, where its values lie, and bits that flip.

use super::{ARRAY_BYTES, OBJECT};
use crate::array;
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::stored::StoredRange;
use crate::value_space::Pieces;
use crate::*;
use daos_env::{Env, Executor, ManualClock, Random, SeededRandom, Spawner};
use daos_media::MemoryMedia;
use daos_types::{ContainerId, Epoch, Extent, Key};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn run(test: impl AsyncFnOnce(Rc<Store>, Spawner) + 'static) {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let env = Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) };
    let settings = StoreSettings {
        data_bytes: 64 << 20,
        arena_bytes: 8 << 20,
        log_bytes: 2 << 20,
        durability: Durability::Ram,
        checksum: ChecksumKind::Crc64,
    };
    let work = async move {
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
        test(store, spawner.clone()).await;
    };
    executor.block_on(work).expect("it ends");
}

pub(super) fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

pub(super) fn bytes(random: &SeededRandom, length: usize) -> Vec<u8> {
    (0..length.div_ceil(8)).flat_map(|_| random.next_u64().to_le_bytes()).take(length).collect()
}

pub(super) fn update(container: ContainerId, epoch: u64, akey: &str, value: UpdateValue) -> UpdateRequest {
    let conditions = Conditions::NONE;
    let akeys = vec![AkeyUpdate { akey: key(akey), value, conditions }];
    UpdateRequest { container, object: OBJECT, epoch: Epoch(epoch), dkey: key("dkey"), conditions, akeys: akeys.into() }
}

pub(super) fn write(container: ContainerId, epoch: u64, start: usize, data: &[u8]) -> UpdateRequest {
    let extent = Extent::new(start as u64, data.len() as u64).expect("not empty");
    let value = UpdateValue::Array { record_size: 1, pieces: Few::from([(extent, Data::copy_of(data))]) };
    update(container, epoch, "array", value)
}

pub(super) async fn fetch(
    store: &Store,
    container: ContainerId,
    epoch: u64,
    akey: &str,
    what: FetchWhat,
) -> daos_status::Result<Fetched> {
    let reply = store.fetch(fetch_request(container, epoch, akey, what)).await?;
    Ok(reply.akeys.into_iter().next().expect("one"))
}

fn fetch_request(container: ContainerId, epoch: u64, akey: &str, what: FetchWhat) -> FetchRequest {
    let conditions = Conditions::NONE;
    let akeys = vec![AkeyFetch { akey: key(akey), what, conditions }];
    let (object, epoch, dkey, size_only) = (OBJECT, Epoch(epoch), key("dkey"), false);
    FetchRequest { container, object, epoch, dkey, akeys: akeys.into(), size_only, conditions }
}

/// The bytes of a part of the array; zeros where nothing was written.
pub(super) async fn read(
    store: &Store,
    container: ContainerId,
    start: usize,
    length: usize,
) -> daos_status::Result<Vec<u8>> {
    let fetched = fetch(store, container, 1 << 40, "array", what(start, length)).await?;
    Ok(bytes_of(fetched, start, length))
}

fn what(start: usize, length: usize) -> FetchWhat {
    FetchWhat::Array(Few::from([Extent::new(start as u64, length as u64).expect("not empty")]))
}

/// As [`read`], where the bytes lie.
pub(super) async fn read_in_place(
    store: &Store,
    container: ContainerId,
    start: usize,
    length: usize,
) -> daos_status::Result<Vec<u8>> {
    let request = fetch_request(container, 1 << 40, "array", what(start, length));
    let reply = store.fetch_in_place(request).await?;
    Ok(bytes_of(reply.akeys.into_iter().next().expect("one"), start, length))
}

fn bytes_of(fetched: Fetched, start: usize, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    if let Fetched::Array { pieces, .. } = fetched {
        for piece in pieces {
            if let Content::Data(data) = piece.content {
                let at = piece.extent.start() as usize - start;
                out[at..at + data.len()].copy_from_slice(&data);
            }
        }
    }
    out
}

pub(super) async fn scrub(store: &Store, container: Option<ContainerId>, limits: ScrubLimits) -> ScrubProgress {
    let mut pass = Scrub::new(container);
    while store.scrub_step(&mut pass, limits).await.expect("open") {}
    assert!(pass.is_done());
    pass.progress()
}

/// Where all values of the dkey lie.
pub(super) fn ranges(store: &Store, container: ContainerId) -> Vec<StoredRange> {
    let arena = store.durable.arena();
    let object_key = object_key(OBJECT);
    let container = store.container(arena, container).expect("there");
    let object = container.find_child(arena, &fixed_probe(&object_key)).expect("sound").expect("there");
    let kind = OBJECT.object_type();
    let (dkey, array, single) = (key("dkey"), key("array"), key("single"));
    let dkey = object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), &dkey).expect("a key"));
    let dkey = dkey.expect("sound").expect("there");
    let mut found = Vec::new();
    if let Some(akey) = dkey.find_child(arena, &KeyProbe::new(kind.akey_kind(), &array).expect("a key")).expect("sound")
    {
        let all = Extent::new(0, u64::MAX).expect("valid");
        let take = |record: array::Record| {
            found.push(record.locate(record.extent));
            Ok(())
        };
        array::for_each_overlapping(arena, &akey, all, take).expect("sound");
    }
    if let Some(akey) =
        dkey.find_child(arena, &KeyProbe::new(kind.akey_kind(), &single).expect("a key")).expect("sound")
    {
        let window = crate::visibility::Window::until(u64::MAX - 1);
        let link = single::find(arena, &akey, window).expect("sound").expect("there");
        found.push(single::locate(arena, link).expect("sound"));
    }
    found
}

/// Flips a bit of a stored value.
pub(super) async fn flip(store: &Store, range: &StoredRange, byte: usize, bit: u8) {
    let arena = store.durable.arena();
    if !range.on_device {
        let position = range.address + byte as u64;
        let mut found = [0];
        arena.read_into(position, &mut found).expect("in the arena");
        arena.restore(position, &[found[0] ^ 1 << bit]).expect("in the arena");
        return;
    }
    let mut at = 0;
    for piece in Pieces::new(arena, range.address, range.value_length) {
        let piece = piece.expect("sound");
        let size = piece.bytes() as usize;
        if byte < at + size {
            let mut buffer = store.durable.data().read(piece.offset(), size).await.expect("read");
            buffer[byte - at] ^= 1 << bit;
            store.durable.data().write(piece.offset(), buffer).await.1.expect("write");
            return;
        }
        at += size;
    }
}

/// Writes values of many sizes over each other; what the array holds.
pub(super) async fn fill(store: &Store, container: ContainerId, random: &SeededRandom) -> (Vec<u8>, u64) {
    let sizes = [1, 7, 64, 511, 4095, 4096, 4097, 32_768, 32_769, 70_001, 200_000];
    let mut model = vec![0; ARRAY_BYTES];
    let mut written = 0;
    for epoch in 1..=14u64 {
        let size = if epoch == 1 { ARRAY_BYTES } else { sizes[random.next_u64() as usize % sizes.len()] };
        let start = random.next_u64() as usize % (ARRAY_BYTES - size + 1);
        let data = bytes(random, size);
        store.update(write(container, epoch, start, &data)).await.expect("update");
        model[start..start + size].copy_from_slice(&data);
        written += size as u64;
    }
    (model, written)
}
