//! libpmem as C declares it, and nothing else: the few functions that map persistent memory and make stores durable.
//!
//! The library is looked for at run time (`dlopen`), so that a program that uses this crate runs where it is not installed. Names and
//! meanings are libpmem's: see its manual pages. Declarations are those of `libpmem.h` 1.12; the functions are there since 1.0, and
//! `pmem_memcpy` since 1.4.
#![allow(unsafe_code, reason = "this crate declares a C library")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

/// The library's name as the dynamic linker knows it: version 1 of the interface.
pub const LIBRARY: &CStr = c"libpmem.so.1";

/// `pmem_memcpy`: the caller drains.
pub const PMEM_F_MEM_NODRAIN: c_uint = 1 << 0;

/// `void *pmem_map_file(const char *path, size_t len, int flags, mode_t mode, size_t *mapped_lenp, int *is_pmemp)`
pub type MapFile =
    unsafe extern "C" fn(*const c_char, usize, c_int, libc::mode_t, *mut usize, *mut c_int) -> *mut c_void;
/// `int pmem_unmap(void *addr, size_t len)`
pub type Unmap = unsafe extern "C" fn(*mut c_void, usize) -> c_int;
/// `void pmem_flush(const void *addr, size_t len)`
pub type Flush = unsafe extern "C" fn(*const c_void, usize);
/// `void pmem_drain(void)`
pub type Drain = unsafe extern "C" fn();
/// `int pmem_msync(const void *addr, size_t len)`
pub type Msync = unsafe extern "C" fn(*const c_void, usize) -> c_int;
/// `void *pmem_memcpy(void *pmemdest, const void *src, size_t len, unsigned flags)`
pub type Memcpy = unsafe extern "C" fn(*mut c_void, *const c_void, usize, c_uint) -> *mut c_void;
/// `const char *pmem_errormsg(void)`
pub type ErrorMessage = unsafe extern "C" fn() -> *const c_char;

/// The functions of a library that was found. It stays loaded for the life of the process.
#[derive(Clone, Copy)]
pub struct Library {
    /// See [`MapFile`].
    pub pmem_map_file: MapFile,
    /// See [`Unmap`].
    pub pmem_unmap: Unmap,
    /// See [`Flush`].
    pub pmem_flush: Flush,
    /// See [`Drain`].
    pub pmem_drain: Drain,
    /// See [`Msync`].
    pub pmem_msync: Msync,
    /// See [`Memcpy`].
    pub pmem_memcpy: Memcpy,
    /// See [`ErrorMessage`].
    pub pmem_errormsg: ErrorMessage,
}

/// The address of a symbol, as a function of the type that the caller names.
///
/// # Safety
/// `F` must be the type of a function pointer with the signature that C declares for `name`.
unsafe fn symbol<F: Copy>(handle: *mut c_void, name: &CStr) -> Result<F, String> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "a function pointer is as large as a pointer") };
    // SAFETY: the handle is one that `dlopen` gave, and the name ends with a zero.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if address.is_null() {
        return Err(format!("{} has no {}", LIBRARY.to_string_lossy(), name.to_string_lossy()));
    }
    // SAFETY: an address of a function, and a type that the caller has vouched for, of the same size.
    Ok(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&address) })
}

impl Library {
    /// Loads the library; what is wrong when it cannot be used.
    pub fn load() -> Result<Library, String> {
        // SAFETY: the name ends with a zero; the library's constructors only look at the processor and the environment.
        let handle = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            // SAFETY: after a failure it gives a string that lives until the next call on this thread, or null.
            let reason = unsafe { libc::dlerror() };
            if reason.is_null() {
                return Err(format!("{} cannot be loaded", LIBRARY.to_string_lossy()));
            }
            // SAFETY: not null, as was just checked, and ends with a zero.
            return Err(unsafe { CStr::from_ptr(reason) }.to_string_lossy().into_owned());
        }
        // SAFETY: each type is that of the declaration in libpmem.h that stands beside it.
        unsafe {
            Ok(Library {
                pmem_map_file: symbol(handle, c"pmem_map_file")?,
                pmem_unmap: symbol(handle, c"pmem_unmap")?,
                pmem_flush: symbol(handle, c"pmem_flush")?,
                pmem_drain: symbol(handle, c"pmem_drain")?,
                pmem_msync: symbol(handle, c"pmem_msync")?,
                pmem_memcpy: symbol(handle, c"pmem_memcpy")?,
                pmem_errormsg: symbol(handle, c"pmem_errormsg")?,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Library;
    use std::ffi::{CStr, CString};

    #[test]
    fn a_file_is_mapped_and_persisted() {
        let library = match Library::load() {
            Ok(library) => library,
            Err(reason) => return eprintln!("skipped: {reason}"),
        };
        let path = std::env::temp_dir().join(format!("daos-pmem-sys-{}", std::process::id()));
        std::fs::write(&path, vec![0; 8192]).expect("a file");
        let name = CString::new(path.to_str().expect("a plain path")).expect("no zeros");
        let (mut length, mut is_pmem) = (0, -1);
        // SAFETY: a file that exists, and outputs that live long enough; the mapping is written within its length and unmapped once.
        unsafe {
            let base = (library.pmem_map_file)(name.as_ptr(), 0, 0, 0, &mut length, &mut is_pmem);
            assert!(!base.is_null(), "{:?}", CStr::from_ptr((library.pmem_errormsg)()));
            base.cast::<u8>().write(7);
            assert_eq!((library.pmem_msync)(base, 64), 0);
            (library.pmem_memcpy)(base.cast::<u8>().add(64).cast(), base, 1, super::PMEM_F_MEM_NODRAIN);
            (library.pmem_flush)(base, 1);
            (library.pmem_drain)();
            assert_eq!((library.pmem_unmap)(base, length), 0);
        }
        assert_eq!(length, 8192);
        assert!(is_pmem == 0 || is_pmem == 1);
        let bytes = std::fs::read(&path).expect("readable");
        assert_eq!((bytes[0], bytes[64]), (7, 7));
        std::fs::remove_file(&path).expect("removed");
    }
}
