//! The hashes that placement is made of.

use daos_types::{Key, KeyKind, ObjectId};
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

/// Scales a hash to a number below `limit`.
pub(crate) fn below(hash: u64, limit: u64) -> u64 {
    ((u128::from(hash) * u128::from(limit)) >> 64) as u64
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

/// Identifiers that share all but so many low bits form a block. Consecutive identifiers are spread evenly within a block
/// rather than by chance; blocks are independent of each other. Larger blocks spread runs of identifiers more evenly, smaller
/// ones do less harm to identifiers that come in strides.
const BLOCK_BITS: u32 = 12;

/// Objects of a block that share a ring. More of them are spread more evenly over targets, fewer give the shards of a target
/// more companions.
const RING_BITS: u32 = 7;

/// The part of the upper half of an identifier that belongs to its user.
const USER_MASK: u64 = 0xffff_ffff;

/// Multiples of it modulo one are the most even sequence there is (the golden ratio).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Keeps the uses of one seed apart.
const SALTS: [u64; 4] = [0x1656_67b1_9e37_79f9, 0x27d4_eb2f_1656_67c5, 0x85eb_ca77_c2b2_ae63, 0xa076_1d64_78bd_642f];

/// The coordinates of an object, by which it is placed: each is evenly spread over 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    seed: u64,
    number: u64,
}

impl Point {
    pub fn of(object: ObjectId) -> Point {
        // Containers count identifiers up in the lower half; the file system counts in what the upper half leaves to its users.
        let user = object.hi & USER_MASK;
        let (counter, rest) = if user == 0 { (object.lo, 0) } else { (user, mix(object.lo ^ SALTS[1])) };
        let seed = mix((object.hi & !USER_MASK) ^ mix((counter >> BLOCK_BITS) ^ rest ^ SALTS[0]));
        // Another order in each block, so that no stride is bad in all of them.
        let number = counter.wrapping_mul(seed | 1) & ((1 << BLOCK_BITS) - 1);
        Point { seed, number }
    }

    /// Where on a circle an object of unprotected shards begins.
    pub fn on_circle(self) -> u64 {
        mix(self.seed ^ SALTS[1]).wrapping_add(self.number.wrapping_mul(GOLDEN))
    }

    /// Where an object of redundancy groups begins: on which ring, and where on it.
    pub fn on_rings(self) -> (u64, u64) {
        let ring = mix(self.seed ^ SALTS[2].wrapping_mul((self.number >> RING_BITS) | 1 << BLOCK_BITS));
        let place = mix(ring ^ SALTS[1]).wrapping_add(self.number.wrapping_mul(GOLDEN));
        (ring, place)
    }

    /// Which of its shards move to the targets of a later generation.
    pub fn in_generation(self, generation: usize) -> u64 {
        let salt = mix(SALTS[3] ^ generation as u64);
        mix(self.seed ^ salt).wrapping_add(self.number.wrapping_mul(GOLDEN ^ (salt & !0xffff_ffff)))
    }

    /// Numbers without any order: an attempt to find a place for a shard.
    pub fn attempt(self, shard: u32, attempt: u32) -> u64 {
        let object = self.seed ^ self.number.wrapping_mul(SALTS[0]);
        mix(mix(object ^ SALTS[3]) ^ ((u64::from(shard) << 32) | u64::from(attempt)))
    }
}
