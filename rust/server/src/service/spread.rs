//! What many targets are told, while engines come and go.
//!
//! A rank that does not serve is told nothing: when it serves again, it catches up. So a target whose rank is lost while it is being told
//! is left out as well, and one whose engine was only restarted is told again. Whatever is told may be told twice.

use super::Service;
use crate::ranks::TargetName;
use daos_env::sync::join_all;
use daos_status::{Code, Result, Status};
use daos_wire::{Blob, Opcode, RankState, TargetOrder, Wire, encode};
use std::time::Duration;

/// How long to wait before a target is told again.
const PAUSE: Duration = Duration::from_millis(50);
/// How often: as long as it takes, at most, until a rank that died without a word is taken for dead and excluded, and then some.
const ATTEMPTS_MAX: u32 = 1200;

impl Service {
    /// Asks a target something as the engine that leads: see [`Peers::call_within`](crate::target::Peers::call_within).
    pub(super) async fn order<Q: Wire, R: Wire>(&self, target: TargetName, opcode: Opcode, request: &Q) -> Result<R> {
        self.order_within(target, opcode, request, self.limit).await
    }

    /// As [`Service::order`], with a time of its own.
    pub(super) async fn order_within<Q: Wire, R: Wire>(
        &self,
        target: TargetName,
        opcode: Opcode,
        request: &Q,
        limit: Duration,
    ) -> Result<R> {
        let order = TargetOrder { term: self.journal.term(), opcode: opcode as u16, body: Blob(encode(request)) };
        self.peers.call_within(target, Opcode::TargetOrder, &order, limit).await
    }

    /// As [`Service::order`], of many targets at once; gives their answers in order, or the first error after all have answered.
    pub(super) async fn order_all<Q: Wire, R: Wire>(
        &self,
        targets: &[TargetName],
        opcode: Opcode,
        request: &Q,
    ) -> Result<Vec<R>> {
        let order = TargetOrder { term: self.journal.term(), opcode: opcode as u16, body: Blob(encode(request)) };
        self.peers.call_all(targets, Opcode::TargetOrder, &order).await
    }

    /// Tells targets something, all of those whose ranks serve to the end.
    pub(super) async fn spread<Q: Wire>(&self, targets: &[TargetName], opcode: Opcode, request: &Q) -> Result<()> {
        self.ask_serving::<Q, ()>(targets, opcode, request).await.map(drop)
    }

    /// Asks targets something; gives the answers of those whose ranks serve to the end.
    pub(super) async fn ask_serving<Q: Wire, R: Wire>(
        &self,
        targets: &[TargetName],
        opcode: Opcode,
        request: &Q,
    ) -> Result<Vec<R>> {
        let asked = targets.iter().map(|target| self.ask_one(*target, opcode, request));
        let answers: Result<Vec<Option<R>>> = join_all(asked).await.into_iter().collect();
        Ok(answers?.into_iter().flatten().collect())
    }

    async fn ask_one<Q: Wire, R: Wire>(&self, target: TargetName, opcode: Opcode, request: &Q) -> Result<Option<R>> {
        let mut attempts = 0;
        loop {
            if self.peers.known()?.state(target.0) != Some(RankState::Joined) {
                return Ok(None);
            }
            let failure = match self.order(target, opcode, request).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(failure) => failure,
            };
            attempts += 1;
            if !may_be_lost(&failure) || attempts >= ATTEMPTS_MAX || self.closed.get() {
                let (rank, index) = target;
                return Err(failure.while_doing(format_args!("target {} of rank {}", index.0, rank.0)));
            }
            self.spawner.sleep(PAUSE).await;
        }
    }
}

/// Whether a target did not answer because its engine ended, or is ending or starting.
pub(super) fn may_be_lost(failure: &Status) -> bool {
    matches!(
        failure.code(),
        Code::Unreach
            | Code::Hg
            | Code::Shutdown
            | Code::Canceled
            | Code::Oog
            | Code::NoPerm
            | Code::Again
            | Code::Timedout
    )
}
