//! Foreign programs that write files of gigabytes, or hold as much in memory: they have a pool of their own, and run when they are asked for.

use super::{Bench, CONTAINER, Outcome, TARGETS, TARGETS_VARIABLE, report};
use crate::commands::romio::Romio;
use crate::commands::test::mpi_programs::{LARGE, Large, Suite};
use crate::commands::test::tally::Tally;
use crate::process;
use anyhow::Result;

/// The pool, and its size: the file of one program at a time fits it.
const POOL: &str = "large";
const SIZE: &str = "14G";

impl Bench<'_> {
    /// Runs those that are wanted; without `slow`, says that it does not.
    pub(super) fn run_large(&self, romio: &Romio, slow: bool, is_wanted: &dyn Fn(&str) -> bool) -> Result<Tally> {
        let wanted: Vec<_> = LARGE.iter().filter(|large| is_wanted(large.program.name)).collect();
        let mut tally = Tally::default();
        if !slow {
            for Large { program, reason, .. } in wanted {
                eprintln!("  skip {} {}: {reason}; --slow runs it", program.suite.directory(), program.name);
            }
            return Ok(tally);
        }
        if wanted.is_empty() {
            return Ok(tally);
        }
        let names = |suite: Suite| {
            let programs = wanted.iter().map(|large| &large.program).filter(|program| program.suite == suite);
            programs.map(|program| program.name).collect::<Vec<_>>()
        };
        romio.build_programs(&names(Suite::Romio), &names(Suite::Mpich))?;
        let mut create = self.engine.daos(&["pool", "create", POOL, "--size", SIZE, "--durability", "log"]);
        process::succeed(create.env(TARGETS_VARIABLE, TARGETS))?;
        for Large { program, verdict, .. } in wanted {
            // What one leaves behind would be too much for the next one.
            process::succeed(&mut self.engine.daos(&["cont", "create", POOL, CONTAINER, "--type", "POSIX"]))?;
            let suite = program.suite.directory();
            let binary = romio.build.join("programs").join(suite).join(program.name);
            let outcome = self.gather_foreign(&binary, POOL, program).map(|(has_succeeded, text)| {
                let says = text.to_lowercase().matches(verdict).count();
                // MPICH's are judged by their first rank, for all.
                let wanted = if program.suite == Suite::Mpich { 1 } else { program.ranks as usize };
                if has_succeeded && says == wanted { Outcome::Passed } else { Outcome::Failed(text) }
            });
            tally += report(&format!("{suite} {}", program.name), outcome);
            process::succeed(&mut self.engine.daos(&["cont", "destroy", POOL, CONTAINER, "--force"]))?;
        }
        process::succeed(&mut self.engine.daos(&["pool", "destroy", POOL, "--force"]))?;
        Ok(tally)
    }
}
