//! Faults that tests put into programs: there are none, as in a build of upstream's for users. The simulator of this project puts
//! faults in without a switch in what users run.

use core::ffi::c_int;

use daos_status::Code;

use crate::abi::d_fault_attr_t;

/// Not supported.
const NOSYS: c_int = -(Code::Nosys as c_int);

/// Reads which faults to put in.
///
/// @return -DER_NOSYS
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_init() -> c_int {
    NOSYS
}

/// Forgets which faults to put in.
///
/// @return -DER_NOSYS
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_fini() -> c_int {
    NOSYS
}

/// Puts faults in from now on.
///
/// @return -DER_NOSYS
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_enable() -> c_int {
    NOSYS
}

/// Puts no faults in from now on.
///
/// @return -DER_NOSYS
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_disable() -> c_int {
    NOSYS
}

/// Whether faults are put in: never.
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_is_enabled() -> bool {
    false
}

/// Whether the calling thread is given faults: it is not, whatever is said here.
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_thread_enable(_enabled: bool) {}

/// The same for threads that say nothing.
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_inject_thread_default_enable(_enabled: bool) {}

/// Whether a fault is to be put in here: never.
#[unsafe(no_mangle)]
pub extern "C" fn d_should_fail(_fault_attr_ptr: *mut d_fault_attr_t) -> bool {
    false
}

/// Says how often a place fails. Nothing is kept.
///
/// @return zero
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_attr_set(_fault_id: u32, _fa_in: d_fault_attr_t) -> c_int {
    0
}

/// The error that a place gives when it fails.
///
/// @return zero: none
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_attr_err_code(_fault_id: u32) -> c_int {
    0
}

/// What is kept about a place.
///
/// @return NULL: nothing
#[unsafe(no_mangle)]
pub extern "C" fn d_fault_attr_lookup(_fault_id: u32) -> *mut d_fault_attr_t {
    core::ptr::null_mut()
}
