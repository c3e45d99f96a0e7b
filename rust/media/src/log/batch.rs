//! What a batch looks like.

use super::values::{self, BatchValues, Counts, Lists};
use crate::device::BLOCK_SIZE;
use crate::durable_arena::Lsn;
use crate::transaction::BlockChange;
use daos_checksum::{Crc64, crc32c, crc64};
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

const MAGIC: [u8; 8] = *b"daosbtch";
/// 3: with values that the batch carries, and what it releases. 2 had zeros there, which say that there are none. 1 was never released.
const VERSION: u32 = 3;
const OLDEST_VERSION: u32 = 2;
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
    carried: U32,
    released: U32,
    carried_blocks: U32,
    reserved: [u8; 4],
}

const _: () = assert!(size_of::<BatchHeader>() == HEADER_BYTES);

impl BatchHeader {
    /// The header at the start of a block, if there is an intact one of this log; an error when its version is unknown.
    pub fn parse(block: &[u8], id: &[u8; 16]) -> Result<Option<BatchHeader>> {
        let Ok((header, _)) = BatchHeader::read_from_prefix(block) else { return Ok(None) };
        if header.magic != MAGIC || header.id != *id || header.crc.get() != header.own_crc() {
            return Ok(None);
        }
        if !(OLDEST_VERSION..=VERSION).contains(&header.version.get()) {
            return Err(Status::unknown_format("a log batch", header.version.get(), OLDEST_VERSION..=VERSION));
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
        self.carried_at() + u64::from(self.carried_blocks.get()) * BLOCK_SIZE as u64
    }

    /// Where the blocks of the values begin that it carries.
    pub fn carried_at(&self) -> u64 {
        total_of(self.payload_length.get() as usize)
    }

    /// The payload of a batch read whole, which was found intact before.
    pub fn payload<'a>(&self, batch: &'a [u8]) -> Option<&'a [u8]> {
        batch.get(HEADER_BYTES..HEADER_BYTES + self.payload_length.get() as usize)
    }

    /// Whether a batch read whole is as it was written.
    pub fn is_whole(&self, batch: &[u8]) -> bool {
        let payload = self.payload(batch).filter(|payload| crc64(payload) == self.payload_crc.get());
        payload.is_some_and(|payload| self.carries_all(batch, payload))
    }

    /// Whether the values that it carries are there, and nothing else.
    fn carries_all(&self, batch: &[u8], payload: &[u8]) -> bool {
        // What is wrong with lists under an intact checksum is told by who reads them.
        let Ok(lists) = self.split(payload) else { return true };
        let Some(mut rest) = batch.get(self.carried_at() as usize..self.total() as usize) else { return false };
        for entry in lists.carried {
            let bytes = entry.bytes().and_then(|bytes| usize::try_from(bytes).ok());
            let Some((blocks, behind)) = bytes.and_then(|bytes| rest.split_at_checked(bytes)) else { return false };
            if crc64(blocks) != entry.crc() {
                return false;
            }
            rest = behind;
        }
        rest.is_empty()
    }

    /// The records of its payload, the values that they point at, and what they release.
    pub fn split<'a>(&self, payload: &'a [u8]) -> Result<Lists<'a>> {
        let (values, carried, released) = (self.values.get(), self.carried.get(), self.released.get());
        values::split(payload, Counts { values, carried, released })
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
        let before = self.values.list_bytes() + self.values.carried_bytes();
        blocks.iter().for_each(|change| self.values.note(change));
        // Lists may become shorter, too.
        let lists = (self.values.list_bytes() + self.values.carried_bytes()).saturating_sub(before);
        match u32::try_from(length) {
            Ok(short) if length + lists <= limit => {
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
        self.payload_length() + self.values.carried_bytes()
    }

    /// How many records there are.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Bytes on the device.
    pub fn total(&self) -> u64 {
        total_of(self.payload_length()) + self.values.carried_bytes() as u64
    }

    fn payload_length(&self) -> usize {
        self.payload.len() + self.values.list_bytes()
    }

    /// The batch as it is written, and the chain value of the next one.
    pub(super) fn encode(&self, id: &[u8; 16], sequence: u64, chain: u64, behind: u32) -> (IoBuffer, u64) {
        let length = self.payload_length();
        let mut lists = Vec::with_capacity(self.values.list_bytes());
        self.values.encode_lists(&mut lists);
        let mut payload_crc = Crc64::new();
        payload_crc.update(&self.payload);
        payload_crc.update(&lists);
        let Counts { values, carried, released } = self.values.counts();
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
            payload_crc: payload_crc.finish().into(),
            chain: chain.into(),
            values: values.into(),
            behind: behind.into(),
            carried: carried.into(),
            released: released.into(),
            carried_blocks: ((self.values.carried_bytes() / BLOCK_SIZE) as u32).into(),
            reserved: [0; 4],
        };
        header.crc = header.own_crc().into();
        const ZEROS: [u8; BLOCK_SIZE] = [0; BLOCK_SIZE];
        let padding = &ZEROS[..total_of(length) as usize - HEADER_BYTES - length];
        let parts = [header.as_bytes(), &self.payload, &lists, padding].into_iter().chain(self.values.carried());
        // Without carried values, the padding is that of the buffer.
        let bytes = if carried == 0 { HEADER_BYTES + length } else { self.total() as usize };
        (IoBuffer::gathered(bytes, parts), header.link())
    }
}
