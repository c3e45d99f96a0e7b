//! The hashes that placement is made of.

use daos_types::{Key, KeyKind};
use xxhash_rust::xxh3::xxh3_64;

/// The hash of a dkey that decides its group. Integer keys are hashed as numbers, so that neighbouring chunks of an array
/// spread over its targets.
pub fn dkey_hash(dkey: &Key, kind: KeyKind) -> u64 {
    match (kind, dkey.to_u64()) {
        (KeyKind::Integer, Some(number)) => mix(number),
        _ => xxh3_64(dkey),
    }
}

/// A bijective scrambling of 64 bits (the finaliser of MurmurHash3).
pub(crate) fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

/// Jump consistent hash (Lamping and Veach, 2014): a bucket below `buckets`, moving a minimal share when it grows.
pub(crate) fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0, 0u64);
    while next < u64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((bucket + 1) as f64 * ((1u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    bucket as u32
}
