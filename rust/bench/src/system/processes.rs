//! Engines of a system, each a process: this program itself, started once more.

use super::metrics::Metrics;
use crate::measure::Watch;
use daos_client::{
    ClientSettings, Context, EngineLauncher, LocalMode, SYSTEM_NAME_DEFAULT, SystemAccess, TransportChoice,
};
use daos_env::Env;
use daos_server::{SystemEngine, SystemEngineSettings, SystemNews};
use daos_status::{Code, Result, Status, fail};
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The word that makes this program an engine of a system.
const SERVE: &str = "serve-system-engine";
/// One target: what the figures of the peer are for.
const TARGETS: u32 = 1;
/// How long anything is waited for.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// Serves as an engine, when the command line says so: directory, control port, port of metrics and replicas follow the word.
pub fn serve_if_asked() -> Option<Result<()>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != SERVE {
        return None;
    }
    let mut settings = SystemEngineSettings::new(arguments.next()?.into());
    settings.port = arguments.next()?.parse().ok()?;
    settings.telemetry_port = arguments.next()?.parse().ok();
    settings.replicas = arguments.next()?.split(',').map(str::to_owned).collect();
    settings.targets = Some(TARGETS);
    // SAFETY: the call takes no pointer. The engine ends with the benchmark, also when that is killed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    Some(SystemEngine::serve(settings, |news| {
        let SystemNews::Ready(ready) = news else { return };
        let mut output = std::io::stdout();
        // A benchmark that has gone does not listen.
        let _nobody_listens = writeln!(output, "{}", ready.rank.0).and_then(|()| output.flush());
    }))
}

/// Engines of one system. They are killed, and their directories removed, at the end.
pub struct Engines {
    place: PathBuf,
    /// Control port, and port of metrics.
    ports: Vec<(u16, u16)>,
    replicas: usize,
    running: Vec<Option<Child>>,
}

/// Ports that are free now. The listeners are open at once, so that none comes twice.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>()?;
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
    ports.collect()
}

/// Waits until the condition holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let watch = Watch::start();
    while !condition()? {
        if watch.elapsed() > LIMIT {
            fail!(Code::Timedout, "this did not come about within {LIMIT:?}: {what}");
        }
        std::thread::park_timeout(LOOK_INTERVAL);
    }
    Ok(())
}

impl Engines {
    /// As many engines with one target each, in folders of `place`; the first `replicas` keep the metadata.
    pub fn start(place: &Path, count: usize, replicas: usize) -> Result<Engines> {
        let place = std::path::absolute(place)?.join(format!("system-{count}-{}", std::process::id()));
        let ports = free_ports(2 * count)?;
        let ports = ports.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let running = (0..count).map(|_| None).collect();
        let mut engines = Engines { place, ports, replicas, running };
        let children = (0..count).map(|number| engines.spawn(number)).collect::<Result<Vec<Child>>>()?;
        // Those that were started are in the table before any is waited for, so that none stays behind.
        for (number, child) in children.into_iter().enumerate() {
            engines.running[number] = Some(child);
        }
        (0..count).try_for_each(|number| engines.until_ready(number))?;
        Ok(engines)
    }

    fn spawn(&self, number: usize) -> Result<Child> {
        let (control, metrics) = self.ports[number];
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(self.directory(number));
        command.args([control.to_string(), metrics.to_string(), self.access_points(self.replicas).join(",")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        for (name, value) in daos_rpc::libfabric::PROCESS_ENVIRONMENT {
            command.env(name, value);
        }
        Ok(command.spawn()?)
    }

    /// Waits for the line that an engine writes when it serves.
    fn until_ready(&mut self, number: usize) -> Result<()> {
        let log = self.directory(number).join("engine.log");
        let Some(running) = &mut self.running[number] else { fail!(Code::Inval, "engine {number} does not run") };
        let mut line = String::new();
        if let Some(output) = running.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if line.is_empty() {
            fail!(Code::Shutdown, "engine {number} ended; {} says why", log.display());
        }
        Ok(())
    }

    /// Where an engine stores.
    pub fn directory(&self, number: usize) -> PathBuf {
        self.place.join(format!("engine-{number}"))
    }

    fn access_points(&self, count: usize) -> Vec<String> {
        self.ports[..count].iter().map(|(control, _)| format!("127.0.0.1:{control}")).collect()
    }

    /// How many engines there are.
    pub fn count(&self) -> usize {
        self.ports.len()
    }

    /// The process of an engine that runs.
    pub fn process(&self, number: usize) -> Result<u32> {
        match &self.running[number] {
            Some(running) => Ok(running.id()),
            None => fail!(Code::Inval, "engine {number} does not run"),
        }
    }

    /// Ends an engine as a power cut would.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        if let Some(mut running) = self.running[number].take() {
            running.kill()?;
            running.wait()?;
        }
        Ok(())
    }

    /// Starts an engine again, and waits until it serves.
    pub fn restart(&mut self, number: usize) -> Result<()> {
        self.running[number] = Some(self.spawn(number)?);
        self.until_ready(number)
    }

    /// What an engine counts.
    pub fn metrics(&self, number: usize) -> Result<Metrics> {
        Metrics::of(self.ports[number].1)
    }

    /// What all engines count, together.
    pub fn all_metrics(&self) -> Result<Metrics> {
        let each = (0..self.count()).map(|number| self.metrics(number)).collect::<Result<Vec<_>>>()?;
        Ok(Metrics::sum(each))
    }

    /// What an engine has logged.
    pub fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.directory(number).join("engine.log")).unwrap_or_default()
    }

    /// A client of the system.
    pub fn client(&self, transport: TransportChoice) -> Result<Context> {
        let settings = ClientSettings {
            local_directory: PathBuf::from("/"),
            local_mode: LocalMode::Process,
            system: Some(SystemAccess {
                name: SYSTEM_NAME_DEFAULT.to_owned(),
                access_points: self.access_points(self.count()),
            }),
            transport,
            call_timeout: LIMIT,
        };
        Context::start(settings, Env::system(), Arc::new(Launcher))
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        for running in self.running.iter_mut().flatten() {
            // One that has ended already is waited for all the same.
            let _ended = running.kill();
            let _ours = running.wait();
        }
        if let Err(error) = std::fs::remove_dir_all(&self.place) {
            eprintln!("daos-bench: {} stays behind: {error}", self.place.display());
        }
    }
}

/// A client of a system starts no engine.
struct Launcher;

fn no_engine() -> Status {
    Status::new(Code::Nosys, "a client of a system starts no engine")
}

impl EngineLauncher for Launcher {
    fn launch_process(&self, _directory: &Path) -> Result<PipeReader> {
        Err(no_engine())
    }

    fn start_inside(&self, _directory: &Path, _env: &Env) -> Result<Box<dyn daos_client::InsideEngine>> {
        Err(no_engine())
    }
}
