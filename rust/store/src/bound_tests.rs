//! Nothing is done in one go that has no bound.

use crate::query_tests::{CONTAINER, object, punch, single, update, with_store};
use crate::tree::visits;
use crate::{Anchor, Limits, PunchRequest, PunchTarget, Store};
use daos_types::{Epoch, Key};

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
    let (container, object, epoch, conditions) = (CONTAINER, object(), Epoch(epoch), crate::Conditions::NONE);
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
