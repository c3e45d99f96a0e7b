//! Snapshots in a cluster: what clients read of them, and what must hold.
//!
//! A snapshot is as if all of it was read at one moment between the call that made it and its answer. So each value of it is a read of its
//! register in that time; and whoever sees a write in it sees all that had been answered before that write was begun, which narrows the time
//! for all of its values. And it never changes: what was read of it once is read of it always.
//!
//! A rollback is as if all values of the snapshot were written anew: those of one object at one moment.

use crate::actor::{Actor, DKEYS, OBJECTS, Open, Shared};
use crate::history::{Begun, Place};
use daos_status::{Code, Result, Status};
use daos_types::Epoch;
use std::collections::BTreeMap;
use std::rc::Rc;

/// So many are there at a time.
const SNAPSHOTS_MAX: usize = 6;

/// What clients know of a snapshot.
#[derive(Clone, Debug)]
pub struct Known {
    /// When it was asked for and answered.
    pub begin: u64,
    pub end: u64,
    /// What was read of it.
    pub values: BTreeMap<Place, Option<u64>>,
    /// Somebody has begun to destroy it.
    pub is_going: bool,
}

impl Actor {
    /// Does something with snapshots of the shared container.
    pub async fn act_on_snapshots(&self, open: &Open) -> std::result::Result<(), (&'static str, Status)> {
        if self.shared.world.shape.has_rollbacks && self.below(6) == 0 {
            return self.roll_back(open).await.map_err(|status| ("rolling back", status));
        }
        match self.below(8) {
            0..3 => self.make_snapshot(open).await.map_err(|status| ("making a snapshot", status)),
            3 => self.destroy_snapshot(open).await.map_err(|status| ("destroying a snapshot", status)),
            4 => open.container.aggregate(&self.client, Epoch::ZERO).await.map_err(|status| ("aggregating", status)),
            _ => {
                let Some(epoch) = self.any_snapshot() else { return Ok(()) };
                let (object, dkey) = (self.below(OBJECTS), self.below(DKEYS));
                self.read_snapshot(open, epoch, object, dkey).await.map_err(|status| ("reading a snapshot", status))
            }
        }
    }

    fn any_snapshot(&self) -> Option<u64> {
        let history = self.history();
        let there: Vec<u64> =
            history.snapshots.iter().filter(|(_, known)| !known.is_going).map(|(epoch, _)| *epoch).collect();
        drop(history);
        if there.is_empty() { None } else { Some(there[self.below(there.len() as u64) as usize]) }
    }

    async fn make_snapshot(&self, open: &Open) -> Result<()> {
        if self.history().snapshots.values().filter(|known| !known.is_going).count() >= SNAPSHOTS_MAX {
            return self.destroy_snapshot(open).await;
        }
        let begun = self.history().begin();
        let epoch = open.container.create_snapshot(&self.client, "", 0).await?;
        self.shared.world.tally.borrow_mut().snapshots += 1;
        self.history().snapshot(begun, epoch.0);
        Ok(())
    }

    async fn destroy_snapshot(&self, open: &Open) -> Result<()> {
        let Some(epoch) = self.any_snapshot() else { return Ok(()) };
        if let Some(known) = self.history().snapshots.get_mut(&epoch) {
            known.is_going = true;
        }
        open.container.destroy_snapshots(&self.client, Epoch(epoch), Epoch(epoch)).await.map(drop)
    }

    /// Brings the shared container back to its newest snapshot, after reading all of it: somebody else may make a newer one, or destroy it.
    async fn roll_back(&self, open: &Open) -> Result<()> {
        let newest = self.history().snapshots.iter().rev().find(|(_, known)| !known.is_going).map(|(epoch, _)| *epoch);
        let Some(epoch) = newest else { return Ok(()) };
        for number in 0..OBJECTS {
            for dkey in 0..DKEYS {
                self.read_snapshot(open, epoch, number, dkey).await?;
            }
        }
        let Some(values) = self.history().snapshots.get(&epoch).map(|known| known.values.clone()) else {
            return Ok(());
        };
        if values.len() < (OBJECTS * DKEYS) as usize {
            return Ok(());
        }
        let begun = self.history().begin();
        let guard = RollbackGuard { shared: self.shared.clone(), begun, values: Some(values) };
        let result = open.container.roll_back(&self.client, Epoch(epoch)).await;
        let is_refused = |status: &Status| matches!(status.code(), Code::Busy | Code::Nonexist | Code::Oog);
        match result {
            Ok(()) => {
                self.shared.world.tally.borrow_mut().rollbacks += 1;
                guard.end(true);
                Ok(())
            }
            Err(status) if is_refused(&status) => {
                guard.end(false);
                Ok(())
            }
            Err(status) => Err(status),
        }
    }

    /// Reads a value of a snapshot.
    pub async fn read_snapshot(&self, open: &Open, epoch: u64, number: u64, dkey: u64) -> Result<()> {
        let found = self.fetch(open, Epoch(epoch), number, dkey).await;
        let mut history = self.history();
        // It may have gone meanwhile.
        let is_going = history.snapshots.get(&epoch).is_none_or(|known| known.is_going);
        let found = match found {
            _ if is_going => return Ok(()),
            Err(status) if status.code() == Code::EpOld => {
                self.shared.world.violate(format!("snapshot {epoch} is not there: {status}"));
                return Ok(());
            }
            found => found?,
        };
        self.shared.world.tally.borrow_mut().snapshot_reads += 1;
        if let Err(sentence) = history.snapshot_value(epoch, Place::Value(number, dkey), found) {
            self.shared.world.violate(sentence);
        }
        Ok(())
    }

    /// Reads all that is there of all snapshots, and that there are those that nobody has destroyed.
    pub async fn look_at_snapshots(&self, open: &Open) -> Result<()> {
        let listed = open.container.snapshots(&self.client).await?;
        let known: Vec<u64> = {
            let history = self.history();
            history.snapshots.iter().filter(|(_, known)| !known.is_going).map(|(epoch, _)| *epoch).collect()
        };
        for epoch in known {
            if !listed.iter().any(|snapshot| snapshot.epoch.0 == epoch) {
                self.shared.world.violate(format!("snapshot {epoch} is not listed"));
                continue;
            }
            for number in 0..OBJECTS {
                for dkey in 0..DKEYS {
                    self.read_snapshot(open, epoch, number, dkey).await?;
                }
            }
        }
        Ok(())
    }
}

/// Notes a rollback also when its task is dropped in the midst of it: then nobody knows whether it happens.
struct RollbackGuard {
    shared: Rc<Shared>,
    begun: Begun,
    values: Option<BTreeMap<Place, Option<u64>>>,
}

impl RollbackGuard {
    fn end(mut self, is_done: bool) {
        let values = self.values.take().filter(|_| is_done);
        if let Some(values) = values {
            self.shared.history.borrow_mut().rollback(self.begun, values, true);
        }
    }
}

impl Drop for RollbackGuard {
    fn drop(&mut self) {
        if let Some(values) = self.values.take() {
            self.shared.history.borrow_mut().rollback(self.begun, values, false);
        }
    }
}
