//! Container handles.

use crate::harness::*;
use daos_object_service::ObjectServiceSettings;
use daos_status::Code;
use daos_types::{ContainerId, Epoch, HandleId, PoolId};
use daos_wire::*;

fn sized(handle: HandleId) -> Fetch {
    let akeys = vec![akey_fetch("a", FetchKind::Single, None)];
    Fetch { address: address(handle), ..fetch_of(akeys, vec![]) }
}

#[test]
fn handles_decide_what_is_allowed() {
    with_service(|bench| async move {
        bench.update(&single(b"v")).await.unwrap();
        assert_eq!(code(bench.update(&Update { address: address(READER), ..single(b"w") }).await), Some(Code::NoPerm));
        assert_eq!(code(bench.update(&Update { address: address(STRANGER), ..single(b"w") }).await), Some(Code::NoHdl));
        for what in [PunchKind::Object, PunchKind::Dkeys(vec![key("d")])] {
            let punch = Punch { address: address(READER), name: ChangeName::ONCE, conditions: 0, what };
            assert_eq!(code(bench.call::<()>(Opcode::Punch, &punch).await), Some(Code::NoPerm));
        }
        // The handle of one container does not open another one, also when it is known.
        let mut elsewhere = single(b"w");
        elsewhere.address.container = ContainerId::from_bytes([9; 16]);
        assert_eq!(code(bench.update(&elsewhere).await), Some(Code::NoHdl));
        let mut elsewhere = single(b"w");
        elsewhere.address.pool = PoolId::from_bytes([9; 16]);
        assert_eq!(code(bench.update(&elsewhere).await), Some(Code::NoHdl));
        assert_eq!(bench.fetch(&sized(READER)).await.unwrap().akeys[0].size, 1);
    });
}

#[test]
fn grants_are_remembered_until_they_are_revoked() {
    with_service(|bench| async move {
        for _ in 0..5 {
            bench.fetch(&sized(READER)).await.unwrap();
        }
        assert_eq!(bench.pool_service.questions.get(), 1);
        bench.pool_service.closed.borrow_mut().push(READER);
        bench.fetch(&sized(READER)).await.unwrap();
        bench.service.revoke(&[WRITER, READER]);
        assert_eq!(code(bench.fetch(&sized(READER)).await), Some(Code::NoHdl));
        // Refusals are not remembered: the handle may be opened later.
        bench.pool_service.closed.borrow_mut().clear();
        bench.fetch(&sized(READER)).await.unwrap();
        assert_eq!(bench.pool_service.questions.get(), 3);
    });
}

/// Whoever missed that handles were closed is told to ask for all of them anew.
#[test]
fn all_grants_are_forgotten_at_once() {
    with_service(|bench| async move {
        bench.update(&single(b"v")).await.unwrap();
        bench.fetch(&sized(READER)).await.unwrap();
        bench.pool_service.closed.borrow_mut().push(READER);
        bench.service.revoke(&[]);
        assert_eq!(code(bench.fetch(&sized(READER)).await), Some(Code::NoHdl));
        bench.update(&single(b"w")).await.unwrap();
        assert_eq!(bench.pool_service.questions.get(), 4);
    });
}

/// An engine that is cut off serves nobody, as nobody can tell it whose handles are closed; later, it asks anew.
#[test]
fn an_engine_that_is_cut_off_believes_no_handle() {
    with_service(|bench| async move {
        bench.update(&single(b"v")).await.unwrap();
        bench.fetch(&sized(READER)).await.unwrap();
        bench.pool_service.standing.set(1);
        assert_eq!(code(bench.fetch(&sized(READER)).await), Some(Code::Unreach));
        assert_eq!(code(bench.update(&single(b"w")).await), Some(Code::Unreach));
        bench.pool_service.closed.borrow_mut().push(READER);
        bench.pool_service.standing.set(2);
        assert_eq!(code(bench.fetch(&sized(READER)).await), Some(Code::NoHdl));
        bench.update(&single(b"w")).await.unwrap();
        assert_eq!(bench.pool_service.questions.get(), 4);
    });
}

#[test]
fn requests_that_come_together_ask_once() {
    with_service(|bench| async move {
        bench.pool_service.holds.set(true);
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let bench_of_call = bench.clone();
                bench.spawner.spawn(async move { bench_of_call.fetch(&sized(READER)).await })
            })
            .collect();
        bench.wait_until(|bench| bench.pool_service.questions.get() > 0).await;
        bench.release();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(bench.pool_service.questions.get(), 1);
    });
}

/// A yes that was on its way when the handle was closed must not be remembered, nor count for those who waited for it.
#[test]
fn an_answer_from_before_the_revocation_does_not_count() {
    with_service(|bench| async move {
        bench.pool_service.holds.set(true);
        let asks = bench.clone();
        let call = bench.spawner.spawn(async move { asks.fetch(&sized(READER)).await });
        bench.wait_until(|bench| bench.pool_service.questions.get() > 0).await;
        bench.pool_service.closed.borrow_mut().push(READER);
        bench.service.revoke(&[READER]);
        bench.release();
        assert_eq!(code(call.await.unwrap()), Some(Code::NoHdl));
        assert_eq!(code(bench.fetch(&sized(READER)).await), Some(Code::NoHdl));
    });
}

#[test]
fn the_number_of_remembered_handles_is_bounded() {
    let settings = ObjectServiceSettings { handles_max: 1, ..ObjectServiceSettings::default() };
    with_settings(settings, |bench| async move {
        for _ in 0..3 {
            bench.fetch(&sized(READER)).await.unwrap();
            bench.fetch(&sized(WRITER)).await.unwrap();
            bench.fetch(&sized(WRITER)).await.unwrap();
        }
        assert_eq!(bench.pool_service.questions.get(), 6);
    });
}

/// A request by an older pool map than the target knows is refused before anything is done; one by a newer map is not.
#[test]
fn requests_by_older_pool_maps_are_refused() {
    with_service(|bench| async move {
        let own = address(WRITER).map_version;
        for (known, allowed) in [(0, true), (own - 1, true), (own, true), (own + 1, false), (u32::MAX, false)] {
            bench.pool_service.map_version.set(known);
            let outcome = bench.update(&single(b"v")).await;
            assert_eq!(code(outcome), (!allowed).then_some(Code::Stale), "{known}");
            let read = bench.fetch(&sized(READER)).await;
            assert_eq!(code(read), (!allowed).then_some(Code::Stale), "{known}");
            let punch = Punch {
                address: address(WRITER),
                name: ChangeName::ONCE,
                conditions: 0,
                what: PunchKind::Dkeys(vec![key("none")]),
            };
            assert_eq!(code(bench.call::<Epoch>(Opcode::Punch, &punch).await), (!allowed).then_some(Code::Stale));
            let newest = bench.call::<Epoch>(Opcode::QueryEpoch, &QueryEpoch { address: address(READER) }).await;
            assert_eq!(code(newest), (!allowed).then_some(Code::Stale));
        }
    });
}
