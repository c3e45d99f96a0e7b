//! Cutting values into pieces that are moved and stored as one.

use daos_types::Extent;
use std::ops::Range;

/// The most bytes of one piece of an array: bounds what is read or written at once, and what must lie in one run on the
/// device.
pub(crate) const PIECE_BYTES_MAX: u64 = 8 << 20;

/// Values of at least so many bytes are moved into a buffer of their own, which goes to the device without a copy.
const ALONE_BYTES_MIN: u64 = 32 << 10;

/// Smaller ones that follow each other are moved together, up to so many bytes.
const TOGETHER_BYTES_MAX: u64 = 1 << 20;

/// A run of the payload that is moved at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unit {
    /// Where it begins in the payload.
    pub offset: u64,
    /// Its bytes.
    pub length: usize,
    /// The values in it, by number.
    pub pieces: Range<usize>,
}

/// Cuts extents into pieces of at most [`PIECE_BYTES_MAX`] bytes (or one record, when that is larger).
pub(crate) fn array_pieces(record_size: u64, extents: &[Extent]) -> Vec<Extent> {
    let most = (PIECE_BYTES_MAX / record_size.max(1)).max(1);
    let mut pieces = Vec::with_capacity(extents.len());
    for extent in extents {
        let mut start = extent.start();
        while let Some(piece) = Extent::from_bounds(start, extent.end().min(start.saturating_add(most))) {
            pieces.push(piece);
            start = piece.end();
        }
    }
    pieces
}

/// Says what of a payload is moved together, from the lengths of its values; their sum fits a `usize`.
pub(crate) fn plan_units(lengths: &[u64]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut offset = 0;
    let mut open = false;
    for (number, &length) in lengths.iter().enumerate() {
        let alone = length >= ALONE_BYTES_MIN;
        match units.last_mut() {
            Some(unit) if open && !alone && unit.length as u64 + length <= TOGETHER_BYTES_MAX => {
                unit.length += length as usize;
                unit.pieces.end = number + 1;
            }
            _ => units.push(Unit { offset, length: length as usize, pieces: number..number + 1 }),
        }
        open = !alone;
        offset += length;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn large_values_go_alone_and_small_ones_together() {
        let units = plan_units(&[10, 20, ALONE_BYTES_MIN, 0, 5]);
        let shape: Vec<_> = units.iter().map(|unit| (unit.offset, unit.length as u64, unit.pieces.clone())).collect();
        assert_eq!(shape, [(0, 30, 0..2), (30, ALONE_BYTES_MIN, 2..3), (30 + ALONE_BYTES_MIN, 5, 3..5)]);
    }

    proptest! {
        #[test]
        fn units_cover_every_value_once(lengths in proptest::collection::vec(0u64..200_000, 0..50)) {
            let (mut offset, mut number) = (0, 0);
            for unit in plan_units(&lengths) {
                prop_assert_eq!((unit.offset, unit.pieces.start), (offset, number));
                prop_assert_eq!(unit.length as u64, lengths[unit.pieces.clone()].iter().sum::<u64>());
                prop_assert!(unit.pieces.len() == 1 || unit.length as u64 <= TOGETHER_BYTES_MAX);
                offset += unit.length as u64;
                number = unit.pieces.end;
            }
            prop_assert_eq!(number, lengths.len());
        }

        #[test]
        fn pieces_cover_the_extents(size in 1u64..1 << 25, counts in proptest::collection::vec(1u64..1000, 1..10)) {
            let extents: Vec<Extent> = counts.iter().map(|count| Extent::new(u64::MAX - 5000, *count).unwrap()).collect();
            let pieces = array_pieces(size, &extents);
            let mut rest = pieces.iter();
            for extent in extents {
                let mut start = extent.start();
                while start < extent.end() {
                    let piece = rest.next().unwrap();
                    prop_assert_eq!(piece.start(), start);
                    prop_assert!(piece.count() == 1 || piece.count() * size <= PIECE_BYTES_MAX);
                    start = piece.end();
                }
                prop_assert_eq!(start, extent.end());
            }
            prop_assert!(rest.next().is_none());
        }
    }
}
