//! The memory of one simulated device: what is durable, and what is not yet.

use daos_env::{Random, SeededRandom};
use daos_media::BLOCK_SIZE;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// What a disk writes entirely or not at all.
pub(super) const SECTOR: usize = 512;

type Blocks = BTreeMap<u64, Box<[u8]>>;

struct PendingWrite {
    number: u64,
    offset: u64,
    bytes: Vec<u8>,
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
}

/// Puts bytes, whole sectors, into blocks.
fn put(blocks: &mut Blocks, offset: u64, bytes: &[u8]) {
    for (index, sector) in bytes.chunks(SECTOR).enumerate() {
        let position = offset + (index * SECTOR) as u64;
        let block = blocks.entry(position / BLOCK_SIZE as u64).or_insert_with(|| vec![0; BLOCK_SIZE].into());
        let start = (position % BLOCK_SIZE as u64) as usize;
        block[start..start + sector.len()].copy_from_slice(sector);
    }
}

impl Disk {
    pub fn new(capacity: u64) -> Disk {
        Disk { capacity, current: Blocks::new(), durable: Blocks::new(), pending: Vec::new(), writes: 0 }
    }

    /// Fills whole blocks.
    pub fn read(&self, offset: u64, out: &mut [u8]) {
        for (index, out) in out.chunks_mut(BLOCK_SIZE).enumerate() {
            if let Some(block) = self.current.get(&(offset / BLOCK_SIZE as u64 + index as u64)) {
                out.copy_from_slice(&block[..out.len()]);
            }
        }
    }

    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        put(&mut self.current, offset, bytes);
        self.pending.push(PendingWrite { number: self.writes, offset, bytes: bytes.to_vec() });
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
            put(&mut self.durable, write.offset, &write.bytes);
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
            for (index, sector) in write.bytes.chunks(SECTOR).enumerate() {
                let is_kept = match fate {
                    0 => false,
                    1 => true,
                    _ => random.next_u64() & 1 == 0,
                };
                if is_kept {
                    put(&mut self.durable, write.offset + (index * SECTOR) as u64, sector);
                }
            }
        }
        self.current = self.durable.clone();
    }

    pub fn flip_bit(&mut self, bit: u64) {
        let (block, byte) = (bit / 8 / BLOCK_SIZE as u64, (bit / 8 % BLOCK_SIZE as u64) as usize);
        for blocks in [&mut self.current, &mut self.durable] {
            let block = blocks.entry(block).or_insert_with(|| vec![0; BLOCK_SIZE].into());
            block[byte] ^= 1 << (bit % 8);
        }
    }

    pub fn hash_into(&self, hasher: &mut impl Hasher) {
        (&self.current, &self.durable, self.pending.len()).hash(hasher);
    }
}
