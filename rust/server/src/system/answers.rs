//! What is answered at the control port.

use super::SystemEngine;
use super::door::{ConnectionId, Role};
use super::link::Link;
use super::orders::Heard;
use super::targets::Targets;
use crate::Peer;
use crate::target::ServiceCall;
use daos_pool_service::ClientId;
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use daos_wire::{
    Attach, ControlReply, ControlRequest, Hello, RankAction, RankEntry, RankState, RankTrouble, RanksRequest,
    SystemState,
};

/// The longest sentence about what ails an engine that is kept.
const TROUBLE_MAX: usize = 1024;

/// What is done when the metadata service has answered.
pub(super) enum Waiting {
    /// The connection that asked gets the answer, and becomes that of an engine.
    Join(ConnectionId),
    /// A rank has said that it has stopped, or serves; whoever waits for that goes on.
    Said(Rank, Heard),
    /// Whether this may be done to ranks.
    Operation(ConnectionId, Box<RanksRequest>),
    /// Nobody waits.
    Nobody,
}

impl SystemEngine {
    /// Asks the metadata service, which is on the first target of this engine.
    pub(super) fn ask_service(&mut self, call: ServiceCall, waiting: Waiting) -> Result<()> {
        let Targets::Serving(threads) = &self.targets else {
            fail!(Code::Again, "the metadata service is starting or was stopped; try again");
        };
        threads.control(self.next_question, call);
        self.waiting.insert(self.next_question, waiting);
        self.next_question += 1;
        Ok(())
    }

    pub(super) fn answered(&mut self, number: u64, answer: Result<Option<ControlReply>>) {
        if let Some(waiting) = self.waiting.remove(&number) {
            self.pass_on(waiting, answer);
        }
    }

    /// Tells those who wait for the metadata service that it was stopped: it answers nobody any more.
    pub(super) fn refuse_waiting(&mut self) {
        let refusal = Status::new(Code::Again, "the metadata service was stopped meanwhile; try again");
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            if !matches!(waiting, Waiting::Nobody) {
                self.pass_on(waiting, Err(refusal.clone()));
            }
        }
    }

    fn pass_on(&mut self, waiting: Waiting, answer: Result<Option<ControlReply>>) {
        match (waiting, answer) {
            (Waiting::Join(id), Ok(Some(reply))) => {
                let ControlReply::Joined(joined) = &reply else { return };
                let rank = joined.rank;
                self.door.supersede(rank, id);
                // What still ails it, it says again.
                self.ailing.remove(&rank);
                if !self.door.answer(id, &reply, Role::Engine(rank)) {
                    return self.gone(Role::Engine(rank));
                }
                // Meanwhile it may have been noted that the connection before this one ended.
                if let Err(status) = self.ask_service(ServiceCall::Present(rank), Waiting::Nobody) {
                    daos_env::log!(Warn, "system", "rank {}: {status}", rank.0);
                }
                self.stop_if_excluded(rank);
            }
            (Waiting::Join(id), Err(status)) => {
                daos_env::log!(Warn, "system", "{} may not join: {status}", self.door.from(id));
                self.door.answer(id, &ControlReply::failure(&status), Role::Stranger);
            }
            (Waiting::Said(rank, heard), Ok(_)) => {
                // One that has stopped would say so again and again.
                if heard != Heard::Stopped {
                    self.stop_if_excluded(rank);
                }
                self.heard_of(rank, heard);
            }
            (Waiting::Said(rank, heard), Err(status)) => {
                daos_env::log!(Error, "system", "rank {}: {status}", rank.0);
                self.not_noted(rank, heard, &status);
            }
            (Waiting::Operation(id, request), answer) => {
                if let Err(status) = answer.and_then(|_| self.begin_operation(id, &request)) {
                    self.door.answer(id, &ControlReply::failure(&status), Role::Stranger);
                }
            }
            (Waiting::Nobody, Err(status)) => daos_env::log!(Error, "system", "{status}"),
            (_, Ok(_)) => {}
        }
    }

    /// Answers somebody at the door, now or when the service has.
    pub(super) fn asked(&mut self, id: ConnectionId, request: ControlRequest) {
        let Err(status) = self.try_answer(id, request) else { return };
        if let Some(Role::Engine(rank)) = self.door.role(id) {
            // It would take it for known. When it has joined again, what has become of it is known.
            daos_env::log!(
                Warn,
                "system",
                "what rank {} said could not be noted, so it has to join again: {status}",
                rank.0
            );
            self.door.let_go(id);
            self.gone(Role::Engine(rank));
        } else {
            self.door.answer(id, &ControlReply::failure(&status), Role::Stranger);
        }
    }

    fn try_answer(&mut self, id: ConnectionId, request: ControlRequest) -> Result<()> {
        match (request, self.door.role(id)) {
            (ControlRequest::Stopped((rank, clock)), Some(Role::Engine(known))) if rank == known => {
                self.door.leave_unanswered(id);
                self.ask_service(ServiceCall::Ended(rank, clock), Waiting::Nobody)?;
                if self.is_stopping(rank) {
                    self.heard_of(rank, Heard::Stopped);
                    return Ok(());
                }
                self.ask_service(ServiceCall::Stopped(rank), Waiting::Said(rank, Heard::Stopped))
            }
            (ControlRequest::Serves(rank), Some(Role::Engine(known))) if rank == known => {
                self.door.leave_unanswered(id);
                if self.is_going(rank) {
                    return Ok(());
                }
                self.ask_service(ServiceCall::Serves(rank), Waiting::Said(rank, Heard::Serves))
            }
            (ControlRequest::Ails(sentence), Some(Role::Engine(rank))) => {
                self.door.leave_unanswered(id);
                self.note_ailing(rank, sentence);
                Ok(())
            }
            (ControlRequest::Stopped(_) | ControlRequest::Serves(_) | ControlRequest::Ails(_), _) => {
                fail!(Code::NoPerm, "only an engine that has joined says that of itself")
            }
            (request, _) => self.answer_stranger(id, request),
        }
    }

    fn answer_stranger(&mut self, id: ConnectionId, request: ControlRequest) -> Result<()> {
        if let (ControlRequest::Join(_), false, None, true) = (&request, self.leads(), &self.leader, self.keeps_replica)
        {
            // Replicas find each other by it when all of them start anew.
            let rank = self.identity.member.as_ref().map_or(Rank(u32::MAX), |member| member.rank);
            let entry = RankEntry { rank, ..self.entry(RankState::Joined) };
            self.door.answer(id, &ControlReply::Leaderless(entry), Role::Stranger);
            return Ok(());
        }
        match &request {
            ControlRequest::Storage(of) => return self.ask_storage(id, of),
            ControlRequest::Interfaces(of) => return self.ask_interfaces(id, of),
            ControlRequest::SetLogMask((of, mask)) => return self.change_log(id, of, mask.as_deref()),
            _ => {}
        }
        if self.is_stopped_with_all() {
            return self.answer_while_stopped(id, request);
        }
        if let Some(elsewhere) = self.redirect() {
            self.door.answer(id, &ControlReply::Redirect(elsewhere?), Role::Stranger);
            return Ok(());
        }
        match request {
            ControlRequest::Join(join) => self.ask_service(ServiceCall::Join(Box::new(join)), Waiting::Join(id)),
            ControlRequest::Attach(attach) => self.attach(id, &attach),
            ControlRequest::Members(members) => self.show_members(id, &members.system),
            ControlRequest::Ranks(request) => {
                self.check_name(&request.system)?;
                self.ask_for_operation(id, request)
            }
            ControlRequest::Stopped(_)
            | ControlRequest::Serves(_)
            | ControlRequest::Ails(_)
            | ControlRequest::Storage(_)
            | ControlRequest::SetLogMask(_)
            | ControlRequest::Interfaces(_) => {
                fail!(Code::Proto, "that is no request")
            }
        }
    }

    fn show_members(&mut self, id: ConnectionId, system: &str) -> Result<()> {
        self.check_name(system)?;
        let known = self.makings.ranks.known()?;
        let mut table = known.table.clone();
        for entry in &mut table.ranks {
            entry.state = self.state_of(entry.rank) as u8;
        }
        let own = (!self.trouble.is_empty()).then(|| (known.own, self.trouble.clone()));
        let others = self.ailing.iter().map(|(rank, sentence)| (*rank, sentence.clone()));
        let ailing = others.chain(own).map(|(rank, sentence)| RankTrouble { rank, sentence }).collect();
        let state = SystemState { table, ailing };
        self.door.answer(id, &ControlReply::State(state), Role::Stranger);
        Ok(())
    }

    /// An engine says that something ails it, or (with nothing) does no more.
    fn note_ailing(&mut self, rank: Rank, mut sentence: String) {
        let end = (0..=TROUBLE_MAX.min(sentence.len())).rev().find(|end| sentence.is_char_boundary(*end));
        sentence.truncate(end.unwrap_or(0));
        if sentence.is_empty() {
            if self.ailing.remove(&rank).is_some() {
                daos_env::log!(Info, "system", "nothing ails rank {} any more", rank.0);
            }
            return;
        }
        daos_env::log!(Warn, "system", "rank {}: {sentence}", rank.0);
        self.ailing.insert(rank, sentence);
    }

    /// The replica of this engine was stopped, and no other one leads: so many were stopped that none can.
    fn is_stopped_with_all(&self) -> bool {
        let is_stopped = matches!(self.targets, Targets::Stopped) && self.keeps_replica && !self.leads();
        is_stopped && self.link.as_ref().is_none_or(|link| link.joined_at().is_none())
    }

    /// Answers for a system that was stopped, so that it can be started again: each replica that is asked to starts, and the one that
    /// leads then starts the others.
    fn answer_while_stopped(&mut self, id: ConnectionId, request: ControlRequest) -> Result<()> {
        let own = self.identity.member.as_ref().map_or(Rank(u32::MAX), |member| member.rank);
        match request {
            ControlRequest::Members(members) => self.show_members(id, &members.system),
            ControlRequest::Ranks(request) if request.action == RankAction::Start as u8 => {
                self.check_name(&request.system)?;
                if !request.ranks.is_empty() && !request.ranks.contains(&own) {
                    fail!(
                        Code::Again,
                        "rank {}, which keeps a replica of the metadata, is stopped, and too few others run: start it, too",
                        own.0
                    );
                }
                self.start_targets()?;
                fail!(Code::Again, "rank {} starts; nobody leads the metadata service yet", own.0)
            }
            ControlRequest::Attach(_) => fail!(Code::Shutdown, "the system was stopped; 'dmg system start' starts it"),
            _ => fail!(Code::Again, "the system was stopped; 'dmg system start' starts it"),
        }
    }

    /// Where whoever asks has to go, when it is not here.
    fn redirect(&self) -> Option<Result<String>> {
        if self.leads() {
            return None;
        }
        if let Some(leader) = &self.leader {
            return Some(Ok(leader.clone()));
        }
        if let Some(place) = self.link.as_ref().and_then(Link::joined_at) {
            return Some(Ok(place.to_owned()));
        }
        if self.keeps_replica {
            return Some(Err(self.settings.leaderless()));
        }
        Some(self.makings.ranks.known().and_then(|known| match known.table.find(known.table.service) {
            Some(entry) => Ok(entry.control.clone()),
            None => fail!(Code::Again, "this engine has not joined yet; try again"),
        }))
    }

    pub(super) fn check_name(&self, name: &str) -> Result<()> {
        if name != self.settings.system {
            fail!(
                Code::NoPerm,
                "the system here is '{}', not '{name}': set DAOS_SYSTEM or 'name', or use another access point",
                self.settings.system
            );
        }
        Ok(())
    }

    /// Takes a client in: from now on its connection is its lease.
    fn attach(&mut self, id: ConnectionId, request: &Attach) -> Result<()> {
        let Attach { system, credentials } = request;
        self.check_name(system)?;
        if !credentials.is_valid() {
            fail!(Code::Inval, "the client's user or one of its groups has no name of the form name@");
        }
        let known = self.makings.ranks.known()?;
        let Some(own) = known.table.find(known.own) else { fail!(Code::Again, "the engine is starting; try again") };
        match self.targets {
            Targets::Serving(_) => {}
            Targets::Stopped => fail!(
                Code::Shutdown,
                "rank {}, which leads the metadata service, was stopped; 'dmg system start' starts it",
                known.own.0
            ),
            _ => fail!(Code::Again, "rank {}, which leads the metadata service, is starting; try again", known.own.0),
        }
        let session = self.makings.sessions.admit(&*self.makings.env.random, Peer::elsewhere(credentials.clone()));
        let hello = Hello {
            session,
            process: self.makings.ground.process(),
            system: system.clone(),
            provider: self.makings.ground.provider(),
            targets: own.targets.clone(),
        };
        let reply = ControlReply::Greeting((hello, known.table.clone()));
        if !self.door.answer(id, &reply, Role::Client(session)) {
            self.gone(Role::Client(session));
        }
        Ok(())
    }

    /// A connection that meant something has ended.
    pub(super) fn gone(&mut self, role: Role) {
        match role {
            Role::Stranger => {}
            Role::Client(session) => {
                let client: ClientId = self.makings.sessions.forget(session);
                if let Targets::Serving(threads) = &self.targets {
                    threads.client_gone(client);
                }
            }
            Role::Engine(rank) => {
                self.ailing.remove(&rank);
                self.lost_sight_of(rank);
                if let Err(status) = self.ask_service(ServiceCall::Lost(rank), Waiting::Nobody) {
                    daos_env::log!(Warn, "system", "that rank {} was lost could not be noted: {status}", rank.0);
                }
            }
        }
    }
}
