//! Programs of another kind than one process with one HDF5: each is a script that writes, and reads after the engine was killed.

use super::super::c_programs::Outcome;
use super::{Bench, CONTAINER, POOL, SECONDS_MAX};
use crate::process;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Names of the cases, and their scripts.
pub const CASES: &[(&str, &str)] = &[
    // The wheels of h5py, netCDF4 and PyTables bring one each.
    ("several libraries", "hdf5_vol/tests/libraries.py"),
    // As Python's `multiprocessing` makes them.
    ("forked processes", "hdf5_vol/tests/forks.py"),
    // Of a wheel that brings many.
    ("filters of plugins", "hdf5_vol/tests/plugins.py"),
];

impl Bench<'_> {
    /// One process writes, the engine is killed, and another process reads.
    pub fn run_program(&self, script: &str) -> Result<Outcome> {
        self.program(script, "write")?;
        self.engine.kill()?;
        self.program(script, "read")?;
        Ok(Outcome::Passed)
    }

    fn program(&self, script: &str, what: &str) -> Result<()> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(self.python).arg(Path::new(script));
        command.args([what, POOL, CONTAINER]).arg(&self.scratch);
        self.engine.prepare(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        process::succeed(&mut command).map(drop)
    }
}
