//! The engines of the system: what the service decides about them, and who is told.

use super::Service;
use super::going::{EXCLUDED_LIMIT, LOST_LIMIT};
use crate::ranks::TargetName;
use crate::target::{AHEAD_NANOSECONDS_MAX, SERVICE_TARGET};
use daos_env::sync::join_all;
use daos_pool_service::{MapVersions, SpaceOffer, SystemStart};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Rank};
use daos_wire::{Join, Joined, Opcode, RankOffer, RankState};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Engines that are told at once that another one leads, and how long that may take.
const ANNOUNCED_AT_ONCE: usize = 128;
const ANNOUNCE_LIMIT: Duration = Duration::from_secs(3);

impl Service {
    /// Begins or goes on with the system; the engine itself is part of it.
    pub(super) async fn start_system(&self) -> Result<()> {
        let known = self.peers.known()?;
        let Some(own) = known.table.find(known.own) else {
            fail!(Code::Uninit, "the engine does not know itself");
        };
        let start = SystemStart {
            name: known.table.system.clone(),
            id: known.table.id,
            token: self.random.next_u64().max(1),
            own: own.clone(),
        };
        let token = self.change(|state| state.start_system(&start)).await?;
        self.sessions.set_engine(token);
        // Whoever was there is believed to be there still, until it had time to come: clients need not notice that another
        // engine leads. Not the one that led before: its end is the likeliest reason.
        let before = known.table.service;
        for entry in &known.table.ranks {
            let was_there = entry.state == RankState::Joined as u8 && entry.rank != before;
            if was_there || entry.rank == known.own {
                self.journal.state_mut().note_presence(entry.rank, true);
            }
            let is_told_to_end = [RankState::Stopped as u8, RankState::AdminExcluded as u8].contains(&entry.state);
            if is_told_to_end && entry.rank != known.own {
                self.going.begin(entry.rank, Some(self.lost_until()));
            }
            if entry.state == RankState::Excluded as u8 {
                self.going.begin(entry.rank, Some(self.excluded_until()));
            }
        }
        self.publish()?;
        self.announce_leading();
        Ok(())
    }

    /// Lets the other engines know that this one leads: they may be connected to one that was stopped in its tracks, and hears of
    /// nothing. Whoever cannot be told finds out by itself.
    pub(super) fn announce_leading(&self) {
        let Ok(known) = self.peers.known() else { return };
        let Some(own) = known.table.find(known.own) else { return };
        let news = (known.table.version, own.control.clone());
        let others = known.table.ranks.iter().map(|entry| entry.rank).filter(|rank| *rank != known.own);
        let (peers, others) = (self.peers.clone(), others.collect::<Vec<Rank>>());
        self.spawner.spawn(async move {
            for some in others.chunks(ANNOUNCED_AT_ONCE) {
                join_all(some.iter().map(|rank| async {
                    let target: TargetName = (*rank, SERVICE_TARGET);
                    let _found_out = peers.tell(target, Opcode::Leading, &news, ANNOUNCE_LIMIT).await;
                }))
                .await;
            }
        });
    }

    /// Ranks that did not come to this engine, since it leads, are lost.
    pub fn lose_absent(&self, connected: &[Rank]) -> Result<()> {
        let known = self.peers.known()?;
        let is_absent = |rank: &Rank| *rank != known.own && !connected.contains(rank);
        known.table.ranks.iter().map(|entry| entry.rank).filter(is_absent).try_for_each(|rank| self.lost(rank))
    }

    /// Makes the engines, as they are now, known to everybody.
    fn publish(&self) -> Result<()> {
        let before = self.peers.known()?;
        let table = self.journal.state().rank_table(&self.identity.provider, before.own)?;
        self.peers.ranks().set(before.own, table)?;
        // Nobody waits for the answers of those that do not serve.
        self.peers.fail_absent(&before)
    }

    /// Lets an engine join, or come back.
    pub async fn join(self: &Rc<Self>, request: &Join) -> Result<Joined> {
        if request.provider != self.identity.provider {
            fail!(
                Code::Inval,
                "this engine is on fabric provider '{}', and the system on '{}': set 'provider' in its settings",
                request.provider,
                self.identity.provider
            );
        }
        self.hear_clock(request.clock);
        let (rank, token) = self.change(|state| state.join(request)).await?;
        self.journal.state_mut().note_presence(rank, true);
        self.going.end(rank);
        self.publish()?;
        let entry = &request.entry;
        daos_env::log!(
            Info,
            "system",
            "rank {} joined: engine {}, {} targets, control {}, fault domain {}",
            rank.0,
            entry.engine,
            entry.targets.len(),
            entry.control,
            entry.domain
        );
        Ok(Joined { rank, token, table: self.peers.known()?.table.clone() })
    }

    /// An engine has begun to serve: what waited for it is done now.
    pub async fn serves(self: &Rc<Self>, rank: Rank) {
        daos_env::log!(Info, "system", "rank {} serves", rank.0);
        if self.peers.known().is_ok_and(|known| known.state(rank) != Some(RankState::Joined)) {
            // Excluded meanwhile: it joins again, and says it again.
            return;
        }
        self.catch_up(rank).await;
    }

    /// An engine has ended its targets, and tells what their clocks have shown.
    pub fn ended(&self, rank: Rank, newest: Epoch) {
        self.hear_clock(newest);
        self.going.end(rank);
    }

    /// Until when a rank of which nothing is heard from now on may serve.
    fn lost_until(&self) -> Duration {
        self.spawner.clock().monotonic().saturating_add(LOST_LIMIT)
    }

    /// Until when a rank that is excluded now may serve.
    fn excluded_until(&self) -> Duration {
        self.spawner.clock().monotonic().saturating_add(EXCLUDED_LIMIT)
    }

    /// Whether a rank that is noted as stopped or excluded may serve all the same.
    pub(super) fn may_serve(&self, rank: Rank) -> bool {
        self.going.may_serve(rank, self.spawner.clock().monotonic())
    }

    /// A rank will be told to end its targets, which is noted before.
    fn begin_going(&self, rank: Rank) {
        let is_there = self.journal.state().is_present(rank);
        self.going.begin(rank, (!is_there).then(|| self.lost_until()));
    }

    /// An engine will be told to end its targets: that is noted now, as nobody may be able to when it has.
    pub async fn stopping(&self, rank: Rank) -> Result<()> {
        self.begin_going(rank);
        self.stopped(rank).await
    }

    /// Takes note of what the clocks of an engine have shown that cannot be asked any more: snapshots that are made without it are newer.
    fn hear_clock(&self, newest: Epoch) {
        if !self.clock.follow(newest.0, AHEAD_NANOSECONDS_MAX) {
            daos_env::log!(
                Warn,
                "system",
                "an engine's clock is hours ahead of the calendar here, and not followed: set the calendars"
            );
        }
    }

    /// An engine has ended its targets in good order, or will.
    pub async fn stopped(&self, rank: Rank) -> Result<()> {
        self.change(|state| state.rank_stopped(rank)).await?;
        daos_env::log!(Info, "system", "rank {} has stopped", rank.0);
        self.publish()
    }

    /// An engine is connected.
    pub fn present(self: &Rc<Self>, rank: Rank) -> Result<()> {
        if !self.journal.state_mut().note_presence(rank, true) {
            return Ok(());
        }
        self.publish()?;
        // What was closed while it was away, it has not heard.
        self.note_unaware(rank);
        Ok(())
    }

    /// An engine's connection ended without a word. One that just came to lead may have been connected to itself: others sent it there
    /// before it knew.
    pub fn lost(&self, rank: Rank) -> Result<()> {
        if rank != self.peers.known()?.own && self.journal.state_mut().note_presence(rank, false) {
            daos_env::log!(Warn, "system", "rank {} was lost: its connection ended", rank.0);
            self.going.lose(rank, self.lost_until());
            self.publish()?;
        }
        Ok(())
    }

    /// Changes what a rank is good for, and makes it known.
    pub async fn set_rank_state(&self, rank: Rank, state: RankState) -> Result<()> {
        if state == RankState::AdminExcluded {
            // It is told to end its targets. It is often one that does not answer, of which nothing more is heard.
            self.going.begin(rank, Some(self.lost_until()));
        }
        if state == RankState::Excluded {
            self.going.begin(rank, Some(self.excluded_until()));
        }
        let versions = self.change(|service| service.set_rank_state(rank, state)).await?;
        daos_env::log!(Info, "system", "rank {} is {}", rank.0, state.word());
        self.publish()?;
        self.tell_map_versions(rank, "out of", &versions).await;
        Ok(())
    }

    /// Takes a rank that serves back into the maps of its pools, and lets it know all of their versions.
    pub(super) async fn return_to_maps(&self, rank: Rank) {
        match self.change(|service| service.return_to_maps(rank)).await {
            Ok(versions) => self.tell_map_versions(rank, "back in", &versions).await,
            Err(status) => daos_env::log!(Error, "system", "rank {} stays out of its pools: {status}", rank.0),
        }
        let versions = self.journal.state().map_versions_of(rank);
        let targets: Vec<TargetName> = match self.peers.known() {
            Ok(known) => known.targets().into_iter().filter(|target| target.0 == rank).collect(),
            Err(_) => return,
        };
        if let Err(status) = self.order_all::<_, ()>(&targets, Opcode::TargetMapVersions, &versions).await {
            daos_env::log!(Warn, "system", "rank {} does not know the versions of pool maps: {status}", rank.0);
        }
    }

    /// Makes newer pool maps known to the targets that serve: they refuse requests by older ones. One that does not hear of it goes on
    /// to accept them until it serves again.
    async fn tell_map_versions(&self, rank: Rank, what: &str, versions: &MapVersions) {
        if versions.is_empty() {
            return;
        }
        daos_env::log!(Info, "system", "rank {} is {what} the maps of {} pools", rank.0, versions.len());
        let Ok(known) = self.peers.known() else { return };
        let told = known.targets().into_iter().filter(|target| target.0 != rank).map(|target| async move {
            self.order::<_, ()>(target, Opcode::TargetMapVersions, versions).await.err().map(|why| (target, why))
        });
        for ((rank, index), why) in join_all(told).await.into_iter().flatten() {
            daos_env::log!(Warn, "system", "target {} of rank {} missed versions of pool maps: {why}", index.0, rank.0);
        }
    }

    /// Room for a new pool on the ranks of these targets: every target gets as much as any other, so the rank that has least
    /// decides, and engines that share a file system or a memory share what is there.
    pub(super) async fn offer_of(&self, targets: &[TargetName]) -> Result<SpaceOffer> {
        let mut ranks: Vec<Rank> = targets.iter().map(|target| target.0).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let asked: Vec<TargetName> = ranks.iter().map(|rank| (*rank, SERVICE_TARGET)).collect();
        let offers: Vec<RankOffer> = self.order_all(&asked, Opcode::RankOffer, &()).await?;
        let count = offers.len() as u64;
        let storage = offers.iter().map(|offer| (offer.storage_name.as_str(), offer.storage));
        let memory = offers.iter().map(|offer| (offer.memory_name.as_str(), offer.memory));
        let times = |least: u64| least.saturating_mul(count);
        Ok(SpaceOffer { storage: times(least_share(storage)), memory: times(least_share(memory)) })
    }
}

/// The least that one of those gets who share equally what has one name.
fn least_share<'a>(offers: impl Iterator<Item = (&'a str, u64)>) -> u64 {
    let mut by_name: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (name, bytes) in offers {
        let entry = by_name.entry(name).or_insert((0, bytes));
        *entry = (entry.0 + 1, entry.1.min(bytes));
    }
    by_name.values().map(|(sharing, bytes)| bytes / sharing).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shares_a_file_system_shares_its_room() {
        assert_eq!(least_share([("a", 90), ("a", 89), ("b", 40)].into_iter()), 40);
        assert_eq!(least_share([("a", 60), ("a", 61), ("b", 40)].into_iter()), 30);
        assert_eq!(least_share([].into_iter()), 0);
    }
}
