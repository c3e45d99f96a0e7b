//! Clients: each of their changes is done once, and what they hold goes when they go.

use super::Service;
use daos_pool_service::{Caller, ClientId, Decision, PoolService, Revoked};
use daos_status::{Result, Status};
use daos_types::HolderId;
use daos_wire::{Opcode, RequestId, Wire};
use std::rc::Rc;
use std::time::Duration;

/// How long a client that held something when the engine before this one ended, or the service was led elsewhere, may take
/// to come back. Longer than any call of a client lasts, so that no change is sent again after its answer was forgotten.
const GRACE: Duration = Duration::from_secs(300);

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

    /// Closes the handles of a client whose connection ended.
    pub async fn client_gone(self: &Rc<Self>, client: ClientId) {
        if let Some(holder) = self.sessions.take_gone(client) {
            self.forget_holder(holder).await;
        }
    }

    async fn forget_holder(self: &Rc<Self>, holder: HolderId) {
        loop {
            match self.change(|state| Ok(state.revoke_holder(holder))).await {
                Ok(revoked) => {
                    self.revoke(&revoked.containers).await;
                    if !revoked.more {
                        return;
                    }
                }
                Err(status) => {
                    // The next start sees that the process is gone.
                    daos_env::log!(Error, "pool", "the handles of client {holder} could not be closed: {status}");
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
                self.adrift.borrow_mut().insert(holder);
            }
        }
        if !self.adrift.borrow().is_empty() {
            let (service, spawner) = (Rc::downgrade(self), self.spawner.clone());
            self.spawner.spawn(async move {
                loop {
                    spawner.sleep(GRACE).await;
                    let Some(service) = service.upgrade().filter(|service| !service.closed.get()) else { return };
                    if service.drop_adrift().await {
                        return;
                    }
                }
            });
        }
    }

    /// Closes the handles of clients that did not come back, but for those that are known to live; `true` when none is left.
    async fn drop_adrift(self: &Rc<Self>) -> bool {
        let here = self.sessions.holders();
        let places = self.journal.state().holder_places();
        for (holder, place) in places {
            let is_adrift = self.adrift.borrow().contains(&holder) && !here.contains(&holder);
            if is_adrift && crate::peer::is_alive(&place) != Some(true) {
                daos_env::log!(Warn, "pool", "client {holder} did not come back: its handles are closed");
                self.adrift.borrow_mut().remove(&holder);
                self.forget_holder(holder).await;
            }
        }
        self.adrift.borrow_mut().retain(|holder| !here.contains(holder));
        self.adrift.borrow().is_empty()
    }
}
