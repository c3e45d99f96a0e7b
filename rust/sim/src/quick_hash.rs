//! A hash for traces: fast, and the same in every process.

use std::hash::Hasher;

/// Odd, with its bits spread (2^64 divided by the golden ratio).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes eight bytes at a time. For telling runs apart, not for tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuickHasher(u64);

impl QuickHasher {
    /// One that goes on from an earlier result.
    pub fn from(earlier: u64) -> QuickHasher {
        QuickHasher(earlier)
    }

    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::Hash;

    fn of(value: impl Hash) -> u64 {
        let mut hasher = QuickHasher::default();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn every_byte_and_every_length_counts() {
        let mut seen = HashSet::new();
        for length in 0..40 {
            let bytes = vec![0u8; length];
            assert!(seen.insert(of(&bytes[..])));
            for position in 0..length {
                let mut other = bytes.clone();
                other[position] = 1;
                assert!(seen.insert(of(&other[..])), "{length} {position}");
            }
        }
    }
}
