use super::*;
use daos_env::sync::join_all;
use daos_env::{Executor, IoBuffer, ManualClock};
use daos_media::IoFuture;
use daos_testkit::media_suite::{check_full_media, check_media};
use daos_testkit::memory_suite::check_memory;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

#[test]
fn simulated_media_pass_the_suite() {
    for seed in 0..5 {
        let media = SimMedia::new(seed);
        check_media(&executor(), &|| Rc::new(media.clone()));
        let media = SimMedia::new(seed);
        check_memory(&|| Rc::new(media.clone()));
    }
}

/// Writes 64 blocks, syncs at the 32nd, and cuts the power at once or at a persist operation.
fn run_workload(media: &SimMedia) {
    let executor = executor();
    let media = media.clone();
    executor.spawner().spawn(async move {
        let device = media.create("d", 1 << 20).expect("create");
        for block in 0..64u64 {
            device.write(block * 4096, IoBuffer::copy_of(&[block as u8 + 1; 4096])).await.1.expect("write");
            if block == 31 {
                device.sync().await.expect("sync");
            }
        }
    });
    executor.run_until_stalled();
}

fn blocks(media: &SimMedia) -> Vec<Vec<u8>> {
    let device = media.open("d").expect("open");
    let read = async move {
        let mut blocks = Vec::new();
        for block in 0..64 {
            blocks.push(device.read(block * 4096, 4096).await.expect("read").to_vec());
        }
        blocks
    };
    executor().block_on(read).expect("done")
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_tears_only_sectors() {
    let (mut lost, mut torn, mut kept) = (0, 0, 0);
    for seed in 0..20 {
        let media = SimMedia::new(seed);
        run_workload(&media);
        media.power_cycle();
        for (index, block) in blocks(&media).iter().enumerate() {
            let value = index as u8 + 1;
            for sector in block.chunks(512) {
                assert!(sector.iter().all(|byte| *byte == value) || sector.iter().all(|byte| *byte == 0));
            }
            match block.iter().filter(|byte| **byte == value).count() {
                4096 => kept += usize::from(index >= 32),
                _ if index < 32 => panic!("block {index} was synced"),
                0 => lost += 1,
                _ => torn += 1,
            }
        }
    }
    assert!(lost > 50 && torn > 50 && kept > 50, "{lost} {torn} {kept}");
}

#[test]
fn nothing_happens_after_the_cut() {
    for cut in 0..66 {
        let media = SimMedia::new(cut);
        if cut > 0 {
            media.cut_power_at(cut);
        } else {
            continue;
        }
        run_workload(&media);
        assert!(media.is_off());
        assert_eq!(media.persists(), cut);
        media.power_cycle();
        assert!(!media.is_off());
        let present = blocks(&media).iter().filter(|block| block.iter().any(|byte| *byte != 0)).count();
        // The making of the device, and from block 32 on the sync, are persist operations, too.
        assert!(present as u64 <= cut, "{present} blocks after {cut}");
        if cut >= 34 {
            assert!(present >= 32, "{present} blocks after {cut}");
        }
    }
}

#[test]
fn a_seed_decides_everything() {
    let run = |seed| {
        let media = SimMedia::new(seed);
        media.cut_power_at(50);
        run_workload(&media);
        media.power_cycle();
        media.fingerprint()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn calls_fail_on_demand() {
    let media = SimMedia::new(1);
    let device = media.create("d", 1 << 20).expect("create");
    // The making of the device was the first.
    media.fail_call(2, Fault::InputOutput);
    media.fail_call(3, Fault::NoSpace);
    media.fail_call(4, Fault::Short);
    media.fail_call(6, Fault::InputOutput);
    media.fail_call(7, Fault::InputOutput);
    let check = async move {
        let write = || device.write(0, IoBuffer::copy_of(&[1; 8192]));
        assert_eq!(write().await.1.expect_err("EIO").code(), Code::Io);
        assert_eq!(write().await.1.expect_err("ENOSPC").code(), Code::Nospace);
        assert_eq!(write().await.1.expect_err("short").code(), Code::Io);
        write().await.1.expect("no fault");
        assert_eq!(device.sync().await.expect_err("EIO").code(), Code::Io);
        assert_eq!(device.read(0, 4096).await.expect_err("EIO").code(), Code::Io);
        device.read(0, 4096).await.expect("no fault")[0]
    };
    assert_eq!(executor().block_on(check), Some(1));
    media.flip_bit("d", 3).expect("bit");
    assert!(media.flip_bit("d", 1 << 40).is_err() && media.flip_bit("e", 0).is_err());
}

/// Each call by name can fail, and then has done nothing.
#[test]
fn calls_by_name_fail_on_demand() {
    let media = SimMedia::new(1);
    media.folder("f").expect("folder");
    media.create("d", 4096).expect("create");
    media.create_memory("m", 4096).expect("create");
    let before = (media.list().expect("list"), media.folders().expect("folders"));
    type Call = fn(&SimMedia) -> Result<()>;
    let calls: [Call; 11] = [
        |media| media.create("x", 4096).map(drop),
        |media| media.create_memory("y", 4096).map(drop),
        |media| media.folder("z").map(drop),
        |media| media.open("d").map(drop),
        |media| media.open_memory("m").map(drop),
        |media| media.remove("d"),
        |media| media.remove("m"),
        |media| media.remove_folder("f"),
        |media| media.exists("d").map(drop),
        |media| media.list().map(drop),
        |media| media.folders().map(drop),
    ];
    for (place, call) in calls.iter().enumerate() {
        for (fault, code) in [(Fault::InputOutput, Code::Io), (Fault::NoSpace, Code::Nospace), (Fault::Short, Code::Io)]
        {
            media.fail_call(media.calls() + 1, fault);
            assert_eq!(call(&media).expect_err("fails").code(), code, "call {place}, {fault:?}");
            assert_eq!((media.list().expect("list"), media.folders().expect("folders")), before, "call {place}");
        }
    }
    calls.iter().for_each(|call| call(&media).expect("none fails"));
}

/// What persistent memory does when the power goes: drained lines stay, others go or stay word by word, as a seed decides.
#[test]
fn persistent_memory_keeps_what_was_drained() {
    let (mut lost, mut kept, mut torn) = (0, 0, 0);
    for seed in 0..60 {
        let media = SimMedia::new(seed);
        let memory = media.create_memory("m", 4096).expect("create");
        memory.store(0, &[1; 128]).expect("store");
        memory.drain().expect("drain");
        memory.store(64, &[2; 64]).expect("store");
        media.power_cycle();
        assert_eq!(memory.drain().expect_err("it was opened before").code(), Code::Io);
        let memory = media.open_memory("m").expect("open");
        let mut bytes = [0; 128];
        memory.read(0, &mut bytes).expect("read");
        assert_eq!(bytes[..64], [1; 64], "drained, and not stored to since");
        match bytes[64..].iter().filter(|byte| **byte == 2).count() {
            0 => lost += 1,
            64 => kept += 1,
            some => {
                torn += 1;
                assert!(some.is_multiple_of(8), "words are whole");
            }
        }
    }
    assert!(lost > 5 && kept > 5 && torn > 5, "{lost} lost, {kept} kept, {torn} torn");
}

/// A drain that fails leaves some lines that will never be durable, as a failed sync does.
#[test]
fn a_failed_drain_may_lose_lines_for_good() {
    let lost = (0..40).filter(|seed| {
        let media = SimMedia::new(*seed);
        let memory = media.create_memory("m", 4096).expect("create");
        media.fail_call(media.calls() + 1, Fault::InputOutput);
        memory.store(0, &[1; 64]).expect("store");
        assert_eq!(memory.drain().expect_err("fails").code(), Code::Io);
        memory.drain().expect("has nothing to do");
        media.power_cycle();
        let mut byte = [0];
        media.open_memory("m").expect("open").read(0, &mut byte).expect("read");
        byte == [0]
    });
    assert!((5..35).contains(&lost.count()));
}

/// A sync covers what completed before it began, and no more: code that relies on more would lose data on a real disk.
#[test]
fn a_sync_does_not_cover_what_completes_during_it() {
    let mut lost = 0;
    for seed in 0..40 {
        let media = SimMedia::new(seed);
        let device = media.create("d", 1 << 20).expect("create");
        let check = async move {
            device.write(0, IoBuffer::copy_of(&[1; 4096])).await.1.expect("write");
            let late = device.write(4096, IoBuffer::copy_of(&[2; 4096]));
            let late: IoFuture<Result<()>> = Box::pin(async move { late.await.1 });
            join_all([device.sync(), late]).await.into_iter().for_each(|result| result.expect("done"));
        };
        executor().block_on(check).expect("done");
        media.power_cycle();
        let blocks = blocks_of(&media, 2);
        assert!(blocks[0].iter().all(|byte| *byte == 1), "seed {seed}: it was synced");
        lost += usize::from(blocks[1].iter().any(|byte| *byte != 2));
    }
    assert!(lost > 5, "{lost}");
}

/// A cancelled write is one that may still happen, also after something else was written to the same place.
#[test]
fn a_write_that_was_begun_happens_though_its_future_is_dropped() {
    let mut overtaken = 0;
    for seed in 0..40 {
        let media = SimMedia::new(seed);
        let device = media.create("d", 1 << 20).expect("create");
        let mut write = device.write(0, IoBuffer::copy_of(&[7; 4096]));
        let is_done = write.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        drop(write);
        drop(device.write(4096, IoBuffer::copy_of(&[7; 4096])));
        if is_done {
            continue;
        }
        let check = async move {
            device.write(0, IoBuffer::copy_of(&[8; 4096])).await.1.expect("write");
        };
        executor().block_on(check).expect("done");
        let blocks = blocks_of(&media, 2);
        assert!(blocks[0][0] == 7 || blocks[0][0] == 8, "seed {seed}");
        assert_eq!(blocks[1][0], 0, "a future that was never polled does nothing");
        overtaken += usize::from(blocks[0][0] == 7);
    }
    assert!(overtaken > 3, "{overtaken}");
}

#[test]
fn a_full_disk_stays_full_until_it_is_not() {
    let media = SimMedia::new(1);
    let device = media.create("d", 1 << 20).expect("create");
    let limited = media.clone();
    let check = async move {
        let write = |block: u64| device.write(block * 4096, IoBuffer::copy_of(&[1; 4096]));
        write(0).await.1.expect("write");
        limited.limit_space(Some(limited.blocks_used() + 1));
        write(1).await.1.expect("there is one more");
        for _ in 0..3 {
            assert_eq!(write(2).await.1.expect_err("full").code(), Code::Nospace);
        }
        for block in 10..20 {
            device.discard(block * 4096, 4096).await.expect("a discard takes no space");
        }
        write(0).await.1.expect("what has its space can be written");
        device.sync().await.expect("sync");
        limited.limit_space(None);
        write(2).await.1.expect("write");
        limited.blocks_used()
    };
    assert_eq!(executor().block_on(check), Some(3));
}

#[test]
fn full_simulated_media_pass_the_suite() {
    let media = SimMedia::new(3);
    let device = media.create("d", 1 << 20).expect("create");
    media.limit_space(Some(20));
    check_full_media(&executor(), device);
}

fn blocks_of(media: &SimMedia, count: u64) -> Vec<Vec<u8>> {
    let mut blocks = blocks(media);
    blocks.truncate(count as usize);
    blocks
}
