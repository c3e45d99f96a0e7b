//! The pool service as it runs: decisions of `daos_pool_service`, stored before they count, and carried out on targets.
//!
//! A request that changes something goes through three steps. The pure service decides, and the rows of the decision become
//! durable, many decisions at a time: see [`journal`]. What the targets have to do for it happens outside of that, under the
//! lock of the pool or container it is about, so that one slow pool keeps nobody else waiting.

mod attributes;
mod clients;
mod containers;
mod going;
mod journal;
mod pools;
mod revoking;
mod rollbacks;
mod routes;
mod rows;
mod snapshots;
mod spread;
mod startup;
mod system;
mod targets;

use crate::locks::KeyedLocks;
use crate::target::{Inner as TargetInner, Peers};
use crate::{Capacity, EngineIdentity, Sessions};
use clients::Asked;
use daos_env::{HybridClock, Random};
use daos_pool_service::{Decision, PoolService};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, PoolId, Rank};
use daos_wire::{HandleGrant, HandleQuery, Opcode, RankState, SystemReply, SystemVersion, Wire, decode, encode};
use journal::Journal;
pub(crate) use rows::RowStore;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The pool service of an engine.
pub(crate) struct Service {
    journal: Journal,
    pool_locks: KeyedLocks<PoolId>,
    container_locks: KeyedLocks<(PoolId, ContainerId)>,
    peers: Rc<Peers>,
    sessions: Arc<Sessions>,
    capacity: Arc<dyn Capacity>,
    identity: EngineIdentity,
    clock: Arc<HybridClock>,
    random: Arc<dyn Random>,
    /// Clients that are not connected and may come back, and until when.
    adrift: RefCell<BTreeMap<daos_types::HolderId, Duration>>,
    /// Whether somebody waits for the time of the first of them.
    sweeping: Cell<bool>,
    /// Checksums of the addresses of pools, which are computed when something has changed.
    address_checksums: RefCell<BTreeMap<PoolId, routes::Checksums>>,
    /// Ranks that may hold handles to be open that are closed: they are told to ask anew.
    unaware: RefCell<BTreeSet<Rank>>,
    spawner: daos_env::Spawner,
    closed: Cell<bool>,
    /// How long a request to a target may be under way.
    limit: Duration,
    /// Parts of containers may be left that nobody has; they are looked for when all requests have ended.
    settling: Cell<bool>,
    /// Ranks that are noted as stopped and may serve.
    going: going::Going,
    /// Ranks for which is done what waited for them.
    catching_up: RefCell<Vec<Rank>>,
    /// Who waits for snapshots.
    waits: snapshots::Waits,
    /// Parts of pools on which all snapshots are known.
    settled: RefCell<BTreeSet<(PoolId, crate::ranks::TargetName)>>,
    /// Counts snapshots that were made without some of the targets.
    missed: Cell<u64>,
    /// Snapshots that are pinned and have no row yet.
    being_made: Cell<usize>,
    /// Rollbacks that were cut off, and are attempted again.
    rolling_back: RefCell<BTreeSet<(PoolId, ContainerId)>>,
}

/// The release of this engine.
fn version() -> Result<SystemVersion> {
    let number = |text: &str| text.parse().map_err(|_| Status::new(Code::Misc, "the release has no number"));
    Ok(SystemVersion {
        major: number(env!("CARGO_PKG_VERSION_MAJOR"))?,
        minor: number(env!("CARGO_PKG_VERSION_MINOR"))?,
        patch: number(env!("CARGO_PKG_VERSION_PATCH"))?,
    })
}

impl Service {
    /// Reads the service's rows and finishes what a crash interrupted.
    pub async fn start(
        target: &TargetInner,
        rows: RowStore,
        clock: Arc<HybridClock>,
        capacity: Arc<dyn Capacity>,
        is_new: bool,
    ) -> Result<Rc<Service>> {
        let journal = Journal::open(Box::new(rows)).await?;
        if is_new && !journal.state().pool_ids().is_empty() {
            fail!(
                Code::DfInval,
                "the system's metadata names pools, and nothing says with how many targets they were made: restore engine.format"
            );
        }
        let service = Rc::new(Service {
            journal,
            pool_locks: KeyedLocks::default(),
            container_locks: KeyedLocks::default(),
            peers: target.peers.clone(),
            sessions: target.sessions.clone(),
            capacity,
            identity: target.identity.clone(),
            clock,
            random: target.env.random.clone(),
            adrift: RefCell::default(),
            sweeping: Cell::new(false),
            unaware: RefCell::default(),
            address_checksums: RefCell::default(),
            spawner: target.spawner.clone(),
            closed: Cell::new(false),
            limit: target.settings.call_timeout,
            settling: Cell::new(false),
            going: going::Going::default(),
            catching_up: RefCell::default(),
            waits: snapshots::Waits::default(),
            settled: RefCell::default(),
            missed: Cell::new(0),
            being_made: Cell::new(0),
            rolling_back: RefCell::default(),
        });
        if service.identity.is_system {
            service.start_system().await?;
        }
        let own = service.peers.known()?.own;
        service.catch_up(own).await;
        service.look_for_clients().await;
        service.make_all_aware()?;
        if service.identity.is_system {
            service.settle_later(service.limit);
            service.look_after_maps();
        }
        Ok(service)
    }

    /// Ends the service: the engine ends, or leads no more.
    pub fn close(&self) {
        self.closed.set(true);
        self.waits.end();
    }

    /// Carries a client's request out.
    pub async fn handle(self: &Rc<Self>, opcode: Opcode, session: u64, body: &[u8]) -> Result<Vec<u8>> {
        if opcode.is_change() {
            return self.change_asked(opcode, session, body).await;
        }
        if opcode == Opcode::PoolServiceStop {
            return reply(self.stop_leading(&decode(body)?).await);
        }
        let answer = self.answer(opcode, session, body).await;
        // What was read must not be taken back by a crash, nor be older than what another engine has decided.
        self.journal.settle().await?;
        answer
    }

    async fn answer(&self, opcode: Opcode, session: u64, body: &[u8]) -> Result<Vec<u8>> {
        let (caller, _) = self.sessions.caller(session, None)?;
        let state = || self.journal.state();
        match opcode {
            Opcode::SystemQuery => reply(self.system()),
            Opcode::SystemVersion => reply(version()),
            Opcode::SystemRanks => reply(self.peers.known().map(|known| known.table.clone())),
            Opcode::PoolList => Ok(encode(&self.list_pools(decode(body)?))),
            Opcode::PoolQuery => reply(self.query_pool(&decode(body)?, &caller).await),
            Opcode::PoolManagedQuery => reply(self.query_managed_pool(&decode(body)?, &caller).await),
            Opcode::PoolGetProperties => reply(state().managed_pool(&decode(body)?, &caller)),
            Opcode::PoolRoute => reply(self.route(&decode(body)?)),
            Opcode::PoolTargetQuery => reply(self.query_target(&decode(body)?).await),
            Opcode::AccessGet => reply(state().access(&decode(body)?, &caller)),
            Opcode::AttributesGet => reply(state().get_attributes(&decode(body)?)),
            Opcode::AttributesList => reply(state().list_attributes(&decode(body)?)),
            Opcode::ContainerList => reply(state().list_containers(&decode(body)?)),
            Opcode::ContainerFilter => reply(state().filter_containers(&decode(body)?)),
            Opcode::ContainerQuery => reply(state().query_container(&decode(body)?)),
            Opcode::SnapshotList => reply(state().list_snapshots(&decode(body)?)),
            Opcode::SnapshotWait => reply(self.wait_snapshot(&decode(body)?).await),
            Opcode::ContainerAggregate => reply(self.aggregate(&decode(body)?).await),
            Opcode::ContainerShared => reply(state().opened_container(&decode(body)?)),
            other => fail!(Code::Nosys, "{other:?} is no operation of the pool service"),
        }
    }

    async fn change_asked(self: &Rc<Self>, opcode: Opcode, session: u64, body: &[u8]) -> Result<Vec<u8>> {
        match opcode {
            Opcode::PoolCreate => reply(self.create_pool(&self.asked(opcode, session, body)?).await),
            Opcode::PoolDestroy => reply(self.destroy_pool(&self.asked(opcode, session, body)?).await),
            Opcode::PoolConnect => reply(self.connect(&self.asked(opcode, session, body)?).await),
            Opcode::PoolDisconnect => reply(self.disconnect(&self.asked(opcode, session, body)?).await),
            Opcode::PoolEvict => reply(self.evict(&self.asked(opcode, session, body)?).await),
            Opcode::PoolSetProperties => reply(self.set_pool_properties(&self.asked(opcode, session, body)?).await),
            Opcode::PoolManage => reply(self.manage_pool(&self.asked(opcode, session, body)?).await),
            Opcode::PoolTargetsChange => reply(self.change_targets(&self.asked(opcode, session, body)?).await),
            Opcode::AccessSet => reply(self.set_access(&self.asked(opcode, session, body)?).await),
            Opcode::AttributesSet => reply(self.set_attributes(&self.asked(opcode, session, body)?).await),
            Opcode::AttributesDelete => reply(self.delete_attributes(&self.asked(opcode, session, body)?).await),
            Opcode::ContainerCreate => reply(self.create_container(&self.asked(opcode, session, body)?).await),
            Opcode::ContainerDestroy => reply(self.destroy_container(&self.asked(opcode, session, body)?).await),
            Opcode::ContainerOpen => reply(self.open_container(&self.asked(opcode, session, body)?).await),
            Opcode::ContainerClose => reply(self.close_container(&self.asked(opcode, session, body)?).await),
            Opcode::ContainerSetProperties => reply(self.set_properties(&self.asked(opcode, session, body)?).await),
            Opcode::AllocateObjectIds => reply(self.allocate_objects(&self.asked(opcode, session, body)?).await),
            Opcode::SnapshotCreate => reply(self.create_snapshot(&self.asked(opcode, session, body)?).await),
            Opcode::SnapshotDestroy => reply(self.destroy_snapshots(&self.asked(opcode, session, body)?).await),
            Opcode::SnapshotMark => reply(self.mark_snapshot(&self.asked(opcode, session, body)?).await),
            Opcode::ContainerRollback => reply(self.roll_back(&self.asked(opcode, session, body)?).await),
            other => fail!(Code::Nosys, "{other:?} changes nothing"),
        }
    }

    /// A change as it came, with who asks for it.
    fn asked<Q: Wire>(&self, opcode: Opcode, session: u64, body: &[u8]) -> Result<Asked<Q>> {
        let (id, request): (daos_wire::RequestId, Q) = decode(body)?;
        let (caller, place) = self.sessions.caller(session, Some(id.holder))?;
        self.adrift.borrow_mut().remove(&id.holder);
        Ok(Asked { id, opcode, session, caller, place, request })
    }

    /// What an open container handle allows, for a rank that serves. One that does not lead any more may not know that a handle was closed;
    /// a rank that is excluded does not hear of snapshots and of handles that are closed, and must not serve before it has joined again.
    pub async fn query_handle(&self, asker: Rank, query: &HandleQuery) -> Result<HandleGrant> {
        let state = self.peers.known()?.state(asker);
        if let Some(state @ (RankState::Excluded | RankState::AdminExcluded)) = state {
            fail!(Code::Unreach, "rank {} is {}, and has to join again before it serves", asker.0, state.word());
        }
        let grant = self.journal.state().query_handle(query);
        self.journal.settle().await?;
        grant
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

    /// Decides, and waits until the decision is durable.
    async fn change<T>(&self, decide: impl FnOnce(&PoolService) -> Result<Decision<T>>) -> Result<T> {
        self.try_change(decide).await?
    }

    /// As [`Service::change`]. The inner error is a refusal: nothing was changed. The outer one says that the rows could not
    /// be stored; the next start may find them nevertheless.
    async fn try_change<T>(&self, decide: impl FnOnce(&PoolService) -> Result<Decision<T>>) -> Result<Result<T>> {
        let decided = self.journal.change(decide).await;
        self.sessions.set_volatile_pools(self.journal.state().volatile_pools().len());
        decided
    }

    fn now(&self) -> u64 {
        self.clock.next()
    }
}

fn reply<T: Wire>(result: Result<T>) -> Result<Vec<u8>> {
    result.map(|value| encode(&value))
}
