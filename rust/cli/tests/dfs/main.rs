//! The POSIX namespace with a real engine: within this process, and as a process of its own that is killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod checks;
mod copies;
#[path = "../client/harness.rs"]
#[expect(dead_code, reason = "what the tests of the client use alone")]
mod harness;
mod interrupted_moves;
mod messages;
mod model;
mod mounts;
mod races;
mod trees;
mod unlinked;

use daos_client::{Container, ContainerFlags, ContainerProperties};
use daos_dfs::{Attributes, FileSystem, MountOptions, Result};
use daos_types::Reference;
use harness::Rig;

/// Makes a POSIX container, and mounts it.
fn make(rig: &Rig, label: &str) -> FileSystem {
    let (pool, label) = (rig.pool.clone(), label.to_owned());
    rig.run(move |client| async move {
        let properties = ContainerProperties { label, ..ContainerProperties::default() };
        FileSystem::create(&client, &pool, properties, Attributes::default()).await.unwrap().1
    })
}

/// Mounts a POSIX container that is there.
fn mount(rig: &Rig, label: &str) -> FileSystem {
    let (pool, reference) = (rig.pool.clone(), Reference::parse(label).unwrap());
    rig.run(move |client| async move {
        let container = Container::open(&client, &pool, &reference, ContainerFlags::READ_WRITE).await.unwrap();
        FileSystem::mount(&client, &container, MountOptions::read_write()).await.unwrap()
    })
}

/// The number of an error.
fn errno<T>(result: Result<T>) -> Option<i32> {
    result.err().map(|error| error.errno)
}
