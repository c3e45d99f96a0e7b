//! `libdaos.so.2` as a table of its functions.
//!
//! It is looked for beside the connector and in the directories above it, as an installation has it, and then where the dynamic
//! linker looks. So HDF5 can load the connector from any directory, and a program that has libdaos already keeps its own.

use super::types::{
    Anchor, ContainerInformation, Descriptor, Event, Handle, KeyDescriptor, ObjectId, ScatterGather, UnifiedName,
    Vector,
};
use crate::duplicate::own_file;
use crate::failure::{Failure, Minor};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The name that programs record.
const NAME: &str = "libdaos.so.2";
/// How far above the connector's own directory libdaos may be: `lib/daos/hdf5` is two below `lib`.
const LEVELS_MAX: usize = 3;

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $symbol:literal;)*) => {
        /// Functions of libdaos, by our names for them.
        pub struct Library {
            $($name: unsafe extern "C" fn($($kind),*) -> $result,)*
        }

        #[expect(clippy::too_many_arguments, reason = "as many as the functions of C have")]
        impl Library {
            fn look_up(handle: *mut c_void) -> Result<Self, String> {
                Ok(Self {
                    $(
                        // SAFETY: the symbol is a function with this signature, which include/ says.
                        $name: unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> $result>(
                                symbol(handle, $symbol)?,
                            )
                        },
                    )*
                })
            }

            $(
                /// The function of libdaos.
                ///
                /// # Safety
                /// As its documentation in `include/` says.
                pub unsafe fn $name(&self, $($argument: $kind),*) -> $result {
                    // SAFETY: as the caller promises.
                    unsafe { (self.$name)($($argument),*) }
                }
            )*
        }
    };
}

functions! {
    fn start() -> c_int = "daos_init";
    fn restart() -> c_int = "daos_reinit";
    fn error_name(number: c_int) -> *const c_char = "d_errstr";
    fn error_text(number: c_int) -> *const c_char = "d_errdesc";
    fn pool_connect(pool: *const c_char, system: *const c_char, flags: c_uint, handle: *mut Handle, information: *mut c_void,
        event: *mut Event) -> c_int = "daos_pool_connect2";
    fn pool_disconnect(pool: Handle, event: *mut Event) -> c_int = "daos_pool_disconnect";
    fn container_open(pool: Handle, container: *const c_char, flags: c_uint, handle: *mut Handle,
        information: *mut ContainerInformation, event: *mut Event) -> c_int = "daos_cont_open2";
    fn container_close(container: Handle, event: *mut Event) -> c_int = "daos_cont_close";
    fn create_snapshot(container: Handle, epoch: *mut u64, name: *mut c_char, event: *mut Event) -> c_int
        = "daos_cont_create_snap";
    fn list_snapshots(container: Handle, count: *mut c_int, epochs: *mut u64, names: *mut *mut c_char, anchor: *mut Anchor,
        event: *mut Event) -> c_int = "daos_cont_list_snap";
    fn open_snapshot(container: Handle, epoch: u64, transaction: *mut Handle, event: *mut Event) -> c_int
        = "daos_tx_open_snap";
    fn transaction_close(transaction: Handle, event: *mut Event) -> c_int = "daos_tx_close";
    fn class_by_name(name: *const c_char) -> c_int = "daos_oclass_name2id";
    fn pool_to_global(pool: Handle, bytes: *mut Vector) -> c_int = "daos_pool_local2global";
    fn pool_from_global(bytes: Vector, pool: *mut Handle) -> c_int = "daos_pool_global2local";
    fn container_to_global(container: Handle, bytes: *mut Vector) -> c_int = "daos_cont_local2global";
    fn container_from_global(pool: Handle, bytes: Vector, container: *mut Handle) -> c_int = "daos_cont_global2local";
    fn allocate_ids(container: Handle, count: u64, first: *mut u64, event: *mut Event) -> c_int = "daos_cont_alloc_oids";
    fn object_id(container: Handle, id: *mut ObjectId, kind: c_uint, class: u32, hints: u16, zero: u32) -> c_int
        = "daos_obj_generate_oid2";
    fn object_open(container: Handle, id: ObjectId, mode: c_uint, handle: *mut Handle, event: *mut Event) -> c_int
        = "daos_obj_open";
    fn object_close(object: Handle, event: *mut Event) -> c_int = "daos_obj_close";
    fn max_epoch(object: Handle, transaction: Handle, epoch: *mut u64, event: *mut Event) -> c_int
        = "daos_obj_query_max_epoch";
    fn epoch_seconds(epoch: u64, seconds: *mut i64) -> c_int = "daos_hlc2timestamp";
    fn object_punch(object: Handle, transaction: Handle, flags: u64, event: *mut Event) -> c_int = "daos_obj_punch";
    fn punch_dkeys(object: Handle, transaction: Handle, flags: u64, count: c_uint, keys: *mut Vector, event: *mut Event)
        -> c_int = "daos_obj_punch_dkeys";
    fn punch_akeys(object: Handle, transaction: Handle, flags: u64, dkey: *mut Vector, count: c_uint, keys: *mut Vector,
        event: *mut Event) -> c_int = "daos_obj_punch_akeys";
    fn update(object: Handle, transaction: Handle, flags: u64, dkey: *mut Vector, count: c_uint,
        descriptors: *mut Descriptor, lists: *mut ScatterGather, event: *mut Event) -> c_int = "daos_obj_update";
    fn fetch(object: Handle, transaction: Handle, flags: u64, dkey: *mut Vector, count: c_uint,
        descriptors: *mut Descriptor, lists: *mut ScatterGather, maps: *mut c_void, event: *mut Event) -> c_int
        = "daos_obj_fetch";
    fn list_dkeys(object: Handle, transaction: Handle, count: *mut u32, keys: *mut KeyDescriptor,
        list: *mut ScatterGather, anchor: *mut Anchor, event: *mut Event) -> c_int = "daos_obj_list_dkey";
    fn list_akeys(object: Handle, transaction: Handle, dkey: *mut Vector, count: *mut u32, keys: *mut KeyDescriptor,
        list: *mut ScatterGather, anchor: *mut Anchor, event: *mut Event) -> c_int = "daos_obj_list_akey";
    fn queue_create(queue: *mut Handle) -> c_int = "daos_eq_create";
    fn queue_destroy(queue: Handle, flags: c_int) -> c_int = "daos_eq_destroy";
    fn queue_poll(queue: Handle, only_running: c_int, timeout: i64, count: c_uint, events: *mut *mut Event) -> c_int
        = "daos_eq_poll";
    fn event_init(event: *mut Event, queue: Handle, parent: *mut Event) -> c_int = "daos_event_init";
    fn event_test(event: *mut Event, timeout: i64, has_completed: *mut bool) -> c_int = "daos_event_test";
    fn event_fini(event: *mut Event) -> c_int = "daos_event_fini";
    fn dfs_start() -> c_int = "dfs_init";
    fn dfs_mount(pool: Handle, container: Handle, flags: c_int, dfs: *mut *mut c_void) -> c_int = "dfs_mount";
    fn dfs_mount_snapshot(pool: Handle, container: Handle, flags: c_int, epoch: u64, name: *const c_char,
        dfs: *mut *mut c_void) -> c_int = "dfs_mount_snap";
    fn dfs_unmount(dfs: *mut c_void) -> c_int = "dfs_umount";
    fn dfs_lookup(dfs: *mut c_void, path: *const c_char, flags: c_int, entry: *mut *mut c_void, mode: *mut u32,
        status: *mut c_void) -> c_int = "dfs_lookup";
    fn dfs_open(dfs: *mut c_void, parent: *mut c_void, name: *const c_char, mode: u32, flags: c_int, class: u32,
        chunk_size: u64, value: *const c_char, entry: *mut *mut c_void) -> c_int = "dfs_open";
    fn dfs_release(entry: *mut c_void) -> c_int = "dfs_release";
    fn dfs_id(entry: *mut c_void, id: *mut ObjectId) -> c_int = "dfs_obj2id";
    fn dfs_read(dfs: *mut c_void, entry: *mut c_void, list: *mut ScatterGather, offset: u64, size: *mut u64,
        event: *mut Event) -> c_int = "dfs_read";
    fn dfs_write(dfs: *mut c_void, entry: *mut c_void, list: *mut ScatterGather, offset: u64, event: *mut Event)
        -> c_int = "dfs_write";
    fn dfs_punch(dfs: *mut c_void, entry: *mut c_void, offset: u64, length: u64) -> c_int = "dfs_punch";
    fn dfs_remove(dfs: *mut c_void, parent: *mut c_void, name: *const c_char, force: bool, id: *mut ObjectId) -> c_int
        = "dfs_remove";
    fn resolve(path: *const c_char, name: *mut UnifiedName) -> c_int = "duns_resolve_path";
    fn resolve_free(name: *mut UnifiedName) -> () = "duns_destroy_attr";
}

fn symbol(handle: *mut c_void, name: &str) -> Result<*mut c_void, String> {
    let name = CString::new(name).map_err(|error| error.to_string())?;
    // SAFETY: the handle is one of dlopen, the name ends with zero.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if address.is_null() { Err(format!("{NAME} has no function {}", name.to_string_lossy())) } else { Ok(address) }
}

fn open() -> Result<*mut c_void, String> {
    let file = own_file();
    let above = file.iter().flat_map(|file| file.ancestors().skip(1).take(LEVELS_MAX));
    let candidates = above.map(|directory| directory.join(NAME)).filter(|path| path.is_file());
    let mut said = String::new();
    for candidate in candidates.chain([PathBuf::from(NAME)]) {
        let Ok(name) = CString::new(candidate.as_os_str().as_bytes()) else { continue };
        // SAFETY: the name ends with zero; what the library does when it is loaded is its own.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if !handle.is_null() {
            return Ok(handle);
        }
        // SAFETY: gives the text of the error just made.
        let error = unsafe { libc::dlerror() };
        if !error.is_null() {
            // SAFETY: not null, ends with zero.
            said = unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned();
        }
    }
    Err(format!("{NAME} cannot be loaded: {said}"))
}

/// The functions of libdaos, which is loaded and started at the first use.
pub fn daos() -> Result<&'static Library, Failure> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    let loaded = LIBRARY.get_or_init(|| {
        let library = Library::look_up(open()?)?;
        // SAFETY: takes nothing.
        let results = unsafe { [library.start(), library.dfs_start()] };
        match results {
            [0, 0] => Ok(library),
            [result, _] => Err(format!("the DAOS library cannot be started ({result})")),
        }
    });
    loaded.as_ref().map_err(|text| Failure::new(Minor::CannotOpenFile, text.clone()))
}

/// Starts libdaos anew in a process that was forked from one that used it, as Python's `multiprocessing` does; what the parent has open is
/// the parent's.
pub fn adopt() -> Result<(), Failure> {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    let (daos, process) = (daos()?, std::process::id());
    let known = PROCESS.load(Ordering::Relaxed);
    if known != process {
        // SAFETY: takes nothing; it does nothing in the process that has started libdaos.
        super::check("cannot start the DAOS library in a forked process", unsafe { daos.restart() })?;
        PROCESS.store(process, Ordering::Relaxed);
    }
    Ok(())
}
