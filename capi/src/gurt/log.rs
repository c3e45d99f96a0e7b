//! What programs that were compiled with upstream's own headers refer to: its macros for memory, locks and assertions log and
//! inject faults inline, through variables of libgurt. Here no log is open and no fault is injected, which is what the values
//! say; the library itself reads none of them. No header of ours declares them.

use core::ffi::{c_char, c_int, c_void};

/// The state of the log, as inline code looks at it: without a tag it is closed, and nothing else is read.
#[repr(C)]
pub struct d_log_xstate {
    tag: *const c_char,
    facilities: *const c_void,
    nodename: *const c_char,
    facility_count: c_int,
}

// SAFETY: all is NULL and zero, and only read.
unsafe impl Sync for d_log_xstate {}

/// A pointer of upstream's that is NULL.
#[repr(transparent)]
pub struct Nothing(*const c_void);

// SAFETY: it is NULL, and only read.
unsafe impl Sync for Nothing {}

/// No log is open.
#[unsafe(no_mangle)]
pub static d_log_xst: d_log_xstate = d_log_xstate {
    tag: core::ptr::null(),
    facilities: core::ptr::null(),
    nodename: core::ptr::null(),
    facility_count: 0,
};

/// No faults are injected.
#[unsafe(no_mangle)]
pub static d_fault_inject: u32 = 0;

/// No faults of memory are described.
#[unsafe(no_mangle)]
pub static d_fault_attr_mem: Nothing = Nothing(core::ptr::null());

/// Words of the masks that a facility keeps: one for each priority and each subject; upstream has seventeen.
const MASKS: usize = 32;

/// Variables that are zero: subjects of messages, numbers of facilities, and masks that let nothing through.
macro_rules! zeros {
    ($($type:ty = $value:expr => $($name:ident)*;)*) => {
        $($(
            #[doc = "Zero, for inline code of upstream's headers."]
            #[unsafe(no_mangle)]
            pub static $name: $type = $value;
        )*)*
    };
}

zeros! {
    u64 = 0 => DB_ALL DB_ANY DB_TRACE DB_MEM DB_NET DB_IO DB_TEST;
    c_int = 0 => d_misc_logfac d_mem_logfac d_swim_logfac d_fi_logfac d_telem_logfac;
    [c_int; MASKS] = [0; MASKS] =>
        d_misc_logfac_cache d_mem_logfac_cache d_swim_logfac_cache d_fi_logfac_cache d_telem_logfac_cache;
}

unsafe extern "C" {
    fn vdprintf(descriptor: c_int, format: *const c_char, arguments: *mut c_void) -> c_int;
}

/// The severity among the flags of a message.
const SEVERITY: c_int = 0x0fff_ff00;
/// The least severity of what appears.
const ERRORS: c_int = 0x0400_0000;
/// A message that appears on standard error.
const TO_ERROR: c_int = 0x2000_0000;
/// A message that appears on standard output.
const TO_OUTPUT: c_int = 0x1000_0000;

/// Prints a message, if it is an error or says where it is to appear; declared by hand in the header, which says more. Inline code of
/// upstream's headers asks the log first, which is closed.
///
/// # Safety
/// The list is a `va_list` that the format fits.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_vlog(flags: c_int, fmt: *const c_char, ap: *mut c_void) {
    let descriptor = match flags {
        _ if fmt.is_null() => return,
        _ if flags & TO_OUTPUT != 0 => libc::STDOUT_FILENO,
        _ if flags & TO_ERROR != 0 || flags & SEVERITY >= ERRORS => libc::STDERR_FILENO,
        _ => return,
    };
    // SAFETY: promised by the caller. On this machine a `va_list` is passed as a pointer.
    unsafe { vdprintf(descriptor, fmt, ap) };
}
