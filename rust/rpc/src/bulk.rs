//! How memory that was exposed is named in a request.

use crate::{Access, RemoteRegion};
use daos_status::{Code, Result, fail};

/// Names memory that a caller exposed to servers.
///
/// Layout, little-endian: key (8 bytes), base (8), length (8), access (1), zeros (7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkDescriptor {
    region: RemoteRegion,
    access: Access,
}

impl BulkDescriptor {
    /// Length of the encoded form.
    pub const ENCODED_LENGTH: usize = 32;

    pub(crate) const fn new(region: RemoteRegion, access: Access) -> BulkDescriptor {
        BulkDescriptor { region, access }
    }

    /// Length of the exposed memory.
    pub fn length(&self) -> u64 {
        self.region.length
    }

    /// What the memory may be used for.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The memory as transports name it.
    pub fn region(&self) -> RemoteRegion {
        self.region
    }

    /// The bytes to put into a request.
    pub fn encode(&self) -> [u8; Self::ENCODED_LENGTH] {
        let mut bytes = [0; Self::ENCODED_LENGTH];
        bytes[..8].copy_from_slice(&self.region.key.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.region.base.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.region.length.to_le_bytes());
        bytes[24] = self.access as u8;
        bytes
    }

    /// Reads what [`BulkDescriptor::encode`] wrote; exactly that many bytes.
    pub fn decode(bytes: &[u8]) -> Result<BulkDescriptor> {
        if bytes.len() != Self::ENCODED_LENGTH {
            fail!(Code::Proto, "a bulk descriptor has {} bytes, not {}", Self::ENCODED_LENGTH, bytes.len());
        }
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(number)
        };
        let region = RemoteRegion { key: number(0), base: number(8), length: number(16) };
        match Access::from_number(bytes[24]) {
            Some(access) if bytes[25..].iter().all(|byte| *byte == 0) => Ok(BulkDescriptor { region, access }),
            _ => fail!(Code::Proto, "a bulk descriptor has an unknown access {} or reserved bytes set", bytes[24]),
        }
    }

    /// Checks that so many bytes at an offset lie in the memory.
    pub(crate) fn check_range(&self, offset: u64, length: usize) -> Result<()> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.region.length => Ok(()),
            _ => fail!(Code::Overflow, "{length} bytes at {offset} exceed the {} bytes exposed", self.region.length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptor() -> BulkDescriptor {
        BulkDescriptor::new(RemoteRegion { key: 0x0102, base: 3, length: 4096 }, Access::Write)
    }

    #[test]
    fn golden_bytes() {
        let mut golden = [0; 32];
        (golden[0], golden[1], golden[8], golden[17], golden[24]) = (2, 1, 3, 16, 2);
        assert_eq!(descriptor().encode(), golden);
        assert_eq!(BulkDescriptor::decode(&golden).unwrap(), descriptor());
    }

    #[test]
    fn bad_bytes_are_refused() {
        let good = descriptor().encode();
        for (position, value) in [(24, 0), (24, 4), (25, 1), (31, 1)] {
            let mut bad = good;
            bad[position] = value;
            assert_eq!(BulkDescriptor::decode(&bad).unwrap_err().code(), Code::Proto);
        }
        assert!(BulkDescriptor::decode(&good[1..]).is_err());
        assert!(descriptor().check_range(4096, 0).is_ok());
        assert_eq!(descriptor().check_range(4090, 7).unwrap_err().code(), Code::Overflow);
        assert_eq!(descriptor().check_range(u64::MAX, 7).unwrap_err().code(), Code::Overflow);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(descriptor) = BulkDescriptor::decode(&bytes) {
                prop_assert_eq!(&descriptor.encode()[..], &bytes[..]);
            }
        }
    }
}
