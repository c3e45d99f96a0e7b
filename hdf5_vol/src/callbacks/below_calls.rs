//! Calls about more than one object, or none yet, which may be ours or those of the connector below.

use super::below::{Below, functions};
use super::{copy, dataset, file, group, link};
use crate::daos::Mount;
use crate::detour;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{ENTRY_SIZE, FileEntry};
use crate::guard;
use crate::handle;
use crate::hdf5::arguments::{
    FileSpecific, GroupSpecific, LinkCreate, Location, file_specific, group_specific, link_create,
};
use crate::hdf5::class::{Object, Request};
use crate::hdf5::{FAIL, Herr, Hid, Identifier, SUCCEED, Variable, library};
use crate::information::Information;
use crate::mpi;
use crate::name;
use crate::programs;
use crate::ranks::{self, Ranks};
use crate::serial::Serial;
use crate::together;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_uint, c_void};
use std::io::Read;
use std::path::Path;

/// HDF5's own connector, once it was needed.
static NATIVE: Serial<Cell<Hid>> = Serial::new(Cell::new(0));

/// HDF5's own connector.
pub fn native() -> Result<Hid> {
    if NATIVE.get().get() == 0 {
        // SAFETY: the name ends with zero.
        let id = unsafe { library().connector_by_name(c"native".as_ptr()) };
        NATIVE.get().set(Identifier::new(id, "connector of its own")?.release());
    }
    Ok(NATIVE.get().get())
}

/// Opens a file that is in no container: by HDF5's own function, which prepares more than the one for connectors does.
pub fn open_file(name: &str, flags: c_uint, access: Hid) -> Result<Identifier> {
    let list = list_below(access)?;
    let text = CString::new(name).map_err(|_| Failure::new(Minor::BadValue, "a name has a zero byte in it"))?;
    // SAFETY: the name ends with zero, the list has HDF5's own connector.
    let id = unsafe { library().file_open(text.as_ptr(), flags, list.get()) };
    if id < 0 {
        return Err(Failure::new(Minor::CannotOpenFile, format!("HDF5 cannot open {name}")));
    }
    Identifier::new(id, "file")
}

/// HDF5 ends, and with it its identifiers.
pub fn end() {
    ranks::end();
    programs::end();
    NATIVE.get().set(0);
}

/// A list for opening a file, with HDF5's own connector instead of this one.
fn list_below(access: Hid) -> Result<Identifier> {
    // SAFETY: takes no pointer.
    let list = Identifier::new(unsafe { library().list_copy(access) }, "copy of a property list")?;
    // SAFETY: that connector needs no information.
    if unsafe { library().list_set_connector(list.get(), native()?, std::ptr::null()) } < 0 {
        return Err(Failure::new(Minor::CannotGet, "HDF5 refuses its own connector"));
    }
    Ok(list)
}

/// Whether a list asks for a driver that is not the usual one: a file in memory, of several parts, or on another service.
fn has_driver(access: Hid) -> Result<bool> {
    let usual = super::default_list(Variable::FILE_ACCESS)?;
    // SAFETY: takes no pointer.
    let (driver, usual) = unsafe { (library().list_driver(access), library().list_driver(usual.get())) };
    Ok(driver != usual && Some(driver) != mpi::driver())
}

/// Whether a file of the local file system begins as those of containers do. In a mount of `dfuse` are such, and others that HDF5's own connector reads,
/// which somebody has copied there. What cannot be read, and what a mount may not know yet, counts as ours, which says why it cannot be opened.
fn begins_as_ours(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(ENTRY_SIZE as u64).read_to_end(&mut begin));
    read.is_err() || begin.len() < ENTRY_SIZE || FileEntry::is_entry(&begin)
}

/// Whether a name is that of a file in a container. One that is `opened`, and that only the local file system has, is not.
///
/// # Safety
/// The name is null or ends with zero.
unsafe fn is_ours(text: *const c_char, access: Hid, opened: bool) -> Result<bool> {
    // SAFETY: as the caller promises.
    let text = String::from_utf8_lossy(unsafe { handle::name(text)? }).into_owned();
    let Some(name) = name::parse(&text, &Information::of(access)?)? else { return Ok(false) };
    if name::has_prefix(&text) {
        return Ok(true);
    }
    if has_driver(access)? {
        return Ok(false);
    }
    if opened && Path::new(&text).is_file() {
        return if text.starts_with('/') { Ok(begins_as_ours(Path::new(&text))) } else { File::is_there(&name) };
    }
    // The first directory of a path that is not there locally: a pool, or a mistake that HDF5 answers as it always does.
    let is_mistake = || Mount::open(name.address(), false).is_err_and(|failure| failure.minor == Minor::NotFound);
    Ok(name.is_certain || !is_mistake())
}

/// The same for all ranks that a list names, which must go the same way: one of them looks at the name.
///
/// # Safety
/// As for [`is_ours`].
unsafe fn elsewhere_for_all(
    text: *const c_char,
    access: Hid,
    opened: bool,
) -> Result<(Option<Ranks>, Option<Identifier>)> {
    let ranks = Ranks::of_list(access)?;
    // SAFETY: as the caller promises.
    let look = || unsafe { is_ours(text, access, opened) };
    let is_ours = together::once(ranks.as_ref(), look, |is| vec![u8::from(*is)], |told| told == [1])?;
    Ok((ranks, if is_ours { None } else { Some(list_below(access)?) }))
}

/// Runs what must be known before a call can go to either side; its error is HDF5's then.
fn prepare<T>(function: &CStr, body: impl FnOnce() -> Result<T>) -> Option<T> {
    let mut found = None;
    let result = guard::status(function, || {
        found = Some(body()?);
        Ok(())
    });
    found.filter(|_| result >= 0)
}

pub unsafe extern "C" fn file_create(
    text: *const c_char,
    flags: c_uint,
    list: Hid,
    access: Hid,
    transfer: Hid,
    request: Request,
) -> Object {
    // SAFETY: as HDF5 promises.
    let target = prepare(c"H5Fcreate", || unsafe { elsewhere_for_all(text, access, false) });
    match target {
        None => std::ptr::null_mut(),
        // SAFETY: the same.
        Some((ranks, None)) => unsafe { file::create_together(text, flags, list, access, ranks) },
        // SAFETY: the same.
        Some((_, Some(below))) => unsafe {
            let object = (functions().create_file)(text, flags, list, below.get(), transfer, request);
            finish_open(object, below)
        },
    }
}

pub unsafe extern "C" fn file_open(
    text: *const c_char,
    flags: c_uint,
    access: Hid,
    transfer: Hid,
    request: Request,
) -> Object {
    // SAFETY: as HDF5 promises.
    let target = prepare(c"H5Fopen", || unsafe { elsewhere_for_all(text, access, true) });
    match target {
        None => std::ptr::null_mut(),
        // SAFETY: the same.
        Some((ranks, None)) => unsafe { file::open_together(text, flags, access, ranks) },
        // SAFETY: the same.
        Some((_, Some(below))) => unsafe {
            let object = (functions().open_file)(text, flags, below.get(), transfer, request);
            finish_open(object, below)
        },
    }
}

/// An opened file of the connector below. Closing the list would clear the stack of errors, so it stays where opening failed.
fn finish_open(object: Object, list: Identifier) -> Object {
    if object.is_null() {
        library().keeping_errors(|| drop(list));
        return object;
    }
    Below { object, connector: NATIVE.get().get() }.wrap()
}

pub unsafe extern "C" fn file_specific(
    object: Object,
    arguments: *mut FileSpecific,
    transfer: Hid,
    request: Request,
) -> Herr {
    // SAFETY: HDF5 gives an object that it holds or null, and arguments whose operation says what is in them.
    unsafe {
        let call = functions().about_file;
        let asked = &mut *arguments;
        let mut list = None;
        if object.is_null() {
            let is_accessible = asked.operation == file_specific::IS_ACCESSIBLE;
            let (name, access) = match asked.operation {
                file_specific::IS_ACCESSIBLE => {
                    (asked.arguments.is_accessible.name, &raw mut asked.arguments.is_accessible.access_list)
                }
                file_specific::DELETE => (asked.arguments.delete.name, &raw mut asked.arguments.delete.access_list),
                _ => return file::specific(object, arguments, transfer, request),
            };
            let Some(target) = prepare(c"H5Fspecific", || elsewhere_for_all(name, *access, is_accessible)) else {
                return FAIL;
            };
            let (_, Some(below)) = target else { return file::specific(object, arguments, transfer, request) };
            let before = std::mem::replace(&mut *access, below.get());
            list = Some((below, access, before));
        }
        let Some(below) = Below::of(object) else {
            let Some((list, access, before)) = list else {
                return file::specific(object, arguments, transfer, request);
            };
            let result = call(std::ptr::null_mut(), NATIVE.get().get(), arguments, transfer, request);
            *access = before;
            library().keeping_errors(|| drop(list));
            return result;
        };
        match asked.operation {
            file_specific::IS_EQUAL => {
                let mut inner = std::ptr::read(arguments);
                match Below::of(inner.arguments.is_equal.other) {
                    Some(other) => inner.arguments.is_equal.other = other.object,
                    None => {
                        *inner.arguments.is_equal.same = false;
                        return SUCCEED;
                    }
                }
                call(below.object, below.connector, &raw mut inner, transfer, request)
            }
            file_specific::REOPEN => {
                let result = call(below.object, below.connector, arguments, transfer, request);
                if result >= 0 {
                    let place = asked.arguments.reopen;
                    *place = Below { object: *place, connector: below.connector }.wrap();
                }
                result
            }
            _ => call(below.object, below.connector, arguments, transfer, request),
        }
    }
}

pub unsafe extern "C" fn group_specific(
    object: Object,
    arguments: *mut GroupSpecific,
    transfer: Hid,
    request: Request,
) -> Herr {
    // SAFETY: HDF5 gives an object that it holds, and arguments whose operation says what is in them.
    unsafe {
        let is_mount = (*arguments).operation == group_specific::MOUNT;
        let child = if is_mount { (*arguments).arguments.mount.child } else { std::ptr::null_mut() };
        let Some(below) = Below::of(object) else {
            if Below::of(child).is_some() {
                return mixed(c"H5Fmount");
            }
            return group::specific(object, arguments, transfer, request);
        };
        let mut inner = std::ptr::read(arguments);
        if is_mount {
            let Some(child) = Below::of(child) else { return mixed(c"H5Fmount") };
            inner.arguments.mount.child = child.object;
        }
        (functions().about_group)(below.object, below.connector, &raw mut inner, transfer, request)
    }
}

/// An operation on a file of a container and one elsewhere.
fn mixed(function: &CStr) -> Herr {
    guard::status(function, || {
        let sentence = "one of the files is in a DAOS container and the other one is not";
        Err(Failure::new(Minor::Unsupported, sentence))
    })
}

/// Where a call about two objects goes.
enum Sides {
    Ours,
    Below(Object, Object, Hid),
    Mixed,
}

/// Looks at two objects, of which one may be left out where both are the same.
unsafe fn sides(one: Object, other: Object) -> Sides {
    // SAFETY: as the caller promises.
    match unsafe { (Below::of(one), Below::of(other)) } {
        (None, None) => Sides::Ours,
        (Some(one), Some(other)) => Sides::Below(one.object, other.object, one.connector),
        (Some(below), None) if other.is_null() => Sides::Below(below.object, other, below.connector),
        (None, Some(below)) if one.is_null() => Sides::Below(one, below.object, below.connector),
        _ => Sides::Mixed,
    }
}

pub unsafe extern "C" fn link_create(
    arguments: *mut LinkCreate,
    object: Object,
    at: *const Location,
    list: Hid,
    access: Hid,
    transfer: Hid,
    request: Request,
) -> Herr {
    // SAFETY: HDF5 gives objects that it holds or null, and arguments whose operation says what is in them.
    unsafe {
        let is_hard = (*arguments).operation == link_create::HARD;
        let target = if is_hard { (*arguments).arguments.hard.object } else { std::ptr::null_mut() };
        match sides(object, target) {
            Sides::Ours => {
                let ours = || link::create(arguments, object, at, list, access, transfer, request);
                let (result, detour) = detour::attempt(ours);
                // The target of a hard one would have to be in that file.
                let Some(detour) = detour.filter(|_| !is_hard) else { return result };
                let (at, connector) = (detour.place(at), detour.connector());
                let call = functions().create_link;
                call(arguments, detour.file(), &raw const at, connector, list, access, transfer, request)
            }
            Sides::Mixed => mixed(c"H5Lcreate"),
            Sides::Below(object, target, connector) => {
                let mut inner = std::ptr::read(arguments);
                if is_hard {
                    inner.arguments.hard.object = target;
                }
                (functions().create_link)(&raw mut inner, object, at, connector, list, access, transfer, request)
            }
        }
    }
}

macro_rules! two_links {
    ($name:ident, $function:literal, $ours:ident, $below:ident) => {
        pub unsafe extern "C" fn $name(
            from: Object,
            from_at: *const Location,
            to: Object,
            to_at: *const Location,
            list: Hid,
            access: Hid,
            transfer: Hid,
            request: Request,
        ) -> Herr {
            // SAFETY: HDF5 gives objects that it holds or null.
            unsafe {
                match sides(from, to) {
                    Sides::Ours => link::$ours(from, from_at, to, to_at, list, access, transfer, request),
                    Sides::Mixed => mixed($function),
                    Sides::Below(from, to, connector) => {
                        (functions().$below)(from, from_at, to, to_at, connector, list, access, transfer, request)
                    }
                }
            }
        }
    };
}

two_links!(link_copy, c"H5Lcopy", copy, copy_link);
two_links!(link_move, c"H5Lmove", rename, move_link);

pub unsafe extern "C" fn object_copy(
    from: Object,
    from_at: *const Location,
    from_name: *const c_char,
    to: Object,
    to_at: *const Location,
    to_name: *const c_char,
    copy_list: Hid,
    links: Hid,
    transfer: Hid,
    request: Request,
) -> Herr {
    // SAFETY: HDF5 gives objects that it holds.
    unsafe {
        match sides(from, to) {
            Sides::Ours => {
                copy::copy(from, from_at, from_name, to, to_at, to_name, copy_list, links, transfer, request)
            }
            Sides::Mixed => mixed(c"H5Ocopy"),
            Sides::Below(from, to, connector) => {
                let call = functions().copy_object;
                call(from, from_at, from_name, to, to_at, to_name, connector, copy_list, links, transfer, request)
            }
        }
    }
}

macro_rules! move_elements {
    ($name:ident, $function:literal, $memory:ty) => {
        pub unsafe extern "C" fn $name(
            count: usize,
            objects: *const Object,
            kinds: *const Hid,
            memory_spaces: *const Hid,
            file_spaces: *const Hid,
            transfer: Hid,
            buffers: *const $memory,
            request: Request,
        ) -> Herr {
            // SAFETY: HDF5 gives as many objects that it holds.
            unsafe {
                let all = if count == 0 { &[] } else { std::slice::from_raw_parts(objects, count) };
                let Some(first) = all.iter().find_map(|object| Below::of(*object)) else {
                    return dataset::CLASS.$name.map_or(FAIL, |ours| {
                        ours(count, objects, kinds, memory_spaces, file_spaces, transfer, buffers, request)
                    });
                };
                let below: Option<Vec<Object>> =
                    all.iter().map(|object| Below::of(*object).map(|below| below.object)).collect();
                let Some(below) = below else { return mixed($function) };
                (functions().$name)(
                    count,
                    below.as_ptr(),
                    first.connector,
                    kinds,
                    memory_spaces,
                    file_spaces,
                    transfer,
                    buffers,
                    request,
                )
            }
        }
    };
}

move_elements!(read, c"H5Dread", *mut c_void);
move_elements!(write, c"H5Dwrite", *const c_void);
