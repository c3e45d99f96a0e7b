//! User attributes of pools and containers.

use crate::Client;
use daos_status::Result;
use daos_types::HandleId;
use daos_wire::{AttributeOwner, AttributesNamed, AttributesSet, Blob, Opcode};

pub(crate) async fn set(
    client: &Client,
    (owner, handle): (AttributeOwner, HandleId),
    attributes: Vec<(String, Vec<u8>)>,
) -> Result<()> {
    let attributes = attributes.into_iter().map(|(name, value)| (name, Blob(value))).collect();
    client.call_service(Opcode::AttributesSet, &AttributesSet { owner, handle, attributes }).await
}

pub(crate) async fn get(
    client: &Client,
    (owner, handle): (AttributeOwner, HandleId),
    names: Vec<String>,
) -> Result<Vec<Option<Vec<u8>>>> {
    let request = AttributesNamed { owner, handle, names };
    let values: Vec<Option<Blob>> = client.call_service(Opcode::AttributesGet, &request).await?;
    Ok(values.into_iter().map(|value| value.map(|blob| blob.0)).collect())
}

pub(crate) async fn list(client: &Client, (owner, handle): (AttributeOwner, HandleId)) -> Result<Vec<String>> {
    client.call_service(Opcode::AttributesList, &AttributesNamed { owner, handle, names: Vec::new() }).await
}

pub(crate) async fn delete(
    client: &Client,
    (owner, handle): (AttributeOwner, HandleId),
    names: Vec<String>,
) -> Result<()> {
    client.call_service(Opcode::AttributesDelete, &AttributesNamed { owner, handle, names }).await
}
