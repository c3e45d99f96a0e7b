//! Changes of arrays.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Changes the chunk size of an open array that was not written to.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_update_chunk_size(_oh: daos_handle_t, _chunk_size: daos_size_t) -> c_int {
    not_there("daos_array_update_chunk_size")
}
