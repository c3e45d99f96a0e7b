//! Engines of one system, and the tools that use it.

use crate::support::{Tree, is_running, kill, response, signal, wait_until};
use crate::wire::Wire;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A system; its engines are killed when the test ends.
pub struct Cluster {
    place: TempDir,
    ports: Vec<u16>,
    /// How many of the engines keep the metadata.
    replicas: usize,
    /// The network between them; the machine's own when there is none. The last two machines are those of clients.
    wire: Option<Wire>,
    pub engines: Vec<Option<Engine>>,
}

/// The control port of an engine that has a machine of its own.
const PORT: u16 = 10001;
/// Machines for clients.
const CLIENT_MACHINES: usize = 2;

/// A running engine.
pub struct Engine {
    child: Child,
    /// What it said when it was ready.
    pub ready: Value,
}

impl Engine {
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn rank(&self) -> u64 {
        self.ready["rank"].as_u64().expect("a number")
    }
}

/// Ports that are free now. The listeners are open at once, so that no port comes twice.
pub fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("bound").port()).collect()
}

/// The first of so many ports of 127.0.0.1 behind each other that nobody listens on: below those that the system gives to
/// whoever wants any, so that tests beside this one do not come across them.
pub fn free_ports_in_a_row(count: u16) -> u16 {
    let all_are_free = |first: u16| {
        (first..first + count).map(|port| TcpListener::bind(("127.0.0.1", port))).collect::<Result<Vec<_>, _>>().is_ok()
    };
    let begin = 20_000 + (std::process::id() % 1000) as u16 * 10;
    (begin..32_000).step_by(10).find(|first| all_are_free(*first)).expect("free ports")
}

impl Cluster {
    /// A place for `count` engines, none of which runs.
    pub fn new(count: usize) -> Cluster {
        let place = TempDir::new().expect("the temporary directory is writable");
        let engines = (0..count).map(|_| None).collect();
        Cluster { place, ports: free_ports(count), replicas: 1, wire: None, engines }
    }

    /// As many engines, each on a machine of its own; the first ones keep the metadata. None of them runs. `None`, said with the
    /// reason, where the kernel does not allow that.
    pub fn on_wire(count: usize, replicas: usize) -> Option<Cluster> {
        let wire = match Wire::start(count + CLIENT_MACHINES) {
            Ok(wire) => wire,
            Err(why) => {
                eprintln!("skipped: {why}");
                return None;
            }
        };
        let mut cluster = Cluster::new(0);
        (cluster.ports, cluster.replicas, cluster.wire) = (vec![PORT; count], replicas, Some(wire));
        cluster.engines = (0..count).map(|_| None).collect();
        // Called by another name, the program is another one.
        for name in ["daos", "dmg", "daos_server"] {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_daos"), cluster.scratch(name)).expect("writable");
        }
        Some(cluster)
    }

    /// Gives an engine a small file system of its own for a place in its directory, before it runs for the first time.
    pub fn set_disk(&self, number: usize, place: &str, megabytes: u64) {
        let place = self.directory(number).join(place);
        std::fs::create_dir_all(&place).expect("writable");
        self.on_machine(number, &format!("mount -t tmpfs -o size={megabytes}m tmpfs {}", place.display()));
    }

    /// Fills that file system to the last block.
    pub fn fill_disk(&self, number: usize, place: &str) {
        let filler = self.directory(number).join(place).join("filler");
        // It ends when there is no room.
        self.on_machine(number, &format!("dd if=/dev/zero of={} bs=64k 2>/dev/null; true", filler.display()));
        self.on_machine(number, &format!("dd if=/dev/zero of={}-2 bs=4k 2>/dev/null; true", filler.display()));
    }

    /// Takes back what [`Cluster::fill_disk`] did.
    pub fn free_disk(&self, number: usize, place: &str) {
        let filler = self.directory(number).join(place).join("filler");
        self.on_machine(number, &format!("rm {filler} {filler}-2", filler = filler.display()));
    }

    fn on_machine(&self, number: usize, script: &str) {
        let mut command = self.wire().command(number, Path::new("/bin/sh"));
        assert!(command.args(["-c", script]).status().expect("there is a shell").success(), "{script}");
    }

    /// The network between the engines.
    pub fn wire(&self) -> &Wire {
        self.wire.as_ref().expect("a cluster on a wire")
    }

    /// A machine of clients.
    pub fn client_machine(&self, number: usize) -> usize {
        assert!(number < CLIENT_MACHINES);
        self.ports.len() + number
    }

    /// As many engines, all of which run, and all of which keep the metadata.
    pub fn replicated(count: usize) -> Cluster {
        let mut cluster = Cluster::new(count);
        cluster.replicas = count;
        cluster.start_all();
        cluster
    }

    /// As many engines, all of which run.
    pub fn running(count: usize) -> Cluster {
        let mut cluster = Cluster::new(count);
        cluster.start_all();
        cluster
    }

    pub fn scratch(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn directory(&self, number: usize) -> PathBuf {
        self.scratch(&format!("engine-{number}"))
    }

    pub fn control(&self, number: usize) -> String {
        let host = self.wire.as_ref().map_or("127.0.0.1", |wire| wire.address(number));
        format!("{host}:{}", self.ports[number])
    }

    pub fn port(&self, number: usize) -> u16 {
        self.ports[number]
    }

    /// The command that starts an engine.
    pub fn server(&self, number: usize, words: &[&str]) -> Command {
        let mut command = self.program_on(number, "daos_server", &["start", "--json", "--targets", "2"]);
        if let Some(wire) = &self.wire {
            command.args(["--host", wire.address(number)]);
        }
        command.arg("--storage").arg(self.directory(number)).args(["--port", &self.ports[number].to_string()]);
        let replicas: Vec<String> = (0..self.replicas).map(|replica| self.control(replica)).collect();
        command.args(["--replicas", &replicas.join(",")]).args(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts an engine, and waits until it is ready.
    pub fn start(&mut self, number: usize) -> &Engine {
        self.start_with(number, &[])
    }

    /// As [`Cluster::start`], with more words.
    pub fn start_with(&mut self, number: usize, words: &[&str]) -> &Engine {
        let child = self.server(number, words).spawn().expect("the program runs");
        self.engines[number].insert(ready(child))
    }

    /// Waits until an engine that was started already is ready.
    pub fn adopt(&mut self, number: usize, child: Child) {
        self.engines[number] = Some(ready(child));
    }

    /// Starts all engines at once, and waits until they are ready.
    pub fn start_all(&mut self) {
        let children: Vec<Child> =
            (0..self.ports.len()).map(|number| self.server(number, &[]).spawn().expect("the program runs")).collect();
        for (number, child) in children.into_iter().enumerate() {
            self.engines[number] = Some(ready(child));
        }
    }

    /// The number of the engine that has a rank.
    pub fn with_rank(&self, rank: u64) -> usize {
        let is = |engine: &Option<Engine>| engine.as_ref().is_some_and(|engine| engine.rank() == rank);
        self.engines.iter().position(is).expect("an engine has the rank")
    }

    /// Ends an engine as a power cut would.
    pub fn kill(&mut self, number: usize) {
        let mut engine = self.engines[number].take().expect("it runs");
        kill(engine.process());
        engine.child.wait().expect("ours");
    }

    /// Ends an engine in good order.
    pub fn stop(&mut self, number: usize) {
        let mut engine = self.engines[number].take().expect("it runs");
        signal(engine.process(), "TERM");
        let status = engine.child.wait().expect("ours");
        assert!(status.success(), "{status:?}: {}", self.log(number));
    }

    pub fn log(&self, number: usize) -> String {
        let path = self.directory(number).join("engine.log");
        let path = self.wire.as_ref().map_or_else(|| path.clone(), |wire| wire.path_on(number, &path));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// The program under one of its names, as a client of the system.
    pub fn program(&self, name: &str, words: &[&str]) -> Command {
        self.program_on(self.ports.len(), name, words)
    }

    /// As [`Cluster::program`], on one of the machines.
    pub fn program_on(&self, machine: usize, name: &str, words: &[&str]) -> Command {
        let mut command = self.command_on(machine, Path::new(env!("CARGO_BIN_EXE_daos")), name);
        command.args(words);
        command
    }

    /// Any program by some name, on one of the machines, as a client of the system.
    pub fn command_on(&self, machine: usize, program: &Path, name: &str) -> Command {
        let mut command = match &self.wire {
            Some(wire) => {
                let link = self.scratch(name);
                wire.command(machine, if link.exists() { &link } else { program })
            }
            None => {
                let mut command = Command::new(program);
                command.arg0(name);
                command
            }
        };
        command.stdin(Stdio::null());
        // On one machine there is memory to share, and no network to lose packets.
        command.envs(self.wire.as_ref().map(|_| ("DAOS_TRANSPORT", "tcp")));
        for variable in ["DAOS_LOCAL_MODE", "DAOS_LOCAL_PATH", "DAOS_SYSTEM", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        let points: Vec<String> = (0..self.ports.len()).map(|number| self.control(number)).collect();
        command.env("DAOS_ACCESS_POINTS", points.join(","));
        command
    }

    pub fn run(&self, name: &str, words: &[&str]) -> Output {
        self.program(name, words).output().expect("the program runs")
    }

    /// Runs a tool, which must succeed; gives what it wrote to standard output.
    pub fn succeed(&self, name: &str, words: &[&str]) -> String {
        let output = self.run(name, words);
        assert!(output.status.success(), "{name} {words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a tool, which must succeed, and reads the response in its JSON object.
    pub fn response(&self, name: &str, words: &[&str]) -> Value {
        response(&self.succeed(name, &[words, &["--json"]].concat()))
    }

    /// Makes pool `tank`, a container for files in it, and a tree of small files, which is copied to `x` in the container; gives the tree.
    pub fn fill(&self, container: &str) -> PathBuf {
        self.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
        self.succeed("daos", &["cont", "create", "tank", container, "--type", "POSIX"]);
        let from = self.scratch("from");
        Tree::small().make(&from);
        self.succeed("daos", &["fs", "copy", &text(&from), &format!("daos://tank/{container}/x")]);
        from
    }

    /// Runs a tool, which must fail; gives the sentence.
    pub fn fail(&self, name: &str, words: &[&str]) -> String {
        let output = self.run(name, words);
        assert_eq!(output.status.code(), Some(1), "{name} {words:?}: {output:?}");
        String::from_utf8(output.stderr).expect("text")
    }
}

/// A path as a word of a command.
pub fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// Waits until an engine says that it is ready.
fn ready(mut child: Child) -> Engine {
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut line).expect("text");
    if line.is_empty() {
        let output = child.wait_with_output().expect("ours");
        panic!("the engine did not start: {}", String::from_utf8_lossy(&output.stderr));
    }
    let ready = serde_json::from_str(&line).expect("one JSON object");
    Engine { child, ready }
}

/// Lines of each engine's log that are shown when a test fails.
const LAST_LINES: usize = 60;

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for number in 0..self.ports.len() {
                let log = self.log(number);
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("the log of engine {number}:");
                lines[lines.len().saturating_sub(LAST_LINES)..].iter().for_each(|line| eprintln!("  {line}"));
            }
        }
        for engine in self.engines.iter_mut().flatten() {
            let process = engine.process();
            // One that has ended already is waited for all the same.
            let _gone = engine.child.kill();
            let _ours = engine.child.wait();
            wait_until("the killed engine is gone", || !is_running(process));
        }
    }
}
