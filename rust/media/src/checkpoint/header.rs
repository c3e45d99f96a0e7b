//! What a checkpoint's header looks like.

use crate::durable_arena::Lsn;
use crate::log::LogPosition;
use daos_checksum::crc32c;
use daos_status::{Result, Status};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

const MAGIC: [u8; 8] = *b"daosckpt";
/// 2: as the other formats of this release have it. 1 was never released.
const VERSION: u32 = 2;

/// The first bytes of a header block.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Debug)]
#[repr(C)]
pub(super) struct Header {
    magic: [u8; 8],
    version: U32,
    crc: U32,
    pub id: [u8; 16],
    pub generation: U64,
    pub arena_bytes: U64,
    pub data_bytes: U64,
    pub table_pages: U64,
    pub table_crc: U64,
    log_offset: U64,
    log_sequence: U64,
    log_chain: U64,
    log_lsn: U64,
}

const _: () = assert!(size_of::<Header>() == 104);

impl Header {
    pub fn new(id: [u8; 16], arena_bytes: u64, data_bytes: u64) -> Header {
        Header {
            magic: MAGIC,
            version: VERSION.into(),
            crc: U32::ZERO,
            id,
            generation: U64::ZERO,
            arena_bytes: arena_bytes.into(),
            data_bytes: data_bytes.into(),
            table_pages: U64::ZERO,
            table_crc: U64::ZERO,
            log_offset: U64::ZERO,
            log_sequence: U64::ZERO,
            log_chain: U64::ZERO,
            log_lsn: U64::ZERO,
        }
    }

    /// The header of a block, if it is intact; an error when its version is unknown.
    pub fn parse(block: &[u8]) -> Result<Option<Header>> {
        let Ok((header, _)) = Header::read_from_prefix(block) else { return Ok(None) };
        if header.magic != MAGIC || header.crc.get() != header.own_crc() {
            return Ok(None);
        }
        if header.version.get() != VERSION {
            return Err(Status::unknown_format("the checkpoint", header.version.get(), VERSION..=VERSION));
        }
        Ok(Some(header))
    }

    fn own_crc(&self) -> u32 {
        crc32c(Header { crc: U32::ZERO, ..self.clone() }.as_bytes())
    }

    /// The header as it is written, with its checksum.
    pub fn sealed(mut self) -> Header {
        self.crc = self.own_crc().into();
        self
    }

    pub fn log_position(&self) -> LogPosition {
        LogPosition {
            offset: self.log_offset.get(),
            sequence: self.log_sequence.get(),
            chain: self.log_chain.get(),
            lsn: Lsn(self.log_lsn.get()),
        }
    }

    pub fn set_log_position(&mut self, position: LogPosition) {
        self.log_offset = position.offset.into();
        self.log_sequence = position.sequence.into();
        self.log_chain = position.chain.into();
        self.log_lsn = position.lsn.0.into();
    }
}
