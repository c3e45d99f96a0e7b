//! Links of kinds that programs define (`H5Lregister`). HDF5 has their functions in a table, which only a function of its own looks into;
//! where an HDF5 does not have that function, such links are kept and not followed.

use crate::detour;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::handle::{Handle, Located, Maker};
use crate::hdf5::{self, DEFAULT, Herr, Hid, Identifier, Variable, library, link_type};
use crate::node::Node;
use crate::serial::Serial;
use crate::walk;
use std::cell::Cell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::rc::Rc;

/// `H5L_class_t`. Of its older version the function that follows a link takes one argument less, which does not matter to it.
#[repr(C)]
struct Class {
    version: c_int,
    kind: c_int,
    comment: *const c_char,
    create: Option<unsafe extern "C" fn(*const c_char, Hid, *const c_void, usize, Hid) -> Herr>,
    rename: Option<unsafe extern "C" fn(*const c_char, Hid, *const c_void, usize) -> Herr>,
    copy: Option<unsafe extern "C" fn(*const c_char, Hid, *const c_void, usize) -> Herr>,
    follow: Option<unsafe extern "C" fn(*const c_char, Hid, *const c_void, usize, Hid, Hid) -> Hid>,
    delete: Option<unsafe extern "C" fn(*const c_char, Hid, *const c_void, usize) -> Herr>,
    query: Option<unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void, usize) -> isize>,
}

/// Functions that follow links and have been called, each by one that the one before it has made: such a function may open a path, which is one of its
/// own, and in which links are counted anew.
static DEPTH: Serial<Cell<usize>> = Serial::new(Cell::new(0));

/// A call of such a function.
struct Following;

impl Following {
    /// As many go into each other as there may be links in a path.
    fn begin(name: &[u8], access: Hid) -> Result<Self> {
        let depth = DEPTH.get();
        if depth.get() >= walk::links_max(access) {
            let sentence = format!("object '{}' is behind too many user-defined links", String::from_utf8_lossy(name));
            return Err(Failure::new(Minor::NotFound, sentence));
        }
        depth.set(depth.get() + 1);
        Ok(Self)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        DEPTH.get().set(DEPTH.get().get() - 1);
    }
}

/// `H5L_LINK_CLASS_T_VERS`.
const VERSION_MAX: c_int = 1;
/// Gives the class of a kind.
const FIND: &str = "H5L_find_class";

/// What is done with a link.
#[derive(Clone, Copy)]
pub enum Change {
    Create(Hid),
    Rename,
    Copy,
}

/// A link: its kind, its name and its value.
pub struct Link<'a> {
    pub kind: u8,
    pub name: &'a [u8],
    pub value: &'a [u8],
}

fn refused(what: &str, name: &[u8]) -> Failure {
    let name = String::from_utf8_lossy(name);
    Failure::new(Minor::BadValue, format!("the program's function for {what} the user-defined link {name} has failed"))
}

impl Link<'_> {
    /// Its name for a function of C, its value and the value's size.
    fn arguments(&self) -> Result<(CString, *const c_void, usize)> {
        let name = CString::new(self.name);
        let name = name.map_err(|_| Failure::new(Minor::Damaged, "a link's name has a zero byte in it"))?;
        Ok((name, self.value.as_ptr().cast(), self.value.len()))
    }

    /// Whether the program defines what it is; external links are HDF5's own and are followed by other means.
    fn is_users(&self) -> bool {
        c_int::from(self.kind) != link_type::EXTERNAL
    }

    /// Refuses a kind that the program has not defined.
    pub fn require_class(&self) -> Result<()> {
        // SAFETY: takes no pointer.
        if unsafe { library().link_is_registered(c_int::from(self.kind)) } > 0 {
            return Ok(());
        }
        let sentence = format!("links of class {} have not been registered by the program", self.kind);
        Err(Failure::new(Minor::BadType, sentence))
    }

    /// The program's functions for it; none where HDF5 does not tell them.
    fn class(&self) -> Result<Option<&'static Class>> {
        if !self.is_users() {
            return Ok(None);
        }
        self.require_class()?;
        let Ok(find) = hdf5::function(FIND) else { return Ok(None) };
        // SAFETY: the function has this signature wherever HDF5 has it; the class stays until it is registered anew.
        let class = unsafe {
            std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> *const Class>(find)(c_int::from(
                self.kind,
            ))
            .as_ref()
        };
        Ok(class.filter(|class| (0..=VERSION_MAX).contains(&class.version) && class.kind == c_int::from(self.kind)))
    }

    /// The object that the program's function finds.
    pub fn follow(&self, group: &Rc<Node>, access: Hid) -> Result<Rc<Node>> {
        let Some(follow) = self.class()?.and_then(|class| class.follow) else {
            return Err(Failure::not_yet("following a user-defined link with this version of HDF5"));
        };
        let following = Following::begin(self.name, access)?;
        let access = if access == DEFAULT { library().value(Variable::LINK_ACCESS_DEFAULT) } else { access };
        let here = register(group)?;
        let (name, value, size) = self.arguments()?;
        // SAFETY: the function is the program's, which gets what HDF5's documentation says.
        let found = unsafe { follow(name.as_ptr(), here.get(), value, size, access, DEFAULT) };
        drop(following);
        if found < 0 {
            let sentence = format!("user-defined link '{}' leads nowhere", String::from_utf8_lossy(self.name));
            return Err(Failure::new(Minor::NotFound, sentence));
        }
        let found = Identifier::new(found, "object")?;
        // SAFETY: takes no pointer.
        let object = unsafe { library().object_of(found.get()) };
        if !File::has_anywhere(object) {
            return Err(detour::begin(found, b"."));
        }
        // SAFETY: an open file knows it as a handle of its own.
        Ok(unsafe { Handle::from_pointer(object)? }.located()?.node)
    }

    /// Tells the program that the link is made in a group, under its name.
    pub fn tell(&self, group: &Rc<Node>, change: Change) -> Result<()> {
        let Some(class) = self.class()? else { return Ok(()) };
        let (name, value, size) = self.arguments()?;
        let plain = match change {
            Change::Create(list) => {
                let Some(create) = class.create else { return Ok(()) };
                let here = register(group)?;
                // SAFETY: the function is the program's, which gets what HDF5's documentation says.
                let result = unsafe { create(name.as_ptr(), here.get(), value, size, list) };
                return if result < 0 { Err(refused("making", self.name)) } else { Ok(()) };
            }
            Change::Rename => class.rename,
            Change::Copy => class.copy,
        };
        let Some(plain) = plain else { return Ok(()) };
        let here = register(group)?;
        // SAFETY: the same.
        let result = unsafe { plain(name.as_ptr(), here.get(), value, size) };
        if result < 0 { Err(refused("moving or copying", self.name)) } else { Ok(()) }
    }

    /// Tells the program that the link goes; one of a kind that it has not defined goes, too.
    pub fn tell_removal(&self, group: &Rc<Node>) -> Result<()> {
        let Ok(Some(class)) = self.class() else { return Ok(()) };
        let Some(delete) = class.delete else { return Ok(()) };
        let here = Handle::of_open_file(Rc::clone(&group.file), Maker::Call)?.register()?;
        let (name, value, size) = self.arguments()?;
        // SAFETY: the function is the program's, which gets what HDF5's documentation says.
        let result = unsafe { delete(name.as_ptr(), here.get(), value, size) };
        if result < 0 { Err(refused("removing", self.name)) } else { Ok(()) }
    }

    /// What the program's function tells of it, in as many bytes as there is room for; with none only how many there are.
    pub fn query(&self, room: usize) -> Result<(Vec<u8>, usize)> {
        let Ok(Some(class)) = self.class() else { return Ok((self.value.to_vec(), self.value.len())) };
        let Some(query) = class.query else { return Ok((Vec::new(), 0)) };
        let mut told = vec![0_u8; room];
        let (name, value, size) = self.arguments()?;
        let place = if room == 0 { std::ptr::null_mut() } else { told.as_mut_ptr().cast() };
        // SAFETY: the function is the program's, which gets what HDF5's documentation says.
        let count = unsafe { query(name.as_ptr(), value, size, place, room) };
        let count = usize::try_from(count).map_err(|_| refused("asking about", self.name))?;
        told.truncate(count);
        Ok((told, count))
    }
}

/// An identifier of a group, for a function of the program's.
fn register(group: &Rc<Node>) -> Result<Identifier> {
    Handle::Group(Located::nowhere(Rc::clone(group))).register()
}
