//! Prepared changes: what they hide, what they stop, and what becomes of them.

use crate::common::*;
use crate::rules::{ALL, id, punch_dkey, put, request};
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{Epoch, TransactionId};

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.expect_err("it is refused").code()
}

async fn read(store: &Store, epoch: u64, dkey: &str, akey: &str) -> Result<Option<Vec<u8>>> {
    let reply = store.fetch(fetch(epoch, dkey, akey, FetchWhat::Single)).await?;
    match reply.akeys.into_iter().next().expect("one") {
        Fetched::Single { data, .. } => Ok(Some(data.into_vec())),
        _ => Ok(None),
    }
}

fn large(number: u8) -> Vec<u8> {
    (0..50_000u32).map(|at| (at as u8).wrapping_mul(number) ^ (at >> 8) as u8).collect()
}

#[test]
fn a_prepared_change_stops_newer_readers_and_shows_when_it_is_committed() {
    with_store(|store, _| async move {
        store.update(update(5, "d", "a", single(b"old"))).await.expect("done");
        let operations = || vec![put(10, "d", "a", b"new"), put(10, "e", "large", &large(3))];
        store.prepare(request(1, 10, operations())).await.expect("prepared");
        assert_eq!(read(&store, 9, "d", "a").await.expect("older"), Some(b"old".to_vec()));
        for epoch in [10, 11, u64::MAX] {
            assert_eq!(code(read(&store, epoch, "d", "a").await), Code::Inprogress);
            assert_eq!(code(read(&store, epoch, "e", "large").await), Code::Inprogress);
            assert_eq!(
                code(store.list_dkeys(CONTAINER, OBJECT, Epoch(epoch), &Anchor::Start, ALL).await),
                Code::Inprogress
            );
            assert_eq!(code(store.list_objects(CONTAINER, Epoch(epoch), &Anchor::Start, ALL).await), Code::Inprogress);
            assert_eq!(read(&store, epoch, "d", "other").await.expect("untouched"), None);
        }
        let wanted = fetch(10, "d", "a", FetchWhat::Single);
        let own = store.as_transaction(id(1)).fetch(wanted).await.expect("its own");
        assert!(matches!(&own.akeys[0], Fetched::Single { data, .. } if data[..] == *b"old"));
        assert_eq!(code(store.update(update(20, "d", "a", single(b"x"))).await), Code::Inprogress);
        assert_eq!(code(store.update(update(2, "d", "a", single(b"x"))).await), Code::Inprogress);
        assert_eq!(code(store.punch(punch(20, PunchTarget::Object)).await), Code::Inprogress);
        assert_eq!(store.lowest_prepared_epoch(CONTAINER), Some(Epoch(10)));
        store.prepare(request(1, 10, operations())).await.expect("again");
        store.commit(id(1), Epoch(10)).await.expect("committed");
        store.commit(id(1), Epoch(10)).await.expect("again");
        store.prepare(request(1, 10, operations())).await.expect("it is done");
        assert_eq!(code(store.abort(id(1), Epoch(10)).await), Code::Notapplicable);
        assert_eq!(read(&store, 10, "d", "a").await.expect("there"), Some(b"new".to_vec()));
        assert_eq!(read(&store, 10, "e", "large").await.expect("there"), Some(large(3)));
        assert_eq!(store.lowest_prepared_epoch(CONTAINER), None);
        assert_eq!(
            store.transaction_outcome(id(1), Epoch(10)).await.expect("known"),
            Some(TransactionOutcome::Committed)
        );
    });
}

#[test]
fn an_aborted_change_leaves_nothing_behind() {
    with_store(|store, _| async move {
        // The first one makes the directory.
        store.prepare(request(9, 9, vec![put(9, "x", "a", b"1")])).await.expect("prepared");
        store.abort(id(9), Epoch(9)).await.expect("aborted");
        let before = store.space().expect("space");
        let mut arena_free = None;
        for attempt in 0..20 {
            let epoch = 10 + attempt;
            let operations = vec![put(epoch, "d", "a", &large(7)), put(epoch, "e", "b", b"2")];
            store.prepare(request(1, epoch, operations)).await.expect("prepared");
            assert!(store.space().expect("space").data.free < before.data.free);
            assert!(store.space().expect("space").arena.free < before.arena.free, "space is kept for the commit");
            store.abort(id(1), Epoch(epoch)).await.expect("aborted");
            store.abort(id(1), Epoch(epoch)).await.expect("again");
            let after = store.space().expect("space");
            assert_eq!(after.data, before.data);
            // Slabs that were made for it stay, and serve the next one.
            assert_eq!(*arena_free.get_or_insert(after.arena.free), after.arena.free);
        }
        assert_eq!(read(&store, 20, "d", "a").await.expect("free"), None);
        assert_eq!(code(store.commit(id(1), Epoch(29)).await), Code::OpCanceled);
        assert_eq!(code(store.prepare(request(1, 29, vec![put(29, "d", "a", b"1")])).await), Code::OpCanceled);
        // The next attempt of the same transaction.
        store.prepare(request(1, 30, vec![put(30, "d", "a", b"1")])).await.expect("prepared");
        assert_eq!(code(store.abort(id(1), Epoch(10)).await), Code::Nonexist);
        store.commit(id(1), Epoch(30)).await.expect("committed");
        assert_eq!(read(&store, 40, "d", "a").await.expect("there"), Some(b"1".to_vec()));
    });
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    with_store(|store, _| async move {
        assert_eq!(code(store.commit(id(1), Epoch(10)).await), Code::Nonexist);
        store.prepare(request(1, 10, vec![put(10, "d", "a", b"1")])).await.expect("prepared");
        assert_eq!(code(store.prepare(request(1, 10, vec![put(10, "d", "a", b"2")])).await), Code::TxIdReused);
        assert_eq!(code(store.prepare(request(1, 11, vec![put(11, "d", "a", b"1")])).await), Code::TxIdReused);
        assert_eq!(code(store.commit(id(1), Epoch(11)).await), Code::Nonexist);
        store.commit(id(1), Epoch(10)).await.expect("committed");
        assert_eq!(code(store.prepare(request(1, 11, vec![put(11, "d", "a", b"1")])).await), Code::TxIdReused);
    });
}

#[test]
fn an_abort_that_comes_first_is_remembered() {
    with_store(|store, reopen| async move {
        assert_eq!(code(store.abort(id(1), Epoch(10)).await), Code::Nonexist);
        drop(store);
        let store = reopen.open().await.expect("open");
        let late = || request(1, 10, vec![put(10, "d", "a", b"1")]);
        assert_eq!(code(store.prepare(late()).await), Code::OpCanceled);
        assert_eq!(code(store.transact(late()).await), Code::OpCanceled);
        store.abort(id(1), Epoch(10)).await.expect("it is known now");
        store.transact(request(1, 20, vec![put(20, "d", "a", b"1")])).await.expect("the next attempt");
    });
}

#[test]
fn transactions_wait_for_older_ones_and_begin_again_behind_newer_ones() {
    with_store(|store, _| async move {
        store.prepare(request(1, 20, vec![punch_dkey(20, "d")])).await.expect("prepared");
        for (number, epoch, expected) in [(2, 30, Code::Inprogress), (3, 10, Code::TxRestart), (4, 20, Code::TxRestart)]
        {
            let write = || request(number, epoch, vec![put(epoch, "d", "a", b"1")]);
            assert_eq!(code(store.prepare(write()).await), expected);
            assert_eq!(code(store.transact(write()).await), expected);
        }
        let mut insert = update(30, "d", "b", single(b"1"));
        insert.conditions = Conditions::DKEY_INSERT;
        assert_eq!(code(store.update(insert).await), Code::Inprogress);
        store.prepare(request(5, 30, vec![put(30, "e", "a", b"1")])).await.expect("elsewhere");
        store.commit(id(1), Epoch(20)).await.expect("committed");
        store.transact(request(2, 30, vec![put(30, "d", "a", b"1")])).await.expect("done");
    });
}

#[test]
fn conditions_are_decided_when_a_change_is_prepared() {
    with_store(|store, _| async move {
        let mut insert = update(10, "d", "a", single(b"1"));
        insert.conditions = Conditions::DKEY_INSERT;
        store.prepare(request(1, 10, vec![Operation::Update(insert)])).await.expect("prepared");
        // Of another akey, and newer than what the condition looked at.
        store.update(update(20, "d", "b", single(b"2"))).await.expect("done");
        assert_eq!(code(store.transact(request(2, 8, vec![put(8, "d", "b", b"2")])).await), Code::TxRestart);
        store.commit(id(1), Epoch(10)).await.expect("committed");
        let mut again = update(30, "d", "c", single(b"1"));
        again.conditions = Conditions::DKEY_INSERT;
        assert_eq!(code(store.prepare(request(3, 30, vec![Operation::Update(again)])).await), Code::Exist);
    });
}

#[test]
fn after_opening_prepared_changes_are_there_again() {
    with_store(|store, reopen| async move {
        store.update(update(5, "d", "a", single(b"old"))).await.expect("done");
        store.prepare(request(1, 10, vec![put(10, "d", "a", &large(5))])).await.expect("prepared");
        store.prepare(request(2, 11, vec![punch_dkey(11, "e")])).await.expect("prepared");
        store.prepare(request(3, 12, vec![put(12, "f", "a", &large(6))])).await.expect("prepared");
        store.commit(id(2), Epoch(11)).await.expect("committed");
        let expected = store.prepared_list().await.expect("list");
        let space = store.space().expect("space");
        drop(store);
        let store = reopen.open().await.expect("open");
        assert_eq!(store.prepared_list().await.expect("list"), expected);
        assert_eq!(store.space().expect("space"), space, "the space for the commits is kept again");
        assert_eq!(store.lowest_prepared_epoch(CONTAINER), Some(Epoch(10)));
        assert_eq!(code(read(&store, 10, "d", "a").await), Code::Inprogress);
        assert_eq!(read(&store, 9, "d", "a").await.expect("older"), Some(b"old".to_vec()));
        store.commit(id(2), Epoch(11)).await.expect("it is remembered");
        store.prepare(request(1, 10, vec![put(10, "d", "a", &large(5))])).await.expect("the same");
        store.commit(id(1), Epoch(10)).await.expect("committed");
        store.abort(id(3), Epoch(12)).await.expect("aborted");
        assert_eq!(read(&store, 20, "d", "a").await.expect("there"), Some(large(5)));
        store.container_destroy(CONTAINER).await.expect("destroyed");
        store.wait_until_reclaimed().await;
        let data = store.space().expect("space").data;
        assert_eq!(data.free + (1 << 20), data.total, "all but what is kept for aggregation is free");
    });
}

#[test]
fn a_container_goes_with_what_is_prepared_in_it() {
    with_store(|store, reopen| async move {
        let free = store.space().expect("space").data.free;
        for number in 1..40 {
            let dkey = format!("d{number}");
            let operations = vec![put(10, &dkey, "a", &large(number)), put(10, &dkey, "b", &[number; 3000])];
            store.prepare(request(number, 10, operations)).await.expect("prepared");
        }
        store.container_destroy(CONTAINER).await.expect("destroyed");
        assert_eq!(store.prepared_list().await.expect("list"), []);
        assert_eq!(code(store.commit(id(1), Epoch(10)).await), Code::Nonexist);
        store.container_create(CONTAINER, store.container_defaults()).await.expect("a new one");
        assert_eq!(read(&store, u64::MAX, "d1", "a").await.expect("nothing stops it"), None);
        store.wait_until_reclaimed().await;
        assert_eq!(store.space().expect("space").data.free, free);
        drop(store);
        let store = reopen.open().await.expect("open");
        assert_eq!(store.prepared_list().await.expect("list"), []);
        assert_eq!(store.space().expect("space").data.free, free);
    });
}

#[test]
fn a_commit_works_when_the_store_is_full() {
    commit_when_full(false);
}

#[test]
fn a_commit_works_when_the_store_is_full_and_was_opened_again() {
    commit_when_full(true);
}

fn commit_when_full(is_reopened: bool) {
    let settings = StoreSettings { arena_bytes: 4 << 20, data_bytes: 1 << 20, ..settings() };
    with_settings(settings, move |store, reopen| async move {
        let mut operations = Vec::new();
        for number in 0..20 {
            operations.push(put(10, &format!("dkey {number}"), "akey", &vec![number; 100 * usize::from(number)]));
        }
        operations.push(put(10, "large", "akey", &large(9)));
        operations.push(punch_dkey(10, "never seen"));
        store.prepare(request(1, 10, operations)).await.expect("prepared");
        let mut number = 0u64;
        let mut length = 3000;
        while length > 0 {
            number += 1;
            // Under dkeys that the prepared change will need, too.
            let dkey = format!("dkey {}", number % 40);
            match store.update(update(20, &dkey, &format!("{number}"), single(&vec![1; length]))).await {
                Ok(()) => {}
                Err(status) => {
                    assert_eq!(status.code(), Code::Nospace, "{status}");
                    length /= 2;
                }
            }
        }
        assert_eq!(code(store.prepare(request(2, 30, vec![put(30, "z", "a", &[1; 2000])])).await), Code::Nospace);
        let store = if is_reopened {
            drop(store);
            reopen.open().await.expect("open")
        } else {
            store
        };
        store.commit(id(1), Epoch(10)).await.expect("committed");
        for number in 0..20u8 {
            let found = read(&store, 15, &format!("dkey {number}"), "akey").await.expect("read");
            assert_eq!(found, Some(vec![number; 100 * usize::from(number)]));
        }
        assert_eq!(read(&store, 15, "large", "akey").await.expect("read"), Some(large(9)));
    });
}

#[test]
fn only_so_many_are_prepared_and_remembered() {
    with_store(|store, _| async move {
        let id_of = |number: u64| {
            let mut bytes = [7; 16];
            bytes[4..12].copy_from_slice(&number.to_le_bytes());
            TransactionId::from_bytes(bytes)
        };
        for number in 0..1100u64 {
            let mut request = request(1, 10 + number, vec![put(10 + number, &format!("{number}"), "a", b"1")]);
            request.transaction = id_of(number);
            store.transact(request).await.expect("done");
        }
        assert_eq!(store.transaction_outcome(id_of(75), Epoch(85)).await.expect("forgotten"), None);
        let known = store.transaction_outcome(id_of(76), Epoch(86)).await.expect("known");
        assert_eq!(known, Some(TransactionOutcome::Committed));
        let mut prepared = 0;
        let refused = loop {
            let mut request = request(1, 5000, vec![put(5000, &format!("p{prepared}"), "a", b"1")]);
            request.transaction = id_of(10_000 + prepared);
            match store.prepare(request).await {
                Ok(()) => prepared += 1,
                Err(status) => break status.code(),
            }
        };
        assert!(refused == Code::Nospace && prepared > 100 || refused == Code::Busy && prepared == 1024, "{prepared}");
    });
}

/// Transactions that write other records of one array are not in each other's way.
#[test]
fn other_records_of_a_prepared_array_are_free() {
    with_store(|store, reopen| async move {
        let write = |epoch: u64, start: u64, text: &[u8]| {
            let pieces = vec![(extent(start, text.len() as u64), Data::copy_of(text))];
            Operation::Update(update(epoch, "d", "array", UpdateValue::Array { record_size: 1, pieces: pieces.into() }))
        };
        let read = async |store: &Store, epoch: u64, start: u64| -> Result<Option<Vec<u8>>> {
            let what = FetchWhat::Array(vec![extent(start, 4)].into());
            match &store.fetch(fetch(epoch, "d", "array", what)).await?.akeys[0] {
                Fetched::Array { pieces, .. } => match &pieces[0].content {
                    Content::Data(data) => Ok(Some(data.to_vec())),
                    _ => Ok(Some(Vec::new())),
                },
                _ => Ok(None),
            }
        };
        // Of an array that is not there, it is not known whether it is.
        store.prepare(request(1, 10, vec![write(10, 0, b"aaaa")])).await.expect("prepared");
        assert_eq!(code(read(&store, 20, 100).await), Code::Inprogress);
        assert_eq!(read(&store, 9, 100).await.expect("older"), None);
        // Records of another size can never be put beside it.
        let pieces = vec![(extent(50, 1), Data::copy_of(b"12345678"))];
        let other = update(21, "d", "array", UpdateValue::Array { record_size: 8, pieces: pieces.into() });
        assert_eq!(code(store.update(other).await), Code::Inprogress);
        store.prepare(request(2, 22, vec![write(22, 4, b"bbbb")])).await.expect("beside it");
        store.apply(vec![write(23, 100, b"cccc")]).await.expect("a plain one, too");
        assert_eq!(read(&store, 25, 100).await.expect("untouched"), Some(b"cccc".to_vec()));
        assert_eq!(code(read(&store, 25, 2).await), Code::Inprogress);
        assert_eq!(code(store.apply(vec![write(26, 3, b"x")]).await), Code::Inprogress);
        assert_eq!(code(store.prepare(request(3, 35, vec![write(35, 7, b"xx")])).await), Code::Inprogress);
        assert_eq!(code(store.prepare(request(3, 5, vec![write(5, 7, b"xx")])).await), Code::TxRestart);
        drop(store);
        let store = reopen.open().await.expect("opens");
        assert_eq!(code(store.apply(vec![write(26, 3, b"x")]).await), Code::Inprogress);
        store.commit(id(2), Epoch(22)).await.expect("committed");
        store.apply(vec![write(27, 4, b"x")]).await.expect("that is done");
        assert_eq!(code(store.apply(vec![write(26, 3, b"x")]).await), Code::Inprogress);
        store.commit(id(1), Epoch(10)).await.expect("committed");
        assert_eq!(read(&store, 30, 0).await.expect("there"), Some(b"aaaa".to_vec()));
        assert_eq!(read(&store, 26, 4).await.expect("there"), Some(b"bbbb".to_vec()));
    });
}

/// A prepared change kept 15 KiB of the arena, whatever was there.
#[test]
fn a_prepared_change_keeps_what_its_commit_may_need() {
    with_store(|store, _| async move {
        store.update(update(5, "d", "a", single(b"old"))).await.expect("done");
        // The first one makes the directory.
        store.prepare(request(9, 9, vec![put(9, "x", "a", b"1")])).await.expect("prepared");
        store.abort(id(9), Epoch(9)).await.expect("aborted");
        let free = || store.space().expect("space").arena.free;
        let before = free();
        let count = 200u8;
        for number in 0..=count - 1 {
            let at = 10 + u64::from(number);
            let dkey = format!("d{number}");
            store.update(update(at, &dkey, "a", single(b"old"))).await.expect("done");
            let operations = vec![put(2000 + at, &dkey, "a", b"new")];
            store.prepare(request(number, 2000 + at, operations)).await.expect("prepared");
        }
        let each = (before - free()) / u64::from(count);
        assert!(each < 3 << 10, "{each} bytes are kept for an overwrite");
    });
}

/// Aggregation leaves the keys that a prepared change will change, which has kept no space to make them again.
#[test]
fn emptied_keys_stay_while_a_change_of_them_is_prepared() {
    with_store(|store, _| async move {
        for number in 0..3u8 {
            let dkey = format!("d{number}");
            store.update(update(5, &dkey, "a", single(b"old"))).await.expect("done");
            store.punch(punch(6, PunchTarget::Dkeys(vec![key(&dkey)]))).await.expect("punched");
        }
        store.prepare(request(1, 20, vec![put(20, "d1", "a", b"new")])).await.expect("prepared");
        store.prepare(request(2, 21, vec![put(21, "d2", "a", b"new")])).await.expect("prepared");
        store.aggregate(CONTAINER, Epoch(15)).await.expect("aggregated");
        store.commit(id(1), Epoch(20)).await.expect("committed");
        store.abort(id(2), Epoch(21)).await.expect("aborted");
        assert_eq!(read(&store, 30, "d1", "a").await.expect("there"), Some(b"new".to_vec()));
        assert_eq!(read(&store, 30, "d2", "a").await.expect("nothing"), None);
        let before = store.space().expect("space").arena.free;
        store.aggregate(CONTAINER, Epoch(25)).await.expect("aggregated");
        assert!(store.statistics().records_freed > 0);
        assert!(store.space().expect("space").arena.free >= before);
        let keys = store.list_dkeys(CONTAINER, OBJECT, Epoch::MAX, &Anchor::Start, ALL).await.expect("listed");
        assert_eq!(keys.entries, [key("d1")]);
    });
}
