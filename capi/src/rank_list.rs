//! Lists of ranks from text.

use core::ffi::c_char;

use daos_status::{Code, fail};

use crate::abi::d_rank_list_t;
use crate::guard::guard_value;
use crate::gurt::memory;

/// Makes a list of ranks from a text.
///
/// @str numbers with separators between them
/// @sep every character of it is a separator
///
/// @return a list that d_rank_list_free frees; NULL when the text is something else, or there is no memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_rank_list_parse(str: *const c_char, sep: *const c_char) -> *mut d_rank_list_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_rank_list_parse", core::ptr::null_mut(), |caller| {
            let (text, separators) = (caller.text(str, "str")?, caller.text(sep, "sep")?);
            let mut ranks = Vec::new();
            for word in text.split(|c| separators.contains(c)).filter(|word| !word.is_empty()) {
                match word.trim().parse() {
                    Ok(rank) => ranks.push(rank),
                    Err(_) => fail!(Code::Inval, "'{word}' in '{text}' is not a rank"),
                }
            }
            memory::rank_list(&ranks)
        })
    }
}
