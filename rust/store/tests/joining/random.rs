//! Random writes, punches and snapshots of one array, aggregated in steps of every size.

use crate::SEEDS;
use crate::array::{Action, Array, SHAPES, pieces, used};
use crate::common::*;
use daos_env::SeededRandom;
use daos_store::*;
use std::fmt::Write;

const STEPS: usize = 160;

fn settings_of(seed: u64) -> StoreSettings {
    use ChecksumKind::{Crc32c, Crc64, Off, Sha256};
    StoreSettings { checksum: [Crc64, Off, Sha256, Crc32c][seed as usize % 4], ..settings() }
}

fn run(seed: u64) {
    with_settings(settings_of(seed), move |store, reopen| async move {
        let random = SeededRandom::new(seed);
        let mut array = Array::new(SHAPES[seed as usize % SHAPES.len()]);
        let before = used(&store).await;
        let (mut store, mut text, mut counts) = (store, String::new(), Statistics::default());
        for step in 0..STEPS {
            let action = array.choose(&random);
            writeln!(text, "{action:?}").expect("a string grows");
            array.carry_out(&store, &action, &random).await.unwrap_or_else(|status| panic!("{status}\n{text}"));
            array.apply(&action);
            if matches!(action, Action::Aggregate(_)) || step % 40 == 0 {
                array.check(&store, &text).await;
            }
            if step % 70 == 69 {
                counts.extents_made += store.statistics().extents_made;
                store.close().await.expect("close");
                store = reopen.open().await.expect("open");
            }
        }
        for pin in array.pins.clone() {
            let action = Action::Unpin(pin);
            array.carry_out(&store, &action, &random).await.expect("unpin");
            array.apply(&action);
        }
        let newest = array.newest().max(array.aggregated) + 1;
        store.aggregate(CONTAINER, daos_types::Epoch(newest)).await.expect("aggregate");
        array.apply(&Action::Aggregate(newest));
        array.check(&store, &text).await;
        let text = format!("{:?}\n{text}", store.statistics());
        // A quarter may be hidden where extents hide each other in turn, and the end of each extent may leave most of a block empty.
        let bound = array.visible_bytes() * 5 / 4 + (pieces(&store).await as u64 + 8) * 4096;
        let left = used(&store).await - before;
        assert!(
            left <= bound,
            "{left} bytes are used for {}, in {} pieces\n{text}",
            array.visible_bytes(),
            pieces(&store).await
        );
        counts.extents_made += store.statistics().extents_made;
        assert!(counts.extents_made > 0, "nothing was joined");
    });
}

#[test]
fn joined_arrays_agree_with_the_model() {
    SEEDS.for_each(6, run);
}

#[test]
#[ignore = "slow: a minute and more of seeds"]
fn many_joined_arrays_agree_with_the_model() {
    SEEDS.for_each(300, run);
}
