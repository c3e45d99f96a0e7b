//! Joining extents between two steps of a walk: their bytes are read and verified, written as one, and put over them in one transaction.
//!
//! While the bytes are read and written, everything else goes on. What is joined cannot change by it: changes come above the bound of
//! the walk, and nobody but the walk frees anything at or below it, unless the container is destroyed. It is looked at again all the
//! same, in the transaction, and left alone when it is not what was read.

use super::AggregationRun;
use super::joining::{Parts, describe, parts_of};
use super::rule::{Hidden, Rule};
use super::sweep::Cut;
use crate::Data;
use crate::array::{self, Record};
use crate::checksums::Checksums;
use crate::level::Level;
use crate::pieces::Piece;
use crate::stored::{INLINE_MAX, Origin, Source};
use crate::value_space::{Placed, ReadPlan};
use daos_env::IoBuffer;
use daos_env::sync::yield_now;
use daos_status::{Code, Result, fail};
use daos_types::{Extent, ObjectId};
use std::collections::BTreeMap;
use std::ops::Range;

/// For each byte of the whole, so many may be read at once: where parts of one extent are taken, what lies between them is read, too.
const READ_FOR_ONE: usize = 4;

/// Bytes that are read before other tasks run.
const READ_AT_ONCE: usize = 128 << 10;

/// The whole that is made.
struct Whole {
    range: Extent,
    parts: Parts,
    epoch: u64,
    length: usize,
    reads: Vec<Read>,
    object: ObjectId,
    dkey: Vec<u8>,
    akey: Vec<u8>,
}

/// Bytes of one extent: where they come from, and where they go.
struct Read {
    from: From,
    /// Places of the bytes read, and where they begin in the whole.
    copies: Copies,
}

type Copies = Vec<(Range<usize>, usize)>;

enum From {
    Arena(Data),
    Device(ReadPlan),
}

impl AggregationRun {
    /// Joins what the walk has found.
    pub(super) async fn join(&mut self) -> Result<()> {
        let joined = self.try_join().await;
        if let Some(sweep) = self.walk.wanted_join() {
            let range = sweep.join.take();
            if let (Some(range), Ok(Some(version))) = (range, &joined) {
                sweep.note_joined(Cut { range, version: *version, behind: None });
            }
        }
        let Err(status) = joined else { return Ok(()) };
        match status.code() {
            // What is damaged stays as it is, and so does what it would have been joined with.
            Code::Csum => {
                self.store.count(|statistics| statistics.checksum_errors += 1);
                self.store.note_damage(&status);
                Ok(())
            }
            Code::Nospace => {
                self.joins = false;
                Ok(())
            }
            _ => Err(status),
        }
    }

    /// The version of the whole; `None` when it was not to be made.
    async fn try_join(&mut self) -> Result<Option<(u64, u32)>> {
        let store = self.store.clone();
        let Some(mut whole) = self.plan_join()? else { return Ok(None) };
        let checksums = store.settings_of(self.container)?.checksums();
        let mut placed = None;
        if whole.length >= INLINE_MAX {
            placed = store.values.reserve_from_headroom(whole.length).await?;
            if placed.is_none() {
                fail!(Code::Nospace, "no room to join extents");
            }
        }
        // Whoever destroys the container meanwhile does not give the blocks to others.
        let pin = store.values.extents().pin_readers();
        let bytes = match self.read_parts(&mut whole).await {
            Err(status) if !matches!(status.code(), Code::Csum | Code::Shutdown) => {
                store.note_damage(&status.while_doing("reading extents to join them"));
                return Ok(None);
            }
            other => other?,
        };
        drop(pin);
        let inline = match &mut placed {
            None => bytes,
            Some(placed) => {
                if let Err(status) = store.values.fill(placed, Data::Buffer(bytes), checksums).await {
                    if status.code() == Code::Shutdown {
                        return Err(status);
                    }
                    daos_env::log!(Warn, "store", "extents are not joined: {status}");
                    self.joins = false;
                    return Ok(None);
                }
                IoBuffer::zeroed(0)
            }
        };
        store.durable.admission().await?;
        self.put_whole(&whole, placed, &inline, checksums)
    }

    /// The parts as they are now, and how they are read.
    fn plan_join(&mut self) -> Result<Option<Whole>> {
        let arena = self.store.durable.arena();
        let container = self.store.container(arena, self.container)?;
        let Some((object, dkey, akey)) = self.walk.path() else { return Ok(None) };
        let Some(range) = self.walk.wanted_join().and_then(|sweep| sweep.join) else { return Ok(None) };
        self.check_container()?;
        let Some(found) = self.walk.find_akey(arena, &container)? else { return Ok(None) };
        let Some(parts) = self.parts_now(&found, range)? else { return Ok(None) };
        let epoch = parts.iter().map(|part| part.record.epoch).max().unwrap_or(0);
        let size = parts.first().map_or(0, |part| part.record.record_size) as usize;
        let Some(length) = usize::try_from(range.count()).ok().and_then(|count| count.checked_mul(size)) else {
            return Ok(None);
        };
        let mut whole = Whole { range, parts: describe(&parts), epoch, length, reads: Vec::new(), object, dkey, akey };
        self.plan_reads(&mut whole, &parts, size)?;
        Ok(Some(whole))
    }

    fn parts_now(&mut self, (akey, hidden): &(Level, Hidden), range: Extent) -> Result<Option<Vec<Piece>>> {
        let Some(interval) = self.walk.wanted_join().map(|sweep| sweep.interval) else { return Ok(None) };
        let Rule::Aggregate(kept) = &self.walk.rule else { return Ok(None) };
        let window = kept.window(interval, hidden);
        parts_of(self.store.durable.arena(), akey, window, range)
    }

    /// Plans one read for all parts of each extent, unless too much would be read in vain.
    fn plan_reads(&self, whole: &mut Whole, parts: &[Piece], size: usize) -> Result<()> {
        let mut records: BTreeMap<u32, (Record, Extent)> = BTreeMap::new();
        for Piece { extent, record } in parts {
            let hull = &mut records.entry(record.link).or_insert((*record, *extent)).1;
            *hull = Extent::from_bounds(hull.start(), extent.end()).unwrap_or(*hull);
        }
        let bytes: u64 = records.values().map(|(_, hull)| hull.count() * size as u64).sum();
        let is_hulls = bytes <= (whole.length * READ_FOR_ONE) as u64;
        let mut index_of = BTreeMap::new();
        let mut reads: Vec<(Record, Extent, Copies)> = Vec::new();
        for Piece { extent, record } in parts {
            let index = match index_of.get(&record.link) {
                Some(index) if is_hulls => *index,
                _ => {
                    let hull = records.get(&record.link).map_or(*extent, |(_, hull)| *hull);
                    reads.push((*record, if is_hulls { hull } else { *extent }, Copies::new()));
                    index_of.insert(record.link, reads.len() - 1);
                    reads.len() - 1
                }
            };
            let (_, read, copies) = &mut reads[index];
            let from = (extent.start() - read.start()) as usize * size;
            let to = (extent.start() - whole.range.start()) as usize * size;
            copies.push((from..from + extent.count() as usize * size, to));
        }
        let arena = self.store.durable.arena();
        for (record, extent, copies) in reads {
            let range = record.locate(extent);
            let origin = self.origin(&whole.dkey, &whole.akey, whole.object);
            let from = match range.on_device {
                true => From::Device(self.store.values.plan(&range)?),
                false => From::Arena(range.read_inline(arena, &origin)?),
            };
            whole.reads.push(Read { from, copies });
        }
        Ok(())
    }

    fn origin<'a>(&self, dkey: &'a [u8], akey: &'a [u8], object: ObjectId) -> Origin<'a> {
        Origin { container: self.container, object, dkey, akey }
    }

    /// Reads and verifies all parts, and puts them together.
    async fn read_parts(&self, whole: &mut Whole) -> Result<IoBuffer> {
        let mut bytes = IoBuffer::zeroed(whole.length);
        let mut at_once = 0;
        for Read { from, copies } in std::mem::take(&mut whole.reads) {
            let data = match from {
                From::Arena(data) => data,
                From::Device(plan) => {
                    let origin = self.origin(&whole.dkey, &whole.akey, whole.object);
                    self.store.values.read(plan, &origin).await?
                }
            };
            for (from, to) in copies {
                let (Some(source), end) = (data.get(from.clone()), to + from.len()) else {
                    fail!(Code::DfInval, "a part of an extent is shorter than it was");
                };
                bytes[to..end].copy_from_slice(source);
            }
            at_once += data.len();
            if at_once >= READ_AT_ONCE {
                at_once = 0;
                yield_now().await;
            }
        }
        Ok(bytes)
    }

    /// Puts the whole over its parts, if they are still what was read.
    fn put_whole(
        &mut self,
        whole: &Whole,
        placed: Option<Placed>,
        inline: &[u8],
        checksums: Checksums,
    ) -> Result<Option<(u64, u32)>> {
        let store = self.store.clone();
        let arena = store.durable.arena();
        let container = store.container(arena, self.container)?;
        self.check_container()?;
        let Some(mut found) = self.walk.find_akey(arena, &container)? else { return Ok(None) };
        let parts = self.parts_now(&found, whole.range)?;
        if parts.is_none_or(|parts| describe(&parts) != whole.parts) {
            return Ok(None);
        }
        let mut transaction = arena.begin_privileged();
        let source = match &placed {
            None => Source::Inline(inline),
            Some(placed) => {
                store.values.publish(&mut transaction, placed)?;
                Source::Placed(placed)
            }
        };
        let content = array::Content::Data(source);
        let minor = array::put(
            &mut transaction,
            &store.values,
            &mut found.0,
            whole.range,
            whole.epoch,
            checksums.kind,
            &content,
        )?;
        store.durable.commit(transaction)?;
        if let Some(placed) = placed {
            placed.keep();
        }
        store.count(|statistics| {
            statistics.aggregation_steps += 1;
            statistics.extents_made += 1;
            statistics.extents_joined += whole.parts.len() as u64;
            statistics.bytes_joined += whole.length as u64;
        });
        Ok(Some((whole.epoch, minor)))
    }
}
