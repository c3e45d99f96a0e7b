//! Handles as bytes for other processes: sealed, so that what is cut, damaged or made up is refused.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DAOSglob` |
//! | 2 | version, 1 |
//! | 2 | kind of handle |
//! | 4 | length of the content |
//! | length | content: system, identifiers, flags |
//! | 8 | CRC-64 (NVMe) of all before it |
//!
//! The bytes name a handle that is open; what it permits is known to the pool service alone. Whoever has the bytes can use the
//! handle, as with upstream: they are to be given to the processes of one job.

use daos_checksum::crc64;
use daos_status::{Code, Result, fail};
use daos_wire::{Wire, decode, encode};

const MAGIC: [u8; 8] = *b"DAOSglob";
const VERSION: u16 = 1;
const HEAD: usize = 16;
const SEAL: usize = 8;
/// The longest content: a few identifiers and the name of a system.
const CONTENT_MAX: usize = 4096;

/// What is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Pool = 1,
    Container = 2,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Pool => "pool",
            Kind::Container => "container",
        }
    }
}

/// The bytes of a handle.
pub(crate) fn seal(kind: Kind, content: &impl Wire) -> Vec<u8> {
    let content = encode(content);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((kind as u16).to_le_bytes());
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    let sum = crc64(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// The content of sealed bytes. Bytes behind the seal are passed over: programs send their whole buffer.
pub(crate) fn open<T: Wire>(kind: Kind, bytes: &[u8]) -> Result<T> {
    let word = kind.word();
    let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else {
        fail!(Code::Inval, "{} bytes are no {word} handle", bytes.len());
    };
    let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    if head[..8] != MAGIC {
        fail!(Code::Inval, "these bytes are no {word} handle");
    }
    if number(8) != VERSION {
        fail!(Code::Inval, "these bytes are a handle of version {}; this release knows {VERSION}", number(8));
    }
    let length = u32::from_le_bytes([head[12], head[13], head[14], head[15]]) as usize;
    let end = HEAD + length;
    if length > CONTENT_MAX || bytes.len() < end + SEAL {
        fail!(Code::Inval, "the bytes of this {word} handle are not whole");
    }
    if bytes[end..end + SEAL] != crc64(&bytes[..end]).to_le_bytes() {
        fail!(Code::Inval, "the bytes of this {word} handle are damaged");
    }
    if number(10) != kind as u16 {
        fail!(Code::Inval, "these bytes are a handle of another kind than that of a {word}");
    }
    match decode(&bytes[HEAD..end]) {
        Ok(content) => Ok(content),
        Err(_) => fail!(Code::Inval, "these bytes are no {word} handle"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Content = (u64, String);

    fn sealed() -> Vec<u8> {
        seal(Kind::Pool, &(7u64, "daos_server".to_owned()))
    }

    fn code<T>(result: Result<T>) -> Option<Code> {
        result.err().map(|status| status.code())
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let content: Content = open(Kind::Pool, &sealed()).expect("sealed");
        assert_eq!(content, (7, "daos_server".to_owned()));
        let longer = [sealed(), vec![0; 100]].concat();
        assert!(open::<Content>(Kind::Pool, &longer).is_ok());
        assert_eq!(code(open::<Content>(Kind::Container, &sealed())), Some(Code::Inval));
        assert_eq!(code(open::<(u64, u64)>(Kind::Pool, &sealed())), Some(Code::Inval));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let bytes = sealed();
        for length in 0..bytes.len() {
            assert_eq!(code(open::<Content>(Kind::Pool, &bytes[..length])), Some(Code::Inval), "{length}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(code(open::<Content>(Kind::Pool, &damaged)), Some(Code::Inval), "bit {bit}");
        }
    }

    #[test]
    fn the_bytes_of_version_1_stay() {
        let mut golden = b"DAOSglob\x01\0\x01\0\x17\0\0\0\x07\0\0\0\0\0\0\0\x0b\0\0\0daos_server".to_vec();
        let sum = crc64(&golden);
        golden.extend(sum.to_le_bytes());
        assert_eq!(sealed(), golden);
    }

    proptest! {
        #[test]
        fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(open::<Content>(Kind::Pool, &bytes).is_err());
        }
    }
}
