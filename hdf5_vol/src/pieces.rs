//! Bytes that wait to be written to an array: pieces without overlap, in order, of which the last write counts. Pure.

use std::collections::BTreeMap;

/// A piece that grows by what is written behind it is copied once more each time its room doubles, and no further than to this.
const PIECE_MAX: usize = 1 << 20;

/// Pieces by their first byte.
#[derive(Clone, Default, Debug)]
pub struct Pieces {
    pieces: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Pieces {
    /// Bytes in all pieces.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.pieces.len()
    }

    /// The pieces, from the first byte to the last.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pieces.iter().map(|(offset, bytes)| (*offset, bytes.as_slice()))
    }

    /// Puts bytes to a place, over what is there.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        if let Some((first, piece)) = self.pieces.range_mut(..=offset).next_back() {
            let at = (offset - first) as usize;
            // Over a part of one piece: the same element again.
            if let Some(place) = piece.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
                return;
            }
        }
        self.cut(offset, end);
        self.bytes += bytes.len();
        let before = self.pieces.range_mut(..offset).next_back();
        match before.filter(|(first, piece)| *first + piece.len() as u64 == offset && piece.len() < PIECE_MAX) {
            Some((_, piece)) => piece.extend_from_slice(bytes),
            None => {
                self.pieces.insert(offset, bytes.to_vec());
            }
        }
    }

    /// Removes what lies in a range.
    fn cut(&mut self, offset: u64, end: u64) {
        let before = self.pieces.range(..offset).next_back().map(|(first, _)| *first);
        let inside: Vec<u64> = self.pieces.range(offset..end).map(|(first, _)| *first).collect();
        for first in before.into_iter().chain(inside) {
            let Some(mut piece) = self.pieces.remove(&first) else { continue };
            self.bytes -= piece.len();
            let last = first + piece.len() as u64;
            if last > end {
                let rest = piece.split_off((end.max(first) - first) as usize);
                self.bytes += rest.len();
                self.pieces.insert(end.max(first), rest);
            }
            piece.truncate(offset.saturating_sub(first) as usize);
            if !piece.is_empty() {
                self.bytes += piece.len();
                self.pieces.insert(first, piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sequence of three writes to a few bytes gives what an array gives.
    #[test]
    fn the_last_write_counts() {
        const SIZE: usize = 6;
        let places: Vec<(usize, usize)> =
            (0..SIZE).flat_map(|first| (1..=SIZE - first).map(move |length| (first, length))).collect();
        for one in &places {
            for two in &places {
                for three in &places {
                    let (mut pieces, mut model) = (Pieces::default(), [0_u8; SIZE]);
                    for ((first, length), value) in [one, two, three].into_iter().zip(1..) {
                        pieces.write(*first as u64, &vec![value; *length]);
                        model[*first..*first + *length].fill(value);
                    }
                    let (mut found, mut end) = ([0; SIZE], 0);
                    for (offset, bytes) in pieces.iter() {
                        assert!(offset >= end, "pieces overlap");
                        found[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                        end = offset + bytes.len() as u64;
                    }
                    assert_eq!(found, model, "{one:?} {two:?} {three:?}");
                    assert_eq!(pieces.bytes(), pieces.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
                }
            }
        }
    }

    #[test]
    fn rows_one_after_the_other_are_one_piece() {
        let mut pieces = Pieces::default();
        for row in 0..100 {
            pieces.write(row * 10, &[1; 10]);
        }
        pieces.write(5, &[2; 3]);
        assert_eq!((pieces.count(), pieces.bytes()), (1, 1000));
    }
}
