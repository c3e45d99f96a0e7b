//! What lists of access say of locking files. Files in containers are not locked: one program writes one at a time, which is up to the programs.
//! But it is told, handed on to files behind external links, and the same for all who have a file open in a program, as in HDF5's own files.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, library};

/// Says it for all files of a program.
const VARIABLE: &str = "HDF5_USE_FILE_LOCKING";

/// How a file is locked.
#[derive(Clone, Copy, Debug)]
pub struct Locking {
    is_used: bool,
    /// A file system that cannot do it is no error.
    is_optional: bool,
}

impl PartialEq for Locking {
    fn eq(&self, other: &Self) -> bool {
        self.is_used == other.is_used && (!self.is_used || self.is_optional == other.is_optional)
    }
}

impl Locking {
    /// What a list says, or the environment instead of it.
    pub fn of(list: Hid) -> Result<Self> {
        let (mut is_used, mut is_optional) = (true, true);
        // SAFETY: the flags are ours.
        if unsafe { library().list_locking(list, &raw mut is_used, &raw mut is_optional) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell whether a file is to be locked"));
        }
        Ok(Self { is_used, is_optional }.overridden(std::env::var(VARIABLE).ok().as_deref()))
    }

    fn overridden(self, said: Option<&str>) -> Self {
        match said {
            Some("FALSE" | "0") => Self { is_used: false, ..self },
            Some("TRUE" | "1") => Self { is_used: true, is_optional: false },
            Some("BEST_EFFORT") => Self { is_used: true, is_optional: true },
            _ => self,
        }
    }

    /// Writes it into another list.
    pub fn set(self, list: Hid) -> Result<()> {
        // SAFETY: takes no pointer.
        if unsafe { library().list_set_locking(list, self.is_used, self.is_optional) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not take how a file is to be locked"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_above_the_list() {
        let none = Locking { is_used: false, is_optional: true };
        let some = Locking { is_used: true, is_optional: false };
        let best = Locking { is_used: true, is_optional: true };
        for (said, expected) in
            [("FALSE", none), ("0", none), ("TRUE", some), ("1", some), ("BEST_EFFORT", best), ("yes", best)]
        {
            assert_eq!(best.overridden(Some(said)), expected, "{said}");
        }
        assert_eq!(none, Locking { is_used: false, is_optional: false });
        assert_ne!(some, best);
    }
}
