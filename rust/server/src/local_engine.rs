//! The engine of a local directory, as a process.
#![allow(unsafe_code, reason = "the limit of open files has no safe wrapper in the standard library")]

use crate::detach::let_go_of_starter;
use crate::fabric::Fabric;
use crate::local::{
    Directory, DirectoryFormat, DirectoryLock, Greeter, Holder, LogFile, StopSignals, Wanted, targets_beside_programs,
    wait,
};
use crate::threads::{Progress, TargetThreads, ThreadSettings};
use crate::{EngineIdentity, HostCapacity, Ranks, Sessions, TargetSettings};
use daos_env::Env;
use daos_status::{Code, Result, Status, fail};
use daos_wire::Hello;
use daos_wire::local_directory::error_file_text;
use std::io::Write;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long an engine stays without clients when nobody says.
const IDLE_DEFAULT: Duration = Duration::from_secs(30);
/// How long it waits for its first client at least: whoever started it needs a moment to come.
const FIRST_CLIENT_WAIT: Duration = Duration::from_secs(10);
/// How long an engine waits for the end of the one before it, which may have gigabytes to write.
const LOCK_WAIT: Duration = Duration::from_secs(110);
/// How often it looks.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
/// The most clients at once: below it, what the limit of open files allows.
pub(crate) const CLIENTS_MAX: usize = 4096;
/// Descriptors that the engine needs for itself and its pools' files.
pub(crate) const OWN_DESCRIPTORS: usize = 128;

/// The name of a local system.
pub(crate) const SYSTEM_NAME: &str = "daos_server";

/// What the engine of a local directory is told before it starts.
#[derive(Clone, Debug, Default)]
pub struct LocalEngineSettings {
    /// The directory; made when it is missing.
    pub directory: PathBuf,
    /// How long the engine stays without clients, zero for ever; `None` takes `DAOS_LOCAL_IDLE` (seconds), else 30 seconds.
    pub idle: Option<Duration>,
    /// How many targets a new directory gets; `None` takes `DAOS_LOCAL_TARGETS`, else one for two
    /// processors. A directory keeps what it has.
    pub targets: Option<u32>,
    /// The process was started by [`crate::spawn_detached`]: whoever did that listens on standard error, to which goes why
    /// the engine cannot start, as a line of the form of `engine.error`, and which is closed when it is ready.
    pub detached: bool,
}

impl LocalEngineSettings {
    /// How long the engine stays without clients; `None` is for ever.
    fn idle(&self) -> Result<Option<Duration>> {
        let idle = match (self.idle, std::env::var("DAOS_LOCAL_IDLE")) {
            (Some(idle), _) => idle,
            (None, Ok(text)) if !text.is_empty() => match text.parse::<u32>() {
                Ok(seconds) => Duration::from_secs(seconds.into()),
                Err(_) => fail!(
                    Code::Inval,
                    "DAOS_LOCAL_IDLE is '{text}'; it must be a number of seconds below 2^32, 0 for an engine that stays"
                ),
            },
            _ => IDLE_DEFAULT,
        };
        Ok(Some(idle).filter(|idle| !idle.is_zero()))
    }
}

/// The engine of a local directory.
pub struct LocalEngine {
    directory: Directory,
    signals: StopSignals,
    env: Env,
    idle: Option<Duration>,
    lock: Option<DirectoryLock>,
}

/// Why an engine that ran ends.
enum End {
    Idle,
    Signal(&'static str),
    Failed(Status),
}

impl LocalEngine {
    /// Serves the directory until nobody has needed it for a while, or until SIGTERM or SIGINT.
    ///
    /// To be called by the main thread of a process before it has others: the signals are blocked here.
    ///
    /// # Errors
    /// Why the engine could not start, or had to end; the sentence names the directory and the remedy. When it could not
    /// start, `engine.error` in the directory says the same. [`Code::Busy`]: another engine serves the directory.
    pub fn serve(settings: LocalEngineSettings) -> Result<()> {
        crate::allocator::keep_freed_memory();
        let detached = settings.detached;
        let result = LocalEngine::serve_directory(settings);
        if let (true, Err(status)) = (detached, &result) {
            // The starter may be gone: then nobody misses the line.
            let _unheard = writeln!(std::io::stderr(), "{}", error_file_text(status).trim_end());
        }
        result
    }

    fn serve_directory(settings: LocalEngineSettings) -> Result<()> {
        let signals = StopSignals::block()?;
        let env = Env::system();
        let directory = Directory::create(&settings.directory)?;
        let idle = settings.idle()?;
        let mut engine = LocalEngine { directory, signals, env, idle, lock: None };
        match engine.start(&settings) {
            Ok(Some((targets, greeter))) => {
                if settings.detached {
                    let_go_of_starter()?;
                }
                engine.run(targets, greeter)
            }
            Ok(None) => Ok(()),
            Err(status) => {
                // Of an engine that works, clients hear by its socket.
                if engine.lock.is_some() || !engine.directory.is_served() {
                    daos_env::log!(Error, "engine", "the engine cannot start: {status}");
                    engine.directory.write_error(&status);
                }
                Err(status)
            }
        }
    }

    /// Brings the engine up; `None` when it was told to end before it was.
    fn start(&mut self, settings: &LocalEngineSettings) -> Result<Option<(TargetThreads, Greeter)>> {
        if !self.lock_directory()? {
            return Ok(None);
        }
        self.directory.remove_error()?;
        match LogFile::open(self.directory.log_file(), self.env.clock.clone()) {
            Ok(log) => daos_env::set_log_sink(move |level, area, message| log.write(level, area, message)),
            // An engine that cannot log still serves.
            Err(status) => daos_env::log!(Warn, "engine", "{status}"),
        }
        let descriptors = raise_descriptor_limit();
        refuse_engine_of_system(&self.directory)?;
        let format = DirectoryFormat::read_or_choose(&self.directory, settings.targets, targets_beside_programs()?)?;
        let process = std::process::id();
        daos_env::log!(
            Info,
            "engine",
            "engine {} starts as process {process} for {} with {} targets",
            env!("CARGO_PKG_VERSION"),
            self.directory.path().display(),
            format.targets
        );
        let fabric = Fabric::Local;
        let sessions = Arc::new(Sessions::new(&*self.env.random));
        let identity = EngineIdentity {
            system: SYSTEM_NAME.to_owned(),
            provider: fabric.provider().to_owned(),
            process,
            is_system: false,
        };
        let ranks = Arc::new(Ranks::unknown());
        let threads = ThreadSettings {
            directory: self.directory.path().to_path_buf(),
            targets: format.targets,
            is_new: format.is_new,
            env: self.env.clone(),
            settings: TargetSettings::default(),
            sessions: sessions.clone(),
            clocks: Arc::default(),
            ranks: ranks.clone(),
            capacity: Arc::new(HostCapacity::of(self.directory.path())),
            identity: identity.clone(),
            bell: None,
        };
        let mut targets = TargetThreads::start(&threads, &fabric)?;
        if !self.wait_until_ready(&mut targets, &ranks)? {
            return Ok(None);
        }
        format.write(&self.directory)?;
        self.directory.write_process_file();
        let hello = Hello {
            session: 0,
            process,
            system: identity.system,
            provider: identity.provider,
            targets: targets.addresses().iter().map(ToString::to_string).collect(),
        };
        // A client has its socket, and at each target one for a connection and one to watch its process by.
        let clients_max = descriptors.saturating_sub(OWN_DESCRIPTORS) / (2 * format.targets as usize + 1);
        let greeter =
            Greeter::open(&self.directory, hello, sessions, self.env.clone(), clients_max.clamp(1, CLIENTS_MAX))?;
        daos_env::log!(Info, "engine", "ready");
        Ok(Some((targets, greeter)))
    }

    /// Takes the directory's lock, waiting for an engine that is ending; `false` when told to end meanwhile.
    fn lock_directory(&mut self) -> Result<bool> {
        let deadline = self.env.clock.monotonic() + LOCK_WAIT;
        loop {
            self.lock = self.directory.try_lock(Holder::Process)?;
            if self.lock.is_some() {
                return Ok(true);
            }
            let is_inside = matches!(self.directory.holder(), Some((Holder::Inside, _)));
            if is_inside || self.directory.is_served() || self.env.clock.monotonic() >= deadline {
                return Err(self.directory.in_use());
            }
            wait(&[self.signal_wanted()], Some(LOCK_INTERVAL));
            if self.signals.take().is_some() {
                return Ok(false);
            }
        }
    }

    fn signal_wanted(&self) -> Wanted {
        Wanted { descriptor: self.signals.descriptor(), write: false }
    }

    fn wait_until_ready(&self, targets: &mut TargetThreads, ranks: &Ranks) -> Result<bool> {
        loop {
            match targets.progress()? {
                Progress::Ready => return Ok(true),
                Progress::Bound => {
                    ranks.set_alone(&targets.addresses(), SYSTEM_NAME, Fabric::Local.provider())?;
                    targets.serve();
                    continue;
                }
                Progress::Starting => {}
                Progress::Ended => fail!(Code::Shutdown, "the engine ended while it was starting"),
            }
            wait(&[self.signal_wanted(), bell(targets)], None);
            if let Some(signal) = self.signals.take() {
                daos_env::log!(Info, "engine", "{signal} ends the engine while it is starting");
                return targets.stop().map(|()| false);
            }
        }
    }

    fn run(self, mut targets: TargetThreads, mut greeter: Greeter) -> Result<()> {
        let end = self.serve_clients(&mut targets, &mut greeter);
        greeter.close();
        let result = match &end {
            End::Idle => {
                daos_env::log!(Info, "engine", "nobody has needed the engine for a while; it ends");
                Ok(())
            }
            End::Signal(signal) => {
                daos_env::log!(Info, "engine", "{signal} ends the engine; clients: {}", greeter.clients());
                Ok(())
            }
            End::Failed(status) => Err(status.clone()),
        };
        // Requests under way are answered before the clients are let go: a client that loses its lease asks no more.
        let stopped = targets.stop();
        greeter.dismiss();
        self.directory.remove_process_file();
        daos_env::log!(Info, "engine", "ended");
        result.and(stopped)
    }

    fn serve_clients(&self, targets: &mut TargetThreads, greeter: &mut Greeter) -> End {
        let mut unused_until = self.unused_until(FIRST_CLIENT_WAIT);
        loop {
            let mut wanted = vec![self.signal_wanted(), bell(targets)];
            wanted.extend(greeter.wanted());
            let now = self.env.clock.monotonic();
            let idle_deadline = unused_until.filter(|_| greeter.clients() == 0);
            let deadline = [idle_deadline, greeter.deadline()].into_iter().flatten().min();
            let ready = wait(&wanted, deadline.map(|deadline| deadline.saturating_sub(now)));
            if let Some(signal) = self.signals.take() {
                return End::Signal(signal);
            }
            match targets.progress() {
                Ok(Progress::Ready) => {}
                Ok(_) => return End::Failed(Status::new(Code::Shutdown, "the targets of the engine ended")),
                Err(status) => return End::Failed(status),
            }
            let had_clients = greeter.clients() > 0;
            for client in greeter.serve(&ready[2..]) {
                targets.client_gone(client);
            }
            if had_clients || greeter.clients() > 0 {
                unused_until = self.unused_until(Duration::ZERO);
            } else if unused_until.is_some_and(|until| self.env.clock.monotonic() >= until) {
                if !greeter.holds_volatile_data() {
                    return End::Idle;
                }
                // Pools of class `ram` would end with the engine: it stays as long as they exist.
                unused_until = self.unused_until(FIRST_CLIENT_WAIT);
            }
        }
    }

    /// Until when the engine stays without clients, but for `least` at least.
    fn unused_until(&self, least: Duration) -> Option<Duration> {
        self.idle.map(|idle| self.env.clock.monotonic() + idle.max(least))
    }
}

/// Refuses a directory that an engine of a system has used.
pub(crate) fn refuse_engine_of_system(directory: &Directory) -> Result<()> {
    if directory.read(crate::system::IDENTITY_FILE)?.is_some() {
        fail!(
            Code::NoPerm,
            "{} belongs to an engine of a system, which 'daos_server start' serves; use another directory, or name the system by \
             DAOS_ACCESS_POINTS",
            directory.path().display()
        );
    }
    Ok(())
}

fn bell(targets: &TargetThreads) -> Wanted {
    let descriptor: RawFd = targets.bell().descriptor();
    Wanted { descriptor, write: false }
}

/// Allows the process as many open files as it may have, and says how many.
pub(crate) fn raise_descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is ours.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return OWN_DESCRIPTORS * 2;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: as above.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        limit = raised;
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}
