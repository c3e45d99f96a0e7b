//! Reading the log back.

use super::batch::{BatchHeader, for_each_record};
use super::reader::{CHUNK_BYTES, Reader};
use super::ring::{LogPosition, RedoLog};
use super::unplaced::{Part, Unplaced};
use super::values::ValueEntry;
use crate::device::{BLOCK_SIZE, BlockDevice};
use crate::durable_arena::Lsn;
use crate::extent_allocator::BlockRange;
use daos_checksum::{Crc64, crc64};
use daos_env::IoBuffer;
use daos_env::sync::join_all;
use daos_status::{Code, Result, Status, fail};
use std::collections::VecDeque;
use std::rc::Rc;

/// More batches than ever are under way behind one that nothing proves to be durable.
const LOOK_AHEAD_MAX: usize = 16;

/// Values that the log carries are written to their places so many at once.
const PLACED_AT_ONCE: usize = 64;

/// What was found behind a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Recovered {
    pub batches: u64,
    pub records: u64,
    pub bytes: u64,
}

/// A batch that is the next one.
struct Found {
    header: BatchHeader,
    offset: u64,
}

impl Found {
    /// The place behind it.
    fn end(&self) -> LogPosition {
        LogPosition {
            offset: self.offset + self.header.total(),
            sequence: self.header.sequence.get().saturating_add(1),
            chain: self.header.link(),
            // It was looked at when it was found: it is the number of a record that follows another.
            lsn: Lsn(self
                .header
                .first_lsn
                .get()
                .saturating_sub(1)
                .saturating_add(u64::from(self.header.records.get()))),
        }
    }
}

/// Batches that follow each other and were not applied yet, and what is known of them.
struct Ahead {
    batches: VecDeque<Found>,
    /// Batches up to this one were durable with their values.
    proven: u64,
    /// Behind the last of them there is no other.
    is_whole: bool,
}

impl Ahead {
    /// Whether the first one was durable; `None` when that can only be told with what follows.
    fn is_first_proven(&self) -> Option<bool> {
        let first = self.batches.front()?;
        if self.proven >= first.header.sequence.get() {
            return Some(true);
        }
        self.is_whole.then_some(false)
    }
}

/// Where the first of these values lies that is not as it was written.
async fn first_torn(data: &Rc<dyn BlockDevice>, values: &[ValueEntry]) -> Result<Option<u64>> {
    for entry in values {
        let place = entry
            .offset()
            .zip(entry.bytes())
            .filter(|(offset, bytes)| offset.checked_add(*bytes).is_some_and(|end| end <= data.capacity()));
        let Some((offset, bytes)) = place else {
            fail!(Code::DfInval, "the last batch of the log names a value beyond the end of {}", data.name());
        };
        let mut checksum = Crc64::new();
        let mut done = 0;
        while done < bytes {
            let length = (bytes - done).min(CHUNK_BYTES);
            checksum.update(&data.read(offset + done, length as usize).await?);
            done += length;
        }
        if checksum.finish() != entry.crc() {
            return Ok(Some(offset));
        }
    }
    Ok(None)
}

/// Writes values again as they are. A sync of the process before may have failed, and with that forgotten what it should have made durable: it
/// would still be read, and another sync would not bring it to the disk.
async fn write_again(data: &Rc<dyn BlockDevice>, values: &[ValueEntry]) -> Result<()> {
    for (offset, bytes) in values.iter().filter_map(|entry| entry.offset().zip(entry.bytes())) {
        let mut done = 0;
        while done < bytes {
            let length = (bytes - done).min(CHUNK_BYTES);
            let buffer = data.read(offset + done, length as usize).await?;
            data.write(offset + done, buffer).await.1?;
            done += length;
        }
    }
    Ok(())
}

impl RedoLog {
    /// Gives every record behind `from` to `apply`, in order, and makes the log ready to be appended to.
    ///
    /// # Errors
    /// Damage before the end, as opposed to a torn tail; records that `apply` refuses; read errors.
    pub async fn recover(
        &self,
        from: LogPosition,
        data: &Rc<dyn BlockDevice>,
        mut apply: impl FnMut(Lsn, &[u8]) -> Result<()>,
    ) -> Result<Recovered> {
        let acknowledged = self.read_acknowledged().await?;
        self.rejected.take();
        let mut unplaced = Unplaced::default();
        let mut reader = Reader::new(self.device.clone(), self.device_offset(0), self.ring_bytes);
        let mut position = from;
        let mut recovered = Recovered::default();
        let mut ahead = Ahead { batches: VecDeque::new(), proven: acknowledged.unwrap_or(0), is_whole: false };
        loop {
            self.look_ahead(&mut reader, &mut ahead, position, from.offset).await?;
            let is_certain = ahead.is_first_proven().unwrap_or(false);
            let Some(found) = ahead.batches.pop_front() else { break };
            let (header, offset) = (&found.header, found.offset);
            let batch = reader.get(offset % self.ring_bytes, header.total()).await?;
            let payload = header.payload(batch).ok_or_else(|| self.damage(offset, "its payload changed"))?;
            let place = || format!("log {} at offset {}", self.device.name(), self.device_offset(offset));
            let lists = header.split(payload).map_err(|status| status.while_doing(place()))?;
            let (records, values) = (lists.records, lists.values);
            let missing = if is_certain { None } else { first_torn(data, values).await? };
            if let Some(missing) = missing {
                daos_env::log!(
                    Info,
                    "media",
                    "the last batch of {} was cut off before it was acknowledged: its value at offset {missing} of {} is not there",
                    place(),
                    data.name()
                );
                break;
            }
            if !is_certain {
                write_again(data, values).await?;
            }
            let mut lsn = position.lsn;
            let count = for_each_record(records, |record| {
                lsn = Lsn(lsn.0 + 1);
                apply(lsn, record)
            });
            if count.map_err(|status| status.while_doing(place()))? != header.records.get() {
                return Err(self.damage(offset, "it does not hold as many records as it says"));
            }
            if !unplaced.note(lists, offset + header.carried_at(), data.capacity()) {
                let reason = format!("it carries a value for a place beyond the end of {}", data.name());
                return Err(self.damage(offset, &reason));
            }
            recovered.batches += 1;
            recovered.records += u64::from(header.records.get());
            recovered.bytes += header.total();
            position = found.end();
            reader.release(position.offset % self.ring_bytes);
        }
        self.check_nothing_follows(&mut reader, from.offset, position, acknowledged).await?;
        self.set_ends(from.offset, position);
        self.unplaced.replace(unplaced);
        Ok(recovered)
    }

    /// Writes the values that the log carries to their places, as far as it goes: those that could not be written are given back. The log must not be
    /// released before they are.
    pub async fn place_carried(&self, data: &Rc<dyn BlockDevice>) -> Result<Vec<(BlockRange, IoBuffer)>> {
        let mut reader = Reader::new(self.device.clone(), self.device_offset(0), self.ring_bytes);
        let mut left = Vec::new();
        for parts in self.unplaced.take().in_log_order().chunks(PLACED_AT_ONCE) {
            let mut writes = Vec::with_capacity(parts.len());
            for part in parts {
                let range = BlockRange { start: part.start, count: part.count };
                let buffer = self.read_carried(&mut reader, part).await?;
                let write = data.write(range.offset(), buffer);
                writes.push(async move { (range, write.await) });
            }
            for (range, (buffer, result)) in join_all(writes).await {
                let Err(status) = result else { continue };
                if buffer.len() as u64 != range.bytes() {
                    return Err(status);
                }
                if left.is_empty() {
                    let name = self.device.name();
                    daos_env::log!(
                        Warn,
                        "media",
                        "values that the log {name} carries cannot be written to their places, and stay in memory and the log: {status}"
                    );
                }
                left.push((range, buffer));
            }
        }
        Ok(left)
    }

    async fn read_carried(&self, reader: &mut Reader, part: &Part) -> Result<IoBuffer> {
        let changed = || self.damage(part.at, "a value that it carries has changed");
        let place = part.at % self.ring_bytes;
        reader.release(place);
        let blocks = reader.get(place, part.entry.bytes().ok_or_else(changed)?).await?;
        let from = part.skipped as usize * BLOCK_SIZE;
        match blocks.get(from..from + part.count as usize * BLOCK_SIZE) {
            Some(bytes) if crc64(blocks) == part.entry.crc() => Ok(IoBuffer::copy_of(bytes)),
            _ => Err(changed()),
        }
    }

    /// Finds more batches until it is known whether the first one was durable.
    async fn look_ahead(&self, reader: &mut Reader, ahead: &mut Ahead, position: LogPosition, tail: u64) -> Result<()> {
        while !ahead.is_whole && ahead.is_first_proven().is_none() {
            let last = ahead.batches.back().map_or(position, Found::end);
            let Some(found) = self.find_next(reader, last, tail).await? else {
                ahead.is_whole = true;
                break;
            };
            ahead.proven = ahead.proven.max(found.header.proves());
            if ahead.batches.len() >= LOOK_AHEAD_MAX {
                return Err(self.damage(found.offset, "it says that more batches were under way than ever are"));
            }
            ahead.batches.push_back(found);
        }
        Ok(())
    }

    /// The batch that continues the log at `position`, right there or at the ring's next start.
    async fn find_next(&self, reader: &mut Reader, position: LogPosition, tail: u64) -> Result<Option<Found>> {
        let here = position.offset;
        let block = reader.get(here % self.ring_bytes, BLOCK_SIZE as u64).await?;
        if let Some(header) = self.continuation(block, position, here, tail)? {
            let batch = reader.get(here % self.ring_bytes, header.total()).await?;
            if header.is_whole(batch) {
                return self.check_follows(Found { header, offset: here }, position).map(Some);
            }
        }
        let lap = self.next_lap(here);
        if lap == here {
            return Ok(None);
        }
        // Read by itself: the reader stays with the batch before.
        let block = self.device.read(self.device_offset(lap), BLOCK_SIZE).await?;
        let Some(header) = self.continuation(&block, position, lap, tail)? else { return Ok(None) };
        let batch = self.device.read(self.device_offset(lap), header.total() as usize).await?;
        if !header.is_whole(&batch) {
            return Ok(None);
        }
        self.check_follows(Found { header, offset: lap }, position).map(Some)
    }

    /// The header at the start of a block, when it is the next one and its batch can lie there.
    fn continuation(&self, block: &[u8], position: LogPosition, offset: u64, tail: u64) -> Result<Option<BatchHeader>> {
        let parsed = BatchHeader::parse(block, &self.id);
        let Some(header) = parsed.map_err(|status| status.while_doing(self.device.name()))? else { return Ok(None) };
        let continues = header.sequence.get() == position.sequence && header.chain.get() == position.chain;
        let total = header.total();
        let fits = offset % self.ring_bytes + total <= self.ring_bytes && offset + total - tail <= self.ring_bytes;
        Ok((continues && fits).then_some(header))
    }

    /// It is the very next batch: when its records are not, those between were made durable by a checkpoint that is not there.
    fn check_follows(&self, found: Found, position: LogPosition) -> Result<Found> {
        if position.lsn.0.checked_add(1) == Some(found.header.first_lsn.get()) {
            return Ok(found);
        }
        let (last, next) = (position.lsn.0, found.header.first_lsn);
        Err(self.damage(found.offset, &format!("transaction {last} is followed by transaction {next}")))
    }

    /// After the last batch that counts: a header may prove that one behind it was durable. Others that are there were under way when the
    /// power went, beside one that did not arrive, and must never count.
    async fn check_nothing_follows(
        &self,
        reader: &mut Reader,
        from: u64,
        end: LogPosition,
        acknowledged: Option<u64>,
    ) -> Result<()> {
        match acknowledged {
            Some(acknowledged) if acknowledged >= end.sequence => {
                let missing = end.sequence;
                let reason = format!("batch {missing} cannot be read, though batch {acknowledged} was acknowledged");
                return Err(self.damage(end.offset, &reason));
            }
            Some(_) => {}
            None => daos_env::log!(
                Warn,
                "media",
                "the notes of log {} at offsets 8192 and 12288 are both damaged: whether acknowledged batches are missing at its end cannot be told",
                self.device.name()
            ),
        }
        let mut start = 0;
        while start < self.ring_bytes {
            let length = CHUNK_BYTES.min(self.ring_bytes - start);
            reader.release(start);
            let bytes = reader.get(start, length).await?;
            for (block, place) in bytes.chunks_exact(BLOCK_SIZE).zip((start..).step_by(BLOCK_SIZE)) {
                let Ok(Some(header)) = BatchHeader::parse(block, &self.id) else { continue };
                if header.proves() >= end.sequence {
                    let (missing, later) = (end.sequence, header.sequence.get());
                    let reason = format!("batch {missing} cannot be read, though batch {later} was written after it");
                    return Err(self.damage(end.offset, &reason));
                }
                let is_replayed =
                    (place + self.ring_bytes - from % self.ring_bytes) % self.ring_bytes < end.offset - from;
                if header.sequence.get() >= end.sequence && !is_replayed {
                    self.rejected.borrow_mut().push(place);
                }
            }
            start += length;
        }
        Ok(())
    }

    /// Whether anything was ever written to the log of a device, whatever arena it is of.
    pub async fn holds_batches(device: Rc<dyn BlockDevice>) -> Result<bool> {
        let mut offset = 0;
        while offset < device.capacity() {
            let length = CHUNK_BYTES.min(device.capacity() - offset);
            let bytes = device.read(offset, length as usize).await?;
            if bytes.chunks_exact(BLOCK_SIZE).any(BatchHeader::is_intact) {
                return Ok(true);
            }
            offset += length;
        }
        Ok(false)
    }

    fn damage(&self, offset: u64, reason: &str) -> Status {
        let (device, offset) = (self.device.name(), self.device_offset(offset));
        Status::new(Code::DfInval, format!("log {device} is damaged at offset {offset}: {reason}"))
    }

    /// Refuses a start that no checkpoint of this log can have named.
    pub fn check_start(&self, from: LogPosition) -> Result<()> {
        let largest = from.offset.max(from.sequence).max(from.lsn.0);
        if !from.offset.is_multiple_of(BLOCK_SIZE as u64) || from.sequence == 0 || largest > u64::MAX / 2 {
            fail!(Code::DfInval, "the checkpoint of log {} names an impossible place in it", self.device.name());
        }
        Ok(())
    }
}
