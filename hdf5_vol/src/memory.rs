//! The program's memory: runs of bytes in the order in which a selection counts them.

use crate::cells::Piece;
use crate::selection::Run;

/// Where a position in the order of a selection lies in memory.
pub struct Places<'a> {
    runs: &'a [Run],
    /// The position at which each run begins.
    begins: Vec<u64>,
}

impl<'a> Places<'a> {
    pub fn new(runs: &'a [Run]) -> Self {
        let mut position = 0;
        let begins = runs.iter().map(|run| {
            position += run.length;
            position - run.length
        });
        Self { begins: begins.collect(), runs }
    }

    /// Gives the parts of a piece that lie in one run each: offset in the cell, offset in memory, length.
    pub fn split(&self, piece: &Piece, mut give: impl FnMut(u64, usize, usize)) {
        let (mut offset, mut position, mut left) = (piece.offset, piece.position, piece.length);
        let mut number = self.begins.partition_point(|begin| *begin <= position) - 1;
        while left > 0 {
            let (run, begin) = (self.runs[number], self.begins[number]);
            let length = left.min(begin + run.length - position);
            give(offset, (run.offset + position - begin) as usize, length as usize);
            offset += length;
            position += length;
            left -= length;
            number += 1;
        }
    }
}

/// Takes runs off the front, cut to as many bytes as are wanted each time.
pub struct Cutter<'a> {
    runs: &'a [Run],
    taken: u64,
}

impl<'a> Cutter<'a> {
    pub fn new(runs: &'a [Run]) -> Self {
        Self { runs, taken: 0 }
    }

    pub fn take(&mut self, mut bytes: u64) -> Vec<Run> {
        let mut cut = Vec::new();
        while let Some(run) = self.runs.first().filter(|_| bytes > 0) {
            let length = bytes.min(run.length - self.taken);
            cut.push(Run { offset: run.offset + self.taken, length });
            bytes -= length;
            self.taken += length;
            if self.taken == run.length {
                self.runs = &self.runs[1..];
                self.taken = 0;
            }
        }
        cut
    }
}

/// Fills bytes with an element, of which the first byte of the memory is the one with a number.
pub fn fill(bytes: &mut [u8], first: u64, element: &[u8]) {
    if element.iter().all(|byte| *byte == 0) {
        return bytes.fill(0);
    }
    let first = (first % element.len() as u64) as usize;
    let (head, rest) = bytes.split_at_mut(bytes.len().min((element.len() - first) % element.len()));
    head.copy_from_slice(&element[first..first + head.len()]);
    for place in rest.chunks_mut(element.len()) {
        place.copy_from_slice(&element[..place.len()]);
    }
}

/// Bytes of runs of memory, one after the other.
///
/// # Safety
/// The runs lie in memory that is there.
pub unsafe fn gather(runs: &[Run], memory: *const u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(runs.iter().map(|run| run.length as usize).sum());
    for run in runs {
        // SAFETY: as the caller promises.
        bytes.extend_from_slice(unsafe {
            std::slice::from_raw_parts(memory.add(run.offset as usize), run.length as usize)
        });
    }
    bytes
}

/// Puts bytes into runs of memory.
///
/// # Safety
/// The runs lie in memory that is there, and the bytes are as many.
pub unsafe fn scatter(runs: &[Run], memory: *mut u8, bytes: &[u8]) {
    let mut rest = bytes;
    for run in runs {
        let (part, behind) = rest.split_at(run.length as usize);
        // SAFETY: as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(part.as_ptr(), memory.add(run.offset as usize), part.len()) };
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_may_begin_and_end_within_an_element() {
        let element = [1, 2, 3];
        for first in 0..7 {
            for length in 0..10 {
                let mut bytes = vec![0; length];
                fill(&mut bytes, first, &element);
                let expected: Vec<u8> = (first..).map(|at| element[at as usize % 3]).take(length).collect();
                assert_eq!(bytes, expected, "{first} {length}");
            }
        }
    }

    #[test]
    fn runs_are_cut_and_nothing_is_lost() {
        let runs = [Run { offset: 10, length: 5 }, Run { offset: 20, length: 1 }, Run { offset: 0, length: 7 }];
        let all: Vec<u64> = runs.iter().flat_map(|run| run.offset..run.offset + run.length).collect();
        for step in 1..14 {
            let (mut cutter, mut found) = (Cutter::new(&runs), Vec::new());
            loop {
                let cut = cutter.take(step);
                let bytes: Vec<u64> = cut.iter().flat_map(|run| run.offset..run.offset + run.length).collect();
                if bytes.is_empty() {
                    break;
                }
                assert!(bytes.len() as u64 <= step);
                found.extend(bytes);
            }
            assert_eq!(found, all, "{step}");
        }
    }
}
