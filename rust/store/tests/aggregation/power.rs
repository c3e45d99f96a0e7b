//! The power is cut after every persist of aggregation and discarding: what can be read answers as before, and the rest goes on.

use crate::compare::compare;
use crate::generate::{CONTAINER, Generator};
use crate::history::{Action, History, carry_out, is_as_expected};
use crate::{SEEDS, environment, settings};
use daos_sim::life::live;
use daos_sim::media::SimMedia;
use daos_status::Result;
use daos_store::{ContainerSettings, Durability, Store, StoreSettings};
use daos_types::Epoch;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Changes before the power is cut.
const CHANGES: u64 = 90;

/// A store with changes of many epochs and some snapshots.
fn prepare(media: &SimMedia, seed: u64) -> (History, u64) {
    let history = live(media, |folder, spawner| async move {
        let settings =
            StoreSettings { arena_bytes: 8 << 20, log_bytes: 512 << 10, durability: Durability::Log, ..settings(seed) };
        let store = Store::create(folder, settings, environment(seed), &spawner).await.expect("create");
        store.limit_punches((seed % 5) as usize * 4);
        let free = store.space().expect("space").data.free;
        store.container_create(CONTAINER, ContainerSettings::default()).await.expect("container");
        let (mut history, mut generator) = (History::default(), Generator::new(seed));
        for number in 0..CHANGES {
            let action = match number {
                30 => Action::Pin(2),
                60 => Action::Pin(4),
                _ => Action::Change(history.operations(&mut generator)),
            };
            let expected = history.apply(&action);
            let (text, result) = carry_out(&store, action, &generator).await;
            let result = result.map_err(|status| status.code());
            assert!(is_as_expected(result, expected), "{result:?}, not {expected:?}: {text}");
        }
        store.close().await.expect("close");
        (history, free)
    });
    history.expect("the power is on")
}

fn actions(history: &History) -> Vec<Action> {
    let newest = history.newest;
    vec![
        Action::Aggregate(3),
        Action::Discard(None, newest - 2..=newest - 1),
        Action::Aggregate(newest / 2 + 1),
        Action::Unpin(2),
        Action::Aggregate(newest),
        Action::RollBack(4),
        Action::Unpin(4),
        Action::Aggregate(newest),
    ]
}

/// What is known: the history without the action that is under way, and how many are done.
struct Known {
    history: RefCell<History>,
    done: Cell<usize>,
}

async fn act(store: &Rc<Store>, known: &Known, all: Vec<Action>, generator: &Generator) -> Result<()> {
    for (number, action) in all.into_iter().enumerate().skip(known.done.get()) {
        let mut next = known.history.borrow().clone();
        next.apply(&action).expect("it can be done");
        let (_, result) = carry_out(store, action, generator).await;
        result?;
        known.history.replace(next);
        known.done.set(number + 1);
    }
    store.close().await
}

/// What may have been done already of the action under way, as far as it can be seen.
async fn take_in(store: &Rc<Store>, known: &Known, all: Vec<Action>, generator: &Generator) {
    let mut seen = known.history.borrow().clone();
    match all.into_iter().nth(known.done.get()) {
        Some(Action::Aggregate(up_to)) => {
            let aggregated = store.aggregated(CONTAINER).await.expect("there").0;
            assert!(aggregated == seen.aggregated || aggregated == up_to.max(seen.aggregated));
            seen.aggregated = aggregated;
        }
        Some(Action::Unpin(epoch)) => {
            let pins = store.snapshot_list(CONTAINER).await.expect("list");
            if !pins.contains(&Epoch(epoch)) {
                seen.pins.retain(|pin| *pin != epoch);
                known.history.replace(seen.clone());
                known.done.set(known.done.get() + 1);
            }
        }
        // It is neither done nor not done; nobody has been told anything.
        Some(Action::Discard(..) | Action::RollBack(_)) => return,
        _ => {}
    }
    compare(store, &seen, generator).await;
}

fn cut_at(seed: u64, cut: u64) -> bool {
    let media = SimMedia::new(seed);
    let (history, free) = prepare(&media, seed);
    let known = Rc::new(Known { history: RefCell::new(history.clone()), done: Cell::new(0) });
    media.cut_power_at(media.persists() + cut);
    let ended = {
        let (known, all) = (known.clone(), actions(&history));
        live(&media, |folder, spawner| async move {
            let store = Store::open(folder, environment(seed), &spawner).await?;
            act(&store, &known, all, &Generator::new(seed + cut)).await
        })
    };
    let was_cut = media.is_off();
    assert!(was_cut || matches!(ended, Some(Ok(()))), "{ended:?}");
    media.power_cycle();
    let rest = live(&media, |folder, spawner| async move {
        let generator = Generator::new(seed + cut + 1);
        let store = Store::open(folder, environment(seed), &spawner).await.expect("opens");
        take_in(&store, &known, actions(&history), &generator).await;
        act(&store, &known, actions(&history), &generator).await.expect("it goes on");
        store
    });
    drop(rest.expect("the power is on"));
    check_end(&media, seed, free);
    was_cut
}

/// Everything is done: nothing of the container may hold space once it is destroyed.
fn check_end(media: &SimMedia, seed: u64, free: u64) {
    let end = live(media, |folder, spawner| async move {
        let store = Store::open(folder, environment(seed), &spawner).await.expect("opens");
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.wait_until_reclaimed().await;
        assert_eq!(store.space().expect("space").data.free, free, "blocks were lost");
    });
    end.expect("the power is on");
}

#[test]
fn a_power_cut_during_aggregation_changes_no_answer() {
    for seed in SEEDS.range(1) {
        let mut cut = 1;
        loop {
            let mut was_cut = false;
            SEEDS.replayable(seed, &format!("cut {cut}"), || was_cut = cut_at(seed, cut));
            if !was_cut {
                break;
            }
            cut += SEEDS.variable("CUT_STEP", 7);
        }
        assert!(cut > 30, "there were {cut} persists only");
    }
}
