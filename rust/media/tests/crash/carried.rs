//! Values that the log carries, on their way to their places.

use crate::SEEDS;
use crate::workload::{environment, executor};
use daos_env::{IoBuffer, Spawner};
use daos_media::{
    ArenaSettings, BlockRange, Durability, DurableArena, ExtentAllocator, Media, Offset, blocks_checksum,
};
use daos_sim::media::{Fault, SimMedia};
use daos_status::{Code, Result};
use std::rc::Rc;

const ROOT_EXTENTS: usize = 1;
/// The place of the value that counts.
const ROOT_PLACE: usize = 2;
/// What it holds, all over.
const ROOT_BYTE: usize = 3;
const BLOCKS: u64 = 4;
const SETTINGS: ArenaSettings = ArenaSettings {
    arena_capacity: 2 << 20,
    log_bytes: 1 << 20,
    data_bytes: BLOCKS * 4096,
    durability: Durability::Log,
};

struct Small {
    durable: DurableArena,
    extents: ExtentAllocator,
}

impl Small {
    async fn create(media: Rc<dyn Media>, spawner: &Spawner) -> Result<Small> {
        let durable = DurableArena::create(media, SETTINGS, environment(1), spawner).await?;
        let mut transaction = durable.arena().begin();
        let root = ExtentAllocator::format(&mut transaction, BLOCKS)?;
        transaction.set_root(ROOT_EXTENTS, root.get())?;
        transaction.set_root(ROOT_PLACE, BLOCKS)?;
        durable.commit(transaction)?;
        let extents = ExtentAllocator::open(&durable, root, 0)?;
        Ok(Small { durable, extents })
    }

    async fn open(media: Rc<dyn Media>, spawner: &Spawner) -> Result<Small> {
        let durable = DurableArena::open(media, environment(2), spawner).await?;
        let root = Offset::new(durable.arena().root(ROOT_EXTENTS)?).expect("it was made");
        let extents = ExtentAllocator::open(&durable, root, 0)?;
        Ok(Small { durable, extents })
    }

    fn place(&self) -> u64 {
        self.durable.arena().root(ROOT_PLACE).expect("readable")
    }

    /// Replaces the value by one of two blocks, of which the first is kept; waits until that is durable.
    async fn put(&self, byte: u8, is_carried: bool) -> Result<()> {
        let range = loop {
            match self.extents.reserve_or_wait(2).await?[..] {
                [range] => break range,
                ref ranges => self.extents.abort(ranges),
            }
        };
        let bytes = IoBuffer::copy_of(&[byte; 8192]);
        let mut transaction;
        if is_carried {
            let room = self.durable.room_to_carry(8192).expect("there is room");
            transaction = self.durable.arena().begin();
            self.extents.publish_carried(&mut transaction, range, &room.value(bytes))?;
        } else {
            let checksum = blocks_checksum(&bytes);
            self.durable.data().write(range.offset(), bytes).await.1?;
            transaction = self.durable.arena().begin();
            self.extents.publish_written(&mut transaction, range, checksum)?;
        }
        let old = self.place();
        if old < BLOCKS {
            self.extents.release(&mut transaction, BlockRange { start: old, count: 1 })?;
        }
        self.extents.release(&mut transaction, BlockRange { start: range.start + 1, count: 1 })?;
        transaction.set_root(ROOT_PLACE, range.start)?;
        transaction.set_root(ROOT_BYTE, u64::from(byte))?;
        self.durable.wait_durable(self.durable.commit(transaction)?).await
    }

    /// The byte of the value, which must be all over it.
    async fn get(&self) -> Result<u64> {
        let (place, byte) = (self.place(), self.durable.arena().root(ROOT_BYTE)?);
        if place < BLOCKS {
            let value = self.durable.read_value(place * 4096, 4096).await?;
            assert!(value.iter().all(|found| u64::from(*found) == byte), "{} instead of {byte}", value[0]);
        }
        Ok(byte)
    }
}

fn run<T: 'static>(work: impl AsyncFnOnce(Spawner) -> Result<T> + 'static) -> Result<T> {
    let executor = executor();
    let spawner = executor.spawner().clone();
    executor.block_on(async move { work(spawner).await }).expect("it ends")
}

/// How a block's life goes: carried values and written ones in turn, in four blocks, so that each is used again at once.
const LIVES: [[bool; 6]; 4] = [
    [true, false, true, false, true, false],
    [true, true, true, true, true, true],
    [true, true, false, false, true, true],
    [false, true, false, false, false, true],
];

/// Replaying the log must not write an older value over one that was written to the same blocks since, nor the other way round.
#[test]
fn crash_after_blocks_of_carried_values_were_used_again_loses_nothing() {
    for (seed, life) in SEEDS.range(3).flat_map(|seed| LIVES.map(|life| (seed, life))) {
        for count in [3, life.len()] {
            for is_power_cut in [true, false] {
                let media = SimMedia::new(seed);
                let folder = Rc::new(media.clone());
                run(async move |spawner| {
                    let small = Small::create(folder, &spawner).await?;
                    for (number, is_carried) in life.into_iter().take(count).enumerate() {
                        small.put(number as u8 + 1, is_carried).await?;
                        assert_eq!(small.get().await?, number as u64 + 1);
                    }
                    Ok(())
                })
                .expect("it works");
                match is_power_cut {
                    true => media.power_cycle(),
                    false => media.restart_process(),
                }
                // Twice: what recovery has done is done again.
                for _ in 0..2 {
                    let folder = Rc::new(media.clone());
                    let found = run(async move |spawner| Small::open(folder, &spawner).await?.get().await);
                    assert_eq!(found.expect("it opens"), count as u64, "seed {seed}, {life:?}");
                    media.power_cycle();
                }
            }
        }
    }
}

/// A device that takes no values: changes go on in the log, and are read from memory; the log must keep them, and a checkpoint says why it is not written.
/// Later it takes them again.
#[test]
fn crash_while_carried_values_cannot_be_written_loses_nothing() {
    for seed in SEEDS.range(20) {
        let media = SimMedia::new(seed);
        let folder = Rc::new(media.clone());
        let world = media.clone();
        run(async move |spawner| {
            let small = Small::create(folder, &spawner).await?;
            small.put(1, true).await?;
            for _ in 0..3 {
                world.fail_call(world.calls() + 1, Fault::InputOutput);
                let status = small.durable.checkpoint().await.expect_err("the value cannot be written");
                assert_eq!(status.code(), Code::Io);
                assert!(status.context().contains("cannot be written to their places"), "{status}");
                assert!(small.durable.room_to_carry(4096).is_none(), "no more of them");
                assert_eq!(small.get().await?, 1);
            }
            small.put(2, false).await
        })
        .expect("it works");
        media.power_cycle();
        let folder = Rc::new(media.clone());
        let found = run(async move |spawner| {
            let small = Small::open(folder, &spawner).await?;
            assert_eq!(small.get().await?, 2);
            small.durable.checkpoint().await?;
            small.put(3, true).await?;
            small.get().await
        });
        assert_eq!(found.expect("it works again"), 3, "seed {seed}");
    }
}

/// Recovery cannot write what the log carries: it opens all the same, reads from memory, and the log stays.
#[test]
fn crash_with_carried_values_that_recovery_cannot_write_loses_nothing() {
    for seed in SEEDS.range(20) {
        let media = SimMedia::new(seed);
        let folder = Rc::new(media.clone());
        run(async move |spawner| Small::create(folder, &spawner).await?.put(1, true).await).expect("it works");
        media.power_cycle();
        // The blocks hold nothing yet, and now there is no space for them.
        media.limit_space(Some(media.blocks_used()));
        for _ in 0..2 {
            let folder = Rc::new(media.clone());
            let found = run(async move |spawner| {
                let small = Small::open(folder, &spawner).await?;
                assert!(small.durable.room_to_carry(4096).is_none());
                assert_eq!(small.durable.checkpoint().await.expect_err("no space").code(), Code::Nospace);
                small.get().await
            });
            assert_eq!(found.expect("it opens"), 1, "seed {seed}");
            media.power_cycle();
        }
        media.limit_space(None);
        let folder = Rc::new(media.clone());
        let closed = run(async move |spawner| {
            let small = Small::open(folder, &spawner).await?;
            let byte = small.get().await?;
            small.durable.close().await?;
            Ok(byte)
        });
        assert_eq!(closed.expect("it closes"), 1, "seed {seed}");
    }
}
