//! Reading and writing cells.

use super::plan::{ChunkRequest, Plan, cells_behind_end, total_cells};
use super::{Array, ArrayAttributes, REQUESTS_IN_FLIGHT_MAX, cell_akey, run_bounded};
use crate::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Destination, FetchKind, MapPiece, PieceState, ScatterList, Source,
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
    /// is told by the result, and memory of the caller's for cells behind the end is not touched.
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
        let size = match reader.ends_with_data.get() {
            true => u64::MAX,
            false => self.get_size(client, epoch).await?,
        };
        let short_cells = cells_behind_end(ranges, size);
        reader.fill_holes(size);
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
    /// The requests to the caller's memory that found holes, with what they found: which of these lie behind the end of the
    /// array is known after the last.
    with_holes: RefCell<Vec<(ChunkRequest, Vec<MapPiece>)>>,
}

impl<'a> Reader<'a> {
    fn new(array: &'a Array, client: &'a Client, epoch: Epoch, total: u64, destination: Destination) -> Result<Self> {
        let (memory, bytes) = match destination {
            Destination::Memory(list) => (Some(list), Vec::new()),
            Destination::Owned(_) => (None, Vec::new()),
        };
        let (bytes, ends_with_data) = (RefCell::new(bytes), Cell::new(false));
        Ok(Reader { array, client, epoch, total, memory, bytes, ends_with_data, with_holes: RefCell::default() })
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
            Some(_) => {
                let data = found.map.iter().filter(|piece| piece.state == PieceState::Data);
                if data.map(|piece| piece.extent.count()).sum::<u64>() < request.cells {
                    self.with_holes.borrow_mut().push((request, found.map));
                }
            }
            None => self.keep(start, length, found.bytes)?,
        }
        Ok(())
    }

    /// Writes zeros into the caller's memory for cells before the end of the array that the fetches did not bring.
    fn fill_holes(&self, size: u64) {
        let Some(list) = &self.memory else { return };
        for (request, map) in self.with_holes.borrow().iter() {
            fill_holes(list, self.array.attributes(), request, map, size);
        }
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

/// Writes zeros into the parts of the caller's memory that the fetch of a request did not touch, up to the end of the array.
fn fill_holes(list: &ScatterList, layout: ArrayAttributes, request: &ChunkRequest, map: &[MapPiece], size: u64) {
    let mut holes = Vec::new();
    let mut position = 0;
    for piece in map {
        let end = (position + piece.extent.count()).min(request.cells);
        if piece.state != PieceState::Data {
            holes.push(position..end);
        }
        position = end;
    }
    holes.push(position..request.cells);
    let (mut holes, mut before) = (holes.into_iter().peekable(), 0);
    let first = request.chunk * layout.chunk_size;
    for extent in &request.extents {
        let behind = before + extent.count();
        let end = before + size.saturating_sub(first + extent.start()).min(extent.count());
        while let Some(hole) = holes.peek() {
            let (from, to) = (hole.start.max(before), hole.end.min(end));
            if from < to {
                let start = (request.position + from) * layout.cell_size;
                list.zero_at(start, usize::try_from((to - from) * layout.cell_size).unwrap_or(usize::MAX));
            }
            if hole.end > behind {
                break;
            }
            holes.next();
        }
        before = behind;
    }
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

    #[test]
    fn holes_are_filled_up_to_the_end_and_data_is_left() {
        let layout = ArrayAttributes { cell_size: 2, chunk_size: 10 };
        let extent = |start, count| Extent::new(start, count).expect("valid");
        let extents = vec![extent(4, 4), extent(9, 1)];
        let request = ChunkRequest { chunk: 3, extents, position: 1, cells: 5 };
        let piece = |start, count, state| MapPiece { extent: extent(start, count), state };
        let map = [piece(4, 1, PieceState::Data), piece(5, 2, PieceState::Hole), piece(7, 1, PieceState::Data)];
        let filled = |map: &[MapPiece], size: u64| {
            let mut memory = *b"xxxxxxxxxxxxxx";
            // SAFETY: the array outlives the list and is not touched while it writes.
            let list = unsafe { ScatterList::new(vec![(memory.as_mut_ptr(), 14)]) };
            fill_holes(&list, layout, &request, map, size);
            String::from_utf8_lossy(&memory).replace('\0', ".")
        };
        assert_eq!(filled(&map, u64::MAX), "xxxx....xx..xx");
        assert_eq!(filled(&map, 39), "xxxx....xxxxxx");
        assert_eq!(filled(&map, 36), "xxxx..xxxxxxxx");
        assert_eq!(filled(&[], 40), "xx..........xx");
        assert_eq!(filled(&[], 37), "xx......xxxxxx");
        assert_eq!(filled(&[], 0), "xxxxxxxxxxxxxx");
    }

    #[test]
    fn owned_sources_are_cut_within_bounds() {
        let source = Source::Owned(b"abcdef".to_vec());
        assert!(matches!(source_part(&source, 2, 3), Ok(Source::Owned(part)) if part == b"cde"));
        assert!(source_part(&source, 4, 3).is_err());
    }
}
