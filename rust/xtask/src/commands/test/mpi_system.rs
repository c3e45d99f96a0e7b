//! A system of several engines for MPI programs, whose server starts an engine again that was killed.

use crate::commands::install_tree::InstallTree;
use crate::process;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Engines, each with one target; the first one keeps the metadata.
const ENGINES: u16 = 2;

/// Where their control ports are looked for: below those that the kernel gives to whoever wants any.
const PORTS: (u16, u16) = (22_000, 32_000);

/// Names the control ports to clients.
const ACCESS_POINTS: &str = "DAOS_ACCESS_POINTS";

/// A running system; it ends when this is dropped.
pub struct System {
    server: Child,
    /// Who reads what engines say that are started again; nobody looks at it.
    output: BufReader<ChildStdout>,
    directory: PathBuf,
    access_point: String,
}

impl System {
    /// An empty system in a directory, with a pool and a container for files in it.
    ///
    /// # Errors
    /// When an engine does not start, with what it said.
    pub fn start(tree: &InstallTree, directory: &Path, pool: &str, container: &str) -> Result<Self> {
        let directory =
            std::path::absolute(directory).with_context(|| format!("{} is no path", directory.display()))?;
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let port = free_ports()?;
        let file = directory.join("server.yml");
        fs::write(&file, configuration(&directory, port))
            .with_context(|| format!("cannot write {}", file.display()))?;
        let programs = tree.prefix.join("bin");
        let mut command = Command::new(programs.join("daos_server"));
        command.args(["start", "--json", "-o"]).arg(&file).env_remove(ACCESS_POINTS);
        let mut server = process::spawn(command.stdout(Stdio::piped()))?;
        let output = BufReader::new(server.stdout.take().context("the server has no output")?);
        let mut system = Self { server, output, directory, access_point: format!("127.0.0.1:{port}") };
        for _ in 0..ENGINES {
            let mut line = String::new();
            if system.output.read_line(&mut line).context("the server does not write text")? == 0 {
                bail!("the system in {} did not start; what it said is above", system.directory.display());
            }
        }
        system.run(&programs, "dmg", &["pool", "create", pool, "--size", "1GiB"])?;
        system.run(&programs, "daos", &["cont", "create", pool, container, "--type", "POSIX"])?;
        Ok(system)
    }

    fn run(&self, programs: &Path, name: &str, words: &[&str]) -> Result<()> {
        let mut command = Command::new(programs.join(name));
        let (status, text) = process::gather(command.args(words).env(ACCESS_POINTS, &self.access_point))?;
        if !status.success() {
            bail!("`{}` failed ({status}): {text}", process::line(&command));
        }
        Ok(())
    }

    /// What a program needs in its environment to use it.
    pub fn environment(&self) -> (&'static str, &str) {
        (ACCESS_POINTS, &self.access_point)
    }

    /// The files with the process ids of the engines.
    pub fn process_files(&self) -> Vec<PathBuf> {
        (0..ENGINES).map(|number| place(&self.directory, number).join("engine.pid")).collect()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // Killed, the server takes its engines along; one that has ended already is waited for all the same.
        let _gone = self.server.kill();
        let _ours = self.server.wait();
    }
}

fn place(directory: &Path, number: u16) -> PathBuf {
    directory.join(format!("engine-{number}"))
}

fn configuration(directory: &Path, port: u16) -> String {
    let mut text = format!("mgmt_svc_replicas: ['127.0.0.1:{port}']\nport: {port}\nengines:\n");
    for number in 0..ENGINES {
        let place = place(directory, number);
        text.push_str(&format!("- {{targets: 1, storage: [{{class: ram, scm_mount: '{}'}}]}}\n", place.display()));
    }
    text
}

/// The first of as many ports behind each other on which nobody listens.
fn free_ports() -> Result<u16> {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let begin = PORTS.0 + (std::process::id() % 900) as u16 * ENGINES;
    let found = (begin..PORTS.1).step_by(ENGINES.into()).find(|first| (*first..first + ENGINES).all(is_free));
    found.with_context(|| format!("no {ENGINES} free ports from {begin} on"))
}
