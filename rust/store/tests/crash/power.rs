//! The power is cut, or the process killed.

use crate::SEEDS;
use crate::life::{Ending, History, Load, check, check_nothing_is_lost, live};
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
fn cut_everywhere(load: Load, default_cuts: u64, seed: u64) {
    let (media, history) = (SimMedia::new(seed), History::new(load, seed));
    let ending = live(&media, seed, &history);
    assert!(matches!(ending, Ending::Closed), "seed {seed}: the workload ends without a cut: {ending:?}");
    assert!(history.carried() > 0, "the log carries some values");
    let persists = media.persists();
    media.power_cycle();
    check(&media, seed, &history);
    check_nothing_is_lost(&media, seed, &history);
    for cut in SEEDS.places(seed, persists, default_cuts) {
        SEEDS.replayable(seed, &format!("{load:?}, cut {cut} of {persists}"), || cut_at(load, seed, cut, persists));
    }
}

fn cut_at(load: Load, seed: u64, cut: u64, persists: u64) {
    let (media, history) = (SimMedia::new(seed), History::new(load, seed));
    media.cut_power_at(cut);
    let ending = live(&media, seed, &history);
    assert!(cut == persists || matches!(ending, Ending::Off), "{ending:?}");
    end(&media, !cut.is_multiple_of(3));
    check(&media, seed, &history);
    // Somewhere in what the next life does: the first few are those of its recovery.
    media.cut_power_at(media.persists() + 1 + (seed * 31 + cut * 17) % persists);
    live(&media, seed + 1000, &history);
    end(&media, !cut.is_multiple_of(4));
    check(&media, seed, &history);
    let ending = live(&media, seed + 2000, &history);
    assert!(matches!(ending, Ending::Closed), "{ending:?}");
    media.power_cycle();
    check(&media, seed, &history);
    check_nothing_is_lost(&media, seed, &history);
}

#[test]
fn crash_of_a_store_loses_nothing() {
    SEEDS.range(2).for_each(|seed| cut_everywhere(Load::USUAL, 10, seed));
}

#[test]
fn crash_of_a_store_with_a_small_log_loses_nothing() {
    SEEDS.range(2).for_each(|seed| cut_everywhere(Load::SMALL_LOG, 7, seed));
}

#[test]
fn crash_of_a_full_store_loses_nothing() {
    for seed in SEEDS.range(2) {
        let history = History::new(Load::FULL, seed);
        live(&SimMedia::new(seed), seed, &history);
        assert!(history.refused() > 0, "seed {seed}: the store is full after a while");
        cut_everywhere(Load::FULL, 7, seed);
    }
}

#[test]
fn crash_runs_of_one_seed_are_equal() {
    let fingerprint = |cut: u64| {
        let (media, history) = (SimMedia::new(9), History::new(Load::USUAL, 9));
        media.cut_power_at(cut);
        live(&media, 9, &history);
        media.power_cycle();
        live(&media, 10, &history);
        media.fingerprint()
    };
    for cut in [60, 180] {
        assert_eq!(fingerprint(cut), fingerprint(cut));
    }
    assert_ne!(fingerprint(60), fingerprint(61));
}
