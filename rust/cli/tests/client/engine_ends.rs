//! The engine is killed while a client uses it.

use crate::harness::*;
use daos_client::Conditions;
use daos_types::{Epoch, ObjectClass, ObjectType};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const HASHED: ObjectType = ObjectType::MULTI_HASHED;

#[test]
fn calls_after_the_end_find_the_next_engine() {
    let rig = Rig::process();
    let object = rig.object(1, HASHED, ObjectClass::SX);
    let first = rig.engine_process();
    for round in 0..3u8 {
        let (writer, reader) = (object.clone(), object.clone());
        rig.run(move |client| async move {
            for dkey in 0..8 {
                update(&client, &writer, &dkey.to_string(), vec![single("a", &vec![round; 100_000])]).await.unwrap();
            }
        });
        rig.kill_engine();
        rig.run(move |client| async move {
            let insert = single("b", b"v");
            let dkey = key(format!("new {round}"));
            reader.update(&client, Conditions::DKEY_INSERT, dkey, vec![insert]).await.unwrap();
            for dkey in 0..8 {
                let found = fetch(&client, &reader, &dkey.to_string(), fetch_single("a", Some(100_000))).await.unwrap();
                assert!(found.bytes == vec![round; 100_000]);
            }
        });
    }
    assert_ne!(rig.engine_process(), first);
}

/// What one thread has been told about its values.
#[derive(Default)]
struct Told {
    /// The newest version whose update returned.
    acknowledged: AtomicU64,
    /// The newest version whose update was begun.
    begun: AtomicU64,
}

#[test]
fn calls_under_way_succeed_or_fail_and_nothing_acknowledged_is_lost() {
    let rig = Arc::new(Rig::process());
    let stop = Arc::new(AtomicBool::new(false));
    let told: Vec<Arc<Told>> = (0..64).map(|_| Arc::default()).collect();
    let threads: Vec<_> = told
        .iter()
        .enumerate()
        .map(|(thread, told)| {
            let (rig, stop, told) = (rig.clone(), stop.clone(), told.clone());
            std::thread::spawn(move || {
                let object = rig.object(thread as u64 % 3, HASHED, ObjectClass::SX);
                while !stop.load(Ordering::SeqCst) {
                    let (object, told) = (object.clone(), told.clone());
                    let size = if thread % 2 == 0 { 100 } else { 60_000 };
                    rig.run(move |client| async move {
                        let version = told.begun.fetch_add(1, Ordering::SeqCst) + 1;
                        let mut bytes = vec![version as u8; size];
                        bytes[..8].copy_from_slice(&version.to_le_bytes());
                        let dkey = format!("thread {thread}");
                        update(&client, &object, &dkey, vec![single("a", &bytes)]).await.unwrap();
                        told.acknowledged.store(version, Ordering::SeqCst);
                        check(&client, &object, thread, &told).await;
                    });
                }
            })
        })
        .collect();
    for kill in 0..3 {
        // Every thread has got on since the last one.
        let enough: Vec<u64> = told.iter().map(|told| told.acknowledged.load(Ordering::SeqCst) + 2).collect();
        while told.iter().zip(&enough).any(|(told, enough)| told.acknowledged.load(Ordering::SeqCst) < *enough) {
            std::thread::yield_now();
            assert!(!threads.iter().any(std::thread::JoinHandle::is_finished), "no call fails (kill {kill})");
        }
        rig.kill_engine();
    }
    stop.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for (thread, told) in told.into_iter().enumerate() {
        let object = rig.object(thread as u64 % 3, HASHED, ObjectClass::SX);
        rig.run(move |client| async move { check(&client, &object, thread, &told).await });
    }
}

/// The value is a whole one, and at least as new as what was acknowledged.
async fn check(client: &daos_client::Client, object: &daos_client::Object, thread: usize, told: &Told) {
    let acknowledged = told.acknowledged.load(Ordering::SeqCst);
    let found = fetch(client, object, &format!("thread {thread}"), fetch_single("a", Some(60_000))).await.unwrap();
    let version = u64::from_le_bytes(found.bytes[..8].try_into().unwrap());
    assert!((acknowledged..=told.begun.load(Ordering::SeqCst)).contains(&version));
    assert!(found.bytes[8..].iter().all(|byte| *byte == version as u8));
}

/// An insert whose engine ends meanwhile may have been carried out: sent again, it does not find itself.
#[test]
fn an_insert_under_way_is_carried_out_once() {
    let rig = Rig::process();
    let object = rig.object(1, HASHED, ObjectClass::S1);
    let process = rig.engine_process();
    let outcomes = rig.run(move |client| async move {
        let insert = |number: u64| {
            let (client, object) = (client.clone(), object.clone());
            async move {
                if number == 32 {
                    send_kill(process);
                }
                let dkey = key(format!("{number}"));
                let result =
                    object.update(&client, Conditions::DKEY_INSERT, dkey, vec![single("a", &vec![1; 50_000])]).await;
                (number, code(result))
            }
        };
        let outcomes = daos_env::sync::join_all((0..64).map(insert)).await;
        let mut seen = Vec::new();
        for (number, outcome) in outcomes {
            let wanted = vec![fetch_single("a", None)];
            let found = object.fetch(&client, Epoch::MAX, Conditions::NONE, key(format!("{number}")), wanted).await;
            seen.push((outcome, found.unwrap()[0].size == 50_000));
        }
        seen
    });
    for (number, (outcome, there)) in outcomes.into_iter().enumerate() {
        assert_eq!((outcome, there), (None, true), "insert {number}");
    }
}
