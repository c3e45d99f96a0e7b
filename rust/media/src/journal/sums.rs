//! Checksums of the image: a word for each 512 bytes of it, so that a bit that flips there is found before it is believed.
//!
//! Only the cleaner changes the image, and it does so in steps, each of which brings it from one position of the journal to another. A part of
//! the image has two checksums: what it is now, and what it will be at the end of the step that is under way. The second ones are durable, with the
//! *intent* that names the step, before anything of the image is stored: whatever part of a step has arrived when it is cut off, replaying
//! its entries over it ends with what the second checksums say, and nothing else does.

use super::layout::{INTENT_AT, Intent};
use super::ring::Journal;
use crate::arena::Arena;
use crate::log::LogPosition;
use daos_checksum::crc32c;
use daos_status::{Code, Result, Status};
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes under one checksum: small, since a step reads all of each part that it changes a few bytes of; the table takes one byte for 64.
pub(super) const PART: usize = 512;

/// Parts that are put together at a time: steps of any size take no more memory than this.
const PARTS_AT_ONCE: usize = 2048;

/// Parts whose checksums are looked at in one piece when the image is opened.
const PARTS_OF_PIECE: usize = 1024;

/// The CRC of a part that was never written.
const OF_ZEROS: u32 = {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let (mut crc, mut bit) = (u32::MAX, 0);
    while bit < PART * 8 {
        crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
        bit += 1;
    }
    !crc
};

/// What is stored for a part.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Word {
    now: U32,
    next: U32,
}

const WORD: usize = size_of::<Word>();

/// Bytes of the table for an image of so many bytes.
pub(super) fn sums_bytes(arena_bytes: u64) -> u64 {
    arena_bytes / PART as u64 * WORD as u64
}

/// The checksum of a part: zero for zeros, and for nothing else.
fn sum_of(part: &[u8]) -> u32 {
    match crc32c(part) ^ OF_ZEROS {
        0 if part.iter().all(|byte| *byte == 0) => 0,
        sum => sum.max(1),
    }
}

/// Calls `visit` with each part that a change lies in, the place within it, and the bytes there.
fn for_each_part(at: u64, mut bytes: &[u8], mut visit: impl FnMut(u32, usize, &[u8])) {
    let (mut part, mut within) = ((at / PART as u64) as u32, (at % PART as u64) as usize);
    while !bytes.is_empty() {
        let (here, behind) = bytes.split_at(bytes.len().min(PART - within));
        visit(part, within, here);
        (part, within, bytes) = (part + 1, 0, behind);
    }
}

/// What a part may be before a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// What it is at the mark.
    MarkOnly,
    /// Or anything on the way from there to the end of the step, which another process has begun.
    AnyOfStep,
}

/// A part that a step changes.
pub(super) struct Touched {
    part: u32,
    /// Its checksum at the end of the step.
    next: u32,
}

impl Journal {
    /// The checksums of the image of an empty arena, in fresh memory.
    pub(super) fn format_sums(&self, empty: &Arena) -> Result<()> {
        if !self.layout.has_sums {
            return Ok(());
        }
        for part in 0..self.parts_of(empty.made_bytes()?) {
            let sum = sum_of(&empty.read(u64::from(part) * PART as u64, PART)?);
            if sum != 0 {
                self.store_word(part, sum, sum)?;
            }
        }
        Ok(())
    }

    fn parts_of(&self, bytes: u64) -> u32 {
        // At most 32 GiB of them.
        (bytes / PART as u64) as u32
    }

    fn place_of_word(&self, part: u32) -> u64 {
        self.layout.sums_at() + u64::from(part) * WORD as u64
    }

    fn place_of_part(&self, part: u32) -> u64 {
        self.layout.image_at() + u64::from(part) * PART as u64
    }

    /// Eight bytes at an aligned place: never half there.
    fn store_word(&self, part: u32, now: u32, next: u32) -> Result<()> {
        let word = Word { now: now.into(), next: next.into() };
        self.memory.store(self.place_of_word(part), word.as_bytes())
    }

    fn read_word(&self, part: u32) -> Result<Word> {
        let mut word = [0; WORD];
        self.memory.read(self.place_of_word(part), &mut word)?;
        Ok(Word::read_from_bytes(&word).unwrap_or(Word { now: U32::ZERO, next: U32::ZERO }))
    }

    fn damaged_part(&self, part: u32) -> Status {
        let (name, from) = (self.memory.name(), self.place_of_part(part));
        let context = format!("the image in {name} is damaged between offsets {from} and {}", from + PART as u64);
        Status::new(Code::DfInval, context)
    }

    /// Looks at all of the image that holds anything, which is to be read for the first time.
    ///
    /// # Errors
    /// A part is not what its checksum says.
    pub(super) fn check_image(&self, arena: &Arena) -> Result<()> {
        if !self.layout.has_sums {
            return Ok(());
        }
        self.check_parts(arena, 0, 1)?;
        let parts = self.parts_of(arena.made_bytes()?);
        for first in (0..parts).step_by(PARTS_OF_PIECE) {
            self.check_parts(arena, first, parts.min(first + PARTS_OF_PIECE as u32))?;
        }
        Ok(())
    }

    fn check_parts(&self, arena: &Arena, first: u32, end: u32) -> Result<()> {
        let count = (end - first) as usize;
        let mut words = vec![0; count * WORD];
        self.memory.read(self.place_of_word(first), &mut words)?;
        let bytes = arena.read(u64::from(first) * PART as u64, count * PART)?;
        for ((part, bytes), word) in (first..end).zip(bytes.chunks(PART)).zip(words.chunks(WORD)) {
            let is_intact = Word::ref_from_bytes(word).is_ok_and(|word| word.now.get() == sum_of(bytes));
            if !is_intact {
                return Err(self.damaged_part(part));
            }
        }
        Ok(())
    }

    /// Looks at some bytes of the image from a place on, as far as an arena uses it: the place behind them, and what was found. `None` at the end,
    /// and where the image has no checksums. Between two steps of the cleaner, each part is what its first checksum says.
    pub fn verify_image(&self, arena: &Arena, from: u64, bytes: u64) -> Option<(u64, Result<()>)> {
        let parts = arena.made_bytes().map(|bytes| self.parts_of(bytes));
        let first = self.parts_of(from);
        let end = match parts {
            Ok(parts) => parts.min(first.saturating_add(self.parts_of(bytes).max(1))),
            Err(status) => return Some((u64::MAX, Err(status))),
        };
        if !self.layout.has_sums || first >= end {
            return None;
        }
        let result = (first..end).try_for_each(|part| {
            let mut bytes = [0; PART];
            self.memory.read(self.place_of_part(part), &mut bytes)?;
            let is_intact = self.read_word(part)?.now.get() == sum_of(&bytes);
            if is_intact { Ok(()) } else { Err(self.damaged_part(part)) }
        });
        Some((u64::from(end) * PART as u64, result))
    }

    /// Before a step: stores what its parts will be, and its intent, and sees that they are what they should be before it.
    pub(super) fn note_sums(&self, from: LogPosition, to: LogPosition, before: Before) -> Result<Vec<Touched>> {
        let mut parts = Vec::new();
        self.for_each_change(from, to, |at, bytes| {
            for_each_part(at, bytes, |part, _, _| {
                if parts.last() != Some(&part) {
                    parts.push(part);
                }
            });
            Ok(())
        })?;
        parts.sort_unstable();
        parts.dedup();
        let mut touched: Vec<_> = parts.into_iter().map(|part| Touched { part, next: 0 }).collect();
        for some in touched.chunks_mut(PARTS_AT_ONCE) {
            self.note_some(from, to, before, some)?;
        }
        let intent = Intent::new(self.layout.short_id(), from, to);
        self.memory.store(INTENT_AT, intent.as_bytes())?;
        self.memory.drain()?;
        Ok(touched)
    }

    fn note_some(&self, from: LogPosition, to: LogPosition, before: Before, some: &mut [Touched]) -> Result<()> {
        let mut bytes = vec![0; some.len() * PART];
        let mut words = Vec::with_capacity(some.len());
        for (touched, bytes) in some.iter().zip(bytes.chunks_mut(PART)) {
            self.memory.read(self.place_of_part(touched.part), bytes)?;
            let word = self.read_word(touched.part)?;
            let is_intact = word.now.get() == sum_of(bytes);
            if !is_intact && before == Before::MarkOnly {
                if word.now != U32::ZERO {
                    return Err(self.damaged_part(touched.part));
                }
                // Nothing was ever stored here, and whatever is there was never read.
                bytes.fill(0);
                self.memory.store(self.place_of_part(touched.part), bytes)?;
            }
            words.push((word, is_intact));
        }
        self.for_each_change(from, to, |at, changed| {
            for_each_part(at, changed, |part, within, changed| {
                if let Ok(index) = some.binary_search_by_key(&part, |touched| touched.part) {
                    let start = index * PART + within;
                    bytes[start..start + changed.len()].copy_from_slice(changed);
                }
            });
            Ok(())
        })?;
        for ((touched, bytes), (word, is_intact)) in some.iter_mut().zip(bytes.chunks(PART)).zip(words) {
            touched.next = sum_of(bytes);
            if !is_intact && before == Before::AnyOfStep && touched.next != word.next.get() {
                return Err(self.damaged_part(touched.part));
            }
            self.store_word(touched.part, word.now.get(), touched.next)?;
        }
        Ok(())
    }

    /// After a step: its parts are what they were to be.
    pub(super) fn store_sums(&self, touched: &[Touched]) -> Result<()> {
        touched.iter().try_for_each(|Touched { part, next }| self.store_word(*part, *next, *next))
    }

    /// The number of the first entry behind the step that was begun at a mark, if one was.
    pub(super) fn read_intent(&self, mark: LogPosition) -> Result<Option<u64>> {
        if !self.layout.has_sums {
            return Ok(None);
        }
        let mut bytes = [0; size_of::<Intent>()];
        self.memory.read(INTENT_AT, &mut bytes)?;
        Ok(Intent::parse(&bytes, self.layout.short_id(), mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_have_the_sum_of_what_was_never_written() {
        assert_eq!(OF_ZEROS, crc32c(&[0; PART]));
        assert_eq!(sum_of(&[0; PART]), 0);
        for place in 0..PART * 8 {
            let mut part = [0; PART];
            part[place / 8] ^= 1 << (place % 8);
            assert_ne!(sum_of(&part), 0, "bit {place}");
        }
    }
}
