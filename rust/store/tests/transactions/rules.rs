//! Each rule by itself.

use crate::common::*;
use daos_status::Code;
use daos_store::*;
use daos_types::{Epoch, TransactionId};

pub const ALL: Limits = Limits { count: usize::MAX, bytes: usize::MAX };

pub fn id(number: u8) -> TransactionId {
    TransactionId::from_bytes([number; 16])
}

pub fn request(number: u8, epoch: u64, operations: Vec<Operation>) -> TransactionRequest {
    let (transaction, epoch) = (id(number), Epoch(epoch));
    TransactionRequest { transaction, epoch, container: CONTAINER, operations, reads: Vec::new() }
}

pub fn put(epoch: u64, dkey: &str, akey: &str, bytes: &[u8]) -> Operation {
    Operation::Update(update(epoch, dkey, akey, single(bytes)))
}

pub fn punch_dkey(epoch: u64, dkey: &str) -> Operation {
    Operation::Punch(punch(epoch, PunchTarget::Dkeys(vec![key(dkey)])))
}

async fn code_of(store: &Store, request: TransactionRequest) -> Code {
    store.transact(request).await.expect_err("it is refused").code()
}

#[test]
fn a_transaction_changes_many_objects_or_none() {
    with_store(|store, _| async move {
        let far = |mut operation: Operation| {
            if let Operation::Update(update) = &mut operation {
                update.object.lo = 99;
            }
            operation
        };
        store
            .transact(request(1, 10, vec![put(10, "d", "a", b"1"), far(put(10, "e", "b", b"2"))]))
            .await
            .expect("done");
        assert_eq!(fetch_single(&store, 10, "d", "a").await, Some(b"1".to_vec()));
        let mut refused = update(20, "d", "b", single(b"x"));
        refused.conditions = Conditions::AKEY_UPDATE;
        let operations = vec![far(put(20, "e", "b", b"3")), put(20, "d", "a", b"4"), Operation::Update(refused)];
        assert_eq!(code_of(&store, request(2, 20, operations)).await, Code::Nonexist);
        assert_eq!(fetch_single(&store, 30, "d", "a").await, Some(b"1".to_vec()));
    });
}

#[test]
fn a_write_behind_a_read_begins_again() {
    with_store(|store, _| async move {
        store.transact(request(1, 10, vec![put(10, "d", "a", b"1")])).await.expect("done");
        fetch_single(&store, 20, "d", "a").await;
        assert_eq!(code_of(&store, request(2, 15, vec![put(15, "d", "a", b"2")])).await, Code::TxRestart);
        assert_eq!(code_of(&store, request(2, 20, vec![put(20, "d", "a", b"2")])).await, Code::TxRestart);
        assert_eq!(code_of(&store, request(2, 20, vec![punch_dkey(20, "d")])).await, Code::TxRestart);
        // Elsewhere nothing was read.
        store.transact(request(2, 15, vec![put(15, "e", "a", b"2")])).await.expect("done");
        store.transact(request(3, 21, vec![put(21, "d", "a", b"2")])).await.expect("done");
        // Plain changes have their epoch from the clock: they are not refused.
        store.update(update(12, "d", "a", single(b"late"))).await.expect("done");
        assert_eq!(fetch_single(&store, 20, "d", "a").await, Some(b"late".to_vec()));
    });
}

#[test]
fn a_read_of_the_newest_counts_at_the_newest_epoch() {
    with_store(|store, _| async move {
        store.update(update(50, "x", "a", single(b"1"))).await.expect("done");
        fetch_single(&store, u64::MAX, "d", "a").await;
        assert_eq!(code_of(&store, request(1, 50, vec![put(50, "d", "a", b"2")])).await, Code::TxRestart);
        store.transact(request(1, 51, vec![put(51, "d", "a", b"2")])).await.expect("done");
    });
}

#[test]
fn its_own_reads_are_not_in_the_way_of_a_transaction() {
    with_store(|store, _| async move {
        let own = store.as_transaction(id(1));
        let wanted = || fetch(20, "d", "a", FetchWhat::Single);
        own.fetch(wanted()).await.expect("fetch");
        own.list_dkeys(CONTAINER, OBJECT, Epoch(20), &Anchor::Start, ALL).await.expect("list");
        assert_eq!(code_of(&store, request(2, 20, vec![put(20, "d", "a", b"2")])).await, Code::TxRestart);
        store.transact(request(1, 20, vec![put(20, "d", "a", b"1")])).await.expect("done");
        store.as_transaction(id(3)).fetch(fetch(30, "d", "a", FetchWhat::Single)).await.expect("fetch");
        store.fetch(fetch(30, "d", "a", FetchWhat::Single)).await.expect("fetch");
        assert_eq!(code_of(&store, request(3, 30, vec![put(30, "d", "a", b"3")])).await, Code::TxRestart);
    });
}

#[test]
fn listings_and_queries_are_in_the_way_of_what_would_change_them() {
    with_store(|store, _| async move {
        store.update(update(5, "d", "a", single(b"1"))).await.expect("done");
        store.list_akeys(CONTAINER, OBJECT, &key("d"), Epoch(20), &Anchor::Start, ALL).await.expect("list");
        assert_eq!(code_of(&store, request(1, 15, vec![put(15, "d", "new", b"2")])).await, Code::TxRestart);
        store.transact(request(1, 15, vec![put(15, "e", "new", b"2")])).await.expect("done");
        store.list_dkeys(CONTAINER, OBJECT, Epoch(20), &Anchor::Start, ALL).await.expect("list");
        assert_eq!(code_of(&store, request(2, 16, vec![put(16, "f", "new", b"2")])).await, Code::TxRestart);
        let mut elsewhere = update(16, "f", "new", single(b"2"));
        elsewhere.object.lo = 77;
        store.transact(request(2, 16, vec![Operation::Update(elsewhere)])).await.expect("done");
        store.list_objects(CONTAINER, Epoch(20), &Anchor::Start, ALL).await.expect("list");
        let mut elsewhere = update(17, "f", "new", single(b"2"));
        elsewhere.object.lo = 78;
        assert_eq!(code_of(&store, request(3, 17, vec![Operation::Update(elsewhere)])).await, Code::TxRestart);
    });
}

#[test]
fn conditions_are_reads() {
    with_store(|store, _| async move {
        let insert = |epoch| {
            let mut request = update(epoch, "d", "a", single(b"1"));
            request.conditions = Conditions::DKEY_INSERT;
            request
        };
        store.update(insert(20)).await.expect("done");
        // It would exist already at 20: whoever comes earlier is too late.
        assert_eq!(code_of(&store, request(1, 15, vec![put(15, "d", "b", b"2")])).await, Code::TxRestart);
        // At 10 it does not exist, and yet it does by now.
        assert_eq!(code_of(&store, request(1, 10, vec![Operation::Update(insert(10))])).await, Code::TxRestart);
        assert_eq!(store.update(insert(30)).await.expect_err("exists").code(), Code::Exist);
        assert_eq!(code_of(&store, request(1, 25, vec![punch_dkey(25, "d")])).await, Code::TxRestart);
        store.transact(request(1, 31, vec![punch_dkey(31, "d")])).await.expect("done");
    });
}

/// Nobody has looked at it, and yet the answer of the condition is out of date.
#[test]
fn a_condition_on_what_was_changed_since_begins_again() {
    with_store(|store, _| async move {
        let with = |epoch: u64, dkey: &str, conditions| {
            let mut request = update(epoch, dkey, "a", single(b"x"));
            request.conditions = conditions;
            vec![Operation::Update(request)]
        };
        store.update(update(20, "made", "b", single(b"1"))).await.expect("done");
        store.update(update(5, "punched", "b", single(b"1"))).await.expect("done");
        store.punch(punch(20, PunchTarget::Dkeys(vec![key("punched")]))).await.expect("done");
        for (dkey, conditions) in [("made", Conditions::DKEY_INSERT), ("punched", Conditions::DKEY_UPDATE)] {
            let early = request(1, 10, with(10, dkey, conditions));
            assert_eq!(code_of(&store, early).await, Code::TxRestart, "{dkey}");
            let late = request(2, 30, with(30, dkey, conditions));
            let code = if dkey == "made" { Code::Exist } else { Code::Nonexist };
            assert_eq!(code_of(&store, late).await, code, "{dkey}");
        }
    });
}

#[test]
fn two_transactions_of_one_epoch_do_not_meet() {
    with_store(|store, _| async move {
        store.transact(request(1, 10, vec![put(10, "d", "a", b"1")])).await.expect("done");
        assert_eq!(code_of(&store, request(2, 10, vec![put(10, "d", "a", b"2")])).await, Code::TxRestart);
        assert_eq!(code_of(&store, request(2, 10, vec![punch_dkey(10, "d")])).await, Code::TxRestart);
        store.transact(request(2, 10, vec![put(10, "d", "b", b"2")])).await.expect("done");
    });
}

#[test]
fn operations_of_other_epochs_or_containers_are_refused() {
    with_store(|store, _| async move {
        assert_eq!(code_of(&store, request(1, 10, vec![put(11, "d", "a", b"1")])).await, Code::Inval);
        let mut other = request(1, 10, vec![put(10, "d", "a", b"1")]);
        other.container = daos_types::ContainerId::from_bytes([9; 16]);
        assert_eq!(code_of(&store, other).await, Code::Inval);
        assert_eq!(code_of(&store, request(1, u64::MAX, Vec::new())).await, Code::Inval);
    });
}

#[test]
fn after_opening_everything_counts_as_read() {
    with_store(|store, reopen| async move {
        store.update(update(50, "x", "a", single(b"1"))).await.expect("done");
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        assert_eq!(code_of(&store, request(1, 50, vec![put(50, "d", "a", b"2")])).await, Code::TxRestart);
        store.raise_read_floor(Epoch(90));
        assert_eq!(code_of(&store, request(1, 60, vec![put(60, "d", "a", b"2")])).await, Code::TxRestart);
        store.transact(request(1, 91, vec![put(91, "d", "a", b"2")])).await.expect("done");
    });
}

/// Plain fetches of arrays, once a transaction has read some: other records than those that were read are free.
#[test]
fn a_fetch_of_some_records_leaves_others_free() {
    with_store(|store, _| async move {
        let write = |number: u8, epoch: u64, start: u64| {
            let value =
                UpdateValue::Array { record_size: 8, pieces: Few::from([(extent(start, 1), Data::copy_of(&[1; 8]))]) };
            request(number, epoch, vec![Operation::Update(update(epoch, "d", "a", value))])
        };
        let read = |epoch: u64, akey: &str, starts: &[u64]| {
            let extents: Vec<_> = starts.iter().map(|start| extent(*start, 1)).collect();
            fetch(epoch, "d", akey, FetchWhat::Array(extents.into()))
        };
        store.transact(write(1, 5, 0)).await.expect("done");
        store.fetch(read(10, "a", &[0])).await.expect("fetch");
        assert_eq!(code_of(&store, write(2, 8, 50)).await, Code::TxRestart, "no transaction has read records yet");
        store.as_transaction(id(3)).fetch(read(12, "a", &[0])).await.expect("fetch");
        store.fetch(read(20, "a", &[0])).await.expect("fetch");
        store.transact(write(4, 15, 50)).await.expect("other records");
        assert_eq!(code_of(&store, write(5, 16, 0)).await, Code::TxRestart);
        // What was not there counts as read as a whole, and so does what lies in many places.
        store.fetch(read(30, "b", &[0])).await.expect("fetch");
        assert_eq!(code_of(&store, request(6, 25, vec![put(25, "d", "b", b"1")])).await, Code::TxRestart);
        store.fetch(read(40, "a", &[0, 10, 20, 30, 40])).await.expect("fetch");
        assert_eq!(code_of(&store, write(7, 35, 60)).await, Code::TxRestart);
    });
}
