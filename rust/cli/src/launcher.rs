//! Starts the engine of a local directory: this program under another name, or threads of this process.

use daos_client::EngineLauncher;
use daos_env::Env;
use daos_server::{Capacity, FileSystem, HostCapacity};
use daos_status::{Result, Status};
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

/// The free bytes in the file system that holds the path, or will hold it.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let mut existing = path;
    while !existing.exists() {
        // The empty path that a relative one ends in stands for the working directory.
        existing = existing.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    }
    crate::system_calls::free_bytes(existing).map_err(|error| {
        Status::from(error).while_doing(format_args!("looking at the file system of {}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_that_of_the_nearest_directory() {
        assert!(free_bytes(Path::new("/no/such/directory")).is_ok());
        assert!(free_bytes(Path::new("not-there/at-all")).is_ok());
    }
}
