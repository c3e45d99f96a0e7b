//! Environment variables.

use core::ffi::{CStr, c_char, c_int, c_uint};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::{Mutex, MutexGuard};

use daos_status::{Code, Result, fail};

use crate::fork;
use crate::guard::{guard, guard_value};
use crate::pointer::Caller;

/// Held by all who change or read the environment here: any thread may do either, as upstream has it. The rest of the library reads under the standard
/// library's own lock, which all changes but those of `putenv` take, too; a fork that holds this one finds no change under way.
static LOCK: Mutex<()> = Mutex::new(());

/// The right to change or read the environment.
pub(crate) type Held = MutexGuard<'static, ()>;

/// Takes the lock.
pub(crate) fn held() -> Held {
    fork::take(&LOCK)
}

/// Runs a change of the environment, which no function here sees half done: zero, or a number that is not, and errno.
fn change(change: impl FnOnce() -> c_int) -> c_int {
    match fork::take_if_possible(&LOCK) {
        Some(_held) => change(),
        None => failed(libc::ENOTRECOVERABLE),
    }
}

/// The bytes of a variable.
fn variable(caller: Caller, name: *const c_char) -> Result<Vec<u8>> {
    let name = caller.text(name, "name")?;
    let _held = held();
    match std::env::var_os(&name) {
        Some(value) => Ok(value.into_vec()),
        None => fail!(Code::Nonexist, "{name} is not set"),
    }
}

/// A variable's name that can be set or taken away.
///
/// # Safety
/// It is NULL or ends with a zero.
unsafe fn name_of<'a>(name: *const c_char) -> Option<&'a OsStr> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    (!name.is_empty() && !name.contains(&b'=')).then(|| OsStr::from_bytes(name))
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
            let copy = super::memory::duplicate(&variable(caller, name)?);
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
            place.set(!matches!(value.as_slice(), b"0" | b"n" | b"no" | b"false"));
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

/// Whether an environment variable is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_isenv_def(name: *mut c_char) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_value("d_isenv_def", false, |caller| Ok(variable(caller, name).is_ok())) }
}

/// Copies an environment variable, ended by a zero.
///
/// @str_val [out] room for `str_size` bytes
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_TRUNC when only its beginning fits, which is copied, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_str(str_val: *mut c_char, str_size: usize, name: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_getenv_str", |caller| {
            let place = caller.out_bytes(str_val.cast(), str_size, "str_val")?;
            let value = variable(caller, name)?;
            let Some(room) = str_size.checked_sub(1) else { fail!(Code::Inval, "no room for a text") };
            let copied = value.len().min(room);
            value[..copied].iter().enumerate().for_each(|(index, byte)| place.set(index, *byte));
            place.set(copied, 0);
            if copied < value.len() {
                fail!(Code::Trunc, "the value has {} bytes, and there is room for {room}", value.len());
            }
            Ok(())
        })
    }
}

/// Reads an environment variable as a character. The value stays as it was on errors.
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_INVAL when it is not one character
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_char(name: *const c_char, char_val: *mut c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_getenv_char", |caller| {
            let place = caller.out(char_val, "char_val")?;
            let value = variable(caller, name)?;
            let [letter] = value[..] else {
                fail!(Code::Inval, "'{}' is not one character", String::from_utf8_lossy(&value));
            };
            place.set(letter as c_char);
            Ok(())
        })
    }
}

/// Reads an environment variable as a number. The value stays as it was on errors.
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_INVAL when it is no number that fits
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_uint(name: *const c_char, uint_val: *mut c_uint) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("d_getenv_uint", |caller| number(caller, name, uint_val)) }
}

/// The same; its old name.
///
/// @return zero, -DER_NONEXIST when it is not set, -DER_INVAL when it is no number that fits
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_getenv_int(name: *const c_char, uint_val: *mut c_uint) -> c_int {
    // SAFETY: the caller's promise is the same.
    unsafe { d_getenv_uint(name, uint_val) }
}

/// Sets an environment variable, as setenv.
///
/// @return zero, or -1 and errno
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    // SAFETY: the caller promises a text.
    let Some(name) = (unsafe { name_of(name) }).filter(|_| !value.is_null()) else { return refused() };
    // SAFETY: the same.
    let value = OsStr::from_bytes(unsafe { CStr::from_ptr(value) }.to_bytes());
    change(|| {
        if overwrite != 0 || std::env::var_os(name).is_none() {
            // SAFETY: the caller promises that no other thread reads the environment in another way.
            unsafe { std::env::set_var(name, value) };
        }
        0
    })
}

/// Sets an environment variable from "name=value", as putenv: the text becomes part of the environment.
///
/// @return zero, or a number that is not, and errno
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_putenv(name: *mut c_char) -> c_int {
    if name.is_null() {
        return refused();
    }
    // SAFETY: as above; that the text stays is the caller's promise.
    change(|| unsafe { libc::putenv(name) })
}

/// Takes an environment variable away, as unsetenv.
///
/// @return zero, or -1 and errno
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_unsetenv(name: *const c_char) -> c_int {
    // SAFETY: the caller promises a text.
    let Some(name) = (unsafe { name_of(name) }) else { return refused() };
    change(|| {
        // SAFETY: as above.
        unsafe { std::env::remove_var(name) };
        0
    })
}

/// Takes all environment variables away, as clearenv.
///
/// @return zero, or -1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_clearenv() -> c_int {
    change(|| {
        // SAFETY: the caller promises that no other thread reads the environment in another way.
        std::env::vars_os().for_each(|(name, _)| unsafe { std::env::remove_var(name) });
        0
    })
}

/// What libc's functions answer to a text that they cannot use.
fn refused() -> c_int {
    failed(libc::EINVAL)
}

fn failed(errno: c_int) -> c_int {
    // SAFETY: the place is this thread's.
    unsafe { *libc::__errno_location() = errno };
    -1
}

fn number<T: Copy + std::str::FromStr>(caller: Caller, name: *const c_char, place: *mut T) -> Result<()> {
    let place = caller.out(place, "value")?;
    let value = variable(caller, name)?;
    let value = String::from_utf8_lossy(&value);
    match value.trim().parse() {
        Ok(number) => {
            place.set(number);
            Ok(())
        }
        Err(_) => fail!(Code::Inval, "'{value}' is not a number that fits"),
    }
}
