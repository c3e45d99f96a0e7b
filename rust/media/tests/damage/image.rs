//! The devices of a small arena as bytes, and what it holds.

use daos_env::{Env, Executor, IoBuffer, ManualClock, SeededRandom};
use daos_media::{
    ArenaSettings, BlockRange, Durability, DurableArena, ExtentAllocator, Media, MemoryMedia, Offset, blocks_checksum,
};
use daos_status::Result;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The devices by their names.
pub type Image = BTreeMap<String, Vec<u8>>;

pub const CHECKPOINT: &str = "checkpoint";
pub const LOG: &str = "log";
pub const DATA: &str = "data";

/// Records, which every transaction sets to its number.
const RECORDS: u64 = 6;
const RECORD_BYTES: usize = 104;
const VALUE_BYTES: usize = 512;
const BLOCKS: u64 = 16;
const ROOT_TABLE: usize = 0;
pub const ROOT_EXTENTS: usize = 1;

/// How many transactions the sample holds; a checkpoint covers those up to [`IN_CHECKPOINT`].
pub const LAST: u64 = 10;
const IN_CHECKPOINT: u64 = 5;

pub fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

pub fn environment() -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) }
}

fn record(number: u64, length: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(length / 8)
}

async fn transact(durable: &DurableArena, extents: &ExtentAllocator, number: u64) -> Result<()> {
    let mut value = None;
    if number.is_multiple_of(3) {
        let range = extents.reserve_or_wait(1).await?[0];
        let bytes = IoBuffer::copy_of(&record(number, VALUE_BYTES));
        let room = if number.is_multiple_of(2) { durable.room_to_carry(VALUE_BYTES) } else { None };
        match room {
            Some(room) => value = Some((range, Err(room.value(bytes)))),
            None => {
                value = Some((range, Ok(blocks_checksum(&bytes))));
                durable.data().write(range.offset(), bytes).await.1?;
            }
        }
    }
    let table = durable.arena().root(ROOT_TABLE)?;
    let mut transaction = durable.arena().begin();
    for index in 0..RECORDS {
        let position: u64 = transaction.arena().read_value(table + index * 8)?;
        transaction.write(position + 8, &record(number, RECORD_BYTES - 8))?;
    }
    if let Some((range, bytes)) = value {
        let position: u64 = transaction.arena().read_value(table)?;
        let old: u64 = transaction.arena().read_value(position)?;
        if old < BLOCKS {
            extents.release(&mut transaction, BlockRange { start: old, count: 1 })?;
        }
        match bytes {
            Ok(checksum) => extents.publish_written(&mut transaction, range, checksum)?,
            Err(carried) => extents.publish_carried(&mut transaction, range, &carried)?,
        }
        transaction.write(position, &range.start.to_le_bytes())?;
    }
    let lsn = durable.commit(transaction)?;
    durable.wait_durable(lsn).await
}

/// Makes the sample: a killed process has left a checkpoint and, behind it, a log of several batches.
pub fn sample() -> Image {
    let executor = executor();
    let (media, spawner) = (MemoryMedia::new(), executor.spawner().clone());
    let folder = Rc::new(media.clone());
    let make = async move {
        let settings = ArenaSettings {
            arena_capacity: 2 << 20,
            log_bytes: 144 << 10,
            data_bytes: BLOCKS * 4096,
            durability: Durability::Log,
        };
        let durable = DurableArena::create(folder, settings, environment(), &spawner).await?;
        let mut transaction = durable.arena().begin();
        let table = transaction.allocate(RECORDS as usize * 8)?;
        for index in 0..RECORDS {
            let offset = transaction.allocate(RECORD_BYTES)?;
            transaction.fill(offset.get(), &BLOCKS.to_le_bytes())?;
            transaction.fill(offset.get() + 8, &record(0, RECORD_BYTES - 8))?;
            transaction.write(table.get() + index * 8, &offset.get().to_le_bytes())?;
        }
        let root = ExtentAllocator::format(&mut transaction, BLOCKS)?;
        transaction.set_root(ROOT_TABLE, table.get())?;
        transaction.set_root(ROOT_EXTENTS, root.get())?;
        durable.commit(transaction)?;
        let extents = ExtentAllocator::open(&durable, root, 0)?;
        for number in 1..=LAST {
            transact(&durable, &extents, number).await?;
            if number == IN_CHECKPOINT {
                durable.checkpoint().await?;
            }
        }
        Ok(())
    };
    let made: Result<()> = executor.block_on(make).expect("it ends");
    made.expect("made");
    drop(executor);
    image_of(&media)
}

/// The bytes of all devices.
pub fn image_of(media: &MemoryMedia) -> Image {
    let mut image = Image::new();
    for name in media.list().expect("list") {
        let device = media.open(&name).expect("open");
        let length = device.capacity() as usize;
        let read = async move { device.read(0, length).await };
        image.insert(name, executor().block_on(read).expect("done").expect("read").to_vec());
    }
    image
}

/// Devices with these bytes; what is no whole block at their ends is cut off, as of files.
pub fn media_of(image: &Image) -> MemoryMedia {
    let media = MemoryMedia::new();
    let executor = executor();
    for (name, bytes) in image {
        let whole = bytes.len() / 4096 * 4096;
        // There are no empty devices in memory: one of a block of zeros stands for an empty file.
        let device = media.create(name, whole.max(4096) as u64).expect("create");
        for (index, block) in bytes[..whole].chunks(1 << 16).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                let write = device.write(index as u64 * (1 << 16), IoBuffer::copy_of(block));
                executor.block_on(async move { write.await.1 }).expect("done").expect("write");
            }
        }
    }
    media
}

/// The number that all records have.
///
/// # Panics
/// When they differ, or their value is not theirs: a transaction is there by half.
fn number_of(durable: &DurableArena) -> Result<(u64, u64)> {
    let table = durable.arena().root(ROOT_TABLE)?;
    let mut numbers = Vec::new();
    let first: u64 = durable.arena().read_value(table)?;
    for index in 0..RECORDS {
        let position: u64 = durable.arena().read_value(table + index * 8)?;
        let bytes = durable.arena().read(position + 8, RECORD_BYTES - 8)?.to_vec();
        let number = u64::from_le_bytes(*bytes.first_chunk().expect("long enough"));
        assert!(bytes == record(number, RECORD_BYTES - 8), "record {index} is half {number}");
        numbers.push(number);
    }
    assert!(numbers.iter().all(|number| *number == numbers[0]), "half a transaction: {numbers:?}");
    Ok((numbers[0], durable.arena().read_value(first)?))
}

/// Opens devices: the number of the last transaction that is there.
pub fn open(media: MemoryMedia) -> Result<u64> {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let open = async move {
        let durable = DurableArena::open(Rc::new(media), environment(), &spawner).await?;
        let (number, block) = number_of(&durable)?;
        let root = Offset::new(durable.arena().root(ROOT_EXTENTS)?).expect("a root");
        let extents = ExtentAllocator::open(&durable, root, 0)?;
        assert_eq!(extents.space().used, u64::from(number >= 3));
        if block < BLOCKS {
            let value = durable.read_value(block * 4096, VALUE_BYTES).await?;
            // What a transaction released that is not there any more may hold something else by now.
            let is_last = number == LAST;
            assert!(
                !is_last || value[..] == record(number / 3 * 3, VALUE_BYTES)[..],
                "the value is not that of {number}"
            );
        }
        transact(&durable, &extents, number + 1).await?;
        durable.close().await?;
        assert_eq!(number_of(&durable)?.0, number + 1);
        Ok(number)
    };
    executor.block_on(open).expect("it ends")
}
