//! The first and the last of everything: epochs 0, 1 and the greatest that can be written, records at the ends of what 64 bits can say, ranges
//! of everything.

mod common;

use common::*;
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{Epoch, Extent, TransactionId};
use std::rc::Rc;

/// The greatest epoch that can be written.
const LAST: u64 = u64::MAX - 1;

const ALL: Limits = Limits { count: 100, bytes: 1 << 20 };

fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|status| status.code())
}

fn array(start: u64, bytes: &[u8]) -> UpdateValue {
    let pieces = vec![(extent(start, bytes.len() as u64), Data::copy_of(bytes))];
    UpdateValue::Array { record_size: 1, pieces: pieces.into() }
}

async fn dkeys_at(store: &Store, epoch: u64) -> usize {
    let listing = store.list_dkeys(CONTAINER, OBJECT, Epoch(epoch), &Anchor::Start, ALL).await;
    listing.expect("list").entries.len()
}

#[test]
fn nothing_is_there_at_epoch_zero_and_nothing_can_be_put_there() {
    with_store(|store: Rc<Store>, _| async move {
        store.update(update(1, "d", "a", single(b"first"))).await.expect("update");
        assert_eq!(fetch_single(&store, 0, "d", "a").await, None);
        assert_eq!(dkeys_at(&store, 0).await, 0);
        let objects = store.list_objects(CONTAINER, Epoch(0), &Anchor::Start, ALL).await.expect("list");
        assert!(objects.entries.is_empty());
        let conditions = Conditions::DKEY_FETCH;
        let request = FetchRequest { conditions, ..fetch(0, "d", "a", FetchWhat::Single) };
        assert_eq!(code(store.fetch(request).await), Some(Code::Nonexist));
        for epoch in [0, u64::MAX] {
            assert_eq!(code(store.update(update(epoch, "d", "a", single(b"x"))).await), Some(Code::Inval));
            for what in [PunchTarget::Object, PunchTarget::Dkeys(vec![key("d")])] {
                assert_eq!(code(store.punch(punch(epoch, what)).await), Some(Code::Inval));
            }
            assert_eq!(code(store.snapshot_create(CONTAINER, Epoch(epoch)).await), Some(Code::Inval));
            assert_eq!(code(store.aggregate(CONTAINER, Epoch(epoch)).await), Some(Code::Inval));
        }
        assert_eq!(fetch_single(&store, 1, "d", "a").await, Some(b"first".to_vec()));
        // Epoch zero within a range is no harm.
        store.discard(CONTAINER, None, Epoch(0)..=Epoch(1)).await.expect("discard");
        assert_eq!(fetch_single(&store, u64::MAX, "d", "a").await, None);
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await.expect("asked"), None);
    });
}

#[test]
fn the_greatest_epoch_is_one_like_the_others() {
    with_store(|store: Rc<Store>, reopen| async move {
        store.update(update(5, "d", "a", single(b"old"))).await.expect("update");
        store.update(update(5, "d", "array", array(0, b"old bytes"))).await.expect("update");
        store.update(update(LAST, "d", "a", single(b"new"))).await.expect("update");
        store.update(update(LAST, "d", "array", array(2, b"new"))).await.expect("update");
        store.snapshot_create(CONTAINER, Epoch(5)).await.expect("pin");
        store.snapshot_create(CONTAINER, Epoch(LAST)).await.expect("pin");
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await.expect("asked"), Some(Epoch(LAST)));
        for (epoch, bytes) in [(4, None), (5, Some("old")), (LAST - 1, Some("old")), (LAST, Some("new"))] {
            let expected = bytes.map(|text| text.as_bytes().to_vec());
            assert_eq!(fetch_single(&store, epoch, "d", "a").await, expected, "{epoch}");
        }
        assert_eq!(fetch_single(&store, u64::MAX, "d", "a").await, Some(b"new".to_vec()));
        store.punch(punch(LAST, PunchTarget::Dkeys(vec![key("d")]))).await.expect("punch");
        assert_eq!((dkeys_at(&store, LAST - 1).await, dkeys_at(&store, LAST).await), (1, 0));
        store.update(update(LAST, "d", "a", single(b"again"))).await.expect("what comes after the punch shows");
        assert_eq!(fetch_single(&store, LAST, "d", "a").await, Some(b"again".to_vec()));
        store.aggregate(CONTAINER, Epoch(LAST)).await.expect("aggregate");
        assert_eq!(fetch_single(&store, 5, "d", "a").await, Some(b"old".to_vec()));
        assert_eq!(code(store.fetch(fetch(6, "d", "a", FetchWhat::Single)).await), Some(Code::EpOld));
        assert_eq!(fetch_single(&store, u64::MAX, "d", "a").await, Some(b"again".to_vec()));
        assert_eq!(code(store.update(update(LAST, "d", "a", single(b"late"))).await), Some(Code::EpOld));
        store.snapshot_destroy(CONTAINER, Epoch(5)).await.expect("unpin");
        store.snapshot_destroy(CONTAINER, Epoch(LAST)).await.expect("unpin");
        store.aggregate(CONTAINER, Epoch(LAST)).await.expect("aggregate");
        assert_eq!(fetch_single(&store, LAST, "d", "a").await, Some(b"again".to_vec()));
        let array = fetch(LAST, "d", "array", FetchWhat::Array(Few::from([extent(0, 9)])));
        assert_eq!(store.fetch(array).await.expect("fetch").akeys, [Fetched::Missing]);
    });
}

#[test]
fn everything_can_be_discarded_at_once() {
    with_store(|store: Rc<Store>, _| async move {
        let space = || store.space().expect("space").data;
        let empty = space();
        for epoch in [1, 7, 1 << 40, LAST] {
            store.update(update(epoch, "d", "a", single(&[7; 5000]))).await.expect("update");
            store.update(update(epoch, "d", "array", array(epoch % 1000, &[1; 9000]))).await.expect("update");
            store.punch(punch(epoch, PunchTarget::Dkeys(vec![key("e")]))).await.expect("punch");
        }
        store.discard(CONTAINER, None, Epoch(LAST)..=Epoch(LAST)).await.expect("discard");
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await.expect("asked"), Some(Epoch(1 << 40)));
        store.discard(CONTAINER, None, Epoch(0)..=Epoch(u64::MAX)).await.expect("discard");
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await.expect("asked"), None);
        let objects = store.list_objects(CONTAINER, Epoch::MAX, &Anchor::Start, ALL).await.expect("list");
        assert!(objects.entries.is_empty());
        assert_eq!(space(), empty);
    });
}

#[test]
fn transactions_have_the_greatest_epoch_too() {
    with_store(|store: Rc<Store>, reopen| async move {
        let transaction = TransactionId::from_bytes([1; 16]);
        let request = |epoch: u64| TransactionRequest {
            transaction,
            epoch: Epoch(epoch),
            container: CONTAINER,
            operations: vec![Operation::Update(update(epoch, "d", "a", single(b"prepared")))],
            reads: Vec::new(),
        };
        assert_eq!(code(store.prepare(request(u64::MAX)).await), Some(Code::Inval));
        assert_eq!(code(store.prepare(request(0)).await), Some(Code::Inval));
        store.prepare(request(LAST)).await.expect("prepare");
        for epoch in [LAST, u64::MAX] {
            assert_eq!(code(store.fetch(fetch(epoch, "d", "a", FetchWhat::Single)).await), Some(Code::Inprogress));
        }
        assert_eq!(fetch_single(&store, LAST - 1, "d", "a").await, None, "the epoch before is not concerned");
        store.aggregate(CONTAINER, Epoch(LAST)).await.expect("up to before what is prepared");
        assert_eq!(store.aggregated(CONTAINER).await.expect("there"), Epoch(LAST - 1));
        drop(store);
        let store = reopen.open().await.expect("open");
        store.commit(transaction, Epoch(LAST)).await.expect("commit");
        assert_eq!(fetch_single(&store, LAST, "d", "a").await, Some(b"prepared".to_vec()));
    });
}

/// Records from the first to the last that can be named, and punches of all of them.
#[test]
fn arrays_reach_from_the_first_record_to_the_last() {
    with_store(|store: Rc<Store>, reopen| async move {
        let whole = Extent::from_bounds(0, u64::MAX).expect("valid");
        store.update(update(1, "d", "a", array(0, b"first"))).await.expect("update");
        store.update(update(1, "d", "a", array(u64::MAX - 4, b"last"))).await.expect("update");
        store.update(update(2, "d", "a", UpdateValue::PunchExtents(vec![whole]))).await.expect("punch");
        store.update(update(3, "d", "a", array(u64::MAX - 1, b"t"))).await.expect("update");
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        let data = |start, epoch, bytes: &[u8]| {
            let content = Content::Data(Data::copy_of(bytes));
            FetchedPiece { extent: extent(start, bytes.len() as u64), epoch: Epoch(epoch), content }
        };
        let other = |start, end, epoch, content| {
            let extent = Extent::from_bounds(start, end).expect("valid");
            FetchedPiece { extent, epoch: Epoch(epoch), content }
        };
        let read = async |epoch: u64| {
            let reply = store.fetch(fetch(epoch, "d", "a", FetchWhat::Array(Few::from([whole])))).await.expect("fetch");
            match reply.akeys.into_iter().next() {
                Some(Fetched::Array { record_size: 1, pieces }) => pieces,
                other => panic!("{other:?}"),
            }
        };
        let first = [data(0, 1, b"first"), other(5, u64::MAX - 4, 0, Content::Hole), data(u64::MAX - 4, 1, b"last")];
        assert_eq!(read(1).await[..], first);
        assert_eq!(read(2).await[..], [other(0, u64::MAX, 2, Content::Punched)]);
        let third = [other(0, u64::MAX - 1, 2, Content::Punched), data(u64::MAX - 1, 3, b"t")];
        assert_eq!(read(3).await[..], third);
        for (end, expected) in [(End::Max, extent(u64::MAX - 1, 1)), (End::Min, extent(u64::MAX - 1, 1))] {
            let (dkey, akey) = (KeyChoice::Given(key("d")), Some(KeyChoice::Given(key("a"))));
            let (container, object, epoch) = (CONTAINER, OBJECT, Epoch(3));
            let request = QueryRequest { container, object, epoch, end, dkey, akey, extent: true };
            assert_eq!(store.query_key(request).await.expect("there is one").extent, Some(expected), "{end:?}");
        }
        for direction in [Direction::Forward, Direction::Backward] {
            let (dkey, akey, start) = (key("d"), key("a"), Anchor::Start);
            let list = store.list_extents(CONTAINER, OBJECT, &dkey, &akey, Epoch(3), direction, &start, ALL);
            let mut found: Vec<_> = list.await.expect("list").entries.into_iter().map(|entry| entry.extent).collect();
            found.sort();
            assert_eq!(found, third.iter().map(|piece| piece.extent).collect::<Vec<_>>(), "{direction:?}");
        }
        store.aggregate(CONTAINER, Epoch(4)).await.expect("aggregate");
        let found = read(4).await;
        let last = found.last().expect("the record");
        assert_eq!((last.extent, &last.content), (third[1].extent, &third[1].content));
        assert!(found[..found.len() - 1].iter().all(|piece| !matches!(piece.content, Content::Data(_))));
    });
}

/// As upstream refuses it: which of the values should count?
#[test]
fn an_akey_is_named_once_in_an_update() {
    with_store(|store: Rc<Store>, _| async move {
        let akey = |name: &str| AkeyUpdate { akey: key(name), value: single(b"x"), conditions: Conditions::NONE };
        for names in [&["c", "c"][..], &["new", "f", "d", "new"]] {
            let akeys = names.iter().map(|name| akey(name)).collect();
            let request = UpdateRequest { akeys, ..update(3, "d", "", single(b"")) };
            assert_eq!(code(store.update(request).await), Some(Code::NoPerm), "{names:?}");
        }
        let mut akeys: Vec<AkeyUpdate> = (0..500).map(|number| akey(&format!("akey {number}"))).collect();
        akeys.push(akey("akey 77"));
        let request = |akeys| UpdateRequest { akeys, ..update(3, "d", "", single(b"")) };
        assert_eq!(code(store.update(request(akeys.into())).await), Some(Code::NoPerm));
        assert_eq!(dkeys_at(&store, 3).await, 0, "nothing was done");
        // Several operations of one transaction may.
        let operations = ["1", "2"].map(|text| Operation::Update(update(3, "d", "c", single(text.as_bytes()))));
        store.apply(operations.into()).await.expect("done");
        assert_eq!(fetch_single(&store, 3, "d", "c").await, Some(b"2".to_vec()));
        // A fetch may ask twice.
        let akeys =
            ["c", "c"].map(|name| AkeyFetch { akey: key(name), what: FetchWhat::Single, conditions: Conditions::NONE });
        let request = FetchRequest { akeys: akeys.into(), ..fetch(3, "d", "", FetchWhat::Single) };
        assert_eq!(store.fetch(request).await.expect("fetch").akeys.len(), 2);
    });
}
