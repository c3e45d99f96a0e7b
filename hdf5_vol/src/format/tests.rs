//! Records survive writing and reading, damaged ones are refused, and their bytes stay as they are: a container of today is opened by
//! the connector of tomorrow.

use super::{AttributeRecord, ChunkRecord, ENTRY_SIZE, FileEntry, Header, Kind, Layout, LinkRecord, LinkTarget, Token};
use crate::cells::{self, Piece};
use crate::daos::ObjectId;
use crate::external;
use crate::filtered::Shape;
use crate::selection::Run;

fn token(number: u64, kind: Kind) -> Token {
    Token::new(number, kind).expect("a number that objects have")
}

fn entry() -> FileEntry {
    FileEntry {
        container: [7; 16],
        file: ObjectId { low: 3, high: 9 },
        root: token(33, Kind::Group),
        is_classed: false,
        header_upper: 0x0102_0304_4844_4600,
        order_upper: 0x0502_0304_4844_4602,
    }
}

fn headers() -> Vec<Header> {
    let dataset = |layout| Header::Dataset {
        committed: None,
        list: vec![1, 2],
        datatype: vec![3, 4, 5],
        space: vec![6],
        data_upper: 0x1122_3344_5566_7788,
        element: 8,
        layout,
    };
    vec![
        Header::Group { list: Vec::new() },
        Header::Datatype { list: vec![9], datatype: vec![8, 7] },
        dataset(Layout::Contiguous { block: 1 << 20 }),
        dataset(Layout::Inside),
        dataset(Layout::Filtered { chunk: vec![6] }),
        dataset(Layout::Virtual),
        dataset(Layout::RawFiles),
        dataset(Layout::Chunked { chunk: vec![4, 5] }),
    ]
}

fn links() -> Vec<LinkRecord> {
    let target = [
        LinkTarget::Hard(token(5, Kind::Dataset)),
        LinkTarget::Soft(b"/a/b".to_vec()),
        LinkTarget::UserDefined { kind: 64, value: vec![0, 1] },
    ];
    target
        .into_iter()
        .zip([None, Some(0), Some(77)])
        .map(|(target, creation_order)| LinkRecord { character_set: 1, creation_order, target })
        .collect()
}

fn attribute() -> AttributeRecord {
    AttributeRecord {
        character_set: 0,
        creation_order: 4,
        committed: None,
        datatype: vec![1],
        space: vec![2, 3],
        data: vec![4, 5, 6],
    }
}

fn map() -> Header {
    Header::Map { list: vec![1], key: vec![2, 3], value: vec![4], data_upper: 0x1122_3344_5566_7788 }
}

/// Both with a committed datatype.
fn shared() -> (Header, AttributeRecord) {
    let committed = Some(token(6, Kind::Datatype));
    let header = Header::Dataset {
        committed,
        list: Vec::new(),
        datatype: vec![3],
        space: vec![6],
        data_upper: 1,
        element: 8,
        layout: Layout::Inside,
    };
    (header, AttributeRecord { committed, ..attribute() })
}

#[test]
fn what_is_written_is_read() {
    for header in headers() {
        assert_eq!(Header::decode(&header.encode()).expect("just written"), header);
    }
    for link in links() {
        assert_eq!(LinkRecord::decode(&link.encode()).expect("just written"), link);
    }
    assert_eq!(Header::decode(&map().encode()).expect("just written"), map());
    let (header, shared) = shared();
    assert_eq!(Header::decode(&header.encode()).expect("just written"), header);
    for attribute in [attribute(), shared] {
        assert_eq!(AttributeRecord::decode(&attribute.encode()).expect("just written"), attribute);
    }
    let entry = entry();
    assert_eq!(FileEntry::decode(&entry.encode(), &entry.container, entry.file).expect("just written"), entry);
}

/// These bytes lie in containers.
#[test]
fn the_bytes_of_version_1_stay() {
    let link = &links()[0];
    assert_eq!(link.encode(), [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0x40]);
    assert_eq!(attribute().encode(), [1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 2, 3, 4, 5, 6]);
    let inside = headers()[3].encode();
    assert_eq!(&inside[20..], [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 8, 0, 0, 0, 3]);
    let (mapped, raw) = (headers()[5].encode(), headers()[6].encode());
    assert_eq!((&mapped[..32], &mapped[32..]), (&inside[..32], &[5][..]));
    assert_eq!((&raw[..32], &raw[32..]), (&inside[..32], &[6][..]));
    let filtered = headers()[4].encode();
    assert_eq!(&filtered[32..], [4, 1, 6, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ChunkRecord { mask: 0x0102, bytes: &[7, 8] }.encode(), [1, 2, 1, 0, 0, 7, 8]);
    assert_eq!(ChunkRecord::OVERHEAD as usize, ChunkRecord { mask: 0, bytes: &[] }.encode().len());
    let chunked = headers().pop().expect("there are some");
    assert_eq!(
        chunked.encode(),
        [
            &[1, 1, 2, 0, 0, 0, 1, 2, 3, 0, 0, 0, 3, 4, 5, 1, 0, 0, 0, 6][..],
            &[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 8, 0, 0, 0, 2, 2],
            &[4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat()
    );
    let bytes = entry().encode();
    assert_eq!(&bytes[..16], b"\x89DAOSH5\n\x01\0\0\0\0\0\0\0");
    assert_eq!(&bytes[48..56], &33_u64.to_le_bytes());
}

/// Maps came later; connectors of earlier commits know neither their kind nor the tokens that lead to them.
#[test]
fn the_bytes_of_maps_stay() {
    let bytes = [1, 3, 1, 0, 0, 0, 1, 2, 0, 0, 0, 2, 3, 1, 0, 0, 0, 4, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11];
    assert_eq!(map().encode(), bytes);
    assert_eq!(token(5, Kind::Map).bits(), 3 << 62 | 5);
}

/// A flag of version 1 which connectors of earlier commits do not look at: they make later objects of the class that DAOS chooses.
#[test]
fn an_entry_says_whether_the_class_of_objects_was_chosen() {
    let plain = entry();
    let chosen = FileEntry { is_classed: true, header_upper: 0x0008_0002_4844_4600, ..plain };
    let bytes = chosen.encode();
    assert_eq!(&bytes[..16], b"\x89DAOSH5\n\x01\x01\0\0\0\0\0\0");
    let decode = |bytes: &[u8]| FileEntry::decode(bytes, &plain.container, plain.file).expect("just written");
    assert_eq!(decode(&bytes), chosen);
    // Two copies, two groups.
    assert_eq!((chosen.class(), plain.class()), (8 << 24 | 2, 0));
}

/// These too.
#[test]
fn the_bytes_of_version_2_stay() {
    let (header, attribute) = shared();
    let expected = [
        &[2, 1, 6, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0, 0, 6][..],
        &[1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3],
    ];
    assert_eq!(header.encode(), expected.concat());
    let expected = [&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0x80][..], &attribute.encode()[18..]].concat();
    assert_eq!(attribute.encode(), expected);
    assert_eq!(attribute.encode()[18..], self::attribute().encode()[10..]);
    // The token of something else is none of a datatype, and only datasets have one.
    for (at, value) in [(9, 0x40), (9, 0xc0), (1, 0), (1, 2)] {
        let mut changed = header.encode();
        changed[at] = value;
        assert!(Header::decode(&changed).is_err(), "{at} {value}");
    }
}

#[test]
fn no_bytes_make_a_record_panic_and_short_ones_are_refused() {
    for bytes in headers().iter().chain([&shared().0]).map(Header::encode) {
        for length in 0..bytes.len() {
            assert!(Header::decode(&bytes[..length]).is_err());
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            // Whether it is still a header is not asked: only that the answer comes.
            let _any = Header::decode(&changed);
        }
    }
    for attribute in [attribute().encode(), shared().1.encode()] {
        assert!(AttributeRecord::decode(&attribute[..attribute.len() - 4]).is_err());
    }
    assert!(ChunkRecord::decode(&[1, 0, 0, 0]).is_err() && ChunkRecord::decode(&[2, 0, 0, 0, 0]).is_err());
    assert!(LinkRecord::decode(&links()[0].encode()[..19]).is_err());
}

/// Numbers that look random and are always the same.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Other bytes: some replaced, often by those that are the ends of something; some more or fewer.
    fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        const ENDS: [u8; 8] = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            match self.below(8) {
                0 => bytes.truncate(self.below(bytes.len() + 1)),
                1 => bytes.extend((0..self.below(12)).map(|place| place as u8)),
                2 if bytes.len() >= 8 => {
                    let at = self.below(bytes.len() - 7);
                    bytes[at..at + 8].fill(ENDS[self.below(ENDS.len())]);
                }
                _ if bytes.is_empty() => {}
                kind => {
                    let at = self.below(bytes.len());
                    bytes[at] = if kind % 2 == 0 { self.below(256) as u8 } else { ENDS[self.below(ENDS.len())] };
                }
            }
        }
        bytes
    }
}

const ROUNDS: usize = 20_000;

/// Whatever lies in a container, an answer comes; and what is taken for a record is one, which reads the same when it is written again.
#[test]
fn changed_records_are_refused_or_are_records() {
    let mut random = Random(1);
    let (mut taken, mut refused) = (0, 0);
    let entry = entry();
    for _ in 0..ROUNDS {
        let mut count = |is_taken: bool| if is_taken { taken += 1 } else { refused += 1 };
        let mut headers = headers();
        headers.extend([shared().0, map()]);
        let place = random.below(headers.len());
        let bytes = random.change(&headers[place].encode());
        let header = Header::decode(&bytes);
        count(header.as_ref().is_ok_and(|header| header.encode() == bytes));
        assert!(header.is_err() || header.is_ok_and(|header| header.encode() == bytes), "{bytes:?}");
        let place = random.below(links().len());
        let bytes = random.change(&links()[place].encode());
        if let Ok(link) = LinkRecord::decode(&bytes) {
            assert_eq!(LinkRecord::decode(&link.encode()).expect("it was one"), link, "{bytes:?}");
            if let LinkTarget::UserDefined { value, .. } = &link.target {
                let _any = external::Link::decode(value);
            }
        }
        let place = random.below(2);
        let bytes = random.change(&[attribute(), shared().1][place].encode());
        assert!(AttributeRecord::decode(&bytes).map_or(true, |attribute| attribute.encode() == bytes), "{bytes:?}");
        let bytes = random.change(&ChunkRecord { mask: 3, bytes: &[7, 8] }.encode());
        assert!(ChunkRecord::decode(&bytes).map_or(true, |chunk| chunk.encode() == bytes), "{bytes:?}");
        let bytes = random.change(&entry.encode());
        if let Ok(found) = FileEntry::decode(&bytes, &entry.container, entry.file) {
            assert!(Token::from_bits(found.root.bits()).is_ok());
        }
    }
    assert!(taken > ROUNDS / 20 && refused > ROUNDS / 20, "{taken} are headers, {refused} are none");
}

/// The header of a dataset that opens, though it is another one than was written, leads to no place that is not there, and neither do chunks that it
/// does not have.
#[test]
fn changed_headers_of_datasets_lead_to_elements_or_are_refused() {
    let mut random = Random(2);
    let dimensions = [[9, 7], [0, 5], [u64::MAX, 3]];
    let mut opened = [0; 6];
    for _ in 0..ROUNDS {
        let place = 2 + random.below(headers().len() - 2);
        let bytes = random.change(&headers()[place].encode());
        let Ok(Header::Dataset { layout, element, .. }) = Header::decode(&bytes) else { continue };
        let (element, rank) = (u64::from(element), 1 + random.below(2));
        if !layout.suits(element, rank) {
            continue;
        }
        let dataset = &dimensions[random.below(dimensions.len())][..rank];
        let count = dataset.iter().fold(1, |count: u64, dimension| count.saturating_mul(*dimension)).min(20);
        let run = [Run { offset: 0, length: count * element }];
        if layout == Layout::Virtual {
            opened[4] += 1;
            assert!(cells::cells(&layout, element, &run, dataset, dataset).is_err());
            continue;
        }
        let Some(chunk) = layout.chunk() else {
            let place = if layout == Layout::RawFiles { 5 } else { usize::from(layout == Layout::Inside) };
            opened[place] += 1;
            // Blocks of one byte are possible, and many.
            if !matches!(layout, Layout::Contiguous { block } if run[0].length / block > 1 << 10) {
                let cells = cells::cells(&layout, element, &run, dataset, dataset).expect("it is all of the beginning");
                assert_eq!(bytes_of(&cells), run[0].length);
            }
            continue;
        };
        opened[2 + usize::from(matches!(layout, Layout::Filtered { .. }))] += 1;
        let cells = cells::cells(&layout, element, &run, dataset, dataset).expect("the same");
        assert_eq!(bytes_of(&cells), run[0].length);
        let size = chunk.iter().product::<u64>() * element;
        assert!(cells.iter().flat_map(|cell| &cell.pieces).all(|piece| piece.offset + piece.length <= size));
        let coordinates: Vec<u64> = (0..rank).map(|_| [0, 1, 1 << 40, u64::MAX][random.below(4)]).collect();
        let inside = Shape { chunk, element, dataset, fill: &[] }.inside(&cells::chunk_key(&coordinates));
        if chunk[..rank - 1].iter().product::<u64>() < 1 << 10 {
            let outside: u64 =
                cells::outside(chunk, &coordinates, element, dataset).iter().map(|piece: &Piece| piece.length).sum();
            assert_eq!(inside + outside, size, "{chunk:?} {coordinates:?} {dataset:?}");
        }
    }
    assert!(opened.iter().all(|count| *count > 50), "{opened:?} of each layout");
}

fn bytes_of(cells: &[cells::Cell]) -> u64 {
    cells.iter().flat_map(|cell| &cell.pieces).map(|piece| piece.length).sum()
}

#[test]
fn a_later_version_is_refused_with_a_sentence() {
    let mut bytes = headers()[0].encode();
    bytes[0] = 3;
    let failure = Header::decode(&bytes).expect_err("nobody knows version 3 yet");
    assert!(failure.text.contains("version 3"), "{}", failure.text);
    bytes[0] = 0;
    assert!(Header::decode(&bytes).is_err());
    let entry = entry();
    let mut bytes = entry.encode();
    bytes[8] = 2;
    let failure = FileEntry::decode(&bytes, &entry.container, entry.file).expect_err("the same");
    assert!(failure.text.contains("version 2"), "{}", failure.text);
}

#[test]
fn a_copied_entry_and_a_file_that_is_none_are_refused() {
    let entry = entry();
    let bytes = entry.encode();
    let elsewhere = FileEntry::decode(&bytes, &[8; 16], entry.file).expect_err("another container");
    assert!(elsewhere.text.contains("copy"), "{}", elsewhere.text);
    assert!(FileEntry::decode(&bytes, &entry.container, ObjectId { low: 4, high: 9 }).is_err());
    assert!(FileEntry::decode(b"\x89HDF\r\n\x1a\n", &entry.container, entry.file).is_err());
    assert!(FileEntry::decode(&bytes[..ENTRY_SIZE - 1], &entry.container, entry.file).is_err());
}

#[test]
fn tokens_keep_number_and_kind_and_zero_is_none() {
    for kind in [Kind::Group, Kind::Dataset, Kind::Datatype, Kind::Map] {
        let token = token(12, kind);
        assert_eq!((token.number(), token.kind()), (12, kind));
        assert_eq!(Token::from_bytes(&token.to_bytes()).expect("a token"), token);
    }
    assert!(Token::new(0, Kind::Group).is_err());
    assert!(Token::from_bits(0).is_err());
    assert!(Token::from_bits(3 << 62).is_err());
}
