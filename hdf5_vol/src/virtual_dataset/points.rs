//! Reading and writing elements of a virtual dataset that are named one by one, in any order and perhaps twice: HDF5's projections lose that
//! order, so each is looked up here. What a source has of them goes through memory without gaps.

use super::transfer::{Wanted, unmapped};
use super::{Part, Resolved, Virtual, source::Source};
use crate::cells::Piece;
use crate::dataset::Dataset;
use crate::failure::Result;
use crate::hdf5::{Hid, SPACE_BLOCK, Slab, Space, size_of_type};
use crate::memory::{self, Places};
use crate::selection::{Run, Selection};
use std::rc::Rc;

/// The elements of one source: the positions at which they are wanted, and the elements of the source.
struct Found {
    source: Rc<Source>,
    positions: Vec<Run>,
    there: Space,
}

/// Runs of elements in the order of offsets, and where each begins in the order in which they are counted.
struct Index<'a> {
    runs: &'a [Run],
    begins: Vec<u64>,
}

impl<'a> Index<'a> {
    fn new(runs: &'a [Run]) -> Self {
        let mut position = 0;
        let begins = runs.iter().map(|run| {
            position += run.length;
            position - run.length
        });
        Self { begins: begins.collect(), runs }
    }

    /// The parts of a run that are in it: how far from its beginning, the position here, and how many.
    fn meet(&self, run: &Run, mut give: impl FnMut(u64, u64, u64)) {
        let end = run.offset + run.length;
        let first = self.runs.partition_point(|own| own.offset + own.length <= run.offset);
        for (own, begin) in self.runs[first..].iter().zip(&self.begins[first..]).take_while(|(own, _)| own.offset < end)
        {
            let start = own.offset.max(run.offset);
            let length = (own.offset + own.length).min(end) - start;
            give(start - run.offset, begin + start - own.offset, length);
        }
    }
}

impl Virtual {
    /// Reads elements.
    ///
    /// # Safety
    /// The buffer has room for what the selection of memory means.
    pub unsafe fn read_points(
        &self,
        dataset: &Dataset,
        resolved: &Resolved,
        wanted: &Wanted,
        (kind, list): (Hid, Hid),
        buffer: *mut u8,
    ) -> Result<()> {
        let in_memory = Selection::of_space(wanted.memory.get(), size_of_type(kind))?.runs;
        let found = self.find(resolved, wanted)?;
        let missing = missing(&found, wanted.count);
        // SAFETY: as the caller promises.
        unsafe { dataset.fill_memory(&places(&in_memory, &missing, kind), (kind, list), buffer)? };
        for found in found {
            let runs = places(&in_memory, &found.positions, kind);
            // SAFETY: the same. What is not read stays as it is.
            let mut bytes = unsafe { memory::gather(&runs, buffer) };
            // SAFETY: the bytes are as many.
            unsafe { found.source.read(kind, (SPACE_BLOCK, found.there.get()), list, bytes.as_mut_ptr())? };
            // SAFETY: the same.
            unsafe { memory::scatter(&runs, buffer, &bytes) };
        }
        Ok(())
    }

    /// Writes elements.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means.
    pub unsafe fn write_points(
        &self,
        resolved: &Resolved,
        wanted: &Wanted,
        (kind, list): (Hid, Hid),
        buffer: *const u8,
    ) -> Result<()> {
        let in_memory = Selection::of_space(wanted.memory.get(), size_of_type(kind))?.runs;
        let found = self.find(resolved, wanted)?;
        if !missing(&found, wanted.count).is_empty() {
            return Err(unmapped());
        }
        for found in found {
            // SAFETY: as the caller promises.
            let bytes = unsafe { memory::gather(&places(&in_memory, &found.positions, kind), buffer) };
            let spaces = (SPACE_BLOCK, found.there.get());
            // SAFETY: the bytes are as many.
            unsafe { found.source.write(kind, spaces, list, bytes.as_ptr(), &self.node.file)? };
        }
        Ok(())
    }

    /// What sources have of the elements that are wanted.
    fn find(&self, resolved: &Resolved, wanted: &Wanted) -> Result<Vec<Found>> {
        // Offsets of elements: as many bytes as there are elements.
        let runs = Selection::of_space(wanted.here.get(), 1)?.runs;
        let mut all = Vec::new();
        for part in self.met(resolved, &wanted.here)? {
            let Some((source, there)) = self.source_of(part)? else { continue };
            let (here, there) = narrowed(part, there, &wanted.here)?;
            let (here, source_runs) = (Selection::of_space(here.get(), 1)?, Selection::of_space(there.get(), 1)?.runs);
            let (index, source_places) = (Index::new(&here.runs), Places::new(&source_runs));
            let dimensions = there.dimensions()?;
            let (mut positions, mut points, mut position) = (Vec::new(), Vec::new(), 0);
            for run in &runs {
                index.meet(run, |from_begin, at, length| {
                    positions.push(Run { offset: position + from_begin, length });
                    source_places.split(&Piece { offset: 0, position: at, length }, |_, offset, length| {
                        (offset..offset + length).for_each(|offset| add_point(&mut points, offset as u64, &dimensions));
                    });
                });
                position += run.length;
            }
            if !positions.is_empty() {
                there.select_points(&points)?;
                all.push(Found { source, positions, there });
            }
        }
        Ok(all)
    }
}

/// The positions that no source has; several may have the same one.
fn missing(found: &[Found], count: u64) -> Vec<Run> {
    let mut is_found = vec![false; count as usize];
    for run in found.iter().flat_map(|found| &found.positions) {
        is_found[run.offset as usize..][..run.length as usize].fill(true);
    }
    let missing = (0..count).filter(|position| !is_found[*position as usize]);
    missing.map(|offset| Run { offset, length: 1 }).collect()
}

/// Both selections of a part, without most of what is not wanted.
fn narrowed(part: &Part, there: Space, wanted: &Space) -> Result<(Space, Space)> {
    let Some((start, end)) = wanted.bounds()? else { return Ok((part.here.copy()?, there)) };
    let count = start.iter().zip(&end).map(|(start, end)| end - start + 1).collect();
    let ones = vec![1; start.len()];
    let bounds = part.here.copy()?;
    bounds.select_slabs(&[Slab { start, stride: ones.clone(), count: ones, block: count }])?;
    let here = part.here.project(&part.here, &bounds)?;
    let there = part.here.project(&there, &bounds)?;
    Ok((here, there))
}

/// Adds the coordinates of an element.
fn add_point(points: &mut Vec<u64>, mut offset: u64, dimensions: &[u64]) {
    let begin = points.len();
    points.resize(begin + dimensions.len(), 0);
    for (place, dimension) in points[begin..].iter_mut().zip(dimensions).rev() {
        *place = offset % dimension;
        offset /= dimension;
    }
}

/// Where elements at some positions of a selection lie in memory.
fn places(in_memory: &[Run], positions: &[Run], kind: Hid) -> Vec<Run> {
    let (all, size) = (Places::new(in_memory), size_of_type(kind) as u64);
    let mut runs = Vec::new();
    for position in positions {
        let piece = Piece { offset: 0, position: position.offset * size, length: position.length * size };
        all.split(&piece, |_, offset, length| runs.push(Run { offset: offset as u64, length: length as u64 }));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_meets_what_it_has_in_common() {
        let runs = [Run { offset: 2, length: 3 }, Run { offset: 7, length: 1 }, Run { offset: 10, length: 4 }];
        let index = Index::new(&runs);
        let met = |offset, length| {
            let mut all = Vec::new();
            index.meet(&Run { offset, length }, |from, at, count| all.push((from, at, count)));
            all
        };
        assert_eq!(met(0, 2), []);
        assert_eq!(met(0, 20), [(2, 0, 3), (7, 3, 1), (10, 4, 4)]);
        assert_eq!(met(4, 4), [(0, 2, 1), (3, 3, 1)]);
        assert_eq!(met(11, 1), [(0, 5, 1)]);
        assert_eq!(met(14, 9), []);
    }

    #[test]
    fn points_are_coordinates_of_offsets() {
        let mut points = Vec::new();
        add_point(&mut points, 17, &[3, 2, 5]);
        add_point(&mut points, 0, &[3, 2, 5]);
        assert_eq!(points, [1, 1, 2, 0, 0, 0]);
    }
}
