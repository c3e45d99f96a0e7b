//! Environment variables.

use core::ffi::{c_char, c_int};

use daos_status::{Code, Result, fail};

use crate::guard::guard;
use crate::pointer::Caller;

fn variable(caller: Caller, name: *const c_char) -> Result<String> {
    let name = caller.text(name, "name")?;
    match std::env::var(&name) {
        Ok(value) => Ok(value),
        Err(_) => fail!(Code::Nonexist, "{name} is not set"),
    }
}

/// A copy of an environment variable, freed by d_freeenv_str.
///
/// @str_val [out] NULL when it is not set
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_NOMEM, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_agetenv_str(str_val: *mut *mut c_char, name: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_agetenv_str", |caller| {
            let place = caller.out(str_val, "str_val")?;
            place.set(core::ptr::null_mut());
            let copy = super::memory::duplicate(variable(caller, name)?.as_bytes());
            if copy.is_null() {
                fail!(Code::Nomem, "no memory for the value of a variable");
            }
            place.set(copy);
            Ok(())
        })
    }
}

/// Frees what d_agetenv_str gave and sets it to NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_freeenv_str(str_val: *mut *mut c_char) {
    if str_val.is_null() {
        return;
    }
    // SAFETY: the caller promises that the pointer came from d_agetenv_str.
    unsafe {
        libc::free((*str_val).cast());
        str_val.write(core::ptr::null_mut());
    }
}

/// Reads an environment variable as yes or no: "0", "n" and "false" are no. The value stays as it was on errors.
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_bool(name: *const c_char, bool_val: *mut bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_getenv_bool", |caller| {
            let place = caller.out(bool_val, "bool_val")?;
            let value = variable(caller, name)?.to_ascii_lowercase();
            place.set(!matches!(value.as_str(), "0" | "n" | "no" | "false"));
            Ok(())
        })
    }
}

/// Reads an environment variable as a number. The value stays as it was on errors.
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_INVAL when it is no number of 32 bits
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_uint32_t(name: *const c_char, uint32_val: *mut u32) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("d_getenv_uint32_t", |caller| number(caller, name, uint32_val)) }
}

/// Reads an environment variable as a number. The value stays as it was on errors.
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_INVAL when it is no number of 64 bits
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_uint64_t(name: *const c_char, uint64_val: *mut u64) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("d_getenv_uint64_t", |caller| number(caller, name, uint64_val)) }
}

fn number<T: Copy + std::str::FromStr>(caller: Caller, name: *const c_char, place: *mut T) -> Result<()> {
    let place = caller.out(place, "value")?;
    let value = variable(caller, name)?;
    match value.trim().parse() {
        Ok(number) => {
            place.set(number);
            Ok(())
        }
        Err(_) => fail!(Code::Inval, "'{value}' is not a number that fits"),
    }
}
