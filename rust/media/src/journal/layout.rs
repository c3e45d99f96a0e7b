//! Headers, marks and entries as they are stored.

use super::sums::sums_bytes;
use crate::arena::{ARENA_BYTES_MAX, PAGE_SIZE};
use crate::durable_arena::Lsn;
use crate::log::LogPosition;
use crate::persistent_memory::PersistentMemory;
use daos_checksum::{crc32c, crc64};
use daos_status::{Code, Result, Status, fail};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

const MAGIC: [u8; 8] = *b"daospmem";
const MARK_MAGIC: [u8; 4] = *b"dpmk";
const INTENT_MAGIC: [u8; 4] = *b"dpin";
const ENTRY_MAGIC: [u8; 4] = *b"dpen";
/// 2: the first, as the other formats of this release have it; without checksums of the image. 3: with them.
const VERSION_WITHOUT_SUMS: u32 = 2;
const VERSION: u32 = 3;
pub(super) const HEADERS_AT: [u64; 2] = [0, 4096];
pub(super) const MARKS_AT: [u64; 2] = [8192, 12288];
pub(super) const ACKNOWLEDGED_AT: u64 = 16384;
pub(super) const INTENT_AT: u64 = 20480;
pub(super) const RING_AT: u64 = 64 << 10;
/// Bounds of the ring: room for a few entries, and lengths that fit 32 bits.
const RING_BYTES_MIN: u64 = 128 << 10;
const RING_BYTES_MAX: u64 = 2 << 30;
/// The image begins where a large page can.
const IMAGE_ALIGNMENT: u64 = 2 << 20;
/// Bytes of an entry's header.
pub(crate) const ENTRY_HEADER: usize = 64;

/// Sizes and places, fixed when the arena is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub id: [u8; 16],
    pub arena_bytes: u64,
    pub data_bytes: u64,
    pub ring_bytes: u64,
    /// Whether the image has checksums.
    pub has_sums: bool,
}

/// Bytes of the ring when so many are asked for and the data device has so many: one transaction makes the bitmap of the data device, and
/// three eighths of the ring take the largest transaction.
pub(crate) fn ring_bytes_for(wanted: u64, data_bytes: u64) -> Result<u64> {
    let bitmap = data_bytes / crate::device::BLOCK_SIZE as u64 / 8;
    let least = RING_BYTES_MIN.max(bitmap.saturating_mul(4));
    let ring = wanted.max(least).next_multiple_of(PAGE_SIZE as u64);
    if ring > RING_BYTES_MAX {
        fail!(
            Code::Inval,
            "a journal of {ring} bytes, as {data_bytes} bytes of data need, is more than {RING_BYTES_MAX}"
        );
    }
    Ok(ring)
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: U32,
    crc: U32,
    id: [u8; 16],
    arena_bytes: U64,
    data_bytes: U64,
    ring_bytes: U64,
    image_at: U64,
    reserved: [u8; 64],
}

const _: () = assert!(size_of::<Header>() == 128);

impl Header {
    fn own_crc(&self) -> u32 {
        crc32c(Header { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }
}

impl Layout {
    /// Where the checksums of the image are.
    pub fn sums_at(&self) -> u64 {
        RING_AT + self.ring_bytes
    }

    pub fn image_at(&self) -> u64 {
        let sums = if self.has_sums { sums_bytes(self.arena_bytes) } else { 0 };
        (self.sums_at() + sums).next_multiple_of(IMAGE_ALIGNMENT)
    }

    /// The size of the memory.
    pub fn device_bytes(&self) -> u64 {
        self.image_at() + self.arena_bytes
    }

    /// The first half of the id, which entries and marks carry.
    pub fn short_id(&self) -> u64 {
        let (half, _) = self.id.split_first_chunk().expect("sixteen bytes are more than eight");
        u64::from_le_bytes(*half)
    }

    /// Writes both headers. The eight bytes of the first magic make the arena exist: everything else is durable before.
    pub fn store(&self, memory: &dyn PersistentMemory) -> Result<()> {
        let mut header = Header {
            magic: MAGIC,
            version: if self.has_sums { VERSION } else { VERSION_WITHOUT_SUMS }.into(),
            crc: U32::ZERO,
            id: self.id,
            arena_bytes: self.arena_bytes.into(),
            data_bytes: self.data_bytes.into(),
            ring_bytes: self.ring_bytes.into(),
            image_at: self.image_at().into(),
            reserved: [0; 64],
        };
        header.crc = header.own_crc().into();
        let (magic, rest) = header.as_bytes().split_at(MAGIC.len());
        for place in HEADERS_AT {
            memory.store(place + MAGIC.len() as u64, rest)?;
        }
        memory.drain()?;
        for place in HEADERS_AT {
            memory.store(place, magic)?;
            memory.drain()?;
        }
        Ok(())
    }

    /// Reads whichever header is intact.
    pub fn load(memory: &dyn PersistentMemory) -> Result<Layout> {
        let name = memory.name();
        let damaged = |problem: String| Status::new(Code::DfInval, problem);
        let mut problem = damaged(format!("the headers of {name} at offsets 0 and 4096 are both damaged"));
        for place in HEADERS_AT {
            if place + size_of::<Header>() as u64 > memory.length() {
                continue;
            }
            let mut bytes = [0; size_of::<Header>()];
            memory.read(place, &mut bytes)?;
            let Ok(header) = Header::read_from_bytes(&bytes) else { continue };
            if header.magic != MAGIC || header.crc.get() != header.own_crc() {
                continue;
            }
            if ![VERSION_WITHOUT_SUMS, VERSION].contains(&header.version.get()) {
                let what = format_args!("the persistent memory {name}");
                problem = Status::unknown_format(what, header.version.get(), VERSION_WITHOUT_SUMS..=VERSION);
                continue;
            }
            let layout = Layout {
                id: header.id,
                arena_bytes: header.arena_bytes.get(),
                data_bytes: header.data_bytes.get(),
                ring_bytes: header.ring_bytes.get(),
                has_sums: header.version.get() == VERSION,
            };
            match layout.check(header.image_at.get(), memory.length()) {
                Ok(()) => return Ok(layout),
                Err(reason) => problem = damaged(format!("{name} cannot be used: {reason}")),
            }
        }
        Err(problem)
    }

    fn check(&self, image_at: u64, length: u64) -> std::result::Result<(), String> {
        let ring = self.ring_bytes;
        if !(RING_BYTES_MIN..=RING_BYTES_MAX).contains(&ring) || !ring.is_multiple_of(PAGE_SIZE as u64) {
            return Err(format!("its journal cannot have {ring} bytes"));
        }
        if self.arena_bytes > ARENA_BYTES_MAX || image_at != self.image_at() {
            return Err(format!("its header names an arena of {} bytes at offset {image_at}", self.arena_bytes));
        }
        let was = self.device_bytes();
        if was > length {
            return Err(format!("it has {length} bytes, but was made with {was}: it was cut off"));
        }
        Ok(())
    }
}

/// Whether an arena was completely made in this memory, be it damaged.
pub(crate) fn is_made(memory: &dyn PersistentMemory) -> Result<bool> {
    for place in HEADERS_AT {
        let mut magic = [0; MAGIC.len()];
        if place + magic.len() as u64 <= memory.length() {
            memory.read(place, &mut magic)?;
        }
        if magic != [0; MAGIC.len()] {
            return Ok(true);
        }
    }
    Ok(false)
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct Mark {
    magic: [u8; 4],
    crc: U32,
    id: U64,
    pub generation: U64,
    offset: U64,
    sequence: U64,
    chain: U64,
    lsn: U64,
    reserved: U64,
}

const _: () = assert!(size_of::<Mark>() == 64);

impl Mark {
    pub fn new(id: u64, generation: u64, position: LogPosition) -> Mark {
        let mut mark = Mark {
            magic: MARK_MAGIC,
            crc: U32::ZERO,
            id: id.into(),
            generation: generation.into(),
            offset: position.offset.into(),
            sequence: position.sequence.into(),
            chain: position.chain.into(),
            lsn: position.lsn.0.into(),
            reserved: U64::ZERO,
        };
        mark.crc = mark.own_crc().into();
        mark
    }

    fn own_crc(&self) -> u32 {
        crc32c(Mark { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }

    pub fn parse(bytes: &[u8], id: u64) -> Option<Mark> {
        let mark = Mark::read_from_bytes(bytes).ok()?;
        (mark.magic == MARK_MAGIC && mark.id.get() == id && mark.crc.get() == mark.own_crc()).then_some(mark)
    }

    pub fn position(&self) -> LogPosition {
        LogPosition {
            offset: self.offset.get(),
            sequence: self.sequence.get(),
            chain: self.chain.get(),
            lsn: Lsn(self.lsn.get()),
        }
    }
}

/// Which entries the cleaner is bringing to the image: from the one with the number of the mark, to the one before another.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct Intent {
    magic: [u8; 4],
    crc: U32,
    id: U64,
    from: U64,
    to: U64,
    reserved: [u8; 32],
}

const _: () = assert!(size_of::<Intent>() == 64);

impl Intent {
    pub fn new(id: u64, from: LogPosition, to: LogPosition) -> Intent {
        let mut intent = Intent {
            magic: INTENT_MAGIC,
            crc: U32::ZERO,
            id: id.into(),
            from: from.sequence.into(),
            to: to.sequence.into(),
            reserved: [0; 32],
        };
        intent.crc = intent.own_crc().into();
        intent
    }

    fn own_crc(&self) -> u32 {
        crc32c(Intent { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }

    /// The number of the entry that it goes to, if it begins at the mark.
    pub fn parse(bytes: &[u8], id: u64, mark: LogPosition) -> Option<u64> {
        let intent = Intent::read_from_bytes(bytes).ok()?;
        let is_intact = intent.magic == INTENT_MAGIC && intent.id.get() == id && intent.crc.get() == intent.own_crc();
        (is_intact && intent.from.get() == mark.sequence && intent.to > intent.from).then(|| intent.to.get())
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct EntryHeader {
    magic: [u8; 4],
    crc: U32,
    id: U64,
    pub sequence: U64,
    pub first_lsn: U64,
    pub chain: U64,
    pub records: U32,
    pub payload_length: U32,
    payload_crc: U64,
    reserved: U64,
}

const _: () = assert!(size_of::<EntryHeader>() == ENTRY_HEADER);

impl EntryHeader {
    /// The header of an entry at `position`, with a payload of fewer than 2^32 bytes.
    pub fn new(id: u64, position: LogPosition, records: u32, payload: &[u8]) -> EntryHeader {
        let mut header = EntryHeader {
            magic: ENTRY_MAGIC,
            crc: U32::ZERO,
            id: id.into(),
            sequence: position.sequence.into(),
            first_lsn: (position.lsn.0 + 1).into(),
            chain: position.chain.into(),
            records: records.into(),
            payload_length: (payload.len() as u32).into(),
            payload_crc: crc64(payload).into(),
            reserved: U64::ZERO,
        };
        header.crc = header.own_crc().into();
        header
    }

    fn own_crc(&self) -> u32 {
        crc32c(EntryHeader { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }

    pub fn parse(bytes: &[u8], id: u64) -> Option<EntryHeader> {
        // Most lines are no headers: this comes first.
        if !bytes.starts_with(&ENTRY_MAGIC) {
            return None;
        }
        let (header, _) = EntryHeader::read_from_prefix(bytes).ok()?;
        (header.id.get() == id && header.crc.get() == header.own_crc()).then_some(header)
    }

    pub fn is_intact(&self, payload: &[u8]) -> bool {
        crc64(payload) == self.payload_crc.get()
    }

    /// What the next entry names as its chain.
    pub fn link(&self) -> u64 {
        crc64(self.as_bytes())
    }

    pub fn total(&self) -> u64 {
        entry_bytes(self.payload_length.get() as usize)
    }
}

/// Bytes of the ring that an entry takes.
pub(super) fn entry_bytes(payload: usize) -> u64 {
    (ENTRY_HEADER + payload).next_multiple_of(crate::persistent_memory::CACHE_LINE as usize) as u64
}
