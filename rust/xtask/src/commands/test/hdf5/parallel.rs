//! Parallel HDF5 on files of a container: a program of ours, and HDF5's own tests of its API for several ranks.

use super::{Bench, CONTAINER, POOL, SUITE_DIRECTORY, suite};
use crate::commands::hdf5::{Flavour, Hdf5};
use crate::commands::setup;
use crate::commands::test::c_programs::{Outcome, report};
use crate::commands::test::tally::Tally;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the whole is called.
pub const NAME: &str = "parallel";
const SOURCE: &str = "hdf5_vol/tests/parallel/ranks.c";
const CASES: &[&str] = &["metadata", "elements", "filtered", "texts", "communicators", "refusals", "independent", LOST];
/// Its rank 1 finds no engine.
const LOST: &str = "lost";
const ENGINE_VARIABLE: &str = "DAOS_LOCAL_PATH";
/// Fewest, and as many as a machine with two processors bears.
const RANKS: &[u32] = &[2, 4];
/// What runs longer hangs.
const SECONDS_MAX: &str = "300";

const SUITE: &str = "h5_api_test_parallel";
const SUITE_KNOWN: &str = "hdf5_vol/tests/h5_api_test_parallel.txt";

impl Bench<'_> {
    /// Runs those that have a text in their name, where HDF5 is built for several ranks; builds it when they are asked for by name.
    pub fn run_parallel(
        &self,
        metadata: &Metadata,
        only: Option<&str>,
        environment: &[(String, String)],
    ) -> Result<Tally> {
        let hdf5 = Hdf5::new(metadata, Flavour::Mpich);
        let wants = |name: &str| only.is_none_or(|only| format!("{NAME} {name}").contains(only));
        let mut wanted: Vec<&str> = CASES.iter().copied().filter(|case| wants(case)).collect();
        wanted.extend(Some(SUITE).filter(|suite| wants(suite)));
        if wanted.is_empty() {
            return Ok(Tally::default());
        }
        if only.is_some() {
            setup::hdf5_mpi(metadata)?;
        } else if !hdf5.is_built() {
            eprintln!("  skip {NAME}: it needs HDF5 with MPI; cargo xtask setup hdf5-mpi builds it");
            return Ok(Tally::default());
        }
        let binary = std::path::absolute(self.scratch.join("ranks"))?;
        compile(&hdf5, &binary)?;
        let mut tally = Tally::default();
        for ranks in RANKS {
            for case in wanted.iter().filter(|case| **case != SUITE) {
                tally += report(&format!("{NAME} {case}, {ranks} ranks"), self.run_ranks(&binary, case, *ranks));
            }
            if wanted.contains(&SUITE) {
                tally += self.run_parallel_suite(&hdf5, *ranks, environment)?;
            }
        }
        Ok(tally)
    }

    fn run_ranks(&self, binary: &Path, case: &str, ranks: u32) -> Result<Outcome> {
        let file = format!("daos://{POOL}/{CONTAINER}/ranks-{case}-{ranks}.h5");
        let mut command = mpiexec();
        if case == LOST {
            // One that is empty, and that starts no engine.
            let nowhere = std::path::absolute(self.scratch.join("nowhere"))?.join("engine");
            let elsewhere = format!("{ENGINE_VARIABLE}={}", nowhere.display());
            command.args(["-n", "1"]).arg(binary).args([case, &file]).arg(":");
            command.args(["-n", &(ranks - 1).to_string(), "env", &elsewhere, "DAOS_LOCAL_START=0"]);
        } else {
            command.args(["-n", &ranks.to_string()]);
        }
        command.arg(binary).args([case, &file]);
        self.engine.prepare(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let (status, said) = process::gather(&mut command)?;
        Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(format!("{status}\n{said}")) })
    }

    fn run_parallel_suite(&self, hdf5: &Hdf5, ranks: u32, environment: &[(String, String)]) -> Result<Tally> {
        let program = std::path::absolute(hdf5.programs().join(SUITE))?;
        let mut command = mpiexec();
        command.args(["-n", &ranks.to_string()]).arg(program).current_dir(&self.scratch);
        self.engine.prepare(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.env(SUITE_DIRECTORY, format!("daos://{POOL}/{CONTAINER}/"));
        let (status, text) = process::gather(&mut command)?;
        let log = self.scratch.join(format!("{SUITE}-{ranks}.log"));
        fs::write(&log, &text).with_context(|| format!("cannot write {}", log.display()))?;
        let Some((passed, failed, skipped)) = suite::counts(&text) else {
            bail!("{SUITE} on {ranks} ranks ended early ({status}); what it said is in {}", log.display());
        };
        eprintln!(
            "  {SUITE}, {ranks} ranks: {passed} passed, {failed} failed, {skipped} skipped; all of it in {}",
            log.display()
        );
        let known = fs::read_to_string(SUITE_KNOWN).with_context(|| format!("cannot read {SUITE_KNOWN}"))?;
        Ok(suite::judge(SUITE, &suite::failures(&text), passed, &suite::Known::parse(&known)?))
    }
}

fn mpiexec() -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", SECONDS_MAX, "mpiexec.mpich"]);
    command
}

fn compile(hdf5: &Hdf5, binary: &Path) -> Result<()> {
    let mut command = Command::new("mpicc.mpich");
    command.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o"]).arg(binary).arg(SOURCE);
    for directory in hdf5.headers() {
        command.arg("-isystem").arg(directory);
    }
    let libraries = std::path::absolute(hdf5.programs())?;
    command.arg("-L").arg(&libraries).arg(format!("-Wl,-rpath,{}", libraries.display())).arg("-lhdf5");
    process::succeed(&mut command).map(drop)
}
