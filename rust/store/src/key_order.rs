//! How the keys of a level are ordered: an order word that decides nearly always, then their bytes.

use crate::level::Level;
use crate::tree::Probe;
use daos_media::Arena;
use daos_status::{Code, Result, Status};
use daos_types::{ContainerId, Key, KeyKind, ObjectId};
use std::cmp::Ordering;

/// Odd constants without pattern (digits of the golden ratio and of the square roots of 2, 3 and 5). Part of the format.
const MIX: [u64; 4] = [0x9e37_79b9_7f4a_7c15, 0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b];

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The hash that hashed keys are ordered by. Part of the format; collisions cost time only.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut state = MIX[0] ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), MIX[1]) ^ state.rotate_left(29);
    }
    if !rest.is_empty() {
        state = fold(state ^ short_word(rest), MIX[2]) ^ state.rotate_left(29);
    }
    fold(state ^ MIX[3], MIX[1])
}

/// The little-endian word that fewer than eight bytes begin and zeros end: from loads that overlap, without a loop.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
        return first | last << ((length - 4) * 8);
    }
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return 0 };
    let middle = u64::from(bytes[length / 2]) << (length / 2 * 8);
    u64::from(*first) | middle | u64::from(*last) << ((length - 1) * 8)
}

#[inline]
fn leading_word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*word);
    }
    let mut word = [0; 8];
    let length = bytes.len().min(8);
    word[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(word)
}

/// The order word of a key.
#[inline]
pub(crate) fn order_of(kind: KeyKind, key: &[u8]) -> Result<u64> {
    Ok(match kind {
        KeyKind::Hashed => hash(key),
        KeyKind::Lexical => leading_word(key),
        KeyKind::Integer => match key.try_into() {
            Ok(bytes) => u64::from_le_bytes(bytes),
            Err(_) => return Err(no_integer(key)),
        },
    })
}

#[cold]
fn no_integer(key: &[u8]) -> Status {
    Status::new(Code::Inval, format!("an integer key has 8 bytes, not {}", key.len()))
}

/// The key of a child of a level, to search for.
pub(crate) struct KeyProbe<'a> {
    pub order: u64,
    pub bytes: &'a [u8],
}

impl<'a> KeyProbe<'a> {
    #[inline]
    pub(crate) fn new(kind: KeyKind, key: &'a Key) -> Result<KeyProbe<'a>> {
        Ok(KeyProbe { order: order_of(kind, key)?, bytes: key })
    }
}

impl Probe for KeyProbe<'_> {
    #[inline]
    fn order(&self) -> u64 {
        self.order
    }
    fn compare(&self, arena: &Arena, link: u32) -> Result<Ordering> {
        Level::load(arena, link)?.compare_key(arena, self.bytes)
    }
    #[inline]
    fn equals(&self, arena: &Arena, link: u32) -> Result<bool> {
        Level::load(arena, link)?.has_key(arena, self.bytes)
    }
}

/// An object's key in its container: ordered by the lower half, which is what differs between objects of one class.
pub(crate) fn object_key(object: ObjectId) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&object.lo.to_be_bytes());
    key[8..].copy_from_slice(&object.hi.to_be_bytes());
    key
}

/// See [`object_key`].
pub(crate) fn object_of_key(key: &[u8]) -> Option<ObjectId> {
    let (lo, hi) = key.split_first_chunk::<8>()?;
    Some(ObjectId { lo: u64::from_be_bytes(*lo), hi: u64::from_be_bytes(hi.try_into().ok()?) })
}

/// The probe of a key that [`object_key`] or a container's identifier gives.
#[inline]
pub(crate) fn fixed_probe(key: &[u8; 16]) -> KeyProbe<'_> {
    KeyProbe { order: leading_word(key), bytes: key }
}

/// A container's key in the store.
pub(crate) fn container_key(container: ContainerId) -> [u8; 16] {
    container.to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of hashed keys is part of the format.
    #[test]
    fn golden_hashes() {
        assert_eq!(hash(b""), GOLDEN[0]);
        assert_eq!(hash(b"dkey"), GOLDEN[1]);
        assert_eq!(hash(b"a longer key of more than a word"), GOLDEN[2]);
    }

    #[test]
    fn short_words_are_their_bytes() {
        let bytes = [1, 2, 3, 4, 5, 6, 255];
        for length in 0..=bytes.len() {
            let mut word = [0; 8];
            word[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(short_word(&bytes[..length]), u64::from_le_bytes(word), "{length}");
        }
    }

    const GOLDEN: [u64; 3] = [0xd961_70bd_ba15_4e0c, 0xf252_a4b2_a3e5_8110, 0xca76_18e1_80d9_84fe];
}
