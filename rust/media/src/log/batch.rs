//! What a batch looks like.

use super::values::{self, BatchValues, ValueEntry};
use crate::device::BLOCK_SIZE;
use crate::durable_arena::Lsn;
use crate::transaction::BlockChange;
use daos_checksum::{crc32c, crc64};
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

const MAGIC: [u8; 8] = *b"daosbtch";
/// 2: as the other formats of this release have it. 1 was never released.
const VERSION: u32 = 2;
pub(super) const HEADER_BYTES: usize = 96;
const RECORD_HEADER_BYTES: usize = 4;

/// The first bytes of a batch on the device.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Debug)]
#[repr(C)]
pub(super) struct BatchHeader {
    magic: [u8; 8],
    version: U32,
    crc: U32,
    id: [u8; 16],
    pub sequence: U64,
    pub first_lsn: U64,
    pub records: U32,
    pub payload_length: U32,
    payload_crc: U64,
    pub chain: U64,
    pub values: U32,
    pub behind: U32,
    reserved: [u8; 16],
}

const _: () = assert!(size_of::<BatchHeader>() == HEADER_BYTES);

impl BatchHeader {
    /// The header at the start of a block, if there is an intact one of this log; an error when its version is unknown.
    pub fn parse(block: &[u8], id: &[u8; 16]) -> Result<Option<BatchHeader>> {
        let Ok((header, _)) = BatchHeader::read_from_prefix(block) else { return Ok(None) };
        if header.magic != MAGIC || header.id != *id || header.crc.get() != header.own_crc() {
            return Ok(None);
        }
        if header.version.get() != VERSION {
            let context = format!("a log batch has format version {}; this program knows {VERSION}", header.version);
            return Err(Status::new(Code::DfIncompt, context));
        }
        Ok(Some(header))
    }

    /// Whether a block starts with an intact header of any log and version.
    pub fn is_intact(block: &[u8]) -> bool {
        BatchHeader::read_from_prefix(block)
            .is_ok_and(|(header, _)| header.magic == MAGIC && header.crc.get() == header.own_crc())
    }

    fn own_crc(&self) -> u32 {
        crc32c(BatchHeader { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }

    /// What the next batch names as its chain.
    pub fn link(&self) -> u64 {
        crc64(self.as_bytes())
    }

    /// The last batch that was durable, with its values, when this one was begun.
    pub fn proves(&self) -> u64 {
        self.sequence.get().saturating_sub(1).saturating_sub(u64::from(self.behind.get()))
    }

    /// Bytes on the device.
    pub fn total(&self) -> u64 {
        total_of(self.payload_length.get() as usize)
    }

    /// The payload of a batch read whole, which was found intact before.
    pub fn payload<'a>(&self, batch: &'a [u8]) -> Option<&'a [u8]> {
        batch.get(HEADER_BYTES..HEADER_BYTES + self.payload_length.get() as usize)
    }

    /// Whether the payload of a batch read whole is as it was written.
    pub fn is_whole(&self, batch: &[u8]) -> bool {
        self.payload(batch).is_some_and(|payload| crc64(payload) == self.payload_crc.get())
    }

    /// The records of its payload, and the values that they point at.
    pub fn split<'a>(&self, payload: &'a [u8]) -> Result<(&'a [u8], &'a [ValueEntry])> {
        values::split(payload, self.values.get())
    }
}

fn total_of(payload: usize) -> u64 {
    (HEADER_BYTES + payload).next_multiple_of(BLOCK_SIZE) as u64
}

/// The records of a payload, in order; an error when they do not fill it exactly.
pub(crate) fn for_each_record(mut payload: &[u8], mut visit: impl FnMut(&[u8]) -> Result<()>) -> Result<u32> {
    let malformed = || Status::new(Code::DfInval, "the records of a log batch do not fill its payload");
    let mut records = 0u32;
    while !payload.is_empty() {
        let (length, rest) = payload.split_first_chunk::<RECORD_HEADER_BYTES>().ok_or_else(malformed)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| malformed())?;
        let (record, rest) = rest.split_at_checked(length).ok_or_else(malformed)?;
        visit(record)?;
        records += 1;
        payload = rest;
    }
    Ok(records)
}

/// Records gathered in memory for one batch.
#[derive(Default)]
pub(crate) struct Segment {
    payload: Vec<u8>,
    records: u32,
    /// What was written to the data device for them.
    pub values: BatchValues,
    /// The numbers of the first and last record.
    pub first: Lsn,
    pub last: Lsn,
    /// A record was too large for the log; only a checkpoint can make it durable.
    pub oversized: bool,
    /// Takes no more records.
    pub sealed: bool,
}

impl Segment {
    /// A segment to be filled from record `first` on.
    pub fn starting_at(first: Lsn) -> Segment {
        Segment { first, last: first, ..Segment::default() }
    }

    /// Appends a record that `encode` writes, and what it does to blocks of the data device. One that takes more than `limit` bytes with
    /// its values is not kept.
    pub fn push(&mut self, lsn: Lsn, limit: usize, blocks: &[BlockChange], encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.payload.len();
        self.payload.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
        encode(&mut self.payload);
        let length = self.payload.len() - start - RECORD_HEADER_BYTES;
        self.last = lsn;
        self.records += 1;
        blocks.iter().for_each(|change| self.values.note(*change));
        match u32::try_from(length) {
            Ok(short) if length + blocks.len() * values::ENTRY_BYTES <= limit => {
                self.payload[start..start + RECORD_HEADER_BYTES].copy_from_slice(&short.to_le_bytes());
            }
            _ => {
                self.payload.clear();
                self.oversized = true;
                self.sealed = true;
            }
        }
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.payload_length()
    }

    /// How many records there are.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Bytes on the device.
    pub fn total(&self) -> u64 {
        total_of(self.payload_length())
    }

    fn payload_length(&self) -> usize {
        self.payload.len() + self.values.len() * values::ENTRY_BYTES
    }

    /// The batch as it is written, and the chain value of the next one.
    pub(super) fn encode(&self, id: &[u8; 16], sequence: u64, chain: u64, behind: u32) -> (IoBuffer, u64) {
        let (records, length) = (self.payload.len(), self.payload_length());
        let mut buffer = IoBuffer::zeroed(HEADER_BYTES + length);
        let (room, payload) = buffer.split_at_mut(HEADER_BYTES);
        payload[..records].copy_from_slice(&self.payload);
        for (place, entry) in payload[records..].chunks_exact_mut(values::ENTRY_BYTES).zip(self.values.entries()) {
            place.copy_from_slice(entry.as_bytes());
        }
        let mut header = BatchHeader {
            magic: MAGIC,
            version: VERSION.into(),
            crc: U32::ZERO,
            id: *id,
            sequence: sequence.into(),
            first_lsn: self.first.0.into(),
            records: self.records.into(),
            // Both are bounded by the size of the ring, which is below 4 GiB.
            payload_length: (length as u32).into(),
            payload_crc: crc64(payload).into(),
            chain: chain.into(),
            values: (self.values.len() as u32).into(),
            behind: behind.into(),
            reserved: [0; 16],
        };
        header.crc = header.own_crc().into();
        room.copy_from_slice(header.as_bytes());
        (buffer, header.link())
    }
}
