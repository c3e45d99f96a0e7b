//! Reads everything and compares it with what may be there.

use crate::model::{ContainerName, Model};
use daos_testkit::wire_client::*;
use daos_types::PoolId;
use daos_wire::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Handles of the verifier: no actor uses such numbers.
const POOL_HANDLE: u8 = 250;
const CONTAINER_HANDLE: u8 = 251;

fn number_of(id: [u8; 16]) -> u8 {
    id[0]
}

pub async fn verify(client: &WireClient, model: &RefCell<Model>) {
    let list = client.list_pools().await.expect("lists pools");
    let seen: BTreeSet<u8> = list.iter().map(|entry| number_of(entry.id.to_bytes())).collect();
    assert!(list.iter().all(|entry| entry.state == "Ready"), "nothing is left half made: {list:?}");
    let known: Vec<u8> = model.borrow().pools.keys().copied().collect();
    assert!(seen.iter().all(|number| known.contains(number)), "pools {seen:?} are there, {known:?} were made");
    for number in known {
        let exists = seen.contains(&number).then_some(());
        model.borrow_mut().pools.entry(number).or_default().observe(exists, ("pool", number));
        match exists {
            Some(()) => verify_pool(client, model, number).await,
            None => model.borrow_mut().forget_pool(number),
        }
    }
}

async fn verify_pool(client: &WireClient, model: &RefCell<Model>, number: u8) {
    let (pool, handle) = (pool_id(number), handle_id(POOL_HANDLE));
    client.connect(pool, handle).await.expect("connects");
    let request = PoolRequest { pool, handle };
    let list = client.list_containers(pool, handle).await.expect("lists containers");
    let seen: BTreeSet<u8> = list.iter().map(|entry| number_of(entry.id.to_bytes())).collect();
    let known = model.borrow().containers_of(number);
    assert!(seen.iter().all(|container| known.contains(container)), "containers {seen:?}, {known:?} were made");
    for container in known {
        let name = (number, container);
        let exists = seen.contains(&container).then_some(());
        model.borrow_mut().containers.entry(name).or_default().observe(exists, ("container", name));
        match exists {
            Some(()) => verify_container(client, model, pool, name).await,
            None => model.borrow_mut().forget_container(name),
        }
    }
    client.call::<_, ()>(Opcode::PoolDisconnect, &request).await.expect("disconnects");
}

async fn verify_container(client: &WireClient, model: &RefCell<Model>, pool: PoolId, name: ContainerName) {
    client.open(pool, handle_id(POOL_HANDLE), name.1, handle_id(CONTAINER_HANDLE)).await.expect("opens");
    let values: Vec<_> = model.borrow().values.keys().copied().filter(|value| value.0 == name).collect();
    for value in values {
        let (_, target, dkey) = value;
        let at = address(name.0, name.1, CONTAINER_HANDLE);
        let seen = client.fetch(target, &at, &format!("d{dkey}")).await.expect("reads");
        model.borrow_mut().values.entry(value).or_default().observe(seen, ("value", value));
    }
    let attributes: Vec<_> = model.borrow().attributes.keys().copied().filter(|(of, _)| *of == name).collect();
    for attribute in attributes {
        let named = AttributesNamed {
            owner: AttributeOwner::Container((pool, container_id(name.1))),
            handle: handle_id(CONTAINER_HANDLE),
            names: vec![format!("a{}", attribute.1)],
        };
        let mut seen: Vec<Option<Blob>> = client.call(Opcode::AttributesGet, &named).await.expect("reads");
        let seen = seen.pop().expect("one answer").map(|blob| blob.0);
        model.borrow_mut().attributes.entry(attribute).or_default().observe(seen, ("attribute", attribute));
    }
    let request = ContainerRequest { pool, container: container_id(name.1), handle: handle_id(CONTAINER_HANDLE) };
    client.call::<_, ()>(Opcode::ContainerClose, &request).await.expect("closes");
}
