//! Transactions at one target.

use crate::harness::*;
use daos_status::Code;
use daos_types::{Epoch, TransactionId};
use daos_wire::*;
use std::time::Duration;

fn id(number: u8) -> TransactionId {
    TransactionId::from_bytes([number; 16])
}

fn commit(number: u8, epoch: Epoch, akey: &str, value: &[u8]) -> TransactionCommit {
    let akeys = vec![akey_update(akey, UpdateKind::Single(value.len() as u64))];
    TransactionCommit {
        address: address(WRITER),
        transaction: id(number),
        epoch,
        operations: vec![TransactionOperation {
            object: address(WRITER).object,
            change: TransactionChange::Update((key("d"), akeys)),
        }],
        payload: Payload::Inline(Blob(value.to_vec())),
    }
}

fn read(number: u8, epoch: Epoch, akey: &str) -> TransactionRead {
    let fetch = fetch_of(vec![akey_fetch(akey, FetchKind::Single, Some(100))], vec![]);
    TransactionRead {
        address: address(WRITER),
        transaction: id(number),
        epoch,
        opcode: Opcode::Fetch as u16,
        request: Blob(encode(&fetch)),
    }
}

/// A client that does not know what became of its commit sends it again.
#[test]
fn a_commit_that_comes_twice_is_made_once() {
    with_service(|bench| async move {
        let request = commit(1, Epoch::ZERO, "a", b"first");
        let epoch: Epoch = bench.call(Opcode::TransactionCommit, &request).await.unwrap();
        let newer = commit(2, Epoch::ZERO, "a", b"newer");
        bench.call::<Epoch>(Opcode::TransactionCommit, &newer).await.unwrap();
        assert_eq!(bench.call::<Epoch>(Opcode::TransactionCommit, &request).await.unwrap(), epoch);
        let fetch = fetch_of(vec![akey_fetch("a", FetchKind::Single, Some(100))], vec![]);
        assert_eq!(bench.fetch(&fetch).await.unwrap().inline.0, b"newer");
    });
}

/// What was read at an epoch is not changed before it any more, but by the reader.
#[test]
fn who_comes_too_late_begins_again() {
    with_service(|bench| async move {
        bench.call::<Epoch>(Opcode::TransactionCommit, &commit(1, Epoch::ZERO, "a", b"old")).await.unwrap();
        let early: Epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
        let late: Epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
        assert!(early < late);
        for (number, epoch) in [(2, early), (3, late)] {
            let reply: FetchReply = bench.call(Opcode::TransactionRead, &read(number, epoch, "a")).await.unwrap();
            assert_eq!(reply.inline.0, b"old");
        }
        let refused = bench.call::<Epoch>(Opcode::TransactionCommit, &commit(2, early, "a", b"early")).await;
        assert_eq!(code(refused), Some(Code::TxRestart));
        assert_eq!(bench.call(Opcode::TransactionCommit, &commit(3, late, "a", b"late")).await, Ok(late));
        // Another akey was not read.
        assert_eq!(bench.call(Opcode::TransactionCommit, &commit(2, early, "b", b"early")).await, Ok(early));
    });
}

#[test]
fn epochs_of_the_future_and_other_operations_are_refused() {
    with_service(|bench| async move {
        let now: Epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
        for epoch in [Epoch::ZERO, Epoch::MAX, Epoch(now.0 + (1 << 40))] {
            let refused = bench.call::<FetchReply>(Opcode::TransactionRead, &read(1, epoch, "a")).await;
            assert_eq!(code(refused), Some(Code::Inval));
        }
        let refused = bench.call::<Epoch>(Opcode::TransactionCommit, &commit(1, Epoch::MAX, "a", b"x")).await;
        assert_eq!(code(refused), Some(Code::Inval));
        let other = TransactionRead { opcode: Opcode::Update as u16, ..read(1, now, "a") };
        assert_eq!(code(bench.call::<FetchReply>(Opcode::TransactionRead, &other).await), Some(Code::Proto));
        let empty = TransactionCommit { operations: vec![], ..commit(1, now, "a", b"") };
        assert_eq!(code(bench.call::<Epoch>(Opcode::TransactionCommit, &empty).await), Some(Code::Inval));
        let short = TransactionCommit { payload: Payload::Inline(Blob(vec![1])), ..commit(1, now, "a", b"two") };
        assert_eq!(code(bench.call::<Epoch>(Opcode::TransactionCommit, &short).await), Some(Code::IoInval));
        let reader = TransactionCommit { address: address(READER), ..commit(1, now, "a", b"x") };
        assert_eq!(code(bench.call::<Epoch>(Opcode::TransactionCommit, &reader).await), Some(Code::NoPerm));
    });
}

/// The epochs that clients name move the clock of the target. They did so step by step without an end, also for those who have no handle, and what
/// others wrote from then on would have been of the future.
#[test]
fn nobody_moves_the_clock_far() {
    const STEP: u64 = 50_000_000_000;
    with_service(|bench| async move {
        let begin: Epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
        let ahead = |steps: u64| Epoch(begin.0 + steps * STEP);
        let stranger = TransactionRead { address: address(STRANGER), ..read(1, ahead(1), "a") };
        assert_eq!(code(bench.call::<FetchReply>(Opcode::TransactionRead, &stranger).await), Some(Code::NoHdl));
        let stranger = TransactionCommit { address: address(STRANGER), ..commit(1, ahead(1), "a", b"x") };
        assert_eq!(code(bench.call::<Epoch>(Opcode::TransactionCommit, &stranger).await), Some(Code::NoHdl));
        let now: Epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
        assert!(now < ahead(1), "a stranger has moved it");
        for (steps, refused) in [(1, None), (2, Some(Code::Inval)), (3, Some(Code::Inval))] {
            let seen = bench.call::<FetchReply>(Opcode::TransactionRead, &read(2, ahead(steps), "a")).await;
            assert_eq!(code(seen), refused, "{steps} steps");
            // What the clock itself has given is accepted, also while the calendar lags.
            let moment: Epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
            assert!(ahead(1) < moment && moment < ahead(2));
            bench.call::<FetchReply>(Opcode::TransactionRead, &read(3, moment, "b")).await.unwrap();
        }
    });
}

/// A rollback takes away what transactions have read that were begun before it: they begin again, whether the target itself went back with
/// them under way, or hears of it with the next grant. What was committed before is answered as it was.
#[test]
fn who_was_begun_before_a_rollback_begins_again() {
    with_service(|bench| async move {
        let address = address(WRITER);
        bench.update(&single(b"old")).await.unwrap();
        let snapshot: Epoch = bench.call(Opcode::Moment, &address).await.unwrap();
        bench.store.snapshot_create(CONTAINER, snapshot).await.unwrap();
        let early: Epoch = bench.call(Opcode::Moment, &address).await.unwrap();
        bench.call::<FetchReply>(Opcode::TransactionRead, &read(1, early, "a")).await.unwrap();
        let done = commit(2, early, "b", b"before");
        assert_eq!(bench.call(Opcode::TransactionCommit, &done).await, Ok(early));
        assert_eq!(bench.service.roll_back(POOL, CONTAINER, snapshot, Duration::from_secs(10)).await, Ok(true));
        let refused = bench.call::<FetchReply>(Opcode::TransactionRead, &read(1, early, "a")).await;
        assert_eq!(code(refused), Some(Code::TxRestart));
        let refused = bench.call::<Epoch>(Opcode::TransactionCommit, &commit(1, early, "a", b"x")).await;
        assert_eq!(code(refused), Some(Code::TxRestart));

        let late: Epoch = bench.call(Opcode::Moment, &address).await.unwrap();
        bench.call::<FetchReply>(Opcode::TransactionRead, &read(3, late, "a")).await.unwrap();
        // Another target has gone back, and the handle is granted anew.
        bench.pool_service.newest.set(late.0);
        bench.service.revoke_all();
        let refused = bench.call::<FetchReply>(Opcode::TransactionRead, &read(3, late, "a")).await;
        assert_eq!(code(refused), Some(Code::TxRestart));
        let refused = bench.call::<Epoch>(Opcode::TransactionCommit, &commit(3, late, "a", b"x")).await;
        assert_eq!(code(refused), Some(Code::TxRestart));
        assert_eq!(bench.call(Opcode::TransactionCommit, &done).await, Ok(early), "it was committed");
        let newer: Epoch = bench.call(Opcode::Moment, &address).await.unwrap();
        bench.call::<FetchReply>(Opcode::TransactionRead, &read(4, newer, "a")).await.unwrap();
        assert_eq!(bench.call(Opcode::TransactionCommit, &commit(4, newer, "a", b"new")).await, Ok(newer));
    });
}

/// A client whose session ends, or whose handle is closed by somebody else, commits nothing, and what it leaves is not in the way of others.
#[test]
fn who_is_gone_commits_nothing() {
    with_service(|bench| async move {
        bench.update(&single(b"there")).await.unwrap();
        let epoch: Epoch = bench.call(Opcode::Moment, &address(READER)).await.unwrap();
        for number in 1..200 {
            // Begun, and never heard of again.
            let begun = TransactionRead { address: address(READER), ..read(number, epoch, "a") };
            bench.call::<FetchReply>(Opcode::TransactionRead, &begun).await.unwrap();
        }
        bench.pool_service.closed.borrow_mut().push(WRITER);
        bench.service.revoke(&[WRITER]);
        let late = bench.call::<Epoch>(Opcode::TransactionCommit, &commit(200, epoch, "a", b"late")).await;
        assert_eq!(code(late), Some(Code::NoHdl));
        bench.pool_service.closed.borrow_mut().clear();
        let fetch = fetch_of(vec![akey_fetch("a", FetchKind::Single, Some(100))], vec![]);
        assert_eq!(bench.fetch(&fetch).await.unwrap().inline.0, b"there", "nothing was written");
        bench.call::<Epoch>(Opcode::TransactionCommit, &commit(201, Epoch::ZERO, "a", b"other")).await.unwrap();
        assert_eq!(bench.fetch(&fetch).await.unwrap().inline.0, b"other");
    });
}

/// A commit whose values cannot be had is made neither now nor later, and can be sent again.
#[test]
fn a_commit_that_is_cut_off_can_be_sent_again() {
    with_service(|bench| async move {
        let mut memory = vec![7u8; 5000];
        let exposed = bench.expose(&mut memory, daos_rpc::Access::Read);
        let gone = descriptor(&exposed);
        drop(exposed);
        let akeys = vec![akey_update("a", UpdateKind::Single(5000))];
        let operation = TransactionOperation {
            object: address(WRITER).object,
            change: TransactionChange::Update((key("d"), akeys)),
        };
        let request = |memory: Blob| TransactionCommit {
            operations: vec![operation.clone()],
            payload: Payload::Memory(vec![memory]),
            ..commit(1, Epoch::ZERO, "a", b"")
        };
        bench.call::<Epoch>(Opcode::TransactionCommit, &request(gone)).await.unwrap_err();
        let exposed = bench.expose(&mut memory, daos_rpc::Access::Read);
        let epoch: Epoch = bench.call(Opcode::TransactionCommit, &request(descriptor(&exposed))).await.unwrap();
        assert_eq!(bench.call(Opcode::TransactionCommit, &request(descriptor(&exposed))).await, Ok(epoch));
        drop(exposed);
        let fetch = fetch_of(vec![akey_fetch("a", FetchKind::Single, Some(5000))], vec![]);
        assert_eq!(bench.fetch(&fetch).await.unwrap().inline.0, [7; 5000]);
    });
}
