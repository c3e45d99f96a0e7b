//! Starts the engine of a local directory: this program under another name, or threads of this process.

use daos_client::EngineLauncher;
use daos_env::Env;
use daos_rpc::Address;
use daos_rpc::in_process::InProcessNetwork;
use daos_status::{Result, Status};
use std::io::PipeReader;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name under which this program serves a directory.
const SERVER_NAME: &str = "daos_server";
/// What the kernel calls this program also when its file was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The launcher of the tools.
pub struct Launcher;

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        let mut command = Command::new(own_program());
        command.arg0(SERVER_NAME).args(["local", "--detached", "--path"]).arg(directory);
        daos_server::spawn_detached(&mut command)
            .map_err(|error| error.while_doing(format_args!("starting the engine of {}", directory.display())))
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn daos_client::InsideEngine>> {
        Ok(Box::new(Inside(daos_server::InsideEngine::start(directory, env)?)))
    }
}

/// The file of this program; by its own name where it still has one, so that lists of processes show it.
pub fn own_program() -> PathBuf {
    std::env::current_exe().ok().filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(OWN_PROGRAM))
}

struct Inside(daos_server::InsideEngine);

impl daos_client::InsideEngine for Inside {
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
