//! What happens before a program ends at a condition that does not hold.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};
use std::io::Write as _;

/// Called for a condition that does not hold. A program in C++ may throw from it.
type Handler = unsafe extern "C-unwind" fn(result: c_int, condition: *const c_char, file: *const c_char, line: c_int);

/// NULL, or the program's function: it is a variable of the C API, which inline code of upstream's headers reads.
#[unsafe(no_mangle)]
pub static d_alt_assert: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// The function that is called for conditions that do not hold from now on. It may end the program, or jump out of it, as frameworks
/// for tests do; when it returns, the program ends.
///
/// @return zero, -DER_INVAL for NULL
#[unsafe(no_mangle)]
pub extern "C" fn d_register_alt_assert(
    alt_assert: Option<unsafe extern "C" fn(result: c_int, condition: *const c_char, file: *const c_char, line: c_int)>,
) -> c_int {
    let Some(function) = alt_assert else { return -(daos_status::Code::Inval as c_int) };
    d_alt_assert.store(function as *mut c_void, Ordering::Release);
    0
}

/// Calls the function of d_register_alt_assert(), if there is one; for D_ASSERT() and its like.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn d_alt_assert_call(condition: *const c_char, file: *const c_char, line: c_int) {
    let function = d_alt_assert.load(Ordering::Acquire);
    if !function.is_null() {
        // SAFETY: only functions of this type are stored, here or by inline code of upstream's headers.
        unsafe { core::mem::transmute::<*mut c_void, Handler>(function)(0, condition, file, line) };
    }
}

/// The bytes of a line of d_log_memory().
const LINE: usize = 16;

/// Writes bytes to standard error as lines of hexadecimal numbers.
///
/// @ptr `size` bytes; NULL is none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_log_memory(ptr: *const u8, size: usize) {
    if ptr.is_null() {
        return;
    }
    // SAFETY: the caller promises as many bytes.
    let bytes = unsafe { core::slice::from_raw_parts(ptr, size) };
    let mut error = std::io::stderr().lock();
    for (index, line) in bytes.chunks(LINE).enumerate() {
        let numbers: String = line.iter().map(|byte| format!(" {byte:02x}")).collect();
        // Who closed standard error does not want to read it.
        let _ = writeln!(error, "{:p}:{numbers}", ptr.wrapping_add(index * LINE));
    }
}
