//! Foreign programs that use their files by the calls of POSIX as well. They run in a mount of `dfuse`, so that a name without a directory is the same file for
//! both: the driver takes it from the root of the container, and the kernel from the working directory.

use super::{Bench, CONTAINER, Outcome, POOL, Started, report, says_no_errors};
use crate::commands::romio::Romio;
use crate::commands::test::mpi_programs::{MOUNTED, Suite};
use crate::commands::test::tally::Tally;
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEVICE: &str = "/dev/fuse";
const UNMOUNT: &str = "fusermount3";

/// What ROMIO's `external32` prints; it has no verdict of its own.
const ORDERS: &[&str] =
    &["native datarep is LITTLE ENDIAN", "external32 datarep is BIG ENDIAN", "internal datarep is LITTLE ENDIAN"];

/// A mount, which ends with this value.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = process::succeed(Command::new(UNMOUNT).arg("-u").arg(&self.0)) {
            eprintln!("  {} stays mounted: {error:#}", self.0.display());
        }
    }
}

impl Bench<'_> {
    /// Runs those that are wanted.
    pub(super) fn run_mounted(&self, romio: &Romio, is_wanted: &dyn Fn(&str) -> bool) -> Tally {
        let wanted: Vec<_> = MOUNTED.iter().filter(|program| is_wanted(program.name)).collect();
        if wanted.is_empty() {
            return Tally::default();
        }
        if !Path::new(DEVICE).exists() || process::find_program(UNMOUNT).is_none() {
            let names: Vec<&str> = wanted.iter().map(|program| program.name).collect();
            eprintln!("  skip {}: they need a mount, and {DEVICE} or {UNMOUNT} is missing", names.join(" and "));
            return Tally::default();
        }
        let mount = match self.mount() {
            Ok(mount) => mount,
            Err(error) => return report("a mount of dfuse", Err(error)),
        };
        let mut tally = Tally::default();
        for program in wanted {
            let suite = program.suite.directory();
            let binary = romio.build.join("programs").join(suite).join(program.name);
            let outcome = self.run_in(&mount.0, &binary, program.ranks, program.arguments);
            let judged = outcome.map(|(has_succeeded, text)| match program.suite {
                Suite::Romio if has_succeeded && ORDERS.iter().all(|line| text.contains(line)) => Outcome::Passed,
                Suite::Mpich if has_succeeded && text.lines().any(says_no_errors) => Outcome::Passed,
                _ => Outcome::Failed(text),
            });
            tally += report(&format!("{suite} {}, in a mount of dfuse", program.name), judged);
        }
        tally
    }

    fn mount(&self) -> Result<Mount> {
        let place = self.scratch.join("mount");
        fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
        let mut command = Command::new(self.tree.prefix.join("bin/dfuse"));
        command.arg("--disable-caching").arg(&place).args([POOL, CONTAINER]);
        process::succeed(self.engine.prepare(&mut command))?;
        Ok(Mount(place))
    }

    fn run_in(&self, directory: &Path, binary: &Path, ranks: u32, arguments: &[&str]) -> Result<(bool, String)> {
        let environment = [("ROMIO_FSTYPE_FORCE", "daos:"), ("DAOS_POOL", POOL), ("DAOS_CONT", CONTAINER)];
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let started = Started { directory: Some(directory), ..Started::of_debian(ranks) };
        self.launch(&started, binary, &arguments, &environment)
    }
}
