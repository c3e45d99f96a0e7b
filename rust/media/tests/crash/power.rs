//! The power is cut, or the process killed.

use crate::SEEDS;
use crate::workload::{Ending, History, Shape, check, live};
use daos_sim::media::SimMedia;

/// Kills the process or the whole machine.
fn end(media: &SimMedia, is_power_cut: bool) {
    if is_power_cut {
        media.power_cycle();
    } else {
        media.restart_process();
    }
}

/// Cuts at many persist operations of a seed's workload; goes on after each, and cuts again.
fn cut_everywhere(shape: Shape, default_cuts: u64, seed: u64) {
    let (media, history) = (SimMedia::new(seed), History::new(shape));
    assert!(matches!(live(&media, seed, &history), Ending::Closed(_)), "seed {seed}: the workload ends without a cut");
    let persists = media.persists();
    media.power_cycle();
    check(&media, seed, &history);
    for cut in SEEDS.places(seed, persists, default_cuts) {
        SEEDS.replayable(seed, &format!("{shape:?}, cut {cut} of {persists}"), || cut_at(shape, seed, cut, persists));
    }
}

fn cut_at(shape: Shape, seed: u64, cut: u64, persists: u64) {
    let (media, history) = (SimMedia::new(seed), History::new(shape));
    media.cut_power_at(cut);
    let ending = live(&media, seed, &history);
    assert!(cut == persists || matches!(ending, Ending::Off), "{ending:?}");
    end(&media, !cut.is_multiple_of(3));
    check(&media, seed, &history);
    // Somewhere in what the next life does: the first few are those of its recovery.
    media.cut_power_at(media.persists() + 1 + (seed * 31 + cut * 17) % persists.min(90));
    live(&media, seed + 1000, &history);
    end(&media, !cut.is_multiple_of(4));
    check(&media, seed, &history);
    let ending = live(&media, seed + 2000, &history);
    assert!(matches!(ending, Ending::Closed(_)), "{ending:?}");
    media.power_cycle();
    check(&media, seed, &history);
}

#[test]
fn crash_with_a_roomy_log_loses_nothing() {
    SEEDS.range(1).for_each(|seed| cut_everywhere(Shape::ROOMY, 0, seed));
}

#[test]
fn crash_with_a_small_log_loses_nothing() {
    SEEDS.range(1).for_each(|seed| cut_everywhere(Shape::SMALL_LOG, 0, seed));
}

#[test]
fn crash_with_transactions_larger_than_the_log_loses_nothing() {
    SEEDS.range(2).for_each(|seed| cut_everywhere(Shape::LARGE_RECORDS, 30, seed));
}

#[test]
fn crash_with_more_at_once_than_the_log_holds_loses_nothing() {
    SEEDS.range(4).for_each(|seed| cut_everywhere(Shape::CROWDED, 15, seed));
}

#[test]
fn crash_on_persistent_memory_loses_nothing() {
    SEEDS.range(2).for_each(|seed| cut_everywhere(Shape::MEMORY, 40, seed));
}

#[test]
fn crash_on_persistent_memory_of_a_disk_loses_nothing() {
    SEEDS.range(2).for_each(|seed| cut_everywhere(Shape::MEMORY_ON_DISK, 40, seed));
}

#[test]
fn crash_with_more_at_once_than_the_journal_holds_loses_nothing() {
    SEEDS.range(3).for_each(|seed| cut_everywhere(Shape::MEMORY_CROWDED, 15, seed));
}

/// Few cuts in each of many seeds, where the log is short of room. Found that the log writer went on while a checkpoint of one moment
/// was being written, when an earlier checkpoint had made room: the batch it wrote did not continue the place that the checkpoint
/// named, and the arena could not be opened again. Found, too, that a second such checkpoint began before the log writer had noticed
/// that the first had fed it, with the same end.
#[test]
fn crash_while_the_log_is_short_of_room_loses_nothing() {
    for seed in SEEDS.range(100) {
        for shape in [Shape::SMALL_LOG, Shape::CROWDED] {
            let whole = SimMedia::new(seed);
            live(&whole, seed, &History::new(shape));
            for cut in SEEDS.places(seed, whole.persists(), 4) {
                SEEDS.replayable(seed, &format!("{shape:?}, cut {cut}"), || {
                    let (media, history) = (SimMedia::new(seed), History::new(shape));
                    media.cut_power_at(cut);
                    live(&media, seed, &history);
                    media.power_cycle();
                    check(&media, seed, &history);
                });
            }
        }
    }
}

#[test]
fn crash_runs_of_one_seed_are_equal() {
    let fingerprint = |cut: u64| {
        let (media, history) = (SimMedia::new(9), History::new(Shape::CROWDED));
        media.cut_power_at(cut);
        live(&media, 9, &history);
        media.power_cycle();
        live(&media, 10, &history);
        media.fingerprint()
    };
    for cut in [30, 100, 150] {
        assert_eq!(fingerprint(cut), fingerprint(cut));
    }
}

/// The shapes are what their names say; otherwise the tests above prove little.
#[test]
fn crash_workloads_wrap_the_log_and_share_batches() {
    let statistics = |shape| {
        let (media, history) = (SimMedia::new(3), History::new(shape));
        match live(&media, 3, &history) {
            Ending::Closed(statistics) => statistics,
            other => panic!("{other:?}"),
        }
    };
    let (roomy, small, large, crowded) = (
        statistics(Shape::ROOMY),
        statistics(Shape::SMALL_LOG),
        statistics(Shape::LARGE_RECORDS),
        statistics(Shape::CROWDED),
    );
    assert!(roomy.log_bytes < roomy.log_capacity && roomy.checkpoints > 2, "{roomy:?}");
    assert!(small.log_bytes > 2 * small.log_capacity, "it wraps: {small:?}");
    assert!(large.log_records < Shape::LARGE_RECORDS.transactions, "some are never in the log: {large:?}");
    assert!(crowded.records_per_batch_max > 3, "transactions share batches: {crowded:?}");
    assert!(crowded.batches_under_way_max > 2, "batches are under way together: {crowded:?}");
    let carried = [roomy, small, large, crowded].map(|statistics| statistics.values_carried);
    assert!(carried.iter().all(|count| *count > 2), "the log carries some values: {carried:?}");
    let (memory, on_disk) = (statistics(Shape::MEMORY), statistics(Shape::MEMORY_ON_DISK));
    assert!(memory.log_bytes > 2 * memory.log_capacity && memory.checkpoints > 3, "it wraps: {memory:?}");
    assert!(on_disk.log_batches < on_disk.log_records, "transactions share entries: {on_disk:?}");
}
