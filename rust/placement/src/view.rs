//! A pool as one of its containers sees it.
//!
//! What is stored without redundancy cannot be moved while nothing moves it. So the targets that a container may use are chosen
//! once, when it is made: those that the pool had then, but for those that were out of use. Whatever becomes of the map later, its
//! objects are laid out over the same targets.

use crate::pool_map::{Draft, NewRank, PoolMap, RankEntry, TargetEntry};
use crate::{Layout, Shape, TargetState, place_into};
use daos_status::{Code, Result, fail};
use daos_types::ObjectId;
use std::sync::Arc;

/// Runs of targets, by the position of the first one and their number; sorted.
pub type Runs = Vec<(u32, u32)>;

/// The targets that a container uses, in the states that they have now.
#[derive(Clone, Debug)]
pub struct View {
    map: PoolMap,
    /// The positions of its targets in the map of the pool; `None` when it has all of them.
    positions: Option<Arc<[u32]>>,
}

/// Whether a target is in one of the runs.
pub fn is_in(runs: &[(u32, u32)], position: u32) -> bool {
    let behind = runs.partition_point(|(first, _)| *first <= position);
    behind.checked_sub(1).and_then(|at| runs.get(at)).is_some_and(|(first, count)| position - first < *count)
}

/// The runs that targets at these positions, which are sorted, make.
pub fn runs_of(positions: impl IntoIterator<Item = u32>) -> Runs {
    let mut runs = Runs::new();
    for position in positions {
        match runs.last_mut().filter(|(first, count)| first.checked_add(*count) == Some(position)) {
            Some((_, count)) => *count += 1,
            None => runs.push((position, 1)),
        }
    }
    runs
}

impl PoolMap {
    /// Whether a container that was made by a version of the map, and avoids these targets, uses a target.
    pub fn is_used_since(&self, version: u32, avoided: &[(u32, u32)], position: u32) -> bool {
        let version = version.max(self.ranks[0].joined);
        self.target(position).is_some_and(|target| target.joined <= version) && !is_in(avoided, position)
    }

    /// The pool as a container sees it that was made by a version of the map, and avoids these targets. A container that is older than
    /// pools could grow is of version 0, and uses those that the pool began with.
    pub fn view(&self, version: u32, avoided: &[(u32, u32)]) -> Result<View> {
        let version = version.max(self.ranks[0].joined);
        let seen = &self.ranks[..self.ranks.partition_point(|rank| rank.joined <= version)];
        if seen.len() == self.ranks.len() && avoided.is_empty() {
            return Ok(View { map: self.clone(), positions: None });
        }
        let mut positions: Vec<u32> = Vec::new();
        let mut draft = Draft::default();
        for generation in seen.chunk_by(|one, next| one.joined == next.joined) {
            let mut ranks = Vec::new();
            for rank in generation {
                let of_rank = (rank.first..rank.first + rank.targets).filter(|position| !is_in(avoided, *position));
                let before = positions.len();
                positions.extend(of_rank);
                let targets = (positions.len() - before) as u32;
                if targets > 0 {
                    ranks.push(NewRank { rank: rank.rank, domains: self.path_of(rank), targets });
                }
            }
            draft.version = generation[0].joined;
            draft.add_ranks(&ranks, TargetState::UpIn)?;
        }
        if positions.is_empty() {
            fail!(Code::Nonexist, "the pool has no target that the container may use");
        }
        for (target, position) in draft.targets.iter_mut().zip(&positions) {
            *target = TargetEntry { rank: target.rank, ..self.targets[*position as usize] };
        }
        draft.version = self.version;
        Ok(View { map: draft.finish(None)?, positions: Some(positions.into()) })
    }

    fn path_of(&self, rank: &RankEntry) -> Vec<u32> {
        let (mut path, mut at) = (Vec::new(), rank.domain);
        while let Some(domain) = self.domains.get(at as usize) {
            path.push(domain.id);
            at = domain.parent;
        }
        path.reverse();
        path
    }
}

impl View {
    /// The layout of an object; its targets are named by their positions in the map of the pool.
    pub fn place(&self, object: ObjectId) -> Result<Layout> {
        self.place_as(object, Shape::of(object)?)
    }

    /// As [`View::place`], for an object whose class a user has registered.
    pub fn place_as(&self, object: ObjectId, shape: Shape) -> Result<Layout> {
        let mut layout = Layout::new();
        place_into(&self.map, object, shape, &mut layout)?;
        if let Some(positions) = &self.positions {
            layout.shards.iter_mut().for_each(|shard| shard.rename(|target| positions[target as usize]));
        }
        Ok(layout)
    }

    /// How many targets it has.
    pub fn target_count(&self) -> u32 {
        self.map.target_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_hold_what_they_were_made_of() {
        for positions in [&[][..], &[0], &[1, 2, 3], &[0, 2, 3, 7, 8, 9, u32::MAX]] {
            let runs = runs_of(positions.iter().copied());
            for position in (0..12).chain([u32::MAX - 1, u32::MAX]) {
                assert_eq!(is_in(&runs, position), positions.contains(&position), "{runs:?} {position}");
            }
        }
        assert_eq!(runs_of([4, 5, 6, 9]), [(4, 3), (9, 1)]);
    }
}
