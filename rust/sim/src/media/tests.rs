use super::*;
use daos_env::{Executor, IoBuffer, ManualClock};
use daos_testkit::media_suite::check_media;
use std::sync::Arc;
use std::time::Duration;

fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

#[test]
fn simulated_media_pass_the_suite() {
    for seed in 0..5 {
        let media = SimMedia::new(seed);
        check_media(&executor(), &|| Rc::new(media.clone()));
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
    media.fail_call(1, Fault::InputOutput);
    media.fail_call(2, Fault::NoSpace);
    media.fail_call(3, Fault::Short);
    media.fail_call(5, Fault::InputOutput);
    media.fail_call(6, Fault::InputOutput);
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
