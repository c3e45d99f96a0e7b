//! The dataspace of a dataset, and its change.

use super::Dataset;
use crate::cells;
use crate::failure::{Failure, Minor, Result};
use crate::format::{Header, Layout, key};
use crate::hdf5::Space;
use crate::outside::Outside;

impl Dataset {
    pub(super) fn header_space(&self) -> Result<Space> {
        let Header::Dataset { space, .. } = self.node().header()? else {
            return Err(Failure::new(Minor::BadType, "it is no dataset"));
        };
        let space = Space::decode(space)?;
        // Earlier commits have stored what was selected.
        space.select_all()?;
        Ok(space)
    }

    /// Its dataspace as it is now.
    pub fn space(&self) -> Result<Space> {
        match &self.outside {
            Outside::Virtual(mapped) => mapped.resolve(self.own_space()?)?.space.copy(),
            _ => self.own_space(),
        }
    }

    /// Its dataspace by what is stored of it alone.
    pub fn own_space(&self) -> Result<Space> {
        let space = self.header_space()?;
        if self.layout.can_change() {
            if self.node().dimensions.borrow().is_none() {
                let stored = self.node().stored_dimensions()?;
                let dimensions = match stored {
                    Some(bytes) => cells::chunk_coordinates(&bytes, space.rank()?)
                        .ok_or_else(|| Failure::new(Minor::Damaged, "the dimensions of a dataset are damaged"))?,
                    None => space.dimensions()?,
                };
                *self.node().dimensions.borrow_mut() = Some(dimensions);
            }
            if let Some(dimensions) = self.node().dimensions.borrow().as_deref() {
                space.set_dimensions(dimensions)?;
            }
        }
        Ok(space)
    }

    /// Another rank has given it other dimensions.
    pub fn know_dimensions(&self, dimensions: &[u64]) {
        *self.node().dimensions.borrow_mut() = Some(dimensions.to_vec());
        self.node().times_given.update(|times| times + 1);
    }

    /// Gives it other dimensions.
    pub fn set_dimensions(&self, dimensions: &[u64]) -> Result<()> {
        self.node().file.require_writable()?;
        if !self.layout.can_change() {
            return Err(Failure::new(Minor::BadValue, "only a chunked dataset can change its dimensions"));
        }
        let space = self.space()?;
        let (old, maximum) = space.both()?;
        if old.len() != dimensions.len() || dimensions.iter().zip(&maximum).any(|(new, maximum)| new > maximum) {
            return Err(Failure::new(Minor::BadValue, "a dataset cannot grow beyond its greatest dimensions"));
        }
        if let Outside::Virtual(mapped) = &self.outside {
            mapped.check(dimensions)?;
        }
        let value = cells::chunk_key(dimensions);
        if let Some(chunk) = self.layout.chunk()
            && dimensions.iter().zip(&old).any(|(new, old)| new < old)
        {
            self.remove_outside(chunk, dimensions)?;
        }
        self.node().forget_beside();
        self.node().file.put(&self.node().object, key::HEADER, key::DIMENSIONS, value)?;
        self.know_dimensions(dimensions);
        Ok(())
    }

    /// Removes the elements that a dataset of these dimensions does not have.
    fn remove_outside(&self, chunk: &[u64], dimensions: &[u64]) -> Result<()> {
        if matches!(self.layout, Layout::Filtered { .. }) {
            self.node().file.settle()?;
            return self.with_filtered_of(dimensions, |filtered, file, shape| {
                let dkeys = self.data.dkeys()?;
                dkeys.iter().try_for_each(|dkey| filtered.cut(file, dkey, shape))
            });
        }
        self.node().file.settle_bytes(&self.data)?;
        for dkey in self.data.dkeys()? {
            let Some(coordinates) = cells::chunk_coordinates(&dkey, chunk.len()) else { continue };
            let pieces = cells::outside(chunk, &coordinates, self.element, dimensions);
            let whole = chunk.iter().product::<u64>() * self.element;
            match pieces.as_slice() {
                [] => {}
                [piece] if piece.length == whole => self.data.punch_dkey(&dkey)?,
                pieces => {
                    let ranges: Vec<_> = pieces.iter().map(|piece| (piece.offset, piece.length)).collect();
                    self.data.punch_ranges(&dkey, key::BYTES, &ranges)?;
                }
            }
        }
        Ok(())
    }
}
