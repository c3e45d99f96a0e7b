//! Checksums of data in flight and at rest.
//!
//! * [`crc32c`]: CRC-32C (Castagnoli), for records, pages and headers.
//! * [`crc64`]: CRC-64/NVME, for whole batches and tables, where 32 bits would let too many damages through.
//!
//! Both are part of the media formats: the values below are golden and never change.

use crc_fast::CrcAlgorithm;

/// The CRC-32C (polynomial 0x1EDC6F41, reflected, as in iSCSI and SSE 4.2) of bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    // A CRC of 32 bits comes in the low half of the result.
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The CRC-64/NVME (polynomial 0xAD93D23594C93659, reflected, all ones in and out) of bytes.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values() {
        // The check values of the published CRC catalogue, and RFC 3720's 32 zero bytes.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc64(b"123456789"), 0xae8b_1486_0a79_9888);
        assert_eq!((crc32c(b""), crc64(b"")), (0, 0));
    }

    /// Bit by bit, from the definition.
    fn crc32c_by_definition(bytes: &[u8]) -> u32 {
        let mut crc = !0u32;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            }
        }
        !crc
    }

    fn crc64_by_definition(bytes: &[u8]) -> u64 {
        let mut crc = !0u64;
        for byte in bytes {
            crc ^= u64::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0x9a6c_9329_ac4b_c9b5 } else { crc >> 1 };
            }
        }
        !crc
    }

    #[test]
    fn every_length_and_alignment_follows_the_definition() {
        let bytes: Vec<u8> = (0u32..5000).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        for length in (0..300).chain([511, 512, 513, 1023, 4095, 4096, 4097]) {
            for start in [0, 1, 7, 16, 63] {
                let part = &bytes[start..start + length];
                assert_eq!(crc32c(part), crc32c_by_definition(part), "length {length} from {start}");
                assert_eq!(crc64(part), crc64_by_definition(part), "length {length} from {start}");
            }
        }
    }
}
