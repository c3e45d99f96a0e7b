//! Decisions about the targets of pools: which ranks a new pool is on, how it grows, and which targets are in use.
//!
//! Nothing that is stored moves in this release. So a container uses the targets that its pool had, in use, when it was made, for ever;
//! and what would take something out of sight for good is refused.

use crate::access::check_admin;
use crate::handles::Caller;
use crate::maps::{domain_names, map_of, map_row};
use crate::pools::{PoolPlan, plan_of};
use crate::rows::{PoolRow, Row, RowKey};
use crate::state::{Decision, Pool, PoolService};
use daos_placement::{NewRank, PoolMap, TargetEvent, TargetState, runs_of};
use daos_status::{Code, Result, fail};
use daos_types::{PoolId, Rank, TargetIndex};
use daos_wire::{ContainerPlacement, PoolTargetsAction, PoolTargetsChange, PoolTargetsChanged};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The most runs of targets that a container avoids: they travel in the answer to an open. What is beyond them is used, and
/// answered as what is out of use.
const AVOIDED_RUNS_MAX: usize = 1024;

/// Which targets a new container of a pool uses: those that are in use. Those of absent ranks are not waited for, as long as at least
/// half of all are there: a container that is made while most engines are starting is not to stay on a few for ever.
pub(crate) fn new_placement(pool: &Pool, absent: &[Rank]) -> Result<ContainerPlacement> {
    let map = map_of(pool)?;
    let mut used: Vec<bool> = map.targets().map(|target| target.state.is_reachable()).collect();
    let in_use = used.iter().filter(|used| **used).count();
    if in_use == 0 {
        fail!(Code::Oog, "no target of the pool is in use; 'dmg system query' shows the ranks");
    }
    let of_absent: Vec<u32> = absent.iter().filter_map(|rank| map.targets_of(*rank)).flatten().collect();
    let lost = of_absent.iter().filter(|position| used[**position as usize]).count();
    if 2 * lost <= in_use {
        of_absent.iter().for_each(|position| used[*position as usize] = false);
    }
    let mut avoided = runs_of((0u32..).zip(&used).filter(|(_, used)| !**used).map(|(position, _)| position));
    avoided.truncate(AVOIDED_RUNS_MAX);
    Ok(ContainerPlacement { version: map.version(), avoided })
}

impl PoolService {
    /// The ranks for a new pool: those that are named, or some of those that serve, all if it is not said how many. Few pools and many
    /// fault domains decide which.
    pub fn choose_ranks(&self, named: &[Rank], count: u32, serving: &[Rank]) -> Result<Vec<Rank>> {
        let mut named = named.to_vec();
        named.sort_unstable();
        named.dedup();
        if let Some(rank) = named.iter().find(|rank| !serving.contains(rank)) {
            fail!(Code::Oog, "rank {} does not serve; 'dmg system query' shows the ranks", rank.0);
        }
        if !named.is_empty() {
            return Ok(named);
        }
        let wanted = if count == 0 { serving.len() } else { count as usize };
        if wanted > serving.len() {
            fail!(Code::Oog, "{wanted} ranks are asked for, and {} serve", serving.len());
        }
        let pools_on = |rank: &Rank| {
            self.pools.values().filter(|pool| pool.row.targets.iter().any(|target| target.0 == *rank)).count()
        };
        let mut domains: BTreeMap<&str, Vec<(usize, Rank)>> = BTreeMap::new();
        for rank in serving {
            domains.entry(self.domain_of(*rank)).or_default().push((pools_on(rank), *rank));
        }
        // One of each domain, then a second one of each, and so on: whatever has fewest pools first.
        let mut order: Vec<(usize, usize, Rank)> = Vec::new();
        for ranks in domains.values_mut() {
            ranks.sort_unstable();
            order.extend(ranks.iter().enumerate().map(|(turn, (pools, rank))| (turn, *pools, *rank)));
        }
        order.sort_unstable();
        let mut chosen: Vec<Rank> = order.into_iter().take(wanted).map(|(.., rank)| rank).collect();
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// What the new targets of a pool that is to grow are made of.
    pub fn plan_extension(
        &self,
        request: &PoolTargetsChange,
        caller: &Caller,
        serving: &[(Rank, TargetIndex)],
    ) -> Result<(PoolId, PoolPlan)> {
        check_admin(caller)?;
        let id = self.find_pool(&request.pool)?;
        let pool = self.ready_pool(id)?;
        if request.ranks.is_empty() || !request.targets.is_empty() {
            fail!(Code::Inval, "a pool grows by whole ranks: name them, and no targets");
        }
        let map = map_of(pool)?;
        for rank in &request.ranks {
            if map.targets_of(*rank).is_some() {
                fail!(Code::Exist, "pool '{}' is on rank {} already", pool.name(id), rank.0);
            }
            if !serving.iter().any(|target| target.0 == *rank) {
                fail!(Code::Oog, "rank {} does not serve; 'dmg system query' shows the ranks", rank.0);
            }
        }
        let targets = serving.iter().copied().filter(|target| request.ranks.contains(&target.0)).collect();
        // Whether fault domains fit is known before anything is made.
        self.extended_map(pool, &targets)?;
        Ok((id, PoolPlan { targets, ready: false, ..plan_of(&pool.row) }))
    }

    /// Lets a pool have targets that are made. Containers that are there go on without them.
    pub fn extend(&self, id: PoolId, targets: &Vec<(Rank, TargetIndex)>) -> Result<Decision<PoolTargetsChanged>> {
        let pool = self.ready_pool(id)?;
        let map = self.extended_map(pool, targets)?;
        let row = PoolRow { targets: [&pool.row.targets[..], targets].concat(), ..pool.row.clone() };
        let reply = PoolTargetsChanged { map_version: map.version(), targets: targets.len() as u32, containers: 0 };
        let rows = vec![Row::put(RowKey::Pool(id), &row), map_row(id, &map, pool.kept_out.clone())];
        Ok(Decision { rows, reply })
    }

    fn extended_map(&self, pool: &Pool, targets: &Vec<(Rank, TargetIndex)>) -> Result<PoolMap> {
        let map = map_of(pool)?;
        let mut numbers: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
        let mut depth = 0;
        for rank in map.ranks() {
            let (path, known) = (domain_names(self.domain_of(rank)), map.domains_of(rank).unwrap_or_default());
            depth = known.len();
            for (level, number) in known.into_iter().enumerate() {
                if let Some(path) = path.get(..=level) {
                    numbers.entry(path.to_vec()).or_insert(number);
                }
            }
        }
        let mut next = numbers.values().max().map_or(0, |most| most + 1);
        let mut ranks: Vec<NewRank> = Vec::new();
        for (rank, _) in targets {
            if let Some(last) = ranks.last_mut().filter(|last| last.rank == *rank) {
                last.targets += 1;
                continue;
            }
            let path = domain_names(self.domain_of(*rank));
            let mut new = NewRank::alone(*rank, 1);
            if depth > 0 && path.len() != depth {
                fail!(
                    Code::Inval,
                    "rank {} is in {} levels of fault domains, and those of the pool are in {depth}",
                    rank.0,
                    path.len()
                );
            }
            for level in 0..depth {
                let number = *numbers.entry(path[..=level].to_vec()).or_insert(next);
                next = next.max(number + 1);
                new.domains.push(number);
            }
            ranks.push(new);
        }
        // Nothing is stored there, and nothing has to be: whoever uses them is made from now on.
        map.extend(&ranks, TargetState::UpIn)
    }

    /// Takes targets of a pool out of use, or into use again. `serves` says whether a rank does.
    pub fn change_targets(
        &self,
        request: &PoolTargetsChange,
        caller: &Caller,
        serves: impl Fn(Rank) -> bool,
    ) -> Result<Decision<PoolTargetsChanged>> {
        check_admin(caller)?;
        let id = self.find_pool(&request.pool)?;
        let pool = self.ready_pool(id)?;
        let before = map_of(pool)?;
        let mut positions = named_targets(request, &before)?;
        let containers = users_of(pool, &before, &positions);
        let all = before.target_count();
        let run = |(first, count): &(u32, u32)| *first..first.saturating_add(*count).min(all);
        let mut kept_out: BTreeSet<u32> = pool.kept_out.iter().flat_map(run).collect();
        let events = match PoolTargetsAction::from_number(request.action) {
            Some(PoolTargetsAction::Exclude) => &[TargetEvent::Exclude][..],
            Some(PoolTargetsAction::Drain) => {
                if containers > 0 {
                    fail!(
                        Code::Busy,
                        "{containers} containers of pool '{}' may have data on these targets, and this release moves no data: copy \
                         them to new containers, which do not use targets that 'dmg pool exclude' has taken out, and destroy them",
                        pool.name(id)
                    );
                }
                &[TargetEvent::Exclude, TargetEvent::Finish]
            }
            Some(PoolTargetsAction::Reintegrate) => {
                let away = request.ranks.iter().find(|rank| !serves(**rank));
                if let Some(rank) = away {
                    fail!(Code::Oog, "rank {} does not serve: start it first; 'dmg system query' shows it", rank.0);
                }
                &[TargetEvent::Reintegrate, TargetEvent::Finish]
            }
            Some(PoolTargetsAction::ExcludeOut) => {
                let is_leaving = |state| matches!(state, TargetState::Down | TargetState::Drain);
                positions.retain(|at| before.target(*at).is_some_and(|target| is_leaving(target.state)));
                &[TargetEvent::Finish]
            }
            Some(PoolTargetsAction::Extend) | None => fail!(Code::Proto, "{} is no change of targets", request.action),
        };
        let is_back = events[0] == TargetEvent::Reintegrate;
        for position in &positions {
            if is_back {
                kept_out.remove(position)
            } else {
                kept_out.insert(*position)
            };
        }
        let mut map = Cow::Borrowed(&*before);
        for event in events {
            if let Some(changed) = map.change(&positions, *event)? {
                map = Cow::Owned(changed);
            }
        }
        if map.targets_out_of_use() == map.target_count() {
            fail!(Code::Inval, "pool '{}' would have no target in use; destroy it instead", pool.name(id));
        }
        let state = |map: &PoolMap, position: u32| map.target(position).map(|target| target.state);
        let changed = positions.iter().filter(|at| state(&before, **at) != state(&map, **at)).count() as u32;
        let reply = PoolTargetsChanged { map_version: map.version(), targets: changed, containers };
        let kept_out = runs_of(kept_out);
        if map.version() == before.version() && kept_out == pool.kept_out {
            return Ok(Decision::nothing(reply));
        }
        Ok(Decision { rows: vec![map_row(id, &map, kept_out)], reply })
    }
}

/// The positions of the targets that are meant, sorted.
fn named_targets(request: &PoolTargetsChange, map: &PoolMap) -> Result<Vec<u32>> {
    if request.ranks.is_empty() {
        fail!(Code::Inval, "name the ranks: all of them cannot be meant");
    }
    let mut positions = BTreeSet::new();
    for rank in &request.ranks {
        let Some(of_rank) = map.targets_of(*rank) else {
            fail!(Code::Nonexist, "the pool is not on rank {}; 'dmg pool query' shows its ranks", rank.0);
        };
        for index in &request.targets {
            if map.position(*rank, *index).is_none() {
                fail!(Code::BadTarget, "rank {} has {} targets in the pool, and no {}", rank.0, of_rank.len(), index.0);
            }
        }
        let is_meant = |position: &u32| {
            request.targets.is_empty()
                || request.targets.iter().any(|index| map.position(*rank, *index) == Some(*position))
        };
        positions.extend(of_rank.filter(is_meant));
    }
    Ok(positions.into_iter().collect())
}

/// How many containers use some of these targets.
fn users_of(pool: &Pool, map: &PoolMap, positions: &[u32]) -> u64 {
    let uses = |placement: &ContainerPlacement| {
        positions.iter().any(|position| map.is_used_since(placement.version, &placement.avoided, *position))
    };
    pool.containers.values().filter(|entry| !entry.row.destroying && uses(&entry.row.placement.0)).count() as u64
}
