//! The log of programs, as they set it up: there is none to open, so that all of it succeeds and changes nothing. Errors appear on
//! standard error (`log.rs`).

use core::ffi::{c_char, c_int, c_uint};
use core::sync::atomic::{AtomicI32, Ordering};

use crate::abi::{d_dbug_t, d_log_id_cb_t};

/// Severity of errors: the mask that cannot be changed.
const ERRORS: c_int = 0x0400_0000;

/// All kinds of messages for debugging.
const DEBUGGING: d_dbug_t = 0x00ff_ff00;

/// The largest number that fits into the flags of a message.
const FACILITY_MAX: c_int = 255;

/// Opens the log with what the environment says.
///
/// @return zero
#[unsafe(no_mangle)]
pub extern "C" fn d_log_init() -> c_int {
    0
}

/// Opens the log. Nothing is read or kept.
///
/// @return zero
#[unsafe(no_mangle)]
pub extern "C" fn d_log_init_adv(
    _log_tag: *mut c_char,
    _log_file: *mut c_char,
    _flavor: c_uint,
    _def_mask: d_dbug_t,
    _err_mask: d_dbug_t,
    _id_cb: d_log_id_cb_t,
) -> c_int {
    0
}

/// Closes the log. Messages appear as before.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_fini() {}

/// Opens the log. Nothing is read or kept.
///
/// @return zero
#[unsafe(no_mangle)]
pub extern "C" fn d_log_open(
    _tag: *mut c_char,
    _maxfac_hint: c_int,
    _default_mask: c_int,
    _stderr_mask: c_int,
    _logfile: *mut c_char,
    _flags: c_int,
    _id_cb: d_log_id_cb_t,
) -> c_int {
    0
}

/// Closes the log. Messages appear as before.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_close() {}

/// Puts a rank into the name of the log's file.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_rank_setup(_rank: c_int) {}

/// Reads the masks of the environment again.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_sync_mask() {}

/// Takes other masks.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_sync_mask_ex(_log_mask: *const c_char, _dd_mask: *const c_char) {}

/// Writes out what is kept back: nothing is.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_sync() {}

/// Makes the log one that writes nothing. Errors appear as before.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_disable_logging() {}

/// Forgets masks, kinds and facilities.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_reset() {}

/// A number for a facility of the program's own. Any thread may call it.
///
/// @return 1 to 255, -1 when there are as many already
#[unsafe(no_mangle)]
pub extern "C" fn d_log_allocfacility(_aname: *const c_char, _lname: *const c_char) -> c_int {
    static LAST: AtomicI32 = AtomicI32::new(0);
    let next = |last: i32| (last < FACILITY_MAX).then_some(last + 1);
    LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_or(-1, |last| last + 1)
}

/// Sets the mask of a facility.
///
/// @return the mask that counts, as before and afterwards: that of errors
#[unsafe(no_mangle)]
pub extern "C" fn d_log_setlogmask(_facility: c_int, _mask: c_int) -> c_int {
    ERRORS
}

/// Sets the masks of all facilities from a text. Nothing is read or kept.
///
/// @return zero
#[unsafe(no_mangle)]
pub extern "C" fn d_log_setmasks(_mstr: *const c_char, _mlen: c_int) -> c_int {
    0
}

/// The masks of all facilities as a text, "ERR".
///
/// @buf [out] as much of it as fits after the first `discard` characters, ended by a zero unless `unterm` is set; NULL when only
///     the length is asked for
///
/// @return how many characters there are after the first `discard` ones
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_log_getmasks(buf: *mut c_char, discard: c_int, len: c_int, unterm: c_int) -> c_int {
    let rest = b"ERR".get(usize::try_from(discard).unwrap_or(0)..).unwrap_or_default();
    let room = if buf.is_null() { 0 } else { usize::try_from(len).unwrap_or(0) };
    let copied = rest.len().min(if unterm == 0 { room.saturating_sub(1) } else { room });
    // SAFETY: the caller promises `len` bytes, and no more are written.
    unsafe {
        for (index, letter) in rest[..copied].iter().enumerate() {
            buf.add(index).write(*letter as c_char);
        }
        if unterm == 0 && room > 0 {
            buf.add(copied).write(0);
        }
    }
    rest.len() as c_int
}

/// Keeps the masks that a facility's messages passed already: there are none.
#[unsafe(no_mangle)]
pub extern "C" fn d_log_add_cache(_cache: *mut c_int, _nr: c_int) {}

/// The bit of a kind of messages.
///
/// @dbgbit [out] all kinds: none is told from another
///
/// @return zero, -1 when an argument is NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_log_getdbgbit(dbgbit: *mut d_dbug_t, bitname: *mut c_char) -> c_int {
    // SAFETY: the caller's promise is the same.
    unsafe { d_log_dbg_bit_alloc(dbgbit, bitname, core::ptr::null_mut()) }
}

/// Makes a kind of messages of the program's own known.
///
/// @dbgbit [out] all kinds: none is told from another
///
/// @return zero, -1 when the place or the name is NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_log_dbg_bit_alloc(dbgbit: *mut d_dbug_t, name: *mut c_char, _lname: *mut c_char) -> c_int {
    if dbgbit.is_null() || name.is_null() {
        return -1;
    }
    // SAFETY: the caller promises a place for the bit.
    unsafe { dbgbit.write(DEBUGGING) };
    0
}

/// Forgets a kind of messages.
///
/// @return zero, -1 when the name is NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_log_dbg_bit_dealloc(name: *mut c_char) -> c_int {
    if name.is_null() { -1 } else { 0 }
}

/// Makes a group of kinds known.
///
/// @return zero, -1 when the name is NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_log_dbg_grp_alloc(_dbgmask: d_dbug_t, grpname: *mut c_char, _flags: u32) -> c_int {
    if grpname.is_null() { -1 } else { 0 }
}

/// Forgets a group of kinds.
///
/// @return zero, -1 when the name is NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_log_dbg_grp_dealloc(grpname: *mut c_char) -> c_int {
    if grpname.is_null() { -1 } else { 0 }
}
