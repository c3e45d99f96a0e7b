//! CRC-64/NVME of short inputs, such as small values: in less time than a general implementation needs to begin.
//!
//! Bytes are folded as in Intel's paper "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", in the reflected form: bit `i` of a
//! register of 128 bits stands for the power `127 - i`. The carry-less product of two halves of 64 bits is then one power too low, so that
//! moving a half on by `n` powers is a product with the power `n - 1`.
#![allow(unsafe_code, reason = "a function for processors with certain instructions is called after looking for them")]

/// Up to here this is faster than the general implementation, which has wider instructions; measured.
pub(crate) const LENGTH_MAX: usize = 192;

/// The polynomial, reflected, without its highest power.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// A power modulo the polynomial.
const fn power(exponent: u32) -> u64 {
    let mut power = 1 << 63;
    let mut index = 0;
    while index < exponent {
        power = if power & 1 == 1 { (power >> 1) ^ POLYNOMIAL } else { power >> 1 };
        index += 1;
    }
    power
}

/// The factors that move a register on by so many bytes: for its upper and for its lower half.
pub(crate) const fn factors(bytes: u32) -> (u64, u64) {
    (power(bytes * 8 - 1), power(bytes * 8 + 63))
}

/// The polynomial without its lowest power in this form, for the reduction.
const DIVISOR: u64 = POLYNOMIAL << 1 | 1;

/// What the divisor times this has in its lowest 64 bits is 1.
const INVERSE: u64 = {
    let (mut inverse, mut index) = (1u64, 1);
    while index < 64 {
        let (mut product, mut bit) = (0u64, 0);
        while bit < 64 {
            product ^= if inverse >> bit & 1 == 1 { DIVISOR << bit } else { 0 };
            bit += 1;
        }
        inverse |= product & 1 << index;
        index += 1;
    }
    inverse
};

/// The states from which so many zero bytes lead to the initial one: an input of less than 16 bytes has them before it.
const BEFORE_ZEROS: [u64; 17] = {
    let mut states = [u64::MAX; 17];
    let mut count = 1;
    while count <= 16 {
        let (mut state, mut bit) = (states[count - 1], 0);
        while bit < 8 {
            // The highest bit of the reflected polynomial is set: it tells whether a step has subtracted it.
            state = if state >> 63 == 1 { (state ^ POLYNOMIAL) << 1 | 1 } else { state << 1 };
            bit += 1;
        }
        states[count] = state;
        count += 1;
    }
    states
};

/// The CRC of at most [`LENGTH_MAX`] bytes; `None` on a processor that lacks the instructions.
#[inline]
pub(crate) fn crc64(bytes: &[u8]) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("sse4.1") {
        // SAFETY: the processor has these instructions.
        return Some(unsafe { x86_64::crc64(bytes) });
    }
    let _unused = bytes;
    None
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_64 {
    use super::{BEFORE_ZEROS, DIVISOR, INVERSE, factors, power};
    use core::arch::x86_64::*;

    /// Where a byte of a register goes that is moved by 16 minus the index of the first byte taken; zeros come from outside.
    const MOVES: [u8; 48] = {
        let mut moves = [0x80; 48];
        let mut index = 0;
        while index < 16 {
            moves[16 + index] = index as u8;
            index += 1;
        }
        moves
    };

    pub(crate) const BY_16: (u64, u64) = factors(16);
    pub(crate) const BY_32: (u64, u64) = factors(32);
    pub(crate) const BY_48: (u64, u64) = factors(48);
    const BY_64: (u64, u64) = factors(64);
    /// Moves the lower half on by 64 powers.
    const LOW_BY_8: u64 = power(127);

    #[inline]
    #[target_feature(enable = "sse4.1,pclmulqdq")]
    pub(crate) fn register(low: u64, high: u64) -> __m128i {
        _mm_set_epi64x(high as i64, low as i64)
    }

    /// Sixteen bytes from an offset on, which must be there.
    #[inline]
    #[target_feature(enable = "sse4.1,pclmulqdq")]
    fn load(bytes: &[u8], offset: usize) -> __m128i {
        let word = |offset: usize| bytes[offset..].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
        register(word(offset), word(offset + 8))
    }

    /// Moves a register on.
    #[inline]
    #[target_feature(enable = "sse4.1,pclmulqdq")]
    pub(crate) fn fold(state: __m128i, (high, low): (u64, u64)) -> __m128i {
        let factors = register(low, high);
        _mm_xor_si128(_mm_clmulepi64_si128(state, factors, 0x00), _mm_clmulepi64_si128(state, factors, 0x11))
    }

    #[target_feature(enable = "sse4.1,pclmulqdq")]
    pub(super) fn crc64(bytes: &[u8]) -> u64 {
        let length = bytes.len();
        if length < 16 {
            return reduce(_mm_xor_si128(few(bytes), register(BEFORE_ZEROS[16 - length], 0)));
        }
        let initial = register(u64::MAX, 0);
        let (state, mut offset);
        if length < 64 {
            (state, offset) = (_mm_xor_si128(load(bytes, 0), initial), 16);
        } else {
            let mut lanes = [load(bytes, 0), load(bytes, 16), load(bytes, 32), load(bytes, 48)];
            lanes[0] = _mm_xor_si128(lanes[0], initial);
            offset = 64;
            while length - offset >= 64 {
                for (index, lane) in lanes.iter_mut().enumerate() {
                    *lane = _mm_xor_si128(fold(*lane, BY_64), load(bytes, offset + index * 16));
                }
                offset += 64;
            }
            let first = _mm_xor_si128(fold(lanes[0], BY_48), fold(lanes[1], BY_32));
            state = _mm_xor_si128(first, _mm_xor_si128(fold(lanes[2], BY_16), lanes[3]));
        }
        finish(state, bytes, offset)
    }

    /// The CRC of bytes, of which those before an offset are in a state already: sixteen at least.
    #[inline]
    #[target_feature(enable = "sse4.1,pclmulqdq")]
    pub(crate) fn finish(state: __m128i, bytes: &[u8], offset: usize) -> u64 {
        let (mut state, mut offset, length) = (state, offset, bytes.len());
        while length - offset >= 16 {
            state = _mm_xor_si128(fold(state, BY_16), load(bytes, offset));
            offset += 16;
        }
        if length > offset {
            // The state and the rest are 16 bytes and some: the first of them are moved on to the last sixteen.
            let rest = length - offset;
            let early = _mm_shuffle_epi8(state, load(&MOVES, rest));
            let late = _mm_shuffle_epi8(state, load(&MOVES, 16 + rest));
            let last = load(bytes, length - 16);
            // Those of the last sixteen that the state does not have yet.
            let new = _mm_shuffle_epi8(_mm_shuffle_epi8(last, load(&MOVES, 32 - rest)), load(&MOVES, rest));
            state = _mm_xor_si128(fold(early, BY_16), _mm_xor_si128(late, new));
        }
        reduce(state)
    }

    /// Less than sixteen bytes, with zeros before them.
    #[inline]
    #[target_feature(enable = "sse4.1,pclmulqdq")]
    fn few(bytes: &[u8]) -> __m128i {
        let length = bytes.len();
        let value = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) => {
                // What both have is the same.
                u128::from(u64::from_le_bytes(*first)) << ((16 - length) * 8)
                    | u128::from(u64::from_le_bytes(*last)) << 64
            }
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    u128::from(u32::from_le_bytes(*first)) << ((16 - length) * 8)
                        | u128::from(u32::from_le_bytes(*last)) << 96
                }
                _ => bytes
                    .iter()
                    .rev()
                    .enumerate()
                    .fold(0, |value, (index, byte)| value | u128::from(*byte) << ((15 - index) * 8)),
            },
        };
        register(value as u64, (value >> 64) as u64)
    }

    /// What is left when 64 zero bits have followed a state.
    #[inline]
    #[target_feature(enable = "sse4.1,pclmulqdq")]
    fn reduce(state: __m128i) -> u64 {
        let moved = _mm_clmulepi64_si128(state, register(LOW_BY_8, 0), 0x00);
        let state = _mm_xor_si128(moved, _mm_srli_si128(state, 8));
        let quotient = _mm_clmulepi64_si128(state, register(INVERSE, 0), 0x00);
        let product = _mm_clmulepi64_si128(quotient, register(DIVISOR, 0), 0x00);
        let high = |value: __m128i| _mm_extract_epi64::<1>(value) as u64;
        !(high(state) ^ high(product) ^ _mm_cvtsi128_si64(quotient) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crc_fast::CrcAlgorithm;

    #[test]
    fn short_inputs_have_the_same_crc() {
        if crc64(b"").is_none() {
            return;
        }
        let bytes: Vec<u8> = (0..LENGTH_MAX as u32 + 64).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect();
        for length in 0..=LENGTH_MAX {
            for start in [0, 1, 5, 16, 63] {
                let part = &bytes[start..start + length];
                let expected = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, part);
                assert_eq!(crc64(part), Some(expected), "{length} bytes");
            }
        }
    }
}
