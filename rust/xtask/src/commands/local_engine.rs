//! A local engine of our own: a directory, the programs that use it, and the end of its process.

use super::install_tree::InstallTree;
use crate::process;
use crate::stopwatch::wait_until;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The file in which a running engine says its process id.
const PID_FILE: &str = "engine.pid";

/// How long a killed process may take to be gone.
const GONE_LIMIT: Duration = Duration::from_secs(10);
const GONE_INTERVAL: Duration = Duration::from_millis(10);

/// A local engine's directory.
pub struct LocalEngine {
    directory: PathBuf,
    programs: PathBuf,
}

impl LocalEngine {
    /// The engine of a directory that is empty now: an engine left there before is ended and its data removed.
    pub fn fresh(tree: &InstallTree, directory: &Path) -> Result<Self> {
        let directory =
            std::path::absolute(directory).with_context(|| format!("{} is no path", directory.display()))?;
        let engine = Self { directory, programs: tree.prefix.join("bin") };
        engine.remove()?;
        std::fs::create_dir_all(&engine.directory)
            .with_context(|| format!("cannot create {}", engine.directory.display()))?;
        Ok(engine)
    }

    /// Where its data is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the command use this engine and no other.
    pub fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let mut path = self.programs.clone().into_os_string();
        if let Some(inherited) = std::env::var_os("PATH") {
            path.push(":");
            path.push(inherited);
        }
        command.env("DAOS_LOCAL_PATH", &self.directory).env("PATH", path)
    }

    /// One of the programs that it was installed with.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The tool `daos` with these arguments.
    pub fn daos(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program("daos"));
        command.args(arguments);
        self.prepare(&mut command);
        command
    }

    /// Ends the engine as a power cut would, and waits until its process is gone. Gives its process id.
    pub fn kill(&self) -> Result<u32> {
        let Some(pid) = self.pid() else {
            bail!(
                "no engine runs for {}: {} names no running engine of it",
                self.directory.display(),
                self.directory.join(PID_FILE).display()
            );
        };
        process::run(Command::new("sh").args(["-c", &format!("kill -9 {pid}")]))?;
        if !wait_until(GONE_LIMIT, GONE_INTERVAL, || !is_running(pid)) {
            bail!("engine {pid} is still there {} s after kill -9", GONE_LIMIT.as_secs());
        }
        Ok(pid)
    }

    /// Ends the engine if one runs, and removes its data.
    pub fn remove(&self) -> Result<()> {
        if self.pid().is_some() {
            self.kill()?;
        }
        if self.directory.exists() {
            std::fs::remove_dir_all(&self.directory)
                .with_context(|| format!("cannot remove {}", self.directory.display()))?;
        }
        Ok(())
    }

    /// The process id in the pid file, if it is a running process of this engine.
    fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.directory.join(PID_FILE)).ok()?;
        let pid = text.trim().parse().ok()?;
        (is_running(pid) && self.is_ours(pid)).then_some(pid)
    }

    /// A pid file may outlive its process, and the number may belong to a stranger by now: ours holds files of the
    /// directory open.
    fn is_ours(&self, pid: u32) -> bool {
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
            return false;
        };
        let mut targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.any(|target| target.starts_with(&self.directory))
    }
}

/// Whether the process exists and is not only waiting for its parent to notice its end.
fn is_running(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The state follows the name, which stands in parentheses and may hold anything.
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    !state.is_some_and(|rest| rest.starts_with(['Z', 'X']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_run_and_a_number_that_cannot_be_a_process_does_not() {
        assert!(is_running(std::process::id()));
        assert!(!is_running(u32::MAX));
    }

    #[test]
    fn a_pid_file_that_names_a_stranger_is_not_believed() {
        let directory = std::env::temp_dir().join(format!("xtask-stranger-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let engine = LocalEngine { directory: directory.clone(), programs: PathBuf::new() };
        std::fs::write(directory.join(PID_FILE), std::process::id().to_string()).expect("writable");
        assert_eq!(engine.pid(), None);
        let held = std::fs::File::open(directory.join(PID_FILE)).expect("just written");
        assert_eq!(engine.pid(), Some(std::process::id()));
        drop(held);
        engine.directory.read_dir().expect("still there");
        std::fs::remove_dir_all(directory).expect("ours");
    }
}
