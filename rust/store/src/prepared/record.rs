//! A prepared change on media.
//!
//! ```text
//! 0 transaction [u8; 16]   16 epoch u64   24 container [u8; 16]   40 digest of the request u64   48 length u32   52 kept u32
//! 56 checksum u64   64 links of the parts [u32]
//! ```
//! The operations, and for each allocation that is kept for the commit its link u32 and its bytes u32, lie in parts of [`PART`] bytes, the last
//! one as long as the rest. The checksum (CRC-64) is that of the first 56 bytes and the parts.

use crate::tree::{Probe, damaged};
use daos_checksum::crc64;
use daos_media::{Arena, Offset, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, TransactionId};
use std::cmp::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The largest allocation that lies in slabs of middling size.
const PART: usize = 16 * 1024;
/// The longest encoding of the operations of one transaction at one target.
pub(crate) const LENGTH_MAX: usize = 8 << 20;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    transaction: [u8; 16],
    epoch: u64,
    container: [u8; 16],
    digest: u64,
    length: u32,
    kept: u32,
    checksum: u64,
}

/// Bytes that name an allocation.
const KEPT: usize = 8;

const HEADER: usize = size_of::<Header>();
const CHECKED: usize = 56;
const _: () = assert!(std::mem::offset_of!(Header, checksum) == CHECKED);

/// A prepared change as its record says.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub transaction: TransactionId,
    pub epoch: Epoch,
    pub container: ContainerId,
    pub digest: u64,
    pub operations: Vec<u8>,
    /// Allocations that are kept for the commit, with their bytes.
    pub kept: Vec<(Offset, usize)>,
}

fn parts_of(length: usize) -> usize {
    length.div_ceil(PART)
}

fn checksum(header: &Header, operations: &[u8]) -> u64 {
    let mut bytes = Vec::with_capacity(CHECKED + operations.len());
    bytes.extend_from_slice(&header.as_bytes()[..CHECKED]);
    bytes.extend_from_slice(operations);
    crc64(&bytes)
}

impl Record {
    /// Stores it; gives its link.
    pub(crate) fn store(&self, transaction: &mut Transaction<'_>) -> Result<u32> {
        let mut bytes = self.operations.clone();
        for (offset, size) in &self.kept {
            bytes.extend_from_slice(&offset.link().to_le_bytes());
            bytes.extend_from_slice(&(*size as u32).to_le_bytes());
        }
        let length = bytes.len();
        if length > LENGTH_MAX {
            fail!(
                Code::Overflow,
                "transaction {}: its changes of one target take {length} bytes beside large values: at most {LENGTH_MAX} are \
                 prepared",
                self.transaction
            );
        }
        let mut header = Header {
            transaction: self.transaction.to_bytes(),
            epoch: self.epoch.0,
            container: self.container.to_bytes(),
            digest: self.digest,
            length: length as u32,
            kept: self.kept.len() as u32,
            checksum: 0,
        };
        header.checksum = checksum(&header, &bytes);
        let offset = transaction.allocate(HEADER + parts_of(length) * 4)?;
        let mut links = Vec::with_capacity(parts_of(length) * 4);
        for part in bytes.chunks(PART) {
            let at = transaction.allocate(part.len())?;
            transaction.fill(at.get(), part)?;
            links.extend_from_slice(&at.link().to_le_bytes());
        }
        transaction.fill(offset.get(), header.as_bytes())?;
        if !links.is_empty() {
            transaction.fill(offset.get() + HEADER as u64, &links)?;
        }
        Ok(offset.link())
    }

    /// Reads and verifies it.
    pub(crate) fn load(arena: &Arena, link: u32) -> Result<Record> {
        let (position, header) = load_header(arena, link)?;
        let length = header.length as usize;
        let mut operations = Vec::with_capacity(length);
        for_each_part(arena, position, length, |part, bytes| arena.append_to(part.get(), bytes, &mut operations))?;
        let transaction = TransactionId::from_bytes(header.transaction);
        if checksum(&header, &operations) != header.checksum {
            fail!(Code::Csum, "the prepared change of transaction {transaction} is damaged (offset {position})");
        }
        let Some(end) = (header.kept as usize).checked_mul(KEPT).and_then(|kept| length.checked_sub(kept)) else {
            return Err(damaged("a prepared change", position));
        };
        let (words, _) = operations[end..].as_chunks::<KEPT>();
        let kept = words.iter().map(|[a, b, c, d, size @ ..]| {
            let offset = Offset::from_link(u32::from_le_bytes([*a, *b, *c, *d]));
            let offset = offset.ok_or_else(|| damaged("what a prepared change keeps", position))?;
            Ok((offset, u32::from_le_bytes(*size) as usize))
        });
        let kept = kept.collect::<Result<Vec<_>>>()?;
        operations.truncate(end);
        let (container, epoch) = (ContainerId::from_bytes(header.container), Epoch(header.epoch));
        Ok(Record { transaction, epoch, container, digest: header.digest, operations, kept })
    }

    /// Frees its space.
    pub(crate) fn free(transaction: &mut Transaction<'_>, link: u32) -> Result<()> {
        let (position, header) = load_header(transaction.arena(), link)?;
        let length = header.length as usize;
        let mut parts = Vec::with_capacity(parts_of(length));
        for_each_part(transaction.arena(), position, length, |part, bytes| {
            parts.push((part, bytes));
            Ok(())
        })?;
        parts.into_iter().try_for_each(|(part, bytes)| transaction.free(part, bytes))?;
        let offset = Offset::new(position).ok_or_else(|| damaged("a prepared change", position))?;
        transaction.free(offset, HEADER + parts_of(length) * 4)
    }
}

fn load_header(arena: &Arena, link: u32) -> Result<(u64, Header)> {
    let position = u64::from(link) * 8;
    let header: Header = arena.read_value(position)?;
    if link == 0 || header.length as usize > LENGTH_MAX {
        return Err(damaged("a prepared change", position));
    }
    Ok((position, header))
}

fn for_each_part(
    arena: &Arena,
    position: u64,
    length: usize,
    mut visit: impl FnMut(Offset, usize) -> Result<()>,
) -> Result<()> {
    for index in 0..parts_of(length) {
        let link: u32 = arena.read_value(position + (HEADER + index * 4) as u64)?;
        let Some(part) = Offset::from_link(link) else { return Err(damaged("a part of a prepared change", position)) };
        visit(part, PART.min(length - index * PART))?;
    }
    Ok(())
}

/// Finds the record of a transaction: they are ordered by its first eight bytes, then by all of them.
pub(crate) struct RecordProbe(pub TransactionId);

impl Probe for RecordProbe {
    fn order(&self) -> u64 {
        self.0.0.as_u64_pair().0
    }
    fn compare(&self, arena: &Arena, link: u32) -> Result<Ordering> {
        arena.compare(u64::from(link) * 8, 16, &self.0.to_bytes())
    }
}
