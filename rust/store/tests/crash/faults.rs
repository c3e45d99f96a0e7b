//! Devices fail: with an I/O error, a full disk or a short transfer.

use crate::SEEDS;
use crate::life::{Ending, History, Load, check, check_nothing_is_lost, live};
use daos_sim::media::{Fault, SimMedia};
use daos_status::Code;

const FAULTS: [Fault; 3] = [Fault::InputOutput, Fault::NoSpace, Fault::Short];

#[test]
fn crash_after_a_failed_call_loses_nothing() {
    for seed in SEEDS.range(2) {
        let whole = SimMedia::new(seed);
        live(&whole, seed, &History::new(Load::USUAL, seed));
        for call in SEEDS.places(seed, whole.calls(), 10) {
            let fault = FAULTS[(call % 3) as usize];
            SEEDS.replayable(seed, &format!("{fault:?} at call {call}"), || {
                let (media, history) = (SimMedia::new(seed), History::new(Load::USUAL, seed));
                media.fail_call(call, fault);
                let ending = live(&media, seed, &history);
                let expected = |code: &Code| matches!(code, Code::Io | Code::Nospace);
                assert!(history.errors().iter().all(expected), "{ending:?}: {:?}", history.errors());
                match call % 2 {
                    0 => media.power_cycle(),
                    _ => media.restart_process(),
                }
                check(&media, seed, &history);
                let ending = live(&media, seed + 1000, &history);
                assert!(matches!(ending, Ending::Closed), "{ending:?}: it works again");
                media.power_cycle();
                check(&media, seed, &history);
                check_nothing_is_lost(&media, seed, &history);
            });
        }
    }
}

/// A disk below the store's files that is full, and has space again later.
#[test]
fn crash_on_a_full_disk_loses_nothing() {
    for seed in SEEDS.range(6) {
        SEEDS.replayable(seed, "full disk", || {
            let whole = SimMedia::new(seed);
            live(&whole, seed, &History::new(Load::USUAL, seed));
            let (media, history) = (SimMedia::new(seed), History::new(Load::USUAL, seed));
            let log_blocks = Load::USUAL.log_bytes / 4096;
            let beyond = whole.blocks_used() - log_blocks;
            media.limit_space(Some(log_blocks + 20 + beyond * (seed % 6) / 6));
            live(&media, seed, &history);
            assert!(history.errors().iter().all(|code| *code == Code::Nospace), "{:?}", history.errors());
            media.power_cycle();
            check(&media, seed, &history);
            media.limit_space(None);
            let ending = live(&media, seed + 1000, &history);
            assert!(matches!(ending, Ending::Closed), "{ending:?}: it works again");
            media.power_cycle();
            check(&media, seed, &history);
        });
    }
}
