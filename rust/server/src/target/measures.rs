//! What a target counts for those who watch it.

use super::Inner;
use super::latency::Latency;
use super::pools::PoolWork;
use daos_media::{ArenaStatistics, Durability};
use daos_rpc::Statistics;
use daos_types::PoolId;
use daos_wire::{Opcode, TargetSpace};
use std::cell::Cell;

/// Places for counts: eight groups of operations, and 32 operations of each.
pub(super) const PLACES: usize = 8 * 32;

/// Requests that came, by operation. Of one thread: counting costs next to nothing.
pub(crate) struct RequestCounts([Cell<u64>; PLACES]);

impl Default for RequestCounts {
    fn default() -> Self {
        RequestCounts(std::array::from_fn(|_| Cell::new(0)))
    }
}

pub(super) fn place(opcode: Opcode) -> usize {
    let number = opcode as usize;
    ((number >> 8) % 8) * 32 + number % 32
}

impl RequestCounts {
    /// Counts one.
    pub fn add(&self, opcode: Opcode) {
        let count = &self.0[place(opcode)];
        count.set(count.get() + 1);
    }

    /// Those that were ever asked for.
    pub fn read(&self) -> Vec<(String, u64)> {
        let counts = Opcode::ALL.iter().map(|opcode| (format!("{opcode:?}"), self.0[place(*opcode)].get()));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

/// What a target measured.
#[derive(Clone, Debug)]
pub(crate) struct Measures {
    /// Its number.
    pub target: u32,
    /// Requests under way.
    pub running: u64,
    /// Requests that came, by operation.
    pub requests: Vec<(String, u64)>,
    /// How long they took, by operation.
    pub latencies: Vec<(String, Latency)>,
    /// Those that were answered with an error, by its name.
    pub failures: Vec<(&'static str, u64)>,
    /// Of its endpoint.
    pub statistics: Statistics,
    /// The pools that it can use.
    pub pools: Vec<PoolMeasures>,
}

/// What there is to tell about the target's part of a pool.
#[derive(Clone, Debug)]
pub(crate) struct PoolMeasures {
    pub pool: PoolId,
    pub space: TargetSpace,
    /// It is in memory, and gone with the engine.
    pub is_in_memory: bool,
    /// Of its log and its checkpoints.
    pub media: ArenaStatistics,
    /// What is done for it, by requests and in the background.
    pub work: PoolWork,
}

impl Inner {
    /// What there is to tell now.
    pub fn measure(&self) -> Measures {
        let pools = self.pools.ids().into_iter().filter_map(|pool| {
            let (space, store) = (self.pools.space(pool).ok()?, self.pools.store(pool).ok()?);
            let is_in_memory = store.settings().durability == Durability::Ram;
            let (media, work) = (store.media_statistics(), self.pools.work(pool)?);
            Some(PoolMeasures { pool, space, is_in_memory, media, work })
        });
        Measures {
            target: self.index.0,
            running: self.running.get() as u64,
            requests: self.requests.read(),
            latencies: self.latencies.read(),
            failures: self.endpoint.failures().into_iter().map(|(code, count)| (code.name(), count)).collect(),
            statistics: self.endpoint.statistics(),
            pools: pools.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_a_place_of_its_own() {
        let places: BTreeSet<usize> = Opcode::ALL.iter().map(|opcode| place(*opcode)).collect();
        assert_eq!(places.len(), Opcode::ALL.len());
        let counts = RequestCounts::default();
        counts.add(Opcode::Fetch);
        counts.add(Opcode::Fetch);
        assert_eq!(counts.read(), [("Fetch".to_owned(), 2)]);
    }
}
