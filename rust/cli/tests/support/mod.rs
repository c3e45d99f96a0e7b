//! What the tests of real processes share: a directory with an engine of its own, and the tools that use it.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod process;
mod tree;

pub use process::{cpu_ticks, is_running, wait_until};
pub use tree::{Tree, assert_same};

use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Seconds after which engines of tests end by themselves, unless a test says otherwise: longer than any pause of a test on
/// a busy machine, short enough not to be in the way when a test dies.
const IDLE_SECONDS: u64 = 20;
/// A bound on everything that is waited for. It is only reached when something hangs.
pub const LIMIT: Duration = Duration::from_secs(100);

/// A local engine's directory; the engine is killed when the test ends.
pub struct TestSystem {
    directory: TempDir,
    idle_seconds: u64,
}

impl TestSystem {
    /// An empty directory.
    pub fn new() -> TestSystem {
        TestSystem {
            directory: TempDir::new().expect("the temporary directory is writable"),
            idle_seconds: IDLE_SECONDS,
        }
    }

    /// Lets engines that are started from now on end after so many idle seconds.
    pub fn with_idle(mut self, seconds: u64) -> TestSystem {
        self.idle_seconds = seconds;
        self
    }

    /// A place for files of the test.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The engine's directory.
    pub fn path(&self) -> PathBuf {
        self.scratch("engine")
    }

    /// The program under one of its names.
    pub fn program(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daos"));
        command.arg0(name).args(words).stdin(Stdio::null());
        for variable in ["DAOS_LOCAL_MODE", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        command.env("DAOS_LOCAL_PATH", self.path()).env("DAOS_LOCAL_IDLE", self.idle_seconds.to_string());
        // Whatever the machine has: some commands do more where there are several.
        command.env("DAOS_LOCAL_TARGETS", "2");
        command
    }

    /// Runs `daos`, whatever comes of it.
    pub fn daos(&self, words: &[&str]) -> Output {
        self.program("daos", words).output().expect("the program runs")
    }

    /// Starts `daos` with its output in a pipe.
    pub fn start(&self, words: &[&str]) -> Child {
        let mut command = self.program("daos", words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs")
    }

    /// Runs `daos`, which must succeed; gives what it wrote to standard output.
    pub fn succeed(&self, words: &[&str]) -> String {
        let output = self.daos(words);
        assert!(output.status.success(), "daos {words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs `daos`, which must succeed, and reads the response in its JSON object.
    pub fn response(&self, words: &[&str]) -> Value {
        response(&self.succeed(&[words, &["--json"]].concat()))
    }

    /// Runs `daos`, which must fail with exit status 1; gives the sentence on standard error.
    pub fn fail(&self, words: &[&str]) -> String {
        let output = self.daos(words);
        let sentence = String::from_utf8(output.stderr.clone()).expect("text");
        assert_eq!(output.status.code(), Some(1), "daos {words:?}: {output:?}");
        assert!(output.stdout.is_empty(), "nothing but the sentence: {output:?}");
        assert_eq!(sentence.trim_end().lines().count(), 1, "one sentence: {sentence}");
        sentence
    }

    /// The process of the engine, which must run.
    pub fn engine(&self) -> u32 {
        self.running_engine().expect("an engine runs")
    }

    /// The process of the engine, by the one who listens on the socket.
    pub fn running_engine(&self) -> Option<u32> {
        let status = self.response(&["local", "status"]);
        status["process"].as_u64().map(|process| process as u32)
    }

    /// Ends the engine as a power cut would, and waits until it is gone.
    pub fn kill_engine(&self) -> u32 {
        let engine = self.engine();
        kill(engine);
        wait_until("the killed engine is gone", || !is_running(engine));
        engine
    }

    /// A pool and a container for files in it.
    pub fn with_container(self) -> TestSystem {
        self.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
        self.succeed(&["cont", "create", "tank", "home", "--type", "POSIX"]);
        self
    }
}

impl Drop for TestSystem {
    fn drop(&mut self) {
        // A test that failed early may have left anything, also nothing.
        let Ok(text) = std::fs::read_to_string(self.path().join("engine.pid")) else { return };
        if let Ok(engine) = text.trim().parse()
            && is_running(engine)
            && process::has_open_below(engine, &self.path())
        {
            kill(engine);
        }
    }
}

/// Sends signal KILL.
pub fn kill(process: u32) {
    signal(process, "KILL");
}

/// Sends a signal.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(sent.expect("there is a shell").success(), "process {process} could not be sent signal {name}");
}

/// The response in an object, which must be one of success.
pub fn response(text: &str) -> Value {
    let object: Value = serde_json::from_str(text).expect("one JSON object");
    assert_eq!((&object["error"], &object["status"]), (&Value::Null, &Value::from(0)), "{object}");
    object["response"].clone()
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("there is id");
    output.stdout.trim_ascii() == b"0"
}

/// Makes what is below the path as the root would, for a user who is not: a copy of the program that anybody may run.
pub fn public_program(at: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = at.join("daos");
    std::fs::copy(env!("CARGO_BIN_EXE_daos"), &program).expect("writable");
    std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755)).expect("ours");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
    program
}
