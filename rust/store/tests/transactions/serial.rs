//! Random transactions of all kinds, kills and power cuts: what is seen and what is there must be as if the transactions that
//! were committed were made one after the other, in the order of their epochs.
//!
//! `DAOS_STORE_SEEDS=n` runs n seeds, `DAOS_STORE_FIRST_SEED=n` starts at one, `DAOS_STORE_CUTS=n` bounds the cuts of one seed (0: all).

use crate::common::{CONTAINER, environment};
use crate::world::World;
use daos_env::Spawner;
use daos_media::Media;
use daos_sim::life::run;
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use daos_store::{ChecksumKind, Durability, Store, StoreSettings};
use daos_testkit::seeds::Seeds;
use std::rc::Rc;

const SEEDS: Seeds = Seeds::new("DAOS_STORE");

fn settings() -> StoreSettings {
    StoreSettings {
        data_bytes: 8 << 20,
        arena_bytes: 8 << 20,
        log_bytes: 512 << 10,
        durability: Durability::Log,
        checksum: ChecksumKind::Crc32c,
    }
}

/// Opens the store, or makes it.
async fn start(media: Rc<dyn Media>, spawner: &Spawner) -> Result<Rc<Store>> {
    let store = match Store::open(media.clone(), environment(), spawner).await {
        Err(status) if status.code() == Code::Nonexist => {
            Store::create(media, settings(), environment(), spawner).await?
        }
        other => other?,
    };
    match store.container_create(CONTAINER, store.container_defaults()).await {
        Err(status) if status.code() != Code::Exist => Err(status),
        _ => Ok(store),
    }
}

/// One life of the process; `None` when it ended by force.
fn live(media: &SimMedia, world: &Rc<World>, steps: u64) -> Option<()> {
    let (folder, world) = (Rc::new(media.clone()), world.clone());
    let lived = run(|spawner| async move {
        let store = start(folder, &spawner).await?;
        world.resolve(&store).await;
        for _ in 0..steps {
            world.step(&store).await?;
        }
        Ok::<_, daos_status::Status>(())
    });
    // The making and removing of devices answers without a wait, also when the power is off.
    lived.filter(|_| !media.is_off()).map(|result| result.expect("with the power on, everything works"))
}

/// The last life: everything is ended and compared, and nothing is lost.
fn end(media: &SimMedia, world: &Rc<World>) {
    let (media, world) = (media.clone(), world.clone());
    let ended = run(|spawner| async move {
        let store = start(Rc::new(media), &spawner).await.expect("opens");
        world.resolve(&store).await;
        world.settle(&store).await.expect("ends");
        world.verify(&store).await;
        store.container_destroy(CONTAINER).await.expect("destroyed");
        store.wait_until_reclaimed().await;
        store.close().await.expect("closes");
        let data = store.space().expect("space").data;
        // One block in 64 is kept.
        assert_eq!(data.free, data.total - data.total / 64, "blocks were lost");
    });
    ended.expect("it ends");
}

fn lives_and_kills(seed: u64) {
    let (media, world) = (SimMedia::new(seed), Rc::new(World::new(seed)));
    for life in 0..5 {
        live(&media, &world, 150).expect("nothing ends it");
        if (seed + life).is_multiple_of(2) { media.restart_process() } else { media.power_cycle() }
    }
    end(&media, &world);
    let counts = &world.counts;
    let (committed, restarted, waits) = (counts.committed.get(), counts.restarted.get(), counts.waits.get());
    assert!(committed > 60 && restarted > 5 && waits > 2 && counts.aborted.get() > 0, "seed {seed}: {counts:?}");
}

#[test]
fn transactions_are_as_if_made_one_after_the_other() {
    SEEDS.for_each(6, lives_and_kills);
}

#[test]
#[ignore = "slow: a minute and more of seeds"]
fn many_transactions_are_as_if_made_one_after_the_other() {
    SEEDS.for_each(300, lives_and_kills);
}

fn cut_at(seed: u64, cut: u64) {
    let (media, world) = (SimMedia::new(seed), Rc::new(World::new(seed)));
    media.cut_power_at(cut);
    for _ in 0..3 {
        live(&media, &world, 60);
        if media.is_off() {
            media.power_cycle();
            // Again, somewhere in the next life: now and then in its recovery.
            media.cut_power_at(media.persists() + 1 + (seed * 31 + cut * 17) % 90);
        } else {
            media.restart_process();
        }
    }
    if media.is_off() {
        media.power_cycle();
    }
    media.cut_power_at(u64::MAX);
    end(&media, &world);
}

#[test]
fn crash_at_any_persist_keeps_transactions_whole() {
    SEEDS.for_each(2, |seed| {
        let (media, world) = (SimMedia::new(seed), Rc::new(World::new(seed)));
        live(&media, &world, 60).expect("nothing ends it");
        for cut in SEEDS.places(seed, media.persists(), 25) {
            cut_at(seed, cut);
        }
    });
}
