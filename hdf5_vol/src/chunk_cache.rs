//! Chunks as they are before the filters: those that were used last, within a bound of bytes. Pure.

use std::collections::HashMap;

/// A chunk.
pub struct Chunk {
    pub bytes: Vec<u8>,
    /// It has changed since it went through the filters.
    pub is_dirty: bool,
    used: u64,
}

/// Chunks by their dkeys.
pub struct ChunkCache {
    chunks: HashMap<Vec<u8>, Chunk>,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

impl ChunkCache {
    pub fn new(bytes_max: usize) -> Self {
        Self { chunks: HashMap::new(), bytes: 0, bytes_max, clock: 0 }
    }

    /// Whether a chunk of so many bytes is kept at all.
    pub fn takes(&self, bytes: usize) -> bool {
        bytes <= self.bytes_max
    }

    /// Makes the bound no smaller than this.
    pub fn allow(&mut self, bytes_max: usize) {
        self.bytes_max = self.bytes_max.max(bytes_max);
    }

    /// A chunk that is kept.
    pub fn get(&mut self, dkey: &[u8]) -> Option<&mut Chunk> {
        self.clock += 1;
        let chunk = self.chunks.get_mut(dkey)?;
        chunk.used = self.clock;
        Some(chunk)
    }

    pub fn contains(&self, dkey: &[u8]) -> bool {
        self.chunks.contains_key(dkey)
    }

    /// Keeps one, and gives the changed ones that had to go for it.
    pub fn insert(&mut self, dkey: Vec<u8>, bytes: Vec<u8>, is_dirty: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.clock += 1;
        self.bytes += bytes.len();
        if let Some(old) = self.chunks.insert(dkey, Chunk { bytes, is_dirty, used: self.clock }) {
            self.bytes -= old.bytes.len();
        }
        let mut gone = Vec::new();
        while self.bytes > self.bytes_max {
            let oldest = self.chunks.iter().min_by_key(|(_, chunk)| chunk.used).map(|(dkey, _)| dkey.clone());
            let Some(dkey) = oldest else { break };
            if let Some(chunk) = self.remove(&dkey).filter(|chunk| chunk.is_dirty) {
                gone.push((dkey, chunk.bytes));
            }
        }
        gone
    }

    /// Forgets one.
    pub fn remove(&mut self, dkey: &[u8]) -> Option<Chunk> {
        let chunk = self.chunks.remove(dkey)?;
        self.bytes -= chunk.bytes.len();
        Some(chunk)
    }

    /// The dkeys of chunks that have changed, in order.
    pub fn dirty(&self) -> Vec<Vec<u8>> {
        let dirty = self.chunks.iter().filter(|(_, chunk)| chunk.is_dirty);
        let mut dkeys: Vec<_> = dirty.map(|(dkey, _)| dkey.clone()).collect();
        dkeys.sort_unstable();
        dkeys
    }

    /// Forgets all that has not changed.
    pub fn forget_clean(&mut self) {
        self.chunks.retain(|_, chunk| chunk.is_dirty);
        self.bytes = self.chunks.values().map(|chunk| chunk.bytes.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_and_only_changes_are_given_back() {
        let mut cache = ChunkCache::new(30);
        assert!(cache.insert(vec![1], vec![1; 10], true).is_empty());
        assert!(cache.insert(vec![2], vec![2; 10], false).is_empty());
        assert!(cache.insert(vec![3], vec![3; 10], true).is_empty());
        assert!(cache.get(&[1]).is_some());
        assert!(cache.insert(vec![4], vec![4; 10], false).is_empty());
        assert!(!cache.contains(&[2]) && cache.contains(&[1]));
        assert_eq!(cache.dirty(), [vec![1], vec![3]]);
        assert_eq!(cache.insert(vec![5], vec![5; 20], true), [(vec![3], vec![3; 10]), (vec![1], vec![1; 10])]);
        cache.get(&[5]).expect("just put").is_dirty = false;
        cache.forget_clean();
        assert!(cache.insert(vec![6], vec![6; 30], true).is_empty());
        assert!(!cache.takes(31) && cache.takes(30));
    }
}
