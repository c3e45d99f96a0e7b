//! Membership as the first target of an engine runs it: it tells the core the time, carries its messages, and brings what it finds
//! to the metadata service, if that runs here.
//!
//! Each message carries what the clocks of the engine's targets have shown, and moves that of who gets it: so the one of the engine that leads is ahead of
//! all that ranks have written which have stopped or died since, and snapshots that are made without them are newer than that.

use super::{Inner, Peers, Pools};
use crate::ranks::{Known, TargetName};
use crate::{Clocks, Sessions};
use daos_env::Spawner;
use daos_env::sync::{Budget, join_all};
use daos_membership::{
    Event, ExclusionSettings, Exclusions, Member, Membership, MembershipSettings, Message, SystemView, Verdict,
};
use daos_status::Result;
use daos_types::{Epoch, Rank};
use daos_wire::{Blob, Opcode, RankState};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// Messages under way: what is beyond is not sent, as if it had been lost.
const UNDER_WAY_MAX: u64 = 256;
/// How long a message may take. What comes later has no use.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an engine that does not see most of the others goes on to serve objects: as long as an exclusion takes.
const ALONE_MAX: Duration = Duration::from_secs(10);

/// How long the engine's end waits for those to whom it says good-bye.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(100);

/// Who lives, as the engine sees it.
pub(crate) struct Members {
    membership: RefCell<Membership>,
    exclusions: RefCell<Exclusions>,
    peers: Rc<Peers>,
    pools: Pools,
    clocks: Arc<Clocks>,
    spawner: Spawner,
    under_way: Rc<Budget>,
    period: Duration,
    /// When somebody is looked for next who should live and was not heard of.
    next_look: Cell<Duration>,
    /// Who was looked for last.
    looked_for: Cell<u32>,
    /// Why nobody was excluded, when that was said last.
    said: Cell<&'static str>,
    /// Another engine has a clock that is far ahead, which was said.
    is_ahead_known: Cell<bool>,
    /// Since when most of the others are not seen.
    alone_since: Cell<Option<Duration>>,
}

impl Members {
    /// Takes part from now on, in the life that begins with `incarnation`, until the target ends.
    pub fn start(target: &Rc<Inner>, incarnation: u64) -> Result<Rc<Members>> {
        let settings: MembershipSettings = target.settings.membership;
        let own = Member { rank: target.peers.known()?.own, incarnation };
        let (spawner, seed) = (target.spawner.clone(), target.env.random.next_u64());
        let members = Rc::new(Members {
            membership: RefCell::new(Membership::new(own, &settings, seed, spawner.clock().monotonic())),
            exclusions: RefCell::new(Exclusions::new(ExclusionSettings::default())),
            peers: target.peers.clone(),
            pools: target.pools.clone(),
            clocks: target.clocks.clone(),
            under_way: Budget::new(UNDER_WAY_MAX),
            period: settings.period,
            next_look: Cell::default(),
            looked_for: Cell::default(),
            said: Cell::new(""),
            is_ahead_known: Cell::new(false),
            alone_since: Cell::new(None),
            spawner,
        });
        members.spawner.spawn(run(Rc::downgrade(target), Rc::downgrade(&members), members.spawner.clone()));
        Ok(members)
    }

    fn now(&self) -> Duration {
        self.spawner.clock().monotonic()
    }

    /// Hears a message of another engine, and what its clock showed.
    pub fn receive(&self, bytes: &[u8], moment: Epoch) -> Result<()> {
        let is_ahead = !self.pools.observe_other(moment);
        if is_ahead && !self.is_ahead_known.replace(true) {
            daos_env::log!(
                Warn,
                "membership",
                "another engine's clock is hours ahead of the calendar here, and not followed: set the calendars"
            );
        }
        let heard = self.membership.borrow_mut().receive(self.now(), bytes);
        self.send();
        heard
    }

    /// A rank has joined the system.
    pub fn note_joined(&self, rank: Rank) {
        self.exclusions.borrow_mut().note_joined(self.now(), rank);
    }

    /// Says good-bye, so that nobody has to suspect this engine first.
    pub async fn leave(&self) {
        if self.membership.borrow_mut().leave(self.now()).is_err() {
            return;
        }
        let messages: Vec<Message> = std::iter::from_fn(|| self.membership.borrow_mut().take_message()).collect();
        join_all(messages.into_iter().map(|message| async move {
            let target: TargetName = (message.to, super::SERVICE_TARGET);
            let news = (Blob(message.bytes), self.clocks.newest());
            let _lost = self.peers.tell(target, Opcode::Membership, &news, GOODBYE_TIMEOUT).await;
        }))
        .await;
    }

    /// Sends what there is to say. What does not arrive is as good as lost.
    fn send(&self) {
        loop {
            let message = self.membership.borrow_mut().take_message();
            let Some(message) = message else { return };
            let Some(permit) = self.under_way.try_take(1) else { continue };
            let peers = self.peers.clone();
            let news = (Blob(message.bytes), self.clocks.newest());
            self.spawner.spawn(async move {
                let target: TargetName = (message.to, super::SERVICE_TARGET);
                let _lost = peers.tell(target, Opcode::Membership, &news, MESSAGE_TIMEOUT).await;
                drop(permit);
            });
        }
    }

    /// Greets one of those who should live and are not known to.
    fn look_for_missing(&self, known: &Known) {
        let now = self.now();
        if now < self.next_look.get() {
            return;
        }
        self.next_look.set(now.saturating_add(self.period));
        let alive = self.membership.borrow().members();
        let serving = known.table.ranks.iter().filter(|entry| entry.state == RankState::Joined as u8);
        let missing: Vec<Rank> = serving
            .map(|entry| entry.rank)
            .filter(|rank| *rank != known.own && alive.binary_search_by_key(rank, |member| member.rank).is_err())
            .collect();
        if !missing.is_empty() {
            self.looked_for.set(self.looked_for.get().wrapping_add(1));
            let rank = missing[self.looked_for.get() as usize % missing.len()];
            let _lost = self.membership.borrow_mut().greet(now, rank);
        }
    }

    /// Notes whether the engine sees most of those that should serve. Who does not see them for a while is cut off, and does not hear of
    /// handles that are closed. An engine that sees them goes on also when nobody leads the metadata service.
    fn look_at_standing(&self, known: &Known, sessions: &Sessions) {
        let alive = self.membership.borrow().members();
        let serving = known.table.ranks.iter().filter(|entry| entry.state == RankState::Joined as u8);
        let (mut all, mut seen) = (0, 0);
        for entry in serving {
            let is_seen =
                entry.rank == known.own || alive.binary_search_by_key(&entry.rank, |member| member.rank).is_ok();
            (all, seen) = (all + 1, seen + u32::from(is_seen));
        }
        let now = self.now();
        let since = (2 * seen < all).then(|| self.alone_since.get().unwrap_or(now));
        self.alone_since.set(since);
        let is_cut_off = since.is_some_and(|since| now.saturating_sub(since) >= ALONE_MAX);
        if sessions.standing().note(now, is_cut_off) {
            match is_cut_off {
                true => daos_env::log!(
                    Warn,
                    "membership",
                    "{seen} of {all} ranks are seen: this engine is cut off, and serves no objects until it is not"
                ),
                false => daos_env::log!(Info, "membership", "this engine is no longer cut off"),
            }
        }
    }

    /// Takes what was found out. What it means for the system is decided where the metadata service runs.
    fn hear(&self) {
        loop {
            let event = self.membership.borrow_mut().take_event();
            let Some(event) = event else { return };
            match event {
                Event::Alive(member) => {
                    daos_env::log!(Info, "membership", "rank {} lives ({})", member.rank.0, member.incarnation);
                    self.exclusions.borrow_mut().note_alive(member);
                }
                Event::Dead(member) => {
                    daos_env::log!(Warn, "membership", "rank {} does not answer, and is taken for dead", member.rank.0);
                    self.exclusions.borrow_mut().note_dead(self.now(), member);
                }
                Event::Excluded(own) => {
                    self.peers.doubt_standing();
                    daos_env::log!(
                        Warn,
                        "membership",
                        "the other engines have taken this one, rank {}, for dead: was it stopped, or its network cut?",
                        own.rank.0
                    );
                }
                Event::Overtaken(own) => daos_env::log!(
                    Warn,
                    "membership",
                    "the other engines know of a later life of rank {}: the calendar here has gone back; this life is now {}",
                    own.rank.0,
                    own.incarnation
                ),
            }
        }
    }

    /// The dead that are to be excluded now.
    fn to_exclude(&self, known: &Known, replicas: BTreeSet<Rank>) -> Vec<Rank> {
        let is_part = |state: Option<RankState>| matches!(state, Some(RankState::Joined | RankState::Unresponsive));
        let parts = known.table.ranks.iter().filter(|entry| is_part(RankState::from_number(entry.state)));
        let view = SystemView { serving: parts.map(|entry| entry.rank).collect(), replicas, own: known.own };
        match self.exclusions.borrow_mut().decide(self.now(), &view) {
            Verdict::Exclude(ranks) => {
                self.said.set("");
                ranks
            }
            Verdict::Wait(why) => {
                if self.said.replace(why) != why {
                    daos_env::log!(Info, "membership", "no rank is excluded: {why}");
                }
                Vec::new()
            }
        }
    }
}

/// Runs membership until the target ends.
async fn run(target: Weak<Inner>, members: Weak<Members>, spawner: Spawner) {
    loop {
        let Some((members, inner)) = members.upgrade().zip(target.upgrade()) else { return };
        if inner.stopping.get() {
            return;
        }
        members.membership.borrow_mut().tick(members.now());
        members.hear();
        if let Ok(known) = members.peers.known() {
            members.look_for_missing(&known);
            members.look_at_standing(&known, &inner.sessions);
            let (service, replica) = (inner.service.borrow().clone(), inner.replica.borrow().clone());
            if let (Some(service), Some(replica)) = (service, replica) {
                for rank in members.to_exclude(&known, replica.voters()) {
                    if let Err(status) = service.set_rank_state(rank, RankState::Excluded).await {
                        daos_env::log!(Error, "membership", "rank {} could not be excluded: {status}", rank.0);
                    }
                }
            }
        }
        members.send();
        let due = members.membership.borrow().next_due();
        drop((members, inner));
        spawner.sleep(due.max(Duration::from_millis(1))).await;
    }
}
