//! How an engine of a system comes to be, here or in a simulation.

use super::SystemEngine;
use super::door::Door;
use super::engine::OnNews;
use super::identity::{Identity, Membership};
use super::link::Link;
use super::logging;
use super::machine::Machine;
use super::measuring::Measuring;
use super::running::{Ground, Makings};
use super::scan::Scan;
use super::settings::{SystemEngineSettings, SystemNews};
use super::targets::Targets;
use super::telemetry::Telemetry;
use crate::fabric::Fabric;
use crate::local::{Directory, DirectoryFormat, DirectoryLock, Holder, LogSwitch, StopSignals, targets_of_server};
use crate::local_engine::{CLIENTS_MAX, OWN_DESCRIPTORS, raise_descriptor_limit};
use crate::{Ranks, ReplicaRole, Sessions};
use daos_env::{Doorbell, Env};
use daos_rpc::{ControlNetwork, TcpControl};
use daos_status::{Code, Result, Status, fail};
use daos_types::{EngineId, Rank, SystemId};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What is outside of an engine.
struct Outside {
    env: Env,
    directory: Directory,
    lock: DirectoryLock,
    log: Option<Arc<LogSwitch>>,
    signals: Option<StopSignals>,
    control: Arc<dyn ControlNetwork>,
    ground: Ground,
    bell: Doorbell,
    connections: usize,
}

impl SystemEngine {
    /// The engine of a process.
    pub(super) fn open_here(
        settings: SystemEngineSettings,
        signals: StopSignals,
        on_news: OnNews,
    ) -> Result<SystemEngine> {
        let env = Env::system();
        let directory = Directory::create(&settings.directory)?;
        let Some(lock) = directory.try_lock(Holder::Process)? else { return Err(directory.in_use()) };
        let log = Some(logging::begin(&directory, &settings, &env)?);
        let ground = Ground::Host(Fabric::Network(settings.fabric.clone()));
        let connections = raise_descriptor_limit().saturating_sub(OWN_DESCRIPTORS);
        let (control, bell) = (Arc::new(TcpControl), Doorbell::new()?);
        let signals = Some(signals);
        let outside = Outside { env, directory, lock, log, signals, control, ground, bell, connections };
        SystemEngine::open(settings, outside, on_news)
    }

    /// An engine on a simulated machine. Its main thread is [`SystemEngine::step`]; its targets are tasks, which end with the executor of
    /// the machine. It has no signals, no log file and no port for telemetry.
    ///
    /// # Errors
    /// Why the engine could not start.
    pub fn open_simulated(
        settings: SystemEngineSettings,
        machine: Rc<dyn Machine>,
        on_news: impl FnMut(SystemNews<'_>) + 'static,
    ) -> Result<SystemEngine> {
        settings.check()?;
        let directory = Directory::in_memory(&settings.directory.display().to_string(), machine.files());
        let Some(lock) = directory.try_lock(Holder::Process)? else { return Err(directory.in_use()) };
        let (env, control) = (machine.env(), machine.control());
        let (ground, bell, connections) = (Ground::Simulated(machine), Doorbell::simulated(), CLIENTS_MAX);
        let outside = Outside { env, directory, lock, log: None, signals: None, control, ground, bell, connections };
        SystemEngine::open(settings, outside, Box::new(on_news))
    }

    fn open(settings: SystemEngineSettings, outside: Outside, on_news: OnNews) -> Result<SystemEngine> {
        let Outside { env, directory, lock, log, signals, control, ground, bell, connections } = outside;
        let format = DirectoryFormat::read_or_choose(&directory, settings.targets, targets_of_server())?;
        let connections_max = connections / (format.targets as usize + 1);
        let door = Door::open(&*control, &settings.control(), env.clone(), connections_max.clamp(1, CLIENTS_MAX))?;
        // Behind what fails when it was told a wrong port: a new directory does not become somebody by that.
        let identity = identity_of(&directory, &format, &settings, &env)?;
        let bell = Arc::new(bell);
        let makings = Makings {
            directory,
            format,
            ground,
            control,
            sessions: Arc::new(Sessions::new(&*env.random)),
            clocks: Arc::default(),
            ranks: Arc::new(Ranks::with_bell(bell.clone())),
            system: settings.system.clone(),
            bell,
            env,
            role: settings.role()?,
        };
        log_start(&identity, &makings, &settings);
        let keeps_replica = makings.role != ReplicaRole::None;
        let other_replicas = settings.other_replicas();
        let link = (!begins(&identity, &settings)?).then(|| {
            Link::new(makings.control.clone(), other_replicas.clone(), makings.env.clone(), makings.bell.clone())
        });
        let open = |port| Telemetry::open(&settings.host, port, makings.env.clone());
        let telemetry = settings.telemetry_port.map(open).transpose()?;
        makings.directory.write_process_file();
        Ok(SystemEngine {
            targets: Targets::Starting(makings.start()?),
            addresses: Vec::new(),
            started: makings.env.clock.wall_nanoseconds() / 1_000_000_000,
            settings,
            identity,
            makings,
            log,
            signals,
            door,
            link,
            leading: false,
            leader: None,
            trouble: String::new(),
            ailing: BTreeMap::new(),
            keeps_replica,
            other_replicas,
            is_ending: false,
            absent_at: None,
            forget_at: None,
            waiting: BTreeMap::new(),
            next_question: 0,
            told: 0,
            on_news,
            was_ready: false,
            operations: Vec::new(),
            telemetry,
            measuring: Measuring::default(),
            scan: Scan::default(),
            returning: false,
            _lock: lock,
        })
    }

    /// In a simulation: whether a target, or somebody else of this process, has news.
    pub fn has_news(&self) -> bool {
        self.makings.bell.is_rung()
    }

    /// In a simulation: when there is something to do though nobody has news.
    pub fn next_due(&self) -> Option<Duration> {
        self.deadline()
    }

    /// In a simulation: does what there is to do.
    ///
    /// # Errors
    /// Why the engine has to end.
    pub fn step(&mut self) -> Result<()> {
        // Whoever was taken in has said something already: what waits for readiness would look again at once.
        for _ in 0..2 {
            let all = vec![true; self.door.wanted().len()];
            self.look(&all, &[])?;
        }
        Ok(())
    }
}

/// The first line in the log.
fn log_start(identity: &Identity, makings: &Makings, settings: &SystemEngineSettings) {
    daos_env::log!(
        Info,
        "engine",
        "engine {} {} starts as process {} for {} with {} targets, control port {}",
        env!("CARGO_PKG_VERSION"),
        identity.engine,
        makings.ground.process(),
        makings.directory.path().display(),
        makings.format.targets,
        settings.control()
    );
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
