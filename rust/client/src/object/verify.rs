//! Verifying: everything of an object is read at an epoch, and with it its checksums. Where groups have one shard, there is nothing to
//! compare it with.

use super::{AkeyFetch, Anchor, Conditions, FetchKind, ListLimits, Object};
use crate::{Client, Destination};
use daos_status::{Code, Result, Status};
use daos_types::{Epoch, Extent, Key};
use daos_wire::TRANSFER_BYTES_MAX;

/// Entries of one step of a listing.
const ENTRIES: ListLimits = ListLimits { count: 256, bytes: 1 << 20 };

/// Bytes of an array that are read at once.
const BYTES_AT_ONCE: u64 = 4 << 20;

impl Object {
    /// Reads everything that is visible at an epoch. `Mismatch` when something is not what was written.
    ///
    /// What is aggregated or changed meanwhile is no mismatch; with [`Epoch::MAX`], what others write is met or not.
    pub async fn verify(&self, client: &Client, epoch: Epoch) -> Result<()> {
        self.read_all(client, epoch).await.map_err(|status| match status.code() {
            Code::Csum => Status::new(Code::Mismatch, format!("object {}: {}", self.id, status.context())),
            _ => status.while_doing(format_args!("verifying object {}", self.id)),
        })
    }

    async fn read_all(&self, client: &Client, epoch: Epoch) -> Result<()> {
        let mut dkeys = Anchor::default();
        while !dkeys.end {
            for dkey in self.list_dkeys(client, epoch, &mut dkeys, ENTRIES).await? {
                let mut akeys = Anchor::default();
                while !akeys.end {
                    for akey in self.list_akeys(client, epoch, dkey.clone(), &mut akeys, ENTRIES).await? {
                        self.read_akey(client, epoch, &dkey, akey).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn read_akey(&self, client: &Client, epoch: Epoch, dkey: &Key, akey: Key) -> Result<()> {
        match self.read_single(client, epoch, dkey, akey.clone()).await {
            // It holds an array.
            Err(status) if status.code() == Code::NoPerm => {}
            other => return other,
        }
        let mut anchor = Anchor::default();
        while !anchor.end {
            let (size, extents) =
                self.list_extents(client, epoch, dkey.clone(), akey.clone(), true, &mut anchor, ENTRIES).await?;
            for (extent, _) in extents {
                self.read_extent(client, epoch, (dkey, &akey), size, extent).await?;
            }
        }
        Ok(())
    }

    async fn read_single(&self, client: &Client, epoch: Epoch, dkey: &Key, akey: Key) -> Result<()> {
        let ask = |destination| vec![AkeyFetch { akey: akey.clone(), kind: FetchKind::Single, destination }];
        let found = self.fetch(client, epoch, Conditions::NONE, dkey.clone(), ask(None)).await?;
        let size = found.first().map_or(0, |found| found.size).min(TRANSFER_BYTES_MAX);
        self.fetch(client, epoch, Conditions::NONE, dkey.clone(), ask(Some(Destination::Owned(size)))).await?;
        Ok(())
    }

    async fn read_extent(
        &self,
        client: &Client,
        epoch: Epoch,
        (dkey, akey): (&Key, &Key),
        record_size: u64,
        extent: Extent,
    ) -> Result<()> {
        let most = (BYTES_AT_ONCE / record_size.max(1)).max(1);
        let mut start = extent.start();
        while let Some(part) = Extent::from_bounds(start, extent.end().min(start.saturating_add(most))) {
            let destination = Some(Destination::Owned(part.count().saturating_mul(record_size)));
            let fetch = AkeyFetch { akey: akey.clone(), kind: FetchKind::Array(vec![part]), destination };
            self.fetch(client, epoch, Conditions::NONE, dkey.clone(), vec![fetch]).await?;
            start = part.end();
        }
        Ok(())
    }
}
