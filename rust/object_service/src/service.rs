//! The service itself: its public face.

use crate::ObjectServiceSettings;
use crate::body::{Body, Reply};
use crate::gates::Gates;
use crate::grants::Grants;
use daos_env::sync::{Budget, Permit};
use daos_env::{Env, HybridClock, Spawner};
use daos_rpc::{Parts, Request};
use daos_status::{Code, Result, fail};
use daos_store::Store;
use daos_types::{ContainerId, Epoch, HandleId, PoolId, TransactionId};
use daos_wire::{HandleGrant, HandleQuery, ObjectAddress, Opcode};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// The values of an update of at least so many bytes stay in its message, which the store then gets: below, a copy costs less.
const TAKEN_BYTES_MIN: usize = 1024;

/// What the service needs of the target that it runs on; implemented in `daos-server`.
pub trait TargetContext {
    /// The store of a pool on this target.
    fn store(&self, pool: PoolId) -> Result<Rc<Store>>;

    /// The newest version of a pool's map that this target has heard of; 0 when it has heard of none.
    fn map_version(&self, pool: PoolId) -> u32;

    /// A number that is odd while the engine is cut off from most of the system, and greater after each change, and after each
    /// time that it was not awake: then handles may have been closed without its hearing of it.
    fn standing(&self) -> u64 {
        0
    }

    /// What an open container handle allows; asks the pool service when the target does not know yet.
    fn handle_grant(&self, query: HandleQuery) -> Pin<Box<dyn Future<Output = Result<HandleGrant>>>>;
}

/// The object service of one target.
pub struct ObjectService {
    pub(crate) clock: Arc<HybridClock>,
    pub(crate) context: Rc<dyn TargetContext>,
    pub(crate) grants: Grants,
    pub(crate) gates: Gates,
    pub(crate) spawner: Spawner,
    settings: ObjectServiceSettings,
    bulk: Rc<Budget>,
    indirect: Rc<Budget>,
    /// The transactions that are being committed.
    pub(crate) committing: RefCell<HashSet<TransactionId>>,
    /// When a container here was brought back to a snapshot last: what a transaction has read before may be gone.
    pub(crate) rolled_back: Cell<Epoch>,
    /// The containers that are being brought back.
    pub(crate) going_back: RefCell<HashSet<(PoolId, ContainerId)>>,
}

impl ObjectService {
    /// A service that reads epochs from `clock`.
    pub fn new(
        _env: Env,
        spawner: Spawner,
        clock: Arc<HybridClock>,
        context: Rc<dyn TargetContext>,
        settings: ObjectServiceSettings,
    ) -> Rc<ObjectService> {
        let grants = Grants::new(context.clone(), settings.handles_max);
        let bulk = Budget::new(settings.bulk_bytes_max);
        let indirect = Budget::new(settings.indirect_bytes_max);
        Rc::new(ObjectService {
            clock,
            context,
            grants,
            gates: Gates::default(),
            spawner,
            settings,
            bulk,
            indirect,
            committing: RefCell::default(),
            rolled_back: Cell::new(Epoch::ZERO),
            going_back: RefCell::default(),
        })
    }

    /// Whether an opcode is one of this service.
    pub fn serves(opcode: Opcode) -> bool {
        matches!(
            opcode,
            Opcode::Indirect
                | Opcode::Update
                | Opcode::Fetch
                | Opcode::Punch
                | Opcode::ListKeys
                | Opcode::ListExtents
                | Opcode::QueryKey
                | Opcode::QueryEpoch
                | Opcode::ListObjects
                | Opcode::KeyAnchor
                | Opcode::FetchThenQuery
                | Opcode::FetchThenPunch
                | Opcode::FetchThenMove
                | Opcode::Moment
                | Opcode::TransactionRead
                | Opcode::TransactionCommit
        )
    }

    /// Carries a request out and answers it.
    ///
    /// What is rare or takes long anyway gets memory of its own, so that all others are tasks of few bytes.
    pub async fn serve(self: Rc<Self>, opcode: Opcode, mut request: Request) {
        let taken = (opcode == Opcode::Update && request.body().len() >= TAKEN_BYTES_MIN).then(|| request.take_body());
        let body = match taken {
            Some((bytes, start)) => Body::Message(bytes, start),
            None => Body::Borrowed(request.body()),
        };
        let result = match opcode {
            Opcode::Indirect => Box::pin(self.indirect(&body, &request)).await.map(Reply::from),
            _ => self.execute(opcode, body, &request).await,
        };
        match result {
            Ok(reply) if reply.values.is_empty() => request.reply(Ok(reply.bytes)),
            Ok(reply) => request.reply_in_parts(Parts { first: &reply.bytes, rest: &reply.values() }),
            Err(status) => request.reply(Err(status)),
        }
    }

    /// Carries out what the bytes of a request ask for, and gives those of the reply, which is to be sent before anything else.
    pub(crate) async fn execute(&self, opcode: Opcode, body: Body<'_>, request: &Request) -> Result<Reply> {
        match opcode {
            Opcode::Update => self.update(body, request).await.map(Reply::from),
            Opcode::Fetch => self.fetch(&body, request).await,
            _ => self.execute_other(opcode, &body, request).await.map(Reply::from),
        }
    }

    async fn execute_other(&self, opcode: Opcode, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        match opcode {
            Opcode::Punch => Box::pin(self.punch(body, request)).await,
            Opcode::ListKeys => Box::pin(self.list_keys(body)).await,
            Opcode::ListExtents => Box::pin(self.list_extents(body)).await,
            Opcode::QueryKey => Box::pin(self.query_key(body)).await,
            Opcode::QueryEpoch => Box::pin(self.query_epoch(body)).await,
            Opcode::ListObjects => Box::pin(self.list_objects(body)).await,
            Opcode::KeyAnchor => Box::pin(self.key_anchor(body)).await,
            Opcode::FetchThenQuery => Box::pin(self.fetch_then_query(body, request)).await,
            Opcode::FetchThenPunch => Box::pin(self.fetch_then_punch(body, request)).await,
            Opcode::FetchThenMove => Box::pin(self.fetch_then_move(body, request)).await,
            Opcode::Moment => Box::pin(self.moment(body)).await,
            Opcode::TransactionRead => Box::pin(self.transaction_read(body, request)).await,
            Opcode::TransactionCommit => Box::pin(self.transaction_commit(body, request)).await,
            other => fail!(Code::Nosys, "the object service does not know {other:?}"),
        }
    }

    /// Forgets handles that were closed or revoked, all that are known if none is named; requests with those that are closed are refused
    /// from now on.
    pub fn revoke(&self, handles: &[HandleId]) {
        self.grants.revoke(handles);
    }

    /// Forgets all handles: each is asked about again when it is used next.
    pub fn revoke_all(&self) {
        self.grants.revoke(&[]);
    }

    /// The version of a change that is made now.
    ///
    /// A change whose caller has given up is not made: the caller may have written something newer meanwhile, which it would
    /// hide. The change must begin before anything else is waited for.
    pub(crate) async fn epoch_of_change(&self, address: &ObjectAddress, request: &Request) -> Result<Epoch> {
        if !self.gates.are_open() {
            Box::pin(self.gates.pass((address.pool, address.container), &self.spawner)).await;
        }
        if request.is_abandoned() {
            fail!(Code::Canceled, "{} gave up its call before it was carried out", request.peer());
        }
        Ok(Epoch(self.clock.next()))
    }

    /// Room for bulk data, when there is some within the time that the settings give.
    pub(crate) async fn take_bulk(&self, bytes: u64) -> Result<Permit> {
        self.take(&self.bulk, bytes).await
    }

    /// Room for requests and replies that do not fit a message. A line of its own: who has room in this one may wait in the
    /// other one, never the other way round.
    pub(crate) async fn take_indirect(&self, bytes: u64) -> Result<Permit> {
        self.take(&self.indirect, bytes).await
    }

    async fn take(&self, budget: &Rc<Budget>, bytes: u64) -> Result<Permit> {
        let limit = self.settings.bulk_wait;
        match self.spawner.timeout(limit, budget.take(bytes)).await {
            Some(permit) => Ok(permit),
            None => fail!(
                Code::Busy,
                "the target moves {} bytes already, and had no room for {bytes} within {limit:?}",
                budget.used()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task is copied into its memory when it starts, all of it: ten kilobytes were most of what a small request cost.
    #[test]
    fn the_task_of_a_request_is_small() {
        fn size_of_task<F: Future>(_: impl FnOnce(Rc<ObjectService>, Opcode, Request) -> F) -> usize {
            size_of::<F>()
        }
        let size = size_of_task(ObjectService::serve);
        assert!(size <= 2560, "{size} bytes");
    }
}
