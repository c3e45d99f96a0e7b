//! Which ranks that are taken for dead are excluded. Only the engine that leads the metadata service asks.

use crate::member::Member;
use crate::settings::ExclusionSettings;
use daos_types::Rank;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What the service knows of the system.
#[derive(Clone, Debug, Default)]
pub struct SystemView {
    /// Ranks that are part of the system and neither stopped nor excluded.
    pub serving: BTreeSet<Rank>,
    /// Ranks that hold a replica of the metadata service.
    pub replicas: BTreeSet<Rank>,
    /// The rank that asks.
    pub own: Rank,
}

/// What is to be done about the dead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// These are excluded now.
    Exclude(Vec<Rank>),
    /// Nothing, and this is why.
    Wait(&'static str),
}

/// The dead, and the exclusions of the last while.
#[derive(Debug, Default)]
pub struct Exclusions {
    settings: ExclusionSettings,
    /// The life that ended, and since when.
    dead: BTreeMap<Rank, (u64, Duration)>,
    done: VecDeque<(Duration, Rank)>,
    /// When ranks have joined last.
    joined: BTreeMap<Rank, Duration>,
}

impl Exclusions {
    /// Nobody is dead.
    pub fn new(settings: ExclusionSettings) -> Exclusions {
        Exclusions { settings, ..Exclusions::default() }
    }

    /// A member is taken for dead. One that has said good-bye is as well, and will be known to have stopped soon.
    pub fn note_dead(&mut self, now: Duration, member: Member) {
        let (incarnation, _) = self.dead.entry(member.rank).or_insert((member.incarnation, now));
        *incarnation = (*incarnation).max(member.incarnation);
    }

    /// A member lives. An older life of one whose newer one is dead does not count.
    pub fn note_alive(&mut self, member: Member) {
        if self.dead.get(&member.rank).is_some_and(|(dead, _)| member.incarnation > *dead) {
            self.dead.remove(&member.rank);
        }
    }

    /// A rank has joined the system: it lives, whatever was heard of its lives before. News of their ends may come later still, and
    /// before news of the new life.
    pub fn note_joined(&mut self, now: Duration, rank: Rank) {
        self.dead.remove(&rank);
        let rest = self.settings.rest;
        self.joined.retain(|_, at| now.saturating_sub(*at) < rest);
        self.joined.insert(rank, now);
    }

    /// What to do now. What is to be excluded counts as done from here on.
    pub fn decide(&mut self, now: Duration, view: &SystemView) -> Verdict {
        let window = self.settings.window;
        while self.done.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= window) {
            self.done.pop_front();
        }
        let dead: Vec<Rank> =
            self.dead.keys().copied().filter(|rank| view.serving.contains(rank) && *rank != view.own).collect();
        if dead.is_empty() {
            return Verdict::Wait("nobody is dead");
        }
        let patience = self.settings.patience;
        let rests = |rank: &Rank| self.joined.get(rank).is_some_and(|at| now.saturating_sub(*at) < self.settings.rest);
        let is_over = |rank: &Rank| {
            !rests(rank) && self.dead.get(rank).is_some_and(|(_, since)| now.saturating_sub(*since) >= patience)
        };
        let due: Vec<Rank> = dead.iter().copied().filter(is_over).collect();
        if due.is_empty() {
            return Verdict::Wait("those that are dead may have been stopped, and be known to be soon");
        }
        if 2 * dead.len() >= view.serving.len() {
            return Verdict::Wait("half of the ranks or more seem to be dead: it is rather this one that is cut off");
        }
        let alive = view.replicas.iter().filter(|rank| view.serving.contains(rank) && !self.dead.contains_key(rank));
        if 2 * alive.count() <= view.replicas.len() {
            return Verdict::Wait("no majority of the replicas of the metadata service would be left");
        }
        let excluded: BTreeSet<Rank> = self.done.iter().map(|(_, rank)| *rank).collect();
        let ranks = view.serving.union(&excluded).count() as u32;
        let allowed = (ranks / self.settings.ranks_per_exclusion.max(1)).max(1) as usize;
        let left = allowed.saturating_sub(self.done.len());
        if left == 0 {
            return Verdict::Wait(
                "as many ranks as may be excluded at once have been; the next one is when that was a while ago",
            );
        }
        let now_excluded: Vec<Rank> = due.into_iter().take(left).collect();
        self.done.extend(now_excluded.iter().map(|rank| (now, *rank)));
        Verdict::Exclude(now_excluded)
    }
}
