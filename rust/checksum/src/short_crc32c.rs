//! CRC-32C of short inputs, such as headers of messages: in less time than a general implementation needs to begin.
#![allow(unsafe_code, reason = "a function for processors with certain instructions is called after looking for them")]

/// Up to here one instruction after the other is faster than the general implementation, which folds wide registers; measured.
pub(crate) const LENGTH_MAX: usize = 128;

/// The CRC-32C of bytes; `None` on processors without instructions for it.
#[inline]
pub(crate) fn crc32c(bytes: &[u8]) -> Option<u32> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("sse4.2") {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { by_instruction(bytes) });
    }
    let _other_processors = bytes;
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
fn by_instruction(bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u64};
    let (words, rest) = bytes.as_chunks::<8>();
    let crc = words.iter().fold(u64::from(u32::MAX), |crc, word| _mm_crc32_u64(crc, u64::from_le_bytes(*word)));
    // The instruction leaves the upper half zero.
    !rest.iter().fold(crc as u32, |crc, byte| _mm_crc32_u8(crc, *byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crc_fast::{CrcAlgorithm, checksum};

    #[test]
    fn agrees_with_the_general_implementation() {
        let bytes: Vec<u8> = (0..2 * LENGTH_MAX).map(|index| (index * 37 % 251) as u8).collect();
        for start in 0..9 {
            for end in start..bytes.len() {
                let general = checksum(CrcAlgorithm::Crc32Iscsi, &bytes[start..end]) as u32;
                assert!(crc32c(&bytes[start..end]).is_none_or(|crc| crc == general), "{start}..{end}");
            }
        }
    }
}
