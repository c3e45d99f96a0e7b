//! Nothing is done in one go that has no bound.

use crate::listing::Place;
use crate::query_tests::{CONTAINER, object, punch, single, update, with_store};
use crate::tree::visits;
use crate::{
    AkeyFetch, AkeyUpdate, Anchor, Conditions, Data, End, FetchRequest, FetchWhat, Fetched, KeyChoice, Limits,
    Operation, Position, PunchRequest, PunchTarget, QueryRequest, Store, TreeAnchor, TreeRequest, UpdateRequest,
    UpdateValue,
};
use daos_status::Code;
use daos_types::{Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::future::poll_fn;
use std::task::Poll;

/// Keys that are too many for one go.
const MANY: u64 = 20_000;

const ALL: Limits = Limits { count: usize::MAX, bytes: usize::MAX };

async fn dkeys(store: &Store, epoch: u64) -> Vec<u64> {
    let listing = store.list_dkeys(CONTAINER, object(), Epoch(epoch), &Anchor::Start, ALL).await.expect("list");
    let keys = listing.entries.iter().map(|key| u64::from_le_bytes(key[..].try_into().expect("eight bytes")));
    keys.collect()
}

async fn punch_object(store: &Store, epoch: u64) -> u64 {
    let before = visits();
    let (container, object, epoch, conditions) = (CONTAINER, object(), Epoch(epoch), Conditions::NONE);
    let what = PunchTarget::Object;
    store.punch(PunchRequest { container, object, epoch, what, conditions }).await.expect("punch");
    visits() - before
}

/// A plain punch whose epoch was older than something below its object looked at every key there.
#[test]
fn an_old_punch_of_a_large_object_looks_at_few_keys() {
    with_store(async |store| {
        for dkey in 0..MANY {
            update(&store, 10, dkey, vec![(0, single())]).await;
        }
        update(&store, 20, MANY, vec![(0, single())]).await;
        assert!(punch_object(&store, 10).await < 100);
        assert_eq!(dkeys(&store, 9).await, []);
        assert_eq!(dkeys(&store, 10).await, []);
        assert_eq!(dkeys(&store, 20).await, [MANY]);
        // What is written at the same epoch comes after the punch, and shows alone.
        update(&store, 10, 7, vec![(1, single())]).await;
        update(&store, 10, MANY + 1, vec![(0, single())]).await;
        assert_eq!(dkeys(&store, 10).await, [7, MANY + 1]);
        assert_eq!(dkeys(&store, 20).await, [7, MANY, MANY + 1]);
        // A punch at that epoch again hides them, too.
        assert!(punch_object(&store, 10).await < 100);
        assert_eq!(dkeys(&store, 20).await, [MANY]);
        punch(&store, 10, 0..2).await;
        update(&store, 10, 1, vec![(0, single())]).await;
        assert_eq!(dkeys(&store, 20).await, [1, MANY]);
        // Aggregation frees what is hidden.
        store.aggregate(CONTAINER, Epoch(30)).await.expect("aggregate");
        assert!(store.statistics().records_freed > 0);
        assert_eq!(dkeys(&store, 30).await, [1, MANY]);
    });
}

/// What a sealed punch hides goes when it is aggregated, and so does the punch.
#[test]
fn what_a_sealed_punch_hides_is_aggregated() {
    with_store(async |store| {
        let empty = store.space().expect("space").arena.free;
        for dkey in 0..MANY {
            update(&store, 10, dkey, vec![(0, single())]).await;
        }
        update(&store, 20, 0, vec![(0, single())]).await;
        assert!(punch_object(&store, 10).await < 100);
        store.aggregate(CONTAINER, Epoch(15)).await.expect("aggregate");
        assert_eq!(dkeys(&store, 20).await, [0]);
        let left = empty - store.space().expect("space").arena.free;
        assert!(left < 32 << 10, "{left} bytes are left of one value");
    });
}

/// Runs a request; its answer, and the most nodes that it has visited before others could run.
async fn longest<T>(request: impl Future<Output = T>) -> (T, u64) {
    let mut request = Box::pin(request);
    let mut most = 0;
    let answer = poll_fn(|context| {
        let before = visits();
        let poll = request.as_mut().poll(context);
        most = most.max(visits() - before);
        poll
    });
    (answer.await, most)
}

/// Nodes that a slice may visit: some for each of its entries.
const SLICE: u64 = 5_000;

/// A dkey of many akeys that were punched one by one.
async fn punched_akeys(store: &Store, dkey: u64) {
    for first in (0..MANY).step_by(500) {
        update(store, 10, dkey, (first..first + 500).map(|akey| (akey, single())).collect()).await;
        let akeys = (first..first + 500).map(Key::from_u64).collect();
        let what = PunchTarget::Akeys { dkey: Key::from_u64(dkey), akeys };
        let (container, epoch, conditions) = (CONTAINER, Epoch(11), Conditions::NONE);
        store.punch(PunchRequest { container, object: object(), epoch, what, conditions }).await.expect("punch");
    }
}

fn conditional(epoch: u64, dkey: u64, akey: u64, conditions: Conditions) -> UpdateRequest {
    let akeys = vec![AkeyUpdate { akey: Key::from_u64(akey), value: single(), conditions: Conditions::NONE }];
    let (container, object, dkey) = (CONTAINER, object(), Key::from_u64(dkey));
    UpdateRequest { container, object, epoch: Epoch(epoch), dkey, conditions, akeys: akeys.into() }
}

fn query(dkey: KeyChoice, akey: Option<KeyChoice>, extent: bool, end: End) -> QueryRequest {
    QueryRequest { container: CONTAINER, object: object(), epoch: Epoch::MAX, end, dkey, akey, extent }
}

/// Looking for something visible below one key was done in one go.
#[test]
fn punched_akeys_are_looked_through_in_slices() {
    with_store(async |store| {
        punched_akeys(&store, 1).await;
        let ((), most) = longest(async { assert_eq!(dkeys(&store, 10).await, [1]) }).await;
        assert!(most < SLICE, "{most} nodes");
        let ((), most) = longest(async { assert_eq!(dkeys(&store, 20).await, []) }).await;
        assert!(most < SLICE, "{most} nodes");
        let (objects, most) = longest(store.list_objects(CONTAINER, Epoch(20), &Anchor::Start, ALL)).await;
        assert_eq!((objects.expect("list").entries, most < SLICE), (vec![], true));
        let (listing, most) = longest(async {
            let (container, object, epoch) = (CONTAINER, object(), Epoch(20));
            let request = TreeRequest { container, object, epoch, count: 9, bytes: 900, embed: 0 };
            store.list_tree(&request, &TreeAnchor::Start).await.expect("list")
        })
        .await;
        assert_eq!((listing.entries.len(), most < SLICE), (0, true));
        update(&store, 10, 2, vec![(0, single())]).await;
        let (found, most) = longest(store.query_key(query(KeyChoice::Ask, None, false, End::Min))).await;
        assert_eq!((found.expect("found").dkey, most < SLICE), (Key::from_u64(2), true));
        let (found, most) =
            longest(store.query_key(query(KeyChoice::Given(Key::from_u64(1)), Some(KeyChoice::Ask), false, End::Max)))
                .await;
        assert_eq!(found.expect_err("nothing").code(), Code::Nonexist);
        assert!(most < SLICE, "{most} nodes");
    });
}

#[test]
fn conditions_look_through_punched_akeys_in_slices() {
    with_store(async |store| {
        punched_akeys(&store, 1).await;
        let (result, most) = longest(store.update(conditional(20, 1, 1, Conditions::DKEY_UPDATE))).await;
        assert_eq!(result.expect_err("it does not exist").code(), Code::Nonexist);
        assert!(most < SLICE, "{most} nodes");
        let what = PunchTarget::Object;
        let (container, epoch, conditions) = (CONTAINER, Epoch(20), Conditions::PUNCH);
        let request = PunchRequest { container, object: object(), epoch, what, conditions };
        let (result, most) = longest(store.punch(request)).await;
        assert_eq!(result.expect_err("nothing is there").code(), Code::Nonexist);
        assert!(most < SLICE, "{most} nodes");
        let (result, most) = longest(store.update(conditional(20, 1, 1, Conditions::DKEY_INSERT))).await;
        result.expect("it does not exist");
        assert!(most < SLICE, "{most} nodes");
        let result = store.update(conditional(21, 1, 2, Conditions::DKEY_INSERT)).await;
        assert_eq!(result.expect_err("it exists").code(), Code::Exist);
    });
}

/// While a condition is looked at in slices, a change of an older epoch comes that it has to see.
#[test]
fn conditions_see_late_changes_of_older_epochs() {
    with_store(async |store| {
        for (late, seen) in [(15, true), (25, false)] {
            punched_akeys(&store, late).await;
            let mut request = Box::pin(store.update(conditional(20, late, MANY, Conditions::DKEY_INSERT)));
            poll_fn(|context| {
                assert!(request.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            update(&store, late, late, vec![(0, single())]).await;
            let result = request.await;
            assert_eq!(result.is_err_and(|status| status.code() == Code::Exist), seen, "epoch {late}");
        }
    });
}

/// A punch in a list of changes looked at everything of its epoch, since something after it might have been of that epoch, too.
#[test]
fn an_old_punch_in_a_list_looks_at_few_keys_unless_its_object_is_written_after_it() {
    with_store(async |store| {
        for dkey in 0..MANY {
            update(&store, 10, dkey, vec![(0, single())]).await;
        }
        update(&store, 20, MANY, vec![(0, single())]).await;
        let punch = || {
            let (container, epoch, conditions) = (CONTAINER, Epoch(10), Conditions::NONE);
            Operation::Punch(PunchRequest { container, object: object(), epoch, what: PunchTarget::Object, conditions })
        };
        let put = |epoch, dkey| Operation::Update(conditional(epoch, dkey, 0, Conditions::NONE));
        let elsewhere = ObjectId { lo: 4711, ..object() };
        let Operation::Update(mut other) = put(10, 3) else { unreachable!("it is one") };
        other.object = elsewhere;
        // Before it at its epoch, after it at another one, and elsewhere.
        let list = vec![put(10, MANY + 1), punch(), put(11, 7), Operation::Update(other)];
        let (result, most) = longest(store.apply(list)).await;
        result.expect("applied");
        assert!(most < SLICE, "{most} nodes");
        assert_eq!(dkeys(&store, 10).await, []);
        assert_eq!(dkeys(&store, 20).await, [7, MANY]);
        // What comes after it at its epoch shows.
        store.apply(vec![put(10, 5), punch(), put(10, 9)]).await.expect("applied");
        assert_eq!(dkeys(&store, 10).await, [9]);
        assert_eq!(dkeys(&store, 20).await, [7, 9, MANY]);
    });
}

/// Whether a dkey that a fetch needs is there was looked up in one go.
#[test]
fn conditions_of_fetches_look_in_slices_and_see_late_changes_of_older_epochs() {
    with_store(async |store| {
        let wanted = |dkey: u64, conditions| {
            let akeys = vec![AkeyFetch { akey: Key::from_u64(1), what: FetchWhat::Single, conditions }].into();
            let (container, object, dkey, epoch) = (CONTAINER, object(), Key::from_u64(dkey), Epoch(20));
            FetchRequest { container, object, epoch, dkey, conditions, akeys, size_only: false }
        };
        punched_akeys(&store, 1).await;
        let (reply, most) = longest(store.fetch(wanted(1, Conditions::DKEY_FETCH))).await;
        assert_eq!(reply.expect_err("nothing is there").code(), Code::Nonexist);
        assert!(most < SLICE, "{most} nodes");
        for (late, is_seen) in [(15, true), (25, false)] {
            punched_akeys(&store, late).await;
            let mut request = Box::pin(store.fetch(wanted(late, Conditions::DKEY_FETCH)));
            poll_fn(|context| {
                assert!(request.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            update(&store, late, late, vec![(1, single())]).await;
            match request.await {
                Ok(reply) => assert!(is_seen && matches!(reply.akeys[..], [Fetched::Single { .. }]), "epoch {late}"),
                Err(status) => assert_eq!((status.code(), is_seen), (Code::Nonexist, false), "epoch {late}"),
            }
        }
    });
}

/// The last extent of an array whose tail was punched piece by piece, and the first one of one that was punched from its beginning.
#[test]
fn punched_ends_of_an_array_are_passed_over_in_slices() {
    with_store(async |store| {
        let extent = |start: u64| Extent::new(start, 1).expect("one record");
        let data = |start: u64| (extent(start), Data::copy_of(b"x"));
        for first in (0..MANY).step_by(500) {
            let pieces = (first..first + 500).map(|record| data(record * 2)).collect();
            update(&store, 10, 1, vec![(1, UpdateValue::Array { record_size: 1, pieces })]).await;
        }
        for first in (0..MANY).step_by(500) {
            let extents = (first..first + 500).filter(|record| *record != MANY / 2).map(|record| extent(record * 2));
            update(&store, 20, 1, vec![(1, UpdateValue::PunchExtents(extents.collect()))]).await;
        }
        for end in [End::Min, End::Max] {
            let akey = Some(KeyChoice::Given(Key::from_u64(1)));
            let (found, most) = longest(store.query_key(query(KeyChoice::Ask, akey, true, end))).await;
            assert_eq!(found.expect("one is left").extent, Some(extent(MANY)));
            assert!(most < SLICE, "{most} nodes");
        }
    });
}

/// An anchor has 64 bytes of its key: behind keys that begin alike for longer, each page looked for its place among all of them.
#[test]
fn pages_of_keys_that_begin_alike_are_cheap() {
    with_store(async |store| {
        let object = ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType(7), ObjectClass::S1);
        let name = |number: u64| Key::new(&[&[b'p'; 100][..], &number.to_be_bytes()].concat()).expect("short");
        for number in 0..MANY {
            let akeys = vec![AkeyUpdate { akey: name(0), value: single(), conditions: Conditions::NONE }];
            let (dkey, epoch, conditions) = (name(number), Epoch(10), Conditions::NONE);
            store
                .update(UpdateRequest { container: CONTAINER, object, epoch, dkey, conditions, akeys: akeys.into() })
                .await
                .expect("update");
        }
        let limits = Limits { count: 100, bytes: usize::MAX };
        let (mut anchor, mut listed) = (Anchor::Start, Vec::new());
        let before = visits();
        while anchor != Anchor::End {
            let page = store.list_dkeys(CONTAINER, object, Epoch::MAX, &anchor, limits).await.expect("list");
            listed.extend(page.entries);
            anchor = Anchor::decode(&page.next.encode()).expect("valid");
            if listed.len() == 5_000 {
                // The key that the anchor was made of goes; what comes behind it comes all the same.
                let what = PunchTarget::Dkeys(vec![name(4_999)]);
                let (container, epoch, conditions) = (CONTAINER, Epoch(20), Conditions::NONE);
                store.punch(PunchRequest { container, object, epoch, what, conditions }).await.expect("punch");
            }
        }
        let visited = visits() - before;
        assert!(listed.iter().eq(&(0..MANY).map(name).collect::<Vec<_>>()));
        assert!(visited < 10_000, "{visited} nodes for {} pages", MANY / 100);
        // One that lies at another place by now is looked for.
        let Anchor::Behind(Position(Place::Key { order, hash, prefix, .. })) = ({
            let limits = Limits { count: 15_000, bytes: usize::MAX };
            store.list_dkeys(CONTAINER, object, Epoch::MAX, &Anchor::Start, limits).await.expect("list").next
        }) else {
            panic!("there are more")
        };
        for link in [0, 1, 77, u32::MAX] {
            let anchor = Anchor::Behind(Position(Place::Key { order, hash, link, prefix: prefix.clone() }));
            let (page, most) = longest(store.list_dkeys(CONTAINER, object, Epoch::MAX, &anchor, limits)).await;
            assert_eq!(page.expect("list").entries[0], name(15_001));
            assert!(most < SLICE, "{most} nodes");
        }
    });
}
