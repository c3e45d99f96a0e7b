//! Random sequences of calls on a file in a container and on a local one.

use super::super::c_programs::{Outcome, report};
use super::super::tally::Tally;
use super::{Bench, POOL, SECONDS_MAX, build_own};
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The one that compares random calls on a file in a container with the same on a local file, and its runs that are always made:
/// ranks and seed.
pub(super) const SEQUENCES: &str = "sequences";
const SEQUENCE_RUNS: &[(u32, u32)] = &[(1, 1), (2, 2), (2, 3), (3, 4), (4, 5)];
/// Runs that are asked for have this many ranks in turn.
const SEQUENCE_RANKS_MAX: u32 = 4;

impl Bench<'_> {
    pub(super) fn run_sequences(&self, seeds: Option<u32>) -> Tally {
        let binary = self.scratch.join(SEQUENCES);
        if let Err(error) = build_own(SEQUENCES, &binary) {
            return report(SEQUENCES, Err(error));
        }
        let asked = seeds.map(|seeds| (1..=seeds).map(|seed| (1 + seed % SEQUENCE_RANKS_MAX, seed)).collect());
        let runs: Vec<(u32, u32)> = asked.unwrap_or_else(|| SEQUENCE_RUNS.to_vec());
        let mut tally = Tally::default();
        for (ranks, seed) in runs {
            let outcome = self.run_sequence(&binary, ranks, seed);
            tally += report(&format!("{SEQUENCES} {seed}, ranks: {ranks}"), outcome);
        }
        tally
    }

    /// MPICH's own driver never returns from some calls for the local file; the same calls are then made in the container alone, where they must
    /// come to their end.
    fn run_sequence(&self, binary: &Path, ranks: u32, seed: u32) -> Result<Outcome> {
        let local = self.scratch.join("sequences-local");
        if local.exists() {
            fs::remove_dir_all(&local).with_context(|| format!("cannot remove {}", local.display()))?;
        }
        fs::create_dir_all(&local).with_context(|| format!("cannot create {}", local.display()))?;
        let outcome = self.make_sequence(binary, ranks, seed, Some(&local))?;
        if !matches!(&outcome, Outcome::Failed(text) if says_time_is_over(text)) {
            return Ok(outcome);
        }
        eprintln!(
            "  {SEQUENCES} {seed}: not at the end after {SECONDS_MAX} s, as when MPICH's own driver does not return; again in the container alone"
        );
        self.make_sequence(binary, ranks, seed, None)
    }

    fn make_sequence(&self, binary: &Path, ranks: u32, seed: u32, local: Option<&Path>) -> Result<Outcome> {
        let container = format!("{SEQUENCES}-{seed}");
        process::succeed(&mut self.engine.daos(&["cont", "create", POOL, &container, "--type", "POSIX"]))?;
        let mut arguments = vec![format!("daos:/{POOL}/{container}"), seed.to_string()];
        arguments.extend(local.map(|local| local.to_string_lossy().into_owned()));
        let outcome = self.start(binary, ranks, &arguments, &[])?;
        process::succeed(&mut self.engine.daos(&["cont", "destroy", POOL, &container, "--force"]))?;
        Ok(outcome)
    }
}

/// Whether a run, of which [`Bench::launch`] has told, was ended because its time was over: `timeout` says so by this status.
fn says_time_is_over(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.ends_with("`: exit status: 124:"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;
    use std::process::Command;

    #[test]
    fn only_the_status_says_that_time_is_over() {
        let of = |line: &str| process::gather(Command::new("sh").args(["-c", line])).expect("there is a shell").0;
        let told = |line: &str| format!("`timeout 300 mpiexec`: {}:\nwhat it said", of(line));
        assert!(says_time_is_over(&told("exit 124")));
        assert!(!says_time_is_over(&told("exit 1")) && !says_time_is_over("what it said: exit status: 124"));
        assert!(!says_time_is_over(""));
    }
}
