//! The format as the tests know it, to change bytes and make the checksums right again.

use crate::image::{CHECKPOINT, Image, LOG};
use daos_checksum::{crc32c, crc64};
use std::ops::Range;

const BLOCK: usize = 4096;
const PAGE: usize = 16384;
const HEADER_BYTES: usize = 104;
const BATCH_BYTES: usize = 96;
const LOG_HEADER_BYTES: usize = 40;
pub const CRC_AT: usize = 12;
pub const VERSION_AT: usize = 8;

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("in range"))
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("in range"))
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Puts the checksum of a header right.
fn seal(bytes: &mut [u8], start: usize, length: usize) {
    put(bytes, start + CRC_AT, &[0; 4]);
    let crc = crc32c(&bytes[start..start + length]);
    put(bytes, start + CRC_AT, &crc.to_le_bytes());
}

/// Where the table of a side lies, and its entries.
fn table(checkpoint: &[u8], side: usize) -> Range<usize> {
    let header = &checkpoint[side * BLOCK..];
    let pages = u64_at(header, 40) as usize / PAGE;
    let start = 2 * BLOCK + side * (pages * 8).next_multiple_of(BLOCK);
    start..start + u64_at(header, 56) as usize * 8
}

/// Where the pages of a side lie that are not as in an empty arena.
pub fn pages(checkpoint: &[u8], side: usize) -> Vec<(usize, usize)> {
    let all = u64_at(&checkpoint[side * BLOCK..], 40) as usize / PAGE;
    let slots = 2 * BLOCK + 2 * (all * 8).next_multiple_of(BLOCK);
    let range = table(checkpoint, side);
    let entries = checkpoint[range].chunks_exact(8).enumerate();
    let slot_of = |(page, entry): (usize, &[u8])| match u32_at(entry, 4) {
        slot @ 1..=2 => Some((page, slots + (page * 2 + slot as usize - 1) * PAGE)),
        _ => None,
    };
    entries.filter_map(slot_of).collect()
}

/// Where the list of values ends in a batch: that of carried ones follows, and what is released.
pub fn values_end(log: &[u8], start: usize) -> usize {
    let (carried, released) = (u32_at(log, start + 80) as usize, u32_at(log, start + 84) as usize);
    start + BATCH_BYTES + u32_at(log, start + 52) as usize - carried * 24 - released * 16
}

/// Where the blocks lie in a batch that it carries.
pub fn carried_at(log: &[u8], start: usize) -> usize {
    (BATCH_BYTES + u32_at(log, start + 52) as usize).next_multiple_of(BLOCK)
}

/// Where the batches of the log lie, by rising sequence number.
pub fn batches(image: &Image) -> Vec<Range<usize>> {
    let log = &image[LOG];
    let starts = (4 * BLOCK..log.len()).step_by(BLOCK).filter(|start| log[*start..].starts_with(b"daosbtch"));
    let mut found: Vec<Range<usize>> =
        starts.map(|start| start..start + carried_at(log, start) + u32_at(log, start + 88) as usize * BLOCK).collect();
    found.sort_by_key(|range| u64_at(log, range.start + 32));
    found
}

/// Makes every checksum right, from the pages and the records up.
pub fn reseal(image: &mut Image) {
    let checkpoint = image.get_mut(CHECKPOINT).expect("there");
    for side in 0..2 {
        let entries = table(checkpoint, side);
        for (page, start) in pages(checkpoint, side) {
            let crc = crc32c(&checkpoint[start..start + PAGE]);
            put(checkpoint, entries.start + page * 8, &crc.to_le_bytes());
        }
        let crc = crc64(&checkpoint[entries]);
        put(checkpoint, side * BLOCK + 64, &crc.to_le_bytes());
        seal(checkpoint, side * BLOCK, HEADER_BYTES);
    }
    let ranges = batches(image);
    let log = image.get_mut(LOG).expect("there");
    for copy in 0..2 {
        seal(log, copy * BLOCK, LOG_HEADER_BYTES);
    }
    let mut chain = None;
    for range in ranges {
        reseal_carried(log, range.start);
        let payload = range.start + BATCH_BYTES..range.start + BATCH_BYTES + u32_at(log, range.start + 52) as usize;
        if let Some(crc) = log.get(payload).map(crc64) {
            put(log, range.start + 56, &crc.to_le_bytes());
        }
        if let Some(chain) = chain {
            put(log, range.start + 64, &u64::to_le_bytes(chain));
        }
        seal(log, range.start, BATCH_BYTES);
        chain = Some(crc64(&log[range.start..range.start + BATCH_BYTES]));
    }
}

/// Puts the checksums of the values right that a batch carries.
fn reseal_carried(log: &mut [u8], start: usize) {
    let (carried, released) = (u32_at(log, start + 80) as usize, u32_at(log, start + 84) as usize);
    let lists = (BATCH_BYTES + u32_at(log, start + 52) as usize).checked_sub(carried * 24 + released * 16);
    let (Some(lists), mut at) = (lists, start + carried_at(log, start)) else { return };
    for entry in (0..carried).map(|number| start + lists + number * 24) {
        let bytes = log.get(entry + 8..entry + 16).map(|_| u64_at(log, entry + 8) as usize);
        let Some(end) = bytes.and_then(|blocks| blocks.checked_mul(BLOCK)).and_then(|bytes| at.checked_add(bytes))
        else {
            return;
        };
        let Some(crc) = log.get(at..end).map(crc64) else { return };
        put(log, entry + 16, &crc.to_le_bytes());
        at = end;
    }
}

/// Puts the seals of headers right and nothing below them: what a header says of its table and payload stays.
pub fn reseal_headers(image: &mut Image) {
    let ranges = batches(image);
    let checkpoint = image.get_mut(CHECKPOINT).expect("there");
    (0..2).for_each(|side| seal(checkpoint, side * BLOCK, HEADER_BYTES));
    let log = image.get_mut(LOG).expect("there");
    (0..2).for_each(|copy| seal(log, copy * BLOCK, LOG_HEADER_BYTES));
    ranges.iter().for_each(|range| seal(log, range.start, BATCH_BYTES));
}
