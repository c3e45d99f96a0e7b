//! Asking whether a target knows all snapshots, before it frees anything.
//!
//! A snapshot can be made while a target does not answer, which is told of it when it serves again. What it frees meanwhile, and before it has
//! been told, may be no newer than what the service has confirmed: all snapshots that are made afterwards are newer.

use super::Peers;
use super::context::may_be_elsewhere;
use daos_env::Spawner;
use daos_status::Result;
use daos_types::{Epoch, PoolId, TargetIndex};
use daos_wire::{Opcode, SnapshotsConfirm};
use std::rc::Rc;
use std::time::Duration;

/// How long the service may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long it is asked: writers that find no space wait meanwhile.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) struct Confirm {
    peers: Rc<Peers>,
    spawner: Spawner,
    target: TargetIndex,
}

impl Confirm {
    pub fn new(peers: Rc<Peers>, spawner: Spawner, target: TargetIndex) -> Confirm {
        Confirm { peers, spawner, target }
    }

    /// Returns when the target knows all snapshots of a pool, and those that come are newer than the epoch.
    pub async fn confirm(&self, pool: PoolId, epoch: Epoch) -> Result<()> {
        let deadline = self.spawner.clock().monotonic().saturating_add(LIMIT);
        loop {
            let answer = self.ask(pool, epoch).await;
            match answer {
                Err(failure) if may_be_elsewhere(&failure) && self.spawner.clock().monotonic() < deadline => {}
                answer => return answer,
            }
            self.spawner.sleep(PAUSE).await;
        }
    }

    async fn ask(&self, pool: PoolId, epoch: Epoch) -> Result<()> {
        let request = SnapshotsConfirm { pool, rank: self.peers.known()?.own, target: self.target, epoch };
        self.peers.call_within(self.peers.service()?, Opcode::SnapshotsConfirm, &request, ANSWER_LIMIT).await
    }
}
