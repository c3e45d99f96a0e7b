//! Listing an object with all its keys and values at once: what is asked for and what comes.

use crate::{Data, ListedExtent};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Key, ObjectId};

/// Asks for everything of an object that is visible at an epoch: each dkey, followed by its akeys, each followed by its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TreeRequest {
    /// The container; it must exist.
    pub container: ContainerId,
    /// The object.
    pub object: ObjectId,
    /// Nothing newer is seen.
    pub epoch: Epoch,
    /// Entries of one call; at least one is listed, if there is one.
    pub count: usize,
    /// Bytes of keys and embedded values of one call; at least one entry is listed, if there is one.
    pub bytes: usize,
    /// Values to this many bytes come with their bytes, as long as they lie in the arena: nothing is read from the data device.
    pub embed: usize,
}

/// What is listed.
#[derive(Debug, PartialEq, Eq)]
pub enum TreeEntry {
    /// A dkey; what follows is below it.
    Dkey(Key),
    /// An akey of the dkey before; what follows is below it.
    Akey(Key),
    /// The single value of the akey before.
    Single {
        /// Its version.
        epoch: Epoch,
        /// Bytes in number.
        size: u64,
        /// Its bytes, when they are embedded.
        data: Option<Data>,
    },
    /// A visible piece of the array of the akey before.
    Extent {
        /// Where it lies, its version, and whether it is a punch.
        extent: ListedExtent,
        /// Its bytes, when they are embedded.
        data: Option<Data>,
    },
}

/// Where a listing of an object goes on: behind what was listed last, wherever keys come and go meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TreeAnchor {
    /// At the first dkey.
    #[default]
    Start,
    /// Behind a dkey, at its first akey.
    InDkey(Key),
    /// Behind an akey, at a record of its values.
    InAkey {
        /// The dkey.
        dkey: Key,
        /// The akey.
        akey: Key,
        /// Values of records before this one were listed.
        record: u64,
    },
    /// Behind a dkey and an akey with all their values.
    BehindAkey {
        /// The dkey.
        dkey: Key,
        /// The akey.
        akey: Key,
    },
    /// Behind a dkey with everything below it.
    BehindDkey(Key),
    /// There is no more.
    End,
}

/// Entries and where to go on.
#[derive(Debug, PartialEq, Eq)]
pub struct TreeListing {
    /// What was found, in its order.
    pub entries: Vec<TreeEntry>,
    /// Where to go on.
    pub next: TreeAnchor,
}

impl TreeAnchor {
    /// A tag, then the record, then the keys with the length of the first: as long as the keys are.
    pub fn encode(&self) -> Vec<u8> {
        let (tag, record, first, second): (u8, u64, &[u8], &[u8]) = match self {
            TreeAnchor::Start => (0, 0, b"", b""),
            TreeAnchor::InDkey(dkey) => (1, 0, dkey, b""),
            TreeAnchor::InAkey { dkey, akey, record } => (2, *record, dkey, akey),
            TreeAnchor::BehindAkey { dkey, akey } => (3, 0, dkey, akey),
            TreeAnchor::BehindDkey(dkey) => (4, 0, dkey, b""),
            TreeAnchor::End => (5, 0, b"", b""),
        };
        // A key has 64 KiB at most.
        let length = first.len() as u32;
        [&[tag][..], &record.to_le_bytes(), &length.to_le_bytes(), first, second].concat()
    }

    /// The anchor of bytes that came from a caller.
    pub fn decode(bytes: &[u8]) -> Result<TreeAnchor> {
        let malformed = || format!("an anchor of {} bytes for a listing of an object is malformed", bytes.len());
        let Some((tag, record, length, keys)) = split(bytes) else { fail!(Code::Inval, "{}", malformed()) };
        let Some((first, second)) = keys.split_at_checked(length) else { fail!(Code::Inval, "{}", malformed()) };
        let (dkey, akey) = (Key::new(first)?, Key::new(second)?);
        Ok(match tag {
            0 if keys.is_empty() => TreeAnchor::Start,
            1 if second.is_empty() => TreeAnchor::InDkey(dkey),
            2 => TreeAnchor::InAkey { dkey, akey, record },
            3 => TreeAnchor::BehindAkey { dkey, akey },
            4 if second.is_empty() => TreeAnchor::BehindDkey(dkey),
            5 if keys.is_empty() => TreeAnchor::End,
            _ => fail!(Code::Inval, "{}", malformed()),
        })
    }
}

/// Tag, record and length of the first key; and the keys.
fn split(bytes: &[u8]) -> Option<(u8, u64, usize, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (record, rest) = rest.split_first_chunk()?;
    let (length, keys) = rest.split_first_chunk()?;
    Some((*tag, u64::from_le_bytes(*record), u32::from_le_bytes(*length) as usize, keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_round_trip_and_refuse_what_is_malformed() {
        let key = |text: &[u8]| Key::new(text).expect("short");
        let anchors = [
            TreeAnchor::Start,
            TreeAnchor::InDkey(key(b"")),
            TreeAnchor::InAkey { dkey: key(b"d"), akey: key(b""), record: u64::MAX },
            TreeAnchor::BehindAkey { dkey: key(b""), akey: key(&[7; 64 * 1024]) },
            TreeAnchor::BehindDkey(key(&[7; 64 * 1024])),
            TreeAnchor::End,
        ];
        for anchor in anchors {
            let bytes = anchor.encode();
            assert_eq!(TreeAnchor::decode(&bytes).expect("valid"), anchor);
            assert!(TreeAnchor::decode(&bytes[..12]).is_err());
            assert!(TreeAnchor::decode(&[&[9], &bytes[1..]].concat()).is_err());
        }
        assert!(TreeAnchor::decode(&[]).is_err());
        assert!(TreeAnchor::decode(&[&[1; 9][..], &[0xff; 4]].concat()).is_err());
    }
}
