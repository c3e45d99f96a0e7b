//! The targets of the system, as one of them calls them.

use super::{Inner, internal};
use crate::ranks::{Known, TargetName};
use crate::{Ranks, Sessions};
use daos_env::sync::join_all;
use daos_rpc::Endpoint;
use daos_status::{Code, Result, Status, fail};
use daos_types::{Rank, TargetIndex};
use daos_wire::{Opcode, RankState, Wire, decode, encode};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// Calls targets of the system, itself among them.
pub(crate) struct Peers {
    index: TargetIndex,
    endpoint: Endpoint,
    ranks: Arc<Ranks>,
    sessions: Arc<Sessions>,
    timeout: Duration,
    /// The target itself, which is not called through the fabric.
    own: RefCell<Weak<Inner>>,
}

impl Peers {
    pub fn new(
        index: TargetIndex,
        endpoint: Endpoint,
        ranks: Arc<Ranks>,
        sessions: Arc<Sessions>,
        timeout: Duration,
    ) -> Peers {
        Peers { index, endpoint, ranks, sessions, timeout, own: RefCell::default() }
    }

    pub fn set_own(&self, own: &Rc<Inner>) {
        self.own.replace(Rc::downgrade(own));
    }

    /// The engines of the system.
    pub fn known(&self) -> Result<Arc<Known>> {
        self.ranks.known()
    }

    /// The engines of the system, as they are replaced.
    pub fn ranks(&self) -> &Arc<Ranks> {
        &self.ranks
    }

    /// The target that the metadata service runs on.
    pub fn service(&self) -> Result<TargetName> {
        Ok((self.known()?.table.service, super::SERVICE_TARGET))
    }

    /// The others take this engine for dead.
    pub fn doubt_standing(&self) {
        self.sessions.standing().ask_again();
    }

    /// The engine's standing at `now`, as [`Standing::number`](crate::standing::Standing::number) has it.
    pub fn standing(&self, now: Duration) -> u64 {
        self.sessions.standing().number(now)
    }

    /// Asks a target. One of a rank that does not serve is not asked: the answer names the rank and its state.
    pub async fn call<Q: Wire, R: Wire>(&self, target: TargetName, opcode: Opcode, request: &Q) -> Result<R> {
        self.call_within(target, opcode, request, self.timeout).await
    }

    /// As [`Peers::call`], with a time of its own.
    pub async fn call_within<Q: Wire, R: Wire>(
        &self,
        target: TargetName,
        opcode: Opcode,
        request: &Q,
        limit: Duration,
    ) -> Result<R> {
        let known = self.known()?;
        let (rank, index) = target;
        if rank == known.own && index == self.index {
            let own = self.own.borrow().upgrade();
            let Some(own) = own else { fail!(Code::Shutdown, "target {} is ending", index.0) };
            return decode(&internal::handle(&own, opcode, &encode(request), || false).await?);
        }
        check_serves(&known, rank)?;
        let Some(address) = known.address(target) else {
            fail!(Code::BadTarget, "rank {} has no target {}", rank.0, index.0);
        };
        // A peer that was not called for long may have been forgotten, its session with it.
        self.endpoint.set_session(address, self.sessions.engine())?;
        let reply = self.endpoint.call(address, opcode as u16, encode(request), limit).await?;
        decode(&reply)
    }

    /// As [`Peers::call`], of a rank in whatever state, with a time of its own.
    pub async fn tell<Q: Wire>(&self, target: TargetName, opcode: Opcode, request: &Q, limit: Duration) -> Result<()> {
        let known = self.known()?;
        let Some(address) = known.address(target) else {
            fail!(Code::BadTarget, "the system has no rank {}", target.0.0);
        };
        self.endpoint.set_session(address, self.sessions.engine())?;
        self.endpoint.call(address, opcode as u16, encode(request), limit).await.map(drop)
    }

    /// Asks many targets at once; gives their answers in order, or the first error after all have answered.
    pub async fn call_all<Q: Wire, R: Wire>(
        &self,
        targets: &[TargetName],
        opcode: Opcode,
        request: &Q,
    ) -> Result<Vec<R>> {
        let calls = targets.iter().map(|target| self.call_named(*target, opcode, request));
        join_all(calls).await.into_iter().collect()
    }

    async fn call_named<Q: Wire, R: Wire>(&self, target: TargetName, opcode: Opcode, request: &Q) -> Result<R> {
        let reply = self.call(target, opcode, request).await;
        let (rank, index) = target;
        reply.map_err(|status: Status| status.while_doing(format_args!("target {} of rank {}", index.0, rank.0)))
    }

    /// Ends calls that wait for ranks which do not serve. Who has stopped in its tracks would let them wait until their time is over.
    pub fn fail_absent(&self, before: &Known) -> Result<()> {
        let known = self.known()?;
        for entry in before.table.ranks.iter().filter(|entry| entry.rank != known.own) {
            for index in 0..entry.targets.len() as u32 {
                let target = (entry.rank, TargetIndex(index));
                if let Some(old) = before.address(target).filter(|old| known.address(target) != Some(*old)) {
                    // It has started anew; where it was, nobody answers any more.
                    self.endpoint
                        .fail_peer(old, Status::new(Code::Unreach, format!("rank {} has moved", entry.rank.0)));
                }
            }
        }
        for entry in known.table.ranks.iter().filter(|entry| entry.rank != known.own) {
            let state = RankState::from_number(entry.state).unwrap_or(RankState::Unresponsive);
            if state == RankState::Joined {
                continue;
            }
            let why = Status::new(Code::Unreach, format!("rank {} is {}", entry.rank.0, state.word()));
            for index in 0..entry.targets.len() as u32 {
                if let Some(address) = known.address((entry.rank, TargetIndex(index))) {
                    self.endpoint.fail_peer(address, why.clone());
                }
            }
        }
        Ok(())
    }
}

/// Refuses a rank that does not serve.
fn check_serves(known: &Known, rank: Rank) -> Result<()> {
    match known.state(rank) {
        Some(RankState::Joined) => Ok(()),
        Some(state) => {
            fail!(Code::Oog, "rank {} is {}; 'dmg system query' shows it, start its engine", rank.0, state.word())
        }
        None => fail!(Code::BadTarget, "the system has no rank {}", rank.0),
    }
}
