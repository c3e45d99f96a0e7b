//! Enumeration: limits, anchors and what is listed.

use crate::key_order::{self, fixed_probe, object_key};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent, Key, KeyKind, ObjectId};

/// The longest encoded anchor: it fits `daos_anchor_t`.
pub const ANCHOR_LENGTH_MAX: usize = 96;

/// How many leading bytes of a key an anchor holds.
pub(crate) const ANCHOR_PREFIX_MAX: usize = 64;

const TAG_START: u8 = 0;
const TAG_KEY: u8 = 1;
const TAG_EXTENT: u8 = 2;
const TAG_END: u8 = 3;

/// Bytes of an encoded anchor before the first bytes of its key.
const KEY_HEADER: usize = 21;
const _: () = assert!(KEY_HEADER + ANCHOR_PREFIX_MAX <= ANCHOR_LENGTH_MAX);

/// Where an enumeration goes on: behind what was listed last.
///
/// An anchor stays valid across inserts and deletes: what was there all the time is listed exactly once. (Where more than one key
/// begins with the same 64 bytes, and the last one listed is removed for good meanwhile and its memory used for something else, the others
/// of these are listed again.)
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Anchor {
    /// At the first entry.
    #[default]
    Start,
    /// Behind an entry.
    Behind(Position),
    /// There is no more.
    End,
}

/// The entry that an [`Anchor`] lies behind; opaque.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position(pub(crate) Place);

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A key: its order word, the hash of all of it, its first bytes, and where all of them were when it was listed.
    Key { order: u64, hash: u64, link: u32, prefix: Vec<u8> },
    /// An extent record: where it starts, its epoch and its number within the epoch.
    Extent { start: u64, epoch: u64, minor: u32 },
}

impl Anchor {
    /// Behind an object in a listing of objects, whether it is there or not. They come in the order of their lower halves, then of
    /// their upper ones.
    pub fn behind_object(object: ObjectId) -> Anchor {
        let key = object_key(object);
        let (order, hash) = (fixed_probe(&key).order, key_order::hash(&key));
        Anchor::Behind(Position(Place::Key { order, hash, link: 0, prefix: key.to_vec() }))
    }

    /// Before a key in a listing of keys of a kind, whether it is there or not. Of lexical keys that begin with the same 64 bytes: before
    /// all of them.
    pub fn at_key(kind: KeyKind, key: &Key) -> Result<Anchor> {
        let order = key_order::order_of(kind, key)?;
        let (order, prefix) = match kind {
            // Whole runs of one order are few keys at most.
            KeyKind::Hashed | KeyKind::Integer => match order.checked_sub(1) {
                None => return Ok(Anchor::Start),
                Some(order) => (order, vec![u8::MAX; ANCHOR_PREFIX_MAX]),
            },
            KeyKind::Lexical => {
                let mut before = key[..key.len().min(ANCHOR_PREFIX_MAX)].to_vec();
                match before.pop() {
                    None => return Ok(Anchor::Start),
                    Some(0) => {}
                    Some(last) => {
                        before.push(last - 1);
                        before.resize(ANCHOR_PREFIX_MAX, u8::MAX);
                    }
                }
                (key_order::order_of(kind, &before)?, before)
            }
        };
        let hash = key_order::hash(&prefix);
        Ok(Anchor::Behind(Position(Place::Key { order, hash, link: 0, prefix })))
    }

    /// At most [`ANCHOR_LENGTH_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Anchor::Start => vec![TAG_START],
            Anchor::End => vec![TAG_END],
            Anchor::Behind(Position(Place::Key { order, hash, link, prefix })) => {
                let mut out = vec![TAG_KEY];
                out.extend_from_slice(&order.to_le_bytes());
                out.extend_from_slice(&hash.to_le_bytes());
                out.extend_from_slice(&link.to_le_bytes());
                out.extend_from_slice(prefix);
                out
            }
            Anchor::Behind(Position(Place::Extent { start, epoch, minor })) => {
                let mut out = vec![TAG_EXTENT];
                out.extend_from_slice(&start.to_le_bytes());
                out.extend_from_slice(&epoch.to_le_bytes());
                out.extend_from_slice(&minor.to_le_bytes());
                out
            }
        }
    }

    /// The anchor of bytes that came from a caller.
    pub fn decode(bytes: &[u8]) -> Result<Anchor> {
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let anchor = match bytes.first() {
            Some(&TAG_START) if bytes.len() == 1 => Some(Anchor::Start),
            Some(&TAG_END) if bytes.len() == 1 => Some(Anchor::End),
            Some(&TAG_KEY) if bytes.len() <= KEY_HEADER + ANCHOR_PREFIX_MAX => word(1)
                .zip(word(9))
                .zip(bytes.get(17..KEY_HEADER).and_then(|link| link.try_into().ok()).map(u32::from_le_bytes))
                .map(|((order, hash), link)| Place::Key { order, hash, link, prefix: bytes[KEY_HEADER..].to_vec() })
                .map(|place| Anchor::Behind(Position(place))),
            Some(&TAG_EXTENT) if bytes.len() == 21 => {
                let minor = bytes[17..].try_into().ok().map(u32::from_le_bytes);
                word(1)
                    .zip(word(9))
                    .zip(minor)
                    .map(|((start, epoch), minor)| Anchor::Behind(Position(Place::Extent { start, epoch, minor })))
            }
            _ => None,
        };
        match anchor {
            Some(anchor) => Ok(anchor),
            None => fail!(Code::Inval, "an anchor of {} bytes is malformed", bytes.len()),
        }
    }
}

/// How much one call may list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Entries; at least one is listed, if there is one.
    pub count: usize,
    /// Bytes of keys; at least one entry is listed, if there is one.
    pub bytes: usize,
}

/// Entries and where to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing<T> {
    /// What was found.
    pub entries: Vec<T>,
    /// Where to go on.
    pub next: Anchor,
}

/// Listed objects.
pub type ObjectListing = Listing<ObjectId>;

/// Listed keys.
pub type KeyListing = Listing<Key>;

/// Listed extents.
pub type ExtentListing = Listing<ListedExtent>;

/// In which order extents are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// By rising first record.
    Forward,
    /// By falling first record.
    Backward,
}

/// A recorded extent that is visible at least in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedExtent {
    /// The visible part.
    pub extent: Extent,
    /// Its version.
    pub epoch: Epoch,
    /// Bytes of one record.
    pub record_size: u64,
    /// Whether it is a punch.
    pub punched: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key that comes behind the anchor of a key is that key or one behind it in the order of its kind.
    #[test]
    fn anchors_at_keys_lie_before_them_and_behind_those_before() {
        let texts = ["a", "ab", "abcdefgh", "abcdefghi", "abcdefgi", "b\0", "b", "\0"];
        let mut keys: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        keys.extend([0u64, 1, 7, u64::MAX].map(|number| number.to_le_bytes().to_vec()));
        for kind in [KeyKind::Hashed, KeyKind::Lexical, KeyKind::Integer] {
            let fits = |key: &&Vec<u8>| kind != KeyKind::Integer || key.len() == 8;
            let place = |key: &[u8]| (key_order::order_of(kind, key).expect("a key"), key.to_vec());
            for key in keys.iter().filter(fits) {
                let anchor = Anchor::at_key(kind, &Key::new(key).expect("a key")).expect("an anchor");
                assert!(Anchor::decode(&anchor.encode()).is_ok());
                for other in keys.iter().filter(fits) {
                    let comes = match &anchor {
                        Anchor::Behind(Position(Place::Key { order, prefix, .. })) => {
                            place(other) > (*order, prefix.clone())
                        }
                        _ => true,
                    };
                    assert_eq!(comes, place(other) >= place(key), "{kind:?} {key:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn anchors_round_trip_and_fit() {
        let places = [
            Place::Key { order: 7, hash: u64::MAX, link: 9, prefix: vec![1; ANCHOR_PREFIX_MAX] },
            Place::Key { order: 0, hash: 0, link: 0, prefix: vec![] },
            Place::Extent { start: 1, epoch: 2, minor: 3 },
        ];
        let anchors = places.map(|place| Anchor::Behind(Position(place)));
        for anchor in anchors.into_iter().chain([Anchor::Start, Anchor::End]) {
            let bytes = anchor.encode();
            assert!(bytes.len() <= ANCHOR_LENGTH_MAX);
            assert_eq!(Anchor::decode(&bytes).expect("valid"), anchor);
            for length in 0..bytes.len() {
                assert!(Anchor::decode(&bytes[..length]).is_err() || bytes[0] == TAG_KEY);
            }
        }
        assert!(Anchor::decode(&[9]).is_err());
        assert!(Anchor::decode(&[TAG_KEY; 200]).is_err());
    }
}
