//! The memory of one simulated device: what is durable, and what is not yet.

use daos_env::{Random, SeededRandom};
use daos_media::BLOCK_SIZE;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// What a disk writes entirely or not at all.
pub(super) const SECTOR: usize = 512;

/// A block, or the first sectors of one. Written whole, it is shared by whatever has seen it.
type Piece = Rc<[u8]>;
type Blocks = BTreeMap<u64, Piece>;

struct PendingWrite {
    number: u64,
    offset: u64,
    pieces: Vec<Piece>,
}

pub(super) struct Disk {
    pub capacity: u64,
    /// What reads give.
    current: Blocks,
    /// What a power cut cannot take back.
    durable: Blocks,
    /// Writes that no sync has covered yet, in order.
    pending: Vec<PendingWrite>,
    /// How many writes have completed.
    writes: u64,
    /// A block of zeros: most of what is written are new logs.
    zeros: Piece,
}

/// Puts the sectors of a piece that are to be kept into a block.
fn put(blocks: &mut Blocks, offset: u64, piece: &Piece, mut is_kept: impl FnMut() -> bool) {
    let number = offset / BLOCK_SIZE as u64;
    let kept: Vec<bool> = piece.chunks(SECTOR).map(|_| is_kept()).collect();
    if piece.len() == BLOCK_SIZE && kept.iter().all(|kept| *kept) {
        blocks.insert(number, piece.clone());
        return;
    }
    if kept.iter().all(|kept| !kept) {
        return;
    }
    let mut block: Vec<u8> = blocks.get(&number).map_or_else(|| vec![0; BLOCK_SIZE], |block| block.to_vec());
    let first = (offset % BLOCK_SIZE as u64) as usize;
    for (index, sector) in piece.chunks(SECTOR).enumerate().filter(|(index, _)| kept[*index]) {
        let start = first + index * SECTOR;
        block[start..start + sector.len()].copy_from_slice(sector);
    }
    blocks.insert(number, block.into());
}

impl Disk {
    pub fn new(capacity: u64) -> Disk {
        let (current, durable, pending) = (Blocks::new(), Blocks::new(), Vec::new());
        Disk { capacity, current, durable, pending, writes: 0, zeros: vec![0; BLOCK_SIZE].into() }
    }

    /// Fills whole blocks of zeros.
    pub fn read(&self, offset: u64, out: &mut [u8]) {
        for (index, out) in out.chunks_mut(BLOCK_SIZE).enumerate() {
            match self.current.get(&(offset / BLOCK_SIZE as u64 + index as u64)) {
                Some(block) if !Rc::ptr_eq(block, &self.zeros) => out.copy_from_slice(&block[..out.len()]),
                _ => {}
            }
        }
    }

    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let piece = |bytes: &[u8]| -> Piece { if *bytes == *self.zeros { self.zeros.clone() } else { bytes.into() } };
        let pieces: Vec<Piece> = bytes.chunks(BLOCK_SIZE).map(piece).collect();
        for (index, piece) in pieces.iter().enumerate() {
            put(&mut self.current, offset + (index * BLOCK_SIZE) as u64, piece, || true);
        }
        self.pending.push(PendingWrite { number: self.writes, offset, pieces });
        self.writes += 1;
    }

    /// How many writes have completed: what a sync that begins now covers.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// How many blocks hold something.
    pub fn blocks(&self) -> u64 {
        self.current.len() as u64
    }

    /// How many blocks a write would add.
    pub fn blocks_added(&self, offset: u64, length: usize) -> u64 {
        let first = offset / BLOCK_SIZE as u64;
        let blocks = first..first + length.div_ceil(BLOCK_SIZE) as u64;
        blocks.filter(|block| !self.current.contains_key(block)).count() as u64
    }

    /// Makes the first `covered` writes durable.
    pub fn sync(&mut self, covered: u64) {
        let later = self.pending.partition_point(|write| write.number < covered);
        for write in self.pending.drain(..later) {
            for (index, piece) in write.pieces.iter().enumerate() {
                put(&mut self.durable, write.offset + (index * BLOCK_SIZE) as u64, piece, || true);
            }
        }
    }

    /// A sync that fails: some writes it should have made durable never will be, though reads still give them.
    pub fn fail_sync(&mut self, covered: u64, random: &SeededRandom) {
        self.pending.retain(|write| write.number >= covered || random.next_u64() & 1 == 0);
    }

    /// Decides, write by write and sector by sector, what has survived.
    pub fn lose_power(&mut self, random: &SeededRandom) {
        let mut pending = std::mem::take(&mut self.pending);
        while !pending.is_empty() {
            let index = (random.next_u64() % pending.len() as u64) as usize;
            let write = pending.swap_remove(index);
            let fate = random.next_u64() % 3;
            for (index, piece) in write.pieces.iter().enumerate() {
                put(&mut self.durable, write.offset + (index * BLOCK_SIZE) as u64, piece, || match fate {
                    0 => false,
                    1 => true,
                    _ => random.next_u64() & 1 == 0,
                });
            }
        }
        self.current = self.durable.clone();
    }

    pub fn flip_bit(&mut self, bit: u64) {
        let (block, byte) = (bit / 8 / BLOCK_SIZE as u64, (bit / 8 % BLOCK_SIZE as u64) as usize);
        for blocks in [&mut self.current, &mut self.durable] {
            let mut bytes: Vec<u8> = blocks.get(&block).map_or_else(|| vec![0; BLOCK_SIZE], |block| block.to_vec());
            bytes[byte] ^= 1 << (bit % 8);
            blocks.insert(block, bytes.into());
        }
    }

    pub fn hash_into(&self, hasher: &mut impl Hasher) {
        (&self.current, &self.durable, self.pending.len()).hash(hasher);
    }
}
