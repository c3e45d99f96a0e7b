//! What programs choose besides the names of files: by what follows the connector's name in the environment, and by functions.

use super::super::c_programs::Outcome;
use super::{Bench, POOL, SECONDS_MAX};
use crate::commands::hdf5::{Flavour, Hdf5};
use crate::commands::install_tree::InstallTree;
use crate::process;
use crate::workspace::Metadata;
use anyhow::Result;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Names of the cases, and what the program calls them.
pub const CASES: &[(&str, &str)] = &[
    ("connector information", "information"),
    ("object classes", "classes"),
    ("snapshots", "snapshots"),
    ("functions for programs", "functions"),
];
const PROGRAM: &str = "hdf5_vol/tests/chosen.py";

/// The same by a program in C.
pub const IN_C: &str = "functions for programs in C";
const SOURCE: &str = "hdf5_vol/tests/chosen.c";

impl Bench<'_> {
    /// Runs one in an empty container.
    pub fn run_chosen(&self, case: &str) -> Result<Outcome> {
        let container = format!("chosen-{case}");
        process::succeed(&mut self.engine.daos(&["cont", "create", POOL, &container, "--type", "POSIX"]))?;
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(self.python).arg(Path::new(PROGRAM));
        command.args([case, POOL, &container]).env("PYTHONDONTWRITEBYTECODE", "1");
        self.engine.prepare(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        process::succeed(&mut command)?;
        Ok(Outcome::Passed)
    }

    /// The program gets nothing but its own words, and is linked with what `pkg-config` tells.
    pub fn run_chosen_in_c(&self, metadata: &Metadata, tree: &InstallTree) -> Result<Outcome> {
        let container = "chosen-c";
        process::succeed(&mut self.engine.daos(&["cont", "create", POOL, container, "--type", "POSIX"]))?;
        let hdf5 = Hdf5::new(metadata, Flavour::Serial);
        let binary = std::path::absolute(self.scratch.join("chosen"))?;
        let mut tell = Command::new("pkg-config");
        tell.args(["--cflags", "--libs", "hdf5_vol_daos"]);
        let flags = process::capture(tell.env("PKG_CONFIG_PATH", tree.prefix.join("lib/pkgconfig")))?;
        let flags: Vec<OsString> = flags.split_whitespace().map(OsString::from).collect();
        hdf5.compile(SOURCE, &binary, &flags)?;
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(&binary).args([POOL, container]);
        process::succeed(self.engine.prepare(&mut command))?;
        Ok(Outcome::Passed)
    }
}
