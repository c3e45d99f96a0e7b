//! Words for error numbers.

use core::ffi::{CStr, c_char, c_int};
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::OnceLock;

use daos_status::Code;

/// Names and texts with their zeros, made once.
fn words() -> &'static HashMap<c_int, (CString, CString)> {
    static WORDS: OnceLock<HashMap<c_int, (CString, CString)>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let with_zero = |text: &str| CString::new(text).unwrap_or_default();
        let mut words: HashMap<_, _> =
            Code::ALL.iter().map(|code| (*code as c_int, (with_zero(code.name()), with_zero(code.text())))).collect();
        words.insert(0, (c"DER_SUCCESS".to_owned(), c"Success".to_owned()));
        words
    })
}

fn word(errnum: c_int, choose: impl Fn(&'static (CString, CString)) -> &'static CStr) -> *const c_char {
    // A panic here could only come from memory that ran out; there is nothing to say then.
    let words = std::panic::catch_unwind(words).ok();
    let entry =
        words.and_then(|words| words.get(&errnum.checked_neg()?).or_else(|| words.get(&(Code::Unknown as c_int))));
    entry.map_or(c"DER_UNKNOWN".as_ptr(), |entry| choose(entry).as_ptr())
}

/// The name of an error number, such as "DER_NONEXIST".
///
/// @errnum what a function returned: zero or a negative number
///
/// @return a string that stays; "DER_UNKNOWN" for other numbers
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_errstr(errnum: c_int) -> *const c_char {
    word(errnum, |entry| &entry.0)
}

/// The text of an error number.
///
/// @errnum what a function returned: zero or a negative number
///
/// @return a string that stays
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_errdesc(errnum: c_int) -> *const c_char {
    word(errnum, |entry| &entry.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_words() {
        for number in [0, -1005, -2053, -501_000, 5, c_int::MIN, c_int::MAX] {
            // SAFETY: the functions take any number and give strings that stay.
            let (name, text) = unsafe { (CStr::from_ptr(d_errstr(number)), CStr::from_ptr(d_errdesc(number))) };
            assert!(name.to_bytes().starts_with(b"DER_"), "{number}");
            assert!(!text.is_empty(), "{number}");
        }
        // SAFETY: as above.
        assert_eq!(unsafe { CStr::from_ptr(d_errstr(-1005)) }, c"DER_NONEXIST");
    }
}
