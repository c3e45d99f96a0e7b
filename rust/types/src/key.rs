//! Distribution and attribute keys.

use daos_status::{Code, Result, fail};
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

/// The longest key, in bytes.
pub const KEY_LENGTH_MAX: usize = 64 * 1024;

/// A dkey or akey: 0 to 64 KiB of any bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key(Box<[u8]>);

impl Key {
    /// A key, unless it is too long.
    pub fn new(bytes: &[u8]) -> Result<Key> {
        if bytes.len() > KEY_LENGTH_MAX {
            fail!(Code::KeyTooBig, "a key of {} bytes is longer than {KEY_LENGTH_MAX}", bytes.len());
        }
        Ok(Key(bytes.into()))
    }

    /// The key of an unsigned integer: its eight bytes, little-endian, as upstream stores integer keys.
    pub fn from_u64(value: u64) -> Key {
        Key(Box::new(value.to_le_bytes()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The unsigned integer of an eight-byte key.
    pub fn to_u64(&self) -> Option<u64> {
        Some(u64::from_le_bytes(self.0.as_ref().try_into().ok()?))
    }
}

impl Deref for Key {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
