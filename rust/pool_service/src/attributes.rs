//! User attributes of pools and containers.

use crate::rows::{AttributeRow, Row, RowKey};
use crate::state::{Decision, PoolService};
use daos_status::{Code, Result, fail};
use daos_wire::{AttributeOwner, AttributesNamed, AttributesSet, Blob};
use std::collections::BTreeMap;

/// The longest name (`DAOS_ATTR_NAME_MAX`).
const NAME_LENGTH_MAX: usize = 511;
/// The longest value.
const VALUE_LENGTH_MAX: usize = 64 * 1024;

impl PoolService {
    /// Sets attributes.
    pub fn set_attributes(&self, request: &AttributesSet) -> Result<Decision<()>> {
        self.check_owner(&request.owner, request.handle, true)?;
        let mut rows = Vec::new();
        for (name, value) in &request.attributes {
            if name.is_empty() || name.len() > NAME_LENGTH_MAX {
                fail!(Code::Inval, "an attribute's name has 1 to {NAME_LENGTH_MAX} bytes, not {}", name.len());
            }
            if value.0.len() > VALUE_LENGTH_MAX {
                fail!(Code::Inval, "attribute '{name}' has {} bytes; {VALUE_LENGTH_MAX} are allowed", value.0.len());
            }
            let key = RowKey::attribute(&request.owner, name.clone());
            rows.push(Row::put(key, &AttributeRow { value: value.clone() }));
        }
        Ok(Decision { rows, reply: () })
    }

    /// The values of attributes, `None` for those that are not there.
    pub fn get_attributes(&self, request: &AttributesNamed) -> Result<Vec<Option<Blob>>> {
        let attributes = self.attributes(request)?;
        Ok(request.names.iter().map(|name| attributes.get(name).cloned().map(Blob)).collect())
    }

    /// The names of all attributes.
    pub fn list_attributes(&self, request: &AttributesNamed) -> Result<Vec<String>> {
        Ok(self.attributes(request)?.keys().cloned().collect())
    }

    /// Deletes attributes; names that are not there are passed over.
    pub fn delete_attributes(&self, request: &AttributesNamed) -> Result<Decision<()>> {
        self.check_owner(&request.owner, request.handle, true)?;
        let attributes = self.attributes(request)?;
        let present = request.names.iter().filter(|name| attributes.contains_key(*name));
        let rows = present.map(|name| Row::remove(RowKey::attribute(&request.owner, name.clone()))).collect();
        Ok(Decision { rows, reply: () })
    }

    fn attributes(&self, request: &AttributesNamed) -> Result<&BTreeMap<String, Vec<u8>>> {
        self.check_owner(&request.owner, request.handle, false)?;
        match request.owner {
            AttributeOwner::Pool(pool) => Ok(&self.ready_pool(pool)?.attributes),
            AttributeOwner::Container((pool, id)) => {
                Ok(&self.open_container_entry(pool, id, request.handle)?.attributes)
            }
        }
    }

    fn check_owner(&self, owner: &AttributeOwner, handle: daos_types::HandleId, write: bool) -> Result<()> {
        match *owner {
            AttributeOwner::Pool(pool) => self.check_pool_handle(pool, handle, write),
            AttributeOwner::Container((pool, id)) if write => self.check_container_write(pool, id, handle).map(|_| ()),
            AttributeOwner::Container((pool, id)) => self.open_container_entry(pool, id, handle).map(|_| ()),
        }
    }
}
