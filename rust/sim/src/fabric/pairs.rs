//! Connections between endpoints.

use std::collections::BTreeMap;

/// The connection of two endpoints, as often as it was ended.
#[derive(Clone, Copy, Default)]
struct Pair {
    generation: u64,
    /// Who ended the last one; `None` for the network.
    ended_by: Option<u64>,
}

/// All pairs of endpoints that had something to do with each other.
#[derive(Default)]
pub(super) struct Pairs(BTreeMap<(u64, u64), Pair>);

fn key(one: u64, other: u64) -> (u64, u64) {
    (one.min(other), one.max(other))
}

impl Pairs {
    /// The number of the connection that there is now.
    pub fn generation(&self, one: u64, other: u64) -> u64 {
        self.0.get(&key(one, other)).map_or(0, |pair| pair.generation)
    }

    /// Ends the connection.
    pub fn end(&mut self, one: u64, other: u64, by: Option<u64>) {
        let pair = self.0.entry(key(one, other)).or_default();
        pair.generation += 1;
        pair.ended_by = by;
    }

    /// Whether the last connection was ended by this endpoint.
    pub fn was_ended_by(&self, one: u64, other: u64) -> bool {
        self.0.get(&key(one, other)).is_some_and(|pair| pair.ended_by == Some(one))
    }
}
