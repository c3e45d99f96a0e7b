//! What random sequences hardly ever come to: each of these tests fails for a change to the code that all others passed.

use crate::common::*;
use daos_store::*;
use daos_types::Epoch;
use std::rc::Rc;

fn array(start: u64, byte: u8, length: usize) -> UpdateValue {
    let pieces = vec![(extent(start, length as u64), Data::Bytes(vec![byte; length]))];
    UpdateValue::Array { record_size: 1, pieces: pieces.into() }
}

async fn exists(store: &Store, epoch: u64) -> bool {
    let limits = Limits { count: 10, bytes: 1000 };
    let listed = store.list_akeys(CONTAINER, OBJECT, &key("d"), Epoch(epoch), &Anchor::Start, limits).await;
    listed.expect("list").entries.contains(&key("a"))
}

/// An older interval has data, which the punch of the akey hides from the newer one: that one needs a witness of its own.
#[test]
fn an_emptied_array_exists_though_older_data_was_punched() {
    with_store(|store: Rc<Store>, _| async move {
        store.update(update(1, "d", "a", array(0, 1, 10))).await.expect("update");
        store.snapshot_create(CONTAINER, Epoch(2)).await.expect("pin");
        let akey = PunchTarget::Akeys { dkey: key("d"), akeys: vec![key("a")] };
        store.punch(punch(3, akey)).await.expect("punch");
        store.update(update(4, "d", "a", array(0, 2, 10))).await.expect("update");
        store.update(update(5, "d", "a", UpdateValue::PunchExtents(vec![extent(0, 50)]))).await.expect("empties");
        for up_to in [6, 7] {
            assert!(exists(&store, 2).await && exists(&store, up_to).await);
            store.aggregate(CONTAINER, Epoch(up_to)).await.expect("aggregate");
            assert!(exists(&store, 2).await, "the pinned epoch has data");
            assert!(exists(&store, up_to).await, "it was emptied, not punched");
        }
    });
}

/// Of one epoch and range, first data and then a punch: the array has had data from that epoch on.
#[test]
fn an_array_written_and_emptied_at_one_epoch_exists() {
    with_store(|store: Rc<Store>, _| async move {
        store.update(update(5, "d", "a", array(0, 1, 10))).await.expect("update");
        store.update(update(5, "d", "a", UpdateValue::PunchExtents(vec![extent(0, 10)]))).await.expect("empties");
        assert!(exists(&store, 5).await);
        let reply = store.fetch(fetch(5, "d", "a", FetchWhat::Array(vec![extent(0, 10)].into()))).await.expect("fetch");
        let Fetched::Array { pieces, .. } = &reply.akeys[0] else { panic!("an array") };
        assert!(pieces.iter().all(|piece| piece.content == Content::Punched));
        store.aggregate(CONTAINER, Epoch(6)).await.expect("aggregate");
        assert!(exists(&store, 6).await);
    });
}

/// What a walk has left as it was goes with the next one, when a punch above it has come in between.
#[test]
fn what_is_punched_after_an_aggregation_goes_with_the_next() {
    with_store(|store: Rc<Store>, _| async move {
        let empty = store.space().expect("space").data;
        for number in 0..50 {
            store.update(update(1, &format!("d{number}"), "a", single(&[7; 5000]))).await.expect("update");
            store.update(update(2, &format!("d{number}"), "b", array(0, 7, 5000))).await.expect("update");
        }
        store.aggregate(CONTAINER, Epoch(5)).await.expect("aggregate");
        store.punch(punch(7, PunchTarget::Object)).await.expect("punch");
        store.aggregate(CONTAINER, Epoch(8)).await.expect("aggregate");
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await.expect("asked"), None, "something is left");
        assert_eq!(store.space().expect("space").data, empty);
    });
}

/// Where newer data shows, nothing stands for what it hides.
#[test]
fn hidden_extents_leave_nothing_where_there_is_data() {
    let used = |versions: u64| {
        let result = Rc::new(std::cell::Cell::new(0));
        let found = result.clone();
        with_store(move |store: Rc<Store>, _| async move {
            for version in 1..=versions {
                for number in 0..4000 {
                    let name = format!("key {number:05}");
                    store.update(update(version, &name, "a", array(0, 1, 20))).await.expect("update");
                }
            }
            store.aggregate(CONTAINER, Epoch(10)).await.expect("aggregate");
            let arena = store.space().expect("space").arena;
            found.set(arena.total - arena.free);
        });
        result.get()
    };
    // The first version lies in the room of its akey, the last one elsewhere. Pages of some size classes may be used in part.
    let (two, three) = (used(2), used(3));
    assert!(three < two + 4000 * 16, "{three} bytes instead of {two}");
}

/// Summaries of trees must not say that what a discard takes away is there, also when its object changes meanwhile.
#[test]
fn a_discard_among_changes_leaves_no_trace() {
    with_store(|store: Rc<Store>, _| async move {
        for (epoch, start) in [(5, 0), (9, 20), (10, 40)] {
            store.update(update(epoch, "d", "a", array(start, 1, 10))).await.expect("update");
            store.update(update(epoch, "d", "b", array(start, 1, 10))).await.expect("update");
        }
        let run = store.discard_begin(CONTAINER, None, Epoch(1)..=Epoch(5)).expect("begin");
        let mut run = run.with_budget(StepBudget::new(1));
        let mut epoch = 20;
        while run.step().await.expect("step") {
            epoch += 1;
            store.update(update(epoch, "other", "a", single(b"x"))).await.expect("update");
        }
        assert!(epoch > 22, "there were steps in between");
        assert!(!exists(&store, 6).await && exists(&store, 9).await);
        let conditions = Conditions::AKEY_FETCH;
        let what = FetchWhat::Array(vec![extent(0, 10)].into());
        let request = FetchRequest { conditions, ..fetch(8, "d", "a", what) };
        assert!(store.fetch(request).await.is_err(), "nothing was written before epoch 9");
    });
}

/// Nor when what changed it meanwhile is taken away by the next discard.
#[test]
fn discards_one_after_the_other_leave_no_epoch_behind() {
    with_store(|store: Rc<Store>, _| async move {
        for (epoch, dkey) in [(5, "d"), (6, "e"), (9, "d"), (10, "e")] {
            store.update(update(epoch, dkey, "a", array(epoch, 1, 10))).await.expect("update");
            store.update(update(epoch, dkey, "b", array(epoch, 1, 10))).await.expect("update");
        }
        let run = store.discard_begin(CONTAINER, None, Epoch(7)..=Epoch(12)).expect("begin");
        let mut run = run.with_budget(StepBudget::new(1));
        let mut epoch = 12;
        while run.step().await.expect("step") {
            epoch += 1;
            store.update(update(epoch, "other", "a", single(b"x"))).await.expect("update");
        }
        assert!(epoch > 14, "there were steps in between");
        drop(run);
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await, Ok(Some(Epoch(epoch))));
        store.discard(CONTAINER, None, Epoch(11)..=Epoch(epoch)).await.expect("discarded");
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await, Ok(Some(Epoch(6))), "the newest that is left");
    });
}
