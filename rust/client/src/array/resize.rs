//! Setting the size of an array and punching ranges of it.

use super::plan::Plan;
use super::{Array, REQUESTS_IN_FLIGHT_MAX, cell_akey, run_bounded};
use crate::{AkeyUpdate, Anchor, Client, Conditions, ListLimits, Source, UpdateValue};
use daos_status::Result;
use daos_types::{Epoch, Extent, Key};

/// A punch that spans more chunks looks up which exist, because a sparse array may span 2^64.
const CHUNKS_WITHOUT_LISTING_MAX: u64 = 64;
/// Dkeys listed, and punched, in one request.
const LISTING_LIMITS: ListLimits = ListLimits { count: 1024, bytes: 16 * 1024 };

impl Array {
    /// Cuts the array off behind `size` cells, or makes it so long by a cell of zeros at the end.
    pub async fn set_size(&self, client: &Client, size: u64) -> Result<()> {
        let now = self.get_size(client, Epoch::MAX).await?;
        if now > size {
            self.punch_range(client, size, now).await?;
            // What is now the last cell may be a hole, or it may be gone when the array was empty before it.
            if size == 0 || self.get_size(client, Epoch::MAX).await? == size {
                return Ok(());
            }
        } else if now == size {
            return Ok(());
        }
        self.write_last_cell(client, size).await
    }

    /// Punches ranges of cells; they read as holes afterwards.
    pub async fn punch(&self, client: &Client, ranges: &[Extent]) -> Result<()> {
        for range in ranges {
            self.punch_range(client, range.start(), range.end()).await?;
        }
        Ok(())
    }

    async fn write_last_cell(&self, client: &Client, size: u64) -> Result<()> {
        let cell_size = self.attributes().cell_size;
        // A cell may be said to be larger than any memory: that is an error of this call, not the end of the program.
        let mut zeros = Vec::new();
        let length = usize::try_from(cell_size).unwrap_or(usize::MAX);
        if zeros.try_reserve_exact(length).is_err() {
            daos_status::fail!(
                daos_status::Code::Nomem,
                "no memory for a cell of {cell_size} bytes, which ends the array"
            );
        }
        zeros.resize(length, 0);
        match Extent::new(size - 1, 1) {
            Some(last) => self.write(client, &[last], Source::Owned(zeros)).await,
            None => Ok(()),
        }
    }

    async fn punch_range(&self, client: &Client, start: u64, end: u64) -> Result<()> {
        let Some(range) = Extent::from_bounds(start, end) else { return Ok(()) };
        let chunk_size = self.attributes().chunk_size;
        let (first, last) = (start / chunk_size, (end - 1) / chunk_size);
        if last - first <= CHUNKS_WITHOUT_LISTING_MAX {
            return self.punch_cells(client, &[range]).await;
        }
        // The first and the last chunk stay as dkeys, the whole ones between go with theirs.
        let head = Extent::from_bounds(start, (first + 1) * chunk_size);
        let tail = Extent::from_bounds(last * chunk_size, end);
        let edges: Vec<Extent> = head.into_iter().chain(tail).collect();
        self.punch_cells(client, &edges).await?;
        self.punch_chunks(client, first + 1, last).await
    }

    async fn punch_cells(&self, client: &Client, ranges: &[Extent]) -> Result<()> {
        let requests = Plan::new(ranges, self.attributes().chunk_size).map(|request| async move {
            let dkey = request.dkey();
            let update = AkeyUpdate { akey: cell_akey()?, value: UpdateValue::PunchExtents(request.extents) };
            self.object.update(client, Conditions::NONE, dkey, vec![update]).await
        });
        run_bounded(REQUESTS_IN_FLIGHT_MAX, requests).await
    }

    /// Punches the dkeys that exist of the chunks `first..end`.
    async fn punch_chunks(&self, client: &Client, first: u64, end: u64) -> Result<()> {
        let mut anchor = Anchor::default();
        while !anchor.end {
            let listed = self.object.list_dkeys(client, Epoch::MAX, &mut anchor, LISTING_LIMITS).await?;
            let within = |key: &Key| key.to_u64().is_some_and(|dkey| dkey > first && dkey <= end);
            let gone: Vec<Key> = listed.into_iter().filter(within).collect();
            if !gone.is_empty() {
                self.object.punch_dkeys(client, Conditions::NONE, gone).await?;
            }
        }
        Ok(())
    }
}
