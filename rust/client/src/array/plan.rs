//! Splitting ranges of cells into requests, one per dkey.

use daos_types::{Extent, Key};

/// Most extents in one request; more become several requests to the same dkey.
const EXTENTS_PER_REQUEST_MAX: usize = 256;

/// One request: cells of one chunk that follow each other in the caller's stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ChunkRequest {
    /// Number of the chunk; its dkey is one more.
    pub chunk: u64,
    /// Cells, counted from the beginning of the chunk.
    pub extents: Vec<Extent>,
    /// Where the cells begin in the caller's stream, in cells.
    pub position: u64,
    /// How many cells.
    pub cells: u64,
}

impl ChunkRequest {
    /// The dkey of the chunk.
    pub fn dkey(&self) -> Key {
        chunk_key(self.chunk)
    }
}

/// The dkey of a chunk: dkey 0 is for the attributes, so chunks count from 1.
fn chunk_key(chunk: u64) -> Key {
    Key::from_u64(chunk.saturating_add(1))
}

/// Goes through ranges in their order; nothing is laid out before it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    ranges: &'a [Extent],
    /// Cells of `ranges[0]` that are done.
    done: u64,
    /// Cells of the stream that are done.
    position: u64,
    chunk_size: u64,
}

impl<'a> Plan<'a> {
    /// A plan for these ranges; `chunk_size`, in cells, must not be zero.
    pub fn new(ranges: &'a [Extent], chunk_size: u64) -> Plan<'a> {
        Plan { ranges, done: 0, position: 0, chunk_size }
    }

    /// The next cells within one chunk: chunk, extent within it.
    fn peek(&self) -> Option<(u64, Extent)> {
        let range = self.ranges.first()?;
        let start = range.start() + self.done;
        let (chunk, within) = (start / self.chunk_size, start % self.chunk_size);
        let cells = (range.count() - self.done).min(self.chunk_size - within);
        Some((chunk, Extent::new(within, cells)?))
    }

    fn advance(&mut self, cells: u64) {
        self.done += cells;
        self.position += cells;
        if self.ranges.first().is_some_and(|range| range.count() == self.done) {
            self.ranges = &self.ranges[1..];
            self.done = 0;
        }
    }
}

impl Iterator for Plan<'_> {
    type Item = ChunkRequest;

    fn next(&mut self) -> Option<ChunkRequest> {
        let (chunk, first) = self.peek()?;
        let mut request = ChunkRequest { chunk, extents: vec![first], position: self.position, cells: first.count() };
        self.advance(first.count());
        while let Some((next_chunk, extent)) = self.peek() {
            if next_chunk != chunk || request.extents.len() == EXTENTS_PER_REQUEST_MAX {
                break;
            }
            match request.extents.last_mut() {
                Some(last) if last.end() == extent.start() => {
                    if let Some(joined) = Extent::new(last.start(), last.count() + extent.count()) {
                        *last = joined;
                    }
                }
                _ => request.extents.push(extent),
            }
            request.cells += extent.count();
            self.advance(extent.count());
        }
        Some(request)
    }
}

/// Cells of all ranges together, or `None` when the sum does not fit.
pub(super) fn total_cells(ranges: &[Extent]) -> Option<u64> {
    ranges.iter().try_fold(0u64, |sum, range| sum.checked_add(range.count()))
}

/// How many cells at the end of the stream lie behind the end of an array of `size` cells.
pub(super) fn cells_behind_end(ranges: &[Extent], size: u64) -> u64 {
    let mut behind = 0;
    for range in ranges.iter().rev() {
        if range.end() <= size {
            break;
        }
        behind += range.end() - range.start().max(size);
        if range.start() < size {
            break;
        }
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(start: u64, count: u64) -> Extent {
        Extent::new(start, count).expect("a valid extent")
    }

    #[test]
    fn a_range_is_cut_at_chunk_borders() {
        let ranges = [extent(6, 17)];
        let requests: Vec<ChunkRequest> = Plan::new(&ranges, 8).collect();
        let parts: Vec<_> = requests.iter().map(|r| (r.chunk, r.extents.clone(), r.position, r.cells)).collect();
        assert_eq!(
            parts,
            [(0, vec![extent(6, 2)], 0, 2), (1, vec![extent(0, 8)], 2, 8), (2, vec![extent(0, 7)], 10, 7)]
        );
        assert_eq!(requests[2].dkey().to_u64(), Some(3));
    }

    #[test]
    fn ranges_in_one_chunk_share_a_request_and_touching_ones_join() {
        let ranges = [extent(0, 2), extent(2, 2), extent(6, 1), extent(100, 1), extent(1, 1)];
        let requests: Vec<ChunkRequest> = Plan::new(&ranges, 8).collect();
        assert_eq!(requests.len(), 3);
        assert_eq!(requests[0].extents, [extent(0, 4), extent(6, 1)]);
        assert_eq!((requests[1].position, requests[2].position), (5, 6));
    }

    #[test]
    fn requests_are_bounded() {
        let ranges: Vec<Extent> = (0..1000).map(|i| extent(i * 2, 1)).collect();
        let requests: Vec<ChunkRequest> = Plan::new(&ranges, 1 << 20).collect();
        assert_eq!(requests.len(), 4);
        assert_eq!(requests.iter().map(|r| r.cells).sum::<u64>(), 1000);
    }

    #[test]
    fn the_end_of_the_index_space_is_reached() {
        let ranges = [extent(u64::MAX - 1, 1)];
        let requests: Vec<ChunkRequest> = Plan::new(&ranges, 1).collect();
        assert_eq!(requests[0].dkey().to_u64(), Some(u64::MAX));
    }

    #[test]
    fn cells_behind_the_end_are_those_of_the_tail() {
        assert_eq!(cells_behind_end(&[extent(0, 10)], 4), 6);
        assert_eq!(cells_behind_end(&[extent(0, 10)], 10), 0);
        assert_eq!(cells_behind_end(&[extent(0, 10), extent(20, 5)], 8), 7);
        assert_eq!(cells_behind_end(&[extent(20, 5), extent(0, 2)], 8), 0);
        assert_eq!(total_cells(&[extent(0, u64::MAX), extent(0, 1)]), None);
    }
}
