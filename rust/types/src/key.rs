//! Distribution and attribute keys.

use daos_status::{Code, Result, fail};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// The longest key, in bytes.
pub const KEY_LENGTH_MAX: usize = 64 * 1024;

/// Keys up to this long need no memory of their own: nearly all.
const INLINE: usize = 22;

/// A dkey or akey: 0 to 64 KiB of any bytes.
#[derive(Clone)]
pub struct Key(Bytes);

#[derive(Clone)]
enum Bytes {
    Short { length: u8, bytes: [u8; INLINE] },
    Long(Box<[u8]>),
}

impl Key {
    /// A key, unless it is too long.
    #[inline]
    pub fn new(bytes: &[u8]) -> Result<Key> {
        if bytes.len() > INLINE {
            return Key::long(bytes);
        }
        let mut short = [0; INLINE];
        short[..bytes.len()].copy_from_slice(bytes);
        Ok(Key(Bytes::Short { length: bytes.len() as u8, bytes: short }))
    }

    fn long(bytes: &[u8]) -> Result<Key> {
        if bytes.len() > KEY_LENGTH_MAX {
            fail!(Code::KeyTooBig, "a key of {} bytes is longer than {KEY_LENGTH_MAX}", bytes.len());
        }
        Ok(Key(Bytes::Long(bytes.into())))
    }

    /// The key of an unsigned integer: its eight bytes, little-endian, as upstream stores integer keys.
    #[inline]
    pub fn from_u64(value: u64) -> Key {
        let mut bytes = [0; INLINE];
        bytes[..size_of::<u64>()].copy_from_slice(&value.to_le_bytes());
        Key(Bytes::Short { length: size_of::<u64>() as u8, bytes })
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short { length, bytes } => &bytes[..usize::from(*length)],
            Bytes::Long(bytes) => bytes,
        }
    }

    /// The unsigned integer of an eight-byte key.
    pub fn to_u64(&self) -> Option<u64> {
        Some(u64::from_le_bytes(self.as_bytes().try_into().ok()?))
    }
}

impl Default for Key {
    fn default() -> Key {
        Key(Bytes::Short { length: 0, bytes: [0; INLINE] })
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Deref for Key {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// How a key is kept makes no difference: bytes decide.
    #[test]
    fn keys_of_every_length_are_their_bytes() {
        let bytes: Vec<u8> = (0..100).collect();
        let keys: Vec<Key> = (0..bytes.len()).map(|length| Key::new(&bytes[..length]).expect("short")).collect();
        assert!(keys.is_sorted());
        for (length, key) in keys.iter().enumerate() {
            assert_eq!((key.as_bytes(), &**key), (&bytes[..length], &bytes[..length]));
        }
        let set: HashSet<Key> = keys.iter().cloned().collect();
        assert!((0..bytes.len()).all(|length| set.contains(&bytes[..length])));
        assert_eq!(Key::from_u64(7).to_u64(), Some(7));
        assert_eq!((Key::default().to_u64(), Key::default().len()), (None, 0));
        assert!(Key::new(&vec![0; KEY_LENGTH_MAX]).is_ok() && Key::new(&vec![0; KEY_LENGTH_MAX + 1]).is_err());
        assert_eq!(size_of::<Key>(), 24);
    }
}
