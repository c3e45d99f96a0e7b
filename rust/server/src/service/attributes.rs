//! Changes of user attributes, owners and access control lists.

use super::Service;
use super::clients::Asked;
use daos_status::Result;
use daos_wire::{AccessSet, AttributesNamed, AttributesSet};

impl Service {
    pub(super) async fn set_attributes(&self, asked: &Asked<AttributesSet>) -> Result<()> {
        self.once(asked, |state| state.set_attributes(&asked.request)).await
    }

    pub(super) async fn delete_attributes(&self, asked: &Asked<AttributesNamed>) -> Result<()> {
        self.once(asked, |state| state.delete_attributes(&asked.request)).await
    }

    pub(super) async fn set_access(&self, asked: &Asked<AccessSet>) -> Result<()> {
        self.once(asked, |state| state.set_access(&asked.request, &asked.caller)).await
    }
}
