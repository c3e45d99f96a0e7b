//! What every implementation of [`Media`] and [`BlockDevice`] must do.

use daos_env::sync::join_all;
use daos_env::{Executor, IoBuffer};
use daos_media::{BLOCK_SIZE, BlockDevice, MAX_TRANSFER, Media};
use daos_status::{Code, Result};
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Waker};

const BLOCK: u64 = BLOCK_SIZE as u64;

/// Runs the suite. `open` gives the same, initially empty, media each time; it is opened again after the first was dropped.
///
/// # Panics
/// When the implementation does not do what it must.
pub fn check_media(executor: &Executor, open: &dyn Fn() -> Rc<dyn Media>) {
    let media = open();
    check_names(&*media);
    check_folders(&*media);
    check_kinds(executor, &*media);
    check_removal(executor, &*media);
    let device = media.create("blocks", 512 * BLOCK).expect("the name is free");
    check_bounds(executor, device.clone());
    check_round_trips(executor, device.clone());
    check_concurrency(executor, device.clone());
    check_dropped_operations(executor, device.clone());
    check_discard(executor, device.clone());
    check_large_transfer(executor, &*media);
    write_then_sync(executor, device);
    drop(media);
    check_reopened(executor, open());
}

fn code_of<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|status| status.code())
}

fn check_names(media: &dyn Media) {
    assert_eq!(media.list().expect("list"), Vec::<String>::new());
    assert!(!media.exists("a").expect("exists"));
    media.create("b", BLOCK).expect("create");
    media.create("a", 8 * BLOCK).expect("create");
    assert_eq!(media.list().expect("list"), ["a", "b"]);
    assert!(media.exists("a").expect("exists"));
    assert_eq!(code_of(media.create("a", BLOCK)), Some(Code::Exist));
    assert_eq!(media.open("a").expect("open").capacity(), 8 * BLOCK);
    assert_eq!(code_of(media.open("c")), Some(Code::Nonexist));
    assert_eq!(code_of(media.remove("c")), Some(Code::Nonexist));
    let long = "x".repeat(300);
    for name in ["", ".", "..", ".hidden", "a/b", "/a", "a b", "ä", "a\0", long.as_str()] {
        assert_eq!(code_of(media.create(name, BLOCK)), Some(Code::Inval), "{name:?}");
        assert_eq!(code_of(media.open(name)), Some(Code::Inval), "{name:?}");
        assert_eq!(code_of(media.folder(name)), Some(Code::Inval), "{name:?}");
    }
    for size in [0, 1, BLOCK + 1, u64::MAX] {
        assert_eq!(code_of(media.create("c", size)), Some(Code::Inval), "{size}");
    }
    media.remove("a").expect("remove");
    media.remove("b").expect("remove");
    assert_eq!(media.list().expect("list"), Vec::<String>::new());
    assert!(!media.describe().is_empty());
}

fn check_folders(media: &dyn Media) {
    let inner = media.folder("inner").expect("folder");
    inner.create("device", BLOCK).expect("create");
    inner.folder("innermost").expect("folder").create("device", BLOCK).expect("create");
    assert!(!media.exists("device").expect("exists"));
    assert_eq!(media.list().expect("list"), Vec::<String>::new());
    assert_eq!(media.folders().expect("folders"), ["inner"]);
    assert_eq!(inner.folders().expect("folders"), ["innermost"]);
    assert_eq!(media.folder("inner").expect("again").list().expect("list"), ["device"]);
    assert_eq!(code_of(media.create("inner", BLOCK)), Some(Code::Exist));
    media.remove_folder("inner").expect("remove");
    assert_eq!(code_of(media.remove_folder("inner")), Some(Code::Nonexist));
    assert_eq!(media.folders().expect("folders"), Vec::<String>::new());
    let again = media.folder("inner").expect("folder");
    assert_eq!(again.list().expect("list"), Vec::<String>::new());
    media.remove_folder("inner").expect("remove");
}

/// Devices and folders are different things.
fn check_kinds(executor: &Executor, media: &dyn Media) {
    let inner = media.folder("folder").expect("folder");
    media.create("device", BLOCK).expect("create");
    assert!(!media.exists("folder").expect("exists"), "a folder is no device");
    assert_eq!(code_of(media.open("folder")), Some(Code::Nonexist));
    assert_eq!(code_of(media.remove("folder")), Some(Code::Nonexist));
    assert_eq!(code_of(media.folder("device")), Some(Code::Notdir));
    assert_eq!(code_of(media.remove_folder("device")), Some(Code::Nonexist));
    assert_eq!(code_of(media.create("folder", BLOCK)), Some(Code::Exist));
    assert_eq!(media.folders().expect("folders"), ["folder"]);
    assert_eq!(media.list().expect("list"), ["device"]);
    let inside = inner.create("device", BLOCK).expect("create");
    media.remove_folder("folder").expect("remove");
    run(executor, async move {
        inside.write(0, pattern(1, BLOCK_SIZE)).await.1.expect("what is open stays usable");
        assert_eq!(inside.read(0, BLOCK_SIZE).await.expect("read")[..], pattern(1, BLOCK_SIZE)[..]);
    });
    media.remove("device").expect("remove");
}

/// What is open stays usable when its name is gone, also when another device takes the name; two handles are one device.
fn check_removal(executor: &Executor, media: &dyn Media) {
    let old = media.create("name", 4 * BLOCK).expect("create");
    media.remove("name").expect("remove");
    assert!(!media.exists("name").expect("exists"));
    let new = media.create("name", 2 * BLOCK).expect("the name is free again");
    let again = media.open("name").expect("open");
    run(executor, async move {
        old.write(0, pattern(1, BLOCK_SIZE)).await.1.expect("write");
        old.sync().await.expect("sync");
        let fresh = new.read(0, 2 * BLOCK_SIZE).await.expect("read");
        assert!(fresh.iter().all(|byte| *byte == 0), "a new device is empty");
        assert_eq!(old.read(0, BLOCK_SIZE).await.expect("read")[..], pattern(1, BLOCK_SIZE)[..]);
        new.write(BLOCK, pattern(2, BLOCK_SIZE)).await.1.expect("write");
        assert_eq!(again.read(BLOCK, BLOCK_SIZE).await.expect("read")[..], pattern(2, BLOCK_SIZE)[..]);
        assert_eq!((old.capacity(), again.capacity()), (4 * BLOCK, 2 * BLOCK));
        again.discard(0, 2 * BLOCK).await.expect("all of it");
    });
    media.remove("name").expect("remove");
}

/// Media that have become too small: what does not fit is refused, and nothing else suffers. `device` has at least 256 blocks, of which the
/// first few at most can be written.
///
/// # Panics
/// When the implementation does not do what it must.
pub fn check_full_media(executor: &Executor, device: Rc<dyn BlockDevice>) {
    run(executor, async move {
        let mut written = 0;
        let failure = loop {
            let offset = written * BLOCK;
            let (buffer, result) = device.write(offset, pattern(written, BLOCK_SIZE)).await;
            assert_eq!(buffer[..], pattern(written, BLOCK_SIZE)[..], "the buffer comes back");
            match result {
                Ok(()) => written += 1,
                Err(status) => break status,
            }
            assert!(written < 256, "it is not full");
        };
        assert!(written > 0, "not even one block: {failure}");
        assert_eq!(failure.code(), Code::Nospace, "{failure}");
        let text = failure.context();
        assert!(text.contains(device.name()) && text.contains(&format!("offset {}", written * BLOCK)), "{failure}");
        let (_, durable) = device.write_durable(written * BLOCK, pattern(0, BLOCK_SIZE)).await;
        assert_eq!(code_of(durable), Some(Code::Nospace));
        for block in 0..written {
            let read = device.read(block * BLOCK, BLOCK_SIZE).await.expect("read");
            assert_eq!(read[..], pattern(block, BLOCK_SIZE)[..], "what fits is there");
        }
        device.write_durable(0, pattern(99, BLOCK_SIZE)).await.1.expect("what has its space can be written");
        device.sync().await.expect("sync");
    });
}

/// Requests that no device can serve; each error names the device.
fn check_bounds(executor: &Executor, device: Rc<dyn BlockDevice>) {
    let end = device.capacity();
    let bad = [(1, 1), (512, 4096), (0, 0), (end, 1), (end - BLOCK, BLOCK_SIZE + 1), (u64::MAX - 4095, 4096)];
    run(executor, async move {
        for (offset, length) in bad {
            let read = device.read(offset, length).await;
            let (buffer, write) = device.write(offset, IoBuffer::zeroed(length)).await;
            assert_eq!(buffer.len(), length, "the buffer comes back");
            let (_, durable) = device.write_durable(offset, IoBuffer::zeroed(length)).await;
            let discard = device.discard(offset, length as u64).await;
            for result in [read.map(|_| ()), write, durable, discard] {
                let status = result.expect_err("out of range");
                assert_eq!(status.code(), Code::Inval, "{offset}+{length}: {status}");
                assert!(status.context().contains(device.name()), "{status}");
            }
        }
        assert_eq!(code_of(device.read(0, MAX_TRANSFER + 1).await), Some(Code::Inval));
    });
}

/// Bytes that tell where and when they were written.
fn pattern(seed: u64, length: usize) -> IoBuffer {
    let mut buffer = IoBuffer::zeroed(length);
    for (index, byte) in buffer.iter_mut().enumerate() {
        *byte = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index as u64 * 131) >> 13) as u8;
    }
    buffer
}

fn check_round_trips(executor: &Executor, device: Rc<dyn BlockDevice>) {
    run(executor, async move {
        let fresh = device.read(0, 16 * BLOCK_SIZE).await.expect("read");
        assert!(fresh.iter().all(|byte| *byte == 0), "what was never written reads as zeros");
        for (seed, (block, length)) in
            [(0, 4096), (5, 1), (7, 4097), (100, 200_000), (511, 4096)].into_iter().enumerate()
        {
            let offset = block * BLOCK;
            let written = pattern(seed as u64, length);
            let (buffer, result) = device.write(offset, IoBuffer::copy_of(&written)).await;
            result.expect("write");
            assert_eq!(buffer[..], written[..], "the buffer comes back as it was");
            let read = device.read(offset, length).await.expect("read");
            assert_eq!(read[..], written[..], "{length} bytes at block {block}");
            assert_eq!(read.padded(), written.padded(), "the padding was written, too");
            let (_, result) = device.write_durable(offset, pattern(seed as u64 + 50, length)).await;
            result.expect("write");
            let read = device.read(offset, length).await.expect("read");
            assert_eq!(read[..], pattern(seed as u64 + 50, length)[..]);
        }
        device.sync().await.expect("sync");
        let neighbour = device.read(6 * BLOCK, BLOCK_SIZE).await.expect("read");
        assert!(neighbour.iter().all(|byte| *byte == 0), "a write stays within its blocks");
    });
}

/// More operations at once than any queue is deep.
fn check_concurrency(executor: &Executor, device: Rc<dyn BlockDevice>) {
    run(executor, async move {
        let writes = (0..500).map(|block| device.write(block * BLOCK, pattern(block, BLOCK_SIZE)));
        for (_, result) in join_all(writes.collect::<Vec<_>>()).await {
            result.expect("write");
        }
        let syncs = (0..20).map(|_| device.sync());
        join_all(syncs.collect::<Vec<_>>()).await.into_iter().for_each(|result| result.expect("sync"));
        let mixed = (0..100).map(|block| {
            let device = device.clone();
            async move {
                let (_, result) = device.write_durable(block * BLOCK, pattern(block + 1000, BLOCK_SIZE)).await;
                result.expect("write");
                device.read((499 - block) * BLOCK, BLOCK_SIZE).await.expect("read")
            }
        });
        let reads = join_all(mixed.collect::<Vec<_>>()).await;
        for (block, read) in (0..100).zip(reads) {
            assert_eq!(read[..], pattern(499 - block, BLOCK_SIZE)[..]);
        }
        let reads = (0..500).map(|block| device.read(block * BLOCK, BLOCK_SIZE));
        for (block, read) in (0u64..).zip(join_all(reads.collect::<Vec<_>>()).await) {
            let seed = if block < 100 { block + 1000 } else { block };
            assert_eq!(read.expect("read")[..], pattern(seed, BLOCK_SIZE)[..], "block {block}");
        }
    });
}

/// Operations whose futures are dropped do no harm, and keep no room in any queue.
fn check_dropped_operations(executor: &Executor, device: Rc<dyn BlockDevice>) {
    let mut context = Context::from_waker(Waker::noop());
    for round in 0..300u64 {
        let mut write = device.write(round % 8 * BLOCK, pattern(round, BLOCK_SIZE));
        let mut read = device.read(0, BLOCK_SIZE);
        // Whatever they answer: they are begun, and then dropped.
        let _ignored = (write.as_mut().poll(&mut context).is_ready(), read.as_mut().poll(&mut context).is_ready());
        drop((write, read, device.sync()));
    }
    executor.run_until_stalled();
    run(executor, async move {
        device.write(0, pattern(7, BLOCK_SIZE)).await.1.expect("write");
        assert_eq!(device.read(0, BLOCK_SIZE).await.expect("read")[..], pattern(7, BLOCK_SIZE)[..]);
    });
}

fn check_discard(executor: &Executor, device: Rc<dyn BlockDevice>) {
    run(executor, async move {
        for block in 0..4 {
            device.write(block * BLOCK, pattern(block, BLOCK_SIZE)).await.1.expect("write");
        }
        device.discard(BLOCK, 2 * BLOCK).await.expect("discard");
        for block in [0, 3] {
            let read = device.read(block * BLOCK, BLOCK_SIZE).await.expect("read");
            assert_eq!(read[..], pattern(block, BLOCK_SIZE)[..], "blocks beside the discarded ones stay");
        }
        for block in [1, 2] {
            let read = device.read(block * BLOCK, BLOCK_SIZE).await.expect("read");
            let zeros = read.iter().all(|byte| *byte == 0);
            assert!(zeros || read[..] == pattern(block, BLOCK_SIZE)[..], "discarded blocks are zeros or as before");
        }
    });
}

fn check_large_transfer(executor: &Executor, media: &dyn Media) {
    let device = media.create("large", 32 << 20).expect("create");
    run(executor, async move {
        let length = (20 << 20) + 5;
        device.write(BLOCK, pattern(3, length)).await.1.expect("write");
        assert!(device.read(BLOCK, length).await.expect("read")[..] == pattern(3, length)[..]);
    });
    media.remove("large").expect("remove");
}

fn write_then_sync(executor: &Executor, device: Rc<dyn BlockDevice>) {
    run(executor, async move {
        for block in 0..64 {
            device.write(block * BLOCK, pattern(block + 77, BLOCK_SIZE)).await.1.expect("write");
        }
        device.sync().await.expect("sync");
    });
}

fn check_reopened(executor: &Executor, media: Rc<dyn Media>) {
    let device = media.open("blocks").expect("it was made");
    assert_eq!(device.capacity(), 512 * BLOCK);
    run(executor, async move {
        for block in 0..64 {
            let read = device.read(block * BLOCK, BLOCK_SIZE).await.expect("read");
            assert_eq!(read[..], pattern(block + 77, BLOCK_SIZE)[..], "block {block}");
        }
    });
}

fn run(executor: &Executor, future: impl Future<Output = ()> + 'static) {
    executor.block_on(future).expect("the task ends");
}
