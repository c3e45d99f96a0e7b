//! Snapshots: pinned epochs of a container, whose view of everything aggregation keeps.
//!
//! They are the entries of the container's `punches` tree: a container itself is never punched. Below the epoch up to which a container was
//! aggregated, only they can be read; at and above it everything can.

use crate::Store;
use crate::change::check_epoch;
use crate::level::Level;
use crate::tree::Unique;
use daos_media::{Arena, Lsn};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch};

/// Snapshots of one container: each makes aggregation look at one more view.
pub(crate) const SNAPSHOTS_MAX: usize = 4096;

/// The pinned epochs of a container, rising.
pub(crate) fn pinned(arena: &Arena, container: &Level) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    let Some(tree) = container.punches()? else { return Ok(found) };
    let mut cursor = tree.first(arena)?;
    while let Some(at) = &mut cursor {
        found.push(at.entry(arena)?.order);
        if !at.next(arena)? {
            break;
        }
    }
    Ok(found)
}

fn is_pinned(arena: &Arena, container: &Level, epoch: u64) -> Result<bool> {
    match container.punches()? {
        None => Ok(false),
        Some(tree) => Ok(tree.find(arena, &Unique(epoch))?.is_some()),
    }
}

/// Whether what was there at an epoch can still be told.
#[inline]
pub(crate) fn check_readable(arena: &Arena, container: &Level, epoch: u64) -> Result<()> {
    let aggregated = container.state()?.aggregated(arena)?;
    if epoch >= aggregated { Ok(()) } else { check_pinned(arena, container, epoch, aggregated) }
}

fn check_pinned(arena: &Arena, container: &Level, epoch: u64, aggregated: u64) -> Result<()> {
    if is_pinned(arena, container, epoch)? {
        return Ok(());
    }
    fail!(Code::EpOld, "epoch {epoch} was aggregated: read at a snapshot, or at epoch {aggregated} or newer")
}

/// Whether a change at an epoch would still come in its order.
#[inline]
pub(crate) fn check_writable(arena: &Arena, container: &Level, epoch: u64) -> Result<()> {
    let aggregated = container.state()?.aggregated(arena)?;
    if epoch > aggregated {
        return Ok(());
    }
    fail!(Code::EpOld, "epochs up to {aggregated} were aggregated: a change at epoch {epoch} comes too late")
}

impl Store {
    /// Pins an epoch of a container: what is visible at it stays so until [`Store::snapshot_destroy`]. An epoch that is pinned stays pinned.
    ///
    /// # Errors
    /// [`Code::EpOld`] when the epoch was aggregated already; [`Code::Overflow`] when there are 4096 snapshots.
    pub async fn snapshot_create(&self, container: ContainerId, epoch: Epoch) -> Result<()> {
        self.counted(|_| {}, async {
            check_epoch(epoch)?;
            self.durable.admission().await?;
            let lsn = self.pin(container, epoch.0)?;
            self.durable.wait_durable(lsn).await
        })
        .await
    }

    fn pin(&self, container: ContainerId, epoch: u64) -> Result<Lsn> {
        let arena = self.durable.arena();
        let mut level = self.container(arena, container)?;
        let pins = pinned(arena, &level)?;
        if pins.binary_search(&epoch).is_ok() {
            return Ok(self.recent.of_structure());
        }
        let aggregated = level.state()?.aggregated(arena)?;
        if epoch <= aggregated {
            fail!(
                Code::EpOld,
                "container {container} was aggregated up to epoch {aggregated}: there is no epoch {epoch}"
            );
        }
        if pins.len() >= SNAPSHOTS_MAX {
            fail!(Code::Overflow, "container {container} has {SNAPSHOTS_MAX} snapshots; destroy one");
        }
        let mut transaction = arena.begin_privileged();
        level.punch(&mut transaction, epoch, false)?;
        let lsn = self.durable.commit(transaction)?;
        self.recent.mark_structure(lsn);
        Ok(lsn)
    }

    /// Unpins an epoch; `Nonexist` when it is not pinned. What only it needs goes with the next aggregation.
    pub async fn snapshot_destroy(&self, container: ContainerId, epoch: Epoch) -> Result<()> {
        self.counted(|_| {}, async {
            self.durable.admission().await?;
            let lsn = self.unpin(container, epoch.0)?;
            self.durable.wait_durable(lsn).await
        })
        .await
    }

    fn unpin(&self, container: ContainerId, epoch: u64) -> Result<Lsn> {
        let arena = self.durable.arena();
        let mut level = self.container(arena, container)?;
        let pins = pinned(arena, &level)?;
        let Ok(index) = pins.binary_search(&epoch) else {
            fail!(Code::Nonexist, "container {container} has no snapshot at epoch {epoch}")
        };
        let mut transaction = arena.begin_privileged();
        level.remove_punch(&mut transaction, epoch)?;
        // What only this snapshot needed is newer than the one before it.
        let before = index.checked_sub(1).map_or(0, |index| pins[index]);
        let state = level.state()?;
        if state.scanned(arena)? > before {
            state.set_scanned(&mut transaction, before)?;
        }
        let lsn = self.durable.commit(transaction)?;
        self.recent.mark_structure(lsn);
        self.aggregation.note_unpinned();
        Ok(lsn)
    }

    /// The pinned epochs of a container, rising.
    pub async fn snapshot_list(&self, container: ContainerId) -> Result<Vec<Epoch>> {
        self.counted(|statistics| statistics.listings += 1, async {
            let arena = self.durable.arena();
            let found = pinned(arena, &self.container(arena, container)?)?.into_iter().map(Epoch).collect();
            self.wait_for(self.recent.of_structure()).await?;
            Ok(found)
        })
        .await
    }

    /// The newest pinned epoch of a container, durable or not yet; zero when it has none.
    pub fn newest_snapshot(&self, container: ContainerId) -> Result<Epoch> {
        let arena = self.durable.arena();
        Ok(Epoch(pinned(arena, &self.container(arena, container)?)?.last().copied().unwrap_or(0)))
    }

    /// The epoch up to which a container was aggregated; zero when it never was.
    pub async fn aggregated(&self, container: ContainerId) -> Result<Epoch> {
        self.counted(|_| {}, async {
            let arena = self.durable.arena();
            Ok(Epoch(self.container(arena, container)?.state()?.aggregated(arena)?))
        })
        .await
    }
}
