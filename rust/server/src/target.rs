//! One target: its endpoint, the stores of its pools, and the services on them.
//!
//! A target knows no threads. It is assembled from an [`Env`], a spawner, media and a transport, so that one executor can
//! run a whole engine of them over simulated ones.

mod confirm;
mod context;
mod dispatch;
mod fence;
mod internal;
mod latency;
mod measures;
mod members;
mod peers;
mod pools;

pub(crate) use latency::{LATENCY_BOUNDS, Latency};
pub(crate) use measures::{Measures, PoolMeasures};
pub(crate) use peers::Peers;

use crate::replica::{ReplicaHost, ServiceLeadership};
use crate::service::Service;
use crate::{Capacity, Clocks, Ranks, Sessions, TargetSettings};
use context::Context;
use daos_env::sync::Signal;
use daos_env::{Env, HybridClock, Spawner};
use daos_media::Media;
use daos_object_service::ObjectService;
use daos_pool_service::ClientId;
use daos_rpc::{Address, Endpoint, Transport};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Rank, TargetIndex};
use daos_wire::{ControlReply, Join, RankState};
use members::Members;
pub(crate) use pools::AHEAD_NANOSECONDS_MAX;
use pools::Pools;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// What a target is made of.
pub struct TargetParts {
    /// Its number within the engine.
    pub index: TargetIndex,
    /// Clock and random numbers.
    pub env: Env,
    /// Of the executor that runs it.
    pub spawner: Spawner,
    /// Where it stores.
    pub media: Rc<dyn Media>,
    /// Its endpoint on the fabric.
    pub transport: Rc<dyn Transport>,
    /// The engines of the system, this one among them: known when the target starts.
    pub ranks: Arc<Ranks>,
    /// Bounds.
    pub settings: TargetSettings,
    /// The clients that are attached, and the engine's own token.
    pub sessions: Arc<Sessions>,
    /// Where its clock can be read, with those of the engine's other targets.
    pub clocks: Arc<Clocks>,
    /// What the machine has room for.
    pub capacity: Arc<dyn Capacity>,
    /// What the engine says of itself.
    pub identity: EngineIdentity,
    /// The system has not been used yet: what it stores may be missing, and is made. Otherwise it must be there.
    pub is_new: bool,
}

/// What an engine says of itself.
#[derive(Clone, Debug)]
pub struct EngineIdentity {
    /// Name of the system.
    pub system: String,
    /// Provider of the fabric.
    pub provider: String,
    /// Process id.
    pub process: u32,
    /// It is one of several that form a system; otherwise the engine of a local directory.
    pub is_system: bool,
}

/// The target of an engine that the pool service runs on, when it runs on that engine.
pub(crate) const SERVICE_TARGET: TargetIndex = TargetIndex(0);

/// What the process of the engine asks its metadata service.
#[derive(Clone, Debug)]
pub(crate) enum ServiceCall {
    /// Another engine wants to be part of the system.
    Join(Box<Join>),
    /// These are connected, and nobody else: time has passed since this engine leads.
    Connected(Vec<Rank>),
    /// It serves.
    Serves(Rank),
    /// It has stopped in good order.
    Stopped(Rank),
    /// It will be told to stop.
    Stopping(Rank),
    /// Its targets have ended; their clocks have shown this.
    Ended(Rank, Epoch),
    /// It is there.
    Present(Rank),
    /// It was lost.
    Lost(Rank),
    /// It is good for something else now.
    State(Rank, RankState),
    /// These are to stop, or to be excluded and may stay away for good: refused where too few replicas of the metadata would be left.
    MayGo {
        /// All that are going.
        ranks: BTreeSet<Rank>,
        /// They are to be excluded.
        may_stay_away: bool,
        /// All the same.
        force: bool,
    },
}

pub(crate) struct Inner {
    pub index: TargetIndex,
    pub env: Env,
    pub spawner: Spawner,
    pub settings: TargetSettings,
    pub sessions: Arc<Sessions>,
    pub clocks: Arc<Clocks>,
    pub identity: EngineIdentity,
    pub endpoint: Endpoint,
    pub peers: Rc<Peers>,
    pub pools: Pools,
    /// Keeps late orders away.
    pub fence: Rc<fence::Fence>,
    pub objects: Rc<ObjectService>,
    pub capacity: Arc<dyn Capacity>,
    /// On the first target only, once its rows are read.
    pub service: RefCell<Option<Rc<Service>>>,
    /// On the first target of an engine of a system.
    pub members: RefCell<Option<Rc<Members>>>,
    /// On the first target only, if it keeps a replica of the metadata.
    pub replica: RefCell<Option<Rc<ReplicaHost>>>,
    /// Who leads the metadata service, as the replica knows.
    pub leadership: RefCell<ServiceLeadership>,
    pub leadership_changed: Signal,
    /// Requests under way.
    pub running: Cell<usize>,
    pub requests: measures::RequestCounts,
    pub latencies: latency::Latencies,
    pub idle: Signal,
    pub stopping: Cell<bool>,
}

/// A target that serves requests until it is stopped.
pub struct Target(Rc<Inner>);

impl Target {
    /// Opens the stores of the target's pools and serves its endpoint; on the first target, also starts the pool service,
    /// which needs the other targets: start all of them at once.
    pub async fn start(parts: TargetParts) -> Result<Target> {
        let TargetParts {
            index,
            env,
            spawner,
            media,
            transport,
            ranks,
            settings,
            sessions,
            clocks,
            capacity,
            identity,
            is_new,
        } = parts;
        let clock = Arc::new(HybridClock::new(env.clock.clone()));
        clocks.add(clock.clone());
        let incarnation = clock.next();
        let pools = Pools::open_all(media.clone(), env.clone(), spawner.clone(), clock.clone()).await?;
        let endpoint = Endpoint::new(&spawner, &*env.random, transport, settings.endpoint.clone());
        let peers = Rc::new(Peers::new(index, endpoint.clone(), ranks, sessions.clone(), settings.call_timeout));
        pools.set_confirm(confirm::Confirm::new(peers.clone(), spawner.clone(), index));
        let context = Rc::new(Context::new(pools.clone(), peers.clone(), spawner.clone()));
        let objects =
            ObjectService::new(env.clone(), spawner.clone(), clock.clone(), context, settings.objects.clone());
        let inner = Rc::new(Inner {
            index,
            env,
            spawner,
            settings,
            sessions,
            clocks,
            identity,
            endpoint,
            peers,
            pools,
            fence: Rc::default(),
            objects,
            capacity: capacity.clone(),
            service: RefCell::default(),
            members: RefCell::default(),
            replica: RefCell::default(),
            leadership: RefCell::default(),
            leadership_changed: Signal::new(),
            running: Cell::new(0),
            requests: measures::RequestCounts::default(),
            latencies: latency::Latencies::default(),
            idle: Signal::new(),
            stopping: Cell::new(false),
        });
        inner.peers.set_own(&inner);
        dispatch::serve(&inner);
        let target = Target(inner);
        if index == SERVICE_TARGET
            && let Some(host) = ReplicaHost::start(&target.0, &*media, is_new).await?
        {
            target.keep_replica(host, clock, is_new).await?;
        }
        if index == SERVICE_TARGET && target.0.identity.is_system {
            let members = Members::start(&target.0, incarnation)?;
            target.0.members.replace(Some(members));
        }
        Ok(target)
    }

    /// Keeps a replica. One that leads at once, as the only one does, serves before this returns.
    async fn keep_replica(&self, host: Rc<ReplicaHost>, clock: Arc<HybridClock>, is_new: bool) -> Result<()> {
        let inner = &self.0;
        inner.replica.replace(Some(host.clone()));
        let seen = host.leadership();
        if seen.leads {
            let capacity = inner.capacity.clone();
            let service = Service::start(inner, host.rows(&seen), clock.clone(), capacity, is_new).await?;
            inner.service.replace(Some(service));
            if inner.identity.is_system {
                daos_env::log!(Info, "system", "this engine leads the metadata service, term {}", seen.term);
            }
        }
        host.report(inner, &seen);
        inner.spawner.spawn(host.follow_leadership(clock, seen));
        Ok(())
    }

    /// Who leads the metadata service.
    pub(crate) fn leadership(&self) -> ServiceLeadership {
        self.0.leadership.borrow().clone()
    }

    /// Calls with who leads the metadata service, whenever that changes, until the target ends.
    pub(crate) fn report_leadership(&self, report: impl Fn(ServiceLeadership) + 'static) {
        let weak = Rc::downgrade(&self.0);
        let mut seen = self.leadership();
        self.0.spawner.spawn(async move {
            while let Some(inner) = weak.upgrade() {
                let changed = || *inner.leadership.borrow() != seen || inner.stopping.get();
                inner.leadership_changed.wait_until(changed).await;
                if inner.stopping.get() {
                    return;
                }
                seen = inner.leadership.borrow().clone();
                report(seen.clone());
            }
        });
    }

    /// Where it is reached.
    pub fn address(&self) -> &Address {
        self.0.endpoint.address()
    }

    /// Revokes the handles of a client that is gone. For the first target; the others hear of it from there.
    pub async fn client_gone(&self, client: ClientId) {
        let service = self.0.service.borrow().clone();
        if let Some(service) = service {
            service.client_gone(client).await;
        }
    }

    /// Does what the engine's process was asked about the system, on the target that the service runs on.
    pub(crate) async fn control(&self, call: ServiceCall) -> Result<Option<ControlReply>> {
        let service = self.0.service.borrow().clone();
        let Some(service) = service else { fail!(Code::Notreplica, "the metadata service does not run here") };
        match call {
            ServiceCall::Join(join) => {
                let joined = service.join(&join).await?;
                if let Some(members) = self.0.members.borrow().as_ref() {
                    members.note_joined(joined.rank);
                }
                return Ok(Some(ControlReply::Joined(joined)));
            }
            ServiceCall::Serves(rank) => service.serves(rank).await,
            ServiceCall::Ended(rank, newest) => service.ended(rank, newest),
            ServiceCall::Stopping(rank) => service.stopping(rank).await?,
            ServiceCall::Stopped(rank) => service.stopped(rank).await?,
            ServiceCall::Present(rank) => service.present(rank)?,
            ServiceCall::Connected(ranks) => service.lose_absent(&ranks)?,
            ServiceCall::Lost(rank) => service.lost(rank)?,
            ServiceCall::State(rank, state) => service.set_rank_state(rank, state).await?,
            ServiceCall::MayGo { ranks, may_stay_away, force } => {
                let replica = self.0.replica.borrow().clone();
                let Some(replica) = replica else { fail!(Code::Notreplica, "this target keeps no replica") };
                replica.let_go(&ranks, may_stay_away, force).await?;
            }
        }
        Ok(None)
    }

    /// Forgets what handles allow.
    pub(crate) fn forget_grants(&self) {
        self.0.objects.revoke_all();
    }

    /// What it has counted.
    pub(crate) fn measure(&self) -> Measures {
        self.0.measure()
    }

    /// Ends: lets requests under way finish for a while, then closes the endpoint and every store with a checkpoint.
    pub async fn stop(&self) -> Result<()> {
        let inner = &self.0;
        inner.stopping.set(true);
        let members = inner.members.take();
        if let Some(members) = members {
            members.leave().await;
        }
        inner.leadership_changed.wake_all();
        let drained = inner.idle.wait_until(|| inner.running.get() == 0);
        if inner.spawner.timeout(inner.settings.drain_timeout, drained).await.is_none() {
            daos_env::log!(
                Warn,
                "engine",
                "target {} ends with {} requests under way",
                inner.index.0,
                inner.running.get()
            );
        }
        if let Some(service) = inner.service.take() {
            service.close();
        }
        let replica = inner.replica.take();
        let service_closed = match replica {
            // It may have to hand over, which takes messages.
            Some(replica) => replica.stop().await,
            None => Ok(()),
        };
        inner.endpoint.close();
        inner.pools.close_all().await.and(service_closed)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // The handler holds the target: without this, neither would ever be dropped.
        self.0.endpoint.close();
        self.0.service.take();
        self.0.replica.take();
    }
}
