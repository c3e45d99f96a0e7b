//! A path that leads out of the containers, by an external link into one of HDF5's own files. The call that follows it fails here, and is made
//! once more there (`callbacks/below.rs`), with what is left of the path.

use crate::callbacks::below_calls;
use crate::failure::{Failure, Minor};
use crate::hdf5::arguments::{ByIndex, ByName, Location, LocationData, by};
use crate::hdf5::class::Object;
use crate::hdf5::{Hid, Identifier, identifier_type, library};
use crate::serial::Serial;
use std::cell::RefCell;
use std::ffi::{CString, c_char};

/// Where a path goes on.
pub struct Detour {
    /// The file, open until the call was made.
    file: Identifier,
    path: CString,
    /// The path leads to the group of links that are numbered, and not to what is meant.
    is_of_index: bool,
}

static PENDING: Serial<RefCell<Option<Detour>>> = Serial::new(RefCell::new(None));

/// Notes where a path leaves the containers. The failure ends the call here.
pub fn begin(file: Identifier, path: &[u8]) -> Failure {
    let path = CString::new(path).unwrap_or_default();
    *PENDING.get().borrow_mut() = Some(Detour { file, path, is_of_index: false });
    Failure::new(
        Minor::Elsewhere,
        "a path leads to a file that is in no DAOS container, which this call does not follow",
    )
}

/// Adds the names that come behind.
pub fn lengthen<'a>(failure: &Failure, names: impl Iterator<Item = &'a [u8]>) {
    if failure.minor != Minor::Elsewhere {
        return;
    }
    if let Some(detour) = PENDING.get().borrow_mut().as_mut() {
        let mut path = detour.path.as_bytes().to_vec();
        for name in names {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        detour.path = CString::new(path).unwrap_or_default();
    }
}

/// Says that links of the group at the path are numbered.
pub fn numbers_links(failure: &Failure) {
    if failure.minor == Minor::Elsewhere
        && let Some(detour) = PENDING.get().borrow_mut().as_mut()
    {
        detour.is_of_index = true;
    }
}

/// Where the call that has just failed goes on; none when it has failed for good.
pub fn take() -> Option<Detour> {
    PENDING.get().borrow_mut().take()
}

impl Detour {
    pub fn file(&self) -> Object {
        // SAFETY: takes no pointer.
        unsafe { library().object_of(self.file.get()) }
    }

    pub fn connector(&self) -> Hid {
        below_calls::native_if_known()
    }

    pub fn path(&self) -> *const c_char {
        self.path.as_ptr()
    }

    /// The file itself.
    pub fn root(&self) -> Location {
        Location { object_type: identifier_type::FILE, kind: by::SELF, data: LocationData { token: std::ptr::null() } }
    }

    /// What a location of the call that has failed is there.
    ///
    /// # Safety
    /// The location is by name or by index, as one without a path cannot lead elsewhere.
    pub unsafe fn place(&self, original: *const Location) -> Location {
        // SAFETY: as the caller promises.
        unsafe {
            let original = &*original;
            let is_by_index = original.kind == by::INDEX;
            if is_by_index && self.is_of_index {
                let index = ByIndex { name: self.path(), ..original.data.index };
                return Location { object_type: identifier_type::FILE, kind: by::INDEX, data: LocationData { index } };
            }
            let access_list =
                if is_by_index { original.data.index.access_list } else { original.data.name.access_list };
            let name = ByName { name: self.path(), access_list };
            Location { object_type: identifier_type::FILE, kind: by::NAME, data: LocationData { name } }
        }
    }
}

/// Ends a call elsewhere: what it has put on the stack of errors stays.
pub fn end(detour: Detour) {
    library().keeping_errors(|| drop(detour));
}
