//! Reading and writing a virtual dataset: which elements of memory are which of a source, as HDF5 projects selections onto each other.

use super::{Bounds, Part, Resolved, Virtual, other_rank, source::Source};
use crate::dataset::Dataset;
use crate::elements::STRIP;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, SPACE_ALL, SPACE_BLOCK, Space, selection_kind, size_of_type};
use crate::memory::{self, Cutter};
use crate::selection::{Run, Selection};
use std::collections::HashSet;
use std::rc::Rc;

/// What is moved to or from one source.
pub struct Share {
    pub source: Rc<Source>,
    pub memory: Space,
    pub there: Space,
}

/// Selections of the virtual dataset and of memory, of the same size.
pub struct Wanted {
    pub here: Space,
    pub memory: Space,
    pub count: u64,
}

impl Wanted {
    /// What a call means by its spaces; none when it is nothing.
    fn of(resolved: &Resolved, (memory, here): (Hid, Hid), buffer: *const u8) -> Result<Option<Self>> {
        let whole = &resolved.space;
        if whole.is_null() {
            return Ok(None);
        }
        let given = |id: Hid| match id {
            id if id > SPACE_BLOCK && id != crate::hdf5::SPACE_PROPERTY_LIST => Space::copy_of(id),
            _ => Err(Failure::not_yet("this kind of selection")),
        };
        let selected = if here == SPACE_ALL { whole.copy()? } else { given(here)? };
        let outside = || Failure::new(Minor::BadValue, "a selection reaches out of its dataspace");
        if !selected.is_inside() || selected.rank()? != whole.rank()? {
            return Err(outside());
        }
        let count = selected.selected()?;
        let memory = match memory {
            SPACE_ALL => selected.copy()?,
            SPACE_BLOCK => Space::simple(&[count])?,
            id => given(id)?,
        };
        if !memory.is_inside() || memory.selected()? != count {
            let sentence = "as many elements of memory and of a virtual dataset must be selected";
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        if count == 0 {
            return Ok(None);
        }
        if buffer.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no memory for the elements"));
        }
        selected.box_all()?;
        memory.box_all()?;
        // The program may have asked for its dataspace before the dataset had other dimensions, by which elements are counted here.
        if selected.dimensions()? != whole.dimensions()? {
            selected.take_extent(whole)?;
            if !selected.is_inside() {
                return Err(outside());
            }
        }
        Ok(Some(Self { here: selected, memory, count }))
    }

    /// Whether elements are named one by one, in any order.
    fn has_points(&self) -> bool {
        [&self.here, &self.memory].iter().any(|space| space.selection_kind() == selection_kind::POINTS)
    }
}

/// Whether two boxes, each of the first and the last coordinates, have an element in common.
fn meet(one: &Bounds, other: &Bounds) -> bool {
    (0..one.0.len()).all(|dimension| one.0[dimension] <= other.1[dimension] && other.0[dimension] <= one.1[dimension])
}

/// Whether no two boxes have an element in common.
pub fn are_apart(mut boxes: Vec<&Bounds>) -> bool {
    let rank = boxes.first().map_or(0, |one| one.0.len());
    let beginnings = |dimension: &usize| boxes.iter().map(|one| one.0[*dimension]).collect::<HashSet<_>>().len();
    // By the dimension with the most beginnings, few have to be compared with each other.
    let Some(dimension) = (0..rank).max_by_key(beginnings) else { return true };
    boxes.sort_by_key(|one| one.0[dimension]);
    boxes.iter().enumerate().all(|(number, one)| {
        let mut others = boxes[number + 1..].iter().take_while(|other| other.0[dimension] <= one.1[dimension]);
        others.all(|other| !meet(one, other))
    })
}

impl Virtual {
    /// Reads elements.
    ///
    /// # Safety
    /// The buffer has room for what the selection of memory means.
    pub unsafe fn read(
        &self,
        dataset: &Dataset,
        kind: Hid,
        spaces: (Hid, Hid),
        list: Hid,
        buffer: *mut u8,
    ) -> Result<()> {
        let resolved = self.known(|| dataset.own_space())?;
        let Some(wanted) = Wanted::of(&resolved, spaces, buffer)? else { return Ok(()) };
        if wanted.has_points() {
            // SAFETY: as the caller promises.
            return unsafe { self.read_points(dataset, &resolved, &wanted, (kind, list), buffer) };
        }
        let shares = self.shares(&resolved, &wanted)?;
        if let Some(rest) = rest(&resolved, &wanted, &shares)? {
            let runs = Selection::of_space(rest.get(), size_of_type(kind))?.runs;
            // SAFETY: the same, and a part of it.
            unsafe { dataset.fill_memory(&runs, (kind, list), buffer)? };
        }
        // SAFETY: the same.
        shares.iter().try_for_each(|share| unsafe {
            share.source.read(kind, (share.memory.get(), share.there.get()), list, buffer)
        })
    }

    /// Writes elements. All must be those of sources that are there.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means.
    pub unsafe fn write(
        &self,
        dataset: &Dataset,
        kind: Hid,
        spaces: (Hid, Hid),
        list: Hid,
        buffer: *const u8,
    ) -> Result<()> {
        let file = &self.node.file;
        if file.is_shared() {
            return Err(Failure::not_yet("writing to a virtual dataset of a file that ranks have open together"));
        }
        let resolved = self.known(|| dataset.own_space())?;
        let Some(wanted) = Wanted::of(&resolved, spaces, buffer)? else { return Ok(()) };
        if wanted.has_points() {
            // SAFETY: as the caller promises.
            return unsafe { self.write_points(&resolved, &wanted, (kind, list), buffer) };
        }
        let shares = self.shares(&resolved, &wanted)?;
        if rest(&resolved, &wanted, &shares)?.is_some() {
            return Err(unmapped());
        }
        // SAFETY: the same.
        shares.iter().try_for_each(|share| unsafe {
            share.source.write(kind, (share.memory.get(), share.there.get()), list, buffer, file)
        })
    }

    /// Which elements are of which source, of those that are there.
    fn shares(&self, resolved: &Resolved, wanted: &Wanted) -> Result<Vec<Share>> {
        let mut shares = Vec::new();
        for part in self.met(resolved, &wanted.here)? {
            let memory = wanted.here.project(&wanted.memory, &part.here)?;
            if memory.selected()? == 0 {
                continue;
            }
            let Some((source, there)) = self.source_of(part)? else { continue };
            let there = part.here.project(&there, &wanted.here)?;
            shares.push(Share { source, memory, there });
        }
        Ok(shares)
    }

    /// The parts that may have something of a selection.
    pub fn met<'a>(&self, resolved: &'a Resolved, here: &Space) -> Result<Vec<&'a Part>> {
        let bounds = here.bounds()?;
        let is_met = |part: &&Part| match (&part.bounds, &bounds) {
            (Some(part), Some(bounds)) => meet(part, bounds),
            // Of a scalar.
            (None, None) => part.here.selected().is_ok_and(|count| count > 0),
            _ => false,
        };
        Ok(resolved.parts.iter().filter(is_met).collect())
    }

    /// The source of a part, and what is selected of it, in its dataspace as it is now.
    pub fn source_of(&self, part: &Part) -> Result<Option<(Rc<Source>, Space)>> {
        let Some(source) = self.source(part.place)? else { return Ok(None) };
        let (there, space) = (part.there.copy()?, source.space()?);
        if there.rank()? != space.rank()? {
            return Err(other_rank());
        }
        there.take_extent(&space)?;
        if !there.is_inside() {
            let sentence = "a mapping of a virtual dataset reaches out of its source";
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        Ok(Some((source, there)))
    }
}

/// What of memory is of no source; none when there is nothing of that kind.
fn rest(resolved: &Resolved, wanted: &Wanted, shares: &[Share]) -> Result<Option<Space>> {
    let covered: u64 = shares.iter().map(|share| share.memory.selected()).sum::<Result<u64>>()?;
    // Where mappings meet, the same elements may be of several.
    let is_whole = if wanted.count == 1 { covered > 0 } else { covered == wanted.count && resolved.are_apart };
    if is_whole {
        return Ok(None);
    }
    let rest = wanted.memory.copy()?;
    for share in shares {
        if rest.selected()? > 0 {
            rest.exclude(&share.memory)?;
        }
    }
    let is_left = rest.selected()? > 0;
    Ok(is_left.then_some(rest))
}

pub fn unmapped() -> Failure {
    Failure::new(
        Minor::BadValue,
        "elements of a virtual dataset are written that are of no source, or of one that is missing",
    )
}

impl Dataset {
    /// Puts the fill value into runs of memory.
    ///
    /// # Safety
    /// The runs lie in memory that is there.
    pub unsafe fn fill_memory(&self, runs: &[Run], (kind, list): (Hid, Hid), buffer: *mut u8) -> Result<()> {
        let (fill, size) = (self.fill()?, size_of_type(kind).max(1));
        if self.stored().is_same(kind) {
            for run in runs {
                // SAFETY: as the caller promises.
                let bytes =
                    unsafe { std::slice::from_raw_parts_mut(buffer.add(run.offset as usize), run.length as usize) };
                memory::fill(bytes, 0, fill);
            }
            return Ok(());
        }
        let needs_background = self.stored().needs_background_in(kind)?;
        let most = (STRIP / size.max(fill.len())).max(1) as u64;
        let mut left = runs.iter().map(|run| run.length).sum::<u64>() / size as u64;
        let mut cutter = Cutter::new(runs);
        while left > 0 {
            let count = left.min(most) as usize;
            let runs = cutter.take((count * size) as u64);
            // SAFETY: the same.
            let background = needs_background.then(|| unsafe { memory::gather(&runs, buffer) });
            let converted = self.stored().to_memory(fill.repeat(count), count, kind, background, list)?;
            // SAFETY: the same.
            unsafe { memory::scatter(&runs, buffer, &converted) };
            left -= count as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_apart_that_have_nothing_in_common() {
        let grid = |size: u64, overlap: u64| -> Vec<Bounds> {
            let place = |number: u64| (number / 4 * size, number % 4 * size);
            let end = size - 1 + overlap;
            (0..16).map(place).map(|(row, column)| (vec![row, column], vec![row + end, column + end])).collect()
        };
        assert!(are_apart(grid(5, 0).iter().collect()) && !are_apart(grid(5, 1).iter().collect()));
        assert!(are_apart(Vec::new()) && are_apart(vec![&(Vec::new(), Vec::new())]));
        let same = (vec![3], vec![9]);
        assert!(!are_apart(vec![&same, &(vec![0], vec![2]), &same]));
    }
}
