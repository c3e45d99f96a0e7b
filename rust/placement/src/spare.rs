//! Spares: where shards are whose target is out of use, or about to be.
//!
//! Every shard has a list of targets of its own, in an order that only the object decides, and takes the first one that will do.
//! Failures are looked at in the order in which they came: a target that failed later was still good when the spare for an
//! earlier one was chosen, and is given up only when its own turn comes. So a failure moves what was on that target, and nothing
//! else, and the targets that were spared before stay as they are.

use crate::hash::{below, mix};
use crate::layout::{Shard, ShardState};
use crate::place::{Placing, Used, state_in_place};
use crate::state::TargetState;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Targets of its list that a shard looks at before it takes the next one in the order of positions.
const ATTEMPTS: u32 = 64;

/// Gives the shards their states, and spares to those that need one.
pub(crate) fn settle(placing: &Placing<'_>, is_protected: bool, shards: &mut [Shard]) {
    let mut failed = BinaryHeap::new();
    for (at, shard) in shards.iter_mut().enumerate() {
        let target = &placing.map.targets[shard.target as usize];
        shard.state = state_in_place(target.state, is_protected);
        let moves = match target.state {
            TargetState::Drain => true,
            TargetState::Down | TargetState::DownOut => is_protected || target.drained,
            // What was there has gone elsewhere, and is read there until it is back.
            TargetState::Up => target.drained && !is_protected,
            TargetState::UpIn | TargetState::New => false,
        };
        if moves {
            failed.push(Reverse((target.failed, at, 0)));
        }
    }
    if failed.is_empty() {
        return;
    }
    let mut used = Used::of(shards, placing.map.target_count());
    while let Some(Reverse((version, at, attempt))) = failed.pop() {
        let Some((spare, attempt)) = find(placing, shards, &used, at, version, attempt) else {
            // The pool has no place for it any more.
            if placing.state_of(shards[at].target) == TargetState::Drain {
                shards[at] = Shard::new(shards[at].target);
            } else {
                shards[at].state = ShardState::Gone;
            }
            continue;
        };
        used.set(spare);
        let (own, target) = (&placing.map.targets[shards[at].target as usize], &placing.map.targets[spare as usize]);
        let is_done = (own.state == TargetState::DownOut || own.drained) && shards[at].state != ShardState::Rebuilding;
        if own.state == TargetState::Drain {
            shards[at].set_next(spare);
        } else {
            let next = if own.state == TargetState::Up { Some(shards[at].target) } else { shards[at].next() };
            shards[at] = Shard::new(spare);
            shards[at].state = if is_done { ShardState::Ready } else { ShardState::Rebuilding };
            if let Some(next) = next {
                shards[at].set_next(next);
            }
        }
        if target.failed > 0 {
            failed.push(Reverse((target.failed, at, attempt + 1)));
        }
    }
}

/// A spare for a shard, as things were when its target failed: the first one of its list behind `attempt` attempts.
fn find(
    placing: &Placing<'_>,
    shards: &[Shard],
    used: &Used,
    at: usize,
    version: u32,
    attempt: u32,
) -> Option<(u32, u32)> {
    let map = placing.map;
    let generations = map.tables.generations.len();
    let limits = placing.table.limits(generations - 1);
    let was_good = |target: u32| {
        let target = &map.targets[target as usize];
        target.failed > version || (target.failed == 0 && target.state == TargetState::UpIn)
    };
    let is_free = |target: u32| !used.has(shards, target);
    let fits = |target: u32| placing.size == 1 || placing.fits(limits, shards, at, target);
    for attempt in attempt..ATTEMPTS {
        let target = candidate(placing, placing.point.attempt(at as u32, attempt));
        if was_good(target) && is_free(target) && fits(target) {
            return Some((target, attempt));
        }
    }
    let count = map.target_count();
    let start = candidate(placing, placing.point.attempt(at as u32, ATTEMPTS));
    let around = move || (0..count).map(move |step| (start + step) % count);
    let group = at / placing.size as usize * placing.size as usize;
    let is_in_group =
        |target: u32| shards[group..group + placing.size as usize].iter().any(|shard| shard.is_on(target));
    // First in domains of its own, then in any, then beside a shard of another group.
    around()
        .find(|target| was_good(*target) && is_free(*target) && fits(*target))
        .or_else(|| around().find(|target| was_good(*target) && is_free(*target)))
        .or_else(|| around().find(|target| was_good(*target) && !is_in_group(*target)))
        .map(|target| (target, ATTEMPTS))
}

/// A target by a hash, so that a later generation of targets changes it for its share of hashes only.
fn candidate(placing: &Placing<'_>, hash: u64) -> u32 {
    let generations = &placing.map.tables.generations;
    for (number, generation) in generations.iter().enumerate().skip(1).rev() {
        let drawn = below(mix(hash ^ number as u64), u64::from(generation.first + generation.count));
        if let Some(place) = drawn.checked_sub(u64::from(generation.first)) {
            return generation.first + place as u32;
        }
    }
    below(mix(hash), u64::from(generations[0].count)) as u32
}
