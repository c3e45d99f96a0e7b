//! The engine that the client's benchmarks talk to: this program itself, started once more.

use daos_client::{Client, ClientSettings, Context, EngineLauncher, LocalMode, TransportChoice};
use daos_env::Env;
use daos_server::{InsideEngine, LocalEngine, LocalEngineSettings};
use daos_status::Result;
use daos_types::Reference;
use std::io::PipeReader;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The word that makes this program an engine; the directory follows.
const SERVE: &str = "serve-local-engine";
/// The engine goes soon after the benchmark.
const IDLE: Duration = Duration::from_secs(2);
/// One target: what the figures of the peer are for.
const TARGETS: u32 = 1;

/// Serves a directory, when the command line says so.
pub fn serve_if_asked() -> Option<Result<()>> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != SERVE {
        return None;
    }
    let directory = PathBuf::from(arguments.next()?);
    Some(LocalEngine::serve(LocalEngineSettings {
        directory,
        idle: Some(IDLE),
        targets: Some(TARGETS),
        detached: true,
    }))
}

struct Launcher;

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        let mut command = Command::new(std::env::current_exe()?);
        daos_server::spawn_detached(command.arg(SERVE).arg(directory))
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn daos_client::InsideEngine>> {
        Ok(Box::new(InsideEngine::start(directory, env)?))
    }
}

/// Has a command killed when this process is gone.
pub fn end_with_parent(command: &mut Command) {
    let die = || {
        // SAFETY: the call takes no pointer, and is allowed between fork and exec.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        Ok(())
    };
    // SAFETY: the closure makes one system call and touches no memory.
    unsafe { command.pre_exec(die) };
}

/// A client with an engine of its own, whose directory is removed at the end.
pub struct Bench {
    context: Option<Context>,
    directory: PathBuf,
    /// The engine was started for this benchmark, and ends with it.
    is_own: bool,
}

impl Bench {
    /// Attaches to a new engine in a folder of `place`.
    pub fn start(place: &Path, mode: LocalMode, transport: TransportChoice) -> Result<Bench> {
        let word = format!("{mode:?}-{transport:?}").to_lowercase();
        let directory = std::path::absolute(place)?.join(format!("engine-{word}-{}", std::process::id()));
        Bench::open(directory, mode, transport, true)
    }

    /// Attaches to the engine process of another one's directory.
    pub fn attach(directory: PathBuf, transport: TransportChoice) -> Result<Bench> {
        Bench::open(directory, LocalMode::Process, transport, false)
    }

    fn open(directory: PathBuf, mode: LocalMode, transport: TransportChoice, is_own: bool) -> Result<Bench> {
        let settings = ClientSettings {
            local_directory: directory.clone(),
            local_mode: mode,
            system: None,
            transport,
            call_timeout: Duration::from_secs(60),
        };
        let context = Context::start(settings, Env::system(), Arc::new(Launcher))?;
        Ok(Bench { context: Some(context), directory, is_own })
    }

    /// Where the engine has its data.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The client.
    pub fn context(&self) -> &Context {
        self.context.as_ref().expect("it is there until the end")
    }
}

async fn destroy_pools(client: Client) -> Result<()> {
    for pool in client.pool_list().await? {
        client.pool_destroy(&Reference::Id(pool.id.0), true).await?;
    }
    Ok(())
}

impl Drop for Bench {
    fn drop(&mut self) {
        let Some(context) = self.context.take() else { return };
        if !self.is_own {
            return context.stop();
        }
        // An engine with pools of class `ram` would stay for ever.
        if let Err(status) = context.block_on(destroy_pools) {
            eprintln!("daos-bench: the pools of the engine in {} stay behind: {status}", self.directory.display());
        }
        context.stop();
        // The engine may still hold files open; what is removed stays usable for it.
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            eprintln!("daos-bench: {} stays behind: {error}", self.directory.display());
        }
    }
}
