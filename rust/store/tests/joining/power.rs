//! The power is cut at every persist of cutting and joining.

use crate::SEEDS;
use crate::array::{Action, Array, SHAPES};
use crate::common::*;
use daos_env::SeededRandom;
use daos_sim::life::live;
use daos_sim::media::SimMedia;
use daos_store::*;
use daos_types::Epoch;

/// A store with an array of many overlapping extents, and a snapshot.
pub fn prepare(media: &SimMedia, seed: u64) -> Array {
    let made = live(media, |folder, spawner| async move {
        let settings = StoreSettings { arena_bytes: 4 << 20, log_bytes: 512 << 10, ..settings() };
        let store = Store::create(folder, settings, environment(), &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        let random = SeededRandom::new(seed);
        let mut array = Array::new(SHAPES[seed as usize % SHAPES.len()]);
        while array.newest() < 60 {
            let action = array.choose(&random);
            if matches!(action, Action::Aggregate(_)) {
                continue;
            }
            array.carry_out(&store, &action, &random).await.expect("done");
            array.apply(&action);
        }
        store.close().await.expect("close");
        array
    });
    made.expect("the power is on")
}

fn cut_at(seed: u64, cut: u64, is_killed: bool) -> bool {
    let media = SimMedia::new(seed);
    let array = prepare(&media, seed);
    media.cut_power_at(media.persists() + cut);
    let known = array.clone();
    live(&media, move |folder, spawner| async move {
        let store = Store::open(folder, environment(), &spawner).await?;
        let random = SeededRandom::new(seed + cut);
        known.carry_out(&store, &Action::Aggregate(known.newest() / 2), &random).await?;
        known.carry_out(&store, &Action::Aggregate(known.newest()), &random).await?;
        store.close().await
    });
    let was_cut = media.is_off();
    if is_killed {
        media.restart_process()
    } else {
        media.power_cycle()
    }
    let after = live(&media, move |folder, spawner| async move {
        let store = Store::open(folder, environment(), &spawner).await.expect("opens");
        let mut array = array;
        array.apply(&Action::Aggregate(store.aggregated(CONTAINER).await.expect("there").0));
        array.check(&store, "after a cut").await;
        let (random, end) = (SeededRandom::new(cut), Action::Aggregate(array.newest()));
        array.carry_out(&store, &end, &random).await.expect("it goes on");
        array.apply(&end);
        array.check(&store, "aggregated after a cut").await;
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.wait_until_reclaimed().await;
        let data = store.space().expect("space").data;
        assert_eq!(data.free + data.total / 64, data.total, "blocks were lost");
        assert!(store.aggregate(CONTAINER, Epoch(1)).await.is_err());
    });
    after.expect("the power is on");
    was_cut
}

#[test]
fn crash_at_any_persist_of_joining_changes_no_answer() {
    for seed in SEEDS.range(2) {
        let mut cuts = 0;
        for cut in SEEDS.places(seed, 400, 30) {
            let mut was_cut = false;
            SEEDS.replayable(seed, &format!("cut {cut}"), || was_cut = cut_at(seed, cut, cut % 3 == 0));
            cuts += u64::from(was_cut);
            if !was_cut {
                break;
            }
        }
        assert!(cuts > 4, "the power was cut {cuts} times only");
    }
}
