//! How redundancy groups of one size are spread over fault domains.
//!
//! On each level of domains, a group has at most so many shards in one domain as it must: 1 where there are enough domains, else
//! the least number with which the whole group finds room. Where every target can have an equal part of a ring within these
//! limits, it has. Where a domain is so large that it would get two shards of a group while others have none, parts are
//! stretched: such a domain gets exactly as much as it may have, and the others share the rest in proportion to their targets.

use crate::ring::WeightedRings;
use crate::tables::Tables;

/// The weight of one shard of a group. Parts of a ring are counted in it.
const SHARD: u64 = 1 << 32;

#[derive(Debug)]
pub(crate) struct GroupTable {
    /// The generation at which the pool was large enough for such groups: objects begin with its targets and those before.
    pub base: usize,
    /// Targets up to that generation.
    pub base_targets: u32,
    /// Groups of an object that begins with these targets, at most: no target has two shards of an object.
    pub base_groups: u32,
    /// Rings with stretched parts, when equal ones do not do.
    pub weighted: Option<Weighted>,
    /// The most shards of a group in one domain, by generation and level.
    limits: Vec<u32>,
    levels: usize,
}

/// Rings with stretched parts.
#[derive(Debug)]
pub(crate) struct Weighted {
    pub rings: WeightedRings,
    /// All parts together.
    pub total: u64,
}

impl GroupTable {
    /// `None` when the pool is too small for such groups.
    pub fn new(tables: &Tables, size: u32) -> Option<GroupTable> {
        let levels = tables.levels;
        let generations = tables.generations.len();
        let base = (0..generations).find(|generation| tables.count_up_to(*generation) >= size)?;
        let mut limits = vec![size; base * levels];
        for generation in base..generations {
            limits.extend(Capacities::new(tables, size, tables.count_up_to(generation)).limits);
        }
        let base_targets = tables.count_up_to(base);
        let capacities = Capacities::new(tables, size, base_targets);
        let mut base_groups = base_targets / size;
        let equal_parts = base == 0 && capacities.allow_equal_parts(size, base_targets);
        let weighted = (!equal_parts).then(|| {
            let weights = capacities.weights(tables, size);
            let heaviest = weights.iter().copied().max().unwrap_or(SHARD).max(1);
            base_groups = base_groups.min((SHARD / heaviest) as u32).max(1);
            let ranks = tables.rank_of[base_targets as usize - 1] + 1;
            let rings = WeightedRings::new(&tables.tree(0..ranks, true), &weights);
            Weighted { rings, total: weights.iter().sum() }
        });
        Some(GroupTable { base, base_targets, base_groups, weighted, limits, levels })
    }

    /// The most shards of a group in one domain of each level, as it stood with a generation.
    pub fn limits(&self, generation: usize) -> &[u32] {
        &self.limits[generation * self.levels..][..self.levels]
    }

    pub fn bytes(&self) -> usize {
        4 * self.limits.len() + self.weighted.as_ref().map_or(0, |weighted| weighted.rings.bytes())
    }
}

/// How many shards of a group each domain can hold.
struct Capacities {
    /// The most in one domain, by level.
    limits: Vec<u32>,
    /// By level and domain: what it can hold, and its targets.
    of: Vec<Vec<(u32, u32)>>,
    /// By level and domain: the domain of the level above.
    parents: Vec<Vec<u32>>,
}

impl Capacities {
    /// With the first `targets` targets, which are enough for a group of this size.
    fn new(tables: &Tables, size: u32, targets: u32) -> Capacities {
        let levels = tables.levels;
        let ranks = tables.rank_of[targets as usize - 1] + 1;
        let mut of: Vec<Vec<(u32, u32)>> = tables.domains.iter().map(|count| vec![(0, 0); *count as usize]).collect();
        let mut parents: Vec<Vec<u32>> = tables.domains.iter().map(|count| vec![0; *count as usize]).collect();
        for rank in 0..ranks {
            let path = tables.path(rank);
            for level in 1..levels {
                parents[level][path[level] as usize] = path[level - 1];
            }
            let own = &mut of[levels - 1][rank as usize];
            *own = (tables.rank_targets[rank as usize], tables.rank_targets[rank as usize]);
        }
        let mut limits = vec![0; levels];
        for level in (0..levels).rev() {
            let limit = least_limit(&of[level], size);
            limits[level] = limit;
            for domain in 0..of[level].len() {
                let (room, count) = of[level][domain];
                of[level][domain].0 = room.min(limit);
                if level > 0 {
                    let parent = &mut of[level - 1][parents[level][domain] as usize];
                    *parent = (parent.0 + room.min(limit), parent.1 + count);
                }
            }
        }
        Capacities { limits, of, parents }
    }

    /// Whether no domain goes beyond its limit when every target has an equal part of the ring.
    fn allow_equal_parts(&self, size: u32, targets: u32) -> bool {
        self.of
            .iter()
            .flatten()
            .all(|(room, count)| u64::from(*count) * u64::from(size) <= u64::from(*room) * u64::from(targets))
    }

    /// The parts of the targets, so that each domain has what it can hold at most.
    fn weights(&self, tables: &Tables, size: u32) -> Vec<u64> {
        let mut amounts = vec![u64::from(size) * SHARD];
        for level in 0..self.of.len() {
            let mut next = vec![0; self.of[level].len()];
            let mut children: Vec<Vec<u32>> = vec![Vec::new(); amounts.len()];
            for (domain, (_, count)) in self.of[level].iter().enumerate() {
                let parent = if level == 0 { 0 } else { self.parents[level][domain] };
                if *count > 0 {
                    children[parent as usize].push(domain as u32);
                }
            }
            for (children, amount) in children.iter().zip(&amounts) {
                let parts: Vec<(u64, u64)> = children
                    .iter()
                    .map(|child| self.of[level][*child as usize])
                    .map(|(room, count)| (u64::from(room) * SHARD, u64::from(count)))
                    .collect();
                for (child, part) in children.iter().zip(pour(*amount, &parts)) {
                    next[*child as usize] = part;
                }
            }
            amounts = next;
        }
        let mut weights = Vec::new();
        for (rank, amount) in amounts.iter().enumerate() {
            let count = self.of[self.of.len() - 1][rank].1;
            let parts = vec![(SHARD, 1); count as usize];
            weights.extend(pour(*amount, &parts));
            debug_assert_eq!(count, tables.rank_targets[rank].min(count));
        }
        weights
    }
}

/// The least number per domain with which a group finds room in all of them together, or in as many as there are.
fn least_limit(domains: &[(u32, u32)], size: u32) -> u32 {
    let room = |limit: u32| domains.iter().map(|(room, _)| u64::from((*room).min(limit))).sum::<u64>();
    let (mut low, mut high) = (1, size.max(1));
    while low < high {
        let middle = (low + high) / 2;
        if room(middle) >= u64::from(size) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Divides an amount over parts, each with what it can hold and its size: in proportion to the sizes, as far as each can hold it.
/// All of it finds room.
fn pour(amount: u64, parts: &[(u64, u64)]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // Those that are full first: the least room in proportion to their size.
    order.sort_by(|a, b| {
        let ((room_a, size_a), (room_b, size_b)) = (parts[*a], parts[*b]);
        (u128::from(room_a) * u128::from(size_b)).cmp(&(u128::from(room_b) * u128::from(size_a))).then(a.cmp(b))
    });
    let mut poured = vec![0; parts.len()];
    let mut amount = u128::from(amount);
    let mut size: u128 = parts.iter().map(|part| u128::from(part.1)).sum();
    for part in order {
        let (room, own) = parts[part];
        // What rounding leaves goes to the later ones, which have room.
        let share = (amount * u128::from(own)).checked_div(size).unwrap_or(0).min(u128::from(room));
        poured[part] = share as u64;
        amount -= share;
        size -= u128::from(own);
    }
    poured
}
