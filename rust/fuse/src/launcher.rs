//! Starts the engine of a local directory: this program under another name, or threads of this process.

use daos_client::{EngineLauncher, InsideEngine};
use daos_env::Env;
use daos_status::Result;
use std::io::PipeReader;
use std::path::{Path, PathBuf};

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
        Launcher { program: daos_server::own_program() }
    }
}

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        daos_server::spawn_local_engine(&self.program, directory)
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn InsideEngine>> {
        Ok(Box::new(daos_server::InsideEngine::start(directory, env)?))
    }
}
