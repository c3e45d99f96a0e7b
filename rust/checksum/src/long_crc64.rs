//! CRC-64/NVME of longer inputs, and of copies while they are made: what is loaded once is stored and folded.
//!
//! The arithmetic is that of [`short_crc64`](crate::short_crc64), with registers of four such states each. Longer inputs are taken in as up to
//! eight streams side by side: a processor reads ahead within each 4 KiB, so that of one stream it waits at the beginning of every one, and of
//! eight it has as many reads under way. (Not where the copy goes past the caches: its source was made just before and is in them.) From
//! memory, such a copy of 32 KiB with its checksum takes three quarters of the time of `memcpy`, while one stream would take longer than it;
//! asking for cache lines by prefetches, however many and far ahead, was slower than doing nothing (all measured on an AMD EPYC, Zen 4).
//! Processors without these wide instructions take the general implementation, and copy before it, a few KiB at a time.
#![allow(
    unsafe_code,
    reason = "a function for processors with certain instructions is called after looking for them; vectors are loaded and stored"
)]

/// From here on this is used.
pub(crate) const LENGTH_MIN: usize = 256;

/// Where copies go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Into the caches: they are read soon.
    Cached,
    /// Past them, without reading what was there.
    PastCaches,
}

/// The CRC of at least [`LENGTH_MIN`] bytes; `None` on a processor that lacks the instructions.
#[inline]
pub(crate) fn crc64(bytes: &[u8]) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= LENGTH_MIN && x86_64::is_possible() {
        // SAFETY: the processor has these instructions, and the length was looked at. Nothing is stored.
        return Some(unsafe { x86_64::crc64::<{ x86_64::NOT_AT_ALL }>(bytes, std::ptr::null_mut()) });
    }
    let _unused = bytes;
    None
}

/// Copies bytes to as many others, and gives their CRC. `None`, with nothing copied, on a processor that lacks the instructions, for less than
/// [`LENGTH_MIN`] bytes, and where the target does not begin at a whole cache line.
#[inline]
pub(crate) fn crc64_of_copy(source: &[u8], target: &mut [u8], way: Way) -> Option<u64> {
    assert_eq!(source.len(), target.len(), "a copy is as long as its source");
    #[cfg(target_arch = "x86_64")]
    if source.len() >= LENGTH_MIN && target.as_ptr().addr().is_multiple_of(x86_64::LINE) && x86_64::is_possible() {
        let target = target.as_mut_ptr();
        // SAFETY: the processor has these instructions; length and place were looked at, and the target has as many bytes, which
        // nobody else refers to.
        return Some(unsafe {
            match way {
                Way::Cached => x86_64::crc64::<{ x86_64::CACHED }>(source, target),
                Way::PastCaches => x86_64::crc64::<{ x86_64::PAST_CACHES }>(source, target),
            }
        });
    }
    let _unused = way;
    None
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use crate::short_crc64::factors;
    use crate::short_crc64::x86_64::{BY_16, BY_32, BY_48, finish, fold as fold_one, register};
    use core::arch::x86_64::*;

    /// Bytes of a cache line, and of a vector.
    pub(super) const LINE: usize = 64;
    /// Bytes that are taken in at a time, by as many registers as hide how long a product takes.
    const STEP: usize = 4 * LINE;
    const _: () = assert!(super::LENGTH_MIN >= LINE);
    /// Bytes of one of several streams: what the processor reads ahead of by itself.
    const STREAM: usize = 4096;

    /// How loaded bytes are stored.
    pub(super) const NOT_AT_ALL: u8 = 0;
    pub(super) const CACHED: u8 = 1;
    pub(super) const PAST_CACHES: u8 = 2;

    const BY_64: (u64, u64) = factors(64);
    const BY_128: (u64, u64) = factors(128);
    const BY_192: (u64, u64) = factors(192);
    const BY_256: (u64, u64) = factors(256);
    const BY_STREAM: (u64, u64) = factors(STREAM as u32);

    #[inline]
    pub(super) fn is_possible() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("sse4.1")
    }

    /// The same factors for all four states of a register.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.1")]
    fn four((high, low): (u64, u64)) -> __m512i {
        _mm512_broadcast_i32x4(register(low, high))
    }

    /// Moves four states on, and takes in the bytes that are there.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.1")]
    fn fold(states: __m512i, factors: __m512i, bytes: __m512i) -> __m512i {
        const XOR_OF_ALL: i32 = 0x96;
        let low = _mm512_clmulepi64_epi128::<0x00>(states, factors);
        let high = _mm512_clmulepi64_epi128::<0x11>(states, factors);
        _mm512_ternarylogic_epi64::<XOR_OF_ALL>(low, high, bytes)
    }

    /// Loads a vector from an offset of the source, and stores it at that of the target.
    ///
    /// # Safety
    /// A vector is readable there and, unless nothing is stored, writable, at a whole cache line.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.1")]
    unsafe fn take<const HOW: u8>(source: *const u8, target: *mut u8, offset: usize) -> __m512i {
        // SAFETY: as the caller promises.
        unsafe {
            let bytes = _mm512_loadu_si512(source.add(offset).cast());
            match HOW {
                NOT_AT_ALL => {}
                // An ordinary store would have the compiler make a call to `memcpy` of all of them, and a second pass.
                CACHED => target.add(offset).cast::<__m512i>().write_volatile(bytes),
                _ => _mm512_stream_si512(target.add(offset).cast(), bytes),
            }
            bytes
        }
    }

    /// A vector from an offset on, in which what came before was taken in.
    ///
    /// # Safety
    /// As for [`take`].
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.1")]
    unsafe fn next<const HOW: u8>(
        before: Option<__m512i>,
        source: *const u8,
        target: *mut u8,
        offset: usize,
    ) -> __m512i {
        // SAFETY: as the caller promises.
        let bytes = unsafe { take::<HOW>(source, target, offset) };
        match before {
            None => _mm512_xor_si512(bytes, _mm512_zextsi128_si512(register(u64::MAX, 0))),
            Some(states) => fold(states, four(BY_64), bytes),
        }
    }

    /// Takes in so many streams of [`STREAM`] bytes each, one behind the other, side by side.
    ///
    /// # Safety
    /// As for [`take`], for all bytes of the streams.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.1")]
    unsafe fn streams<const HOW: u8, const COUNT: usize>(
        before: Option<__m512i>,
        source: *const u8,
        target: *mut u8,
        start: usize,
    ) -> __m512i {
        // SAFETY: as the caller promises, for this and all others.
        let load = |offset: usize| unsafe { take::<HOW>(source, target, offset) };
        let mut states = [_mm512_setzero_si512(); COUNT];
        for (index, state) in states.iter_mut().enumerate() {
            *state = match index {
                // SAFETY: as above.
                0 => unsafe { next::<HOW>(before, source, target, start) },
                _ => load(start + index * STREAM),
            };
        }
        let by_line = four(BY_64);
        for line in (LINE..STREAM).step_by(LINE) {
            for (index, state) in states.iter_mut().enumerate() {
                *state = fold(*state, by_line, load(start + index * STREAM + line));
            }
        }
        let by_stream = four(BY_STREAM);
        let (first, others) = (states[0], &states[1..]);
        others.iter().fold(first, |before, stream| fold(before, by_stream, *stream))
    }

    /// # Safety
    /// There are at least [`LINE`] bytes; the target is valid for as many, none of which is one of them, and begins at a whole
    /// cache line, unless nothing is stored.
    #[target_feature(enable = "avx512f,vpclmulqdq,pclmulqdq,sse4.1")]
    pub(super) unsafe fn crc64<const HOW: u8>(bytes: &[u8], target: *mut u8) -> u64 {
        let (source, mut offset, mut states) = (bytes.as_ptr(), 0, None);
        while HOW != PAST_CACHES && bytes.len() - offset >= 8 * STREAM {
            // SAFETY: so many bytes were found, here and below.
            states = Some(unsafe { streams::<HOW, 8>(states, source, target, offset) });
            offset += 8 * STREAM;
        }
        if HOW != PAST_CACHES && bytes.len() - offset >= 4 * STREAM {
            // SAFETY: as above.
            states = Some(unsafe { streams::<HOW, 4>(states, source, target, offset) });
            offset += 4 * STREAM;
        }
        if HOW != PAST_CACHES && bytes.len() - offset >= 2 * STREAM {
            // SAFETY: as above.
            states = Some(unsafe { streams::<HOW, 2>(states, source, target, offset) });
            offset += 2 * STREAM;
        }
        if bytes.len() - offset >= STEP {
            // SAFETY: as above: those of a step were found by the condition before it.
            let load = |offset: usize| unsafe { take::<HOW>(source, target, offset) };
            // SAFETY: as above.
            let first = unsafe { next::<HOW>(states, source, target, offset) };
            let mut four_states = [first, load(offset + LINE), load(offset + 2 * LINE), load(offset + 3 * LINE)];
            offset += STEP;
            let by_step = four(BY_256);
            while bytes.len() - offset >= STEP {
                for (index, state) in four_states.iter_mut().enumerate() {
                    *state = fold(*state, by_step, load(offset + index * LINE));
                }
                offset += STEP;
            }
            let [first, second, third, last] = four_states;
            let early = fold(first, four(BY_192), fold(second, four(BY_128), last));
            states = Some(fold(third, four(BY_64), early));
        }
        while bytes.len() - offset >= LINE {
            // SAFETY: as above.
            states = Some(unsafe { next::<HOW>(states, source, target, offset) });
            offset += LINE;
        }
        if HOW != NOT_AT_ALL {
            // SAFETY: the rest of both, which do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(source.add(offset), target.add(offset), bytes.len() - offset) };
        }
        if HOW == PAST_CACHES {
            // Streamed stores are not ordered with others: what a thread is told afterwards must not overtake them.
            _mm_sfence();
        }
        // There was a line at least.
        let states = states.unwrap_or(_mm512_setzero_si512());
        let early = _mm_xor_si128(
            fold_one(_mm512_castsi512_si128(states), BY_48),
            fold_one(_mm512_extracti32x4_epi32::<1>(states), BY_32),
        );
        let late = fold_one(_mm512_extracti32x4_epi32::<2>(states), BY_16);
        let state = _mm_xor_si128(early, _mm_xor_si128(late, _mm512_extracti32x4_epi32::<3>(states)));
        finish(state, bytes, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crc_fast::CrcAlgorithm;
    use proptest::prelude::*;

    /// Copies into the middle of a larger target, and looks at all of it.
    fn check(source: &[u8], shift: usize, way: Way) {
        const MARGIN: usize = 128;
        let expected = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, source);
        let length = source.len();
        let mut memory = vec![0xa5; length + 2 * MARGIN];
        let start = memory.as_ptr().align_offset(64) + shift;
        let crc = crc64_of_copy(source, &mut memory[start..start + length], way);
        let Some(crc) = crc else {
            assert!(memory.iter().all(|byte| *byte == 0xa5), "nothing is copied without a checksum");
            return;
        };
        assert_eq!(crc, expected, "{length} bytes to {shift}, {way:?}");
        assert_eq!(crc64(source), Some(expected), "{length} bytes");
        assert_eq!(&memory[start..start + length], source);
        let around = memory[..start].iter().chain(&memory[start + length..]);
        assert!(around.into_iter().all(|byte| *byte == 0xa5), "{length} bytes to {shift}, {way:?}");
    }

    #[test]
    fn every_length_is_copied_with_its_crc() {
        let bytes: Vec<u8> = (0..90_000u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect();
        let borders = [4096, 8192, 12_288, 16_384, 24_576, 32_768, 49_152, 65_536, 65_536 + 16_384];
        let around =
            borders.into_iter().flat_map(|border| [-257isize, -256, -1, 0, 1, 63, 64, 256, 300].map(|by| border + by));
        for (index, length) in (0..1100).chain(around.map(|length| length as usize)).enumerate() {
            let (start, shift) = (index % 67, index % 5 * 16 % 61);
            for way in [Way::Cached, Way::PastCaches] {
                check(&bytes[start..start + length], 0, way);
                check(&bytes[start..start + length], shift, way);
            }
        }
    }

    #[test]
    #[should_panic(expected = "as long as its source")]
    fn a_target_of_another_length_is_a_mistake() {
        crc64_of_copy(&[0; 300], &mut [0; 299], Way::Cached);
    }

    proptest! {
        #[test]
        fn copies_of_random_bytes_have_their_crc(
            bytes in proptest::collection::vec(any::<u8>(), 0..40_000),
            shift in 0..64usize,
        ) {
            check(&bytes, shift, Way::Cached);
            check(&bytes, shift, Way::PastCaches);
            let mut target = vec![0; bytes.len()];
            prop_assert_eq!(crate::crc64_of_copy(&bytes, &mut target), crate::crc64(&bytes));
            prop_assert_eq!(&target, &bytes);
            // As on a processor that cannot do it in one pass.
            target.fill(0);
            prop_assert_eq!(crate::copied_in_pieces(&bytes, &mut target), crate::crc64(&bytes));
            prop_assert_eq!(target, bytes);
        }
    }
}
