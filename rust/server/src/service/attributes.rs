//! Changes of user attributes.

use super::Service;
use daos_status::Result;
use daos_wire::{AttributesNamed, AttributesSet};

impl Service {
    pub(super) async fn set_attributes(&self, request: &AttributesSet) -> Result<()> {
        self.change(|state| state.set_attributes(request)).await
    }

    pub(super) async fn delete_attributes(&self, request: &AttributesNamed) -> Result<()> {
        self.change(|state| state.delete_attributes(request)).await
    }
}
