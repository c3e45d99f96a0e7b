//! Requests about snapshots of containers, and those by which the metadata service lets targets know of them.

use crate::container::ContainerRequest;
use crate::macros::wire_structs;
use daos_types::{ContainerId, Epoch, PoolId, Rank, TargetIndex};

/// The longest name of a snapshot in bytes (`DAOS_SNAPSHOT_MAX_LEN` with its zero).
pub const SNAPSHOT_NAME_LENGTH_MAX: usize = 127;

/// The most snapshots of one container: a target holds them all in memory while it aggregates, and is told all of them in one message.
pub const SNAPSHOTS_MAX: usize = 4000;

wire_structs! {
    /// Makes a snapshot of a container as it is now.
    SnapshotCreate {
        /// The container.
        request: ContainerRequest,
        /// Its name, unique in the container; empty for none.
        name: String,
        /// What goes with it (`DAOS_SNAP_OPT_OIT`).
        options: u32,
    }
    /// Destroys the snapshots of a range of epochs.
    SnapshotDestroy {
        /// The container.
        request: ContainerRequest,
        /// The first epoch.
        first: Epoch,
        /// The last one; when it is also the first one, a snapshot must be there.
        last: Epoch,
    }
    /// Lists the snapshots of a container.
    SnapshotList {
        /// The container.
        request: ContainerRequest,
        /// The last one that is known.
        after: Option<Epoch>,
    }
    /// A snapshot.
    SnapshotEntry {
        /// What it shows.
        epoch: Epoch,
        /// Empty for none.
        name: String,
        /// When it was made, as an epoch.
        time: u64,
        /// What goes with it (`DAOS_SNAP_OPT_OIT`).
        options: u32,
    }
    /// Waits for a snapshot.
    SnapshotWait {
        /// The container.
        request: ContainerRequest,
        /// The oldest epoch that will do.
        from: Epoch,
    }
    /// Changes what goes with a snapshot.
    SnapshotMark {
        /// The container.
        request: ContainerRequest,
        /// The snapshot.
        epoch: Epoch,
        /// As in [`SnapshotEntry`].
        options: u32,
    }
    /// Names an epoch of an open container: to go back to, or to aggregate up to.
    ContainerEpoch {
        /// The container.
        request: ContainerRequest,
        /// The epoch.
        epoch: Epoch,
    }
    /// Lets a target hold changes of a container back while the epoch of a snapshot is chosen.
    TargetSnapshotHold {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// Which attempt it is.
        attempt: u64,
        /// For so long at most; zero lets them go on.
        hold_ms: u32,
    }
    /// Makes a snapshot on a target that holds changes back for it, and lets them go on.
    TargetSnapshotPin {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// The attempt for which they are held back.
        attempt: u64,
        /// The epoch: newer than all that was changed before.
        epoch: Epoch,
    }
    /// Tells a target all snapshots of a container; others that it has go.
    TargetSnapshots {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// Their epochs, rising.
        epochs: Vec<Epoch>,
    }
    /// Asks the metadata service whether a target knows all snapshots of a pool, and that it makes no older ones from now on.
    SnapshotsConfirm {
        /// The pool.
        pool: PoolId,
        /// The rank of the target.
        rank: Rank,
        /// The target.
        target: TargetIndex,
        /// What is made from now on is newer.
        epoch: Epoch,
    }
    /// Names an epoch of a container on a target.
    TargetContainerEpoch {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// The epoch.
        epoch: Epoch,
    }
}
