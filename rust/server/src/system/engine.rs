//! The life of an engine of a system. Its main thread decides here; it waits on everything at once, and on nothing else.

use super::answers::Waiting;
use super::door::{Door, Event};
use super::identity::{Identity, Membership};
use super::link::{Link, News};
use super::orders::Operation;
use super::running::Makings;
use super::settings::{SystemEngineSettings, SystemReady};
use super::telemetry::Telemetry;
use crate::fabric::Fabric;
use crate::local::{Directory, DirectoryFormat, DirectoryLock, Holder, LogFile, StopSignals, Wanted, wait};
use crate::local_engine::{CLIENTS_MAX, OWN_DESCRIPTORS, raise_descriptor_limit};
use crate::replica::ServiceLeadership;
use crate::target::ServiceCall;
use crate::threads::{Progress, TargetThreads};
use crate::{Ranks, ReplicaRole, Sessions};
use daos_env::{Doorbell, Env};
use daos_status::{Code, Result, Status, fail};
use daos_types::{EngineId, Rank, SystemId};
use daos_wire::{ControlReply, ControlRequest, Join, Joined, RankAction, RankEntry, RankState, RankTable};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whether a process ends, and how.
enum Next {
    GoOn,
    End(&'static str),
}

/// How long engines have to come to one that leads since just now: several attempts of their links.
const ABSENCE_LIMIT: Duration = Duration::from_secs(5);

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
type OnReady = Box<dyn FnOnce(&SystemReady)>;

/// An engine of a system, as a process.
pub struct SystemEngine {
    pub(super) settings: SystemEngineSettings,
    pub(super) identity: Identity,
    pub(super) makings: Makings,
    signals: StopSignals,
    pub(super) door: Door,
    /// To the engine that leads; none on the one that does.
    pub(super) link: Option<Link>,
    /// The metadata service runs on this engine.
    leading: bool,
    /// The control port of the engine on which it runs, when that is another one and known.
    pub(super) leader: Option<String>,
    /// Its first target keeps a replica of the metadata.
    pub(super) keeps_replica: bool,
    /// When engines that have not come since this one leads are lost.
    absent_at: Option<Duration>,
    is_ending: bool,
    pub(super) targets: Targets,
    /// Of the targets, as they were started last.
    addresses: Vec<String>,
    /// Questions to the metadata service that were not answered yet.
    pub(super) waiting: BTreeMap<u64, Waiting>,
    pub(super) next_question: u64,
    /// The version of the table that other engines were told last.
    told: u64,
    on_ready: Option<OnReady>,
    /// It joins again, having been excluded.
    returning: bool,
    /// What an administrator wants and is not done yet.
    pub(super) operations: Vec<Operation>,
    pub(super) telemetry: Option<Telemetry>,
    /// When it started, in seconds since 1970.
    pub(super) started: u64,
    _lock: DirectoryLock,
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
        let mut engine = SystemEngine::open(settings, signals, Box::new(on_ready))?;
        let result = engine.run();
        if let Err(status) = &result {
            daos_env::log!(Error, "engine", "the engine ends: {status}");
        }
        result
    }

    fn open(settings: SystemEngineSettings, signals: StopSignals, on_ready: OnReady) -> Result<SystemEngine> {
        let env = Env::system();
        let directory = Directory::create(&settings.directory)?;
        let Some(lock) = directory.try_lock(Holder::Process)? else { return Err(directory.in_use()) };
        begin_log(&directory, &settings, &env)?;
        let format = DirectoryFormat::read_or_choose(&directory, settings.targets)?;
        let identity = identity_of(&directory, &format, &settings, &env)?;
        let descriptors = raise_descriptor_limit();
        let connections_max = descriptors.saturating_sub(OWN_DESCRIPTORS) / (format.targets as usize + 1);
        let door = Door::open(&settings.control(), env.clone(), connections_max.clamp(1, CLIENTS_MAX))?;
        let bell = Arc::new(Doorbell::new()?);
        let makings = Makings {
            directory,
            format,
            fabric: Fabric::Network(settings.fabric.clone()),
            sessions: Arc::new(Sessions::new(&*env.random)),
            ranks: Arc::new(Ranks::with_bell(bell.clone())),
            system: settings.system.clone(),
            bell,
            env,
            role: settings.role()?,
        };
        daos_env::log!(
            Info,
            "engine",
            "engine {} {} starts as process {} for {} with {} targets, control port {}",
            env!("CARGO_PKG_VERSION"),
            identity.engine,
            std::process::id(),
            makings.directory.path().display(),
            makings.format.targets,
            settings.control()
        );
        let keeps_replica = makings.role != ReplicaRole::None;
        let link = match begins(&identity, &settings)? {
            true => None,
            false => Some(Link::start(settings.other_replicas(), makings.bell.clone())?),
        };
        let open = |port| Telemetry::open(&settings.host, port, makings.env.clone());
        let telemetry = settings.telemetry_port.map(open).transpose()?;
        let started = makings.env.clock.wall_nanoseconds() / 1_000_000_000;
        makings.directory.write_process_file();
        Ok(SystemEngine {
            targets: Targets::Starting(makings.start()?),
            addresses: Vec::new(),
            settings,
            identity,
            makings,
            signals,
            door,
            link,
            leading: false,
            leader: None,
            keeps_replica,
            is_ending: false,
            absent_at: None,
            waiting: BTreeMap::new(),
            next_question: 0,
            told: 0,
            on_ready: Some(on_ready),
            operations: Vec::new(),
            telemetry,
            started,
            returning: false,
            _lock: lock,
        })
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
        self.is_ending = true;
        let stopped = self.stop_targets();
        self.makings.directory.remove_process_file();
        daos_env::log!(Info, "engine", "ended");
        result.and(stopped)
    }

    /// Waits until something happens, and does what has to be done.
    fn turn(&mut self) -> Result<Next> {
        let mut wanted = vec![
            Wanted { descriptor: self.signals.descriptor(), write: false },
            Wanted { descriptor: self.makings.bell.descriptor(), write: false },
        ];
        wanted.extend(self.door.wanted());
        let door_end = wanted.len();
        wanted.extend(self.telemetry.iter().flat_map(Telemetry::wanted));
        let now = self.makings.env.clock.monotonic();
        let deadlines = [self.door.deadline(), self.operations_deadline(), self.absent_at, self.telemetry_deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        let limit: Option<Duration> = deadline.map(|deadline| deadline.saturating_sub(now));
        let ready = wait(&wanted, limit);
        if let Some(signal) = self.signals.take() {
            return Ok(Next::End(signal));
        }
        self.makings.bell.clear();
        self.look_at_targets()?;
        while let Some(news) = self.link.as_ref().and_then(Link::news) {
            self.hear(news)?;
        }
        for event in self.door.serve(&ready[2..door_end]) {
            match event {
                Event::Asked(id, request) => self.asked(id, request),
                Event::Gone(role) => self.gone(role),
            }
        }
        self.serve_telemetry(&ready[door_end..]);
        self.look_at_operations()?;
        self.look_for_absent();
        self.tell_table();
        Ok(Next::GoOn)
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
            self.absent_at = Some(self.makings.env.clock.monotonic() + ABSENCE_LIMIT);
        } else if !leads && self.leading {
            self.leading = false;
            self.absent_at = None;
            // Clients and engines find the one that leads now; what they held stays theirs.
            self.door.dismiss_all();
        }
        let has_others = !self.settings.other_replicas().is_empty();
        if !self.leading && self.link.is_none() && has_others && !self.addresses.is_empty() {
            let link = Link::start(self.settings.other_replicas(), self.makings.bell.clone())?;
            link.join(self.join_request(RankState::Joined));
            self.link = Some(link);
        }
        Ok(())
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
        if let Some(link) = &self.link {
            link.join(self.join_request(RankState::Joined));
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
                provider: self.makings.fabric.provider().to_owned(),
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
            provider: self.makings.fabric.provider().to_owned(),
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
            node: crate::node::name(),
            directory: self.makings.directory.path().display().to_string(),
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
            provider: self.makings.fabric.provider().to_owned(),
        };
        self.targets = Targets::Serving(threads);
        daos_env::log!(Info, "engine", "rank {} of system '{}' serves", rank.0, ready.system);
        if let Some(link) = &self.link {
            link.say(&ControlRequest::Serves(rank));
        }
        if self.leads() {
            // The service does not know yet who is connected.
            for other in self.door.engines() {
                self.ask_service(ServiceCall::Present(other), Waiting::Nobody)?;
            }
            self.heard_of(rank);
        }
        if let Some(on_ready) = self.on_ready.take() {
            on_ready(&ready);
        }
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
            News::Refused(status) => return Err(status.while_doing("joining the system")),
            News::Lost(status) => daos_env::log!(Warn, "engine", "the metadata service is not reached: {status}"),
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
        if let (Targets::Serving(_), Some(link), Some(RankState::Excluded)) = (&self.targets, &self.link, state) {
            self.returning = true;
            daos_env::log!(Warn, "engine", "rank {} was excluded, and is alive: it joins again", rank.0);
            link.join(self.join_request(RankState::Joined));
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
        match std::mem::replace(&mut self.targets, Targets::Stopped) {
            Targets::Joining(mut threads) => {
                threads.serve();
                self.targets = Targets::Starting(threads);
            }
            same => {
                // The service was lost, and is there again.
                if let (Targets::Serving(_), Some(link)) = (&same, &self.link) {
                    link.say(&ControlRequest::Serves(rank));
                }
                self.targets = same;
            }
        }
        Ok(())
    }

    pub(super) fn start_targets(&mut self) -> Result<()> {
        if matches!(self.targets, Targets::Stopped) {
            daos_env::log!(Info, "engine", "the targets are started");
            self.targets = Targets::Starting(self.makings.start()?);
        }
        Ok(())
    }

    /// Ends the targets in good order, and says so.
    pub(super) fn stop_targets(&mut self) -> Result<()> {
        let (Targets::Starting(mut threads) | Targets::Joining(mut threads) | Targets::Serving(mut threads)) =
            std::mem::replace(&mut self.targets, Targets::Stopped)
        else {
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
            let link = Link::start(self.settings.other_replicas(), self.makings.bell.clone())?;
            link.join(self.join_request(RankState::Stopped));
            self.link = Some(link);
        }
        if let (Some(link), Some(member)) = (&self.link, &self.identity.member) {
            link.say(&ControlRequest::Stopped(member.rank));
            // When the connection has to be made anew, it joins as one that is stopped.
            link.join_later(self.join_request(RankState::Stopped));
        }
        daos_env::log!(Info, "engine", "the targets have ended");
        result
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

/// Lets log lines go where the settings say.
fn begin_log(directory: &Directory, settings: &SystemEngineSettings, env: &Env) -> Result<()> {
    let log_file = settings.log_file.clone().unwrap_or_else(|| directory.log_file());
    let log = LogFile::open(log_file, env.clock.clone())?;
    let most = settings.log_level;
    daos_env::set_log_sink(move |level, area, message| {
        if level <= most {
            log.write(level, area, message);
        }
    });
    Ok(())
}

/// What the engine of a directory is; a new one becomes somebody. Refuses a directory of somebody else.
fn identity_of(
    directory: &Directory,
    format: &DirectoryFormat,
    settings: &SystemEngineSettings,
    env: &Env,
) -> Result<Identity> {
    let path = directory.path().display();
    let identity = match Identity::read(directory)? {
        Some(identity) => identity,
        None if !format.is_new => fail!(
            Code::NoPerm,
            "{path} is the directory of a local engine, which programs start by themselves; give this engine another one"
        ),
        None => {
            let mut identity = Identity { engine: EngineId(env.random.uuid()), member: None };
            if settings.begins_system()? {
                let system = SystemId(env.random.uuid());
                identity.member = Some(Membership { name: settings.system.clone(), system, rank: Rank(0) });
            }
            identity.write(directory)?;
            identity
        }
    };
    if let Some(member) = identity.member.as_ref().filter(|member| member.name != settings.system) {
        fail!(
            Code::NoPerm,
            "{path} belongs to rank {} of system '{}', and this engine is told to be of '{}': correct the name, or use another \
             directory",
            member.rank.0,
            member.name,
            settings.system
        );
    }
    Ok(identity)
}

/// Whether this engine begins the system, or began it. It is the first replica, and stays that.
fn begins(identity: &Identity, settings: &SystemEngineSettings) -> Result<bool> {
    match &identity.member {
        Some(member) if member.rank == Rank(0) && !settings.begins_system()? => fail!(
            Code::NoPerm,
            "{} belongs to rank 0 of system '{}', which it began, and its access points now say that it joins another; correct \
             'mgmt_svc_replicas' (--replicas), whose first must be this engine, or use another directory",
            settings.directory.display(),
            member.name
        ),
        Some(member) => Ok(member.rank == Rank(0)),
        None if settings.begins_system()? => {
            let sentence = "this engine has not joined a system yet, and its access points now say that it is the first of one; use \
                            an empty directory";
            Err(Status::new(Code::Inval, sentence))
        }
        None => Ok(false),
    }
}
