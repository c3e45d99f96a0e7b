//! How an engine joins the system, and joins again: what it hears of the engine that leads, and what it says to it.

use super::SystemEngine;
use super::identity::Membership;
use super::link::{Link, News};
use super::settings::SystemNews;
use super::targets::Targets;
use crate::replica::ServiceLeadership;
use daos_status::{Code, Result};
use daos_types::Rank;
use daos_wire::{ControlRequest, Join, Joined, RankAction, RankEntry, RankState};
use std::time::Duration;

/// How long engines have to come to one that leads since just now: several attempts of their links.
pub(super) const ABSENCE_LIMIT: Duration = Duration::from_secs(5);

impl SystemEngine {
    /// A link to the other replicas, which joins with this.
    pub(super) fn link_to_others(&self) -> Link {
        let makings = &self.makings;
        let others = self.other_replicas.clone();
        Link::new(makings.control.clone(), others, makings.env.clone(), makings.bell.clone())
    }

    /// Joins at the engine that leads now, if the connection is to another one: that may have been stopped in its tracks.
    pub(super) fn follow(&mut self, place: &str) {
        let state = if matches!(self.targets, Targets::Stopped) { RankState::Stopped } else { RankState::Joined };
        let join = self.join_request(state);
        if let Some(link) = self.link.as_mut().filter(|link| link.joined_at().is_some_and(|at| at != place)) {
            daos_env::log!(Info, "engine", "the metadata service is led at {place} now");
            link.join_at(place, join);
        }
    }

    /// With what the engine joins, to serve or stopped.
    pub(super) fn join_request(&self, state: RankState) -> Join {
        let member = self.identity.member.as_ref();
        Join {
            system: self.settings.system.clone(),
            id: member.map(|member| member.system),
            rank: member.map(|member| member.rank),
            provider: self.makings.ground.provider(),
            entry: self.entry(state),
            clock: self.makings.clocks.newest(),
        }
    }

    /// What others are told about the engine.
    pub(super) fn entry(&self, state: RankState) -> RankEntry {
        RankEntry {
            rank: Rank(0),
            engine: self.identity.engine,
            control: self.settings.control(),
            domain: self.settings.domain.clone().unwrap_or_else(|| format!("/{}", crate::node::host())),
            targets: self.addresses.clone(),
            state: state as u8,
        }
    }

    /// Takes what the link has to say.
    pub(super) fn hear(&mut self, news: News) -> Result<()> {
        match news {
            News::Joined(joined) => self.joined(*joined)?,
            News::Table(table) => {
                if let Some(member) = &self.identity.member {
                    let rank = member.rank;
                    self.makings.ranks.set(rank, *table)?;
                    self.come_back(rank);
                }
            }
            News::Refused(status) if status.code() == Code::Excluded && self.was_ready => {
                daos_env::log!(Warn, "engine", "the targets are stopped: {status}");
                self.stop_targets()?;
                let join = self.join_request(RankState::Stopped);
                if let Some(link) = &mut self.link {
                    link.join(join);
                }
            }
            News::Refused(status) => return Err(status.while_doing("joining the system")),
            News::Lost(status) => {
                daos_env::log!(Warn, "engine", "the metadata service is not reached: {status}");
                if !self.was_ready {
                    (self.on_news)(SystemNews::Waits(&status));
                }
                self.note_cut_off();
            }
            News::Found(entry) => self.makings.ranks.set_hint(&entry)?,
            News::Order(RankAction::Stop) => {
                self.stop_targets()?;
            }
            News::Order(RankAction::Start) => self.start_targets()?,
            News::Order(action) => daos_env::log!(Warn, "engine", "an order to {action:?} means nothing to an engine"),
        }
        Ok(())
    }

    fn joined(&mut self, joined: Joined) -> Result<()> {
        let Joined { rank, token, table } = joined;
        self.returning = false;
        let member = Membership { name: table.system.clone(), system: table.id, rank };
        if self.identity.member.as_ref() != Some(&member) {
            self.identity.member = Some(member);
            self.identity.write(&self.makings.directory)?;
        }
        self.makings.sessions.set_engine(token);
        self.makings.ranks.set(rank, table)?;
        daos_env::log!(Info, "engine", "joined as rank {}", rank.0);
        if !self.trouble.is_empty() {
            self.say_trouble();
        }
        self.forget_grants("handles may have been closed unheard");
        match std::mem::replace(&mut self.targets, Targets::Stopped) {
            Targets::Joining(mut threads) => {
                threads.serve();
                self.targets = Targets::Starting(threads);
            }
            same => {
                // The service was lost, and is there again.
                if let (Targets::Serving(_), Some(link)) = (&same, &mut self.link) {
                    link.say(&ControlRequest::Serves(rank));
                }
                self.targets = same;
            }
        }
        // It may have been excluded while it joined.
        self.come_back(rank);
        Ok(())
    }

    /// Tells whoever leads what ails this engine.
    fn say_trouble(&mut self) {
        if let Some(link) = &mut self.link {
            link.say(&ControlRequest::Ails(self.trouble.clone()));
        }
    }

    /// Joins again when the others have taken this engine for dead, though it serves: it was stopped for a while, or its network cut.
    pub(super) fn come_back(&mut self, rank: Rank) {
        let state = self.makings.ranks.known().ok().and_then(|known| known.state(rank));
        if self.returning {
            return;
        }
        let join = self.join_request(RankState::Joined);
        if let (Targets::Serving(_), Some(link), Some(RankState::Excluded)) = (&self.targets, &mut self.link, state) {
            self.returning = true;
            daos_env::log!(Warn, "engine", "rank {} was excluded, and is alive: it joins again", rank.0);
            link.join(join);
        }
    }

    /// The metadata service has come to this engine, or has left it, or is found elsewhere.
    pub(super) fn leadership(&mut self, news: ServiceLeadership) -> Result<()> {
        let ServiceLeadership { leads, leader, trouble } = news;
        self.leader = leader;
        if trouble != self.trouble {
            self.trouble = trouble;
            self.say_trouble();
        }
        if leads && !self.leading {
            self.leading = true;
            self.link = None;
            self.told = 0;
            self.forget_grants("this engine leads now");
            self.absent_at = Some(self.makings.env.clock.monotonic() + ABSENCE_LIMIT);
        } else if !leads && self.leading {
            self.leading = false;
            self.absent_at = None;
            self.ailing.clear();
            // Clients and engines find the one that leads now; what they held stays theirs.
            self.makings.sessions.dismiss(&self.door.dismiss_all());
            self.lost_sight_of_all();
            self.note_cut_off();
        }
        let has_others = !self.other_replicas.is_empty();
        if !self.leading && self.link.is_none() && has_others && !self.addresses.is_empty() {
            let mut link = self.link_to_others();
            link.join(self.join_request(RankState::Joined));
            self.link = Some(link);
        } else if let Some(place) = self.leader.clone() {
            self.follow(&place);
        }
        Ok(())
    }
}
