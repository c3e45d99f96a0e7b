//! The kinds of records on a connection, and their fixed parts.
//!
//! | kind | what | fixed part |
//! |---|---|---|
//! | 1 | the side that connected is ready | [`Ready`](super::handshake::Ready) |
//! | 2 | which side may read the other's memory | two bytes: the one that accepted, the one that connected |
//! | 3 | a message | none |
//! | 4 | the beginning of a message that is longer than a record | its length |
//! | 5 | more of it | none |
//! | 6 | send me lent memory | number, key, offset, length |
//! | 7 | a piece of it | number |
//! | 8 | copy my memory to lent memory | number, key, offset, length, my address |
//! | 9 | put these bytes into lent memory | number, key, offset, whether it is the last piece |
//! | 10 | a transfer has ended | number, DAOS error number or zero |
//!
//! All parts are words of 64 bits. Transfers are numbered by the side that asks for them.

pub(super) const READY: u8 = 1;
pub(super) const VERDICT: u8 = 2;
pub(super) const MESSAGE: u8 = 3;
pub(super) const MESSAGE_BEGINS: u8 = 4;
pub(super) const MESSAGE_GOES_ON: u8 = 5;
pub(super) const SEND_ME: u8 = 6;
pub(super) const PIECE: u8 = 7;
pub(super) const COPY: u8 = 8;
pub(super) const PUT: u8 = 9;
pub(super) const ENDED: u8 = 10;

/// Words as bytes.
pub(super) fn words<const N: usize>(words: [u64; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Bytes as words; what does not fill a word counts for nothing.
pub(super) fn from_words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}
