//! Letting targets know that handles are closed. They ask for what a handle allows once, and believe it until they are told otherwise:
//! so nobody may be left out. A rank that cannot be told now is told later to forget all that it knows and to ask anew; one that is cut
//! off from the system finds that out by itself, and serves no objects meanwhile.

use super::Service;
use crate::ranks::TargetName;
use daos_env::sync::join_all;
use daos_status::{Result, Status};
use daos_types::{HandleId, Rank};
use daos_wire::{Opcode, RankState};
use std::rc::Rc;
use std::time::Duration;

/// Handles in one message: well below the largest message.
const HANDLES_PER_MESSAGE: usize = 1024;
/// How long a rank may take to take notice. Who closes a handle waits for it.
const LIMIT: Duration = Duration::from_secs(5);
/// How long after a rank that could not be told is tried again.
const INTERVAL: Duration = Duration::from_secs(1);

impl Service {
    /// Tells every target that handles are closed.
    pub(super) async fn revoke(self: &Rc<Self>, handles: &[HandleId]) {
        for some in handles.chunks(HANDLES_PER_MESSAGE) {
            let Ok(known) = self.peers.known() else { return };
            for (rank, why) in self.tell_closed(&known.targets(), &some.to_vec()).await {
                daos_env::log!(Warn, "pool", "rank {} has not heard that handles are closed: {why}", rank.0);
                self.note_unaware(rank);
            }
        }
    }

    /// Ranks that could not be told, and why.
    async fn tell_closed(&self, targets: &[TargetName], handles: &Vec<HandleId>) -> Vec<(Rank, Status)> {
        let told = targets.iter().map(|target| async move {
            let told = self.order_within::<_, ()>(*target, Opcode::HandlesRevoke, handles, LIMIT).await;
            told.err().map(|why| (target.0, why))
        });
        let mut missed: Vec<(Rank, Status)> = join_all(told).await.into_iter().flatten().collect();
        missed.dedup_by_key(|(rank, _)| *rank);
        missed
    }

    async fn try_make_aware(&self, rank: Rank) -> bool {
        let Ok(known) = self.peers.known() else { return false };
        let targets: Vec<TargetName> = known.targets().into_iter().filter(|target| target.0 == rank).collect();
        self.tell_closed(&targets, &Vec::new()).await.is_empty()
    }

    /// A service that begins to lead does not know what the one before could not make known.
    pub(super) fn make_all_aware(self: &Rc<Self>) -> Result<()> {
        let known = self.peers.known()?;
        let others = known.table.ranks.iter().filter(|entry| entry.state == RankState::Joined as u8);
        others.map(|entry| entry.rank).filter(|rank| *rank != known.own).for_each(|rank| self.note_unaware(rank));
        Ok(())
    }

    /// Lets a rank ask for everything anew: it may have missed something.
    pub(super) fn note_unaware(self: &Rc<Self>, rank: Rank) {
        let is_first = self.unaware.borrow().is_empty();
        self.unaware.borrow_mut().insert(rank);
        if is_first {
            let (service, spawner) = (Rc::downgrade(self), self.spawner.clone());
            self.spawner.spawn(async move {
                loop {
                    let Some(service) = service.upgrade().filter(|service| !service.closed.get()) else { return };
                    if service.tell_unaware().await {
                        return;
                    }
                    drop(service);
                    spawner.sleep(INTERVAL).await;
                }
            });
        }
    }

    /// Tells those who missed something; `true` when nobody is left. One that does not serve is told when it does.
    async fn tell_unaware(&self) -> bool {
        let ranks: Vec<Rank> = self.unaware.borrow().iter().copied().collect();
        let told = ranks.into_iter().map(|rank| async move {
            let state = self.peers.known().ok().and_then(|known| known.state(rank));
            (rank, state != Some(RankState::Joined) || self.try_make_aware(rank).await)
        });
        for (rank, _) in join_all(told).await.into_iter().filter(|(_, is_aware)| *is_aware) {
            self.unaware.borrow_mut().remove(&rank);
        }
        self.unaware.borrow().is_empty()
    }
}
