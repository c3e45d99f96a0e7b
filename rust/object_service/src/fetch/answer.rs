//! From what a store found to what the client is told: pure.

use super::into_buffer;
use crate::check::extent_bytes;
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use daos_store::{Content, Data, Fetched, FetchedPiece, Few};
use daos_types::Extent;
use daos_wire::{AkeyReply, Piece};

/// Segments that follow each other are joined up to so many bytes: a transfer costs more than a copy of that many.
const JOINED_BYTES_MAX: u64 = 256 << 10;

const STATE_DATA: u8 = 0;
const STATE_HOLE: u8 = 1;
const STATE_PUNCHED: u8 = 2;

/// What a request wants of one akey.
pub(super) struct Wanted {
    /// The extents; `None` for the single value.
    pub extents: Option<Few<Extent>>,
    /// Room for bytes; `None` when only the size is wanted.
    pub capacity: Option<u64>,
    /// Where that room begins in the client's memory.
    pub offset: u64,
}

impl Wanted {
    /// Whether its bytes can possibly fit the room there is.
    pub fn takes_data(&self) -> bool {
        let least = self.extents.as_ref().map_or(Some(0), |extents| extent_bytes(1, extents));
        self.capacity.is_some_and(|capacity| least.is_some_and(|least| least <= capacity))
    }
}

/// Bytes that were found, and where they go.
#[derive(PartialEq, Debug)]
pub(super) struct Spot {
    /// Number of the akey.
    pub akey: usize,
    /// Where they go in the client's memory.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// Their records; `None` for a single value.
    pub extent: Option<Extent>,
    /// The bytes; none when only sizes were asked for.
    pub data: Data,
}

/// Bytes to be written to the client's memory at once.
pub(super) struct Segment {
    pub offset: u64,
    pub buffer: IoBuffer,
}

/// What the client is told about each akey, and the bytes that it gets. Akeys whose bytes do not fit give none.
pub(super) fn answer(wanted: &[Wanted], found: impl Iterator<Item = Fetched>) -> Result<(Vec<AkeyReply>, Vec<Spot>)> {
    let (mut akeys, mut spots) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (number, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        akeys.push(match (found, &wanted.extents) {
            (Fetched::Missing, None) => AkeyReply { size: 0, pieces: Vec::new() },
            (Fetched::Missing, Some(extents)) => AkeyReply { size: 0, pieces: holes(extents) },
            (Fetched::Single { size, data }, None) => {
                if wanted.capacity.is_some_and(|capacity| size <= capacity) && size > 0 {
                    spots.push(Spot { akey: number, offset: wanted.offset, length: size, extent: None, data });
                }
                AkeyReply { size, pieces: Vec::new() }
            }
            (Fetched::Array { record_size, pieces }, Some(extents)) => {
                array_answer(number, wanted, extents, record_size, pieces, &mut spots)?
            }
            (Fetched::Single { .. }, Some(_)) => {
                fail!(Code::IoInval, "an akey holds a single value, and was fetched as an array")
            }
            (Fetched::Array { .. }, None) => {
                fail!(Code::IoInval, "an akey holds an array, and was fetched as a single value")
            }
        });
    }
    Ok((akeys, spots))
}

fn holes(extents: &[Extent]) -> Vec<Piece> {
    extents.iter().map(|extent| Piece { extent: *extent, state: STATE_HOLE }).collect()
}

fn array_answer(
    number: usize,
    wanted: &Wanted,
    extents: &[Extent],
    record_size: u64,
    pieces: Few<FetchedPiece>,
    spots: &mut Vec<Spot>,
) -> Result<AkeyReply> {
    let needed = extent_bytes(record_size, extents);
    let fits = wanted.capacity.is_some_and(|capacity| needed.is_some_and(|needed| needed <= capacity));
    let mut reply: Vec<Piece> = Vec::new();
    let mut offset = wanted.offset;
    for FetchedPiece { extent, content, .. } in pieces {
        let (state, data) = match content {
            Content::Hole => (STATE_HOLE, None),
            Content::Punched => (STATE_PUNCHED, None),
            Content::Data(data) => (STATE_DATA, Some(data)),
        };
        if fits {
            // No overflow: all pieces together fit the capacity.
            let length = extent.count() * record_size;
            spots.extend(data.map(|data| Spot { akey: number, offset, length, extent: Some(extent), data }));
            offset += length;
        }
        let joined = reply.last().filter(|last| last.state == state && last.extent.end() == extent.start());
        match joined.and_then(|last| Extent::from_bounds(last.extent.start(), extent.end())) {
            Some(joined) => reply.last_mut().expect("just seen").extent = joined,
            None => reply.push(Piece { extent, state }),
        }
    }
    if fits && Some(offset - wanted.offset) != needed {
        fail!(Code::Misc, "the store's answer does not cover the extents asked for");
    }
    Ok(AkeyReply { size: record_size, pieces: reply })
}

/// Joins bytes that lie next to each other, so that many small records are few transfers.
pub(super) fn join_spots(spots: Vec<Spot>) -> Vec<Segment> {
    let mut runs: Vec<(u64, u64, Vec<Data>)> = Vec::new();
    for Spot { offset, length, data, .. } in spots {
        match runs.last_mut() {
            Some((start, sum, parts)) if *start + *sum == offset && *sum + length <= JOINED_BYTES_MAX => {
                *sum += length;
                parts.push(data);
            }
            _ => runs.push((offset, length, vec![data])),
        }
    }
    let segment = |(offset, length, mut parts): (u64, u64, Vec<Data>)| {
        if parts.len() == 1 {
            let only = parts.pop().expect("there is one");
            return Segment { offset, buffer: into_buffer(only) };
        }
        Segment { offset, buffer: IoBuffer::gathered(length as usize, parts.iter().map(|part| &**part)) }
    };
    runs.into_iter().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_types::Epoch;

    fn extent(start: u64, count: u64) -> Extent {
        Extent::new(start, count).unwrap()
    }

    fn piece(start: u64, count: u64, content: Content) -> FetchedPiece {
        FetchedPiece { extent: extent(start, count), epoch: Epoch(1), content }
    }

    fn wanted(extents: Option<Few<Extent>>, capacity: Option<u64>, offset: u64) -> Wanted {
        Wanted { extents, capacity, offset }
    }

    #[test]
    fn arrays_keep_their_holes_and_pieces_of_one_kind_join() {
        let data = |bytes: &[u8]| Content::Data(Data::copy_of(bytes));
        let pieces = vec![
            piece(0, 1, data(b"ab")),
            piece(1, 1, data(b"cd")),
            piece(2, 2, Content::Hole),
            piece(4, 1, Content::Punched),
            piece(9, 1, data(b"ef")),
        ];
        let found = Fetched::Array { record_size: 2, pieces: pieces.into() };
        let wanted = [wanted(Some(Few::from([extent(0, 5), extent(9, 1)])), Some(100), 1000)];
        let (akeys, spots) = answer(&wanted, [found].into_iter()).unwrap();
        let shape: Vec<_> = akeys[0].pieces.iter().map(|p| (p.extent.start(), p.extent.count(), p.state)).collect();
        assert_eq!((akeys[0].size, shape), (2, vec![(0, 2, 0), (2, 2, 1), (4, 1, 2), (9, 1, 0)]));
        let segments = join_spots(spots);
        let bytes: Vec<_> = segments.iter().map(|s| (s.offset, s.buffer.to_vec())).collect();
        assert_eq!(bytes, [(1000, b"abcd".to_vec()), (1010, b"ef".to_vec())]);
    }

    #[test]
    fn what_does_not_fit_is_told_by_size_only() {
        let single = || Fetched::Single { size: 5, data: Data::copy_of(b"12345") };
        for (capacity, spots_expected) in [(Some(5), 1), (Some(4), 0), (None, 0)] {
            let (akeys, spots) = answer(&[wanted(None, capacity, 0)], [single()].into_iter()).unwrap();
            assert_eq!((akeys[0].size, spots.len()), (5, spots_expected));
        }
        let array = Fetched::Array { record_size: 3, pieces: Few::from([piece(0, 2, Content::Hole)]) };
        let (akeys, spots) =
            answer(&[wanted(Some(Few::from([extent(0, 2)])), Some(5), 0)], [array].into_iter()).unwrap();
        assert_eq!((akeys[0].size, spots.len()), (3, 0));
        assert!(!wanted(Some(Few::from([extent(0, 6)])), Some(5), 0).takes_data());
        assert!(!wanted(Some(Few::from([extent(0, u64::MAX), extent(0, 1)])), Some(u64::MAX), 0).takes_data());
    }

    #[test]
    fn missing_arrays_are_holes_and_wrong_kinds_are_errors() {
        let extents = || Some(Few::from([extent(3, 4), extent(9, 1)]));
        let (akeys, _) = answer(&[wanted(extents(), Some(5), 0)], [Fetched::Missing].into_iter()).unwrap();
        assert_eq!((akeys[0].size, akeys[0].pieces.len(), akeys[0].pieces[0].state), (0, 2, 1));
        let single = Fetched::Single { size: 1, data: Data::copy_of(b"1") };
        assert!(answer(&[wanted(extents(), Some(5), 0)], [single].into_iter()).is_err());
        let array = Fetched::Array { record_size: 1, pieces: Vec::new().into() };
        assert!(answer(&[wanted(None, Some(5), 0)], [array].into_iter()).is_err());
        let short = Fetched::Array { record_size: 1, pieces: Few::from([piece(3, 4, Content::Hole)]) };
        assert!(answer(&[wanted(extents(), Some(5), 0)], [short].into_iter()).is_err());
    }
}
