//! Help for tests of programs.

use core::ffi::{c_char, c_int, c_uint};

use daos_env::log;
use daos_status::{Code, fail};

use crate::abi::{d_rank_t, daos_event_t};
use crate::completion;
use crate::guard::guard;

/// Writes a line to this process's log, at the level of information.
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_debug_add_mark(mark: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_debug_add_mark", |caller| {
            let mark = caller.text(mark, "mark")?;
            log!(Info, "libdaos", "mark: {mark}");
            Ok(())
        })
    }
}

/// Sets a parameter for tests in engines. Engines have none: faults are put in by the simulator, not by a switch in what users
/// run. Setting one to zero, which programs do to clean up, changes nothing and succeeds.
///
/// @return zero, -DER_NOTSUPPORTED when value is not zero, -DER_INVAL, -DER_UNINIT
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_debug_set_params(
    grp: *const c_char,
    _rank: d_rank_t,
    key_id: c_uint,
    value: u64,
    value_extra: u64,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_debug_set_params", |caller| {
            let _group = caller.text_optional(grp, "grp")?;
            completion::run(caller, "daos_debug_set_params", ev, move |_client| async move {
                if value != 0 || value_extra != 0 {
                    fail!(Code::Notsupported, "engines have no parameter {key_id} for tests");
                }
                Ok::<(), daos_status::Status>(())
            })
        })
    }
}
