//! Cutting a record whose value is partly hidden: what is kept stays in its place on the device, with the checksums that it has.

use super::record::{Content, ExtentProbe, Record, write_record};
use crate::level::{Children, Level};
use crate::stored::{Room, Source};
use crate::tree::damaged;
use crate::value_space::{Pieces, ValueSpace};
use daos_media::{BLOCK_SIZE, BlockRange, Transaction};
use daos_status::Result;
use daos_types::Extent;

/// Replaces a record of a tree by records of some of its parts, which begin and end at multiples of its [`Record::unit`] or with itself; gives
/// the blocks of the rest back. They keep its epoch and number, so that nothing else shows than before. The bytes given back.
pub(crate) fn cut(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &Level,
    record: &Record,
    kept: &[Extent],
) -> Result<u64> {
    let arena = transaction.arena();
    let Children::Tree(tree) = akey.children()? else { return Ok(0) };
    let whole = record.locate(record.extent);
    let blocks = Pieces::new(arena, whole.address, whole.value_length).collect::<Result<Vec<BlockRange>>>()?;
    let Some(cursor) = tree.find(arena, &record.probe())? else {
        return Err(damaged("an extent that its tree does not find", u64::from(record.link) * 8));
    };
    tree.remove(transaction, cursor)?;
    let (mut released, mut at) = (0, 0);
    for part in kept {
        let range = record.locate(*part);
        let begin = (range.start / BLOCK_SIZE) as u64;
        let end = (range.start + range.length).div_ceil(BLOCK_SIZE) as u64;
        released += release(transaction, space, &blocks, at..begin)?;
        let checksums = range.expected(arena)?;
        let placed = space.adopt(within(&blocks, begin..end), range.length, checksums);
        let content = Content::Data(Source::Placed(&placed));
        let offset = transaction.allocate(content.size_of_record())?;
        let room = Room::Fresh(offset.get());
        let version = (*part, record.epoch);
        write_record(transaction, room, record.minor, record.record_size, version, whole.checksum.kind, &content)?;
        let probe = ExtentProbe { start: part.start(), epoch: record.epoch, minor: record.minor };
        tree.insert(transaction, &probe, offset.link(), part.end())?;
        at = end;
    }
    let count = blocks.iter().map(|range| range.count).sum();
    released += release(transaction, space, &blocks, at..count)?;
    record.free_record(transaction, blocks.len() * 8)?;
    Ok(released * BLOCK_SIZE as u64)
}

/// The pieces of some blocks of a value.
fn within(pieces: &[BlockRange], part: std::ops::Range<u64>) -> Vec<BlockRange> {
    let (mut found, mut at) = (Vec::new(), 0);
    for piece in pieces {
        let (from, to) = (part.start.max(at), part.end.min(at + piece.count));
        if from < to {
            found.push(BlockRange { start: piece.start + (from - at), count: to - from });
        }
        at += piece.count;
    }
    found
}

/// Gives some blocks of a value back; how many.
fn release(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    pieces: &[BlockRange],
    part: std::ops::Range<u64>,
) -> Result<u64> {
    let mut count = 0;
    for piece in within(pieces, part) {
        space.extents().release(transaction, piece)?;
        count += piece.count;
    }
    Ok(count)
}
