//! What placement computes once for a set of targets, so that placing an object is a few steps.

use crate::class::GROUP_SIZE_MAX;
use crate::group_table::GroupTable;
use crate::pool_map::{DEPTH_MAX, Domain, GENERATIONS_MAX, ROOT, RankEntry};
use crate::ring::{Rings, Tree};
use daos_status::{Code, Result, fail};
use std::sync::OnceLock;

/// Targets that joined in the same version of the map. Their positions follow each other.
#[derive(Debug)]
pub(crate) struct Generation {
    /// The position of the first of them.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Circles of them.
    pub rings: Rings,
}

/// Everything that depends on which targets there are, and not on their states.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Levels of fault domains, that of ranks among them.
    pub levels: usize,
    /// The rank of each target.
    pub rank_of: Vec<u32>,
    /// The domains that each rank is in, from the outermost to the rank itself; each level counts its own.
    pub ancestors: Vec<u32>,
    /// How many domains each level has.
    pub domains: Vec<u32>,
    /// How many targets each rank has.
    pub rank_targets: Vec<u32>,
    /// The generations of targets, the oldest first.
    pub generations: Vec<Generation>,
    groups: Vec<OnceLock<Option<Box<GroupTable>>>>,
}

impl Tables {
    pub fn new(domains: &[Domain], ranks: &[RankEntry]) -> Result<Tables> {
        let (levels, ancestors) = ancestors(domains, ranks)?;
        let counts = (0..levels)
            .map(|level| ancestors.iter().skip(level).step_by(levels).max().map_or(0, |most| most + 1))
            .collect();
        let rank_targets: Vec<u32> = ranks.iter().map(|rank| rank.targets).collect();
        let mut rank_of = Vec::new();
        for (rank, position) in ranks.iter().zip(0..) {
            rank_of.extend(std::iter::repeat_n(position, rank.targets as usize));
        }
        let mut tables = Tables {
            levels,
            rank_of,
            ancestors,
            domains: counts,
            rank_targets,
            generations: Vec::new(),
            groups: (0..=GROUP_SIZE_MAX).map(|_| OnceLock::new()).collect(),
        };
        let mut rest = ranks;
        while let Some(oldest) = rest.first() {
            let length = rest.iter().take_while(|rank| rank.joined == oldest.joined).count();
            let (of_it, others) = rest.split_at(length);
            let start = (ranks.len() - rest.len()) as u32;
            if tables.generations.len() == GENERATIONS_MAX {
                fail!(Code::Overflow, "a pool can be extended {GENERATIONS_MAX} times; make a new one, and copy");
            }
            let count = of_it.iter().map(|rank| rank.targets).sum();
            let equal = of_it.iter().all(|rank| rank.targets == oldest.targets);
            let targets_per_unit = if equal { oldest.targets } else { 1 };
            let tree = tables.tree(start..start + length as u32, targets_per_unit == 1);
            let rings = Rings::even(&tree, targets_per_unit, tables.generations.len() as u64);
            tables.generations.push(Generation { first: oldest.first, count, rings });
            rest = others;
        }
        Ok(tables)
    }

    /// The tree of some ranks, whose leaves are the ranks, or their targets; counted from the first one.
    pub fn tree(&self, ranks: std::ops::Range<u32>, down_to_targets: bool) -> Tree {
        let mut leaves = Vec::new();
        let mut paths = Vec::new();
        for rank in ranks.clone() {
            let path = self.path(rank);
            if down_to_targets {
                for _ in 0..self.rank_targets[rank as usize] {
                    leaves.push(leaves.len() as u32);
                    paths.push(path);
                }
            } else {
                leaves.push(rank - ranks.start);
                paths.push(path);
            }
        }
        Tree::new(&paths, self.levels - usize::from(!down_to_targets))
    }

    /// The domains of a rank, from the outermost to itself.
    pub fn path(&self, rank: u32) -> &[u32] {
        &self.ancestors[rank as usize * self.levels..][..self.levels]
    }

    /// The domains that a target is in.
    pub fn path_of_target(&self, position: u32) -> &[u32] {
        self.path(self.rank_of[position as usize])
    }

    /// How many targets there were up to a generation, that one among them.
    pub fn count_up_to(&self, generation: usize) -> u32 {
        let generation = &self.generations[generation];
        generation.first + generation.count
    }

    /// How groups of a size are placed.
    pub fn group(&self, size: u32) -> Result<&GroupTable> {
        let table = self
            .groups
            .get(size as usize)
            .map(|table| table.get_or_init(|| GroupTable::new(self, size).map(Box::new)).as_deref());
        match table.flatten() {
            Some(table) => Ok(table),
            None => {
                fail!(Code::Inval, "the object class needs {size} targets, and the pool has {}", self.rank_of.len())
            }
        }
    }

    pub fn bytes(&self) -> usize {
        let groups = self.groups.iter().filter_map(|table| table.get()?.as_ref()).map(|table| table.bytes());
        let rings = self.generations.iter().map(|generation| generation.rings.bytes());
        4 * (self.rank_of.len() + self.ancestors.len() + self.rank_targets.len())
            + rings.sum::<usize>()
            + groups.sum::<usize>()
    }
}

/// How many levels of domains there are, ranks being the last one, and the domain of each rank on each of them.
fn ancestors(domains: &[Domain], ranks: &[RankEntry]) -> Result<(usize, Vec<u32>)> {
    // A domain stands behind its parent, so that there are no circles.
    let mut depths: Vec<usize> = Vec::with_capacity(domains.len());
    let mut numbers = Vec::with_capacity(domains.len());
    let mut counts = [0u32; DEPTH_MAX + 1];
    for (domain, at) in domains.iter().zip(0..) {
        let depth = match domain.parent {
            ROOT => 0,
            parent if parent < at => depths[parent as usize] + 1,
            parent => {
                fail!(Code::Proto, "domain {at} of the pool map is in domain {parent}, which does not stand before it")
            }
        };
        if depth >= DEPTH_MAX {
            fail!(Code::Proto, "the pool map has more than {DEPTH_MAX} levels of fault domains");
        }
        depths.push(depth);
        numbers.push(counts[depth]);
        counts[depth] += 1;
    }
    let mut levels = None;
    let mut ancestors = Vec::new();
    for (rank, number) in ranks.iter().zip(0..) {
        let depth = match rank.domain {
            ROOT => 0,
            domain if (domain as usize) < domains.len() => depths[domain as usize] + 1,
            domain => {
                fail!(Code::Proto, "rank {} is in domain {domain}, which the pool map does not have", rank.rank.0)
            }
        };
        if *levels.get_or_insert(depth + 1) != depth + 1 {
            fail!(
                Code::Inval,
                "rank {} is in {depth} levels of fault domains, and others in another number",
                rank.rank.0
            );
        }
        let start = ancestors.len();
        ancestors.resize(start + depth + 1, number);
        let mut at = rank.domain;
        for level in (0..depth).rev() {
            ancestors[start + level] = numbers[at as usize];
            at = domains[at as usize].parent;
        }
    }
    Ok((levels.unwrap_or(1), ancestors))
}
