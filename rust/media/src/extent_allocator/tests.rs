use super::*;
use crate::memory::Plenty;
use crate::{ArenaSettings, Durability, FileMedia, IoEngine, MemoryMedia};
use daos_env::{Env, Executor, Random, SeededRandom, SystemClock};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

fn executor() -> Executor {
    Executor::new(Arc::new(SystemClock), Duration::ZERO).expect("eventfd")
}

fn arena(executor: &Executor, durability: Durability, blocks: u64) -> DurableArena {
    arena_in(MemoryMedia::new(), executor, durability, blocks)
}

fn arena_in(media: MemoryMedia, executor: &Executor, durability: Durability, blocks: u64) -> DurableArena {
    let settings = ArenaSettings {
        arena_capacity: 8 << 20,
        log_bytes: 1 << 20,
        data_bytes: blocks * BLOCK_SIZE as u64,
        durability,
    };
    let spawner = executor.spawner().clone();
    executor
        .block_on(async move { DurableArena::create(Rc::new(media), settings, Env::system(), &spawner).await })
        .expect("done")
        .expect("create")
}

fn allocator(durable: &DurableArena, blocks: u64, headroom: u64) -> (ExtentAllocator, Offset) {
    let mut transaction = durable.arena().begin();
    let root = ExtentAllocator::format(&mut transaction, blocks).expect("format");
    durable.commit(transaction).expect("commit");
    (ExtentAllocator::open(durable, root, headroom).expect("open"), root)
}

fn publish(durable: &DurableArena, extents: &ExtentAllocator, ranges: &[BlockRange]) -> Lsn {
    let mut transaction = durable.arena().begin();
    ranges.iter().for_each(|range| extents.publish(&mut transaction, *range).expect("publish"));
    durable.commit(transaction).expect("commit")
}

fn release(durable: &DurableArena, extents: &ExtentAllocator, range: BlockRange) -> Lsn {
    let mut transaction = durable.arena().begin();
    extents.release(&mut transaction, range).expect("release");
    durable.commit(transaction).expect("commit")
}

#[test]
fn random_use_agrees_with_a_set() {
    const BLOCKS: u64 = 300_000;
    let executor = executor();
    let durable = arena(&executor, Durability::Ram, BLOCKS);
    let (extents, root) = allocator(&durable, BLOCKS, 0);
    let random = SeededRandom::new(11);
    let mut used: Vec<BlockRange> = Vec::new();
    for _ in 0..2000 {
        match random.next_u64() % 5 {
            0 | 1 => {
                let ranges = extents.reserve(1 + random.next_u64() % 700).expect("reserve");
                publish(&durable, &extents, &ranges);
                used.extend(ranges);
            }
            2 => {
                let ranges = extents.reserve(1 + random.next_u64() % 700).expect("reserve");
                let mut transaction = durable.arena().begin();
                extents.publish(&mut transaction, ranges[0]).expect("publish");
                drop(transaction);
                extents.abort(&ranges);
            }
            3 if !used.is_empty() => {
                let range = used.swap_remove((random.next_u64() % used.len() as u64) as usize);
                release(&durable, &extents, range);
            }
            _ if !used.is_empty() => {
                // Rolled back: nothing happens.
                let mut transaction = durable.arena().begin();
                extents.release(&mut transaction, used[0]).expect("release");
            }
            _ => {}
        }
        let space = extents.space();
        let count: u64 = used.iter().map(|range| range.count).sum();
        assert_eq!((space.used, space.free, space.reserved), (count, BLOCKS - count, 0));
    }
    let blocks: BTreeSet<u64> = used.iter().flat_map(|range| range.start..range.start + range.count).collect();
    assert_eq!(blocks.len() as u64, extents.space().used, "no block is used twice");
    let reopened = ExtentAllocator::open(&durable, root, 0).expect("open");
    assert_eq!(reopened.space(), extents.space());
    let mut rest = BTreeSet::new();
    let mut wanted = 500;
    while reopened.free_blocks() > 0 {
        match reopened.reserve(reopened.free_blocks().min(wanted)) {
            Ok(ranges) => rest.extend(ranges.iter().flat_map(|range| range.start..range.start + range.count)),
            // What is left lies in many small pieces: it can be reserved, but not at once.
            Err(status) => {
                assert!(status.code() == Code::Nospace && wanted > 1, "{status}");
                wanted /= 2;
            }
        }
    }
    assert_eq!(rest.len() as u64 + blocks.len() as u64, BLOCKS);
    assert!(rest.is_disjoint(&blocks));
}

#[test]
fn a_full_device_says_so_and_keeps_its_headroom() {
    let executor = executor();
    let durable = arena(&executor, Durability::Ram, 100);
    let (extents, _) = allocator(&durable, 100, 10);
    assert_eq!(extents.free_blocks(), 90);
    let all = extents.reserve(90).expect("what is free can be reserved");
    assert_eq!(extents.reserve(1).expect_err("full").code(), Code::Nospace);
    let last = extents.reserve_from_headroom(10).expect("headroom");
    assert_eq!(extents.reserve_from_headroom(1).expect_err("full").code(), Code::Nospace);
    publish(&durable, &extents, &all);
    extents.abort(&last);
    assert_eq!(
        extents.space(),
        ExtentSpace { total: 100, free: 0, headroom: 10, reserved: 0, used: 90, free_runs: 1, longest_free_run: 10 }
    );
    release(&durable, &extents, BlockRange { start: 3, count: 5 });
    assert_eq!(extents.reserve(5).expect("deletes free"), [BlockRange { start: 3, count: 5 }]);
}

#[test]
fn a_range_cannot_be_published_or_released_twice() {
    let executor = executor();
    let durable = arena(&executor, Durability::Ram, 100);
    let (extents, _) = allocator(&durable, 100, 0);
    let ranges = extents.reserve(10).expect("reserve");
    publish(&durable, &extents, &ranges);
    let mut transaction = durable.arena().begin();
    assert_eq!(extents.publish(&mut transaction, ranges[0]).expect_err("in use").code(), Code::DfInval);
    let beyond = BlockRange { start: 99, count: 2 };
    assert_eq!(extents.release(&mut transaction, beyond).expect_err("beyond").code(), Code::DfInval);
    let huge = BlockRange { start: u64::MAX, count: 2 };
    assert_eq!(extents.release(&mut transaction, huge).expect_err("beyond").code(), Code::DfInval);
    extents.release(&mut transaction, ranges[0]).expect("release");
    assert_eq!(extents.release(&mut transaction, ranges[0]).expect_err("free").code(), Code::DfInval);
}

#[test]
fn blocks_are_used_again_only_when_durable_and_not_read() {
    let executor = executor();
    let durable = arena(&executor, Durability::Log, 16);
    let (extents, _) = allocator(&durable, 16, 0);
    let ranges = extents.reserve(16).expect("reserve");
    publish(&durable, &extents, &ranges);
    let reader = extents.pin_readers();
    let lsn = release(&durable, &extents, ranges[0]);
    let later = extents.pin_readers();
    assert_eq!(extents.free_blocks(), 16, "what is free in the end");
    assert_eq!(extents.reserve(1).expect_err("not durable").code(), Code::Again);
    let waiting = durable.clone();
    executor.block_on(async move { waiting.wait_durable(lsn).await.expect("durable") });
    assert_eq!(extents.reserve(1).expect_err("being read").code(), Code::Again);
    let waiting = extents.clone();
    let waiter = executor.spawner().spawn(async move { waiting.reserve_or_wait(16).await });
    executor.run_until_stalled();
    drop(reader);
    let ranges = executor.block_on(waiter).flatten().expect("done").expect("free: the later reader cannot see them");
    assert_eq!(ranges, [BlockRange { start: 0, count: 16 }]);
    drop(later);
}

/// Memory gives whole huge pages back: they read as zeros then.
#[test]
fn what_is_free_is_given_back_and_nothing_else() {
    const BLOCKS: u64 = 16 * 512;
    let executor = executor();
    let durable = arena(&executor, Durability::Ram, BLOCKS);
    let (extents, _) = allocator(&durable, BLOCKS, 0);
    let memory = durable.data().direct().expect("class ram");
    let all = BlockRange { start: 0, count: BLOCKS };
    assert_eq!(extents.reserve(BLOCKS).expect("reserve"), [all]);
    publish(&durable, &extents, &[all]);
    for block in 0..BLOCKS {
        memory.write(block * BLOCK_SIZE as u64, &[7; BLOCK_SIZE]).expect("write");
    }
    let pages = |from: u64, to: u64| BlockRange { start: from * 512, count: (to - from) * 512 };
    // Huge pages 2 to 5 are free, 6 is reserved, 8 is free, 9 is free and still read.
    [pages(2, 7), pages(8, 9)].into_iter().for_each(|range| _ = release(&durable, &extents, range));
    let reserved = extents.reserve(512).expect("reserve");
    assert_eq!(reserved, [pages(8, 9)]);
    let reserved = [reserved, extents.reserve(512).expect("reserve")].concat();
    let reader = extents.pin_readers();
    release(&durable, &extents, pages(9, 10));
    let trim = |what| {
        let extents = extents.clone();
        executor.block_on(async move { extents.trim(what).await }).expect("it ends").expect("trim")
    };
    let is_zero =
        |page: u64| memory.read(page * 512 * BLOCK_SIZE as u64, BLOCK_SIZE, |bytes| bytes[0] == 0).expect("read");
    let before = extents.space();
    assert_eq!(trim(Trim::Surplus), 4 * 512);
    assert_eq!(trim(Trim::All), 4 * 512);
    assert_eq!(extents.space(), before);
    let zeros: Vec<u64> = (0..16).filter(|page| is_zero(*page)).collect();
    assert_eq!(zeros, [3, 4, 5, 6], "2 and 8 are reserved, 9 is read");
    drop(reader);
    extents.abort(&reserved);
    assert_eq!(trim(Trim::All), 7 * 512);
    assert_eq!((0..16).filter(|page| is_zero(*page)).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 8, 9]);
}

/// What a device keeps is not given back over and over.
#[test]
fn giving_back_to_a_device_that_keeps_it_is_not_worth_the_work() {
    const BLOCKS: u64 = 20 << 10;
    let is_worth = |media: MemoryMedia| {
        let executor = executor();
        let durable = arena_in(media, &executor, Durability::Ram, BLOCKS);
        let (extents, _) = allocator(&durable, BLOCKS, 0);
        let ranges = extents.reserve(BLOCKS).expect("reserve");
        publish(&durable, &extents, &ranges);
        release(&durable, &extents, ranges[0]);
        assert_eq!(extents.space().free, BLOCKS);
        let keeps = durable.data().direct().expect("class ram").keeps_memory();
        (extents.is_worth_trimming(), keeps)
    };
    assert_eq!(is_worth(MemoryMedia::new()), (true, false));
    // Whether it keeps memory depends on what the machine has.
    let plenty = Plenty::default().is_there();
    let (is_worth, keeps) = is_worth(MemoryMedia::taken_ahead());
    assert_ne!(is_worth, keeps);
    assert!(keeps || !plenty || !Plenty::default().is_there());
}

/// While blocks are being discarded, a reservation waits for them, as they count as free.
#[test]
fn blocks_that_are_being_discarded_are_waited_for() {
    let executor = executor();
    let durable = arena(&executor, Durability::Ram, 100);
    let (extents, _) = allocator(&durable, 100, 10);
    let discard = extents.take_run(0, u64::MAX, Trim::All, u64::MAX).expect("all of it");
    assert_eq!(extents.reserve(90).expect_err("not now").code(), Code::Again);
    assert_eq!(extents.reserve(91).expect_err("never").code(), Code::Nospace);
    assert_eq!((extents.space().free, extents.reserve_one(1)), (90, None));
    let asking = extents.clone();
    let reserve = executor.spawner().spawn(async move { asking.reserve_or_wait(90).await });
    executor.run_until_stalled();
    assert_eq!(extents.space().reserved, 0, "it waits");
    drop(discard);
    let reserved = executor.block_on(reserve).expect("it ends").expect("the task ran");
    assert_eq!(reserved.expect("there are enough"), [BlockRange { start: 0, count: 90 }]);
}

/// While blocks are being written ahead nobody can have them: a zero that comes late must not lie over a value.
#[test]
fn blocks_that_are_written_ahead_are_waited_for() {
    const BLOCKS: u64 = 100;
    let executor = executor();
    let (directory, spawner) = (tempfile::tempdir().expect("a directory"), executor.spawner().clone());
    // Where there is no io_uring, a write has ended when its future is first looked at.
    let Ok(media) = FileMedia::create(directory.path(), IoEngine::Ring, &spawner) else { return };
    let (data_bytes, durability) = (BLOCKS * BLOCK_SIZE as u64, Durability::Log);
    let settings = ArenaSettings { arena_capacity: 8 << 20, log_bytes: 1 << 20, data_bytes, durability };
    let create =
        async move { DurableArena::create(Rc::new(media), settings, Env::system(), &spawner).await.expect("create") };
    let durable = executor.block_on(create).expect("done");
    let (extents, _) = allocator(&durable, BLOCKS, 0);
    let used = extents.reserve(10).expect("reserve");
    publish(&durable, &extents, &used);
    let mine = extents.clone();
    let mut writing = Box::pin(async move { mine.write_ahead(BlockRange { start: 0, count: 80 }, || false).await });
    assert!(writing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(extents.reserve_one(21), None, "20 are free, and 70 are being written");
    assert_eq!(extents.reserve(30).expect_err("not now").code(), Code::Again);
    let position = executor.block_on(writing).expect("done").expect("written");
    assert_eq!(position, 80);
    assert_eq!(extents.reserve_one(90), Some(BlockRange { start: 10, count: 90 }));
}
