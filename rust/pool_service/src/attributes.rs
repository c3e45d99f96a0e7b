//! User attributes of pools and containers.

use crate::rows::{AttributeRow, Row, RowKey};
use crate::state::{Decision, PoolService};
use daos_security::Permissions;
use daos_status::{Code, Result, fail};
use daos_types::HandleId;
use daos_wire::{
    ATTRIBUTE_NAME_LENGTH_MAX, ATTRIBUTE_VALUE_LENGTH_MAX, AttributeOwner, AttributesList, AttributesNamed,
    AttributesSet, Blob, take_page,
};
use std::collections::BTreeMap;
use std::ops::Bound;

/// The most attributes of one pool or container: they are held in memory.
const ATTRIBUTES_MAX: usize = 10_000;

impl PoolService {
    /// Sets attributes.
    pub fn set_attributes(&self, request: &AttributesSet) -> Result<Decision<()>> {
        self.check_owner(&request.owner, request.handle, true)?;
        let known = self.attributes_of(&request.owner)?;
        let new = request.attributes.iter().filter(|(name, _)| !known.contains_key(name)).count();
        if known.len() + new > ATTRIBUTES_MAX {
            fail!(Code::Nospace, "{ATTRIBUTES_MAX} attributes are allowed; delete some first");
        }
        let mut rows = Vec::new();
        for (name, value) in &request.attributes {
            if name.is_empty() || name.len() > ATTRIBUTE_NAME_LENGTH_MAX {
                fail!(
                    Code::Inval,
                    "an attribute's name has 1 to {ATTRIBUTE_NAME_LENGTH_MAX} bytes, not {}",
                    name.len()
                );
            }
            if value.0.len() > ATTRIBUTE_VALUE_LENGTH_MAX {
                let length = value.0.len();
                fail!(Code::Inval, "attribute '{name}' has {length} bytes; {ATTRIBUTE_VALUE_LENGTH_MAX} are allowed");
            }
            let key = RowKey::attribute(&request.owner, name.clone());
            rows.push(Row::put(key, &AttributeRow { value: value.clone() }));
        }
        Ok(Decision { rows, reply: () })
    }

    /// The values of the first attributes, as many as fit an answer; `None` for those that are not there.
    pub fn get_attributes(&self, request: &AttributesNamed) -> Result<Vec<Option<Blob>>> {
        let attributes = self.attributes(&request.owner, request.handle)?;
        let values = request.names.iter().map(|name| attributes.get(name).cloned().map(Blob));
        Ok(take_page(&mut values.peekable()))
    }

    /// A part of the names of the attributes, from behind the one that is known, and whether there are more.
    pub fn list_attributes(&self, request: &AttributesList) -> Result<(Vec<String>, bool)> {
        let behind = request.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let attributes = self.attributes(&request.owner, request.handle)?.range((behind, Bound::Unbounded));
        let mut names = attributes.map(|(name, _)| name.clone()).peekable();
        Ok((take_page(&mut names), names.peek().is_some()))
    }

    /// Deletes attributes; names that are not there are passed over.
    pub fn delete_attributes(&self, request: &AttributesNamed) -> Result<Decision<()>> {
        self.check_owner(&request.owner, request.handle, true)?;
        let attributes = self.attributes_of(&request.owner)?;
        let present = request.names.iter().filter(|name| attributes.contains_key(*name));
        let rows = present.map(|name| Row::remove(RowKey::attribute(&request.owner, name.clone()))).collect();
        Ok(Decision { rows, reply: () })
    }

    fn attributes(&self, owner: &AttributeOwner, handle: HandleId) -> Result<&BTreeMap<String, Vec<u8>>> {
        self.check_owner(owner, handle, false)?;
        self.attributes_of(owner)
    }

    /// The attributes, whose handle has been looked at: who changes them need not be allowed to read them.
    fn attributes_of(&self, owner: &AttributeOwner) -> Result<&BTreeMap<String, Vec<u8>>> {
        match *owner {
            AttributeOwner::Pool(pool) => Ok(&self.ready_pool(pool)?.attributes),
            AttributeOwner::Container((pool, id)) => match self.ready_pool(pool)?.containers.get(&id) {
                Some(container) => Ok(&container.attributes),
                None => fail!(Code::Nonexist, "pool {pool} has no container {id}"),
            },
        }
    }

    fn check_owner(&self, owner: &AttributeOwner, handle: HandleId, write: bool) -> Result<()> {
        match *owner {
            AttributeOwner::Pool(pool) => self.check_pool_handle(pool, handle, write),
            AttributeOwner::Container((pool, id)) => {
                let permission = if write { Permissions::WRITE } else { Permissions::READ };
                self.check_container(pool, id, handle, permission).map(|_| ())
            }
        }
    }
}
