//! The pool service as it runs: decisions of `daos_pool_service`, stored before they count, and carried out on targets.
//!
//! A request that changes something goes through three steps. Under the lock of all changes, the pure service decides, the
//! rows of the decision become durable, and go back into the service. What the targets have to do for it happens outside
//! that lock, under the lock of the pool or container it is about, so that one slow pool keeps nobody else waiting.

mod attributes;
mod containers;
mod pools;
mod rows;
mod startup;
mod system;

use crate::locks::KeyedLocks;
use crate::target::{Inner as TargetInner, Peers};
use crate::{Capacity, EngineIdentity, Sessions};
use daos_env::{HybridClock, Random};
use daos_media::Media;
use daos_pool_service::{ClientId, Decision, PoolService};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, HandleId, PoolId, Reference};
use daos_wire::{HandleGrant, HandleQuery, Opcode, SystemReply, Wire, decode, encode};
use rows::RowStore;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// The folder of the service's own store on the first target.
const FOLDER: &str = "system";

/// The pool service of an engine.
pub(crate) struct Service {
    state: RefCell<PoolService>,
    rows: RowStore,
    /// Held from a decision until its rows count.
    changes: KeyedLocks<()>,
    pool_locks: KeyedLocks<PoolId>,
    container_locks: KeyedLocks<(PoolId, ContainerId)>,
    peers: Rc<Peers>,
    sessions: Arc<Sessions>,
    capacity: Arc<dyn Capacity>,
    identity: EngineIdentity,
    clock: Rc<HybridClock>,
    random: Arc<dyn Random>,
}

impl Service {
    /// Reads the service's rows and finishes what a crash interrupted.
    pub async fn start(
        target: &TargetInner,
        media: &dyn Media,
        clock: Rc<HybridClock>,
        capacity: Arc<dyn Capacity>,
        is_new: bool,
    ) -> Result<Rc<Service>> {
        let renew_at = target.settings.renew_system_at;
        let rows = open_rows(media, target, renew_at, is_new).await?;
        let state = RefCell::new(rows.load().await?);
        if is_new && !state.borrow().pool_ids().is_empty() {
            fail!(
                Code::DfInval,
                "{} holds pools, and nothing says with how many targets they were made: restore engine.format",
                media.describe()
            );
        }
        let service = Rc::new(Service {
            state,
            rows,
            changes: KeyedLocks::default(),
            pool_locks: KeyedLocks::default(),
            container_locks: KeyedLocks::default(),
            peers: target.peers.clone(),
            sessions: target.sessions.clone(),
            capacity,
            identity: target.identity.clone(),
            clock,
            random: target.env.random.clone(),
        });
        if service.identity.is_system {
            service.start_system().await?;
        }
        let own = service.peers.known()?.own;
        service.catch_up(own).await;
        Ok(service)
    }

    /// Ends the service.
    pub async fn close(&self) -> Result<()> {
        self.rows.close().await
    }

    /// Carries a client's request out.
    pub async fn handle(self: &Rc<Self>, opcode: Opcode, session: u64, body: &[u8]) -> Result<Vec<u8>> {
        let client = self.sessions.client(session)?;
        match opcode {
            Opcode::SystemQuery => reply(self.system()),
            Opcode::SystemRanks => reply(self.peers.known().map(|known| known.table.clone())),
            Opcode::PoolCreate => reply(self.create_pool(&decode(body)?).await),
            Opcode::PoolDestroy => reply(self.destroy_pool(&decode(body)?).await),
            Opcode::PoolList => Ok(encode(&self.state.borrow().list_pools(decode(body)?))),
            Opcode::PoolConnect => reply(self.connect(&decode(body)?, client)),
            Opcode::PoolDisconnect => reply(self.disconnect(&decode(body)?).await),
            Opcode::PoolQuery => reply(self.query_pool(&decode(body)?).await),
            Opcode::PoolSetProperties => reply(self.set_pool_properties(&decode(body)?).await),
            Opcode::AttributesSet => reply(self.set_attributes(&decode(body)?).await),
            Opcode::AttributesGet => reply(self.state.borrow().get_attributes(&decode(body)?)),
            Opcode::AttributesList => reply(self.state.borrow().list_attributes(&decode(body)?)),
            Opcode::AttributesDelete => reply(self.delete_attributes(&decode(body)?).await),
            Opcode::ContainerCreate => reply(self.create_container(&decode(body)?).await),
            Opcode::ContainerDestroy => reply(self.destroy_container(&decode(body)?).await),
            Opcode::ContainerList => reply(self.state.borrow().list_containers(&decode(body)?)),
            Opcode::ContainerOpen => reply(self.open_container(&decode(body)?, client)),
            Opcode::ContainerClose => reply(self.close_container(&decode(body)?).await),
            Opcode::ContainerQuery => reply(self.state.borrow().query_container(&decode(body)?)),
            Opcode::ContainerSetProperties => reply(self.set_properties(&decode(body)?).await),
            Opcode::AllocateObjectIds => reply(self.allocate_objects(&decode(body)?).await),
            other => fail!(Code::Nosys, "{other:?} is no operation of the pool service"),
        }
    }

    /// What an open container handle allows.
    pub fn query_handle(&self, query: &HandleQuery) -> Result<HandleGrant> {
        self.state.borrow().query_handle(query)
    }

    /// Revokes the handles of a client that is gone.
    pub async fn client_gone(&self, client: ClientId) {
        let handles = self.state.borrow_mut().revoke_client(client);
        self.revoke(handles).await;
    }

    fn system(&self) -> Result<SystemReply> {
        let known = self.peers.known()?;
        let targets = known.table.ranks.iter().flat_map(|entry| entry.targets.iter().cloned()).collect();
        Ok(SystemReply {
            name: self.identity.system.clone(),
            provider: self.identity.provider.clone(),
            process: self.identity.process,
            targets,
        })
    }

    /// Decides, stores and applies, as one change among all changes.
    async fn change<T>(&self, decide: impl FnOnce(&PoolService) -> Result<Decision<T>>) -> Result<T> {
        self.try_change(decide).await?
    }

    /// As [`Service::change`]. The inner error is a refusal: nothing was changed. The outer one says that the rows could not
    /// be stored; the next start may find them nevertheless.
    async fn try_change<T>(&self, decide: impl FnOnce(&PoolService) -> Result<Decision<T>>) -> Result<Result<T>> {
        let _guard = self.changes.lock(()).await;
        let decision = match decide(&self.state.borrow()) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !decision.rows.is_empty() {
            self.rows.store(&decision.rows).await?;
            let mut state = self.state.borrow_mut();
            for row in &decision.rows {
                state.apply(row)?;
            }
            self.sessions.set_volatile_pools(state.volatile_pools().len());
        }
        Ok(Ok(decision.reply))
    }

    /// Tells every target that handles are closed. A target that cannot be told is one that does not work any more, and
    /// handles of containers that are gone are good for nothing there.
    async fn revoke(&self, handles: Vec<HandleId>) {
        for some in handles.chunks(HANDLES_PER_MESSAGE) {
            let told = self.peers.call_everywhere::<_, ()>(Opcode::HandlesRevoke, &some.to_vec()).await;
            if let Err(status) = told {
                daos_env::log!(Error, "pool", "{} closed handles could not be made known: {status}", some.len());
            }
        }
    }

    /// The identifier of a pool by which its lock is held.
    fn find_pool(&self, pool: &Reference) -> Result<PoolId> {
        self.state.borrow().find_pool(pool)
    }

    fn now(&self) -> u64 {
        self.clock.next()
    }
}

/// Opens the store of the service's rows; makes it in a system that is new.
async fn open_rows(media: &dyn Media, target: &TargetInner, renew_at: u64, is_new: bool) -> Result<RowStore> {
    let (env, spawner) = (target.env.clone(), &target.spawner);
    match RowStore::open(media.folder(FOLDER)?, env.clone(), spawner, renew_at).await {
        Err(status) if status.code() == Code::Nonexist && is_new => {
            RowStore::create(media.folder(FOLDER)?, env, spawner, renew_at).await
        }
        Err(status) if status.code() == Code::Nonexist => fail!(
            Code::DfInval,
            "the list of pools is missing or incomplete, though the directory has been used: restore {FOLDER} in {}, or use \
             another directory ({})",
            media.describe(),
            status.context()
        ),
        opened => opened,
    }
}

/// Handles in one message: well below the largest message.
const HANDLES_PER_MESSAGE: usize = 1024;

fn reply<T: Wire>(result: Result<T>) -> Result<Vec<u8>> {
    result.map(|value| encode(&value))
}
