//! Counts, lengths and memory have bounds.

use crate::harness::*;
use daos_object_service::ObjectServiceSettings;
use daos_rpc::Access;
use daos_status::Code;
use daos_wire::*;
use std::time::Duration;

#[test]
fn payloads_must_be_what_the_akeys_take() {
    with_service(|bench| async move {
        let one = || vec![akey_update("a", UpdateKind::Single(5))];
        let inline = |length| Payload::Inline(Blob(vec![0; length]));
        for length in [0, 4, 6] {
            assert_eq!(code(bench.update(&update_of(one(), inline(length))).await), Some(Code::IoInval));
        }
        let large = vec![akey_update("a", UpdateKind::Single(INLINE_BYTES_MAX + 1))];
        let result = bench.update(&update_of(large, inline(INLINE_BYTES_MAX as usize + 1))).await;
        assert_eq!(code(result), Some(Code::Inval));
        let mut memory = vec![0; 100];
        let exposed = bench.expose(&mut memory, Access::Read);
        for length in [99, 101] {
            let akeys = vec![akey_update("a", UpdateKind::Single(length))];
            let result = bench.update(&update_of(akeys, Payload::Memory(vec![descriptor(&exposed)]))).await;
            assert_eq!(code(result), Some(Code::IoInval));
        }
        drop(exposed);
        assert_eq!(bench.store.statistics().updates, 0);
    });
}

#[test]
fn sums_that_overflow_and_counts_without_end_are_refused() {
    with_service(|bench| async move {
        let none = || Payload::Inline(Blob::default());
        let wide = extent(0, u64::MAX);
        let of = |value| vec![akey_update("a", value)];
        for (akeys, expected) in [
            (of(array(u64::MAX, vec![extent(0, 2)])), Code::Overflow),
            (of(array(1, vec![wide, wide])), Code::Overflow),
            (of(UpdateKind::Single(u64::MAX)), Code::RecordTooBig),
            (of(array(1, vec![extent(0, TRANSFER_BYTES_MAX + 1)])), Code::RecordTooBig),
            (of(array(0, vec![extent(0, 1)])), Code::Inval),
            (of(array(1, vec![])), Code::Inval),
            (of(UpdateKind::PunchExtents(vec![])), Code::Inval),
            (vec![], Code::Inval),
        ] {
            assert_eq!(code(bench.update(&update_of(akeys.clone(), none())).await), Some(expected), "{akeys:?}");
        }
        for (akeys, expected) in [
            (vec![], Code::Inval),
            (vec![akey_fetch("a", FetchKind::Array(vec![]), None)], Code::Inval),
            (vec![akey_fetch("a", FetchKind::Single, Some(INLINE_BYTES_MAX + 1))], Code::Inval),
            (vec![akey_fetch("a", FetchKind::Single, Some(TRANSFER_BYTES_MAX + 1))], Code::RecordTooBig),
            (vec![akey_fetch("a", FetchKind::Single, Some(u64::MAX)); 2], Code::RecordTooBig),
        ] {
            assert_eq!(code(bench.fetch(&fetch_of(akeys.clone(), vec![])).await), Some(expected), "{akeys:?}");
        }
        let unknown = Update { conditions: 1 << 40, ..single(b"v") };
        assert_eq!(code(bench.update(&unknown).await), Some(Code::Inval));
        let list = ListKeys {
            address: address(READER),
            epoch: daos_types::Epoch::MAX,
            dkey: None,
            anchor: Blob::default(),
            count: 0,
            bytes: 100,
        };
        assert_eq!(code(bench.call::<ListKeysReply>(Opcode::ListKeys, &list).await), Some(Code::Inval));
        let list = ListKeys { count: 1, anchor: Blob(vec![99; 200]), ..list };
        assert_eq!(code(bench.call::<ListKeysReply>(Opcode::ListKeys, &list).await), Some(Code::Inval));
        for what in [PunchKind::Dkeys(vec![]), PunchKind::Akeys((key("d"), vec![]))] {
            let punch = Punch { address: address(WRITER), name: ChangeName::ONCE, conditions: 0, what };
            assert_eq!(code(bench.call::<()>(Opcode::Punch, &punch).await), Some(Code::Inval));
        }
    });
}

#[test]
fn integer_keys_have_eight_bytes() {
    with_service(|bench| async move {
        let mut request = single(b"v");
        request.address.object.hi |= 4 << 56;
        assert_eq!(code(bench.update(&request).await), Some(Code::Inval));
    });
}

#[test]
fn memory_that_is_not_there_fails_and_changes_nothing() {
    with_service(|bench| async move {
        let mut memory = vec![7; 100_000];
        let exposed = bench.expose(&mut memory, Access::Read);
        let gone = descriptor(&exposed);
        drop(exposed);
        let akeys = vec![akey_update("a", UpdateKind::Single(100_000))];
        let result = bench.update(&update_of(akeys.clone(), Payload::Memory(vec![gone]))).await;
        assert!(result.is_err());
        let wrong = bench.expose(&mut memory, Access::Write);
        let result = bench.update(&update_of(akeys, Payload::Memory(vec![descriptor(&wrong)]))).await;
        assert_eq!(code(result), Some(Code::NoPerm));
        drop(wrong);
        let nonsense =
            update_of(vec![akey_update("a", UpdateKind::Single(1))], Payload::Memory(vec![Blob(vec![1; 31])]));
        assert_eq!(code(bench.update(&nonsense).await), Some(Code::Proto));
        let found = bench.fetch(&fetch_of(vec![akey_fetch("a", FetchKind::Single, None)], vec![])).await.unwrap();
        assert_eq!(found.akeys[0].size, 0);
    });
}

#[test]
fn bulk_data_waits_for_room_and_is_refused_when_that_takes_too_long() {
    let settings = ObjectServiceSettings {
        bulk_bytes_max: 200_000,
        bulk_wait: Duration::from_millis(50),
        ..ObjectServiceSettings::default()
    };
    with_settings(settings, |bench| async move {
        let length = 150_000;
        let mut memory = vec![7; length];
        let exposed = bench.expose(&mut memory, Access::Read);
        let update = |number: u64| {
            let mut update = update_of(
                vec![akey_update("a", UpdateKind::Single(length as u64))],
                Payload::Memory(vec![descriptor(&exposed)]),
            );
            update.address.object.lo = number;
            let bench = bench.clone();
            async move { bench.update(&update).await }
        };
        let results = daos_env::sync::join_all((0..20).map(update)).await;
        drop(exposed);
        let refused = results.iter().filter(|result| result.is_err()).count();
        // All of them got their turn, or were told that there was none within the time; some always do.
        assert!(results.iter().all(|result| result.is_ok() || code(result.clone()) == Some(Code::Busy)));
        assert!(refused < 20);
    });
}

/// The caller ran out of time while its update waited, and wrote something newer: the old one must not come behind that.
#[test]
fn an_update_whose_caller_gave_up_is_not_made() {
    with_service(|bench| async move {
        bench.pool_service.holds.set(true);
        let late = bench.clone();
        let old =
            bench.spawner.spawn(async move { late.call_within(Duration::from_millis(20), &single(b"old")).await });
        assert_eq!(code(old.await.unwrap()), Some(Code::Timedout));
        // The service is told by a message, behind which this one comes.
        assert_eq!(code(bench.call_bytes(Opcode::Update, vec![]).await), Some(Code::Proto));
        bench.release();
        bench.update(&single(b"newer")).await.unwrap();
        let fetch = fetch_of(vec![akey_fetch("a", FetchKind::Single, Some(100))], vec![]);
        assert_eq!(bench.fetch(&fetch).await.unwrap().inline.0, b"newer");
        assert_eq!(bench.store.statistics().updates, 1);
    });
}
