//! Foreign programs that use their files by the calls of POSIX as well. They run in a mount of `dfuse`, so that a name without a directory is the same file for
//! both: the driver takes it from the root of the container, and the kernel from the working directory.

use super::{Bench, CONTAINER, Outcome, POOL, Started, report, says_no_errors};
use crate::commands::romio::Romio;
use crate::commands::test::fuse_mount::FuseMount;
use crate::commands::test::mpi_programs::{MOUNTED, Suite};
use crate::commands::test::tally::Tally;
use anyhow::Result;
use std::path::Path;

/// What ROMIO's `external32` prints; it has no verdict of its own.
const ORDERS: &[&str] =
    &["native datarep is LITTLE ENDIAN", "external32 datarep is BIG ENDIAN", "internal datarep is LITTLE ENDIAN"];

impl Bench<'_> {
    /// Runs those that are wanted.
    pub(super) fn run_mounted(&self, romio: &Romio, is_wanted: &dyn Fn(&str) -> bool) -> Tally {
        let wanted: Vec<_> = MOUNTED.iter().filter(|program| is_wanted(program.name)).collect();
        if wanted.is_empty() {
            return Tally::default();
        }
        if let Some(lack) = FuseMount::lacks() {
            let names: Vec<&str> = wanted.iter().map(|program| program.name).collect();
            eprintln!("  skip {}: they need a mount, and {lack}", names.join(" and "));
            return Tally::default();
        }
        let mount = match FuseMount::new(self.engine, &self.scratch.join("mount"), POOL, CONTAINER) {
            Ok(mount) => mount,
            Err(error) => return report("a mount of dfuse", Err(error)),
        };
        let mut tally = Tally::default();
        for program in wanted {
            let suite = program.suite.directory();
            let binary = romio.build.join("programs").join(suite).join(program.name);
            let outcome = self.run_in(mount.directory(), &binary, program.ranks, program.arguments);
            let judged = outcome.map(|(has_succeeded, text)| match program.suite {
                Suite::Romio if has_succeeded && ORDERS.iter().all(|line| text.contains(line)) => Outcome::Passed,
                Suite::Mpich if has_succeeded && text.lines().any(says_no_errors) => Outcome::Passed,
                _ => Outcome::Failed(text),
            });
            tally += report(&format!("{suite} {}, in a mount of dfuse", program.name), judged);
        }
        tally
    }

    fn run_in(&self, directory: &Path, binary: &Path, ranks: u32, arguments: &[&str]) -> Result<(bool, String)> {
        let environment = [("ROMIO_FSTYPE_FORCE", "daos:"), ("DAOS_POOL", POOL), ("DAOS_CONT", CONTAINER)];
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let started = Started { directory: Some(directory), ..Started::of_debian(ranks) };
        self.launch(&started, binary, &arguments, &environment)
    }
}
