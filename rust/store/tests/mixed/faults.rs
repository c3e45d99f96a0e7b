//! Calls of devices fail: in the middle of everything, while a store is opened, and before the power goes.

use crate::SEEDS;
use crate::power::{CHANGES, Load, Shared, USUAL, act, check, end, start};
use daos_sim::life::live;
use daos_sim::media::{Fault, SimMedia};
use daos_status::{Code, Result};

const FAULTS: [Fault; 3] = [Fault::InputOutput, Fault::NoSpace, Fault::Short];

/// Each call fails in another way with another seed.
fn fault(seed: u64, call: u64) -> Fault {
    FAULTS[((seed + call) % 3) as usize]
}

/// The failure itself, or that nothing can be changed any more.
fn is_expected(ended: Option<Result<()>>) {
    if let Some(Err(status)) = ended {
        assert!(matches!(status.code(), Code::Io | Code::Nospace | Code::Shutdown), "{status}");
    }
}

/// It goes on as if nothing had been, and in the end all space comes back.
fn goes_on(media: &SimMedia, known: &Shared, seed: u64) {
    media.forget_plans();
    act(media, known, seed + 1000, Load { steps: 20, ..USUAL }).expect("on").expect("it works again");
    media.power_cycle();
    check(media, known, seed, true);
}

#[test]
fn crash_after_a_failed_call_in_mixed_sequences_loses_nothing() {
    for seed in SEEDS.range(3) {
        let whole = SimMedia::new(seed);
        act(&whole, &Shared::default(), seed, CHANGES).expect("on").expect("nothing fails");
        for call in SEEDS.places(seed, whole.calls(), 8) {
            SEEDS.replayable(seed, &format!("{:?} at call {call}", fault(seed, call)), || {
                let (media, known) = (SimMedia::new(seed), Shared::default());
                media.fail_call(call, fault(seed, call));
                is_expected(act(&media, &known, seed, CHANGES));
                end(&media, call.is_multiple_of(2));
                check(&media, &known, seed, false);
                goes_on(&media, &known, seed);
            });
        }
    }
}

/// Some calls fail, and a while later the power goes: what failed may or may not have reached the disk.
#[test]
fn crash_after_failed_calls_and_a_power_cut_loses_nothing() {
    for seed in SEEDS.range(3) {
        let whole = SimMedia::new(seed);
        act(&whole, &Shared::default(), seed, CHANGES).expect("on").expect("nothing fails");
        let persists = whole.persists();
        for call in SEEDS.places(seed, whole.calls(), 6) {
            // About as far as the failed call, and somewhat beyond.
            let cut = 1 + persists * call / whole.calls() + (seed * 7 + call) % 12;
            SEEDS.replayable(seed, &format!("calls {call} and later fail, cut {cut}"), || {
                let (media, known) = (SimMedia::new(seed), Shared::default());
                for after in [0, 1 + (seed + call) % 5, 7 + (seed * call) % 11] {
                    media.fail_call(call + after, fault(seed, call + after));
                }
                media.cut_power_at(cut);
                is_expected(act(&media, &known, seed, CHANGES));
                media.power_cycle();
                media.forget_plans();
                check(&media, &known, seed, false);
                goes_on(&media, &known, seed);
            });
        }
    }
}

/// Every call of opening fails once, and now and then the power goes as well: an error, and the next time everything is there.
#[test]
fn crash_after_a_failed_call_of_opening_loses_nothing() {
    for seed in SEEDS.range(3) {
        SEEDS.replayable(seed, "opening", || {
            let (media, known) = (SimMedia::new(seed), Shared::default());
            act(&media, &known, seed, USUAL).expect("on").expect("nothing fails");
            // Killed in the middle: there is something to recover.
            media.cut_power_at(media.persists() + 40 + seed % 30);
            drop(act(&media, &known, seed + 1, CHANGES));
            end(&media, seed.is_multiple_of(2));
            let (mut refused, mut call) = (0, 0);
            loop {
                call += 1;
                let first = media.calls();
                media.fail_call(first + call, fault(seed, call));
                if call % 4 == 3 {
                    media.cut_power_at(media.persists() + 1 + call % 3);
                }
                let opened = live(&media, move |folder, spawner| async move {
                    let result = start(folder, seed, &spawner).await.map(|_| ());
                    (result, spawner)
                });
                let is_reached = media.calls() >= first + call || media.is_off();
                if let Some((Err(status), _)) = &opened {
                    assert!(matches!(status.code(), Code::Io | Code::Nospace), "call {call}: {status}");
                    refused += 1;
                }
                end(&media, media.is_off() || call.is_multiple_of(2));
                media.forget_plans();
                if !is_reached {
                    break;
                }
                if call % 5 == 0 {
                    check(&media, &known, seed, false);
                }
            }
            assert!(refused > 4, "{refused} of {call} calls were refused");
            check(&media, &known, seed, false);
            goes_on(&media, &known, seed);
        });
    }
}
