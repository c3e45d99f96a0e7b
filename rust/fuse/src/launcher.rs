//! Starts the engine of a local directory: this program under another name, or threads of this process.

use daos_client::{EngineLauncher, InsideEngine};
use daos_env::Env;
use daos_rpc::Address;
use daos_rpc::in_process::InProcessNetwork;
use daos_status::Result;
use std::io::PipeReader;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name under which this program serves a directory.
pub(crate) const SERVER_NAME: &str = "daos_server";
/// The program that runs, also when its file was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The launcher of the program.
pub struct Launcher {
    program: PathBuf,
}

impl Launcher {
    /// Serves directories by another `dfuse` than the one that runs.
    pub fn with_program(program: PathBuf) -> Launcher {
        Launcher { program }
    }
}

impl Default for Launcher {
    fn default() -> Launcher {
        let file = std::env::current_exe().ok().filter(|path| path.is_file());
        Launcher { program: file.unwrap_or_else(|| PathBuf::from(OWN_PROGRAM)) }
    }
}

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        let mut command = Command::new(&self.program);
        command.arg0(SERVER_NAME).args(["local", "--detached", "--path"]).arg(directory);
        daos_server::spawn_detached(&mut command)
            .map_err(|error| error.while_doing(format_args!("starting the engine of {}", directory.display())))
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn InsideEngine>> {
        Ok(Box::new(Inside(daos_server::InsideEngine::start(directory, env)?)))
    }
}

struct Inside(daos_server::InsideEngine);

impl InsideEngine for Inside {
    fn network(&self) -> InProcessNetwork {
        self.0.network()
    }

    fn targets(&self) -> Vec<Address> {
        self.0.targets()
    }

    fn session(&self) -> u64 {
        self.0.session()
    }
}
