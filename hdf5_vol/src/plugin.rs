//! What HDF5 looks for in a plugin: its type, and its table.

use crate::callbacks::{below, below_calls, introspection, request, tables, wrap};
use crate::duplicate;
use crate::hdf5::class::{Class, VERSION, capability};
use crate::hdf5::{Herr, Hid, SUCCEED, load};
use crate::information;
use std::ffi::{CStr, c_int, c_void};

/// The connector's name, as in `HDF5_VOL_CONNECTOR=daos`.
pub const NAME: &CStr = c"daos";
/// Its registered number, which is that of every connector to DAOS: files of another one are refused by their entry.
pub const VALUE: c_int = 4004;
/// Its own version, which HDF5 only shows.
const CONNECTOR_VERSION: u32 = 1;
/// `H5PL_TYPE_VOL`.
const PLUGIN_TYPE: c_int = 1;

/// What it does. HDF5 has no flag for a part of `OBJECT_MORE`: all of it is there but for some flags of copying, which fail with a sentence.
pub const CAPABILITIES: u64 = capability::ASYNCHRONOUS
    | capability::ATTRIBUTE_BASIC
    | capability::ATTRIBUTE_MORE
    | capability::DATASET_BASIC
    | capability::DATASET_MORE
    | capability::FILE_BASIC
    | capability::FILE_MORE
    | capability::GROUP_BASIC
    | capability::GROUP_MORE
    | capability::LINK_BASIC
    | capability::LINK_MORE
    | capability::MAP_BASIC
    | capability::MAP_MORE
    | capability::OBJECT_BASIC
    | capability::OBJECT_MORE
    | capability::STORED_DATATYPES
    | capability::CREATION_ORDER
    | capability::EXTERNAL_LINKS
    | capability::USER_DEFINED_LINKS
    | capability::TRACKED_TIMES
    | capability::MOUNT
    | capability::FILTERS
    | capability::STORAGE_SIZE
    | capability::ITERATE
    | capability::BY_INDEX
    | capability::GET_PROPERTY_LIST
    | capability::FLUSH_REFRESH
    | capability::HARD_LINKS
    | capability::SOFT_LINKS
    | capability::FILL_VALUES;

static CLASS: Class = Class {
    version: VERSION,
    value: VALUE,
    name: NAME.as_ptr(),
    connector_version: CONNECTOR_VERSION,
    capabilities: CAPABILITIES,
    initialize: Some(initialize),
    terminate: Some(terminate),
    information: information::CLASS,
    wrap: wrap::CLASS,
    attribute: tables::ATTRIBUTE,
    dataset: tables::DATASET,
    datatype: tables::DATATYPE,
    file: tables::FILE,
    group: tables::GROUP,
    link: tables::LINK,
    object: tables::OBJECT,
    introspection: introspection::CLASS,
    request: request::CLASS,
    blob: tables::BLOB,
    token: tables::TOKEN,
    optional: Some(wrap::optional),
};

/// The table.
pub fn class() -> *const Class {
    &raw const CLASS
}

unsafe extern "C" fn initialize(_: Hid) -> Herr {
    SUCCEED
}

/// Files are closed by then; what connects to pools ended with them.
unsafe extern "C" fn terminate() -> Herr {
    below_calls::end();
    SUCCEED
}

/// Says that this is a connector.
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_type() -> c_int {
    PLUGIN_TYPE
}

/// Gives the table to the HDF5 that calls. Which one that is only the return address tells, so the function begins by hand.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn H5PLget_plugin_info() -> *const c_void {
    std::arch::naked_asm!("mov rdi, [rsp]", "jmp {information}", information = sym information)
}

/// The same; the return address is in a register.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn H5PLget_plugin_info() -> *const c_void {
    std::arch::naked_asm!("mov x0, x30", "b {information}", information = sym information)
}

/// The same, with an address in the HDF5 that calls.
pub extern "C" fn information(caller: *const c_void) -> *const c_void {
    match std::panic::catch_unwind(|| table(caller)) {
        Ok(Ok(table)) => table,
        Ok(Err(sentence)) => {
            eprintln!("DAOS connector for HDF5: {sentence}");
            std::ptr::null()
        }
        Err(_) => std::ptr::null(),
    }
}

fn table(caller: *const c_void) -> Result<*const c_void, String> {
    if let Some(base) = load(caller)? {
        return duplicate::table(base, caller);
    }
    below::load()?;
    Ok(class().cast())
}
