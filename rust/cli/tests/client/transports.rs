//! The ways between a client and the process of its engine.

use crate::harness::*;
use daos_client::TransportChoice;
use daos_types::{ObjectClass, ObjectType};

/// Whether this process has a file of this name mapped.
fn has_mapped(name: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().contains(name)
}

/// Writes and reads values of every size, small ones in messages and large ones as bulk data.
fn write_and_read(rig: &Rig) {
    let object = rig.object(1, ObjectType::MULTI_HASHED, ObjectClass::SX);
    rig.run(|client| async move {
        for (number, size) in [1usize, 4096, 20_000, (3 << 20) + 5].into_iter().enumerate() {
            let (dkey, bytes) = (size.to_string(), pattern(size, number as u64));
            update(&client, &object, &dkey, vec![single("s", &bytes)]).await.unwrap();
            let found = fetch(&client, &object, &dkey, fetch_single("s", Some(size as u64))).await.unwrap();
            assert_eq!((found.size, found.bytes == bytes), (size as u64, true), "value of {size}");
        }
    });
}

#[test]
fn an_engine_of_this_machine_is_reached_through_shared_memory_by_itself() {
    let rig = Rig::process();
    write_and_read(&rig);
    assert!(has_mapped("memfd:daos-rpc"), "nothing is shared with the engine");
    assert!(!has_mapped("libfabric"), "libfabric was loaded for nothing");
}

/// Before, only the first answer of an engine was read with the choice in mind: calls to addresses that came later failed.
#[test]
fn the_network_is_used_when_it_is_asked_for() {
    let rig = Rig::process_by(TransportChoice::Network);
    write_and_read(&rig);
    assert!(!has_mapped("memfd:daos-rpc"), "memory is shared although nobody wants it");
}
