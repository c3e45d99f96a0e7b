//! Snapshots of containers.
//!
//! A snapshot shows a container as it was at a moment, on all targets alike: all that was answered before it was asked for, nothing of what is
//! asked for after the answer, and of what ran meanwhile nothing without what had been answered before it. It is read by giving its epoch to the
//! functions that read.

use crate::Client;
use crate::container::Container;
use daos_status::{Code, Result, fail};
use daos_types::Epoch;
use daos_wire::{
    ContainerEpoch, Opcode, SnapshotCreate, SnapshotDestroy, SnapshotEntry, SnapshotList, SnapshotMark, SnapshotWait,
};

/// A table of the objects goes with the snapshot (`DAOS_SNAP_OPT_OIT`).
pub const SNAPSHOT_OBJECT_TABLE: u32 = 2;

/// A snapshot of a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The moment that it shows.
    pub epoch: Epoch,
    /// Its name, unique in the container; empty for none.
    pub name: String,
    /// When it was made, as an epoch.
    pub time: u64,
    /// What goes with it ([`SNAPSHOT_OBJECT_TABLE`]).
    pub options: u32,
}

impl Snapshot {
    fn from_wire(entry: SnapshotEntry) -> Snapshot {
        let SnapshotEntry { epoch, name, time, options } = entry;
        Snapshot { epoch, name, time, options }
    }
}

impl Container {
    /// Makes a snapshot of the container as it is now; durable when it returns. `options` are 0 or [`SNAPSHOT_OBJECT_TABLE`].
    ///
    /// # Errors
    /// [`Code::Exist`] when another one has the name, [`Code::Nospace`] when there are as many as the property allows, or 4000.
    pub async fn create_snapshot(&self, client: &Client, name: &str, options: u32) -> Result<Epoch> {
        let request = SnapshotCreate { request: self.request(), name: name.to_owned(), options };
        self.ask(client, Opcode::SnapshotCreate, &request).await
    }

    /// Destroys the snapshots of a range of epochs; gives how many there were. What only they showed is freed later.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when one epoch is named, and has no snapshot.
    pub async fn destroy_snapshots(&self, client: &Client, first: Epoch, last: Epoch) -> Result<u32> {
        let request = SnapshotDestroy { request: self.request(), first, last };
        self.ask(client, Opcode::SnapshotDestroy, &request).await
    }

    /// All snapshots, oldest first.
    pub async fn snapshots(&self, client: &Client) -> Result<Vec<Snapshot>> {
        let mut request = SnapshotList { request: self.request(), after: None };
        let mut all = Vec::new();
        loop {
            let page = self.ask(client, Opcode::SnapshotList, &request).await?;
            let (some, more): (Vec<SnapshotEntry>, bool) = page;
            request.after = some.last().map(|entry| entry.epoch);
            all.extend(some.into_iter().map(Snapshot::from_wire));
            if !more || request.after.is_none() {
                return Ok(all);
            }
        }
    }

    /// The snapshot at an epoch.
    pub async fn snapshot_at(&self, client: &Client, epoch: Epoch) -> Result<Snapshot> {
        let after = Some(Epoch(epoch.0.saturating_sub(1)));
        let request = SnapshotList { request: self.request(), after };
        let (some, _): (Vec<SnapshotEntry>, bool) = self.ask(client, Opcode::SnapshotList, &request).await?;
        match some.into_iter().next().filter(|entry| entry.epoch == epoch) {
            Some(entry) => Ok(Snapshot::from_wire(entry)),
            None => fail!(Code::Nonexist, "container {} has no snapshot at epoch {}", self.id(), epoch.0),
        }
    }

    /// The snapshot of a name.
    pub async fn snapshot_named(&self, client: &Client, name: &str) -> Result<Snapshot> {
        let all = self.snapshots(client).await?;
        match all.into_iter().find(|snapshot| snapshot.name == name && !name.is_empty()) {
            Some(snapshot) => Ok(snapshot),
            None => fail!(Code::Nonexist, "container {} has no snapshot '{name}'", self.id()),
        }
    }

    /// The snapshot at an epoch, or, by epoch zero, the one of a name.
    pub async fn find_snapshot(&self, client: &Client, epoch: Epoch, name: &str) -> Result<Snapshot> {
        match epoch {
            Epoch::ZERO => self.snapshot_named(client, name).await,
            epoch => self.snapshot_at(client, epoch).await,
        }
    }

    /// Waits until there is a snapshot at an epoch or later, and gives the oldest such one. Who goes on with the epoch behind it gets each
    /// snapshot, in order.
    pub async fn wait_snapshot(&self, client: &Client, from: Epoch) -> Result<Snapshot> {
        let request = SnapshotWait { request: self.request(), from };
        loop {
            let found: Option<SnapshotEntry> = self.ask(client, Opcode::SnapshotWait, &request).await?;
            if let Some(entry) = found {
                return Ok(Snapshot::from_wire(entry));
            }
        }
    }

    /// Changes what goes with a snapshot.
    pub async fn mark_snapshot(&self, client: &Client, epoch: Epoch, options: u32) -> Result<()> {
        let request = SnapshotMark { request: self.request(), epoch, options };
        self.ask(client, Opcode::SnapshotMark, &request).await
    }

    /// Brings the container back to its newest snapshot: all that was changed since is gone when this returns, as if it had never been. Open
    /// handles, of this and of other clients, stay open; their reads and changes wait meanwhile, and see or follow the old state.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when there is no snapshot at the epoch, [`Code::Busy`] when there are newer ones, which would be lost.
    pub async fn roll_back(&self, client: &Client, epoch: Epoch) -> Result<()> {
        let request = ContainerEpoch { request: self.request(), epoch };
        self.ask(client, Opcode::ContainerRollback, &request).await
    }

    /// Frees what no epoch from this one on and no snapshot sees; zero stands for the present. Afterwards, epochs before it that are not those
    /// of snapshots cannot be read.
    pub async fn aggregate(&self, client: &Client, up_to: Epoch) -> Result<()> {
        let mut request = ContainerEpoch { request: self.request(), epoch: up_to };
        loop {
            let left: Epoch = self.ask(client, Opcode::ContainerAggregate, &request).await?;
            if left == Epoch::ZERO {
                return Ok(());
            }
            request.epoch = left;
        }
    }
}
