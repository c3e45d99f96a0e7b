//! What a target does while the epoch of a snapshot is chosen.

use crate::harness::*;
use daos_status::Code;
use daos_types::Epoch;
use daos_wire::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// When another target does not answer, the attempt is given up everywhere: changes of clients do not wait until the gate opens by itself.
#[test]
fn an_attempt_that_is_given_up_lets_changes_go_on() {
    with_service(|bench| async move {
        let service = &bench.service;
        service.hold_changes(POOL, CONTAINER, 1, LONG).await.unwrap();
        let is_done = Rc::new(Cell::new(false));
        let (writer, done) = (bench.clone(), is_done.clone());
        let writing = bench.spawner.spawn(async move {
            writer.update(&single(b"new")).await.unwrap();
            done.set(true);
        });
        // Another attempt has nothing to let go.
        service.hold_changes(POOL, CONTAINER, 2, Duration::ZERO).await.unwrap();
        // Sent behind the update, on the same way.
        bench.call::<Epoch>(Opcode::Moment, &address(WRITER)).await.unwrap();
        assert!(!is_done.get(), "it is held back");
        service.hold_changes(POOL, CONTAINER, 1, Duration::ZERO).await.unwrap();
        let epoch = bench.call(Opcode::Moment, &address(WRITER)).await.unwrap();
        assert_eq!(code(service.pin(POOL, CONTAINER, 1, epoch).await), Some(Code::Again), "it has let them go");
        writing.await;
        assert!(is_done.get());
    });
}

/// A snapshot is made only while changes are held back, by the attempt that holds them back.
#[test]
fn a_pin_without_its_hold_is_refused() {
    with_service(|bench| async move {
        let service = &bench.service;
        let epoch = service.hold_changes(POOL, CONTAINER, 1, LONG).await.unwrap();
        service.hold_changes(POOL, CONTAINER, 2, LONG).await.unwrap();
        assert_eq!(code(service.pin(POOL, CONTAINER, 1, epoch).await), Some(Code::Again), "another one took it over");
        service.pin(POOL, CONTAINER, 2, epoch).await.unwrap();
        assert_eq!(bench.store.snapshot_list(CONTAINER).await.unwrap(), [epoch]);
        assert_eq!(code(service.pin(POOL, CONTAINER, 2, Epoch(epoch.0 + 1)).await), Some(Code::Again), "it is open");
    });
}
