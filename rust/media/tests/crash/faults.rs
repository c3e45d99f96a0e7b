//! Devices fail: with an I/O error, a full disk or a short transfer, once or for good.

use crate::SEEDS;
use crate::workload::{Ending, History, Shape, check, live};
use daos_sim::media::{Fault, SimMedia};
use daos_status::Code;

const FAULTS: [Fault; 3] = [Fault::InputOutput, Fault::NoSpace, Fault::Short];

/// What a task may be told when a device fails: the failure itself.
fn expected(codes: &[Code]) -> bool {
    codes.iter().all(|code| matches!(code, Code::Io | Code::Nospace))
}

/// How a call fails, and whether the power goes afterwards: with enough seeds, each call in each way.
fn way(seed: u64, call: u64) -> (Fault, bool) {
    (FAULTS[((seed + call) % 3) as usize], (seed / 3 + call / 3).is_multiple_of(2))
}

/// A sync of the data device fails, and the process is killed: what the sync has forgotten is still read, and another sync would not bring it to
/// the disk. Found that the last batch of the log, whose values were as they should be when it was replayed, was believed, and that
/// the power took them away later.
#[test]
fn crash_after_a_failed_sync_and_a_kill_loses_nothing() {
    let mut tried = 0;
    for seed in SEEDS.range(12) {
        let whole = SimMedia::new(seed);
        live(&whole, seed, &History::new(Shape::ROOMY));
        for call in SEEDS.places(seed, whole.calls(), 12) {
            SEEDS.replayable(seed, &format!("an I/O error at call {call}, and a kill"), || {
                let (media, history) = (SimMedia::new(seed), History::new(Shape::ROOMY));
                media.fail_call(call, Fault::InputOutput);
                live(&media, seed, &history);
                media.restart_process();
                check(&media, seed, &history);
                media.power_cycle();
                check(&media, seed, &history);
                tried += 1;
            });
        }
    }
    assert!(tried > 10);
}

/// Lets one call after the other fail: nobody hears of a success that is not one, nobody waits for ever, and what was acknowledged is
/// there afterwards, whether or not the power goes.
fn fail_everywhere(shape: Shape, default_places: u64, seed: u64) {
    let whole = SimMedia::new(seed);
    live(&whole, seed, &History::new(shape));
    for call in SEEDS.places(seed, whole.calls(), default_places) {
        let (fault, is_power_cut) = way(seed, call);
        SEEDS.replayable(seed, &format!("{shape:?}, {fault:?} at call {call}"), || {
            let (media, history) = (SimMedia::new(seed), History::new(shape));
            media.fail_call(call, fault);
            let ending = live(&media, seed, &history);
            assert!(expected(&history.errors()), "{ending:?}: {:?}", history.errors());
            match is_power_cut {
                true => media.power_cycle(),
                false => media.restart_process(),
            }
            check(&media, seed, &history);
            let ending = live(&media, seed + 1000, &history);
            assert!(matches!(ending, Ending::Closed(_)), "{ending:?}: it works again");
            media.power_cycle();
            check(&media, seed, &history);
        });
    }
}

#[test]
fn crash_after_a_failed_call_loses_nothing() {
    SEEDS.range(2).for_each(|seed| fail_everywhere(Shape::ROOMY, 90, seed));
    SEEDS.range(6).for_each(|seed| fail_everywhere(Shape::SMALL_LOG, 30, seed));
    SEEDS.range(2).for_each(|seed| fail_everywhere(Shape::LARGE_RECORDS, 40, seed));
    SEEDS.range(2).for_each(|seed| fail_everywhere(Shape::MEMORY, 30, seed));
    SEEDS.range(2).for_each(|seed| fail_everywhere(Shape::MEMORY_ON_DISK, 30, seed));
}

/// A batch of the log that fails once is replaced by a checkpoint: the tasks hear of nothing, and nothing is lost.
#[test]
fn crash_after_a_batch_that_failed_once_loses_nothing() {
    for seed in SEEDS.range(2) {
        let whole = SimMedia::new(seed);
        live(&whole, seed, &History::new(Shape::ROOMY));
        let (mut survived, mut tried) = (0, 0);
        for call in SEEDS.places(seed, whole.calls(), 60) {
            SEEDS.replayable(seed, &format!("an I/O error at call {call}"), || {
                let (media, history) = (SimMedia::new(seed), History::new(Shape::ROOMY));
                media.fail_call(call, Fault::InputOutput);
                let ending = live(&media, seed, &history);
                survived += u64::from(matches!(ending, Ending::Closed(_)));
                tried += 1;
                media.power_cycle();
                check(&media, seed, &history);
            });
        }
        // Without the replacement it is none: a task that asked for a checkpoint is told that it failed, and the rest fails for good.
        assert!(survived > tried / 6, "seed {seed}: {survived} of {tried}");
    }
}

/// A failed checkpoint is tried again. Found that the second attempt wrote its pages over those of the first, whose header may have
/// reached the disk although the call failed: when the power went then, a page of the newest checkpoint was damaged.
#[test]
fn crash_after_several_failed_calls_loses_nothing() {
    for seed in SEEDS.range(60) {
        let whole = SimMedia::new(seed);
        live(&whole, seed, &History::new(Shape::ROOMY));
        for call in SEEDS.places(seed, whole.calls(), 4) {
            SEEDS.replayable(seed, &format!("I/O errors from call {call} on"), || {
                let (media, history) = (SimMedia::new(seed), History::new(Shape::ROOMY));
                media.fail_call(call, Fault::InputOutput);
                media.fail_call(call + 1 + seed % 11, Fault::InputOutput);
                media.fail_call(call + 5 + seed % 17, FAULTS[(seed % 3) as usize]);
                media.cut_power_at(media.persists() + call + seed % 23);
                live(&media, seed, &history);
                media.power_cycle();
                check(&media, seed, &history);
            });
        }
    }
}

/// A disk that is full, and has space again later: what cannot be written is refused, and nothing else suffers.
#[test]
fn crash_on_a_full_disk_loses_nothing() {
    for seed in SEEDS.range(20) {
        let shape = if seed % 2 == 0 { Shape::ROOMY } else { Shape::SMALL_LOG };
        SEEDS.replayable(seed, "full disk", || {
            let (media, history) = (SimMedia::new(seed), History::new(shape));
            // The devices are made, and there is hardly anything beyond.
            let whole = SimMedia::new(seed);
            live(&whole, seed, &History::new(shape));
            media.limit_space(Some(whole.blocks_used() - 2 - seed * 3 % 60));
            live(&media, seed, &history);
            assert!(history.errors().iter().all(|code| *code == Code::Nospace), "{:?}", history.errors());
            assert!(!history.errors().is_empty(), "the disk was full");
            media.power_cycle();
            check(&media, seed, &history);
            media.limit_space(None);
            let ending = live(&media, seed + 1000, &history);
            assert!(matches!(ending, Ending::Closed(_)), "{ending:?}: it works again");
            media.power_cycle();
            check(&media, seed, &history);
        });
    }
}
