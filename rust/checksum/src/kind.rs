//! The kinds of checksums that a container may have.

use crate::{crc32c, crc64, crc64_of_copy};
use crc_fast::CrcAlgorithm;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use std::fmt;

/// The checksum kept beside every value of a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChecksumKind {
    /// None is kept and nothing is verified.
    Off,
    /// CRC-16/T10-DIF.
    Crc16,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// Adler-32.
    Adler32,
    /// CRC-64/NVME: eight bytes for the cost of two, and the default.
    #[default]
    Crc64,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// What the kinds are called in properties, and their `DAOS_PROP_CO_CSUM_*` numbers, which are also those on media.
const TABLE: [(ChecksumKind, u8, &str); 8] = [
    (ChecksumKind::Off, 0, "off"),
    (ChecksumKind::Crc16, 1, "crc16"),
    (ChecksumKind::Crc32c, 2, "crc32"),
    (ChecksumKind::Crc64, 3, "crc64"),
    (ChecksumKind::Sha1, 4, "sha1"),
    (ChecksumKind::Sha256, 5, "sha256"),
    (ChecksumKind::Sha512, 6, "sha512"),
    (ChecksumKind::Adler32, 7, "adler32"),
];

/// The longest checksum.
pub const CHECKSUM_BYTES_MAX: usize = 64;

/// A checksum: as many bytes as its kind has. Numbers are little-endian.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    bytes: [u8; CHECKSUM_BYTES_MAX],
    length: u8,
}

impl Checksum {
    fn of_bytes(part: &[u8]) -> Checksum {
        let mut bytes = [0; CHECKSUM_BYTES_MAX];
        bytes[..part.len()].copy_from_slice(part);
        Checksum { bytes, length: part.len() as u8 }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ChecksumKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [ChecksumKind; 8] = {
        let mut all = [ChecksumKind::Off; 8];
        let mut index = 0;
        while index < all.len() {
            all[index] = TABLE[index].0;
            index += 1;
        }
        all
    };

    /// Bytes of a checksum of this kind.
    pub const fn length(self) -> usize {
        match self {
            ChecksumKind::Off => 0,
            ChecksumKind::Crc16 => 2,
            ChecksumKind::Crc32c | ChecksumKind::Adler32 => 4,
            ChecksumKind::Crc64 => 8,
            ChecksumKind::Sha1 => 20,
            ChecksumKind::Sha256 => 32,
            ChecksumKind::Sha512 => 64,
        }
    }

    /// Whether a checksum of this kind fits a word of eight bytes; see [`ChecksumKind::word`].
    #[inline]
    pub const fn fits_word(self) -> bool {
        self.length() <= 8
    }

    /// Its `DAOS_PROP_CO_CSUM_*` number.
    #[inline]
    pub const fn number(self) -> u8 {
        match self {
            ChecksumKind::Off => 0,
            ChecksumKind::Crc16 => 1,
            ChecksumKind::Crc32c => 2,
            ChecksumKind::Crc64 => 3,
            ChecksumKind::Sha1 => 4,
            ChecksumKind::Sha256 => 5,
            ChecksumKind::Sha512 => 6,
            ChecksumKind::Adler32 => 7,
        }
    }

    /// The kind of a `DAOS_PROP_CO_CSUM_*` number.
    #[inline]
    pub fn from_number(number: u64) -> Option<ChecksumKind> {
        ChecksumKind::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its name in properties, such as `crc32`.
    pub fn name(self) -> &'static str {
        TABLE[usize::from(self.number())].2
    }

    /// The kind of a name, in any case.
    pub fn from_name(name: &str) -> Option<ChecksumKind> {
        TABLE.iter().find(|(_, _, known)| known.eq_ignore_ascii_case(name)).map(|(kind, ..)| *kind)
    }

    /// The checksum as a number, of kinds that fit eight bytes; of longer ones their first eight bytes.
    #[inline]
    pub fn word(self, bytes: &[u8]) -> u64 {
        match self {
            ChecksumKind::Off => 0,
            ChecksumKind::Crc64 => crc64(bytes),
            ChecksumKind::Crc32c => u64::from(crc32c(bytes)),
            ChecksumKind::Crc16 => u64::from(crc16(bytes)),
            ChecksumKind::Adler32 => u64::from(adler32(bytes)),
            ChecksumKind::Sha1 | ChecksumKind::Sha256 | ChecksumKind::Sha512 => {
                let checksum = self.checksum(bytes);
                checksum.bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
            }
        }
    }

    /// Copies bytes, and gives the [`word`](ChecksumKind::word) of what was copied.
    ///
    /// # Panics
    /// When the target has another length than the source.
    #[inline]
    pub fn word_of_copy(self, source: &[u8], target: &mut [u8]) -> u64 {
        if self == ChecksumKind::Crc64 {
            return crc64_of_copy(source, target);
        }
        target.copy_from_slice(source);
        self.word(target)
    }

    /// The checksum of bytes.
    pub fn checksum(self, bytes: &[u8]) -> Checksum {
        match self {
            ChecksumKind::Sha1 => Checksum::of_bytes(&Sha1::digest(bytes)),
            ChecksumKind::Sha256 => Checksum::of_bytes(&Sha256::digest(bytes)),
            ChecksumKind::Sha512 => Checksum::of_bytes(&Sha512::digest(bytes)),
            _ => Checksum::of_bytes(&self.word(bytes).to_le_bytes()[..self.length()]),
        }
    }
}

impl fmt::Display for ChecksumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The CRC-16/T10-DIF (polynomial 0x8BB7, not reflected, zero in and out) of bytes.
pub fn crc16(bytes: &[u8]) -> u16 {
    // A CRC of 16 bits comes in the lowest ones of the result.
    crc_fast::checksum(CrcAlgorithm::Crc16T10Dif, bytes) as u16
}

/// The Adler-32 (RFC 1950) of bytes.
pub fn adler32(bytes: &[u8]) -> u32 {
    simd_adler32::adler32(&bytes)
}
