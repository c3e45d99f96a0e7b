//! The functions that libfabric's headers define as `static inline`: calls through an object's table of operations.
//!
//! An object without such an operation answers with `-FI_ENOSYS` here, where C would jump to address zero.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments, reason = "as in libfabric's manual pages")]

use crate::*;
use core::ffi::{c_char, c_int, c_void};

/// Calls an operation through a table, or gives `-FI_ENOSYS`.
macro_rules! through {
    ($table:expr, $operation:ident ( $($argument:expr),* $(,)? )) => {{
        let table = $table;
        // SAFETY: the caller passes a live object, whose tables libfabric keeps valid; the arguments are the caller's.
        unsafe {
            match table.as_ref().and_then(|table| table.$operation) {
                Some(operation) => operation($($argument),*),
                None => -(FI_ENOSYS as i32) as _,
            }
        }
    }};
}

macro_rules! inline_functions {
    ($($(#[$doc:meta])* fn $name:ident($object:ident: $object_type:ty $(, $argument:ident: $type:ty)*) -> $result:ty
        = $($path:ident).+ => $operation:ident;)*) => {
        $(
            $(#[$doc])*
            pub unsafe fn $name($object: *mut $object_type $(, $argument: $type)*) -> $result {
                // SAFETY: the caller passes a live object.
                through!(unsafe { (*$object).$($path).+ }, $operation($object $(, $argument)*))
            }
        )*
    };
}

inline_functions! {
    /// Closes any object, given by its `fid` member.
    fn fi_close(object: fid) -> c_int = ops => close;
    /// Sends a command to an object.
    fn fi_control(object: fid, command: c_int, argument: *mut c_void) -> c_int = ops => control;
    /// Opens a domain of a fabric.
    fn fi_domain(object: fid_fabric, info: *mut fi_info, domain: *mut *mut fid_domain, context: *mut c_void) -> c_int = ops => domain;
    /// Asks whether waiting on the descriptors of objects is safe.
    fn fi_trywait(object: fid_fabric, objects: *mut *mut fid, count: c_int) -> c_int = ops => trywait;
    /// Opens a completion queue.
    fn fi_cq_open(object: fid_domain, attributes: *mut fi_cq_attr, queue: *mut *mut fid_cq, context: *mut c_void) -> c_int = ops => cq_open;
    /// Opens an address vector.
    fn fi_av_open(object: fid_domain, attributes: *mut fi_av_attr, vector: *mut *mut fid_av, context: *mut c_void) -> c_int = ops => av_open;
    /// Opens an endpoint.
    fn fi_endpoint(object: fid_domain, info: *mut fi_info, endpoint: *mut *mut fid_ep, context: *mut c_void) -> c_int = ops => endpoint;
    /// Reads completions.
    fn fi_cq_read(object: fid_cq, buffer: *mut c_void, count: usize) -> isize = ops => read;
    /// Reads the error at the head of a completion queue.
    fn fi_cq_readerr(object: fid_cq, buffer: *mut fi_cq_err_entry, flags: u64) -> isize = ops => readerr;
    /// Inserts addresses.
    fn fi_av_insert(object: fid_av, address: *const c_void, count: usize, fi_address: *mut fi_addr_t, flags: u64, context: *mut c_void) -> c_int = ops => insert;
    /// Removes addresses.
    fn fi_av_remove(object: fid_av, fi_address: *mut fi_addr_t, count: usize, flags: u64) -> c_int = ops => remove;
    /// Posts a receive buffer.
    fn fi_recv(object: fid_ep, buffer: *mut c_void, length: usize, descriptor: *mut c_void, source: fi_addr_t, context: *mut c_void) -> isize = msg => recv;
    /// Sends a message.
    fn fi_send(object: fid_ep, buffer: *const c_void, length: usize, descriptor: *mut c_void, destination: fi_addr_t, context: *mut c_void) -> isize = msg => send;
    /// Sends a short message whose buffer can be used again at once, and that reports no completion.
    fn fi_inject(object: fid_ep, buffer: *const c_void, length: usize, destination: fi_addr_t) -> isize = msg => inject;
    /// Reads remote memory.
    fn fi_read(object: fid_ep, buffer: *mut c_void, length: usize, descriptor: *mut c_void, source: fi_addr_t, address: u64, key: u64, context: *mut c_void) -> isize = rma => read;
    /// Writes remote memory.
    fn fi_write(object: fid_ep, buffer: *const c_void, length: usize, descriptor: *mut c_void, destination: fi_addr_t, address: u64, key: u64, context: *mut c_void) -> isize = rma => write;
    /// Writes remote memory, with flags.
    fn fi_writemsg(object: fid_ep, message: *const fi_msg_rma, flags: u64) -> isize = rma => writemsg;
}

/// Allocates an info structure.
pub unsafe fn fi_allocinfo() -> *mut fi_info {
    // SAFETY: a null pointer asks for a new structure.
    unsafe { fi_dupinfo(core::ptr::null()) }
}

/// Binds an endpoint to another object.
pub unsafe fn fi_ep_bind(endpoint: *mut fid_ep, object: *mut fid, flags: u64) -> c_int {
    // SAFETY: the caller passes live objects.
    through!(unsafe { (*endpoint).fid.ops }, bind(&raw mut (*endpoint).fid, object, flags))
}

/// Enables an endpoint.
pub unsafe fn fi_enable(endpoint: *mut fid_ep) -> c_int {
    // SAFETY: the caller passes a live object.
    unsafe { fi_control(&raw mut (*endpoint).fid, FI_ENABLE as c_int, core::ptr::null_mut()) }
}

/// The address of an endpoint.
pub unsafe fn fi_getname(endpoint: *mut fid_ep, address: *mut c_void, length: *mut usize) -> c_int {
    // SAFETY: the caller passes a live object and memory of the length.
    through!(unsafe { (*endpoint).cm }, getname(&raw mut (*endpoint).fid, address, length))
}

/// Registers memory.
pub unsafe fn fi_mr_reg(
    domain: *mut fid_domain,
    memory: *const c_void,
    length: usize,
    access: u64,
    offset: u64,
    requested_key: u64,
    flags: u64,
    region: *mut *mut fid_mr,
    context: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes a live object and memory that outlives the registration.
    let (table, object) = unsafe { ((*domain).mr, &raw mut (*domain).fid) };
    through!(table, reg(object, memory, length, access, offset, requested_key, flags, region, context))
}

/// What a provider calls an error of a completion.
pub unsafe fn fi_cq_strerror(
    queue: *mut fid_cq,
    provider_error: c_int,
    error_data: *const c_void,
    buffer: *mut c_char,
    length: usize,
) -> *const c_char {
    // SAFETY: the caller passes a live object.
    match unsafe { (*queue).ops.as_ref() }.and_then(|table| table.strerror) {
        // SAFETY: the caller passes what the completion carried.
        Some(operation) => unsafe { operation(queue, provider_error, error_data, buffer, length) },
        None => core::ptr::null(),
    }
}
