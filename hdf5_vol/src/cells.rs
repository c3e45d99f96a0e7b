//! Where a dataset's elements lie: which bytes of which dkey a selection means. Pure.

use crate::failure::{Failure, Minor, Result};
use crate::format::{Layout, key};
use crate::selection::Run;
use std::collections::HashMap;

/// Bytes of one dkey that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First byte under the dkey.
    pub offset: u64,
    /// First byte in the order of the selection.
    pub position: u64,
    pub length: u64,
}

/// The pieces under one dkey.
#[derive(Debug, PartialEq, Eq)]
pub struct Cell {
    pub dkey: Vec<u8>,
    /// Which byte of an element its first byte is.
    pub phase: u64,
    pub pieces: Vec<Piece>,
}

/// Gathers pieces by dkey, in the order in which the dkeys are met.
#[derive(Default)]
struct Gatherer {
    cells: Vec<Cell>,
    places: HashMap<Vec<u8>, usize>,
    position: u64,
}

impl Gatherer {
    fn add(&mut self, dkey: &[u8], phase: u64, offset: u64, length: u64) {
        let is_last = self.cells.last().is_some_and(|cell| cell.dkey == dkey);
        let place = if is_last {
            self.cells.len() - 1
        } else if let Some(place) = self.places.get(dkey) {
            *place
        } else {
            self.cells.push(Cell { dkey: dkey.to_vec(), phase, pieces: Vec::new() });
            self.places.insert(dkey.to_vec(), self.cells.len() - 1);
            self.cells.len() - 1
        };
        let pieces = &mut self.cells[place].pieces;
        match pieces.last_mut() {
            Some(last) if last.offset + last.length == offset && last.position + last.length == self.position => {
                last.length += length;
            }
            _ => pieces.push(Piece { offset, position: self.position, length }),
        }
        self.position += length;
    }
}

/// The dkey of a chunk: its coordinates in chunks.
pub fn chunk_key(coordinates: &[u64]) -> Vec<u8> {
    coordinates.iter().flat_map(|coordinate| coordinate.to_le_bytes()).collect()
}

/// The coordinates of a chunk, from its dkey.
pub fn chunk_coordinates(dkey: &[u8], rank: usize) -> Option<Vec<u64>> {
    let (numbers, rest) = dkey.as_chunks::<8>();
    (rest.is_empty() && numbers.len() == rank).then(|| numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

/// The cells of runs of bytes, which were counted in a dataspace of these dimensions; the dataset itself has others when it was
/// extended since.
pub fn cells(layout: &Layout, element: u64, runs: &[Run], counted_in: &[u64], dataset: &[u64]) -> Result<Vec<Cell>> {
    let out_of_range = || Failure::new(Minor::BadValue, "a selection reaches out of the dataset");
    if counted_in.len() != dataset.len() {
        return Err(Failure::new(Minor::BadValue, "the file's dataspace has another number of dimensions"));
    }
    let mut gatherer = Gatherer::default();
    match layout {
        Layout::Contiguous { block } => {
            if counted_in != dataset {
                return Err(out_of_range());
            }
            for run in runs {
                let (mut at, end) = (run.offset, run.offset + run.length);
                while at < end {
                    let length = (block - at % block).min(end - at);
                    let phase = (at - at % block) % element;
                    gatherer.add(&(at / block).to_le_bytes(), phase, at % block, length);
                    at += length;
                }
            }
        }
        Layout::Virtual => return Err(Failure::new(Minor::Internal, "a virtual dataset has no elements of its own")),
        Layout::Inside | Layout::RawFiles => {
            if counted_in != dataset {
                return Err(out_of_range());
            }
            for run in runs {
                gatherer.add(key::HEADER, 0, run.offset, run.length);
            }
        }
        Layout::Chunked { chunk } | Layout::Filtered { chunk } => {
            if chunk.len() != dataset.len() {
                return Err(Failure::new(Minor::Damaged, "the chunks have another number of dimensions"));
            }
            let mut split = Chunks { chunk, element, counted_in, dataset, gatherer: &mut gatherer };
            for run in runs {
                split.run(run.offset / element, run.length / element).ok_or_else(out_of_range)?;
            }
        }
    }
    Ok(gatherer.cells)
}

struct Chunks<'a> {
    chunk: &'a [u64],
    element: u64,
    counted_in: &'a [u64],
    dataset: &'a [u64],
    gatherer: &'a mut Gatherer,
}

impl Chunks<'_> {
    /// Splits elements at the ends of rows and of chunks; none when they are out of the dataset.
    fn run(&mut self, mut first: u64, mut left: u64) -> Option<()> {
        let rank = self.chunk.len();
        let mut at = vec![0; rank];
        let mut coordinates = vec![0; rank];
        while left > 0 {
            let mut rest = first;
            for dimension in (0..rank).rev() {
                at[dimension] = rest % self.counted_in[dimension];
                rest /= self.counted_in[dimension];
            }
            let column = at[rank - 1];
            let in_row = self.counted_in[rank - 1] - column;
            let in_chunk = self.chunk[rank - 1] - column % self.chunk[rank - 1];
            let count = left.min(in_row).min(in_chunk);
            if at.iter().zip(self.dataset).any(|(at, dimension)| at >= dimension)
                || column + count > self.dataset[rank - 1]
            {
                return None;
            }
            let mut offset = 0;
            for dimension in 0..rank {
                coordinates[dimension] = at[dimension] / self.chunk[dimension];
                offset = offset * self.chunk[dimension] + at[dimension] % self.chunk[dimension];
            }
            self.gatherer.add(&chunk_key(&coordinates), 0, offset * self.element, count * self.element);
            first += count;
            left -= count;
        }
        Some(())
    }
}

/// The bytes of a chunk that are no longer in a dataset of these dimensions: none when all are, and all of them as one piece when none are.
pub fn outside(chunk: &[u64], coordinates: &[u64], element: u64, dataset: &[u64]) -> Vec<Piece> {
    let rank = chunk.len();
    let rows: u64 = chunk[..rank - 1].iter().product();
    let columns = chunk[rank - 1];
    // Of a chunk that no dataset has, nothing is inside: its coordinates are read from the container.
    let first_column = coordinates[rank - 1].saturating_mul(columns);
    let mut pieces: Vec<Piece> = Vec::new();
    for row in 0..rows {
        let mut rest = row;
        let is_inside = (0..rank - 1).rev().all(|dimension| {
            let at = rest % chunk[dimension];
            rest /= chunk[dimension];
            coordinates[dimension].saturating_mul(chunk[dimension]).saturating_add(at) < dataset[dimension]
        });
        let kept = if is_inside { dataset[rank - 1].saturating_sub(first_column).min(columns) } else { 0 };
        if kept == columns {
            continue;
        }
        let (offset, length) = ((row * columns + kept) * element, (columns - kept) * element);
        match pieces.last_mut() {
            Some(last) if last.offset + last.length == offset => last.length += length,
            _ => pieces.push(Piece { offset, position: 0, length }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte of a selection lies where a plain walk over its elements says.
    fn check(layout: &Layout, element: u64, runs: &[Run], dimensions: &[u64]) {
        let cells = cells(layout, element, runs, dimensions, dimensions).expect("inside");
        let mut found = HashMap::new();
        for cell in &cells {
            for piece in &cell.pieces {
                for byte in 0..piece.length {
                    let before = found.insert(piece.position + byte, (cell.dkey.clone(), piece.offset + byte));
                    assert_eq!(before, None, "a byte of the selection lies in two places");
                }
            }
        }
        let bytes = runs.iter().flat_map(|run| run.offset..run.offset + run.length);
        for (position, byte) in (0..).zip(bytes) {
            let expected = match layout {
                Layout::Inside | Layout::RawFiles => (key::HEADER.to_vec(), byte),
                Layout::Virtual => unreachable!("it has none"),
                Layout::Contiguous { block } => ((byte / block).to_le_bytes().to_vec(), byte % block),
                Layout::Chunked { chunk } | Layout::Filtered { chunk } => {
                    let mut rest = byte / element;
                    let mut at = vec![0; chunk.len()];
                    for dimension in (0..chunk.len()).rev() {
                        at[dimension] = rest % dimensions[dimension];
                        rest /= dimensions[dimension];
                    }
                    let key: Vec<u64> = at.iter().zip(chunk).map(|(at, chunk)| at / chunk).collect();
                    let offset = at.iter().zip(chunk).fold(0, |sum, (at, chunk)| sum * chunk + at % chunk);
                    (chunk_key(&key), offset * element + byte % element)
                }
            };
            assert_eq!(found.remove(&position), Some(expected), "byte {byte}");
        }
        assert!(found.is_empty());
    }

    #[test]
    fn bytes_lie_where_a_plain_walk_finds_them() {
        let runs = [Run { offset: 8, length: 40 }, Run { offset: 4, length: 4 }, Run { offset: 100, length: 20 }];
        check(&Layout::Contiguous { block: 16 }, 4, &runs, &[5, 6]);
        check(&Layout::Inside, 4, &runs, &[5, 6]);
        check(&Layout::Chunked { chunk: vec![2, 4] }, 4, &runs, &[5, 6]);
        check(&Layout::Chunked { chunk: vec![7, 7] }, 4, &runs, &[5, 6]);
        check(&Layout::Chunked { chunk: vec![2, 2, 2] }, 2, &[Run { offset: 2, length: 90 }], &[3, 4, 5]);
        check(&Layout::Chunked { chunk: vec![3] }, 1, &[Run { offset: 0, length: 10 }], &[10]);
    }

    #[test]
    fn the_first_byte_of_a_block_may_be_in_the_middle_of_an_element() {
        let all = [Run { offset: 0, length: 60 }];
        let cells = cells(&Layout::Contiguous { block: 16 }, 12, &all, &[5], &[5]).expect("inside");
        assert_eq!(cells.iter().map(|cell| cell.phase).collect::<Vec<_>>(), [0, 4, 8, 0]);
    }

    #[test]
    fn whole_rows_of_a_chunk_are_one_piece() {
        let all = [Run { offset: 0, length: 64 }];
        let cells = cells(&Layout::Chunked { chunk: vec![4, 4] }, 1, &all, &[16, 4], &[16, 4]).expect("inside");
        assert_eq!(cells.len(), 4);
        assert!(cells.iter().all(|cell| cell.pieces.len() == 1 && cell.pieces[0].length == 16));
    }

    #[test]
    fn what_is_out_of_the_dataset_is_refused() {
        let run = [Run { offset: 0, length: 12 }];
        let chunked = Layout::Chunked { chunk: vec![2, 2] };
        assert!(cells(&chunked, 1, &run, &[3, 4], &[3, 4]).is_ok());
        assert!(cells(&chunked, 1, &run, &[3, 4], &[2, 4]).is_err());
        assert!(cells(&chunked, 1, &run, &[3, 4], &[3, 3]).is_err());
        assert!(cells(&chunked, 1, &run, &[12], &[3, 4]).is_err());
        assert!(cells(&Layout::Contiguous { block: 4 }, 1, &run, &[3, 4], &[4, 3]).is_err());
    }

    #[test]
    fn a_dataset_that_shrinks_leaves_what_is_outside() {
        let bytes = |pieces: Vec<Piece>| -> Vec<(u64, u64)> {
            pieces.iter().map(|piece| (piece.offset, piece.length)).collect()
        };
        assert_eq!(bytes(outside(&[2, 4], &[0, 0], 1, &[2, 4])), []);
        assert_eq!(bytes(outside(&[2, 4], &[0, 1], 1, &[2, 4])), [(0, 8)]);
        assert_eq!(bytes(outside(&[2, 4], &[0, 0], 2, &[1, 3])), [(6, 10)]);
        assert_eq!(bytes(outside(&[2, 4], &[0, 0], 1, &[2, 3])), [(3, 1), (7, 1)]);
        assert_eq!(chunk_coordinates(&chunk_key(&[3, 4]), 2), Some(vec![3, 4]));
        assert_eq!(chunk_coordinates(&chunk_key(&[3, 4]), 1), None);
    }
}
