//! What the object service sees of its target.

use super::{Peers, Pools};
use daos_env::Spawner;
use daos_object_service::TargetContext;
use daos_status::{Code, Result, Status};
use daos_store::Store;
use daos_types::PoolId;
use daos_wire::{HandleGrant, HandleQuery, Opcode};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// How long the service may take to say what a handle allows, before it is asked again, wherever it is by then.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How long it is asked: another engine leads within that, or none does for longer. Less than a client's call lasts.
const GRANT_LIMIT: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Context {
    pools: Pools,
    peers: Rc<Peers>,
    spawner: Spawner,
}

impl Context {
    pub fn new(pools: Pools, peers: Rc<Peers>, spawner: Spawner) -> Context {
        Context { pools, peers, spawner }
    }
}

impl TargetContext for Context {
    fn store(&self, pool: PoolId) -> Result<Rc<Store>> {
        self.pools.store(pool)
    }

    fn map_version(&self, pool: PoolId) -> u32 {
        self.pools.map_version(pool)
    }

    fn standing(&self) -> u64 {
        self.peers.standing(self.spawner.clock().monotonic())
    }

    fn handle_grant(&self, query: HandleQuery) -> Pin<Box<dyn Future<Output = Result<HandleGrant>>>> {
        let (peers, spawner, pools) = (self.peers.clone(), self.spawner.clone(), self.pools.clone());
        Box::pin(async move {
            let deadline = spawner.clock().monotonic() + GRANT_LIMIT;
            loop {
                let asked = (peers.known()?.own, query.clone());
                let answer = peers.call_within(peers.service()?, Opcode::HandleQuery, &asked, ANSWER_LIMIT).await;
                match answer {
                    Err(failure) if may_be_elsewhere(&failure) && spawner.clock().monotonic() < deadline => {}
                    Ok::<HandleGrant, _>(grant) => {
                        // The snapshot may have been made while this target was away.
                        pools.observe(grant.snapshot);
                        return Ok(grant);
                    }
                    Err(failure) => return Err(failure),
                }
                spawner.sleep(PAUSE).await;
            }
        })
    }
}

/// Whether the service did not answer because it is led elsewhere, or by nobody at the moment.
pub(super) fn may_be_elsewhere(failure: &Status) -> bool {
    matches!(
        failure.code(),
        Code::Unreach
            | Code::Hg
            | Code::Shutdown
            | Code::Canceled
            | Code::Oog
            | Code::Again
            | Code::Timedout
            | Code::NoService
            | Code::Notleader
            | Code::Notreplica
    )
}
