//! Functions for programs, declared in `include/daos_vol.h`: what they say about files in lists of properties, and snapshots.
//!
//! A program links with this library, or finds them in it, and may call them before HDF5 has loaded the connector: they look for the HDF5 that is in the
//! process, and register the connector with it. Then HDF5 needs to find no plugin.

use crate::callbacks::below;
use crate::daos;
use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::handle::Handle;
use crate::hdf5::{self, DEFAULT, FAIL, Herr, Hid, Identifier, SUCCEED, Variable, library};
use crate::information::Information;
use crate::plugin;
use crate::properties;
use crate::serial::Serial;
use std::cell::Cell;
use std::ffi::{CStr, c_char};

/// No snapshot (`H5_DAOS_SNAP_ID_INVAL`).
const NO_SNAPSHOT: u64 = u64::MAX;

/// The connector as it was registered here, which stays so until HDF5 ends.
static REGISTERED: Serial<Cell<Hid>> = Serial::new(Cell::new(0));

/// HDF5 ends, and with it its identifiers.
pub fn end() {
    REGISTERED.get().set(0);
}

/// The connector's identifier.
fn connector() -> Result<Hid> {
    if REGISTERED.get().get() == 0 {
        // SAFETY: the table is complete, and stays.
        let id = unsafe { library().register(plugin::class().cast(), DEFAULT) };
        REGISTERED.get().set(Identifier::new(id, "identifier for the DAOS connector")?.release());
    }
    Ok(REGISTERED.get().get())
}

/// Runs a function of a program's: an error is on HDF5's stack, and is shown as those of HDF5's functions are.
fn call<T: Copy>(name: &CStr, failed: T, body: impl FnOnce() -> Result<T>) -> T {
    if let Err(sentence) = hdf5::find().and_then(|()| below::load()) {
        eprintln!("DAOS connector for HDF5: {}: {sentence}", name.to_string_lossy());
        return failed;
    }
    let mut value = failed;
    let result = guard::status(name, || {
        value = body()?;
        Ok(())
    });
    if result < 0 {
        library().show_errors();
    }
    value
}

/// A text of a program's; none for null.
///
/// # Safety
/// The pointer is null or leads to text that ends with zero.
unsafe fn text<'a>(pointer: *const c_char) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(pointer) }.to_str();
    text.map(Some).map_err(|_| Failure::new(Minor::BadValue, "a name is no text"))
}

fn is_of_class(list: Hid, class: Variable) -> bool {
    // SAFETY: takes no pointer.
    unsafe { library().list_is_of_class(list, library().value(class)) > 0 }
}

fn require_class(list: Hid, class: Variable, what: &str) -> Result<()> {
    if is_of_class(list, class) {
        Ok(())
    } else {
        Err(Failure::new(Minor::BadType, format!("the list is none of {what}")))
    }
}

/// Changes what a list of file access says, and gives it the connector.
fn change(list: Hid, change: impl FnOnce(&mut Information)) -> Result<()> {
    require_class(list, Variable::FILE_ACCESS, "file access")?;
    let mut information = Information::held(list)?;
    change(&mut information);
    // What is said is what a text could say, but for the name of a snapshot, which may have any letter.
    let plain = Information { snapshot: None, ..information.clone() };
    if Information::parse(&plain.to_string())? != plain {
        return Err(Failure::new(
            Minor::BadValue,
            format!("\"{plain}\" has a name that no pool, container or system has"),
        ));
    }
    // SAFETY: the information is one of this connector, and HDF5 copies it.
    if unsafe { library().list_set_connector(list, connector()?, (&raw const information).cast()) } < 0 {
        return Err(Failure::new(Minor::CannotGet, "HDF5 does not take the connector for a list"));
    }
    Ok(())
}

fn owned(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// `H5Pset_fapl_daos`.
///
/// # Safety
/// The texts are null or end with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5Pset_fapl_daos(list: Hid, pool: *const c_char, system: *const c_char) -> Herr {
    call(c"H5Pset_fapl_daos", FAIL, || {
        // SAFETY: as the caller promises.
        let (pool, system) = unsafe { (owned(text(pool)?), owned(text(system)?)) };
        change(list, |information| (information.pool, information.system) = (pool, system))?;
        Ok(SUCCEED)
    })
}

/// `H5daos_set_container`.
///
/// # Safety
/// The text is null or ends with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_set_container(list: Hid, container: *const c_char) -> Herr {
    call(c"H5daos_set_container", FAIL, || {
        // SAFETY: as the caller promises.
        let container = owned(unsafe { text(container)? });
        change(list, |information| information.container = container)?;
        Ok(SUCCEED)
    })
}

/// `H5daos_set_snapshot`.
///
/// # Safety
/// The text is null or ends with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_set_snapshot(list: Hid, snapshot: *const c_char) -> Herr {
    call(c"H5daos_set_snapshot", FAIL, || {
        // SAFETY: as the caller promises.
        let snapshot = owned(unsafe { text(snapshot)? });
        change(list, |information| information.snapshot = snapshot)?;
        Ok(SUCCEED)
    })
}

/// `H5Pset_daos_snap_open`.
#[unsafe(no_mangle)]
pub extern "C" fn H5Pset_daos_snap_open(list: Hid, snapshot: u64) -> Herr {
    call(c"H5Pset_daos_snap_open", FAIL, || {
        let snapshot = (snapshot != NO_SNAPSHOT).then(|| format!("{snapshot:#x}"));
        change(list, |information| information.snapshot = snapshot)?;
        Ok(SUCCEED)
    })
}

/// `H5daos_snap_create`.
///
/// # Safety
/// The place is null or one of a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_snap_create(object: Hid, snapshot: *mut u64) -> Herr {
    call(c"H5daos_snap_create", FAIL, || {
        // SAFETY: as the caller promises.
        let place = unsafe { snapshot.as_mut() };
        let place =
            place.ok_or_else(|| Failure::new(Minor::BadValue, "there is no place for the snapshot's number"))?;
        // SAFETY: takes no pointer.
        let pointer = unsafe { library().object_of(object) };
        if !crate::file::File::has_anywhere(pointer) {
            return Err(Failure::new(Minor::BadType, "it is no object of a file in a DAOS container"));
        }
        // SAFETY: a file that is open has it as one of its handles.
        let file = unsafe { Handle::from_pointer(pointer)? }.file()?;
        *place = file.create_snapshot()?;
        Ok(SUCCEED)
    })
}

/// `H5daos_set_object_class`.
///
/// # Safety
/// The text is null or ends with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_set_object_class(list: Hid, class: *const c_char) -> Herr {
    call(c"H5daos_set_object_class", FAIL, || {
        // SAFETY: as the caller promises.
        let class = unsafe { text(class)? }.unwrap_or_default();
        let takers = [Variable::FILE_ACCESS, Variable::FILE_CREATE, Variable::DATASET_CREATE, Variable::MAP_CREATE];
        if !takers.into_iter().any(|taker| is_of_class(list, taker)) {
            let sentence = "only lists of file access, and of the creation of files, datasets and maps, have a class of objects: groups and \
                            committed datatypes have that of their file";
            return Err(Failure::new(Minor::BadType, sentence));
        }
        if !class.is_empty() {
            daos::object_class(class)?;
        }
        properties::set(list, properties::OBJECT_CLASS, class)?;
        Ok(SUCCEED)
    })
}

/// `H5daos_get_object_class`.
///
/// # Safety
/// The buffer is null or has the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_get_object_class(list: Hid, buffer: *mut c_char, size: usize) -> isize {
    // SAFETY: as the caller promises.
    call(c"H5daos_get_object_class", -1, || unsafe { give(list, properties::OBJECT_CLASS, buffer, size) })
}

/// Gives the value of a property to a buffer, cut to its size, and its whole length.
///
/// # Safety
/// As for [`H5daos_get_object_class`].
unsafe fn give(list: Hid, property: &CStr, buffer: *mut c_char, size: usize) -> Result<isize> {
    crate::hdf5::require_list(list)?;
    let value = properties::get(list, property)?.unwrap_or_default();
    let mut length = 0;
    // SAFETY: as the caller promises.
    unsafe { crate::callbacks::give_text(value.as_bytes(), buffer, size, &raw mut length) };
    Ok(length.cast_signed())
}

/// `H5daos_set_root_open_object_class`.
///
/// # Safety
/// The text is null or ends with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_set_root_open_object_class(list: Hid, class: *const c_char) -> Herr {
    call(c"H5daos_set_root_open_object_class", FAIL, || {
        require_class(list, Variable::FILE_ACCESS, "file access")?;
        // SAFETY: as the caller promises.
        let class = unsafe { text(class)? }.unwrap_or_default();
        properties::set(list, properties::ROOT_CLASS, class)?;
        Ok(SUCCEED)
    })
}

/// `H5daos_get_root_open_object_class`.
///
/// # Safety
/// The buffer is null or has the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_get_root_open_object_class(list: Hid, buffer: *mut c_char, size: usize) -> isize {
    // SAFETY: as the caller promises.
    call(c"H5daos_get_root_open_object_class", -1, || unsafe { give(list, properties::ROOT_CLASS, buffer, size) })
}

/// `H5daos_set_all_ind_metadata_ops`.
#[unsafe(no_mangle)]
pub extern "C" fn H5daos_set_all_ind_metadata_ops(list: Hid, is_independent: bool) -> Herr {
    call(c"H5daos_set_all_ind_metadata_ops", FAIL, || {
        require_class(
            list,
            Variable::FILE_ACCESS,
            "file access: all that ranks do with a file is independent, or nothing",
        )?;
        properties::set(list, properties::INDEPENDENT, if is_independent { "1" } else { "" })?;
        Ok(SUCCEED)
    })
}

/// `H5daos_get_all_ind_metadata_ops`.
///
/// # Safety
/// The place is null or one of a flag.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn H5daos_get_all_ind_metadata_ops(list: Hid, is_independent: *mut bool) -> Herr {
    call(c"H5daos_get_all_ind_metadata_ops", FAIL, || {
        crate::hdf5::require_list(list)?;
        let is = properties::get(list, properties::INDEPENDENT)?.is_some();
        // SAFETY: as the caller promises.
        let place = unsafe { is_independent.as_mut() };
        *place.ok_or_else(|| Failure::new(Minor::BadValue, "there is no place for the flag"))? = is;
        Ok(SUCCEED)
    })
}

/// `H5daos_set_prop`.
#[unsafe(no_mangle)]
pub extern "C" fn H5daos_set_prop(_: Hid, _: *const c_char) -> Herr {
    call(c"H5daos_set_prop", FAIL, || {
        let sentence = "a file is made in a container that is there: give the container its properties when it is made (daos container create)";
        Err(Failure::new(Minor::Unsupported, sentence))
    })
}
