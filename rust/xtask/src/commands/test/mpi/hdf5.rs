//! Parallel HDF5 of Debian over the driver: a program that writes with one division and reads with another, and its file read by HDF5's ordinary calls, once
//! copied out of the container.

use super::{Bench, CONTAINER, Outcome, POOL, RANKS, Started, report};
use crate::commands::setup;
use crate::commands::test::tally::Tally;
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "mpiio_driver/tests/hdf5/fields.c";
const NAME: &str = "parallel hdf5";
/// How pkg-config knows the HDF5 that is built with MPICH.
const MODULE: &str = "hdf5-mpich";
const FILE: &str = "fields.h5";

impl Bench<'_> {
    /// Runs it, if it is wanted and HDF5 can be had.
    pub(super) fn run_hdf5(&self, is_wanted: &dyn Fn(&str) -> bool) -> Tally {
        if !is_wanted(NAME) {
            return Tally::default();
        }
        if let Err(error) = setup::mpi_hdf5() {
            eprintln!("  skip {NAME}: {error:#}");
            return Tally::default();
        }
        report(NAME, self.try_hdf5())
    }

    fn try_hdf5(&self) -> Result<Outcome> {
        let binary = self.scratch.join("hdf5-fields");
        let flags = process::capture(Command::new("pkg-config").args(["--cflags", "--libs", MODULE]))?;
        let mut compile = Command::new("mpicc.mpich");
        compile.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&binary).arg(SOURCE);
        process::succeed(compile.args(flags.split_whitespace()))?;
        let inside = format!("daos:/{POOL}/{CONTAINER}/{FILE}");
        let parallel = self.fields(&binary, RANKS, "parallel", &inside)?;
        if !matches!(parallel, Outcome::Passed) {
            return Ok(parallel);
        }
        let outside = self.scratch.join(FILE);
        if outside.exists() {
            fs::remove_file(&outside).with_context(|| format!("cannot remove {}", outside.display()))?;
        }
        let outside = outside.to_string_lossy().into_owned();
        let from = format!("daos://{POOL}/{CONTAINER}/{FILE}");
        process::succeed(&mut self.engine.daos(&["fs", "copy", &from, &outside]))?;
        self.fields(&binary, 1, "serial", &outside)
    }

    fn fields(&self, binary: &Path, ranks: u32, way: &str, name: &str) -> Result<Outcome> {
        let arguments = [way.to_owned(), name.to_owned()];
        let (has_succeeded, text) = self.launch(&Started::of_debian(ranks), binary, &arguments, &[])?;
        Ok(if has_succeeded { Outcome::Passed } else { Outcome::Failed(text) })
    }
}
