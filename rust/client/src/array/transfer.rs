//! Reading and writing cells.

use super::plan::{ChunkRequest, Plan, cells_behind_end, total_cells};
use super::{Array, REQUESTS_IN_FLIGHT_MAX, cell_akey, run_bounded};
use crate::{
    AkeyFetch, AkeyFetched, AkeyUpdate, Client, Conditions, Destination, FetchKind, PieceState, ScatterList, Source,
    UpdateValue,
};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent};
use std::cell::{Cell, RefCell};

/// What a read found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ArrayRead {
    /// Bytes before the end of the array; holes among them read as zeros.
    pub length: u64,
    /// Cells at the end of what was asked for that lie behind the end of the array.
    pub short_cells: u64,
    /// The bytes up to `length`, when the destination was [`Destination::Owned`].
    pub bytes: Vec<u8>,
}

impl Array {
    /// Writes cells: `source` holds those of all ranges, in their order. Each chunk is written as a whole or not at all;
    /// durable when it returns. Ranges must not overlap.
    pub async fn write(&self, client: &Client, ranges: &[Extent], source: Source) -> Result<()> {
        let total = self.total_bytes(ranges)?;
        if source.length() != Some(total) {
            fail!(Code::IoInval, "array {}: the ranges have {total} bytes, the source has not", self.id());
        }
        let mut plan = Plan::new(ranges, self.attributes().chunk_size);
        let Some(first) = plan.next() else { return Ok(()) };
        if first.cells * self.attributes().cell_size == total {
            return self.write_chunk(client, first, source).await;
        }
        let source = &source;
        let requests = Plan::new(ranges, self.attributes().chunk_size).map(|request| async move {
            let (start, length) = self.stream_part(&request);
            let part = source_part(source, start, length)?;
            self.write_chunk(client, request, part).await
        });
        run_bounded(REQUESTS_IN_FLIGHT_MAX, requests).await
    }

    /// Reads cells of all ranges, in their order, into the destination. Holes are filled with zeros; where the array ends
    /// is told by the result.
    pub async fn read(
        &self,
        client: &Client,
        epoch: Epoch,
        ranges: &[Extent],
        destination: Destination,
    ) -> Result<ArrayRead> {
        let total = self.total_bytes(ranges)?;
        if destination.capacity().is_none_or(|capacity| capacity < total) {
            fail!(Code::IoInval, "array {}: the ranges have {total} bytes, the destination has less", self.id());
        }
        let reader = Reader::new(self, client, epoch, total, destination)?;
        let mut plan = Plan::new(ranges, self.attributes().chunk_size);
        match plan.next() {
            None => return Ok(ArrayRead::default()),
            Some(only) if only.cells * self.attributes().cell_size == total => reader.read_chunk(only).await?,
            Some(_) => {
                let requests =
                    Plan::new(ranges, self.attributes().chunk_size).map(|request| reader.read_chunk(request));
                run_bounded(REQUESTS_IN_FLIGHT_MAX, requests).await?;
            }
        }
        let short_cells = match reader.ends_with_data.get() {
            true => 0,
            false => cells_behind_end(ranges, self.get_size(client, epoch).await?),
        };
        let length = total - short_cells * self.attributes().cell_size;
        let mut bytes = reader.bytes.into_inner();
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(ArrayRead { length, short_cells, bytes })
    }

    fn total_bytes(&self, ranges: &[Extent]) -> Result<u64> {
        match total_cells(ranges).and_then(|cells| cells.checked_mul(self.attributes().cell_size)) {
            Some(total) => Ok(total),
            None => fail!(Code::Overflow, "array {}: the ranges have more than 2^64 bytes", self.id()),
        }
    }

    /// Start and length of a request in the caller's stream of bytes.
    fn stream_part(&self, request: &ChunkRequest) -> (u64, u64) {
        (request.position * self.attributes().cell_size, request.cells * self.attributes().cell_size)
    }

    async fn write_chunk(&self, client: &Client, request: ChunkRequest, source: Source) -> Result<()> {
        let dkey = request.dkey();
        let value = UpdateValue::Array { record_size: self.attributes().cell_size, extents: request.extents, source };
        let update = AkeyUpdate { akey: cell_akey()?, value };
        self.object.update(client, Conditions::NONE, dkey, vec![update]).await
    }
}

/// One call of [`Array::read`].
struct Reader<'a> {
    array: &'a Array,
    client: &'a Client,
    epoch: Epoch,
    total: u64,
    /// The caller's memory; `None` when the bytes are collected here.
    memory: Option<ScatterList>,
    bytes: RefCell<Vec<u8>>,
    ends_with_data: Cell<bool>,
}

impl<'a> Reader<'a> {
    fn new(array: &'a Array, client: &'a Client, epoch: Epoch, total: u64, destination: Destination) -> Result<Self> {
        let (memory, bytes) = match destination {
            Destination::Memory(list) => (Some(list), Vec::new()),
            Destination::Owned(_) => (None, Vec::new()),
        };
        let (bytes, ends_with_data) = (RefCell::new(bytes), Cell::new(false));
        Ok(Reader { array, client, epoch, total, memory, bytes, ends_with_data })
    }

    async fn read_chunk(&self, request: ChunkRequest) -> Result<()> {
        let (start, length) = self.array.stream_part(&request);
        let part = match &self.memory {
            Some(list) => Destination::Memory(list.slice(start, length)),
            None => Destination::Owned(length),
        };
        let kind = FetchKind::Array(request.extents.clone());
        let fetch = AkeyFetch { akey: cell_akey()?, kind, destination: Some(part) };
        let object = &self.array.object;
        let found = object.fetch(self.client, self.epoch, Conditions::NONE, request.dkey(), vec![fetch]).await?;
        let found = found.into_iter().next().unwrap_or_default();
        let cell_size = self.array.attributes().cell_size;
        if found.size != 0 && found.size != cell_size {
            let (id, chunk) = (self.array.id(), request.chunk);
            fail!(Code::RecSize, "array {id} chunk {chunk} has cells of {} bytes, opened with {cell_size}", found.size);
        }
        if start + length == self.total {
            let last = found.map.last().map(|piece| piece.state);
            self.ends_with_data.set(last == Some(PieceState::Data));
        }
        match &self.memory {
            Some(list) => fill_holes(list, start, length, cell_size, &found),
            None => self.keep(start, length, found.bytes)?,
        }
        Ok(())
    }

    /// Puts the bytes of one request into the result; what the request did not bring reads as zeros.
    fn keep(&self, start: u64, length: u64, mut part: Vec<u8>) -> Result<()> {
        let to_usize = |value: u64| usize::try_from(value).map_err(|_| Code::Nomem);
        let (start, length, total) = (to_usize(start)?, to_usize(length)?, to_usize(self.total)?);
        let mut bytes = self.bytes.borrow_mut();
        if length == total {
            part.resize(total, 0);
            *bytes = part;
            return Ok(());
        }
        if bytes.is_empty() {
            bytes.try_reserve_exact(total).map_err(|_| Code::Nomem)?;
            bytes.resize(total, 0);
        }
        let count = part.len().min(length);
        bytes[start..start + count].copy_from_slice(&part[..count]);
        Ok(())
    }
}

/// Writes zeros into the parts of the caller's memory that the fetch did not touch.
fn fill_holes(list: &ScatterList, start: u64, length: u64, cell_size: u64, found: &AkeyFetched) {
    let zero = |from: u64, to: u64| {
        if from < to {
            list.zero_at(start + from, usize::try_from(to - from).unwrap_or(usize::MAX));
        }
    };
    let mut position = 0;
    for piece in &found.map {
        let end = (position + piece.extent.count().saturating_mul(cell_size)).min(length);
        if piece.state != PieceState::Data {
            zero(position, end);
        }
        position = end;
    }
    zero(position, length);
}

fn source_part(source: &Source, start: u64, length: u64) -> Result<Source> {
    match source {
        Source::Memory(list) => Ok(Source::Memory(list.slice(start, length))),
        Source::Owned(bytes) => {
            let range = usize::try_from(start).ok().zip(usize::try_from(start + length).ok());
            match range.and_then(|(start, end)| bytes.get(start..end)) {
                Some(part) => Ok(Source::Owned(part.to_vec())),
                None => fail!(Code::IoInval, "the source has {} bytes, {} are needed", bytes.len(), start + length),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MapPiece;

    #[test]
    fn holes_are_filled_and_data_is_left() {
        let mut memory = *b"xxxxxxxxxx";
        // SAFETY: the array outlives the list and is not touched while it writes.
        let list = unsafe { ScatterList::new(vec![(memory.as_mut_ptr(), 10)]) };
        let piece = |start, count, state| MapPiece { extent: Extent::new(start, count).expect("valid"), state };
        let map = vec![piece(4, 1, PieceState::Data), piece(5, 2, PieceState::Hole), piece(7, 1, PieceState::Data)];
        let found = AkeyFetched { size: 1, map, ..AkeyFetched::default() };
        fill_holes(&list, 2, 6, 1, &found);
        assert_eq!(&memory, b"xxx\0\0x\0\0xx");
    }

    #[test]
    fn owned_sources_are_cut_within_bounds() {
        let source = Source::Owned(b"abcdef".to_vec());
        assert!(matches!(source_part(&source, 2, 3), Ok(Source::Owned(part)) if part == b"cde"));
        assert!(source_part(&source, 4, 3).is_err());
    }
}
