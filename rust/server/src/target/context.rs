//! What the object service sees of its target.

use super::{Peers, Pools};
use daos_object_service::TargetContext;
use daos_status::Result;
use daos_store::Store;
use daos_types::PoolId;
use daos_wire::{HandleGrant, HandleQuery, Opcode};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

pub(super) struct Context {
    pools: Pools,
    peers: Rc<Peers>,
}

impl Context {
    pub fn new(pools: Pools, peers: Rc<Peers>) -> Context {
        Context { pools, peers }
    }
}

impl TargetContext for Context {
    fn store(&self, pool: PoolId) -> Result<Rc<Store>> {
        self.pools.store(pool)
    }

    fn map_version(&self, pool: PoolId) -> u32 {
        self.pools.map_version(pool)
    }

    fn handle_grant(&self, query: HandleQuery) -> Pin<Box<dyn Future<Output = Result<HandleGrant>>>> {
        let peers = self.peers.clone();
        Box::pin(async move { peers.call(peers.service()?, Opcode::HandleQuery, &query).await })
    }
}
