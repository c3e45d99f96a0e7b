//! Changes of user attributes, owners and access control lists.

use super::Service;
use super::clients::Asked;
use daos_pool_service::{Decision, PoolService};
use daos_status::Result;
use daos_wire::{AccessOf, AccessSet, AttributeOwner, AttributesNamed, AttributesSet};

impl Service {
    pub(super) async fn set_attributes(&self, asked: &Asked<AttributesSet>) -> Result<()> {
        let (now, owner) = (self.now(), &asked.request.owner);
        self.once(asked, |state| Ok(dated(state, state.set_attributes(&asked.request)?, owner, now))).await
    }

    pub(super) async fn delete_attributes(&self, asked: &Asked<AttributesNamed>) -> Result<()> {
        let (now, owner) = (self.now(), &asked.request.owner);
        self.once(asked, |state| Ok(dated(state, state.delete_attributes(&asked.request)?, owner, now))).await
    }

    pub(super) async fn set_access(&self, asked: &Asked<AccessSet>) -> Result<()> {
        let now = self.now();
        self.once(asked, |state| {
            let decision = state.set_access(&asked.request, &asked.caller)?;
            Ok(match &asked.request.of {
                AccessOf::Pool(_) => decision,
                AccessOf::Container(of) => state.dated(decision, of.pool, of.container, now),
            })
        })
        .await
    }
}

/// A change of attributes: containers know when they were changed.
fn dated(state: &PoolService, decision: Decision<()>, owner: &AttributeOwner, now: u64) -> Decision<()> {
    match *owner {
        AttributeOwner::Pool(_) => decision,
        AttributeOwner::Container((pool, container)) => state.dated(decision, pool, container, now),
    }
}
