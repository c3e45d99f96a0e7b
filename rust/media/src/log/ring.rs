//! The log's device as a ring.

use super::batch::Segment;
use super::unplaced::Unplaced;
use crate::device::{BLOCK_SIZE, BlockDevice, IoFuture};
use crate::durable_arena::Lsn;
use daos_checksum::crc32c;
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

const MAGIC: [u8; 8] = *b"daosrlog";
/// 2: with two blocks that say how far batches were acknowledged. 1 was never released.
const VERSION: u32 = 2;
/// The blocks of the header and its copy.
const COPIES: u64 = 2;
/// Those, and two that say in turn how far batches were acknowledged.
const HEADER_BLOCKS: u64 = 4;
const ACKNOWLEDGED_MAGIC: [u8; 8] = *b"daosackn";
/// After so many batches the log notes that they were acknowledged.
const BATCHES_PER_NOTE: u64 = 8;
/// Bounds of the ring: room for a few batches, and lengths that fit 32 bits.
const RING_BYTES_MIN: u64 = 128 << 10;
const RING_BYTES_MAX: u64 = 2 << 30;
/// How much is zeroed at once when a log is made.
const FILL_BYTES: u64 = 1 << 20;

/// A place between two batches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogPosition {
    /// Bytes since the log was made; its remainder by the ring's size is the place in the ring.
    pub offset: u64,
    /// The sequence number of the next batch.
    pub sequence: u64,
    /// The chain value of the next batch.
    pub chain: u64,
    /// The last record before this place.
    pub lsn: Lsn,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
struct LogHeader {
    magic: [u8; 8],
    version: U32,
    crc: U32,
    id: [u8; 16],
    ring_bytes: U64,
}

impl LogHeader {
    fn own_crc(&self) -> u32 {
        crc32c(LogHeader { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }
}

/// Where the notes lie.
const ACKNOWLEDGED_BLOCKS: [u64; 2] = [2, 3];

/// How far batches were acknowledged: batches up to this one were durable when it was written.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
struct Acknowledged {
    magic: [u8; 8],
    version: U32,
    crc: U32,
    id: [u8; 16],
    sequence: U64,
}

impl Acknowledged {
    fn own_crc(&self) -> u32 {
        crc32c(Acknowledged { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }
}

/// Bytes of the ring on a device of so many bytes; an error when that is too little.
pub(crate) fn usable_bytes(device_bytes: u64) -> Result<u64> {
    let block = BLOCK_SIZE as u64;
    let ring = (device_bytes / block * block).saturating_sub(HEADER_BLOCKS * block).min(RING_BYTES_MAX);
    if ring < RING_BYTES_MIN {
        let least = RING_BYTES_MIN + HEADER_BLOCKS * block;
        fail!(Code::Inval, "a log of {device_bytes} bytes is too small: it takes at least {least}");
    }
    Ok(ring)
}

/// What the log has done since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogCounters {
    pub batches: u64,
    pub records: u64,
    pub bytes: u64,
    pub records_per_batch_max: u32,
    pub under_way_max: u32,
}

/// The ring: batches are appended at its head, and released at its tail when a checkpoint covers them.
pub(crate) struct RedoLog {
    pub(super) device: Rc<dyn BlockDevice>,
    pub(super) id: [u8; 16],
    pub(super) ring_bytes: u64,
    head: Cell<LogPosition>,
    tail: Cell<u64>,
    counters: Cell<LogCounters>,
    /// Batches that were begun and have not ended.
    under_way: Cell<u32>,
    /// The last batch that was acknowledged, and the last that the device says was.
    acknowledged: Cell<u64>,
    noted: Cell<u64>,
    notes: Cell<u64>,
    /// A note is being written.
    is_noting: Cell<bool>,
    /// Where batches begin, behind the end, that do not count: they were never acknowledged.
    pub(super) rejected: RefCell<Vec<u64>>,
    /// What recovery found that has to come to its place.
    pub(super) unplaced: RefCell<Unplaced>,
}

/// A batch that is being written.
pub(crate) struct Begun {
    pub sequence: u64,
    pub write: IoFuture<(IoBuffer, Result<()>)>,
    /// How far batches were acknowledged, written beside it.
    pub note: Option<Note>,
}

/// A note that is being written.
pub(crate) struct Note {
    pub sequence: u64,
    pub write: IoFuture<(IoBuffer, Result<()>)>,
}

impl RedoLog {
    fn new(device: Rc<dyn BlockDevice>, id: [u8; 16], ring_bytes: u64) -> RedoLog {
        let head = Cell::new(LogPosition { sequence: 1, ..LogPosition::default() });
        RedoLog {
            device,
            id,
            ring_bytes,
            head,
            tail: Cell::new(0),
            counters: Cell::default(),
            under_way: Cell::new(0),
            is_noting: Cell::new(false),
            acknowledged: Cell::new(0),
            noted: Cell::new(0),
            notes: Cell::new(0),
            rejected: RefCell::default(),
            unplaced: RefCell::default(),
        }
    }

    /// Makes an empty log on a fresh device.
    ///
    /// The ring is written with zeros, so that every later write finds its space taken: it cannot fail on a full disk, and
    /// its sync has no metadata of the file system to write.
    pub async fn format(device: Rc<dyn BlockDevice>, id: [u8; 16]) -> Result<RedoLog> {
        let ring_bytes = usable_bytes(device.capacity())?;
        let end = HEADER_BLOCKS * BLOCK_SIZE as u64 + ring_bytes;
        let (mut offset, mut zeros) = (HEADER_BLOCKS * BLOCK_SIZE as u64, IoBuffer::zeroed(FILL_BYTES as usize));
        while offset < end {
            let length = FILL_BYTES.min(end - offset);
            if length < FILL_BYTES {
                zeros = IoBuffer::zeroed(length as usize);
            }
            let (back, result) = device.write(offset, zeros).await;
            result?;
            zeros = back;
            offset += length;
        }
        let mut header =
            LogHeader { magic: MAGIC, version: VERSION.into(), crc: U32::ZERO, id, ring_bytes: ring_bytes.into() };
        header.crc = header.own_crc().into();
        for block in 0..COPIES {
            device.write(block * BLOCK_SIZE as u64, IoBuffer::copy_of(header.as_bytes())).await.1?;
        }
        let log = RedoLog::new(device, id, ring_bytes);
        for _ in 0..ACKNOWLEDGED_BLOCKS.len() {
            log.write_acknowledged().await?;
        }
        log.device.sync().await?;
        Ok(log)
    }

    /// Opens the log of this id; [`RedoLog::recover`] must follow.
    pub async fn open(device: Rc<dyn BlockDevice>, id: [u8; 16]) -> Result<RedoLog> {
        if let Err(status) = usable_bytes(device.capacity()) {
            let (name, reason) = (device.name(), status.context());
            return Err(Status::new(Code::DfInval, format!("{name} was cut off: {reason}")));
        }
        let context = format!("the log headers of {} at offsets 0 and {BLOCK_SIZE} are both damaged", device.name());
        let mut problem = Status::new(Code::DfInval, context);
        for block in 0..COPIES {
            let bytes = device.read(block * BLOCK_SIZE as u64, BLOCK_SIZE).await?;
            let Ok((header, _)) = LogHeader::read_from_prefix(&bytes) else { continue };
            if header.magic != MAGIC || header.crc.get() != header.own_crc() {
                continue;
            }
            if header.version.get() != VERSION {
                let what = format_args!("the log {}", device.name());
                problem = Status::unknown_format(what, header.version.get(), VERSION..=VERSION);
                continue;
            }
            if header.id != id {
                let context = format!("{} is the log of another arena than its checkpoint", device.name());
                problem = Status::new(Code::Mismatch, context);
                continue;
            }
            let ring_bytes = header.ring_bytes.get();
            if usable_bytes(device.capacity()).is_ok_and(|usable| ring_bytes <= usable && ring_bytes >= RING_BYTES_MIN)
                && ring_bytes.is_multiple_of(BLOCK_SIZE as u64)
            {
                return Ok(RedoLog::new(device, id, ring_bytes));
            }
            let context = format!("{} is shorter than its log of {ring_bytes} bytes", device.name());
            problem = Status::new(Code::DfInval, context);
        }
        Err(problem)
    }

    /// The place in the device of a place in the log.
    pub(super) fn device_offset(&self, offset: u64) -> u64 {
        HEADER_BLOCKS * BLOCK_SIZE as u64 + offset % self.ring_bytes
    }

    /// The ring's next start, unless `offset` is at one.
    pub(super) fn next_lap(&self, offset: u64) -> u64 {
        offset.next_multiple_of(self.ring_bytes)
    }

    pub(super) fn set_ends(&self, tail: u64, head: LogPosition) {
        // What was read is synced before anything is built upon it.
        self.acknowledged.set(head.sequence - 1);
        self.tail.set(tail);
        self.head.set(head);
    }

    /// The place after the last batch that was begun.
    pub fn head(&self) -> LogPosition {
        self.head.get()
    }

    /// Bytes between tail and head.
    pub fn used(&self) -> u64 {
        self.head.get().offset - self.tail.get()
    }

    /// Bytes of the ring.
    pub fn ring_bytes(&self) -> u64 {
        self.ring_bytes
    }

    /// Where a batch of so many bytes would start, if there is room for it.
    fn place(&self, total: u64) -> Option<u64> {
        let head = self.head.get().offset;
        let fits = head % self.ring_bytes + total <= self.ring_bytes;
        let start = if fits { head } else { self.next_lap(head) };
        (start + total - self.tail.get() <= self.ring_bytes).then_some(start)
    }

    /// Whether a batch can be written now.
    pub fn has_room(&self, segment: &Segment) -> bool {
        !segment.oversized && self.place(segment.total()).is_some()
    }

    /// Begins to write a batch and to make it durable. It is told when it has [ended](RedoLog::end).
    pub fn begin(&self, segment: &Segment) -> Result<Begun> {
        let Some(start) = self.place(segment.total()).filter(|_| !segment.oversized) else {
            fail!(Code::Nospace, "the log {} has no room for {} bytes", self.device.name(), segment.total());
        };
        let (head, behind) = (self.head.get(), self.under_way.get());
        let (buffer, chain) = segment.encode(&self.id, head.sequence, head.chain, behind);
        // The head moves on before the write: a checkpoint that begins meanwhile starts behind this batch.
        self.head.set(LogPosition {
            offset: start + segment.total(),
            sequence: head.sequence + 1,
            chain,
            lsn: segment.last,
        });
        let mut counters = self.counters.get();
        counters.batches += 1;
        counters.records += u64::from(segment.records());
        counters.bytes += segment.total();
        counters.records_per_batch_max = counters.records_per_batch_max.max(segment.records());
        counters.under_way_max = counters.under_way_max.max(behind + 1);
        self.counters.set(counters);
        self.under_way.set(behind + 1);
        let write = self.device.write_durable(self.device_offset(start), buffer);
        // Beside the batch, so that nobody waits for it. That it fails is no harm: the next one is tried.
        let is_noted = self.acknowledged.get() >= self.noted.get() + BATCHES_PER_NOTE && !self.is_noting.get();
        let note = is_noted.then(|| self.begin_note());
        Ok(Begun { sequence: head.sequence, write, note })
    }

    /// A batch that was begun is durable, or given up: the oldest first.
    pub fn end(&self, sequence: u64, is_durable: bool) {
        self.under_way.set(self.under_way.get().saturating_sub(1));
        if is_durable {
            self.acknowledged.set(sequence.max(self.acknowledged.get()));
        }
    }

    /// Whether a batch is being written.
    pub fn is_writing(&self) -> bool {
        self.under_way.get() > 0
    }

    /// Whether more was acknowledged than the device says.
    pub fn is_acknowledgement_behind(&self) -> bool {
        self.acknowledged.get() > self.noted.get()
    }

    /// Writes how far batches were acknowledged, without a sync: it is a hint whether a tail is torn or lost, and true whenever it arrives.
    pub async fn write_acknowledged(&self) -> Result<()> {
        let Note { sequence, write } = self.begin_note();
        let (_, result) = write.await;
        self.end_note(sequence, &result);
        result
    }

    fn begin_note(&self) -> Note {
        let sequence = self.acknowledged.get();
        let mut note = Acknowledged {
            magic: ACKNOWLEDGED_MAGIC,
            version: VERSION.into(),
            crc: U32::ZERO,
            id: self.id,
            sequence: sequence.into(),
        };
        note.crc = note.own_crc().into();
        let block = ACKNOWLEDGED_BLOCKS[(self.notes.get() % 2) as usize];
        self.notes.set(self.notes.get() + 1);
        self.is_noting.set(true);
        let write = self.device.write(block * BLOCK_SIZE as u64, IoBuffer::copy_of(note.as_bytes()));
        Note { sequence, write }
    }

    /// A note of this number was written, or not.
    pub fn end_note(&self, sequence: u64, result: &Result<()>) {
        self.is_noting.set(false);
        if result.is_ok() {
            self.noted.set(sequence.max(self.noted.get()));
        }
    }

    /// The last batch that was acknowledged, as far as the device says; `None` when both notes are damaged.
    pub(super) async fn read_acknowledged(&self) -> Result<Option<u64>> {
        let mut newest = None;
        for (index, block) in ACKNOWLEDGED_BLOCKS.into_iter().enumerate() {
            let bytes = self.device.read(block * BLOCK_SIZE as u64, BLOCK_SIZE).await?;
            let Ok((note, _)) = Acknowledged::read_from_prefix(&bytes) else { continue };
            let is_intact = note.magic == ACKNOWLEDGED_MAGIC && note.id == self.id && note.crc.get() == note.own_crc();
            if is_intact && newest.is_none_or(|newest| newest <= note.sequence.get()) {
                newest = Some(note.sequence.get());
                // The other one is written next.
                self.notes.set(index as u64 + 1);
            }
        }
        Ok(newest)
    }

    /// A checkpoint covers everything before `position`: its space is free.
    pub fn release(&self, position: LogPosition) {
        self.tail.set(self.tail.get().max(position.offset));
        if self.head.get().lsn < position.lsn {
            // Records that were never written are covered, too.
            self.head.set(LogPosition { lsn: position.lsn, ..self.head.get() });
        }
    }

    pub fn counters(&self) -> LogCounters {
        self.counters.get()
    }

    /// Makes durable whatever a process before this one has written and not synced. Batches that recovery did not count will never
    /// count: their values, or a batch before them, might be written once more by chance. Where there is no space to take them back, gives the
    /// error: nothing must be written then.
    pub async fn settle(&self) -> Result<Option<Status>> {
        let mut refused = None;
        for rejected in self.rejected.take() {
            match self.device.write(self.device_offset(rejected), IoBuffer::zeroed(BLOCK_SIZE)).await.1 {
                Err(status) if status.code() == Code::Nospace => refused = Some(status),
                other => other?,
            }
        }
        self.device.sync().await?;
        Ok(refused)
    }
}
