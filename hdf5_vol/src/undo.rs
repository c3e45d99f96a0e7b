//! What filters have done is undone here for the three that HDF5 has always had: it does not ask whether an inflated chunk has the size of
//! a chunk, and takes any amount of memory for one. Pure.

use crate::failure::{Failure, Minor, Result};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use std::borrow::Cow;

/// `H5Z_FILTER_DEFLATE`, `H5Z_FILTER_SHUFFLE` and `H5Z_FILTER_FLETCHER32`.
pub const DEFLATE: i32 = 1;
pub const SHUFFLE: i32 = 2;
pub const FLETCHER: i32 = 3;

/// Bytes of the checksum behind a chunk.
pub const CHECKSUM: usize = 4;
/// A filter that is not known here adds no more bytes than a chunk has, and this many: each of several so many, and not twice what the one before has made.
const GROWTH_BYTES: usize = 4 << 10;
/// Memory that is taken at first where it is not known how much is needed.
const FIRST_BYTES: usize = 64 << 10;

fn damaged(why: &str) -> Failure {
    Failure::new(Minor::Damaged, format!("a chunk is damaged: {why}"))
}

/// A chunk before its filters, and its elements: their bytes.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub chunk: usize,
    pub element: usize,
}

/// Undoes the last filters of a list as far as they are known here. Gives which are left out then, undone or never done.
pub fn undo<'a>(filters: &[i32], mask: u32, bytes: &'a [u8], sizes: Sizes) -> Result<(u32, Cow<'a, [u8]>)> {
    let (mut mask, mut bytes) = (mask, Cow::Borrowed(bytes));
    for (place, filter) in filters.iter().enumerate().take(32).rev() {
        if mask >> place & 1 == 1 {
            continue;
        }
        bytes = match *filter {
            DEFLATE => {
                let before = filters[..place].iter().enumerate().filter(|(place, _)| mask >> place & 1 == 0);
                Cow::Owned(inflate(&bytes, room(before.map(|(_, filter)| *filter), sizes.chunk))?)
            }
            SHUFFLE => Cow::Owned(unshuffle(&bytes, sizes.element)),
            FLETCHER => {
                let length = checked(&bytes)?.len();
                match bytes {
                    Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[..length]),
                    Cow::Owned(mut bytes) => {
                        bytes.truncate(length);
                        Cow::Owned(bytes)
                    }
                }
            }
            _ => break,
        };
        mask |= 1 << place;
    }
    Ok((mask, bytes))
}

/// How many bytes filters can have made of a chunk, and whether they have made just as many.
fn room(filters: impl Iterator<Item = i32>, chunk: usize) -> (usize, bool) {
    filters.fold((chunk, true), |(room, is_exact), filter| match filter {
        SHUFFLE => (room, is_exact),
        FLETCHER => (room.saturating_add(CHECKSUM), is_exact),
        _ => (room.saturating_add(chunk).saturating_add(GROWTH_BYTES), false),
    })
}

fn inflate(bytes: &[u8], (room, is_exact): (usize, bool)) -> Result<Vec<u8>> {
    let mut inflated = Vec::new();
    // An exact room is that of a chunk, for which the caller takes memory too. Of another one no more is taken than twice what is needed.
    grow(&mut inflated, if is_exact { room } else { room.min(FIRST_BYTES) })?;
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::new(DecompressorOxide::new());
    let (mut taken, mut length) = (0, 0);
    let status = loop {
        let (status, more, made) = decompress(&mut state, &bytes[taken..], &mut inflated, length, flags);
        (taken, length) = (taken + more, length + made);
        if status != TINFLStatus::HasMoreOutput || inflated.len() >= room {
            break status;
        }
        let size = inflated.len().saturating_mul(2).min(room);
        grow(&mut inflated, size)?;
    };
    match status {
        TINFLStatus::Done if length == room || !is_exact => {
            inflated.truncate(length);
            Ok(inflated)
        }
        TINFLStatus::Done => Err(damaged(&format!("it inflates to {length} bytes and not to {room}"))),
        TINFLStatus::HasMoreOutput => Err(damaged(&format!("it inflates to more than {room} bytes"))),
        TINFLStatus::Adler32Mismatch => Err(damaged("its checksum is wrong")),
        _ => Err(damaged("it does not inflate")),
    }
}

fn grow(bytes: &mut Vec<u8>, size: usize) -> Result<()> {
    let no_memory = |_| Failure::new(Minor::ReadError, format!("no memory for {size} bytes"));
    bytes.try_reserve_exact(size - bytes.len()).map_err(no_memory)?;
    bytes.resize(size, 0);
    Ok(())
}

/// The first bytes of all elements come first, then the second ones, and so on; what is no whole element stays behind.
fn unshuffle(bytes: &[u8], element: usize) -> Vec<u8> {
    let count = bytes.len() / element.max(1);
    if element <= 1 || count <= 1 {
        return bytes.to_vec();
    }
    let mut elements = bytes.to_vec();
    for (place, column) in bytes.chunks_exact(count).take(element).enumerate() {
        for (element, byte) in elements.chunks_exact_mut(element).zip(column) {
            element[place] = *byte;
        }
    }
    elements
}

/// The bytes before a checksum that is theirs.
fn checked(bytes: &[u8]) -> Result<&[u8]> {
    let Some((bytes, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else {
        return Err(damaged("it is too short for a checksum"));
    };
    let found = fletcher(bytes);
    // Old versions of HDF5 wrote it with the bytes of each half the other way round.
    let halves = checksum.as_chunks::<2>().0;
    let reversed = [halves[0][1], halves[0][0], halves[1][1], halves[1][0]];
    if found == u32::from_le_bytes(*checksum) || found == u32::from_le_bytes(reversed) {
        Ok(bytes)
    } else {
        Err(damaged("its checksum is wrong"))
    }
}

/// Fletcher's checksum as HDF5 counts it: over big-endian words of 16 bits.
fn fletcher(bytes: &[u8]) -> u32 {
    /// Words whose sums fit.
    const WORDS: usize = 360;
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0_u32, 0_u32);
    let (words, rest) = bytes.as_chunks::<2>();
    for words in words.chunks(WORDS) {
        for word in words {
            first += u32::from(u16::from_be_bytes(*word));
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    if let [last] = rest {
        first += u32::from(*last) << 8;
        second += first;
        (first, second) = (fold(first), fold(second));
    }
    fold(second) << 16 | fold(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec_zlib;

    const SIZES: Sizes = Sizes { chunk: 4000, element: 4 };
    const ALL: [i32; 3] = [SHUFFLE, DEFLATE, FLETCHER];

    fn shuffle(bytes: &[u8], element: usize) -> Vec<u8> {
        let count = bytes.len() / element;
        let mut shuffled: Vec<u8> =
            (0..element).flat_map(|place| (0..count).map(move |number| bytes[number * element + place])).collect();
        shuffled.extend_from_slice(&bytes[count * element..]);
        shuffled
    }

    fn filtered(bytes: &[u8]) -> Vec<u8> {
        let mut filtered = compress_to_vec_zlib(&shuffle(bytes, SIZES.element), 6);
        filtered.extend_from_slice(&fletcher(&filtered).to_le_bytes());
        filtered
    }

    fn chunk() -> Vec<u8> {
        (0..1000_u32).flat_map(|number| (number * 7).to_le_bytes()).collect()
    }

    #[test]
    fn filters_are_undone_and_others_are_left() {
        let bytes = filtered(&chunk());
        let (mask, undone) = undo(&ALL, 0, &bytes, SIZES).expect("it is whole");
        assert!(mask == 7 && undone.as_ref() == chunk());
        // Filter 307 comes before these, so what it has made has no size that is known.
        let (mask, undone) = undo(&[307, SHUFFLE, DEFLATE, FLETCHER], 0, &bytes, SIZES).expect("it is whole");
        assert!(mask == 14 && undone.as_ref() == chunk());
        // It comes behind them: nothing is undone.
        let (mask, undone) = undo(&[SHUFFLE, 307], 0, &bytes, SIZES).expect("nothing is done");
        assert!(mask == 0 && undone.as_ref() == bytes);
        let shuffled = shuffle(&chunk(), 4);
        let (mask, undone) = undo(&ALL, 6, &shuffled, SIZES).expect("it is whole");
        assert!(mask == 7 && undone.as_ref() == chunk());
    }

    #[test]
    fn what_inflates_to_another_size_is_damaged_and_takes_no_memory() {
        for length in [0, 1, 3999, 4001, 100 << 20] {
            let bytes = compress_to_vec_zlib(&vec![0; length], 6);
            let failure = undo(&[DEFLATE], 0, &bytes, SIZES).expect_err("it has another size");
            assert!(failure.text.contains("inflates to"), "{length}: {}", failure.text);
            assert!(undo(&[307, DEFLATE], 0, &bytes, SIZES).is_ok() == (length < 12096), "{length}");
        }
    }

    /// The room once doubled for each filter that is not known: a header with many of them took all memory.
    #[test]
    fn many_filters_that_are_not_known_take_no_more_memory_than_chunks() {
        let mut filters = vec![307; 31];
        assert_eq!(room(filters.iter().copied(), 1 << 20), (32 * (1 << 20) + 31 * GROWTH_BYTES, false));
        filters.push(DEFLATE);
        let bytes = compress_to_vec_zlib(&chunk(), 6);
        let (mask, undone) = undo(&filters, 0, &bytes, SIZES).expect("it is whole");
        assert!(mask == 1 << 31 && undone.as_ref() == chunk());
        // More than is taken at first, and as much as there is room for.
        let most = 32 * SIZES.chunk + 31 * GROWTH_BYTES;
        for (length, is_fine) in
            [(FIRST_BYTES - 1, true), (FIRST_BYTES + 1, true), (most, true), (most + 1, false), (64 << 20, false)]
        {
            let long: Vec<u8> = (0..length).map(|place| (place / 7) as u8).collect();
            let bytes = compress_to_vec_zlib(&long, 6);
            let undone = undo(&filters, 0, &bytes, SIZES);
            assert!(undone.map_or(!is_fine, |(_, undone)| is_fine && undone.as_ref() == long), "{length}");
        }
    }

    #[test]
    fn random_changes_are_errors_and_never_another_size() {
        let whole = filtered(&chunk());
        let mut seed = 7_u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        for round in 0..4000 {
            let mut bytes = whole.clone();
            for _ in 0..=next(4) {
                let place = next(bytes.len());
                bytes[place] = next(256) as u8;
            }
            bytes.truncate(bytes.len() - next(3) * next(bytes.len()) / 2);
            // Without the checksum, so that inflating sees the change.
            for mask in [0, 4] {
                if let Ok((_, undone)) = undo(&ALL, mask, &bytes, SIZES) {
                    assert_eq!(undone.len(), SIZES.chunk, "{round}");
                }
            }
        }
    }

    #[test]
    fn the_checksum_is_that_of_hdf5() {
        // Of what HDF5 1.14.5 has stored of these bytes.
        assert_eq!(fletcher(b""), 0);
        assert_eq!(fletcher(&[1]), 0x0100_0100);
        assert_eq!(fletcher(&[1, 2, 3, 4]), 0x0508_0406);
        assert!(checked(&[1, 2, 3, 4, 0x06, 0x04, 0x08, 0x05]).is_ok());
        assert!(checked(&[1, 2, 3, 4, 0x04, 0x06, 0x08, 0x05]).is_err());
        assert!(checked(&[1, 2, 3, 4, 0x04, 0x06, 0x05, 0x08]).is_ok());
    }
}
