//! Foreign programs that write files of gigabytes, or hold as much in memory: they have a pool of their own, and run when they are asked for.

use super::{Bench, CONTAINER, TARGETS, TARGETS_VARIABLE, report};
use crate::commands::romio::Romio;
use crate::commands::test::mpi_programs::{LARGE, Suite};
use crate::commands::test::tally::Tally;
use crate::process;
use anyhow::Result;

/// The pool, and its size: the file of one program at a time fits it.
const POOL: &str = "large";
const SIZE: &str = "14G";

impl Bench<'_> {
    /// Runs those that are wanted; without `slow`, says that it does not.
    pub(super) fn run_large(&self, romio: &Romio, slow: bool, is_wanted: &dyn Fn(&str) -> bool) -> Result<Tally> {
        let wanted: Vec<_> = LARGE.iter().filter(|(program, _)| is_wanted(program.name)).collect();
        let mut tally = Tally::default();
        if !slow {
            for (program, reason) in wanted {
                eprintln!("  skip {} {}: {reason}; --slow runs it", program.suite.directory(), program.name);
            }
            return Ok(tally);
        }
        if wanted.is_empty() {
            return Ok(tally);
        }
        let names = |suite: Suite| {
            let programs = wanted.iter().filter(|(program, _)| program.suite == suite);
            programs.map(|(program, _)| program.name).collect::<Vec<_>>()
        };
        romio.build_programs(&names(Suite::Romio), &names(Suite::Mpich))?;
        let mut create = self.engine.daos(&["pool", "create", POOL, "--size", SIZE, "--durability", "log"]);
        process::succeed(create.env(TARGETS_VARIABLE, TARGETS))?;
        for (program, _) in wanted {
            // What one leaves behind would be too much for the next one.
            process::succeed(&mut self.engine.daos(&["cont", "create", POOL, CONTAINER, "--type", "POSIX"]))?;
            let suite = program.suite.directory();
            let binary = romio.build.join("programs").join(suite).join(program.name);
            let outcome = self.run_foreign(&binary, POOL, program);
            tally += report(&format!("{suite} {}", program.name), outcome);
            process::succeed(&mut self.engine.daos(&["cont", "destroy", POOL, CONTAINER, "--force"]))?;
        }
        process::succeed(&mut self.engine.daos(&["pool", "destroy", POOL, "--force"]))?;
        Ok(tally)
    }
}
