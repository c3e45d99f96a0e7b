//! A duplicate of this connector for each further HDF5 of the process.
//!
//! The connector knows everywhere which HDF5 it serves. The wheels of h5py, netCDF4 and PyTables bring one each, and a program may use all three:
//! xarray loads two. The dynamic linker loads a file only once, so a duplicate is a file in memory, with state of its own. To each other
//! they are what two processes would be; libdaos is the same for all.

use std::ffi::{CStr, CString, OsStr, c_char, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The function by which a duplicate is given what it needs; [`daos_hdf5_duplicate`].
const ENTRY: &CStr = c"daos_hdf5_duplicate";
type Entry = unsafe extern "C" fn(*const c_void, *const c_char) -> *const c_void;
/// More than the HDF5 libraries that any program has.
const DUPLICATES_MAX: usize = 64;

/// Which HDF5 has which table: their addresses.
static TABLES: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());
/// In a duplicate: the file of which it is one.
static ORIGINAL: OnceLock<PathBuf> = OnceLock::new();

/// The table for the HDF5 that has this base; `caller` is an address in it.
///
/// # Errors
/// A sentence, when no duplicate can be made, or this HDF5 cannot be served.
pub fn table(base: usize, caller: *const c_void) -> Result<*const c_void, String> {
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, table)) = tables.iter().find(|(known, _)| *known == base) {
        return Ok(*table as *const c_void);
    }
    if tables.len() == DUPLICATES_MAX {
        return Err(format!("more than {DUPLICATES_MAX} HDF5 libraries of this process use the connector"));
    }
    let file = own_file().ok_or("another HDF5 library of this process uses the connector, whose file is not known")?;
    let entry = load(&file, tables.len()).map_err(|error| {
        format!("another HDF5 library of this process uses the connector, of which no duplicate can be made: {error}")
    })?;
    let name = CString::new(file.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the function is the one below, of the same file; the name ends with zero.
    let table = unsafe { entry(caller, name.as_ptr()) };
    if table.is_null() {
        return Err("its duplicate does not serve another HDF5 library of this process".to_owned());
    }
    tables.push((base, table as usize));
    Ok(table)
}

/// Loads a file once more, which stays for the life of the process.
fn load(file: &Path, number: usize) -> io::Result<Entry> {
    let mut original = File::open(file)?;
    // SAFETY: the name ends with zero.
    let descriptor = unsafe { libc::memfd_create(c"libhdf5_vol_daos.so".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and is nobody else's.
    let mut duplicate = unsafe { File::from_raw_fd(descriptor) };
    io::copy(&mut original, &mut duplicate)?;
    // What is loaded is known by its name first, and the number of a descriptor comes again: so each has a name of its own.
    let name = format!("/proc/self{}/fd/{}", "/.".repeat(number), duplicate.as_raw_fd());
    let name = CString::new(name).map_err(io::Error::other)?;
    // SAFETY: the name ends with zero; the connector does nothing when it is loaded.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(io::Error::other("it cannot be loaded from memory"));
    }
    // SAFETY: the handle is one of dlopen, the name ends with zero.
    let address = unsafe { libc::dlsym(handle, ENTRY.as_ptr()) };
    if address.is_null() {
        return Err(io::Error::other("its file was replaced by another one"));
    }
    // SAFETY: the function has this signature in every file that has it.
    Ok(unsafe { std::mem::transmute::<*mut c_void, Entry>(address) })
}

/// Tells a duplicate which HDF5 it serves, and of which file it is one. Gives the table.
///
/// # Safety
/// The name ends with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_hdf5_duplicate(caller: *const c_void, file: *const c_char) -> *const c_void {
    // SAFETY: as the caller promises.
    let file = unsafe { CStr::from_ptr(file) };
    let _first = ORIGINAL.set(PathBuf::from(OsStr::from_bytes(file.to_bytes())));
    crate::plugin::information(caller)
}

/// The file of this connector.
pub fn own_file() -> Option<PathBuf> {
    if let Some(original) = ORIGINAL.get() {
        return Some(original.clone());
    }
    // SAFETY: all zero is a value of this struct.
    let mut found: libc::Dl_info = unsafe { std::mem::zeroed() };
    let address = (own_file as fn() -> Option<PathBuf>) as *const c_void;
    // SAFETY: any address may be asked for.
    if unsafe { libc::dladdr(address, &raw mut found) } == 0 || found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the name ends with zero, and belongs to the loaded file.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    std::fs::canonicalize(Path::new(OsStr::from_bytes(name.to_bytes()))).ok()
}
