//! Under which conditions a store is measured.

use crate::report::Case;
use clap::ValueEnum;
use daos_media::Durability;
use daos_store::ChecksumKind;

/// How the records lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Layout {
    /// A dkey of 16 bytes for each value
    Single,
    /// One array, written from its start on
    Sequential,
    /// One array, written without pattern
    Random,
    /// An object for each value, which is one extent: as small files are
    Object,
}

impl Layout {
    /// Its word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Layout::Single => "single",
            Layout::Sequential => "sequential",
            Layout::Random => "random",
            Layout::Object => "object",
        }
    }
}

/// What "done" means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Class {
    /// Memory only
    Ram,
    /// Redo log and checkpoints in files
    Log,
    /// Persistent memory
    Pmem,
}

impl Class {
    /// Its word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Class::Ram => "ram",
            Class::Log => "log",
            Class::Pmem => "pmem",
        }
    }

    /// As the store calls it.
    pub fn durability(self) -> Durability {
        match self {
            Class::Ram => Durability::Ram,
            Class::Log => Durability::Log,
            Class::Pmem => Durability::Pmem,
        }
    }
}

/// The checksum kept beside every value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Checksum {
    /// None
    Off,
    /// CRC-32C
    Crc32c,
    /// CRC-64/NVME
    Crc64,
}

impl Checksum {
    /// Its word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Checksum::Off => "off",
            Checksum::Crc32c => "crc32c",
            Checksum::Crc64 => "crc64",
        }
    }

    /// As the store calls it.
    pub fn kind(self) -> ChecksumKind {
        match self {
            Checksum::Off => ChecksumKind::Off,
            Checksum::Crc32c => ChecksumKind::Crc32c,
            Checksum::Crc64 => ChecksumKind::Crc64,
        }
    }
}

/// One store to measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setup {
    /// How the records lie.
    pub layout: Layout,
    /// Bytes of a value.
    pub size: usize,
    /// What "done" means.
    pub class: Class,
    /// Requests under way at a time.
    pub depth: u64,
    /// Records in the store.
    pub records: u64,
    /// The checksum kept beside every value.
    pub checksum: Checksum,
    /// Versions of each record that the store has room for.
    pub versions: u64,
    /// Bytes of its log, where it has one.
    pub log_bytes: u64,
}

/// Each record, once more, and some to spare.
pub const VERSIONS: u64 = 3;

/// Values from this size on lie on the data device, not in the arena.
pub const DEVICE_BYTES: usize = 4096;
const DATA_BYTES_MIN: u64 = 64 << 20;

impl Setup {
    /// Whether values lie on a device that is memory, where a reader may look at them without a copy.
    pub fn has_views(&self) -> bool {
        self.class == Class::Ram && self.size >= DEVICE_BYTES
    }

    /// Bytes of the data device.
    pub fn data_bytes(&self) -> u64 {
        let value = if self.size < DEVICE_BYTES { 0 } else { (self.size as u64).next_multiple_of(4096) };
        (self.records * self.versions * value).max(DATA_BYTES_MIN)
    }

    /// What all figures of this setup have in common.
    pub fn case(&self) -> Case {
        Case {
            bench: "store",
            layout: self.layout.word(),
            size: self.size as u64,
            class: Some(self.class.word()),
            depth: self.depth,
            checksum: Some(self.checksum.word()),
            records: Some(self.records),
            unit: "op/s",
            ..Case::default()
        }
    }
}
