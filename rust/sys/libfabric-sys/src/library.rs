//! The library, which is looked for at run time.
//!
//! A program that never speaks to a fabric does not load it: with all that it needs, it costs some 0.2 s and 50 MB. It stays loaded
//! for the life of the process, since providers leave threads behind.

use crate::{API_VERSION, fi_fabric_attr, fi_info, fid_fabric, signals};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt;
use std::sync::OnceLock;

/// The library's name as the dynamic linker knows it: version 1 of the binary interface, which releases 1 and 2 have.
pub const LIBRARY: &CStr = c"libfabric.so.1";

/// Why the library cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// The dynamic linker does not find it, or cannot load it; its own words.
    Missing(String),
    /// It lacks a function.
    Incomplete(String),
    /// It is older than the declarations of this crate: its version, and the one that is needed.
    TooOld((u32, u32), (u32, u32)),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Missing(reason) => write!(f, "libfabric cannot be loaded ({reason})"),
            LoadError::Incomplete(name) => write!(f, "{} has no {name}", LIBRARY.to_string_lossy()),
            LoadError::TooOld((major, minor), (needed_major, needed_minor)) => {
                write!(f, "libfabric {major}.{minor} is older than {needed_major}.{needed_minor}")
            }
        }
    }
}

/// The functions that the library exports, as fabric.h declares them.
struct Library {
    fi_getinfo:
        unsafe extern "C" fn(u32, *const c_char, *const c_char, u64, *const fi_info, *mut *mut fi_info) -> c_int,
    fi_freeinfo: unsafe extern "C" fn(*mut fi_info),
    fi_dupinfo: unsafe extern "C" fn(*const fi_info) -> *mut fi_info,
    fi_fabric: unsafe extern "C" fn(*mut fi_fabric_attr, *mut *mut fid_fabric, *mut c_void) -> c_int,
    fi_strerror: unsafe extern "C" fn(c_int) -> *const c_char,
    fi_version: unsafe extern "C" fn() -> u32,
}

/// One for the process, as the dynamic linker has it.
static LOADED: OnceLock<Result<Library, LoadError>> = OnceLock::new();

/// Loads the library, unless it is loaded already. Must succeed before any other function of this crate is of use.
pub fn load() -> Result<(), LoadError> {
    LOADED.get_or_init(|| Library::open(LIBRARY, API_VERSION)).as_ref().map(|_| ()).map_err(Clone::clone)
}

/// Whether the library was loaded.
pub fn is_loaded() -> bool {
    loaded().is_some()
}

fn loaded() -> Option<&'static Library> {
    LOADED.get()?.as_ref().ok()
}

impl Library {
    fn open(name: &CStr, needed: u32) -> Result<Library, LoadError> {
        // SAFETY: the name ends with a zero; loading runs the library's constructors, as linking it would.
        let handle = signals::keep(|| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) });
        if handle.is_null() {
            return Err(LoadError::Missing(linker_error()));
        }
        // SAFETY: each type is that of the declaration of the same name in fabric.h.
        let library = unsafe {
            Library {
                fi_getinfo: symbol(handle, c"fi_getinfo", c"FABRIC_1.3")?,
                fi_freeinfo: symbol(handle, c"fi_freeinfo", c"FABRIC_1.3")?,
                fi_dupinfo: symbol(handle, c"fi_dupinfo", c"FABRIC_1.3")?,
                fi_fabric: symbol(handle, c"fi_fabric", c"FABRIC_1.1")?,
                fi_strerror: symbol(handle, c"fi_strerror", c"FABRIC_1.0")?,
                fi_version: symbol(handle, c"fi_version", c"FABRIC_1.0")?,
            }
        };
        // SAFETY: the function has no preconditions.
        let found = unsafe { (library.fi_version)() };
        if found < needed {
            return Err(LoadError::TooOld(parts(found), parts(needed)));
        }
        Ok(library)
    }
}

fn parts(version: u32) -> (u32, u32) {
    (version >> 16, version & 0xffff)
}

fn linker_error() -> String {
    // SAFETY: after a failure it gives a text that lives until the next call on this thread, or null.
    let reason = unsafe { libc::dlerror() };
    if reason.is_null() {
        return "no reason was given".to_owned();
    }
    // SAFETY: not null, as was just checked, and ends with a zero.
    unsafe { CStr::from_ptr(reason) }.to_string_lossy().into_owned()
}

/// The address of a function, in the version that a program has which was linked with the headers of these declarations: a newer library
/// lays out its structures for that version. A library whose symbols have no versions gives the only one it has.
///
/// # Safety
/// `F` is the type of a pointer to a function with the signature that C declares for `name`.
unsafe fn symbol<F: Copy>(handle: *mut c_void, name: &CStr, version: &CStr) -> Result<F, LoadError> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "a function pointer is as large as a pointer") };
    // SAFETY: the handle is one that `dlopen` gave, and the texts end with a zero.
    let mut address = unsafe { libc::dlvsym(handle, name.as_ptr(), version.as_ptr()) };
    if address.is_null() {
        // SAFETY: as above.
        address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    }
    if address.is_null() {
        return Err(LoadError::Incomplete(name.to_string_lossy().into_owned()));
    }
    // SAFETY: the address of a function, and a type that the caller has vouched for, of the same size.
    Ok(unsafe { core::mem::transmute_copy::<*mut c_void, F>(&address) })
}

/// Finds what providers offer; `-FI_ENOSYS` when the library was not loaded.
///
/// # Safety
/// As in libfabric's manual page.
pub unsafe fn fi_getinfo(
    version: u32,
    node: *const c_char,
    service: *const c_char,
    flags: u64,
    hints: *const fi_info,
    info: *mut *mut fi_info,
) -> c_int {
    match loaded() {
        // It may load providers. SAFETY: by the caller's contract.
        Some(library) => signals::keep(|| unsafe { (library.fi_getinfo)(version, node, service, flags, hints, info) }),
        None => -(crate::FI_ENOSYS as c_int),
    }
}

/// Frees a list of infos.
///
/// # Safety
/// The list is one that the library gave.
pub unsafe fn fi_freeinfo(info: *mut fi_info) {
    if let Some(library) = loaded() {
        // SAFETY: by the caller's contract.
        unsafe { (library.fi_freeinfo)(info) }
    }
}

/// Copies an info, or makes a new one of a null pointer; null when there is no memory, or when the library was not loaded.
///
/// # Safety
/// The info is one that the library gave, or null.
pub unsafe fn fi_dupinfo(info: *const fi_info) -> *mut fi_info {
    match loaded() {
        // SAFETY: by the caller's contract.
        Some(library) => unsafe { (library.fi_dupinfo)(info) },
        None => core::ptr::null_mut(),
    }
}

/// Opens a fabric; `-FI_ENOSYS` when the library was not loaded.
///
/// # Safety
/// As in libfabric's manual page.
pub unsafe fn fi_fabric(attributes: *mut fi_fabric_attr, fabric: *mut *mut fid_fabric, context: *mut c_void) -> c_int {
    match loaded() {
        // SAFETY: by the caller's contract.
        Some(library) => unsafe { (library.fi_fabric)(attributes, fabric, context) },
        None => -(crate::FI_ENOSYS as c_int),
    }
}

/// The text of an error number; null when the library was not loaded.
pub fn fi_strerror(number: c_int) -> *const c_char {
    // SAFETY: the function takes any number.
    loaded().map_or(core::ptr::null(), |library| unsafe { (library.fi_strerror)(number) })
}

/// The version of the library; zero when it was not loaded.
pub fn fi_version() -> u32 {
    // SAFETY: the function has no preconditions.
    loaded().map_or(0, |library| unsafe { (library.fi_version)() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_missing_old_or_another_is_named() {
        let missing = Library::open(c"libfabric-of-nowhere.so.9", 0).err();
        assert!(matches!(&missing, Some(LoadError::Missing(reason)) if reason.contains("libfabric-of-nowhere")));
        let other = Library::open(c"libc.so.6", 0).err();
        assert_eq!(other, Some(LoadError::Incomplete("fi_getinfo".to_owned())));
        let old = Library::open(LIBRARY, (99 << 16) | 3).err();
        assert!(matches!(old, Some(LoadError::TooOld(_, (99, 3)))), "{old:?}");
        assert_eq!(LoadError::TooOld((1, 9), (1, 17)).to_string(), "libfabric 1.9 is older than 1.17");
    }

    #[test]
    fn loading_it_leaves_what_the_program_does_about_signals() {
        let handlers = || -> Vec<usize> {
            let signals = [libc::SIGTERM, libc::SIGINT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGABRT];
            signals.iter().map(|signal| signals::action(*signal).expect("a signal").sa_sigaction).collect()
        };
        let before = handlers();
        assert_eq!(before[0], libc::SIG_DFL, "no other test has loaded it and left a handler");
        load().expect("installed");
        assert_eq!(handlers(), before);
    }

    #[test]
    fn a_library_of_the_right_age_is_loaded_once() {
        assert_eq!((load(), load()), (Ok(()), Ok(())));
        assert!(is_loaded() && fi_version() >= API_VERSION);
        assert!(!fi_strerror(2).is_null());
    }
}
