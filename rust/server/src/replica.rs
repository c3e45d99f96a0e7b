//! The replica of the system's metadata that the first target of an engine keeps, and its way to the others.

mod going;
mod link;
mod members;

use crate::ReplicaRole;
use crate::service::{RowStore, Service};
use crate::target::{Inner, SERVICE_TARGET};
use daos_env::HybridClock;
use daos_media::Media;
use daos_replicated::parts::Assembler;
use daos_replicated::{
    CoreSettings, Leadership, NewReplica, ProposalError, Replica, ReplicaId, ReplicaMessage, ReplicaParts, ReplicaStore,
};
use daos_rpc::Address;
use daos_status::{Code, Result, Status, fail};
use daos_types::{Rank, SystemId};
use daos_wire::Opcode;
use daos_wire::replicated::ReplicaOffer;
use link::FabricLink;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// The folder of the replica's store on the first target.
const FOLDER: &str = "system";
/// How often a replica without a group offers itself.
const OFFER_INTERVAL: Duration = Duration::from_millis(500);

/// How long to wait before a service that could not start is started again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Who leads the metadata service, as others have to know it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ServiceLeadership {
    /// The service runs on this engine.
    pub leads: bool,
    /// The control port of another engine on which it runs.
    pub leader: Option<String>,
    /// Why the engine's replica cannot store the metadata; empty when it can.
    pub trouble: String,
}

/// The replica of an engine.
pub(crate) struct ReplicaHost {
    replica: Replica,
    link: Rc<FabricLink>,
    assembler: RefCell<Assembler>,
    /// Replicas that want to belong to the group.
    offers: RefCell<BTreeMap<Rank, ReplicaId>>,
    target: Weak<Inner>,
}

/// The number of a system's group.
fn group_of(system: SystemId) -> u64 {
    system.to_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl ReplicaHost {
    /// Opens the replica, or makes it; `None` for an engine that keeps none.
    pub async fn start(target: &Rc<Inner>, media: &dyn Media, is_new: bool) -> Result<Option<Rc<ReplicaHost>>> {
        let known = target.peers.known()?;
        let (own, group) = (known.own, group_of(known.table.id));
        let new = match &target.settings.replica {
            ReplicaRole::None => return Ok(None),
            ReplicaRole::Founder(place) => {
                NewReplica { id: ReplicaId::new(own.0, 0), group, founder: Some(place.clone()) }
            }
            // Where a replica was lost, its number is not used again: what it promised is not known any more.
            ReplicaRole::Member => {
                let generation = target.env.random.next_u64() as u32 | 1;
                NewReplica { id: ReplicaId::new(own.0, generation), group, founder: None }
            }
        };
        let store = open_store(target, media, &new, is_new).await?;
        if store.group() != group || store.id().rank() != own.0 {
            fail!(
                Code::DfInval,
                "{} holds metadata of rank {} of another system or engine: files of two were mixed",
                media.describe(),
                store.id().rank()
            );
        }
        let link = Rc::new(FabricLink::new(target, store.id()));
        let parts = ReplicaParts {
            env: target.env.clone(),
            spawner: target.spawner.clone(),
            store,
            link: link.clone(),
            settings: CoreSettings::default(),
        };
        let replica = Replica::start(parts).await?;
        let host = Rc::new(ReplicaHost {
            replica,
            link,
            assembler: RefCell::default(),
            offers: RefCell::default(),
            target: Rc::downgrade(target),
        });
        let watching = host.clone();
        target.spawner.spawn(async move { watching.follow_trouble().await });
        if new.founder.is_none() {
            let offering = host.clone();
            target.spawner.spawn(async move { offering.offer_itself().await });
        }
        Ok(Some(host))
    }

    /// Who leads.
    pub fn leadership(&self) -> Leadership {
        self.replica.leadership()
    }

    /// The ranks whose replicas decide together, as far as this one knows.
    pub fn voters(&self) -> BTreeSet<Rank> {
        let members = self.replica.membership().members;
        members.iter().filter(|member| member.voter).map(|member| Rank(member.id.rank())).collect()
    }

    /// The rows, for the service that leads in this term.
    pub fn rows(&self, leadership: &Leadership) -> RowStore {
        RowStore::new(self.replica.clone(), leadership.term)
    }

    /// Starts and ends the service as leadership comes and goes, until the replica ends. `seen` was acted upon.
    pub async fn follow_leadership(self: Rc<Self>, clock: Arc<HybridClock>, mut seen: Leadership) {
        while !self.replica.is_stopped() {
            let now = self.replica.leadership_changed(&seen).await;
            let Some(target) = self.target.upgrade() else { return };
            if target.stopping.get() || self.replica.is_stopped() {
                return;
            }
            if now.leads && (now.term != seen.term || !seen.leads) {
                end_service(&target);
                match self.lead(&target, &clock, &now).await {
                    Ok(service) => {
                        target.service.replace(Some(service));
                        // What the one before was about to change in the group.
                        let host = self.clone();
                        target.spawner.spawn(async move { host.change_members().await });
                    }
                    Err(status) => {
                        daos_env::log!(Error, "system", "the metadata service cannot start here: {status}");
                        // Another engine may be able to; if there is none, this one tries again.
                        let _handed_over = self.replica.transfer(None).await;
                        target.spawner.sleep(RETRY_INTERVAL).await;
                        seen = Leadership { leads: false, ..now };
                        continue;
                    }
                }
            } else if !now.leads && end_service(&target) {
                daos_env::log!(Warn, "system", "this engine leads the metadata service no more");
            }
            self.report(&target, &now);
            seen = now;
        }
    }

    /// Reports when storage begins to refuse, and when it ends, until the replica ends.
    async fn follow_trouble(&self) {
        let mut seen = None;
        while !self.replica.is_stopped() {
            seen = self.replica.trouble_changed(&seen).await;
            let Some(target) = self.target.upgrade() else { return };
            if target.stopping.get() || self.replica.is_stopped() {
                return;
            }
            self.report(&target, &self.replica.leadership());
        }
    }

    async fn lead(&self, target: &Rc<Inner>, clock: &Arc<HybridClock>, now: &Leadership) -> Result<Rc<Service>> {
        let service = Service::start(target, self.rows(now), clock.clone(), target.capacity.clone(), false).await?;
        daos_env::log!(Info, "system", "this engine leads the metadata service, term {}", now.term);
        Ok(service)
    }

    /// Tells the engine's process who leads.
    pub fn report(&self, target: &Inner, now: &Leadership) {
        let is_other = now.leader.is_some_and(|leader| leader != self.replica.id());
        let leader = (is_other && !now.address.is_empty()).then(|| now.address.clone());
        let leads = target.service.borrow().is_some();
        let describe = |status: Status| format!("the metadata cannot be stored: {status}");
        let trouble = self.replica.trouble().map_or_else(String::new, describe);
        target.leadership.replace(ServiceLeadership { leads, leader, trouble });
        target.leadership_changed.wake_all();
    }

    /// A message of another replica came.
    pub fn receive(&self, from: &Address, body: &[u8]) -> Result<()> {
        let whole = self.assembler.borrow_mut().take(body)?;
        let Some(bytes) = whole else { return Ok(()) };
        let message = ReplicaMessage::from_bytes(&bytes)?;
        if message.group != self.replica.group() {
            fail!(Code::NoPerm, "a replica of another system says something");
        }
        self.link.heard(message.from, from);
        self.replica.deliver(message)
    }

    /// A replica wants to belong to the group. Only the leader can do something about it.
    pub fn take_offer(self: &Rc<Self>, offer: &ReplicaOffer) -> Result<()> {
        let leadership = self.replica.leadership();
        if !leadership.leads {
            return Err(ProposalError::NotLeader(leadership).into_status());
        }
        if offer.group != self.replica.group() {
            fail!(Code::NoPerm, "replica {} is of another system", offer.id);
        }
        self.offers.borrow_mut().insert(Rank(offer.id.rank()), offer.id);
        let host = self.clone();
        if let Some(target) = self.target.upgrade() {
            target.spawner.spawn(async move { host.change_members().await });
        }
        Ok(())
    }

    /// Lets the group have the members that it should.
    async fn change_members(&self) {
        let Some(target) = self.target.upgrade() else { return };
        let Ok(known) = target.peers.known() else { return };
        let place = |rank: Rank| known.table.find(rank).map(|entry| entry.control.clone());
        let current = self.replica.membership();
        let wanted = members::wanted(&current, &self.offers.borrow(), self.replica.id(), place);
        if wanted == current {
            return;
        }
        match self.replica.change_members(wanted).await {
            Ok(()) => daos_env::log!(
                Info,
                "system",
                "replicas of the metadata: {}",
                members::text(&self.replica.membership())
            ),
            // Other members are wanted by now, or another engine leads and sees to it.
            Err(ProposalError::Overtaken | ProposalError::NotLeader(_)) => {}
            Err(error) => {
                daos_env::log!(Warn, "system", "the replicas cannot be changed now: {}", error.into_status());
            }
        }
    }

    /// Offers the replica to the group, until it belongs to it.
    async fn offer_itself(&self) {
        loop {
            let Some(target) = self.target.upgrade() else { return };
            let id = self.replica.id();
            if target.stopping.get() || self.replica.membership().members.iter().any(|member| member.id == id) {
                return;
            }
            let offer = ReplicaOffer { id, group: self.replica.group() };
            if let Ok((rank, index)) = target.peers.service()
                && rank.0 != id.rank()
            {
                // Whoever leads may be another one by now: it is asked again.
                let _asked_again = target.peers.call::<_, ()>((rank, index), Opcode::ReplicaOffer, &offer).await;
            }
            let spawner = target.spawner.clone();
            drop(target);
            spawner.sleep(OFFER_INTERVAL).await;
        }
    }

    /// Ends the replica; one that leads hands over first.
    pub async fn stop(&self) -> Result<()> {
        self.replica.stop().await
    }
}

/// Ends the service, if it runs.
fn end_service(target: &Inner) -> bool {
    let service = target.service.take();
    if let Some(service) = &service {
        service.close();
    }
    service.is_some()
}

/// Opens the store; makes it in a system that is new, and where a replica comes to be.
async fn open_store(target: &Inner, media: &dyn Media, new: &NewReplica, is_new: bool) -> Result<ReplicaStore> {
    let (env, spawner, renew_at) = (target.env.clone(), &target.spawner, target.settings.renew_system_at);
    debug_assert!(target.index == SERVICE_TARGET);
    match ReplicaStore::open(media.folder(FOLDER)?, env.clone(), spawner, renew_at, new).await {
        Err(status) if status.code() == Code::Nonexist && (is_new || new.founder.is_none()) => {
            ReplicaStore::create(media.folder(FOLDER)?, env, spawner, renew_at, new).await
        }
        Err(status) if status.code() == Code::Nonexist => Err(Status::new(
            Code::DfInval,
            format!(
                "the list of pools is missing or incomplete, though the directory has been used: restore {FOLDER} in {}, or \
                 use another directory ({})",
                media.describe(),
                status.context()
            ),
        )),
        opened => opened,
    }
}
