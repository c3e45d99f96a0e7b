//! Full stores: what was called free could be written, nothing is half done, and deleting still works.

mod common;

use common::*;
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{ContainerId, Epoch, ObjectId};
use std::rc::Rc;

const OTHER: ContainerId = ContainerId::from_bytes([4; 16]);

fn small() -> StoreSettings {
    StoreSettings { data_bytes: 4 << 20, arena_bytes: 2 << 20, ..settings() }
}

fn name(number: u64) -> String {
    format!("key {number:08}")
}

async fn put(store: &Store, container: ContainerId, number: u64, bytes: usize) -> Result<()> {
    let request = update(number + 1, &name(number), "a", single(&vec![number as u8; bytes]));
    store.update(UpdateRequest { container, ..request }).await
}

/// Writes values until there is no space; how many there were.
async fn fill(store: &Store, container: ContainerId, bytes: usize) -> u64 {
    for number in 0.. {
        if let Err(status) = put(store, container, number, bytes).await {
            assert_eq!(status.code(), Code::Nospace, "{status}");
            assert_eq!(fetch_single(store, u64::MAX, &name(number), "a").await, None, "nothing is half done");
            return number;
        }
    }
    0
}

#[test]
fn a_full_arena_refuses_and_deletes() {
    with_settings(small(), |store, reopen| async move {
        let before = store.space().expect("space").arena;
        let count = fill(&store, CONTAINER, 200).await;
        let full = store.space().expect("space").arena;
        assert_eq!(full.free, 0, "there was space left");
        assert!(count * 200 > before.free / 3, "{count} values of 200 bytes took {} bytes", before.free);
        for number in 0..count.min(500) {
            store.punch(punch(count + 1, PunchTarget::Dkeys(vec![key(&name(number))]))).await.expect("deleting works");
            assert_eq!(fetch_single(&store, u64::MAX, &name(number), "a").await, None);
        }
        let mut unknown = Ok(());
        for number in count..2 * count {
            unknown = store.punch(punch(count + 1, PunchTarget::Dkeys(vec![key(&name(number))]))).await;
            if unknown.is_err() {
                break;
            }
        }
        assert_eq!(unknown.expect_err("what was never there takes space").code(), Code::Nospace);
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        assert_eq!(fetch_single(&store, u64::MAX, &name(count - 1), "a").await, Some(vec![(count - 1) as u8; 200]));
        store.container_destroy(CONTAINER).await.expect("destroy");
        // Waits for what is freed in the background, if it must.
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        store.wait_until_reclaimed().await;
        for number in 0..count {
            put(&store, CONTAINER, number, 200).await.expect("everything was freed");
        }
    });
}

/// Deleting takes a little space, until even the part kept for it is used up. Destroying a container takes none.
#[test]
fn a_container_can_be_destroyed_whatever_happened() {
    with_settings(small(), |store, _| async move {
        let count = fill(&store, CONTAINER, 100).await;
        let mut refused = 0;
        for epoch in count.. {
            for number in 0..count {
                let request = punch(epoch + 1, PunchTarget::Dkeys(vec![key(&name(number))]));
                if let Err(status) = store.punch(request).await {
                    assert_eq!(status.code(), Code::Nospace);
                    refused += 1;
                    break;
                }
            }
            if refused > 0 {
                break;
            }
        }
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        put(&store, CONTAINER, 0, 100).await.expect("there is space");
    });
}

#[test]
fn every_free_block_can_be_written() {
    with_settings(small(), |store, _| async move {
        let free = store.space().expect("space").data.free;
        let count = fill(&store, CONTAINER, 4096).await;
        assert_eq!(count, free / 4096);
        assert_eq!(store.space().expect("space").data.free, 0);
        // A punch at its own epoch frees: every other block, so that no two that are free lie together.
        for number in (0..count).step_by(2) {
            store.punch(punch(number + 1, PunchTarget::Dkeys(vec![key(&name(number))]))).await.expect("punch");
        }
        let free = store.space().expect("space").data.free;
        assert_eq!(free, count.div_ceil(2) * 4096);
        let large: Vec<u8> = (0..free as usize - 5).map(|at| (at / 4096 + at) as u8).collect();
        store.update(update(count + 1, "large", "single", single(&large))).await.expect("scattered, but free");
        assert_eq!(store.space().expect("space").data.free, 0);
        assert_eq!(fetch_single(&store, u64::MAX, "large", "single").await, Some(large.clone()));
        store.punch(punch(count + 1, PunchTarget::Object)).await.expect("punch");
        let pieces = vec![(extent(7, large.len() as u64), Data::copy_of(&large))];
        let array = UpdateValue::Array { record_size: 1, pieces: pieces.into() };
        store.update(update(count + 2, "large", "array", array)).await.expect("update");
        let what = FetchWhat::Array(Few::from([extent(7 + 100_000, 50_000), extent(40_000, 9)]));
        let reply = store.fetch(fetch(u64::MAX, "large", "array", what)).await.expect("fetch");
        let Fetched::Array { pieces, .. } = &reply.akeys[0] else { panic!("an array") };
        let expected = [large[100_000..150_000].to_vec(), large[39_993..40_002].to_vec()].map(Data::from);
        assert_eq!(pieces[0].content, Content::Data(expected[0].to_vec().into()));
        assert_eq!(pieces[1].content, Content::Data(expected[1].to_vec().into()));
        store.container_destroy(CONTAINER).await.expect("destroy");
        assert_eq!(store.container_list().await.expect("list"), []);
    });
}

#[test]
fn blocks_of_a_refused_update_are_free_again() {
    with_settings(small(), |store, _| async move {
        put(&store, CONTAINER, 0, 10).await.expect("update");
        let free = store.space().expect("space").data.free;
        let refused =
            UpdateRequest { conditions: Conditions::DKEY_INSERT, ..update(5, &name(0), "a", single(&[1; 9000])) };
        assert_eq!(store.update(refused).await.expect_err("exists").code(), Code::Exist);
        assert_eq!(store.space().expect("space").data.free, free);
        fill(&store, CONTAINER, 50).await;
        let free = store.space().expect("space").data.free;
        let request = update(5, "one more that is far too long for what is left", "a", single(&[1; 9000]));
        let akeys = (0..2000).map(|number| AkeyUpdate {
            akey: key(&name(number)),
            value: single(&[1; 300]),
            conditions: Conditions::NONE,
        });
        let request = UpdateRequest { akeys: request.akeys.into_iter().chain(akeys).collect(), ..request };
        assert_eq!(store.update(request).await.expect_err("full").code(), Code::Nospace);
        assert_eq!(store.space().expect("space").data.free, free);
    });
}

/// A container of many records is freed in the background. Who needs its space meanwhile waits for it.
#[test]
fn writers_wait_for_the_space_of_a_destroyed_container() {
    let settings = StoreSettings { data_bytes: 32 << 20, arena_bytes: 8 << 20, ..settings() };
    with_settings(settings, |store: Rc<Store>, _| async move {
        store.container_create(OTHER, store.container_defaults()).await.expect("create");
        let count = fill(&store, CONTAINER, 4096).await;
        assert!(count > 5000, "more than what destroying does at once: {count}");
        store.container_destroy(CONTAINER).await.expect("destroy");
        for number in 0..count {
            put(&store, OTHER, number, 4096).await.expect("waits until there is space");
        }
        let gone = store.list_objects(CONTAINER, Epoch::MAX, &Anchor::Start, Limits { count: 1, bytes: 0 }).await;
        assert_eq!(gone.expect_err("destroyed").code(), Code::ContNonexist);
        let there = store.max_epoch(OTHER, OBJECT).await.expect("there");
        assert_eq!(there, Some(Epoch(count)));
        assert_eq!(store.max_epoch(OTHER, ObjectId { hi: 9, lo: 9 }).await.expect("there"), None);
    });
}
