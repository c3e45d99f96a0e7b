//! Messages that end with bytes of values: these are neither copied into a message before it is encoded nor out of it when it is decoded.

use crate::codec::{Blob, Reader, Variants, Wire, encode};
use crate::object::{FetchReply, Payload, Update};
use daos_status::{Code, Result, fail};
use std::ops::Range;

/// Bytes of the length that stands before a blob.
const LENGTH_BYTES: usize = size_of::<u32>();

/// The bytes of a message that ends with an empty blob, as they are when the blob has `length` bytes; those follow.
fn before(message: &impl Wire, length: usize) -> Vec<u8> {
    let mut bytes = encode(message);
    let at = bytes.len().saturating_sub(LENGTH_BYTES);
    // Callers stay within the size of a message, far below 4 GiB.
    bytes[at..].copy_from_slice(&(length as u32).to_le_bytes());
    bytes
}

/// The blob that ends a message of `whole` bytes, of which `reader` has what was not read yet.
fn last_blob(reader: &mut Reader<'_>, whole: usize) -> Result<Range<usize>> {
    let length = reader.length()?;
    let start = whole - reader.remaining();
    let _left_there = reader.take(length)?;
    reader.end()?;
    Ok(start..start + length)
}

impl Update {
    /// The bytes of an update with an inline payload of `length` bytes, which follow; that of `self` counts for nothing.
    pub fn encode_before(&mut self, length: usize) -> Vec<u8> {
        self.payload = Payload::Inline(Blob::default());
        before(self, length)
    }

    /// The update of bytes, and where in them its inline payload is: the payload of the update is empty then.
    pub fn decode_apart(bytes: &[u8]) -> Result<(Update, Range<usize>)> {
        let mut reader = Reader::new(bytes);
        let mut update = Update {
            address: Wire::decode(&mut reader)?,
            name: Wire::decode(&mut reader)?,
            conditions: Wire::decode(&mut reader)?,
            dkey: Wire::decode(&mut reader)?,
            akeys: Wire::decode(&mut reader)?,
            payload: Payload::Inline(Blob::default()),
        };
        let number = u8::decode(&mut reader)?;
        if number == update.payload.number() {
            let values = last_blob(&mut reader, bytes.len())?;
            return Ok((update, values));
        }
        let Some(payload) = Payload::decode_content(number, &mut reader)? else {
            fail!(Code::Proto, "{number} is no variant of Payload");
        };
        reader.end()?;
        update.payload = payload;
        Ok((update, 0..0))
    }
}

impl FetchReply {
    /// The bytes of a reply with `length` inline bytes, which follow; those of `self` count for nothing.
    pub fn encode_before(&mut self, length: usize) -> Vec<u8> {
        self.inline = Blob::default();
        before(self, length)
    }

    /// The reply of bytes, and its inline bytes, which the reply itself has not.
    pub fn decode_apart(bytes: &[u8]) -> Result<(FetchReply, &[u8])> {
        let mut reader = Reader::new(bytes);
        let akeys = Wire::decode(&mut reader)?;
        let inline = last_blob(&mut reader, bytes.len())?;
        Ok((FetchReply { akeys, inline: Blob::default() }, &bytes[inline]))
    }
}
