//! Decisions about the maps of pools: which targets they have, in which fault domains, and what these are good for.

use crate::rows::{PoolMapRow, Row, RowKey, Trailing};
use crate::state::{Decision, Pool, PoolService};
use daos_placement::{NewRank, PoolMap, Runs, TargetEvent, TargetState, is_in};
use daos_status::{Code, Result, fail};
use daos_types::{PoolId, Rank, TargetIndex};
use daos_wire::Blob;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Pools whose map changed, and the versions of their new maps.
pub type MapVersions = Vec<(PoolId, u32)>;

/// The map of a pool.
pub(crate) fn map_of(pool: &Pool) -> Result<Cow<'_, PoolMap>> {
    match &pool.map {
        Some(map) => Ok(Cow::Borrowed(map)),
        None => {
            let targets = pool.row.targets.iter().map(|(rank, index)| (*rank, *index, TargetState::UpIn));
            PoolMap::from_list(pool.row.map_version, targets).map(Cow::Owned)
        }
    }
}

/// What stores a map.
pub(crate) fn map_row(id: PoolId, map: &PoolMap, kept_out: Runs) -> Row {
    Row::put(RowKey::PoolMap(id), &PoolMapRow { map: Blob(map.encode()), kept_out: Trailing(kept_out) })
}

/// The names of the fault domains in a path such as `/rack0/node1`.
pub(crate) fn domain_names(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

impl PoolService {
    /// The first map of a pool over these targets, in the fault domains that their engines have named. Where engines have
    /// named different numbers of domains, only the ranks themselves count as such.
    pub(crate) fn new_map(&self, targets: &[(Rank, TargetIndex)]) -> Result<PoolMap> {
        let mut ranks: Vec<NewRank> = Vec::new();
        for (rank, index) in targets {
            match ranks.last_mut().filter(|last| last.rank == *rank) {
                Some(last) if last.targets == index.0 => last.targets += 1,
                None if index.0 == 0 => ranks.push(NewRank::alone(*rank, 1)),
                _ => fail!(Code::Inval, "target {} of rank {} is out of its place", index.0, rank.0),
            }
        }
        let paths: Vec<Vec<&str>> = ranks.iter().map(|new| domain_names(self.domain_of(new.rank))).collect();
        if paths.iter().all(|path| path.len() == paths[0].len() && path.len() <= daos_placement::DEPTH_MAX) {
            // Numbers of domains count within the domain that they are in.
            let mut numbers: BTreeMap<&[&str], u32> = BTreeMap::new();
            for (new, path) in ranks.iter_mut().zip(&paths) {
                for depth in 1..=path.len() {
                    let next = numbers.len() as u32;
                    new.domains.push(*numbers.entry(&path[..depth]).or_insert(next));
                }
            }
        }
        PoolMap::create(&ranks)
    }

    /// The map of a pool that is in use.
    pub fn pool_map(&self, id: PoolId) -> Result<PoolMap> {
        map_of(self.ready_pool(id)?).map(Cow::into_owned)
    }

    /// The versions of the maps of the pools that have targets on a rank.
    pub fn map_versions_of(&self, rank: Rank) -> MapVersions {
        let maps = self.pools.iter().filter_map(|(id, pool)| Some((*id, map_of(pool).ok()?)));
        maps.filter(|(_, map)| map.targets_of(rank).is_some()).map(|(id, map)| (id, map.version())).collect()
    }

    /// Takes the targets of a rank out of the maps of all pools.
    pub(crate) fn exclude_from_maps(&self, rank: Rank) -> Result<Decision<MapVersions>> {
        self.change_maps(rank, &[TargetEvent::Exclude], false)
    }

    /// Takes the targets of a rank back into the maps of all pools. What they hold is what they held: nothing has been moved
    /// away from them, and nothing has to be moved back, as long as no object has redundancy. Those that an administrator has taken
    /// out stay out, and a rank that is excluded meanwhile does: it joins again first.
    pub fn return_to_maps(&self, rank: Rank) -> Result<Decision<MapVersions>> {
        if self.is_excluded(rank) {
            return Ok(Decision::nothing(Vec::new()));
        }
        self.change_maps(rank, &[TargetEvent::Reintegrate, TargetEvent::Finish], true)
    }

    /// The ranks that are part of the system and out of the maps of pools nevertheless, though no administrator has taken them out: those
    /// that do not serve yet, and those whose return failed.
    pub fn ranks_to_return(&self) -> BTreeSet<Rank> {
        let out_of = |pool: &Pool| -> BTreeSet<Rank> {
            let Ok(map) = map_of(pool) else { return BTreeSet::new() };
            let in_their_places = map.targets().zip(0..);
            let out = in_their_places.filter(|(target, position)| {
                matches!(target.state, TargetState::Down | TargetState::DownOut) && !is_in(&pool.kept_out, *position)
            });
            out.map(|(target, _)| target.rank).filter(|rank| !self.is_excluded(*rank)).collect()
        };
        self.pools.values().flat_map(out_of).collect()
    }

    fn change_maps(&self, rank: Rank, events: &[TargetEvent], keep_out: bool) -> Result<Decision<MapVersions>> {
        let mut decision = Decision::nothing(Vec::new());
        for (id, pool) in &self.pools {
            let before = map_of(pool)?;
            let Some(targets) = before.targets_of(rank) else { continue };
            let targets: Vec<u32> = targets.filter(|target| !keep_out || !is_in(&pool.kept_out, *target)).collect();
            let mut map = before.clone();
            for event in events {
                if let Some(changed) = map.change(&targets, *event)? {
                    map = Cow::Owned(changed);
                }
            }
            if map.version() != before.version() {
                decision.rows.push(map_row(*id, &map, pool.kept_out.clone()));
                decision.reply.push((*id, map.version()));
            }
        }
        Ok(decision)
    }
}
