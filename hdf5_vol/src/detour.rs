//! A path that leads out of the containers, by an external link or one that the program defines, into one of HDF5's own files. The call that follows it fails here, and is made
//! once more there (`callbacks/below.rs`), with what is left of the path.
//!
//! It goes with the failure, and ends with it, unless the function that has made the call wants it ([`attempt`]).

use crate::callbacks::below::Below;
use crate::callbacks::below_calls;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::arguments::{ByIndex, ByName, Location, LocationData, by};
use crate::hdf5::class::Object;
use crate::hdf5::{Hid, Identifier, library};
use crate::plugin;
use crate::serial::Serial;
use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char, c_int};
use std::rc::Rc;

/// Where a path goes on.
#[derive(Debug)]
pub struct Detour {
    /// Where it goes on from: a file, or an object in one, open until the call was made.
    start: Option<Identifier>,
    /// The same to its connector.
    below: Below,
    kind: c_int,
    path: RefCell<CString>,
    /// The path leads to the group of links that are numbered, and not to what is meant.
    is_of_index: Cell<bool>,
}

/// `H5_VOL_NATIVE`.
const NATIVE_VALUE: c_int = 0;

/// The number of the connector that an object belongs to.
fn connector_value(id: Hid) -> Result<c_int> {
    // SAFETY: takes no pointer.
    let connector = Identifier::new(unsafe { library().connector_of(id) }, "connector of an object")?;
    let mut value = -1;
    // SAFETY: the number is ours.
    if unsafe { library().connector_value(connector.get(), &raw mut value) } < 0 {
        return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell the number of a connector"));
    }
    Ok(value)
}

/// Between a callback that fails and the function that makes its call once more.
struct Handover {
    is_wanted: Cell<bool>,
    detour: RefCell<Option<Rc<Detour>>>,
}

static HANDOVER: Serial<Handover> = Serial::new(Handover { is_wanted: Cell::new(false), detour: RefCell::new(None) });

/// Makes the call of one callback. Gives what came of it, and where it goes on when a path has led elsewhere and it has failed so.
pub fn attempt<T>(call: impl FnOnce() -> T) -> (T, Option<Rc<Detour>>) {
    let Handover { is_wanted, detour } = HANDOVER.get();
    is_wanted.set(true);
    let result = call();
    is_wanted.set(false);
    (result, detour.take())
}

/// Begins a callback. Gives whether its detour is wanted, which those of callbacks that the program makes meanwhile are not.
pub fn enter() -> bool {
    HANDOVER.get().is_wanted.replace(false)
}

/// Ends a callback that has failed: takes the detour out of the failure, for who wants it.
pub fn leave(failure: &mut Failure, is_wanted: bool) {
    let detour = failure.detour.take();
    if is_wanted {
        HANDOVER.get().detour.replace(detour);
    }
}

/// Notes where a path leaves the containers: in a file or an object that is open, and what is left of it. The failure ends the call here.
pub fn begin(start: Identifier, path: &[u8]) -> Failure {
    match Detour::new(start, path) {
        Ok(detour) => elsewhere(detour),
        Err(failure) => failure,
    }
}

fn elsewhere(detour: Detour) -> Failure {
    let sentence = "a path leads to a file that is in no DAOS container, which this call does not follow";
    Failure { detour: Some(Rc::new(detour)), ..Failure::new(Minor::Elsewhere, sentence) }
}

/// Adds the names that come behind.
pub fn lengthen<'a>(failure: &Failure, names: impl Iterator<Item = &'a [u8]>) {
    if let Some(detour) = &failure.detour {
        let mut path = detour.path.take().into_bytes();
        for name in names {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        detour.path.replace(CString::new(path).unwrap_or_default());
    }
}

/// Says that links of the group at the path are numbered.
pub fn numbers_links(failure: &Failure) {
    if let Some(detour) = &failure.detour {
        detour.is_of_index.set(true);
    }
}

impl Detour {
    fn new(start: Identifier, path: &[u8]) -> Result<Self> {
        // SAFETY: takes no pointer.
        let (object, kind) = unsafe { (library().object_of(start.get()), library().kind_of(start.get())) };
        // Of an object that this connector has from HDF5's own one HDF5 gives what that one knows it by.
        if object.is_null() || !matches!(connector_value(start.get())?, plugin::VALUE | NATIVE_VALUE) {
            let sentence = "a link leads to an object that neither DAOS's connector has nor HDF5's own";
            return Err(Failure::new(Minor::Unsupported, sentence));
        }
        let below = Below { object, connector: below_calls::native()? };
        let path = RefCell::new(CString::new(path).unwrap_or_default());
        Ok(Self { start: Some(start), below, kind, path, is_of_index: Cell::new(false) })
    }

    /// What it goes on from.
    pub fn file(&self) -> Object {
        self.below.object
    }

    /// The same as an identifier; none, which is 0, after it was closed.
    pub fn file_id(&self) -> Hid {
        self.start.as_ref().map_or(0, Identifier::get)
    }

    pub fn connector(&self) -> Hid {
        self.below.connector
    }

    /// It stays as it is: names are added before a callback has ended.
    pub fn path(&self) -> *const c_char {
        self.path.borrow().as_ptr()
    }

    pub fn path_bytes(&self) -> CString {
        self.path.borrow().clone()
    }

    /// What it goes on from, itself.
    pub fn root(&self) -> Location {
        Location { object_type: self.kind, kind: by::SELF, data: LocationData { token: std::ptr::null() } }
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
            if is_by_index && self.is_of_index.get() {
                let index = ByIndex { name: self.path(), ..original.data.index };
                return Location { object_type: self.kind, kind: by::INDEX, data: LocationData { index } };
            }
            let access_list =
                if is_by_index { original.data.index.access_list } else { original.data.name.access_list };
            let name = ByName { name: self.path(), access_list };
            Location { object_type: self.kind, kind: by::NAME, data: LocationData { name } }
        }
    }
}

impl Drop for Detour {
    /// What was put on the stack of errors stays.
    fn drop(&mut self) {
        if let Some(start) = self.start.take() {
            library().keeping_errors(|| drop(start));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(path: &[u8]) -> Failure {
        let path = RefCell::new(CString::new(path).expect("no zero"));
        let below = Below { object: std::ptr::null_mut(), connector: 0 };
        elsewhere(Detour { start: None, below, kind: 0, path, is_of_index: Cell::new(false) })
    }

    /// A callback as `guard` runs it, which fails so.
    fn callback(path: &[u8], inside: impl FnOnce()) {
        let is_wanted = enter();
        inside();
        leave(&mut failure(path), is_wanted);
    }

    #[test]
    fn a_detour_comes_to_who_wants_it_and_to_no_later_call() {
        let path = |detour: Option<Rc<Detour>>| detour.map(|detour| detour.path.borrow().clone());
        let (_, found) = attempt(|| callback(b"a", || {}));
        assert_eq!(path(found).as_deref(), Some(c"a"));
        // Nobody makes this call once more, and the next one goes nowhere.
        callback(b"b", || {});
        let (_, found) = attempt(enter);
        assert!(found.is_none());
        // A function of the program's makes calls of both kinds within one.
        let (_, found) = attempt(|| {
            callback(b"c", || {
                callback(b"d", || {});
                assert_eq!(path(attempt(|| callback(b"e", || {})).1).as_deref(), Some(c"e"));
            });
        });
        assert_eq!(path(found).as_deref(), Some(c"c"));
        let (_, found) = attempt(|| {
            let _is_wanted = enter();
            callback(b"f", || {});
        });
        assert!(found.is_none());
    }

    #[test]
    fn names_behind_are_added() {
        let failure = failure(b"/a");
        lengthen(&failure, [&b"b"[..], b"c"].into_iter());
        lengthen(&Failure::new(Minor::NotFound, "another one"), [&b"d"[..]].into_iter());
        assert_eq!(failure.detour.expect("it has one").path.borrow().as_c_str(), c"/a/b/c");
    }
}
