//! Starts the engine of a local directory: this program under another name, or threads of this process.

use daos_client::EngineLauncher;
use daos_env::Env;
use daos_server::{Capacity, FileSystem, HostCapacity};
use daos_status::Result;
use std::io::PipeReader;
use std::path::Path;

/// The launcher of the tools.
pub struct Launcher;

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        daos_server::spawn_local_engine(&daos_server::own_program(), directory)
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn daos_client::InsideEngine>> {
        Ok(Box::new(daos_server::InsideEngine::start(directory, env)?))
    }
}

/// The file system that holds the directory of a local engine.
pub fn file_system(directory: &Path) -> Result<FileSystem> {
    HostCapacity::of(directory).file_system()
}
