//! Tokens: comparing them, and their text.

use crate::failure::{Failure, Minor};
use crate::format::Token;
use crate::guard;
use crate::handle::name;
use crate::hdf5::class::{Object, TokenClass};
use crate::hdf5::{Herr, TokenBytes, library};
use std::cmp::Ordering;
use std::ffi::{CString, c_char, c_int};

pub const CLASS: TokenClass = TokenClass { compare: Some(compare), to_text: Some(to_text), from_text: Some(from_text) };

fn bits(token: &TokenBytes) -> u64 {
    let mut bits = [0; Token::SIZE];
    bits.copy_from_slice(&token.0[..Token::SIZE]);
    u64::from_le_bytes(bits)
}

unsafe extern "C" fn compare(_: Object, one: *const TokenBytes, other: *const TokenBytes, result: *mut c_int) -> Herr {
    guard::status(c"H5VLtoken_cmp", || {
        // SAFETY: HDF5 gives two tokens and a number.
        unsafe {
            *result = match bits(&*one).cmp(&bits(&*other)) {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            };
        }
        Ok(())
    })
}

unsafe extern "C" fn to_text(_: Object, _: c_int, token: *const TokenBytes, text: *mut *mut c_char) -> Herr {
    guard::status(c"H5VLtoken_to_str", || {
        // SAFETY: HDF5 gives a token.
        let written = format!("{:#018x}", bits(unsafe { &*token }));
        let written = CString::new(written).expect("digits");
        let bytes = written.as_bytes_with_nul();
        // SAFETY: the program frees it by HDF5's own function.
        unsafe {
            let memory = library().allocate(bytes.len(), false).cast::<c_char>();
            if memory.is_null() {
                return Err(Failure::new(Minor::Internal, "no memory for the text of a token"));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), memory, bytes.len());
            *text = memory;
        }
        Ok(())
    })
}

unsafe extern "C" fn from_text(_: Object, _: c_int, text: *const c_char, token: *mut TokenBytes) -> Herr {
    guard::status(c"H5VLtoken_from_str", || {
        // SAFETY: HDF5 gives a text that ends with zero.
        let text = String::from_utf8_lossy(unsafe { name(text)? }).into_owned();
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let bits = u64::from_str_radix(digits, 16)
            .map_err(|_| Failure::new(Minor::BadValue, format!("{text} is no text of a token")))?;
        // SAFETY: HDF5 gives room for a token.
        unsafe { *token = Token::from_bits(bits)?.to_bytes() };
        Ok(())
    })
}
