//! The life of an engine of a system. Its main thread decides here; it waits on everything at once, and on nothing else.

use super::answers::Waiting;
use super::door::{Door, Event};
use super::identity::Identity;
use super::link::Link;
use super::measuring::Measuring;
use super::orders::Operation;
use super::running::Makings;
use super::scan::Scan;
use super::settings::{SystemEngineSettings, SystemNews};
use super::targets::Targets;
use super::telemetry::Telemetry;
use crate::local::{DirectoryLock, LogSwitch, StopSignals, Wanted, wait};
use crate::target::ServiceCall;
use daos_status::Result;
use daos_types::Rank;
use daos_wire::ControlReply;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whether a process ends, and how.
enum Next {
    GoOn,
    End(&'static str),
}

/// How long open handles are good at an engine that has lost the metadata service. Another engine leads within seconds; one that is cut
/// off is found out within about ten, by the kernel, and so refuses what was closed after half a minute.
const GRANTS_LIMIT: Duration = Duration::from_secs(20);

/// Called with news.
pub(super) type OnNews = Box<dyn FnMut(SystemNews<'_>)>;

/// An engine of a system, as a process.
pub struct SystemEngine {
    pub(super) settings: SystemEngineSettings,
    pub(super) identity: Identity,
    pub(super) makings: Makings,
    /// None in a simulation, as the signals.
    pub(super) log: Option<Arc<LogSwitch>>,
    pub(super) signals: Option<StopSignals>,
    pub(super) door: Door,
    /// To the engine that leads; none on the one that does.
    pub(super) link: Option<Link>,
    /// The metadata service runs on this engine.
    pub(super) leading: bool,
    /// The control port of the engine on which it runs, when that is another one and known.
    pub(super) leader: Option<String>,
    /// Why the replica of this engine cannot store the metadata; empty when it can.
    pub(super) trouble: String,
    /// On the one that leads: what ails others.
    pub(super) ailing: BTreeMap<Rank, String>,
    /// Its first target keeps a replica of the metadata.
    pub(super) keeps_replica: bool,
    /// The control ports of the other engines that keep one, found out once: looking names up may wait, as when the network is cut.
    pub(super) other_replicas: Vec<String>,
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
    pub(super) on_news: OnNews,
    /// It has been part of the system and served, since it started.
    pub(super) was_ready: bool,
    /// It joins again, having been excluded.
    pub(super) returning: bool,
    /// What an administrator wants and is not done yet.
    pub(super) operations: Vec<Operation>,
    pub(super) telemetry: Option<Telemetry>,
    pub(super) measuring: Measuring,
    pub(super) scan: Scan,
    /// When it started, in seconds since 1970.
    pub(super) started: u64,
    pub(super) _lock: DirectoryLock,
}

impl SystemEngine {
    /// Serves until SIGTERM or SIGINT. `on_news` is called when the engine is part of the system and serves, and when that takes time.
    ///
    /// To be called by the main thread of a process before it has others: the signals are blocked here.
    ///
    /// # Errors
    /// Why the engine could not start, or had to end.
    pub fn serve(settings: SystemEngineSettings, on_news: impl FnMut(SystemNews<'_>) + 'static) -> Result<()> {
        settings.check()?;
        crate::allocator::keep_freed_memory();
        let signals = StopSignals::block()?;
        let mut engine = SystemEngine::open_here(settings, signals, Box::new(on_news))?;
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
        // Nobody is looked for while the targets are stopped: that would be due all the time.
        let absent_at = self.absent_at.filter(|_| matches!(self.targets, Targets::Serving(_)));
        let questions = [self.measuring.deadline(), self.scan.deadline()];
        let own = [self.operations_deadline(), absent_at, self.forget_at].into_iter().chain(questions);
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
        self.look_at_measures(at_telemetry);
        self.look_at_scan();
        self.look_at_operations()?;
        self.look_for_absent();
        if self.forget_at.is_some_and(|at| at <= self.makings.env.clock.monotonic()) {
            self.forget_grants("the metadata service was not heard of for long");
        }
        self.tell_table();
        Ok(())
    }

    pub(super) fn leads(&self) -> bool {
        self.leading
    }

    /// The metadata service is out of sight: it may close handles, and this engine does not hear of it. For a while they are good all the
    /// same, as another engine may take over.
    pub(super) fn note_cut_off(&mut self) {
        let now = self.makings.env.clock.monotonic();
        self.forget_at.get_or_insert(now + GRANTS_LIMIT);
    }

    /// Lets the targets ask anew what each handle allows.
    pub(super) fn forget_grants(&mut self, why: &str) {
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

    /// Tells the other engines a table that is newer than what they were told.
    fn tell_table(&mut self) {
        let Ok(known) = self.makings.ranks.known() else { return };
        if self.leads() && known.table.version > self.told {
            self.told = known.table.version;
            self.door.tell_engines(None, &ControlReply::Table(known.table.clone()));
        }
    }
}
