//! Reads everything and compares it with what may be there.

use crate::model::{ContainerName, Model};
use daos_status::Result;
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

/// Errors are no surprise when the media were damaged: then what can be read must be right, and the rest is passed over.
pub async fn verify(client: &WireClient, model: &RefCell<Model>, damaged: bool) -> Result<()> {
    let list = client.list_pools().await?;
    let seen: BTreeSet<u8> = list.iter().map(|entry| number_of(entry.id.to_bytes())).collect();
    assert!(list.iter().all(|entry| entry.state == "Ready"), "nothing is left half made: {list:?}");
    let known: Vec<u8> = model.borrow().pools.keys().copied().collect();
    assert!(seen.iter().all(|number| known.contains(number)), "pools {seen:?} are there, {known:?} were made");
    for number in known {
        let exists = seen.contains(&number).then_some(());
        model.borrow_mut().pools.entry(number).or_default().observe(exists, ("pool", number));
        match exists {
            Some(()) => match verify_pool(client, model, number, damaged).await {
                Err(status) if !damaged => return Err(status),
                _ => {}
            },
            None => model.borrow_mut().forget_pool(number),
        }
    }
    Ok(())
}

async fn verify_pool(client: &WireClient, model: &RefCell<Model>, number: u8, damaged: bool) -> Result<()> {
    let (pool, handle) = (pool_id(number), handle_id(POOL_HANDLE));
    client.connect(pool, handle).await?;
    let request = PoolRequest { pool, handle };
    let list = client.list_containers(pool, handle).await?;
    let seen: BTreeSet<u8> = list.iter().map(|entry| number_of(entry.id.to_bytes())).collect();
    let known = model.borrow().containers_of(number);
    assert!(seen.iter().all(|container| known.contains(container)), "containers {seen:?}, {known:?} were made");
    for container in known {
        let name = (number, container);
        let exists = seen.contains(&container).then_some(());
        model.borrow_mut().containers.entry(name).or_default().observe(exists, ("container", name));
        match exists {
            Some(()) => verify_container(client, model, pool, name, damaged).await?,
            None => model.borrow_mut().forget_container(name),
        }
    }
    client.call::<_, ()>(Opcode::PoolDisconnect, &request).await
}

async fn verify_container(
    client: &WireClient,
    model: &RefCell<Model>,
    pool: PoolId,
    name: ContainerName,
    damaged: bool,
) -> Result<()> {
    client.open(pool, handle_id(POOL_HANDLE), name.1, handle_id(CONTAINER_HANDLE)).await?;
    let values: Vec<_> = model.borrow().values.keys().copied().filter(|value| value.0 == name).collect();
    for value in values {
        let (_, target, dkey) = value;
        let at = address(name.0, name.1, CONTAINER_HANDLE);
        match client.fetch(target, &at, &format!("d{dkey}")).await {
            Ok(seen) => model.borrow_mut().values.entry(value).or_default().observe(seen, ("value", value)),
            Err(status) if !damaged => return Err(status),
            Err(_) => {}
        }
    }
    let attributes: Vec<_> = model.borrow().attributes.keys().copied().filter(|(of, _)| *of == name).collect();
    for attribute in attributes {
        let named = AttributesNamed {
            owner: AttributeOwner::Container((pool, container_id(name.1))),
            handle: handle_id(CONTAINER_HANDLE),
            names: vec![format!("a{}", attribute.1)],
        };
        let mut seen: Vec<Option<Blob>> = client.call(Opcode::AttributesGet, &named).await?;
        let seen = seen.pop().expect("one answer").map(|blob| blob.0);
        model.borrow_mut().attributes.entry(attribute).or_default().observe(seen, ("attribute", attribute));
    }
    let request = ContainerRequest { pool, container: container_id(name.1), handle: handle_id(CONTAINER_HANDLE) };
    client.call::<_, ()>(Opcode::ContainerClose, &request).await
}
