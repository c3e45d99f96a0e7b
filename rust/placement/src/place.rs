//! From an object's identifier to its layout, in three steps, each of which leaves what the one before decided where it can.
//!
//! 1. The object begins on the targets that the pool was created with, at even distances on a ring of them.
//! 2. Each later generation of targets takes its share of the shards, at even distances as well.
//! 3. Shards on targets that are out of use get a spare, in the order in which the targets failed.

use crate::group_table::GroupTable;
use crate::hash::{Point, below};
use crate::layout::{Layout, Shard, ShardState};
use crate::pool_map::PoolMap;
use crate::{Shape, TargetState, spare};
use daos_status::Result;
use daos_types::{GroupCount, ObjectId};

/// Objects of more shards keep a table of the targets that they use.
const FEW: usize = 64;

/// Which targets an object uses.
pub(crate) struct Used(Option<Vec<bool>>);

impl Used {
    pub fn of(shards: &[Shard], targets: u32) -> Used {
        Used((shards.len() > FEW).then(|| {
            let mut used = vec![false; targets as usize];
            for shard in shards {
                for target in [Some(shard.target), shard.next()].into_iter().flatten() {
                    used[target as usize] = true;
                }
            }
            used
        }))
    }

    pub fn has(&self, shards: &[Shard], target: u32) -> bool {
        match &self.0 {
            Some(used) => used[target as usize],
            None => shards.iter().any(|shard| shard.is_on(target)),
        }
    }

    pub fn set(&mut self, target: u32) {
        if let Some(used) = &mut self.0 {
            used[target as usize] = true;
        }
    }
}

/// How often a shard that may not stand where it should tries another target of a new generation before it stays.
const MOVE_ATTEMPTS: u32 = 16;

/// The layout of an object, whose class stands in its identifier.
pub fn place(map: &PoolMap, object: ObjectId) -> Result<Layout> {
    let mut layout = Layout::new();
    place_into(map, object, Shape::of(object)?, &mut layout)?;
    Ok(layout)
}

/// As [`place`], for a shape of one's own and into a layout whose memory is used again: an object for which that is large enough
/// costs no allocation, unless a shard of it has to be moved away from a target.
pub fn place_into(map: &PoolMap, object: ObjectId, shape: Shape, layout: &mut Layout) -> Result<()> {
    shape.check()?;
    let size = shape.group_size();
    let wanted = match shape.groups {
        GroupCount::Exactly(count) => u32::from(count),
        GroupCount::All => u32::MAX,
    };
    let table = map.tables.group(size)?;
    layout.group_size = size;
    layout.shards.clear();
    let placing = Placing { map, table, size, point: Point::of(object), wanted };
    placing.begin(&mut layout.shards);
    for generation in table.base + 1..map.tables.generations.len() {
        placing.grow(generation, &mut layout.shards);
    }
    if map.disturbed > 0 {
        spare::settle(&placing, shape.is_protected(), &mut layout.shards);
    }
    Ok(())
}

/// The placing of one object.
pub(crate) struct Placing<'a> {
    pub map: &'a PoolMap,
    pub table: &'a GroupTable,
    /// Shards of a group.
    pub size: u32,
    pub point: Point,
    /// Groups that its class asks for.
    wanted: u32,
}

impl Placing<'_> {
    /// The first step. Shards are taken in turns from all groups, so that those of one group are far from each other.
    fn begin(&self, shards: &mut Vec<Shard>) {
        let groups = self.wanted.min(self.table.base_groups);
        let count = groups * self.size;
        shards.resize(count as usize, Shard::new(0));
        let targets = u64::from(self.table.base_targets);
        let (ring, place) = if self.size == 1 { (0, self.point.on_circle()) } else { self.point.on_rings() };
        match &self.table.weighted {
            None => {
                let ring = self.map.tables.generations[0].rings.choose(ring);
                let mut steps = Steps::new(below(place, targets * u64::from(count)), targets, u64::from(count));
                self.in_turns(groups, |at| shards[at] = Shard::new(ring.target(steps.next() as u32)));
            }
            Some(weighted) => {
                let ring = weighted.rings.choose(ring);
                let start = below(place, weighted.total * u64::from(count));
                let mut steps = Steps::new(start, weighted.total, u64::from(count));
                self.in_turns(groups, |at| shards[at] = Shard::new(weighted.rings.target(ring, steps.next())));
            }
        }
    }

    fn in_turns(&self, groups: u32, mut each: impl FnMut(usize)) {
        for of_group in 0..self.size {
            for group in 0..groups {
                each((group * self.size + of_group) as usize);
            }
        }
    }

    /// The second step, for one generation.
    fn grow(&self, generation: usize, shards: &mut Vec<Shard>) {
        let tables = &self.map.tables;
        let new = &tables.generations[generation];
        let all = u64::from(new.first + new.count);
        let is_filled = self.map.targets[new.first as usize].state != TargetState::New;
        let (limits, before) = (self.table.limits(generation), self.table.limits(generation - 1));
        let groups = shards.len() as u32 / self.size;
        let possible = self.wanted.min((all / u64::from(self.size)) as u32).max(groups);
        let covers_all = u64::from(possible) * u64::from(self.size) + u64::from(self.size) > all;
        // An object on all targets grows by groups on the new ones. Those of several shards need more domains than may be new.
        let mut used = Used::of(shards, self.map.target_count());
        if !covers_all || self.size > 1 {
            self.move_share(generation, shards, &mut used);
        }
        if self.size > 1 && limits.iter().zip(before).any(|(now, before)| now < before) {
            for at in 0..shards.len() {
                if !self.fits(limits, shards, at, shards[at].target) {
                    self.move_to(generation, shards, at, None, &mut used);
                }
            }
        }
        if is_filled && possible > groups {
            self.add_groups(generation, shards, possible - groups);
        }
    }

    /// Moves as many shards to the targets of a generation as is its share.
    fn move_share(&self, generation: usize, shards: &mut [Shard], used: &mut Used) {
        let new = &self.map.tables.generations[generation];
        let (count, all) = (u64::from(new.count), u64::from(new.first + new.count));
        let coordinate = self.point.in_generation(generation);
        let mut at_place = below(coordinate, all);
        let ring = new.rings.choose(coordinate.rotate_left(32));
        let moved_most = (shards.len() as u64 * count).div_ceil(all);
        let mut moved: Option<(u64, u64)> = None;
        self.in_turns(shards.len() as u32 / self.size, |at| {
            at_place += count;
            if at_place < all {
                return;
            }
            at_place -= all;
            let (first, ordinal) = moved.map_or((at_place, 0), |(first, ordinal)| (first, ordinal + 1));
            moved = Some((first, ordinal));
            let place = (first + ordinal * count / moved_most) % count;
            let target = new.first + ring.target(place as u32);
            self.move_to(generation, shards, at, Some(target), used);
        });
    }

    /// Moves a shard to a target of a generation, the given one if it may, else another one; leaves it if none is found soon.
    fn move_to(&self, generation: usize, shards: &mut [Shard], at: usize, target: Option<u32>, used: &mut Used) {
        let new = &self.map.tables.generations[generation];
        let limits = self.table.limits(generation);
        let others = (0..MOVE_ATTEMPTS).map(|attempt| {
            let hash = self.point.attempt(at as u32, u32::MAX - attempt).rotate_left(generation as u32);
            new.first + below(hash, u64::from(new.count)) as u32
        });
        for candidate in target.into_iter().chain(others) {
            let is_free = !used.has(shards, candidate);
            if is_free && (self.size == 1 || self.fits(limits, shards, at, candidate)) {
                if self.map.targets[candidate as usize].state == TargetState::New {
                    shards[at].set_next(candidate);
                } else {
                    shards[at] = Shard::new(candidate);
                }
                used.set(candidate);
                return;
            }
        }
    }

    /// Adds groups on targets that the object does not use yet.
    fn add_groups(&self, generation: usize, shards: &mut Vec<Shard>, more: u32) {
        let new = &self.map.tables.generations[generation];
        let limits = self.table.limits(generation);
        let all = new.first + new.count;
        let mut used = vec![false; all as usize];
        for shard in shards.iter() {
            for target in [Some(shard.target), shard.next()].into_iter().flatten().filter(|target| *target < all) {
                used[target as usize] = true;
            }
        }
        let ring = new.rings.choose(self.point.in_generation(generation).rotate_left(32));
        let turn = below(self.point.attempt(0, generation as u32), u64::from(new.count)) as u32;
        let of_new = (0..new.count).map(|place| new.first + ring.target((place + turn) % new.count));
        let of_old = 0..new.first;
        let mut free: Vec<u32> = of_new.chain(of_old).filter(|target| !used[*target as usize]).collect();
        // Taken from the end.
        free.reverse();
        let start = shards.len();
        for at in start..start + (more * self.size) as usize {
            let group = at - at % self.size as usize;
            let fitting = free
                .iter()
                .rposition(|target| self.size == 1 || self.fits_among(limits, &shards[group..at], usize::MAX, *target));
            // When no free one is in a domain of its own, redundancy gives way to the even use of targets.
            match fitting.map(|position| free.remove(position)).or_else(|| free.pop()) {
                Some(target) => shards.push(Shard::new(target)),
                None => break,
            }
        }
        shards.truncate(shards.len() - shards.len() % self.size as usize);
    }

    /// Whether a shard may stand on a target, as the others of its group stand.
    pub fn fits(&self, limits: &[u32], shards: &[Shard], at: usize, target: u32) -> bool {
        let size = self.size as usize;
        let group = at / size * size;
        self.fits_among(limits, &shards[group..(group + size).min(shards.len())], at - group, target)
    }

    fn fits_among(&self, limits: &[u32], group: &[Shard], without: usize, target: u32) -> bool {
        let tables = &self.map.tables;
        let path = tables.path_of_target(target);
        limits.iter().zip(path).enumerate().all(|(level, (limit, domain))| {
            let beside = |shard: &Shard| {
                let is_in = |target: u32| tables.path_of_target(target)[level] == *domain;
                is_in(shard.target) || shard.next().is_some_and(is_in)
            };
            let others = group.iter().enumerate().filter(|(other, shard)| *other != without && beside(shard));
            (others.count() as u32) < *limit
        })
    }

    /// What a shard can be used for where it stands now.
    pub fn state_of(&self, target: u32) -> TargetState {
        self.map.targets[target as usize].state
    }
}

/// Equal steps around a circle, without rounding that would add up: after as many as there are, it has been walked once.
struct Steps {
    place: u64,
    rest: u64,
    whole: u64,
    part: u64,
    circle: u64,
    count: u64,
}

impl Steps {
    /// `start` is counted in parts of a place, of which each has `count`.
    fn new(start: u64, circle: u64, count: u64) -> Steps {
        Steps { place: start / count, rest: start % count, whole: circle / count, part: circle % count, circle, count }
    }

    fn next(&mut self) -> u64 {
        let place = self.place;
        self.place += self.whole;
        self.rest += self.part;
        if self.rest >= self.count {
            self.rest -= self.count;
            self.place += 1;
        }
        if self.place >= self.circle {
            self.place -= self.circle;
        }
        place
    }
}

/// What a shard that stays where it is can be used for.
pub(crate) fn state_in_place(state: TargetState, is_protected: bool) -> ShardState {
    match state {
        TargetState::UpIn | TargetState::Drain | TargetState::New => ShardState::Ready,
        TargetState::Up if is_protected => ShardState::Rebuilding,
        // What an unprotected shard held has stayed where it was.
        TargetState::Up => ShardState::Ready,
        TargetState::Down | TargetState::DownOut => ShardState::Gone,
    }
}
