//! Clients: each of their changes is done once, and what they hold goes when they go.

use super::Service;
use daos_pool_service::{Caller, ClientId, Decision, PoolService, Revoked};
use daos_status::{Result, Status};
use daos_types::HolderId;
use daos_wire::{Opcode, RequestId, Wire};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How long a client whose connection has ended, or that held something when the engine before this one ended or the service was led
/// elsewhere, may take to come back. Longer than any call of a client lasts, so that no change is sent again after its answer was forgotten.
const GRACE: Duration = Duration::from_secs(300);

/// The most clients whose answers are kept after their connections have ended.
const ADRIFT_MAX: usize = 10_000;

/// A change that a client asks for.
pub(super) struct Asked<Q> {
    pub id: RequestId,
    pub opcode: Opcode,
    pub session: u64,
    pub caller: Caller,
    /// Where the client's process is.
    pub place: String,
    pub request: Q,
}

impl Service {
    /// The answer that a change was given before, if it was. It counts only when what was decided with it is durable: an engine that leads
    /// no more may remember what never will be.
    pub(super) async fn recalled<Q, T: Wire>(&self, asked: &Asked<Q>) -> Result<Option<Result<T>>> {
        let answer = self.journal.state().recall(&asked.id, asked.opcode)?;
        if answer.is_some() {
            self.journal.settle().await?;
        }
        Ok(answer)
    }

    /// Decides once: a change that comes again gets the answer that it was given. The outer error is as that of
    /// [`Service::try_change`].
    pub(super) async fn try_once<Q, T: Wire>(
        &self,
        asked: &Asked<Q>,
        decide: impl FnOnce(&PoolService) -> Result<Decision<T>>,
    ) -> Result<Result<T>> {
        let decided = self.try_change(|state| {
            if let Some(answer) = state.recall(&asked.id, asked.opcode)? {
                return Ok(Decision { rows: Vec::new(), reply: answer });
            }
            self.check_attached(asked)?;
            state.remember(&asked.id, asked.opcode, &asked.place, decide(state))
        });
        Ok(decided.await?.and_then(|answer| answer))
    }

    /// Refuses a client that is gone meanwhile: nobody would close what it opens now.
    fn check_attached<Q>(&self, asked: &Asked<Q>) -> Result<()> {
        self.sessions.caller(asked.session, Some(asked.id.holder)).map(|_| ())
    }

    /// As [`Service::try_once`], with one error.
    pub(super) async fn once<Q, T: Wire>(
        &self,
        asked: &Asked<Q>,
        decide: impl FnOnce(&PoolService) -> Result<Decision<T>>,
    ) -> Result<T> {
        self.try_once(asked, decide).await?
    }

    /// A refusal that was not decided with the change itself: remembered where that is needed.
    pub(super) async fn refuse<Q, T>(&self, asked: &Asked<Q>, refusal: Status) -> Result<T> {
        let remembered = self.once::<_, ()>(asked, |_| Err(refusal.clone())).await;
        match remembered {
            Err(status) => Err(status),
            Ok(()) => Err(refusal),
        }
    }

    /// Closes handles in steps, once. The answer is how many pool handles were closed.
    pub(super) async fn close_in_steps<Q>(
        self: &Rc<Self>,
        asked: &Asked<Q>,
        step: impl Fn(&PoolService) -> Result<Decision<Revoked>>,
    ) -> Result<u32> {
        let mut pools = 0;
        loop {
            let done = self.change(|state| {
                if let Some(answer) = state.recall(&asked.id, asked.opcode)? {
                    return Ok(Decision { rows: Vec::new(), reply: (Revoked::default(), answer) });
                }
                let (revoked, decided) = match step(state) {
                    Ok(Decision { rows, reply }) if reply.more => {
                        return Ok(Decision { rows, reply: (reply, Ok(0)) });
                    }
                    Ok(Decision { rows, reply }) => {
                        let answer = pools + reply.pools;
                        (reply, Ok(Decision { rows, reply: answer }))
                    }
                    Err(refusal) => (Revoked::default(), Err(refusal)),
                };
                let decision = state.remember(&asked.id, asked.opcode, &asked.place, decided)?;
                Ok(Decision { rows: decision.rows, reply: (revoked, decision.reply) })
            });
            let (revoked, answer) = done.await?;
            self.revoke(&revoked.containers).await;
            if !revoked.more {
                return answer;
            }
            pools += revoked.pools;
        }
    }

    /// Closes the handles of a client whose connection ended. It may be cut off and not gone: then it comes back, and sends again what it has
    /// no answer to.
    pub async fn client_gone(self: &Rc<Self>, client: ClientId) {
        let Some(holder) = self.sessions.take_gone(client) else { return };
        let place = self.journal.state().holder_place(holder);
        let is_dead = place.is_some_and(|place| crate::peer::is_alive(&place) == Some(false));
        if is_dead || self.adrift.borrow().len() >= ADRIFT_MAX {
            self.forget_holder(holder).await;
            return;
        }
        self.set_adrift(holder);
        self.close_holder(holder, |state| state.close_handles_of(holder)).await;
    }

    /// Closes a client's handles and forgets what it was answered.
    async fn forget_holder(self: &Rc<Self>, holder: HolderId) {
        self.close_holder(holder, |state| state.revoke_holder(holder)).await;
    }

    async fn close_holder(self: &Rc<Self>, holder: HolderId, step: impl Fn(&PoolService) -> Decision<Revoked>) {
        loop {
            match self.change(|state| Ok(step(state))).await {
                Ok(revoked) => {
                    self.revoke(&revoked.containers).await;
                    if !revoked.more {
                        return;
                    }
                }
                Err(status) => {
                    daos_env::log!(Error, "pool", "the handles of client {holder} could not be closed: {status}");
                    self.set_adrift(holder);
                    return;
                }
            }
        }
    }

    /// After a start: closes the handles of clients that ended meanwhile, and gives the others time to come back.
    pub(super) async fn look_for_clients(self: &Rc<Self>) {
        let holders = self.journal.state().holder_places();
        for (holder, place) in holders {
            if crate::peer::is_alive(&place) == Some(false) {
                self.forget_holder(holder).await;
            } else {
                self.set_adrift(holder);
            }
        }
    }

    /// Gives a client time to come back.
    fn set_adrift(self: &Rc<Self>, holder: HolderId) {
        let deadline = self.spawner.clock().monotonic().saturating_add(GRACE);
        self.adrift.borrow_mut().entry(holder).or_insert(deadline);
        daos_env::log!(Debug, "pool", "client {holder} may come back");
        if !self.sweeping.replace(true) {
            let (service, spawner) = (Rc::downgrade(self), self.spawner.clone());
            self.spawner.spawn(async move {
                let mut next = Some(deadline);
                while let Some(deadline) = next {
                    spawner.sleep(deadline.saturating_sub(spawner.clock().monotonic())).await;
                    let Some(service) = service.upgrade().filter(|service| !service.closed.get()) else { return };
                    next = service.drop_adrift().await;
                    service.sweeping.set(next.is_some());
                }
            });
        }
    }

    /// Forgets clients that did not come back in time, but for those that hold something and are known to live. Gives when the next has had
    /// its time.
    async fn drop_adrift(self: &Rc<Self>) -> Option<Duration> {
        let now = self.spawner.clock().monotonic();
        let late = |adrift: &BTreeMap<HolderId, Duration>| -> Vec<HolderId> {
            adrift.iter().filter(|(_, deadline)| **deadline <= now).map(|(holder, _)| *holder).collect()
        };
        let late = late(&self.adrift.borrow());
        for holder in late {
            if self.adrift.borrow_mut().remove(&holder).is_none() || self.sessions.holders().contains(&holder) {
                daos_env::log!(Debug, "pool", "client {holder} has come back");
                continue;
            }
            let (place, has_handles) = {
                let state = self.journal.state();
                (state.holder_place(holder), state.has_handles(holder))
            };
            if has_handles && place.is_some_and(|place| crate::peer::is_alive(&place) == Some(true)) {
                self.adrift.borrow_mut().insert(holder, now.saturating_add(GRACE));
                continue;
            }
            if has_handles {
                daos_env::log!(Warn, "pool", "client {holder} did not come back: its handles are closed");
            }
            daos_env::log!(Debug, "pool", "client {holder} is forgotten");
            self.forget_holder(holder).await;
        }
        self.adrift.borrow().values().min().copied()
    }
}
