//! Handles of arrays for other processes.

use core::ffi::{c_int, c_uint};

use daos_client::array::{Array, ArrayAttributes};
use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::array::OpenArray;
use crate::completion::value_of;
use crate::container::OpenContainer;
use crate::guard::guard;
use crate::handle_table;
use crate::object::{object_id, open_flags};
use crate::pool::give_global;

/// First word of an array handle as bytes.
const MAGIC: u64 = 0x3130_7961_7272_4153; // "SArray01"

/// Words of an array handle: magic, id, cell and chunk size.
const WORDS: usize = 5;

/// Writes an array handle as bytes that other processes can open with daos_array_global2local.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_TRUNC when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_local2global(oh: daos_handle_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_array_local2global", |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let (id, attributes) = (open.array.id(), open.array.attributes());
            give_global(caller, glob, &encode(id.hi, id.lo, attributes))
        })
    }
}

/// Opens an array handle that another process wrote with daos_array_local2global.
///
/// @coh handle of its container in this process
/// @mode DAOS_OO_RO or DAOS_OO_RW
/// @oh [out] the handle, closed by daos_array_close
///
/// @return zero, -DER_NO_HDL, -DER_INVAL when the bytes are no array handle
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_global2local(
    coh: daos_handle_t,
    glob: d_iov_t,
    mode: c_uint,
    oh: *mut daos_handle_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_array_global2local", |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(oh, "oh")?;
            let bytes = caller.bytes(glob.iov_buf, glob.iov_len.min(glob.iov_buf_len), "glob")?;
            let (hi, lo, attributes) = decode(&bytes)?;
            let id = object_id(daos_obj_id_t { lo, hi });
            let flags = open_flags(mode)?;
            let array = value_of("daos_array_global2local", move |client| async move {
                open.container.know_class(&client, id).await?;
                Array::open_with_attributes(&open.container, id, flags, attributes)
            })?;
            handle.set(handle_table::insert(OpenArray { array })?);
            Ok(())
        })
    }
}

fn encode(hi: u64, lo: u64, attributes: ArrayAttributes) -> Vec<u8> {
    let words: [u64; WORDS] = [MAGIC, hi, lo, attributes.cell_size, attributes.chunk_size];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn decode(bytes: &[u8]) -> Result<(u64, u64, ArrayAttributes)> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let words: Vec<u64> = chunks.iter().map(|word| u64::from_le_bytes(*word)).collect();
    match (words.as_slice(), rest) {
        (&[MAGIC, hi, lo, cell_size, chunk_size], []) => Ok((hi, lo, ArrayAttributes { cell_size, chunk_size })),
        _ => fail!(Code::Inval, "these {} bytes are no array handle of this release", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_come_back_and_other_bytes_do_not() {
        let attributes = ArrayAttributes { cell_size: 8, chunk_size: 1 << 20 };
        let bytes = encode(1, 2, attributes);
        assert_eq!(decode(&bytes), Ok((1, 2, attributes)));
        for bad in [&bytes[..bytes.len() - 1], &bytes[8..], b""] {
            assert_eq!(decode(bad).map_err(|e| e.code()), Err(Code::Inval));
        }
    }
}
