//! The life of an engine of a system. Its main thread decides here; it waits on everything at once, and on nothing else.

use super::answers::Waiting;
use super::door::{Door, Event};
use super::identity::{Identity, Membership};
use super::link::{Link, News};
use super::orders::Heard;
use super::orders::Operation;
use super::running::Makings;
use super::settings::{SystemEngineSettings, SystemReady};
use super::telemetry::Telemetry;
use crate::local::{DirectoryLock, StopSignals, Wanted, wait};
use crate::replica::ServiceLeadership;
use crate::target::ServiceCall;
use crate::threads::{Progress, TargetThreads};
use daos_status::{Code, Result, fail};
use daos_types::Rank;
use daos_wire::{ControlReply, ControlRequest, Join, Joined, RankAction, RankEntry, RankState, RankTable};
use std::collections::BTreeMap;
use std::time::Duration;

/// Whether a process ends, and how.
enum Next {
    GoOn,
    End(&'static str),
}

/// How long engines have to come to one that leads since just now: several attempts of their links.
const ABSENCE_LIMIT: Duration = Duration::from_secs(5);
/// How long open handles are good at an engine that has lost the metadata service. Another engine leads within seconds; one that is cut
/// off is found out within about ten, by the kernel, and so refuses what was closed after half a minute.
const GRANTS_LIMIT: Duration = Duration::from_secs(20);

/// How far the targets are.
pub(super) enum Targets {
    /// They were told to end.
    Stopped,
    Starting(TargetThreads),
    /// They wait for the engine to join.
    Joining(TargetThreads),
    Serving(TargetThreads),
}

/// Called once, when the engine serves.
pub(super) type OnReady = Box<dyn FnOnce(&SystemReady)>;

/// An engine of a system, as a process.
pub struct SystemEngine {
    pub(super) settings: SystemEngineSettings,
    pub(super) identity: Identity,
    pub(super) makings: Makings,
    /// None in a simulation.
    pub(super) signals: Option<StopSignals>,
    pub(super) door: Door,
    /// To the engine that leads; none on the one that does.
    pub(super) link: Option<Link>,
    /// The metadata service runs on this engine.
    pub(super) leading: bool,
    /// The control port of the engine on which it runs, when that is another one and known.
    pub(super) leader: Option<String>,
    /// Its first target keeps a replica of the metadata.
    pub(super) keeps_replica: bool,
    /// When engines that have not come since this one leads are lost.
    pub(super) absent_at: Option<Duration>,
    /// When handles are not good any more that the metadata service has not confirmed since it was lost.
    pub(super) forget_at: Option<Duration>,
    pub(super) is_ending: bool,
    pub(super) targets: Targets,
    /// Of the targets, as they were started last.
    pub(super) addresses: Vec<String>,
    /// Questions to the metadata service that were not answered yet.
    pub(super) waiting: BTreeMap<u64, Waiting>,
    pub(super) next_question: u64,
    /// The version of the table that other engines were told last.
    pub(super) told: u64,
    pub(super) on_ready: Option<OnReady>,
    /// It joins again, having been excluded.
    pub(super) returning: bool,
    /// What an administrator wants and is not done yet.
    pub(super) operations: Vec<Operation>,
    pub(super) telemetry: Option<Telemetry>,
    /// When it started, in seconds since 1970.
    pub(super) started: u64,
    pub(super) _lock: DirectoryLock,
}

impl SystemEngine {
    /// Serves until SIGTERM or SIGINT. `on_ready` is called once, when the engine is part of the system and serves.
    ///
    /// To be called by the main thread of a process before it has others: the signals are blocked here.
    ///
    /// # Errors
    /// Why the engine could not start, or had to end.
    pub fn serve(settings: SystemEngineSettings, on_ready: impl FnOnce(&SystemReady) + 'static) -> Result<()> {
        settings.check()?;
        let signals = StopSignals::block()?;
        let mut engine = SystemEngine::open_here(settings, signals, Box::new(on_ready))?;
        let result = engine.run();
        if let Err(status) = &result {
            daos_env::log!(Error, "engine", "the engine ends: {status}");
        }
        result
    }

    fn run(&mut self) -> Result<()> {
        let result = loop {
            match self.turn() {
                Ok(Next::GoOn) => {}
                Ok(Next::End(signal)) => {
                    daos_env::log!(Info, "engine", "{signal} ends the engine; clients: {}", self.door.clients());
                    break Ok(());
                }
                Err(status) => break Err(status),
            }
        };
        result.and(self.end())
    }

    /// Ends the engine in good order, as a signal does.
    ///
    /// # Errors
    /// What did not end as it should.
    pub fn end(&mut self) -> Result<()> {
        self.is_ending = true;
        let stopped = self.stop_targets();
        self.makings.directory.remove_process_file();
        daos_env::log!(Info, "engine", "ended");
        stopped
    }

    /// When there is something to do though nothing has happened.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let link = self.link.as_ref().and_then(Link::deadline);
        let own = [self.operations_deadline(), self.absent_at, self.forget_at];
        let deadlines = [self.door.deadline(), self.telemetry_deadline(), link].into_iter().chain(own);
        deadlines.flatten().min()
    }

    /// Waits until something happens, and does what has to be done.
    fn turn(&mut self) -> Result<Next> {
        let mut wanted = vec![Wanted { descriptor: self.makings.bell.descriptor(), write: false }];
        let signals = self.signals.as_ref().map(StopSignals::descriptor);
        wanted.extend(signals.map(|descriptor| Wanted { descriptor, write: false }));
        wanted.extend(self.link.as_ref().and_then(Link::wanted));
        let door_start = wanted.len();
        wanted.extend(self.door.wanted());
        let door_end = wanted.len();
        wanted.extend(self.telemetry.iter().flat_map(Telemetry::wanted));
        let now = self.makings.env.clock.monotonic();
        let limit: Option<Duration> = self.deadline().map(|deadline| deadline.saturating_sub(now));
        let ready = wait(&wanted, limit);
        if let Some(signal) = self.signals.as_ref().and_then(StopSignals::take) {
            return Ok(Next::End(signal));
        }
        self.look(&ready[door_start..door_end], &ready[door_end..])?;
        Ok(Next::GoOn)
    }

    /// Does what has to be done, with what is ready at the door and at that of telemetry.
    pub(super) fn look(&mut self, at_door: &[bool], at_telemetry: &[bool]) -> Result<()> {
        self.makings.bell.clear();
        self.look_at_targets()?;
        for news in self.link.as_mut().map(Link::look).unwrap_or_default() {
            self.hear(news)?;
        }
        for event in self.door.serve(at_door) {
            match event {
                Event::Asked(id, request) => self.asked(id, request),
                Event::Gone(role) => self.gone(role),
            }
        }
        if let Some(place) = self.makings.ranks.take_leading() {
            self.follow(&place);
        }
        self.serve_telemetry(at_telemetry);
        self.look_at_operations()?;
        self.look_for_absent();
        if self.forget_at.is_some_and(|at| at <= self.makings.env.clock.monotonic()) {
            self.forget_grants("the metadata service was not heard of for long");
        }
        self.tell_table();
        Ok(())
    }

    /// A link to the other replicas, which joins with this.
    pub(super) fn link_to_others(&self) -> Link {
        let makings = &self.makings;
        let others = self.settings.other_replicas();
        Link::new(makings.control.clone(), others, makings.env.clone(), makings.bell.clone())
    }

    pub(super) fn leads(&self) -> bool {
        self.leading
    }

    /// The metadata service has come to this engine, or has left it, or is found elsewhere.
    fn leadership(&mut self, news: ServiceLeadership) -> Result<()> {
        let ServiceLeadership { leads, leader } = news;
        self.leader = leader;
        if leads && !self.leading {
            self.leading = true;
            self.link = None;
            self.told = 0;
            self.forget_grants("this engine leads now");
            self.absent_at = Some(self.makings.env.clock.monotonic() + ABSENCE_LIMIT);
        } else if !leads && self.leading {
            self.leading = false;
            self.absent_at = None;
            // Clients and engines find the one that leads now; what they held stays theirs.
            self.door.dismiss_all();
            self.lost_sight_of_all();
            self.note_cut_off();
        }
        let has_others = !self.settings.other_replicas().is_empty();
        if !self.leading && self.link.is_none() && has_others && !self.addresses.is_empty() {
            let mut link = self.link_to_others();
            link.join(self.join_request(RankState::Joined));
            self.link = Some(link);
        } else if let Some(place) = self.leader.clone() {
            self.follow(&place);
        }
        Ok(())
    }

    /// Joins at the engine that leads now, if the connection is to another one: that may have been stopped in its tracks.
    fn follow(&mut self, place: &str) {
        let state = if matches!(self.targets, Targets::Stopped) { RankState::Stopped } else { RankState::Joined };
        let join = self.join_request(state);
        if let Some(link) = self.link.as_mut().filter(|link| link.joined_at().is_some_and(|at| at != place)) {
            daos_env::log!(Info, "engine", "the metadata service is led at {place} now");
            link.join_at(place, join);
        }
    }

    /// The metadata service is out of sight: it may close handles, and this engine does not hear of it. For a while they are good all the
    /// same, as another engine may take over.
    fn note_cut_off(&mut self) {
        let now = self.makings.env.clock.monotonic();
        self.forget_at.get_or_insert(now + GRANTS_LIMIT);
    }

    /// Lets the targets ask anew what each handle allows.
    fn forget_grants(&mut self, why: &str) {
        self.forget_at = None;
        if let Targets::Serving(threads) = &self.targets {
            daos_env::log!(Info, "engine", "{why}: open handles are confirmed anew");
            threads.forget_grants();
        }
    }

    /// Engines that have not come are lost.
    fn look_for_absent(&mut self) {
        let is_due = self.absent_at.is_some_and(|at| at <= self.makings.env.clock.monotonic());
        if is_due && matches!(self.targets, Targets::Serving(_)) {
            self.absent_at = None;
            let connected = self.door.engines();
            if let Err(status) = self.ask_service(ServiceCall::Connected(connected), Waiting::Nobody) {
                daos_env::log!(Warn, "system", "absent engines could not be noted: {status}");
            }
        }
    }

    /// Takes the news of the targets.
    fn look_at_targets(&mut self) -> Result<()> {
        let (Targets::Starting(threads) | Targets::Joining(threads) | Targets::Serving(threads)) = &mut self.targets
        else {
            return Ok(());
        };
        let progress = threads.progress()?;
        let answers = threads.take_answers();
        let leadership = threads.take_leadership();
        if let Some(telemetry) = &mut self.telemetry {
            threads.take_measures().into_iter().for_each(|measures| telemetry.measured(measures));
        }
        match (progress, std::mem::replace(&mut self.targets, Targets::Stopped)) {
            (Progress::Bound, Targets::Starting(threads)) => self.bound(threads)?,
            (Progress::Ready, Targets::Starting(threads)) => self.serving(threads)?,
            (Progress::Ended, _) => fail!(Code::Shutdown, "the targets of the engine ended"),
            (_, same) => self.targets = same,
        }
        if let Some(leadership) = leadership {
            self.leadership(leadership)?;
        }
        answers.into_iter().for_each(|(number, answer)| self.answered(number, answer));
        Ok(())
    }

    /// The addresses of the targets are known: the engine joins, or knows itself.
    fn bound(&mut self, mut threads: TargetThreads) -> Result<()> {
        self.addresses = threads.addresses().iter().map(ToString::to_string).collect();
        let member = self.identity.member.clone();
        let join = self.join_request(RankState::Joined);
        if let Some(link) = &mut self.link {
            link.join(join);
            if member.is_none() || !self.keeps_replica {
                self.targets = Targets::Joining(threads);
                return Ok(());
            }
            // A replica serves before anybody leads: perhaps it is needed for that.
        }
        let Some(member) = member else { fail!(Code::Uninit, "the engine has no identity") };
        let own = RankEntry { rank: member.rank, ..self.entry(RankState::Joined) };
        let mut table = match self.makings.ranks.known() {
            // The targets were started before.
            Ok(known) => known.table.clone(),
            Err(_) => RankTable {
                version: 0,
                system: member.name,
                id: member.system,
                provider: self.makings.ground.provider(),
                service: member.rank,
                ranks: Vec::new(),
            },
        };
        table.ranks.retain(|entry| entry.rank != member.rank);
        table.ranks.insert(0, own);
        self.makings.ranks.set_anew(member.rank, table)?;
        threads.serve();
        self.targets = Targets::Starting(threads);
        Ok(())
    }

    /// With what the engine joins, to serve or stopped.
    fn join_request(&self, state: RankState) -> Join {
        let member = self.identity.member.as_ref();
        Join {
            system: self.settings.system.clone(),
            id: member.map(|member| member.system),
            rank: member.map(|member| member.rank),
            provider: self.makings.ground.provider(),
            entry: self.entry(state),
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

    /// The targets serve.
    fn serving(&mut self, threads: TargetThreads) -> Result<()> {
        self.makings.format.write(&self.makings.directory)?;
        self.makings.format.is_new = false;
        let Some(member) = &self.identity.member else { fail!(Code::Uninit, "the engine has no identity") };
        let rank = member.rank;
        let ready = SystemReady {
            system: member.name.clone(),
            rank,
            control: self.settings.control(),
            targets: threads.addresses().len(),
            provider: self.makings.ground.provider(),
        };
        self.targets = Targets::Serving(threads);
        daos_env::log!(Info, "engine", "rank {} of system '{}' serves", rank.0, ready.system);
        if let Some(link) = &mut self.link {
            link.say(&ControlRequest::Serves(rank));
        }
        if self.leads() {
            // The service does not know yet who is connected.
            for other in self.door.engines() {
                self.ask_service(ServiceCall::Present(other), Waiting::Nobody)?;
            }
            self.heard_of(rank, Heard::Serves);
        }
        if let Some(on_ready) = self.on_ready.take() {
            on_ready(&ready);
        }
        // It may have been taken for dead while the targets were starting.
        self.come_back(rank);
        Ok(())
    }

    /// Takes what the link has to say.
    fn hear(&mut self, news: News) -> Result<()> {
        match news {
            News::Joined(joined) => self.joined(*joined)?,
            News::Table(table) => {
                if let Some(member) = &self.identity.member {
                    let rank = member.rank;
                    self.makings.ranks.set(rank, *table)?;
                    self.come_back(rank);
                }
            }
            News::Refused(status) if status.code() == Code::Excluded && self.on_ready.is_none() => {
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

    /// Joins again when the others have taken this engine for dead, though it serves: it was stopped for a while, or its network cut.
    fn come_back(&mut self, rank: Rank) {
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

    pub(super) fn start_targets(&mut self) -> Result<()> {
        if matches!(self.targets, Targets::Stopped) {
            daos_env::log!(Info, "engine", "the targets are started");
            self.targets = Targets::Starting(self.makings.start()?);
            return Ok(());
        }
        let join = self.join_request(RankState::Joined);
        if let (Targets::Serving(_), Some(link)) = (&self.targets, &mut self.link) {
            // Whoever orders it takes this engine for stopped, or has not heard that it serves.
            link.join(join);
        }
        Ok(())
    }

    /// Ends the targets in good order, and says so.
    pub(super) fn stop_targets(&mut self) -> Result<()> {
        let (Targets::Starting(mut threads) | Targets::Joining(mut threads) | Targets::Serving(mut threads)) =
            std::mem::replace(&mut self.targets, Targets::Stopped)
        else {
            self.say_stopped();
            return Ok(());
        };
        let result = threads.stop();
        self.door.dismiss_clients();
        self.leader = None;
        if self.leading && !self.is_ending && !self.settings.other_replicas().is_empty() {
            // Another engine leads now.
            self.leading = false;
            self.absent_at = None;
            self.door.dismiss_all();
            let mut link = self.link_to_others();
            link.join(self.join_request(RankState::Stopped));
            self.link = Some(link);
        }
        self.say_stopped();
        daos_env::log!(Info, "engine", "the targets have ended");
        result
    }

    fn say_stopped(&mut self) {
        let join = self.join_request(RankState::Stopped);
        if let (Some(link), Some(member)) = (&mut self.link, &self.identity.member) {
            link.say(&ControlRequest::Stopped(member.rank));
            // When the connection has to be made anew, it joins as one that is stopped.
            link.join_later(join);
        }
    }

    /// Tells the other engines a table that is newer than what they were told.
    fn tell_table(&mut self) {
        let Ok(known) = self.makings.ranks.known() else { return };
        if self.leads() && known.table.version > self.told {
            self.told = known.table.version;
            self.door.tell_engines(None, &ControlReply::Table(known.table.clone()));
        }
    }
}
