//! Sequences of everything, as a whole, and with the power cut.

#![expect(
    clippy::await_holding_refcell_ref,
    reason = "one task has what is known, and it is looked at again when that has ended or was dropped with the power off"
)]

use crate::SEEDS;
use crate::actions::MARKERS;
use crate::generate::{CONTAINER, Generator};
use crate::known::Known;
use daos_env::{Env, ManualClock, SeededRandom, Spawner};
use daos_media::{DurableArena, Media};
use daos_sim::life::live;
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use daos_store::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

pub const USUAL: Load = Load { steps: 45, compares: true };
pub const CHANGES: Load = Load { compares: false, ..USUAL };

const KINDS: [ChecksumKind; 8] = [
    ChecksumKind::Crc64,
    ChecksumKind::Crc32c,
    ChecksumKind::Sha1,
    ChecksumKind::Crc16,
    ChecksumKind::Sha512,
    ChecksumKind::Adler32,
    ChecksumKind::Sha256,
    ChecksumKind::Off,
];

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

pub type Shared = Rc<RefCell<Known>>;

pub async fn start(folder: Rc<dyn Media>, seed: u64, spawner: &Spawner) -> Result<Rc<Store>> {
    let settings = StoreSettings {
        data_bytes: 64 << 20,
        arena_bytes: 16 << 20,
        log_bytes: 512 << 10,
        durability: [Durability::Log, Durability::Pmem][(seed / 2 % 2) as usize],
        checksum: KINDS[(seed % 8) as usize],
    };
    let is_there = DurableArena::exists(&*folder).await?;
    let store = match is_there {
        true => match Store::open(folder.clone(), environment(seed), spawner).await {
            // It was not completely made.
            Err(status) if status.code() == Code::Nonexist => {
                Store::create(folder, settings, environment(seed), spawner).await?
            }
            other => other?,
        },
        false => Store::create(folder, settings, environment(seed), spawner).await?,
    };
    store.limit_punches((seed % 5) as usize * 4);
    for container in [CONTAINER, MARKERS] {
        let settings = ContainerSettings { chunk_bytes: 1000 + (seed as u32 % 5) * 7000, ..store.container_defaults() };
        match store.container_create(container, settings).await {
            Err(status) if status.code() == Code::Exist => {}
            other => other?,
        }
    }
    Ok(store)
}

/// What one life does.
#[derive(Clone, Copy)]
pub struct Load {
    pub steps: u64,
    /// Whether it compares meanwhile: where calls of devices fail, only changes may meet that.
    pub compares: bool,
}

/// Does so many things; an error is one of the devices.
async fn work(store: &Rc<Store>, known: &Shared, generator: &mut Generator, load: Load) -> Result<()> {
    for _ in 0..load.steps {
        // One task has it; it is looked at again when this task has ended.
        let mut known = known.borrow_mut();
        known.act(store, generator).await?;
        if load.compares && generator.one_in(25) {
            known.compare(store, generator).await;
        }
    }
    Ok(())
}

/// A life: opens or makes the store, finds out what is there, and does things.
pub fn act(media: &SimMedia, known: &Shared, seed: u64, load: Load) -> Option<Result<()>> {
    let known = known.clone();
    live(media, |folder, spawner| async move {
        let store = start(folder, seed, &spawner).await?;
        // Nothing lies on the data device before the first change.
        let free = store.space()?.data.free;
        known.borrow_mut().empty.get_or_insert(free);
        known.borrow_mut().find_out(&store).await;
        known.borrow_mut().calls_fail = !load.compares;
        let mut generator = Generator::new(seed);
        work(&store, &known, &mut generator, load).await?;
        store.close().await
    })
}

/// Opens what has survived and compares it; and, at the end, looks whether all space comes back.
pub fn check(media: &SimMedia, known: &Shared, seed: u64, is_last: bool) {
    let known = known.clone();
    let check = live(media, |folder, spawner| async move {
        if !DurableArena::exists(&*folder).await.expect("readable") {
            return;
        }
        let store = start(folder, seed, &spawner).await.expect("opens");
        let mut known = known.borrow_mut();
        known.find_out(&store).await;
        known.compare(&store, &Generator::new(seed)).await;
        if !is_last {
            return;
        }
        for container in [CONTAINER, MARKERS] {
            store.container_destroy(container).await.expect("destroyed");
        }
        store.wait_until_reclaimed().await;
        assert_eq!(Some(store.space().expect("space").data.free), known.empty, "blocks were lost");
        store.close().await.expect("closes");
    });
    check.expect("with the power on, everything comes to an end");
}

#[test]
fn mixed_sequences_agree_with_the_model() {
    let mut done = [0; 4];
    for seed in SEEDS.range(3) {
        SEEDS.replayable(seed, "without a fault", || {
            let (media, known) = (SimMedia::new(seed), Shared::default());
            for life in 0..4 {
                act(&media, &known, seed + life * 1000, Load { steps: 60, ..USUAL })
                    .expect("on")
                    .expect("nothing fails");
                if life % 2 == 0 {
                    media.restart_process();
                }
                check(&media, &known, seed, life == 3);
            }
            known.borrow().done.iter().zip(&mut done).for_each(|(one, all)| *all += one);
        });
    }
    assert!(done.iter().all(|done| *done > 0), "{done:?}");
}

fn cut(seed: u64, cut: u64, persists: u64) {
    let (media, known) = (SimMedia::new(seed), Shared::default());
    media.cut_power_at(cut);
    drop(act(&media, &known, seed, USUAL));
    end(&media, !cut.is_multiple_of(3));
    check(&media, &known, seed, false);
    // The first persists of the next life are those of its recovery.
    media.cut_power_at(media.persists() + 1 + (seed * 31 + cut * 17) % persists);
    drop(act(&media, &known, seed + 1000, USUAL));
    end(&media, !cut.is_multiple_of(4));
    check(&media, &known, seed, false);
    act(&media, &known, seed + 2000, Load { steps: 20, ..USUAL }).expect("on").expect("it works again");
    media.power_cycle();
    check(&media, &known, seed, true);
}

/// Kills the process or the whole machine.
pub fn end(media: &SimMedia, is_power_cut: bool) {
    if is_power_cut { media.power_cycle() } else { media.restart_process() }
}

#[test]
fn crash_of_mixed_sequences_loses_nothing() {
    // Both classes of durability.
    for seed in SEEDS.range(3) {
        let whole = SimMedia::new(seed);
        act(&whole, &Shared::default(), seed, USUAL).expect("on").expect("nothing fails");
        let persists = whole.persists();
        for place in SEEDS.places(seed, persists, 8) {
            SEEDS.replayable(seed, &format!("cut {place} of {persists}"), || cut(seed, place, persists));
        }
    }
}
