//! Reading the log back.

use super::batch::{BatchHeader, for_each_record};
use super::ring::{LogPosition, RedoLog};
use super::values::ValueEntry;
use crate::device::{BLOCK_SIZE, BlockDevice};
use crate::durable_arena::Lsn;
use daos_checksum::Crc64;
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status, fail};
use std::rc::Rc;

/// How much is read at once.
const WINDOW_BYTES: u64 = 1 << 20;

/// What was found behind a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Recovered {
    pub batches: u64,
    pub records: u64,
    pub bytes: u64,
}

/// A part of the ring in memory.
struct Window<'a> {
    log: &'a RedoLog,
    start: u64,
    bytes: IoBuffer,
}

impl<'a> Window<'a> {
    fn new(log: &'a RedoLog) -> Window<'a> {
        Window { log, start: 0, bytes: IoBuffer::zeroed(0) }
    }

    /// `length` bytes from `start` of the ring, which both lie in it and are multiples of a block.
    async fn get(&mut self, start: u64, length: u64) -> Result<&[u8]> {
        let end = start + length;
        if start < self.start || end > self.start + self.bytes.len() as u64 {
            let wanted = length.max(WINDOW_BYTES).min(self.log.ring_bytes - start);
            self.bytes = self.log.device.read(self.log.device_offset(start), wanted as usize).await?;
            self.start = start;
        }
        let from = (start - self.start) as usize;
        self.bytes.get(from..from + length as usize).ok_or_else(|| {
            Status::new(Code::Io, format!("a read of {} was shorter than asked for", self.log.device.name()))
        })
    }
}

/// A batch that is the next one.
struct Found {
    header: BatchHeader,
    offset: u64,
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
            let length = (bytes - done).min(WINDOW_BYTES);
            checksum.update(&data.read(offset + done, length as usize).await?);
            done += length;
        }
        if checksum.finish() != entry.crc() {
            return Ok(Some(offset));
        }
    }
    Ok(None)
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
        self.rejected.set(None);
        let mut window = Window::new(self);
        let mut position = from;
        let mut recovered = Recovered::default();
        let mut next = self.find_next(&mut window, position, from.offset).await?;
        while let Some(found @ Found { offset, .. }) = next {
            let header = &found.header;
            let end = |lsn| LogPosition {
                offset: offset + header.total(),
                sequence: position.sequence + 1,
                chain: header.link(),
                lsn,
            };
            let last = Lsn(position.lsn.0 + u64::from(header.records.get()));
            next = self.find_next(&mut window, end(last), from.offset).await?;
            let is_certain = next.is_some() || acknowledged.is_some_and(|known| known >= position.sequence);
            let batch = window.get(offset % self.ring_bytes, header.total()).await?;
            let payload = header.payload(batch).ok_or_else(|| self.damage(offset, "its payload changed"))?;
            let place = || format!("log {} at offset {}", self.device.name(), self.device_offset(offset));
            let (records, values) = header.split(payload).map_err(|status| status.while_doing(place()))?;
            if !is_certain && let Some(missing) = first_torn(data, values).await? {
                daos_env::log!(
                    Info,
                    "media",
                    "the last batch of {} was cut off before it was acknowledged: its value at offset {missing} of {} is not there",
                    place(),
                    data.name()
                );
                self.rejected.set(Some(offset));
                break;
            }
            let mut lsn = position.lsn;
            let count = for_each_record(records, |record| {
                lsn = Lsn(lsn.0 + 1);
                apply(lsn, record)
            });
            if count.map_err(|status| status.while_doing(place()))? != header.records.get() {
                return Err(self.damage(offset, "it does not hold as many records as it says"));
            }
            recovered.batches += 1;
            recovered.records += u64::from(header.records.get());
            recovered.bytes += header.total();
            position = end(lsn);
        }
        self.check_nothing_follows(&mut window, position, acknowledged).await?;
        self.set_ends(from.offset, position);
        Ok(recovered)
    }

    /// The batch that continues the log at `position`, right there or at the ring's next start.
    async fn find_next(&self, window: &mut Window<'_>, position: LogPosition, tail: u64) -> Result<Option<Found>> {
        let here = position.offset;
        let lap = self.next_lap(here);
        for offset in [Some(here), (lap != here).then_some(lap)].into_iter().flatten() {
            let block = window.get(offset % self.ring_bytes, BLOCK_SIZE as u64).await?;
            let parsed = BatchHeader::parse(block, &self.id);
            let Some(header) = parsed.map_err(|status| status.while_doing(self.device.name()))? else { continue };
            let continues = header.sequence.get() == position.sequence && header.chain.get() == position.chain;
            let total = header.total();
            let fits = offset % self.ring_bytes + total <= self.ring_bytes && offset + total - tail <= self.ring_bytes;
            if !continues || !fits {
                continue;
            }
            let batch = window.get(offset % self.ring_bytes, total).await?;
            if header.payload(batch).is_none() {
                continue;
            }
            // It is the very next batch: records between the last one and it were made durable by a checkpoint that is not there.
            if position.lsn.0.checked_add(1) != Some(header.first_lsn.get()) {
                let (last, next) = (position.lsn.0, header.first_lsn);
                return Err(self.damage(offset, &format!("transaction {last} is followed by transaction {next}")));
            }
            return Ok(Some(Found { header, offset }));
        }
        Ok(None)
    }

    /// After the last batch that could be read: a header with a higher number proves that one before it was durable.
    async fn check_nothing_follows(
        &self,
        window: &mut Window<'_>,
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
            let length = WINDOW_BYTES.min(self.ring_bytes - start);
            let bytes = window.get(start, length).await?;
            for block in bytes.chunks_exact(BLOCK_SIZE) {
                if let Ok(Some(header)) = BatchHeader::parse(block, &self.id)
                    && header.sequence.get() > end.sequence
                {
                    let (missing, later) = (end.sequence, header.sequence.get());
                    let reason = format!("batch {missing} cannot be read, though batch {later} was written after it");
                    return Err(self.damage(end.offset, &reason));
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
            let length = WINDOW_BYTES.min(device.capacity() - offset);
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
