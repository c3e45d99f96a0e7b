//! Many requests at once on simulated media, with blocks that are used again and again: every value read is one that was written,
//! whole, and after a power cut everything that was acknowledged is there.
//!
//! `DAOS_STORE_SEEDS=n` runs n seeds, `DAOS_STORE_FIRST_SEED=n` starts at one.

mod common;

use common::*;
use daos_env::{Env, Executor, ManualClock, Random, SeededRandom};
use daos_media::Media;
use daos_sim::media::SimMedia;
use daos_status::Code;
use daos_store::*;
use daos_testkit::seeds::Seeds;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const TASKS: u64 = 5;
const STEPS: u64 = 40;
const KEYS: u64 = 6;

/// What a task knows of one of its keys: the version that was acknowledged last, and one that was asked for and not answered.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Known {
    acknowledged: u64,
    asked: Option<u64>,
}

type Knowledge = Rc<RefCell<Vec<Known>>>;

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

fn name(task: u64, key: u64) -> String {
    format!("task {task}, key {key}")
}

/// The bytes of a version tell which one it is. Version zero is that the key is gone.
fn bytes_of(version: u64) -> Vec<u8> {
    let length = 100 + (version.wrapping_mul(0x9e37_79b9) % 9) as usize * 1500;
    version.to_le_bytes().repeat(length / 8 + 1)
}

fn version_of(bytes: Option<Vec<u8>>) -> u64 {
    let Some(bytes) = bytes else { return 0 };
    let version = u64::from_le_bytes(*bytes.first_chunk().expect("long enough"));
    assert!(bytes == bytes_of(version), "a value is not whole");
    version
}

/// Writes at one epoch all the time, so that each version replaces the one before and its blocks are free again.
async fn work(store: Rc<Store>, task: u64, seed: u64, known: Knowledge, done: Rc<Cell<u64>>) {
    let random = SeededRandom::new(seed * 1000 + task);
    for step in 0..STEPS {
        let key_number = random.next_u64() % KEYS;
        let dkey = name(task, key_number);
        let place = (task * KEYS + key_number) as usize;
        match random.next_u64() % 8 {
            0 => {
                known.borrow_mut()[place].asked = Some(0);
                store.punch(punch(7, PunchTarget::Dkeys(vec![key(&dkey)]))).await.expect("punch");
                known.borrow_mut()[place] = Known::default();
            }
            1..=4 => {
                let version = (task << 32) + step + 1;
                known.borrow_mut()[place].asked = Some(version);
                match store.update(update(7, &dkey, "a", single(&bytes_of(version)))).await {
                    Ok(()) => known.borrow_mut()[place] = Known { acknowledged: version, asked: None },
                    Err(status) => {
                        assert_eq!(status.code(), Code::Nospace, "{status}");
                        known.borrow_mut()[place].asked = None;
                    }
                }
            }
            5 => {
                // One of somebody else, who may be changing it.
                let dkey = name(random.next_u64() % TASKS, key_number);
                version_of(fetch_single(&store, 7, &dkey, "a").await);
            }
            _ => {
                let expected = known.borrow()[place];
                let found = version_of(fetch_single(&store, 7, &dkey, "a").await);
                assert_eq!(found, expected.acknowledged, "{dkey}");
            }
        }
        done.set(done.get() + 1);
    }
}

fn run(seed: u64, cut: Option<u64>) -> u64 {
    let media = SimMedia::new(seed);
    let settings = StoreSettings { data_bytes: 60 * 4096, arena_bytes: 2 << 20, log_bytes: 256 << 10, ..settings() };
    let known: Knowledge = Rc::new(RefCell::new(vec![Known::default(); (TASKS * KEYS) as usize]));
    let done = Rc::new(Cell::new(0));
    {
        let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
        let spawner = executor.spawner().clone();
        let folder: Rc<dyn Media> = Rc::new(media.clone());
        let made = executor.block_on(async move {
            let store = Store::create(folder, settings, environment(seed), &spawner).await?;
            store.container_create(CONTAINER, store.container_defaults()).await?;
            Ok::<_, daos_status::Status>(store)
        });
        let store = made.expect("done").expect("create");
        if let Some(cut) = cut {
            media.cut_power_at(media.persists() + cut);
        }
        for task in 0..TASKS {
            drop(executor.spawner().spawn(work(store.clone(), task, seed, known.clone(), done.clone())));
        }
        executor.run_until_stalled();
        assert!(media.is_off() || done.get() == TASKS * STEPS, "every request was answered");
        assert!(media.is_off() || store.space().expect("space").data.free < 60 * 4096);
    }
    let persists = media.persists();
    media.power_cycle();
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let check = async move {
        let store = Store::open(Rc::new(media.clone()), environment(seed), &spawner).await.expect("open");
        for task in 0..TASKS {
            for key_number in 0..KEYS {
                let known = known.borrow()[(task * KEYS + key_number) as usize];
                let found = version_of(fetch_single(&store, 7, &name(task, key_number), "a").await);
                let fits = found == known.acknowledged || Some(found) == known.asked;
                assert!(fits, "{} is {found}, but {known:?}", name(task, key_number));
            }
        }
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.close().await.expect("close");
        assert_eq!(store.space().expect("space").data.free, 60 * 4096, "no block is lost");
    };
    executor.block_on(check).expect("done");
    persists
}

#[test]
fn crash_among_many_requests_keeps_what_was_acknowledged() {
    Seeds::new("DAOS_STORE").for_each(4, |seed| {
        let persists = run(seed, None);
        (1..persists).step_by(23).for_each(|cut| {
            run(seed, Some(cut));
        });
    });
}
