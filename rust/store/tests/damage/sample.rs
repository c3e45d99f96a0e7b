//! A small store that has something of everything.

use crate::image::{Image, environment, executor, image_of};
use daos_media::{Media, MemoryMedia};
use daos_status::Result;
use daos_store::*;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType, TransactionId};
use std::rc::Rc;

/// Containers, each with checksums of another kind. One without checksums would not notice anything.
pub const KINDS: [ChecksumKind; 7] = [
    ChecksumKind::Crc32c,
    ChecksumKind::Crc64,
    ChecksumKind::Crc16,
    ChecksumKind::Adler32,
    ChecksumKind::Sha1,
    ChecksumKind::Sha256,
    ChecksumKind::Sha512,
];

pub fn container(number: usize) -> ContainerId {
    ContainerId::from_bytes([number as u8 + 1; 16])
}

/// The object in a container: its keys are hashed, integers or lexical.
pub fn object(container: usize) -> ObjectId {
    let kind = [0, 4, 7][container % 3];
    ObjectId::generate(ObjectId { hi: 0, lo: 3 }, ObjectType(kind), ObjectClass::S1)
}

pub fn settings() -> StoreSettings {
    StoreSettings {
        data_bytes: 4 << 20,
        arena_bytes: 2 << 20,
        log_bytes: 256 << 10,
        durability: Durability::Log,
        checksum: ChecksumKind::Crc32c,
    }
}

/// Bytes that compress well: the golden file has them as text.
fn bytes(number: u64, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number as usize + at / 512) as u8 | 1).collect()
}

fn akey(number: u64, value: UpdateValue) -> AkeyUpdate {
    AkeyUpdate { akey: Key::from_u64(number), value, conditions: Conditions::NONE }
}

fn array(number: u64, record_size: u64, ranges: &[(u64, u64)]) -> UpdateValue {
    let piece = |(start, count): &(u64, u64)| {
        let extent = Extent::new(*start, *count).expect("valid");
        (extent, Data::Bytes(bytes(number, (count * record_size) as usize)))
    };
    UpdateValue::Array { record_size, pieces: ranges.iter().map(piece).collect() }
}

/// How many changes [`change`] knows.
pub const CHANGES: u64 = 42;

/// Dkeys of an object.
pub const DKEYS: u64 = 2;

/// The change of a number; each is one transaction.
pub async fn change(store: &Store, number: u64) -> Result<()> {
    let which = (number % KINDS.len() as u64) as usize;
    let (container, object) = (container(which), object(which));
    let (epoch, conditions, dkey) = (Epoch(number + 1), Conditions::NONE, Key::from_u64(number / 3 % DKEYS));
    let akeys = match number % 6 {
        0 => vec![akey(0, UpdateValue::Single(bytes(number, 10).into())), akey(1, array(number, 3, &[(2, 5), (9, 1)]))],
        1 => vec![akey(0, UpdateValue::Single(bytes(number, 5000).into()))],
        2 => vec![akey(1, array(number, 3, &[(1, 2000)])), akey(2, UpdateValue::Single(bytes(number, 0).into()))],
        3 => vec![akey(1, UpdateValue::PunchExtents(vec![Extent::new(3, 4).expect("valid")]))],
        4 => vec![akey(3, array(number, 1, &[(5, 7), (6, 2), (100, 40_000)]))],
        _ => {
            let what = match number % 4 {
                1 => PunchTarget::Object,
                3 => PunchTarget::Dkeys(vec![dkey]),
                _ => PunchTarget::Akeys { dkey, akeys: vec![Key::from_u64(0)] },
            };
            return store.punch(PunchRequest { container, object, epoch, what, conditions }).await;
        }
    };
    store.update(UpdateRequest { container, object, epoch, dkey, conditions, akeys: akeys.into() }).await
}

/// What there is beside changes: a snapshot, an aggregated container with room given back, and a prepared transaction. It is the same after
/// any number of changes.
pub async fn finish(store: &Rc<Store>) -> Result<()> {
    store.snapshot_create(container(0), Epoch(CHANGES / 2)).await?;
    store.aggregate(container(0), Epoch(CHANGES * 3 / 4)).await?;
    store.aggregate(container(1), Epoch(CHANGES * 3 / 4)).await?;
    let (container, epoch, conditions) = (container(2), Epoch(CHANGES + 10), Conditions::NONE);
    let akeys = vec![akey(9, UpdateValue::Single(bytes(1, 100).into())), akey(11, array(2, 1, &[(3, 5000)]))];
    let dkey = Key::from_u64(77);
    let update = UpdateRequest { container, object: object(2), epoch, dkey, conditions, akeys: akeys.into() };
    let (transaction, operations) = (TransactionId::from_bytes([5; 16]), vec![Operation::Update(update)]);
    store.prepare(TransactionRequest { transaction, epoch, container, operations, reads: Vec::new() }).await
}

/// Makes the containers.
pub async fn make_containers(store: &Store) -> Result<()> {
    for (number, checksum) in KINDS.into_iter().enumerate() {
        let settings = ContainerSettings { checksum, ..store.container_defaults() };
        store.container_create(container(number), settings).await?;
    }
    Ok(())
}

/// The devices as a killed process has left them: a checkpoint, and a log behind it; `finished` with something of everything.
pub fn make(finished: bool) -> Image {
    let media = MemoryMedia::new();
    make_on(Rc::new(media.clone()), Durability::Log, finished);
    image_of(&media)
}

/// The same in a class of durability: in persistent memory, the checkpoint is its image, and the log its journal.
pub fn make_on(folder: Rc<dyn Media>, durability: Durability, finished: bool) {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let work = async move {
        let settings = StoreSettings { durability, ..settings() };
        let store = Store::create(folder.clone(), settings, environment(), &spawner).await?;
        make_containers(&store).await?;
        for number in 0..CHANGES / 2 {
            change(&store, number).await?;
        }
        // Closing makes a checkpoint.
        store.close().await?;
        drop(store);
        let store = Store::open(folder, environment(), &spawner).await?;
        for number in CHANGES / 2..CHANGES {
            change(&store, number).await?;
        }
        if finished { finish(&store).await } else { Ok(()) }
    };
    let made: Result<()> = executor.block_on(work).expect("it ends");
    made.expect("made");
}
