//! What a program has chosen for a file that is open: the class of objects, and the snapshot that shows it.

use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::information::Information;
use crate::together;

impl File {
    /// What the program says of files besides their names.
    pub fn said(&self) -> Information {
        self.information.get().cloned().unwrap_or_default()
    }

    /// The class of objects with elements of a dataset that is made now; zero where nobody has chosen one.
    pub fn class_of_elements(&self) -> u32 {
        match self.class.get() {
            0 => self.entry.class(),
            class => class,
        }
    }

    /// Makes a snapshot of its container, in which all is that was written to the file so far, and gives its epoch.
    pub fn create_snapshot(&self) -> Result<u64> {
        self.require_writable()?;
        self.flush_together()?;
        // One is enough, also where each rank changes metadata for itself.
        let epoch = together::once(
            self.ranks(),
            || self.mount.create_snapshot().map(Some),
            |epoch| epoch.unwrap_or_default().to_le_bytes().to_vec(),
            |told| told.try_into().map(u64::from_le_bytes).ok(),
        )?;
        epoch.ok_or_else(|| Failure::new(Minor::Internal, "another rank told something else"))
    }

    /// Whether both are one file, seen at the same time.
    pub fn is_same(&self, other: &Self) -> bool {
        self.entry == other.entry && self.mount.snapshot().epoch() == other.mount.snapshot().epoch()
    }
}
