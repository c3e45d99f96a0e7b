//! The few functions of SPDK's NVMe driver that a block device needs, as C declares them, and nothing else.
//!
//! Written after the headers of SPDK 24.01 (`spdk/nvme.h`, `spdk/env.h`). **They were compiled and never linked with SPDK, nor run against
//! it**: it is in no package registry. The libraries are looked for at run time (`dlopen`), so that nothing else needs them. The
//! environment is the program's: `spdk_env_init`, whose options differ from version to version, is called by whoever starts it.
#![allow(unsafe_code, reason = "this crate declares a C library")]

use std::ffi::{CStr, c_char, c_int, c_void};

/// The libraries, in the order in which they are loaded: the driver needs the environment.
pub const LIBRARIES: [&CStr; 2] = [c"libspdk_env_dpdk.so", c"libspdk_nvme.so"];
/// `spdk_zmalloc`: memory that devices may read and write.
pub const SPDK_MALLOC_DMA: u32 = 1;
/// `spdk_zmalloc`: of any NUMA node.
pub const SPDK_ENV_SOCKET_ID_ANY: c_int = -1;

/// `struct spdk_nvme_transport_id`, filled by `spdk_nvme_transport_id_parse`: room for any version's.
#[repr(C)]
pub struct TransportId(pub [u64; 128]);

/// `struct spdk_nvme_cpl`
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Completion {
    /// Command specific.
    pub cdw0: u32,
    /// Reserved.
    pub reserved: u32,
    /// Head of the submission queue.
    pub sqhd: u16,
    /// Submission queue.
    pub sqid: u16,
    /// Command.
    pub cid: u16,
    /// Phase (1 bit), status code (8), status code type (3), retry delay (2), more (1), do not retry (1).
    pub status: u16,
}

/// `spdk_nvme_cmd_cb`
pub type Callback = unsafe extern "C" fn(*mut c_void, *const Completion);
/// A read or a write: namespace, queue pair, memory, first block, blocks, callback, its argument, flags.
pub type Transfer =
    unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void, u64, u32, Callback, *mut c_void, u32) -> c_int;

/// The functions of libraries that were found. They stay loaded for the life of the process.
#[derive(Clone, Copy)]
pub struct Library {
    /// `int spdk_nvme_transport_id_parse(struct spdk_nvme_transport_id *trid, const char *str)`
    pub transport_id_parse: unsafe extern "C" fn(*mut TransportId, *const c_char) -> c_int,
    /// `struct spdk_nvme_ctrlr *spdk_nvme_connect(const struct spdk_nvme_transport_id *, const struct spdk_nvme_ctrlr_opts *, size_t)`
    pub connect: unsafe extern "C" fn(*const TransportId, *const c_void, usize) -> *mut c_void,
    /// `int spdk_nvme_detach(struct spdk_nvme_ctrlr *)`
    pub detach: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// `struct spdk_nvme_ns *spdk_nvme_ctrlr_get_ns(struct spdk_nvme_ctrlr *, uint32_t)`
    pub get_ns: unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void,
    /// `uint64_t spdk_nvme_ns_get_size(struct spdk_nvme_ns *)`
    pub ns_get_size: unsafe extern "C" fn(*mut c_void) -> u64,
    /// `uint32_t spdk_nvme_ns_get_sector_size(struct spdk_nvme_ns *)`
    pub ns_get_sector_size: unsafe extern "C" fn(*mut c_void) -> u32,
    /// `struct spdk_nvme_qpair *spdk_nvme_ctrlr_alloc_io_qpair(struct spdk_nvme_ctrlr *, const struct spdk_nvme_io_qpair_opts *, size_t)`
    pub alloc_io_qpair: unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void,
    /// `int spdk_nvme_ctrlr_free_io_qpair(struct spdk_nvme_qpair *)`
    pub free_io_qpair: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// `int spdk_nvme_ns_cmd_read(...)`
    pub read: Transfer,
    /// `int spdk_nvme_ns_cmd_write(...)`
    pub write: Transfer,
    /// `int spdk_nvme_ns_cmd_flush(struct spdk_nvme_ns *, struct spdk_nvme_qpair *, spdk_nvme_cmd_cb, void *)`
    pub flush: unsafe extern "C" fn(*mut c_void, *mut c_void, Callback, *mut c_void) -> c_int,
    /// `int32_t spdk_nvme_qpair_process_completions(struct spdk_nvme_qpair *, uint32_t)`
    pub process_completions: unsafe extern "C" fn(*mut c_void, u32) -> i32,
    /// `void *spdk_zmalloc(size_t, size_t, uint64_t *, int, uint32_t)`
    pub zmalloc: unsafe extern "C" fn(usize, usize, *mut u64, c_int, u32) -> *mut c_void,
    /// `void spdk_free(void *)`
    pub free: unsafe extern "C" fn(*mut c_void),
}

/// The address of a symbol in any of the libraries, as a function of the type that the caller names.
///
/// # Safety
/// `F` must be the type of a function pointer with the signature that C declares for `name`.
unsafe fn symbol<F: Copy>(handles: &[*mut c_void], name: &CStr) -> Result<F, String> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "a function pointer is as large as a pointer") };
    for handle in handles {
        // SAFETY: the handle is one that `dlopen` gave, and the name ends with a zero.
        let address = unsafe { libc::dlsym(*handle, name.as_ptr()) };
        if !address.is_null() {
            // SAFETY: an address of a function, and a type that the caller has vouched for, of the same size.
            return Ok(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&address) });
        }
    }
    Err(format!("SPDK has no {}", name.to_string_lossy()))
}

impl Library {
    /// Loads the libraries; what is wrong when they cannot be used.
    pub fn load() -> Result<Library, String> {
        let mut handles = Vec::new();
        for library in LIBRARIES {
            // SAFETY: the name ends with a zero; SPDK's constructors only register its transports.
            let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
            if handle.is_null() {
                return Err(format!("{} cannot be loaded", library.to_string_lossy()));
            }
            handles.push(handle);
        }
        // SAFETY: each type is that of the declaration that stands beside its field.
        unsafe {
            Ok(Library {
                transport_id_parse: symbol(&handles, c"spdk_nvme_transport_id_parse")?,
                connect: symbol(&handles, c"spdk_nvme_connect")?,
                detach: symbol(&handles, c"spdk_nvme_detach")?,
                get_ns: symbol(&handles, c"spdk_nvme_ctrlr_get_ns")?,
                ns_get_size: symbol(&handles, c"spdk_nvme_ns_get_size")?,
                ns_get_sector_size: symbol(&handles, c"spdk_nvme_ns_get_sector_size")?,
                alloc_io_qpair: symbol(&handles, c"spdk_nvme_ctrlr_alloc_io_qpair")?,
                free_io_qpair: symbol(&handles, c"spdk_nvme_ctrlr_free_io_qpair")?,
                read: symbol(&handles, c"spdk_nvme_ns_cmd_read")?,
                write: symbol(&handles, c"spdk_nvme_ns_cmd_write")?,
                flush: symbol(&handles, c"spdk_nvme_ns_cmd_flush")?,
                process_completions: symbol(&handles, c"spdk_nvme_qpair_process_completions")?,
                zmalloc: symbol(&handles, c"spdk_zmalloc")?,
                free: symbol(&handles, c"spdk_free")?,
            })
        }
    }
}
