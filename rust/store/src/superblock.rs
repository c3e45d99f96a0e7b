//! The record at the first root of the arena, from which everything else is found.
//!
//! ```text
//! magic "daosstor", version u32, durability u8, checksum u8, reserved u16, data bytes u64, arena bytes u64, log bytes u64,
//! data blocks u64, extent bitmap u64, containers u64, epoch bound u64, prepared u64, changes u64, reserved [u64; 5]
//! ```
//! The bitmap, the record above the containers, the table of prepared changes and the names of changes are named by their offsets. No epoch of the store is
//! above the bound.

use crate::level::Level;
use crate::{ChecksumKind, StoreSettings};
use daos_media::{Arena, BLOCK_SIZE, Durability, ExtentAllocator, Offset, Transaction};
use daos_status::{Code, Result, Status, fail};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Which root of the arena.
const ROOT: usize = 0;
const MAGIC: [u8; 8] = *b"daosstor";
/// 1 was never released; 2 is the first with room for prepared changes, and with the state of containers; 3 knows brief records.
const VERSION: u32 = 3;
/// The oldest version that is read. A store that has it gets the present one when it is opened, since brief records are made in it from then on.
const OLDEST_VERSION: u32 = 2;

/// The bound is raised in steps of about a second, so that few changes write it.
const EPOCH_STEP_MASK: u64 = (1 << 30) - 1;

const DURABILITIES: [Durability; 3] = [Durability::Log, Durability::Pmem, Durability::Ram];

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Bytes {
    magic: [u8; 8],
    version: u32,
    durability: u8,
    checksum: u8,
    reserved: u16,
    data_bytes: u64,
    arena_bytes: u64,
    log_bytes: u64,
    blocks: u64,
    bitmap: u64,
    containers: u64,
    epoch_bound: u64,
    prepared: u64,
    changes: u64,
    spare: [u64; 5],
}

const VERSION_AT: u64 = 8;
const EPOCH_BOUND: u64 = 64;
const PREPARED: u64 = 72;
const CHANGES: u64 = 80;
const _: () = assert!(size_of::<Bytes>() == 128 && std::mem::offset_of!(Bytes, prepared) as u64 == PREPARED);
const _: () = assert!(std::mem::offset_of!(Bytes, epoch_bound) as u64 == EPOCH_BOUND);
const _: () = assert!(std::mem::offset_of!(Bytes, version) as u64 == VERSION_AT);
const _: () = assert!(std::mem::offset_of!(Bytes, changes) as u64 == CHANGES);

/// The superblock of an open store.
pub(crate) struct Superblock {
    position: u64,
    pub settings: StoreSettings,
    /// Blocks of the data device that values may take.
    pub blocks: u64,
    pub bitmap: Offset,
    containers: u64,
}

impl Superblock {
    /// Whether an arena has one: the transaction that writes it is the first of all.
    pub(crate) fn exists(arena: &Arena) -> Result<bool> {
        Ok(arena.root(ROOT)? != 0)
    }

    /// Writes an empty store.
    pub(crate) fn format(transaction: &mut Transaction<'_>, settings: &StoreSettings) -> Result<()> {
        let blocks = settings.data_bytes / BLOCK_SIZE as u64;
        let bitmap = ExtentAllocator::format(transaction, blocks)?;
        let containers = Level::create(transaction, b"")?;
        let bytes = Bytes {
            magic: MAGIC,
            version: VERSION,
            durability: index_of(&DURABILITIES, settings.durability),
            checksum: settings.checksum.number(),
            reserved: 0,
            data_bytes: settings.data_bytes,
            arena_bytes: settings.arena_bytes,
            log_bytes: settings.log_bytes,
            blocks,
            bitmap: bitmap.get(),
            containers: u64::from(containers.link()) * 8,
            epoch_bound: 0,
            prepared: 0,
            changes: 0,
            spare: [0; 5],
        };
        let offset = transaction.allocate(size_of::<Bytes>())?;
        transaction.fill(offset.get(), bytes.as_bytes())?;
        transaction.set_root(ROOT, offset.get())
    }

    /// Reads and checks it.
    pub(crate) fn open(arena: &Arena) -> Result<Superblock> {
        let position = arena.root(ROOT)?;
        let bytes: Bytes = arena.read_value(position)?;
        if position == 0 || bytes.magic != MAGIC {
            fail!(Code::DfInval, "the arena holds no store: there is no superblock at offset {position}");
        }
        if !(OLDEST_VERSION..=VERSION).contains(&bytes.version) {
            return Err(Status::unknown_format("the store", bytes.version, OLDEST_VERSION..=VERSION));
        }
        let durability = DURABILITIES.get(usize::from(bytes.durability));
        let checksum = ChecksumKind::from_number(u64::from(bytes.checksum));
        let (Some(durability), Some(checksum), Some(bitmap)) = (durability, checksum, Offset::new(bytes.bitmap)) else {
            fail!(
                Code::DfInval,
                "the store's superblock is damaged: durability {}, checksum {}, bitmap at {}",
                bytes.durability,
                bytes.checksum,
                bytes.bitmap
            );
        };
        let settings = StoreSettings {
            data_bytes: bytes.data_bytes,
            arena_bytes: bytes.arena_bytes,
            log_bytes: bytes.log_bytes,
            durability: *durability,
            checksum,
        };
        Level::load_at(arena, bytes.containers)?;
        Ok(Superblock { position, settings, blocks: bytes.blocks, bitmap, containers: bytes.containers })
    }

    /// Whether the store has an older version than what is written from now on.
    pub(crate) fn is_older(&self, arena: &Arena) -> Result<bool> {
        Ok(arena.read_value::<u32>(self.position + VERSION_AT)? != VERSION)
    }

    /// Gives the store the present version.
    pub(crate) fn bring_up_to_date(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.write(self.position + VERSION_AT, &VERSION.to_le_bytes())
    }

    /// The record above the containers.
    pub(crate) fn containers(&self, arena: &Arena) -> Result<Level> {
        Level::load_at(arena, self.containers)
    }

    /// No epoch of the store is above this.
    pub(crate) fn epoch_bound(&self, arena: &Arena) -> Result<u64> {
        arena.read_value(self.position + EPOCH_BOUND)
    }

    /// Where the table of prepared changes lies; zero while there is none.
    pub(crate) fn prepared(&self, arena: &Arena) -> Result<u64> {
        arena.read_value(self.position + PREPARED)
    }

    /// Sets where the table of prepared changes lies.
    pub(crate) fn set_prepared(&self, transaction: &mut Transaction<'_>, position: u64) -> Result<()> {
        transaction.write(self.position + PREPARED, &position.to_le_bytes())
    }

    /// Where the directory of the names of changes lies; zero while there is none.
    pub(crate) fn changes(&self, arena: &Arena) -> Result<u64> {
        arena.read_value(self.position + CHANGES)
    }

    /// Sets where the directory of the names of changes lies.
    pub(crate) fn set_changes(&self, transaction: &mut Transaction<'_>, position: u64) -> Result<()> {
        transaction.write(self.position + CHANGES, &position.to_le_bytes())
    }

    /// Takes an epoch into the bound.
    #[inline]
    pub(crate) fn note_epoch(&self, transaction: &mut Transaction<'_>, epoch: u64) -> Result<()> {
        if epoch <= self.epoch_bound(transaction.arena())? {
            return Ok(());
        }
        let bound = (epoch | EPOCH_STEP_MASK).min(u64::MAX - 1);
        self.set_epoch_bound(transaction, bound)
    }

    /// Sets the bound.
    pub(crate) fn set_epoch_bound(&self, transaction: &mut Transaction<'_>, bound: u64) -> Result<()> {
        transaction.write(self.position + EPOCH_BOUND, &bound.to_le_bytes())
    }
}

fn index_of<T: PartialEq>(all: &[T], one: T) -> u8 {
    // The arrays have every variant; they are shorter than 256.
    all.iter().position(|other| *other == one).unwrap_or(0) as u8
}
