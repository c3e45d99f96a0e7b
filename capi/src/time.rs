//! Epochs as times.

use core::ffi::c_int;

use libc::{time_t, timespec};

use crate::guard::guard;

/// Nanoseconds of a second: an epoch counts nanoseconds since 1970.
const NANOSECONDS: u64 = 1_000_000_000;

/// The time of an epoch.
///
/// @hlc the epoch
/// @ts [out] seconds and nanoseconds since 1970
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_hlc2timespec(hlc: u64, ts: *mut timespec) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_hlc2timespec", |caller| {
            let place = caller.out(ts, "ts")?;
            place.set(timespec { tv_sec: (hlc / NANOSECONDS) as time_t, tv_nsec: (hlc % NANOSECONDS) as i64 });
            Ok(())
        })
    }
}

/// The time of an epoch in whole seconds.
///
/// @hlc the epoch
/// @ts [out] seconds since 1970
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_hlc2timestamp(hlc: u64, ts: *mut time_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_hlc2timestamp", |caller| {
            caller.out(ts, "ts")?.set((hlc / NANOSECONDS) as time_t);
            Ok(())
        })
    }
}
