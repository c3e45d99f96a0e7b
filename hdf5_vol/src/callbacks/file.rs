//! Files.

use super::{decoded_list, list_bytes, unknown};
use crate::daos::object_class;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::Token;
use crate::guard;
use crate::handle::{self, Handle, Maker};
use crate::hdf5::arguments::{FileGet, FileSpecific, OptionalArguments, file_get, file_optional, file_specific};
use crate::hdf5::class::{FileClass, Object, Request};
use crate::hdf5::{
    ACCESS_TRUNCATE, ACCESS_WITH_READERS, ACCESS_WITH_WRITER, ACCESS_WRITE, Herr, Hid, Identifier, SUCCEED, Variable,
    identifier_type, library, open_objects,
};
use crate::heap;
use crate::information::Information;
use crate::locking::Locking;
use crate::name::{self, Name};
use crate::properties;
use crate::ranks::Ranks;
use crate::together;
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::rc::Rc;

pub const CLASS: FileClass = FileClass {
    create: Some(create),
    open: Some(open),
    get: Some(get),
    specific: Some(specific),
    optional: Some(optional),
    close: Some(close),
};

/// Who asks for the version of the format that a file has.
const CONTAINER_VERSION: c_uint = 1;

unsafe fn parse(text: *const c_char, access: Hid) -> Result<(String, Name)> {
    // SAFETY: HDF5 gives a text that ends with zero.
    let text = String::from_utf8_lossy(unsafe { handle::name(text)? }).into_owned();
    let Some(name) = name::parse(&text, &Information::of(access)?)? else {
        return Err(Failure::new(Minor::CannotOpenFile, format!("{text} is no name in a DAOS container")));
    };
    Ok((text, name))
}

/// As programs know errors about files: the number of the system's error is what h5py chooses its exception by.
fn about_file(failure: Failure) -> Failure {
    let errno = match failure.minor {
        Minor::NotFound => libc::ENOENT,
        Minor::Exists => libc::EEXIST,
        Minor::NoSpace => libc::ENOSPC,
        _ => return failure,
    };
    Failure::new(Minor::CannotOpenFile, format!("{} (errno = {errno})", failure.text))
}

/// The class of objects that a list of file access asks for; zero when it asks for none.
fn chosen_class(access: Hid) -> Result<u32> {
    Information::of(access)?.class.map_or(Ok(0), |class| object_class(&class))
}

/// Gives HDF5 a file. The class that is chosen for it is that of all that have it open; zero leaves it.
fn give(file: Rc<File>, is_writable: bool, class: u32, access: Hid) -> Result<Object> {
    file.know_access(access)?;
    if is_writable && class != 0 {
        file.class.set(class);
    }
    // SAFETY: takes no pointer.
    let access = Identifier::new(unsafe { library().list_copy(access) }, "copy of a property list")?;
    Ok(Handle::of_file(file, is_writable, access)?.into_pointer())
}

unsafe extern "C" fn create(text: *const c_char, flags: c_uint, list: Hid, access: Hid, _: Hid, _: Request) -> Object {
    // SAFETY: as HDF5 promises.
    unsafe { create_together(text, flags, list, access, None) }
}

/// Makes a file, for all ranks that there are.
///
/// # Safety
/// The name is null or ends with zero.
pub unsafe fn create_together(
    text: *const c_char,
    flags: c_uint,
    list: Hid,
    access: Hid,
    ranks: Option<Ranks>,
) -> Object {
    guard::object(c"H5Fcreate", || {
        // Whatever fails on one rank fails within the calls that all make.
        // SAFETY: as the caller promises.
        let shown = String::from_utf8_lossy(unsafe { handle::name(text)? }).into_owned();
        let create = || {
            // SAFETY: the same.
            let (text, name) = unsafe { parse(text, access)? };
            // What the lists say is looked at before anything is replaced.
            let chosen = chosen_class(access)?;
            let class = match properties::get(list, properties::OBJECT_CLASS)? {
                Some(class) => object_class(&class)?,
                None => chosen,
            };
            let list = list_bytes(list, Variable::FILE_CREATE_DEFAULT)?;
            File::create(&name, &text, flags & ACCESS_TRUNCATE != 0, list, class)
        };
        let file = match ranks {
            None => create(),
            Some(ranks) => File::begin_together(ranks, &shown, true, create),
        };
        give(file.map_err(about_file)?, true, chosen_class(access)?, access)
    })
}

unsafe extern "C" fn open(text: *const c_char, flags: c_uint, access: Hid, _: Hid, _: Request) -> Object {
    // SAFETY: as HDF5 promises.
    unsafe { open_together(text, flags, access, None) }
}

/// Opens a file, for all ranks that there are.
///
/// # Safety
/// As for [`create_together`].
pub unsafe fn open_together(text: *const c_char, flags: c_uint, access: Hid, ranks: Option<Ranks>) -> Object {
    guard::object(c"H5Fopen", || {
        // SAFETY: as the caller promises.
        let shown = String::from_utf8_lossy(unsafe { handle::name(text)? }).into_owned();
        let is_writable = flags & ACCESS_WRITE != 0;
        let open_file = if ranks.is_none() { File::open } else { File::open_anew };
        let open = || {
            // SAFETY: the same.
            let (text, name) = unsafe { parse(text, access)? };
            let file = open_file(&name, &text, is_writable)?;
            // An entry without the object that it names is found here and not at the first use.
            file.root()?.header()?;
            Ok(file)
        };
        let file = match ranks {
            None => open(),
            Some(ranks) => File::begin_together(ranks, &shown, is_writable, open),
        };
        let file = file.map_err(about_file)?;
        require_same_locking(&file, access)?;
        let sharing = flags & (ACCESS_WITH_READERS | ACCESS_WITH_WRITER);
        file.sharing.set(file.sharing.get() | sharing);
        give(file, is_writable, chosen_class(access)?, access)
    })
}

/// Refuses a list that says something else of locking than the one with which the file is open already. What one rank says counts for all.
fn require_same_locking(file: &File, access: Hid) -> Result<()> {
    let Some(known) = file.access.get() else { return Ok(()) };
    let look = || {
        if Locking::of(known.get())? == Locking::of(access)? {
            return Ok(());
        }
        let sentence = "the file is open in this program already with other flags for locking: they don't match";
        Err(Failure::new(Minor::CannotOpenFile, sentence))
    };
    file.ranks().map_or_else(look, |ranks| ranks.agree(look()))
}

unsafe extern "C" fn get(object: Object, arguments: *mut FileGet, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Fget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let file = handle.file()?;
            let values = &mut arguments.arguments;
            match arguments.operation {
                file_get::CONTAINER_INFORMATION => {
                    let information = &mut *values.container;
                    information.version = CONTAINER_VERSION;
                    information.feature_flags = 0;
                    information.token_size = Token::SIZE;
                    information.blob_size = heap::NAME_SIZE;
                }
                file_get::ACCESS_LIST => {
                    let list = match handle {
                        Handle::File { access, .. } => {
                            Identifier::new(library().list_copy(access.get()), "copy of a property list")?
                        }
                        _ => file.access_list()?,
                    };
                    values.identifier = list.release();
                }
                file_get::CREATION_LIST => {
                    let root = file.root()?;
                    values.identifier = decoded_list(root.creation_list()?, Variable::FILE_CREATE)?.release();
                }
                file_get::NUMBER => *values.number = file.number() as c_ulong,
                file_get::INTENT => {
                    let is_writable = match handle {
                        Handle::File { is_writable, .. } => *is_writable,
                        _ => file.is_writable(),
                    };
                    *values.flags = c_uint::from(is_writable) | file.sharing.get();
                }
                file_get::NAME => {
                    let name = values.name;
                    super::give_text(file.name.as_bytes(), name.buffer, name.size, name.length);
                }
                file_get::OBJECT_COUNT => {
                    let count = values.count;
                    *count.count = open_ids(handle, count.types, usize::MAX)?.len();
                }
                file_get::OBJECTS => {
                    let wanted = values.objects;
                    let ids = open_ids(handle, wanted.types, wanted.count_max)?;
                    std::ptr::copy_nonoverlapping(ids.as_ptr(), wanted.list, ids.len());
                    *wanted.count = ids.len();
                }
                _ => return unknown("this question about a file"),
            }
        }
        Ok(())
    })
}

/// What a walk over all identifiers gathers.
struct Search<'a> {
    file: &'a File,
    /// Only what was opened by it is wanted.
    opening: Option<u64>,
    kind: c_int,
    count_max: usize,
    found: Vec<Hid>,
}

/// Identifiers of the open objects of a handle's file.
fn open_ids(handle: &Handle, types: c_uint, count_max: usize) -> Result<Vec<Hid>> {
    let kinds = [
        (open_objects::FILE, identifier_type::FILE),
        (open_objects::DATASET, identifier_type::DATASET),
        (open_objects::GROUP, identifier_type::GROUP),
        (open_objects::DATATYPE, identifier_type::DATATYPE),
        (open_objects::ATTRIBUTE, identifier_type::ATTRIBUTE),
    ];
    let file = handle.file()?;
    let opening = (types & open_objects::LOCAL != 0).then(|| handle.opening());
    let mut search = Search { file: &file, opening, kind: 0, count_max, found: Vec::new() };
    for (flag, kind) in kinds {
        if types & flag != 0 {
            search.kind = kind;
            // SAFETY: the visitor gets the search, which outlives the call.
            let result = unsafe { library().for_each_identifier(kind, visit, (&raw mut search).cast()) };
            if result < 0 {
                return Err(Failure::new(Minor::CannotGet, "HDF5 does not list its identifiers"));
            }
        }
    }
    Ok(search.found)
}

unsafe extern "C" fn visit(id: Hid, data: *mut c_void) -> Herr {
    // SAFETY: what `open_ids` gives.
    let search = unsafe { &mut *data.cast::<Search<'_>>() };
    // A datatype of a program's own belongs to no file, and asking for its object would be an error.
    // SAFETY: takes no pointer.
    let is_of_a_file = search.kind != identifier_type::DATATYPE || unsafe { library().type_committed(id) } > 0;
    if is_of_a_file && search.found.len() < search.count_max {
        // SAFETY: takes no pointer.
        let object = unsafe { library().object_of(id) };
        let is_known = search.file.handles.borrow().contains(&(object as usize));
        // SAFETY: the file knows it as a handle of its own.
        let opening = || unsafe { Handle::from_pointer(object) }.map_or(0, Handle::opening);
        if is_known && search.opening.is_none_or(|wanted| opening() == wanted) {
            search.found.push(id);
        }
    }
    SUCCEED
}

pub unsafe extern "C" fn specific(object: Object, arguments: *mut FileSpecific, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Fspecific", || {
        // SAFETY: HDF5 gives an object of ours or null, and arguments whose operation says what is in them.
        unsafe {
            let arguments = &mut *arguments;
            let values = &mut arguments.arguments;
            match arguments.operation {
                file_specific::FLUSH => Handle::from_pointer(object)?.file()?.flush(),
                file_specific::REOPEN => {
                    let file = Handle::from_pointer(object)?.file()?;
                    let is_writable = file.is_writable();
                    let access = file.access_list()?;
                    *values.reopen = Handle::of_file(file, is_writable, access)?.into_pointer();
                    Ok(())
                }
                file_specific::IS_ACCESSIBLE => {
                    let asked = values.is_accessible;
                    let text = String::from_utf8_lossy(handle::name(asked.name)?).into_owned();
                    let look = || match name::parse(&text, &Information::of(asked.access_list)?)? {
                        Some(name) => File::is_there(&name),
                        None => Ok(false),
                    };
                    let ranks = Ranks::of_list(asked.access_list)?;
                    *asked.accessible =
                        together::once(ranks.as_ref(), look, |is| vec![u8::from(*is)], |told| told == [1])?;
                    Ok(())
                }
                file_specific::DELETE => {
                    let ranks = Ranks::of_list(values.delete.access_list)?;
                    let delete = || File::delete(&parse(values.delete.name, values.delete.access_list)?.1);
                    together::once(ranks.as_ref(), delete, |()| Vec::new(), |_| ()).map_err(about_file)
                }
                file_specific::IS_EQUAL => {
                    let asked = values.is_equal;
                    let one = Handle::from_pointer(object)?.file()?;
                    let other = Handle::from_pointer(asked.other)?.file()?;
                    *asked.same = one.is_same(&other);
                    Ok(())
                }
                _ => unknown("this operation on a file"),
            }
        }
    })
}

unsafe extern "C" fn optional(object: Object, arguments: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Foptional", || {
        // SAFETY: HDF5 gives an object of ours and arguments.
        let (file, operation) = unsafe { (Handle::from_pointer(object)?.file()?, (*arguments).operation) };
        if operation != file_optional::START_WITH_READERS {
            return unknown("what only HDF5's own files have");
        }
        // Readers need nothing more than that what was done so far is there, and later what is flushed.
        file.require_writable()?;
        file.flush()?;
        file.sharing.set(file.sharing.get() | ACCESS_WITH_READERS);
        Ok(())
    })
}

/// What is done before a handle of a file goes.
fn finish(handle: &Handle) -> Result<()> {
    match handle {
        // Nothing has ended, and what is being done goes on.
        Handle::File { maker: Maker::Call, .. } => Ok(()),
        // Other ranks do not close it, and what was changed is told of where the program's own handles are closed.
        Handle::File { maker: Maker::Asked, file, .. } if file.ranks().is_some() => Ok(()),
        _ => handle.file()?.flush_together(),
    }
}

unsafe extern "C" fn close(object: Object, _: Hid, _: Request) -> Herr {
    guard::number(c"H5Fclose", || {
        // SAFETY: HDF5 gives an object of ours, for the last time unless it is told of an error.
        unsafe { Handle::close(object, finish) }.map(|()| SUCCEED)
    })
}
