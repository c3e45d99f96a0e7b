//! User attributes of pools and containers. Many of them travel in several requests.

use crate::Client;
use daos_status::{Code, Result, fail};
use daos_types::HandleId;
use daos_wire::{
    ATTRIBUTE_VALUE_LENGTH_MAX, AttributeOwner, AttributesList, AttributesNamed, AttributesSet, Blob, Opcode, Wire,
    take_page,
};

/// A handle on something with attributes.
pub(crate) trait Attributed {
    /// What has the attributes, and the open handle.
    fn attribute_owner(&self) -> (AttributeOwner, HandleId);

    /// Asks the pool service by the handle.
    async fn ask<Q: Wire, R: Wire>(&self, client: &Client, opcode: Opcode, request: &Q) -> Result<R>;
}

// All of these do the same when they are done twice.

pub(crate) async fn set(of: &impl Attributed, client: &Client, attributes: Vec<(String, Vec<u8>)>) -> Result<()> {
    if let Some((name, value)) = attributes.iter().find(|(_, value)| value.len() > ATTRIBUTE_VALUE_LENGTH_MAX) {
        let length = value.len();
        fail!(Code::Inval, "attribute '{name}' has {length} bytes; {ATTRIBUTE_VALUE_LENGTH_MAX} are allowed");
    }
    let (owner, handle) = of.attribute_owner();
    let mut left = attributes.into_iter().map(|(name, value)| (name, Blob(value))).peekable();
    while left.peek().is_some() {
        let request = AttributesSet { owner: owner.clone(), handle, attributes: take_page(&mut left) };
        of.ask::<_, ()>(client, Opcode::AttributesSet, &request).await?;
    }
    Ok(())
}

pub(crate) async fn get(of: &impl Attributed, client: &Client, names: Vec<String>) -> Result<Vec<Option<Vec<u8>>>> {
    let (owner, handle) = of.attribute_owner();
    let mut values: Vec<Option<Vec<u8>>> = Vec::new();
    while values.len() < names.len() {
        let names = take_page(&mut names[values.len()..].iter().cloned().peekable());
        let request = AttributesNamed { owner: owner.clone(), handle, names };
        let some: Vec<Option<Blob>> = of.ask(client, Opcode::AttributesGet, &request).await?;
        if some.is_empty() || some.len() > request.names.len() {
            fail!(Code::Proto, "the engine gave {} values for {} attributes", some.len(), request.names.len());
        }
        values.extend(some.into_iter().map(|value| value.map(|blob| blob.0)));
    }
    Ok(values)
}

pub(crate) async fn list(of: &impl Attributed, client: &Client) -> Result<Vec<String>> {
    let (owner, handle) = of.attribute_owner();
    let mut request = AttributesList { owner, handle, after: None };
    let mut names = Vec::new();
    loop {
        let page = of.ask(client, Opcode::AttributesList, &request).await?;
        let (some, more): (Vec<String>, bool) = page;
        request.after = some.last().cloned();
        names.extend(some);
        if !more || request.after.is_none() {
            return Ok(names);
        }
    }
}

pub(crate) async fn delete(of: &impl Attributed, client: &Client, names: Vec<String>) -> Result<()> {
    let (owner, handle) = of.attribute_owner();
    let mut left = names.into_iter().peekable();
    while left.peek().is_some() {
        let request = AttributesNamed { owner: owner.clone(), handle, names: take_page(&mut left) };
        of.ask::<_, ()>(client, Opcode::AttributesDelete, &request).await?;
    }
    Ok(())
}
