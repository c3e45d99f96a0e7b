//! Destroying a large container: beside other requests, with another one of its name made meanwhile, and with crashes in between.

mod common;

use common::{CONTAINER, environment, extent, fetch_single, key, settings, single, update, with_store};
use daos_env::Spawner;
use daos_env::sync::yield_now;
use daos_media::Media;
use daos_sim::life::run;
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use daos_store::*;

use daos_types::{ContainerId, Epoch, ObjectId};
use std::cell::Cell;
use std::rc::Rc;

const LARGE: ContainerId = ContainerId::from_bytes([8; 16]);

/// Objects with a value in the arena, one on the data device, and an array; some are punched.
async fn fill(store: &Store, objects: u64) -> Result<()> {
    store.container_create(LARGE, store.container_defaults()).await?;
    for number in 0..objects {
        let object = ObjectId { hi: 0, lo: number };
        let value = |akey: &str, value| AkeyUpdate { akey: key(akey), value, conditions: Conditions::NONE };
        let mut akeys = vec![
            value("small", single(&number.to_le_bytes())),
            value(
                "array",
                UpdateValue::Array { record_size: 1, pieces: vec![(extent(3, 5), Data::copy_of(b"array"))].into() },
            ),
        ];
        if number % 8 == 0 {
            akeys.push(value("large", single(&[number as u8; 5000])));
        }
        let (container, dkey, conditions) = (LARGE, key("dkey"), Conditions::NONE);
        store
            .update(UpdateRequest { container, object, epoch: Epoch(5), dkey, conditions, akeys: akeys.into() })
            .await?;
        if number % 7 == 0 {
            let what = PunchTarget::Object;
            store.punch(PunchRequest { container, object, epoch: Epoch(6), what, conditions }).await?;
        }
    }
    Ok(())
}

async fn objects_of(store: &Store, container: ContainerId) -> Result<usize> {
    let limits = Limits { count: usize::MAX, bytes: usize::MAX };
    Ok(store.list_objects(container, Epoch::MAX, &Anchor::Start, limits).await?.entries.len())
}

#[test]
fn requests_run_beside_the_freeing_of_a_large_container() {
    with_store(|store, reopen| async move {
        let before = store.space().expect("space");
        fill(&store, 4000).await.expect("filled");
        store.container_destroy(LARGE).await.expect("destroyed");
        let free = || store.space().expect("space").arena.free;
        let is_done = Rc::new(Cell::new(false));
        let _waiting = reopen.spawner.spawn({
            let (store, is_done) = (store.clone(), is_done.clone());
            async move {
                store.wait_until_reclaimed().await;
                is_done.set(true);
            }
        });
        let (mut requests, mut most, mut last) = (0u64, 0, free());
        while !is_done.get() {
            // One dkey, written over and over at one epoch, so that nothing but the freeing changes the space.
            store.update(update(9, "dkey", "akey", single(&requests.to_le_bytes()))).await.expect("update");
            yield_now().await;
            most = most.max(free().saturating_sub(last));
            last = free();
            requests += 1;
            assert!(requests < 200_000, "it comes to its end");
        }
        // Few requests met a step, and no step was a long one. (Space of the arena comes free in pieces of 16 KiB.)
        assert!(requests > 3000, "only {requests} requests ran beside it");
        assert!(most < 96 << 10, "{most} bytes were freed between two requests");
        assert_eq!(fetch_single(&store, 9, "dkey", "akey").await, Some((requests - 1).to_le_bytes().to_vec()));
        assert_eq!(store.space().expect("space").data.free, before.data.free);
    });
}

#[test]
fn a_container_is_made_again_while_the_one_of_its_name_is_freed() {
    with_store(|store, reopen| async move {
        let before = store.space().expect("space");
        fill(&store, 3000).await.expect("filled");
        let mut walk = store.aggregation_begin(LARGE, Epoch(5)).await.expect("begins");
        let mut store = store;
        for round in 0..3 {
            store.container_destroy(LARGE).await.expect("destroyed");
            fill(&store, 30).await.expect("there is another one at once");
            let used = before.arena.free - store.space().expect("space").arena.free;
            assert!(round > 0 || used > 100 << 10, "it has waited for the freeing");
            assert_eq!(objects_of(&store, LARGE).await.expect("list"), 25);
            assert_eq!(store.container_list().await.expect("list"), [CONTAINER, LARGE]);
            if round == 0 {
                // A walk over the one before does not go on in this one.
                let ended = walk.step().await.expect_err("its container is gone");
                assert_eq!(ended.code(), Code::ContNonexist);
                drop(store);
                drop(walk);
                store = reopen.open().await.expect("opens");
                walk = store.aggregation_begin(LARGE, Epoch(5)).await.expect("begins");
                assert_eq!(objects_of(&store, LARGE).await.expect("list"), 25);
            }
        }
        drop(walk);
        store.container_destroy(LARGE).await.expect("destroyed");
        store.wait_until_reclaimed().await;
        assert_eq!(store.container_list().await.expect("list"), [CONTAINER]);
        assert_eq!(store.space().expect("space").data.free, before.data.free);
    });
}

async fn start(media: Rc<dyn Media>, spawner: &Spawner) -> Result<Rc<Store>> {
    let settings = StoreSettings { data_bytes: 4 << 20, arena_bytes: 4 << 20, log_bytes: 512 << 10, ..settings() };
    match Store::open(media.clone(), environment(), spawner).await {
        Err(status) if status.code() == Code::Nonexist => Store::create(media, settings, environment(), spawner).await,
        other => other,
    }
}

/// Destroys a container and makes it again, some times over.
async fn work(store: Rc<Store>) -> Result<()> {
    for _ in 0..3 {
        match store.container_destroy(LARGE).await {
            Err(status) if status.code() != Code::Nonexist => return Err(status),
            _ => fill(&store, 40).await?,
        }
    }
    Ok(())
}

fn cut_at(cut: u64) -> bool {
    let media = SimMedia::new(cut);
    media.cut_power_at(cut);
    let once = media.clone();
    let lived = run(|spawner| async move { work(start(Rc::new(once), &spawner).await?).await });
    let was_cut = media.is_off();
    if was_cut {
        media.power_cycle();
        // Again, while what is left is freed.
        media.cut_power_at(media.persists() + 1 + cut % 30);
        let again = media.clone();
        run(|spawner| async move { work(start(Rc::new(again), &spawner).await?).await });
        if media.is_off() {
            media.power_cycle();
        }
        media.cut_power_at(u64::MAX);
    } else {
        lived.expect("the power is on").expect("it works");
        media.restart_process();
    }
    let last = run(|spawner| async move {
        let store = start(Rc::new(media), &spawner).await.expect("opens");
        for container in store.container_list().await.expect("list") {
            // What was acknowledged, and one that was under way.
            assert_eq!(container, LARGE);
            let objects = objects_of(&store, container).await.expect("list");
            assert!(objects <= 34, "{objects} objects: some of an older container");
        }
        work(store.clone()).await.expect("it works");
        assert_eq!(objects_of(&store, LARGE).await.expect("list"), 34);
        store.container_destroy(LARGE).await.expect("destroyed");
        store.wait_until_reclaimed().await;
        store.close().await.expect("closes");
        let data = store.space().expect("space").data;
        // One block in 64 is kept.
        assert_eq!(data.free, data.total - data.total / 64, "blocks were lost");
    });
    last.expect("it ends");
    was_cut
}

#[test]
fn crash_while_containers_are_destroyed_and_made_again_loses_nothing() {
    let places = (0..).step_by(7);
    let cuts = places.take_while(|cut| cut_at(1 + cut)).count();
    assert!(cuts > 20, "only {cuts} places were cut");
}
