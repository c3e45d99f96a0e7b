//! What goes wrong while a file is written: errors are told, and what was flushed before stays.

use super::super::c_programs::Outcome;
use super::{Bench, CONTAINER, POOL, SECONDS_MAX, TARGETS, TARGETS_VARIABLE};
use crate::process;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Names of the cases, and what the program calls them.
pub const CASES: &[(&str, &str)] = &[
    ("damaged chunks", "damaged"),
    ("engine killed in mid-write", KILLED),
    ("full pool", FULL),
    ("end without a close", "unclosed"),
    ("pool that may only be read", FOREIGN),
    ("engine that is gone", "gone"),
    ("file that is replaced while open", "replaced"),
];
const KILLED: &str = "killed";
const FULL: &str = "full";
/// Its file is in a pool of its own, and another file that leads to it is not.
const FOREIGN: &str = "foreign";

const PROGRAM: &str = "hdf5_vol/tests/failures.py";
/// A pool that is full soon, and serves one case after the other.
const SMALL_POOL: &str = "small";
const SMALL_SIZE: &str = "256M";

impl Bench<'_> {
    /// One process writes, the engine is killed, and another process looks at what is there.
    pub fn run_failure(&self, what: &str) -> Result<Outcome> {
        let has_pool = [FULL, FOREIGN].contains(&what);
        let pool = if has_pool { SMALL_POOL } else { POOL };
        if has_pool {
            let mut create = self.engine.daos(&["pool", "create", pool, "--size", SMALL_SIZE]);
            process::succeed(create.env(TARGETS_VARIABLE, TARGETS))?;
            process::succeed(&mut self.engine.daos(&["cont", "create", pool, CONTAINER, "--type", "POSIX"]))?;
        }
        let file = format!("daos://{pool}/{CONTAINER}/{what}.h5");
        let said = self.failing(&[what, "write", &file])?;
        self.engine.kill()?;
        // Whether an error was told, where either may be.
        let outcome = said.lines().last().unwrap_or_default();
        self.failing(&[what, "read", &file, outcome])?;
        if has_pool {
            process::succeed(&mut self.engine.daos(&["pool", "destroy", pool, "--force"]))?;
        }
        Ok(Outcome::Passed)
    }

    fn failing(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(self.python).arg(Path::new(PROGRAM)).args(arguments);
        self.engine.prepare(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        process::succeed(&mut command)
    }
}
