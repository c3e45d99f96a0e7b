//! The targets of a pool in their fault domains.

use crate::state::{TargetEvent, TargetState};
use crate::tables::Tables;
use daos_status::{Code, Result, fail};
use daos_types::{Rank, TargetIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most targets of a pool, and of its ranks and domains together: bounds what a damaged map can ask for.
pub const TARGETS_MAX: u32 = 1 << 20;
/// The most levels of fault domains above ranks.
pub const DEPTH_MAX: usize = 8;
/// The most targets of a rank.
pub const TARGETS_PER_RANK_MAX: u32 = 1 << 12;
/// The most times that a pool can be extended: every layout looks at each generation of targets.
pub const GENERATIONS_MAX: usize = 1 << 10;

/// The parent of what stands at the top.
pub(crate) const ROOT: u32 = u32::MAX;

/// A fault domain, such as a rack or a node: what fails together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Domain {
    /// The position of the domain that it is in.
    pub parent: u32,
    /// Its number among all.
    pub id: u32,
    /// The version of the map in which it came.
    pub joined: u32,
}

/// An engine with targets of the pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RankEntry {
    pub rank: Rank,
    /// The position of the domain that it is in.
    pub domain: u32,
    /// The version of the map in which it came.
    pub joined: u32,
    /// The position of its first target.
    pub first: u32,
    /// How many targets it has.
    pub targets: u32,
}

/// A target as the map keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TargetEntry {
    /// The position of its rank.
    pub rank: u32,
    /// The version in which its state changed last.
    pub changed: u32,
    /// The version in which it went out of use or began to be drained; 0 while it is in use.
    pub failed: u32,
    pub state: TargetState,
    /// Whether what it held has gone elsewhere: it was emptied, and is not in use again yet.
    pub drained: bool,
}

/// A target of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolTarget {
    /// Its engine.
    pub rank: Rank,
    /// Its number within the engine.
    pub index: TargetIndex,
    /// What it is good for.
    pub state: TargetState,
    /// The version of the map in which it came.
    pub joined: u32,
    /// The version in which its state changed last.
    pub changed: u32,
}

/// An engine that joins a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRank {
    /// Its number.
    pub rank: Rank,
    /// The fault domains that it is in, from the outermost to the innermost, by numbers of their own. All ranks of a pool have
    /// as many.
    pub domains: Vec<u32>,
    /// How many targets it brings.
    pub targets: u32,
}

impl NewRank {
    /// A rank in no other fault domain than itself.
    pub fn alone(rank: Rank, targets: u32) -> NewRank {
        NewRank { rank, domains: Vec::new(), targets }
    }
}

/// The targets of a pool in the order in which they joined, the fault domains that they are in, and the version of all that.
///
/// A target is named by its position, which it keeps for ever. Maps are values: a change makes a new one, which shares what did
/// not change.
#[derive(Clone, Debug)]
pub struct PoolMap {
    pub(crate) version: u32,
    pub(crate) domains: Arc<Vec<Domain>>,
    pub(crate) ranks: Arc<Vec<RankEntry>>,
    pub(crate) targets: Arc<Vec<TargetEntry>>,
    /// Targets that are not [`TargetState::UpIn`].
    pub(crate) disturbed: u32,
    pub(crate) tables: Arc<Tables>,
}

impl PartialEq for PoolMap {
    fn eq(&self, other: &PoolMap) -> bool {
        self.version == other.version
            && self.domains == other.domains
            && self.ranks == other.ranks
            && self.targets == other.targets
    }
}

impl Eq for PoolMap {}

impl PoolMap {
    /// The first map of a pool: all targets are in use.
    pub fn create(ranks: &[NewRank]) -> Result<PoolMap> {
        let mut draft = Draft { version: 1, ..Draft::default() };
        draft.add_ranks(ranks, TargetState::UpIn)?;
        draft.finish(None)
    }

    /// A map of a version from a list of its targets: those of one rank behind each other, counted from zero, and no fault domain
    /// but the ranks.
    pub fn from_list(
        version: u32,
        targets: impl IntoIterator<Item = (Rank, TargetIndex, TargetState)>,
    ) -> Result<PoolMap> {
        let mut draft = Draft { version: version.max(1), ..Draft::default() };
        let mut states = Vec::new();
        let mut ranks: Vec<NewRank> = Vec::new();
        for (rank, index, state) in targets {
            match ranks.last_mut().filter(|last| last.rank == rank) {
                Some(last) if last.targets == index.0 => last.targets += 1,
                None if index.0 == 0 => ranks.push(NewRank::alone(rank, 1)),
                _ => fail!(Code::Proto, "target {} of rank {} is out of its place in the pool map", index.0, rank.0),
            }
            states.push(state);
        }
        draft.add_ranks(&ranks, TargetState::UpIn)?;
        for (target, state) in draft.targets.iter_mut().zip(states) {
            target.state = state;
            target.failed = if matches!(state, TargetState::UpIn | TargetState::New) { 0 } else { draft.version };
        }
        draft.finish(None)
    }

    /// The map with more ranks, whose targets are in a state: [`TargetState::New`], or in use at once when nothing is stored.
    pub fn extend(&self, ranks: &[NewRank], state: TargetState) -> Result<PoolMap> {
        let mut draft = self.draft()?;
        draft.add_ranks(ranks, state)?;
        draft.finish(None)
    }

    /// The map after something happened to targets, given by their positions; `None` when it had happened to all of them before.
    pub fn change(&self, targets: &[u32], event: TargetEvent) -> Result<Option<PoolMap>> {
        let mut draft = self.draft()?;
        let mut changed = false;
        for position in targets {
            let Some(target) = draft.targets.get_mut(*position as usize) else {
                fail!(Code::BadTarget, "the pool has no target {position}");
            };
            let before = target.state;
            let Some(after) = before.after(event)? else { continue };
            changed = true;
            target.state = after;
            target.changed = draft.version;
            match after {
                TargetState::UpIn => (target.failed, target.drained) = (0, false),
                TargetState::DownOut => target.drained |= before == TargetState::Drain,
                // One that was emptied has not got back what it held.
                TargetState::Down if target.failed == 0 || (before == TargetState::Up && !target.drained) => {
                    target.failed = draft.version;
                }
                TargetState::Drain => target.failed = draft.version,
                TargetState::Down | TargetState::Up | TargetState::New => {}
            }
        }
        if changed { draft.finish(Some(&self.tables)).map(Some) } else { Ok(None) }
    }

    /// Its version; a newer map has a greater one.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How many targets it has, in whatever state.
    pub fn target_count(&self) -> u32 {
        self.targets.len() as u32
    }

    /// How many targets are out of use.
    pub fn targets_out_of_use(&self) -> u32 {
        self.targets.iter().filter(|target| !target.state.is_reachable()).count() as u32
    }

    /// The target at a position.
    pub fn target(&self, position: u32) -> Option<PoolTarget> {
        let entry = self.targets.get(position as usize)?;
        let rank = &self.ranks[entry.rank as usize];
        Some(PoolTarget {
            rank: rank.rank,
            index: TargetIndex(position - rank.first),
            state: entry.state,
            joined: rank.joined,
            changed: entry.changed,
        })
    }

    /// All targets, by their positions.
    pub fn targets(&self) -> impl Iterator<Item = PoolTarget> {
        (0..self.target_count()).filter_map(|position| self.target(position))
    }

    /// The position of a target.
    pub fn position(&self, rank: Rank, index: TargetIndex) -> Option<u32> {
        let targets = self.targets_of(rank)?;
        (index.0 < targets.end - targets.start).then(|| targets.start + index.0)
    }

    /// The positions of the targets of a rank.
    pub fn targets_of(&self, rank: Rank) -> Option<std::ops::Range<u32>> {
        let entry = self.ranks.iter().find(|entry| entry.rank == rank)?;
        Some(entry.first..entry.first + entry.targets)
    }

    /// Its ranks, in the order in which they joined.
    pub fn ranks(&self) -> impl Iterator<Item = Rank> {
        self.ranks.iter().map(|entry| entry.rank)
    }

    /// The fault domains of a rank by their numbers, from the outermost to the innermost.
    pub fn domains_of(&self, rank: Rank) -> Option<Vec<u32>> {
        let mut at = self.ranks.iter().find(|entry| entry.rank == rank)?.domain;
        let mut path = Vec::new();
        while let Some(domain) = self.domains.get(at as usize) {
            path.push(domain.id);
            at = domain.parent;
        }
        path.reverse();
        Some(path)
    }

    /// Bytes of memory that the tables of placement take.
    pub fn table_bytes(&self) -> usize {
        self.tables.bytes()
    }

    /// A copy to be changed, of the next version.
    fn draft(&self) -> Result<Draft> {
        let Some(version) = self.version.checked_add(1) else {
            fail!(Code::Overflow, "the pool map has had all the versions that there are");
        };
        Ok(Draft {
            version,
            domains: self.domains.to_vec(),
            ranks: self.ranks.to_vec(),
            targets: self.targets.to_vec(),
        })
    }
}

/// A map that is being made.
#[derive(Default)]
pub(crate) struct Draft {
    pub version: u32,
    pub domains: Vec<Domain>,
    pub ranks: Vec<RankEntry>,
    pub targets: Vec<TargetEntry>,
}

impl Draft {
    pub(crate) fn add_ranks(&mut self, new: &[NewRank], state: TargetState) -> Result<()> {
        let mut known: BTreeSet<Rank> = self.ranks.iter().map(|entry| entry.rank).collect();
        let mut children: BTreeMap<(u32, u32), u32> =
            self.domains.iter().zip(0..).map(|(domain, at)| ((domain.parent, domain.id), at)).collect();
        let mut total = self.targets.len() as u64;
        for NewRank { rank, domains, targets } in new {
            if !known.insert(*rank) {
                fail!(Code::Exist, "rank {} is in the pool already", rank.0);
            }
            total += u64::from(*targets);
            if *targets == 0 || *targets > TARGETS_PER_RANK_MAX || total > u64::from(TARGETS_MAX) {
                fail!(Code::Inval, "a rank has 1 to {TARGETS_PER_RANK_MAX} targets, a pool at most {TARGETS_MAX}");
            }
            if domains.len() > DEPTH_MAX {
                fail!(Code::Inval, "rank {} is in more than {DEPTH_MAX} levels of fault domains", rank.0);
            }
            let mut parent = ROOT;
            for id in domains {
                parent = *children.entry((parent, *id)).or_insert_with(|| {
                    self.domains.push(Domain { parent, id: *id, joined: self.version });
                    self.domains.len() as u32 - 1
                });
            }
            self.push_rank(RankEntry {
                rank: *rank,
                domain: parent,
                joined: self.version,
                first: self.targets.len() as u32,
                targets: *targets,
            });
            let position = self.ranks.len() as u32 - 1;
            let entry = TargetEntry { rank: position, changed: self.version, failed: 0, state, drained: false };
            self.targets.extend(std::iter::repeat_n(entry, *targets as usize));
        }
        Ok(())
    }

    fn push_rank(&mut self, entry: RankEntry) {
        self.ranks.push(entry);
    }

    /// The map, if it is one. Tables are taken from a map with the same targets, if there is one.
    pub fn finish(self, tables: Option<&Arc<Tables>>) -> Result<PoolMap> {
        if self.targets.is_empty() {
            fail!(Code::Inval, "a pool has one target at least");
        }
        let tables = match tables {
            Some(tables) => tables.clone(),
            None => Arc::new(Tables::new(&self.domains, &self.ranks)?),
        };
        let disturbed = self.targets.iter().filter(|target| target.state != TargetState::UpIn).count() as u32;
        Ok(PoolMap {
            version: self.version,
            domains: Arc::new(self.domains),
            ranks: Arc::new(self.ranks),
            targets: Arc::new(self.targets),
            disturbed,
            tables,
        })
    }
}
