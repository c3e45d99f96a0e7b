//! The checkpoint's device: page slots, page tables and headers.

use super::header::Header;
use crate::arena::{ARENA_BYTES_MAX, Arena, PAGE_SIZE};
use crate::device::{BLOCK_SIZE, BlockDevice};
use crate::log::LogPosition;
use daos_checksum::{Crc64, crc32c, crc64};
use daos_env::IoBuffer;
use daos_env::sync::{join_all, yield_now};
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use zerocopy::IntoBytes;

/// Reads and writes of pages that are under way at once: enough for a disk's full speed, 1 MiB of memory.
const TRANSFERS: usize = 64;
/// Entries of the table that are handled before other tasks run again: some microseconds.
const ENTRIES_PER_STEP: usize = 2048;
/// Bytes of the table that are written at once, whole blocks: as many as a few pages, since they are copied for it.
const TABLE_PIECE: usize = 64 << 10;
const HEADERS_BYTES: u64 = 2 * BLOCK_SIZE as u64;
const ENTRY_BYTES: u64 = 8;

/// Which slot of a page is current.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Entry {
    crc: u32,
    /// 0 none, 1 A, 2 B.
    slot: u32,
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES as usize] {
        let ([a, b, c, d], [e, f, g, h]) = (self.crc.to_le_bytes(), self.slot.to_le_bytes());
        [a, b, c, d, e, f, g, h]
    }
}

/// A copy of a page that waits to be written.
pub(crate) struct PageImage {
    page: u32,
    crc: u32,
    bytes: IoBuffer,
}

impl PageImage {
    /// The page as it is now.
    pub fn copy_of(arena: &Arena, page: u32) -> PageImage {
        let bytes = IoBuffer::copy_of(&arena.page(page));
        PageImage { page, crc: crc32c(&bytes), bytes }
    }
}

/// What a checkpoint says about the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Contents {
    pub id: [u8; 16],
    pub arena_bytes: u64,
    pub data_bytes: u64,
    pub position: LogPosition,
}

pub(crate) struct CheckpointStore {
    device: Rc<dyn BlockDevice>,
    /// The newest header that is durable.
    header: RefCell<Header>,
    table: RefCell<Vec<Entry>>,
    /// Entries of pages that were written for the next generation.
    staged: RefCell<Vec<(u32, Entry)>>,
    pages: u32,
    pages_written: Cell<u64>,
}

fn page_count(arena_bytes: u64) -> u32 {
    // Arenas are at most 32 GiB.
    (arena_bytes / PAGE_SIZE as u64) as u32
}

fn table_bytes(pages: u32) -> u64 {
    (u64::from(pages) * ENTRY_BYTES).next_multiple_of(BLOCK_SIZE as u64)
}

/// The size of a device for the checkpoints of an arena; it is taken as pages are written.
pub(crate) fn device_bytes(arena_bytes: u64) -> u64 {
    let pages = page_count(arena_bytes);
    HEADERS_BYTES + 2 * table_bytes(pages) + 2 * u64::from(pages) * PAGE_SIZE as u64
}

impl CheckpointStore {
    fn new(device: Rc<dyn BlockDevice>, header: Header, table: Vec<Entry>) -> CheckpointStore {
        let pages = page_count(header.arena_bytes.get());
        CheckpointStore {
            device,
            header: RefCell::new(header),
            table: RefCell::new(table),
            staged: RefCell::default(),
            pages,
            pages_written: Cell::new(0),
        }
    }

    /// Writes the checkpoint of an empty arena; that makes the arena exist.
    pub async fn format(device: Rc<dyn BlockDevice>, contents: Contents) -> Result<CheckpointStore> {
        let header = Header::new(contents.id, contents.arena_bytes, contents.data_bytes);
        let store = CheckpointStore::new(device, header, Vec::new());
        store.publish(contents.position).await?;
        Ok(store)
    }

    /// The checkpoints whose headers are intact, newest first: at least one, and all of the same arena.
    ///
    /// # Errors
    /// A header is of an unknown version; neither is intact.
    pub async fn candidates(device: Rc<dyn BlockDevice>) -> Result<Vec<Candidate>> {
        let mut headers: Vec<Header> = Vec::new();
        for block in 0..2u64 {
            if device.capacity() < HEADERS_BYTES {
                break;
            }
            let bytes = device.read(block * BLOCK_SIZE as u64, BLOCK_SIZE).await?;
            let place = || format!("{} at offset {}", device.name(), block * BLOCK_SIZE as u64);
            let header = Header::parse(&bytes).map_err(|status| status.while_doing(place()))?;
            headers.extend(header.filter(|header| header.generation.get() % 2 == block));
        }
        headers.sort_by_key(|header| std::cmp::Reverse(header.generation.get()));
        let Some(id) = headers.first().map(|newest| newest.id) else {
            fail!(
                Code::DfInval,
                "{} holds no intact checkpoint: the headers at offsets 0 and {BLOCK_SIZE} are both damaged",
                device.name()
            );
        };
        let of_one_arena = headers.into_iter().filter(|header| header.id == id);
        Ok(of_one_arena.map(|header| Candidate { device: device.clone(), header }).collect())
    }

    /// How many pages were written since this was opened.
    pub fn pages_written(&self) -> u64 {
        self.pages_written.get()
    }

    fn slot_offset(&self, page: u32, slot: u32) -> u64 {
        let slots = HEADERS_BYTES + 2 * table_bytes(self.pages);
        slots + (u64::from(page) * 2 + u64::from(slot - 1)) * PAGE_SIZE as u64
    }

    /// The device's name, for messages.
    pub fn name(&self) -> &str {
        self.device.name()
    }

    /// Reads every page into a fresh arena; the number of pages read.
    pub async fn load(&self, arena: &Arena) -> Result<u64> {
        let taken: Vec<(u32, Entry)> = {
            let table = self.table.borrow();
            let entries = table.iter().enumerate().filter(|(_, entry)| entry.slot != 0);
            entries.map(|(page, entry)| (page as u32, *entry)).collect()
        };
        for pieces in taken.chunks(TRANSFERS) {
            let reads = pieces.iter().map(|(page, entry)| {
                let offset = self.slot_offset(*page, entry.slot);
                self.device.read(offset, PAGE_SIZE)
            });
            for ((page, entry), bytes) in pieces.iter().zip(join_all(reads).await) {
                let bytes = bytes?;
                if crc32c(&bytes) != entry.crc {
                    let offset = self.slot_offset(*page, entry.slot);
                    fail!(
                        Code::Csum,
                        "checkpoint {} is damaged at offset {offset}: page {page} of the arena changed",
                        self.device.name()
                    );
                }
                arena.restore(u64::from(*page) * PAGE_SIZE as u64, &bytes)?;
            }
        }
        Ok(taken.len() as u64)
    }

    /// Writes pages where the current checkpoint does not need them; [`CheckpointStore::publish`] makes them count.
    pub async fn write_pages(&self, images: Vec<PageImage>) -> Result<()> {
        let mut images = images.into_iter();
        loop {
            let piece: Vec<PageImage> = images.by_ref().take(TRANSFERS).collect();
            if piece.is_empty() {
                return Ok(());
            }
            let writes: Vec<_> = piece.into_iter().map(|image| self.start_write(image)).collect();
            for (_, result) in join_all(writes).await {
                result?;
            }
        }
    }

    fn start_write(&self, image: PageImage) -> crate::device::IoFuture<(IoBuffer, Result<()>)> {
        let current = self.table.borrow().get(image.page as usize).map_or(0, |entry| entry.slot);
        let slot = if current == 1 { 2 } else { 1 };
        self.staged.borrow_mut().push((image.page, Entry { crc: image.crc, slot }));
        self.pages_written.set(self.pages_written.get() + 1);
        self.device.write(self.slot_offset(image.page, slot), image.bytes)
    }

    /// Forgets the pages written since the last checkpoint.
    pub fn abandon(&self) {
        self.staged.borrow_mut().clear();
    }

    /// Makes the pages written a checkpoint, with the place in the log to replay from.
    pub async fn publish(&self, position: LogPosition) -> Result<()> {
        let staged = std::mem::take(&mut *self.staged.borrow_mut());
        let bytes = self.encode_table(&staged).await;
        let mut header = self.header.borrow().clone();
        header.generation = (header.generation.get() + 1).into();
        header.table_pages = (bytes.len() as u64 / ENTRY_BYTES).into();
        header.table_crc = checksum_of_table(&bytes).await.into();
        header.set_log_position(position);
        // A header that is there says that its pages and its table are.
        self.write_table(&header, &bytes).await?;
        self.device.sync().await?;
        self.write_header(&header).await?;
        self.header.replace(header.clone());
        self.take_staged(&staged).await;
        // Once more, as the next generation; from here on the first one counts, whatever comes.
        header.generation = (header.generation.get() + 1).into();
        self.write_table(&header, &bytes).await?;
        self.write_header(&header).await?;
        self.header.replace(header);
        Ok(())
    }

    /// The table with the entries of pages that were written, in its bytes.
    async fn encode_table(&self, staged: &[(u32, Entry)]) -> Vec<u8> {
        let (before, wanted) = {
            let table = self.table.borrow();
            (table.len(), staged.iter().map(|(page, _)| *page as usize + 1).fold(table.len(), usize::max))
        };
        let mut bytes = Vec::with_capacity(wanted * ENTRY_BYTES as usize);
        for start in (0..before).step_by(ENTRIES_PER_STEP) {
            let end = before.min(start + ENTRIES_PER_STEP);
            self.table.borrow()[start..end].iter().for_each(|entry| bytes.extend_from_slice(&entry.to_bytes()));
            yield_now().await;
        }
        bytes.resize(wanted * ENTRY_BYTES as usize, 0);
        for step in staged.chunks(ENTRIES_PER_STEP) {
            let (entries, _) = bytes.as_chunks_mut();
            step.iter().for_each(|(page, entry)| entries[*page as usize] = entry.to_bytes());
            yield_now().await;
        }
        bytes
    }

    /// What was written counts from now on. Nobody writes pages meanwhile.
    async fn take_staged(&self, staged: &[(u32, Entry)]) {
        for step in staged.chunks(ENTRIES_PER_STEP) {
            {
                let mut table = self.table.borrow_mut();
                for (page, entry) in step {
                    if table.len() <= *page as usize {
                        table.resize(*page as usize + 1, Entry::default());
                    }
                    table[*page as usize] = *entry;
                }
            }
            yield_now().await;
        }
    }

    /// Writes the table where the generation of a header has it.
    async fn write_table(&self, header: &Header, table: &[u8]) -> Result<()> {
        let mut offset = HEADERS_BYTES + header.generation.get() % 2 * table_bytes(self.pages);
        for piece in table.chunks(TABLE_PIECE) {
            self.device.write(offset, IoBuffer::copy_of(piece)).await.1?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// Writes a header durably.
    async fn write_header(&self, header: &Header) -> Result<()> {
        let block = IoBuffer::copy_of(header.clone().sealed().as_bytes());
        self.device.write_durable(header.generation.get() % 2 * BLOCK_SIZE as u64, block).await.1
    }

    /// Makes durable whatever a process before this one has written and not synced.
    pub async fn sync(&self) -> Result<()> {
        self.device.sync().await
    }
}

/// A checkpoint of which only the header was read.
pub(crate) struct Candidate {
    device: Rc<dyn BlockDevice>,
    header: Header,
}

impl Candidate {
    /// What it says about the arena.
    pub fn contents(&self) -> Contents {
        Contents {
            id: self.header.id,
            arena_bytes: self.header.arena_bytes.get(),
            data_bytes: self.header.data_bytes.get(),
            position: self.header.log_position(),
        }
    }

    /// Reads its table.
    pub async fn open(self) -> Result<CheckpointStore> {
        let table = read_table(&self.device, &self.header).await?;
        Ok(CheckpointStore::new(self.device, self.header, table))
    }
}

async fn checksum_of_table(bytes: &[u8]) -> u64 {
    let mut digest = Crc64::new();
    for piece in bytes.chunks(TABLE_PIECE) {
        digest.update(piece);
        yield_now().await;
    }
    digest.finish()
}

/// Reads and checks the table that belongs to a header, and that the header fits the device.
async fn read_table(device: &Rc<dyn BlockDevice>, header: &Header) -> Result<Vec<Entry>> {
    let (arena_bytes, entries) = (header.arena_bytes.get(), header.table_pages.get());
    let pages = page_count(arena_bytes.min(ARENA_BYTES_MAX));
    if header.generation.get() > u64::MAX / 2 {
        fail!(Code::DfInval, "checkpoint {} has the impossible generation {}", device.name(), header.generation);
    }
    if arena_bytes > ARENA_BYTES_MAX || entries > u64::from(pages) {
        fail!(Code::DfInval, "checkpoint {} names {entries} pages of an arena of {arena_bytes} bytes", device.name());
    }
    if device_bytes(arena_bytes) > device.capacity() {
        let (is, was) = (device.capacity(), device_bytes(arena_bytes));
        fail!(Code::DfInval, "checkpoint {} has {is} bytes, but was made with {was}: it was cut off", device.name());
    }
    if entries == 0 {
        return Ok(Vec::new());
    }
    let offset = HEADERS_BYTES + header.generation.get() % 2 * table_bytes(pages);
    let length = (entries * ENTRY_BYTES) as usize;
    let bytes = device.read(offset, length).await?;
    if crc64(&bytes) != header.table_crc.get() {
        fail!(Code::DfInval, "the page table of checkpoint {} at offset {offset} is damaged", device.name());
    }
    let parse = |entry: &[u8; ENTRY_BYTES as usize]| {
        let [a, b, c, d, e, f, g, h] = *entry;
        Entry { crc: u32::from_le_bytes([a, b, c, d]), slot: u32::from_le_bytes([e, f, g, h]) }
    };
    let (entries, _) = bytes.as_chunks();
    let table: Vec<Entry> = entries.iter().map(parse).collect();
    if table.iter().any(|entry| entry.slot > 2) {
        fail!(Code::DfInval, "the page table of checkpoint {} names a slot that does not exist", device.name());
    }
    Ok(table)
}
