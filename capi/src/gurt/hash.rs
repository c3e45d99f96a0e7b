//! Hash functions.

use core::ffi::{c_char, c_uchar, c_uint};

/// The bytes of a key; none for NULL.
///
/// # Safety
/// The pointer is NULL or points to as many bytes.
unsafe fn bytes<'a>(key: *const u8, length: c_uint) -> &'a [u8] {
    if key.is_null() {
        return &[];
    }
    // SAFETY: the caller of this function promises it.
    unsafe { core::slice::from_raw_parts(key, length as usize) }
}

/// The DJB2 hash of `len` bytes: the one that a table uses when its owner has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_string_u32(string: *const c_char, len: c_uint) -> u32 {
    // SAFETY: the caller promises that string points to len bytes.
    let bytes = unsafe { bytes(string.cast(), len) };
    bytes.iter().fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// The multiplier of MurmurHash64A.
const MURMUR_PRIME: u64 = 0xc6a4_a793_5bd1_e995;

/// MurmurHash64A of `key_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_hash_murmur64(key: *const c_uchar, key_len: c_uint, seed: c_uint) -> u64 {
    // SAFETY: the caller promises that key points to key_len bytes.
    murmur64(unsafe { bytes(key, key_len) }, seed)
}

fn murmur64(key: &[u8], seed: u32) -> u64 {
    let mut hash = u64::from(seed) ^ (key.len() as u64).wrapping_mul(MURMUR_PRIME);
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(MURMUR_PRIME);
        word ^= word >> 47;
        hash = (hash ^ word.wrapping_mul(MURMUR_PRIME)).wrapping_mul(MURMUR_PRIME);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0u64, |tail, byte| tail << 8 | u64::from(*byte));
        hash = (hash ^ tail).wrapping_mul(MURMUR_PRIME);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(MURMUR_PRIME);
    hash ^ hash >> 47
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        // SAFETY: the pointers and lengths are those of literals.
        unsafe {
            assert_eq!(d_hash_string_u32(core::ptr::null(), 0), 5381);
            assert_eq!(d_hash_string_u32(c"hello".as_ptr(), 5), 261_238_937);
            assert_eq!(d_hash_murmur64(b"".as_ptr(), 0, 0), 0);
        }
        // From the reference implementation of MurmurHash64A by its author.
        assert_eq!(murmur64(b"hello", 0), 0x1e68_d17c_457b_f117);
        assert_ne!(murmur64(b"hello wide world", 5731), murmur64(b"hello wide world", 5732));
    }
}
