//! The service itself: its public face.

use crate::ObjectServiceSettings;
use daos_env::{Env, HybridClock, Spawner};
use daos_rpc::Request;
use daos_status::{Code, Result, Status};
use daos_store::Store;
use daos_types::{HandleId, PoolId};
use daos_wire::{HandleGrant, HandleQuery, Opcode};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// What the service needs of the target that it runs on; implemented in `daos-server`.
pub trait TargetContext {
    /// The store of a pool on this target.
    fn store(&self, pool: PoolId) -> Result<Rc<Store>>;

    /// What an open container handle allows; asks the pool service when the target does not know yet.
    fn handle_grant(&self, query: HandleQuery) -> Pin<Box<dyn Future<Output = Result<HandleGrant>>>>;
}

/// The object service of one target.
pub struct ObjectService {}

impl ObjectService {
    /// A service that reads epochs from `clock`.
    pub fn new(
        _env: Env,
        _spawner: Spawner,
        _clock: Rc<HybridClock>,
        _context: Rc<dyn TargetContext>,
        _settings: ObjectServiceSettings,
    ) -> Rc<ObjectService> {
        Rc::new(ObjectService {})
    }

    /// Whether an opcode is one of this service.
    pub fn serves(opcode: Opcode) -> bool {
        matches!(
            opcode,
            Opcode::Update
                | Opcode::Fetch
                | Opcode::Punch
                | Opcode::ListKeys
                | Opcode::ListExtents
                | Opcode::QueryKey
                | Opcode::QueryEpoch
        )
    }

    /// Carries a request out and answers it.
    pub async fn serve(self: Rc<Self>, _opcode: Opcode, request: Request) {
        request.reply(Err(Status::new(Code::Nosys, "being written")));
    }

    /// Forgets handles that were closed or revoked; requests with them are refused from now on.
    pub fn revoke(&self, _handles: &[HandleId]) {}
}
