//! Parts that are damaged or cannot be read, and wholes that cannot be written.

use crate::SEEDS;
use crate::array::{Action, Array, below};
use crate::common::*;
use crate::power::prepare;
use daos_env::SeededRandom;
use daos_sim::life::live;
use daos_sim::media::{Fault, SimMedia};
use daos_status::Code;
use daos_store::*;
use daos_types::Epoch;

/// A damaged extent, and what it would have been joined with, stays as it is; that is counted, and everything else is joined.
#[test]
fn damaged_extents_are_never_joined() {
    let media = SimMedia::new(1);
    let flipped = media.clone();
    let checked = live(&media, |folder, spawner| async move {
        let store = Store::create(folder, settings(), environment(), &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        for number in 0..64u64 {
            for dkey in ["whole", "damaged"] {
                let data = Data::Bytes(vec![number as u8; 4096]);
                let pieces = vec![(extent(number * 4096, 4096), data)];
                let value = UpdateValue::Array { record_size: 1, pieces: pieces.into() };
                store.update(update(1 + number, dkey, "a", value)).await.expect("update");
            }
        }
        // Values were written to the first free blocks, one of each dkey in turn.
        flipped.flip_bit("data", (33 * 4096 + 77) * 8 + 3).expect("there is such a bit");
        store.aggregate(CONTAINER, Epoch(100)).await.expect("it goes on");
        let counts = store.statistics();
        assert_eq!(
            (counts.extents_made, counts.extents_joined),
            (3, 96),
            "all but the half with the damage: {counts:?}"
        );
        assert_eq!(counts.checksum_errors, 1);
        for number in 0..64 {
            let what = || FetchWhat::Array(vec![extent(number * 4096, 4096)].into());
            store.fetch(fetch(100, "whole", "a", what())).await.expect("fetch");
            let found = store.fetch(fetch(100, "damaged", "a", what())).await;
            match number {
                16 => assert_eq!(found.expect_err("damaged").code(), Code::Csum),
                _ => assert!(found.is_ok(), "{number}: the damage has spread"),
            }
        }
    });
    checked.expect("the power is on");
}

/// Every call of aggregation fails once: the store goes on or says that it does not, and what can be read stays what it was.
#[test]
fn failing_devices_change_no_answer() {
    for seed in SEEDS.range(1) {
        let (mut tried, mut joined) = (0, 0);
        for fault in [Fault::InputOutput, Fault::NoSpace, Fault::Short] {
            let calls = {
                let media = SimMedia::new(seed);
                let array = prepare(&media, seed);
                let before = media.calls();
                aggregate(&media, seed, array);
                media.calls() - before
            };
            for call in SEEDS.places(seed, calls, 14) {
                SEEDS.replayable(seed, &format!("{fault:?} of call {call}"), || {
                    let media = SimMedia::new(seed);
                    let array = prepare(&media, seed);
                    media.fail_call(media.calls() + call, fault);
                    joined += aggregate(&media, seed, array.clone());
                    media.power_cycle();
                    tried += 1;
                    let after = live(&media, move |folder, spawner| async move {
                        let store = Store::open(folder, environment(), &spawner).await.expect("opens");
                        let mut array = array;
                        array.apply(&Action::Aggregate(store.aggregated(CONTAINER).await.expect("there").0));
                        array.check(&store, "after a fault").await;
                        let (random, end) = (SeededRandom::new(call), Action::Aggregate(array.newest()));
                        array.carry_out(&store, &end, &random).await.expect("it goes on");
                        array.apply(&end);
                        array.check(&store, "aggregated after a fault").await;
                    });
                    after.expect("the power is on");
                });
            }
        }
        assert!(tried > 12 && joined > 0, "{tried} calls failed, {joined} extents were made");
    }
}

/// Aggregates in one life; whatever happens, answers are right while there are answers. How many extents were made.
fn aggregate(media: &SimMedia, seed: u64, array: Array) -> u64 {
    let made = live(media, move |folder, spawner| async move {
        let Ok(store) = Store::open(folder, environment(), &spawner).await else { return 0 };
        let random = SeededRandom::new(seed + below(&SeededRandom::new(seed), 10));
        let action = Action::Aggregate(array.newest());
        // Whether it ends well or not, what is read afterwards tells.
        let _result = array.carry_out(&store, &action, &random).await;
        store.statistics().extents_made
    });
    made.unwrap_or(0)
}
