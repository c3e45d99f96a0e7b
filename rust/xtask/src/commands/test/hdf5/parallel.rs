//! Parallel HDF5 on files of a container: a program of ours, and HDF5's own tests of its API for several ranks. Also event sets, for which HDF5 is
//! built with MPI as well.

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
const CASES: &[&str] = &[
    "metadata",
    "elements",
    "filtered",
    "texts",
    "communicators",
    "refusals",
    "independent",
    "behind",
    "mapped",
    "mistakes",
    "alone",
    "moves",
    "locking",
    "snapshot",
    LOST,
];
/// Its rank 1 finds no engine.
const LOST: &str = "lost";
const ENGINE_VARIABLE: &str = "DAOS_LOCAL_PATH";
/// Fewest, and as many as a machine with two processors bears.
const RANKS: &[u32] = &[2, 4];
/// What runs longer hangs.
const SECONDS_MAX: &str = "300";

const EVENTS_SOURCE: &str = "hdf5_vol/tests/parallel/events.c";
/// What is run of it: with enough room, and with too little.
const EVENTS: &[&str] = &["events", EVENTS_FULL];
const EVENTS_FULL: &str = "events of a full pool";
const FULL_POOL: &str = "events";
const FULL_SIZE: &str = "256M";

const MAPS_SOURCE: &str = "hdf5_vol/tests/parallel/maps.c";
/// Maps, by one process, and by several.
const MAPS: &str = "maps";

/// HDF5's own tests of event sets, by one process.
const ASYNCHRONOUS: &str = "asynchronous suite";
const ASYNCHRONOUS_PROGRAM: &str = "h5_api_test";
const ASYNCHRONOUS_PART: &str = "async";
/// As many as there are.
const ASYNCHRONOUS_PASSED: u64 = 28;

const SUITE: &str = "h5_api_test_parallel";
const SUITE_PARTS: &[&str] =
    &["file", "group", "dataset", "datatype", "attribute", "link", "object", "misc", ASYNCHRONOUS_PART];
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
        wanted.extend([SUITE, ASYNCHRONOUS, MAPS].into_iter().chain(EVENTS.iter().copied()).filter(|name| wants(name)));
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
        hdf5.compile(SOURCE, &binary, &[])?;
        let mut tally = Tally::default();
        for ranks in RANKS {
            for case in CASES.iter().filter(|case| wanted.contains(case)) {
                tally += report(&format!("{NAME} {case}, {ranks} ranks"), self.run_ranks(&binary, case, *ranks));
            }
            if wanted.contains(&SUITE) {
                tally += self.run_parallel_suite(&hdf5, *ranks, environment)?;
            }
        }
        for case in EVENTS.iter().filter(|case| wanted.contains(case)) {
            tally += report(&format!("{NAME} {case}"), self.run_events(&hdf5, case));
        }
        if wanted.contains(&MAPS) {
            tally += report(&format!("{NAME} {MAPS}"), self.run_maps(&hdf5));
        }
        if wanted.contains(&ASYNCHRONOUS) {
            tally += report(&format!("{NAME} {ASYNCHRONOUS}"), self.run_asynchronous(&hdf5, environment));
        }
        Ok(tally)
    }

    fn run_events(&self, hdf5: &Hdf5, case: &str) -> Result<Outcome> {
        let binary = std::path::absolute(self.scratch.join("events"))?;
        hdf5.compile(EVENTS_SOURCE, &binary, &[])?;
        let is_full = case == EVENTS_FULL;
        if is_full {
            process::succeed(&mut self.engine.daos(&["pool", "create", FULL_POOL, "--size", FULL_SIZE]))?;
            process::succeed(&mut self.engine.daos(&["cont", "create", FULL_POOL, CONTAINER, "--type", "POSIX"]))?;
        }
        let pool = if is_full { FULL_POOL } else { POOL };
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(&binary).arg(format!("daos://{pool}/{CONTAINER}/events.h5"));
        command.args(is_full.then_some("full"));
        self.engine.prepare(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let (status, said) = process::gather(&mut command)?;
        if is_full {
            process::succeed(&mut self.engine.daos(&["pool", "destroy", FULL_POOL, "--force"]))?;
        }
        Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(format!("{status}\n{said}")) })
    }

    /// One process writes, the engine is killed, and another one reads; then ranks fill one together.
    fn run_maps(&self, hdf5: &Hdf5) -> Result<Outcome> {
        let binary = std::path::absolute(self.scratch.join("maps"))?;
        hdf5.compile(MAPS_SOURCE, &binary, &[])?;
        let run = |mut command: Command, what: &str| {
            command.arg(&binary).arg(format!("daos://{POOL}/{CONTAINER}/maps.h5")).arg(what);
            self.engine.prepare(&mut command);
            command.envs(self.environment.iter().map(|(name, value)| (name, value)));
            let (status, said) = process::gather(&mut command)?;
            Ok::<_, anyhow::Error>((!status.success()).then(|| format!("{what}: {status}\n{said}")))
        };
        let alone = || {
            let mut command = Command::new("timeout");
            command.args(["--kill-after=10", SECONDS_MAX]);
            command
        };
        let mut failed = run(alone(), "write")?;
        if failed.is_none() {
            self.engine.kill()?;
            failed = run(alone(), "read")?;
        }
        for ranks in RANKS {
            if failed.is_none() {
                let mut command = mpiexec();
                command.args(["-n", &ranks.to_string()]);
                failed = run(command, "ranks")?;
            }
        }
        Ok(failed.map_or(Outcome::Passed, Outcome::Failed))
    }

    fn run_asynchronous(&self, hdf5: &Hdf5, environment: &[(String, String)]) -> Result<Outcome> {
        let program = std::path::absolute(hdf5.programs().join(ASYNCHRONOUS_PROGRAM))?;
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(program).arg(ASYNCHRONOUS_PART);
        let (status, text) = self.run_suite_program(command, environment)?;
        Ok(match suite::counts(&text) {
            Some((ASYNCHRONOUS_PASSED, 0, 0)) if status.success() => Outcome::Passed,
            counts => Outcome::Failed(format!("{status}, {counts:?}\n{text}")),
        })
    }

    /// Runs a program of HDF5's tests; gives how it ended and what it said.
    fn run_suite_program(
        &self,
        mut command: Command,
        environment: &[(String, String)],
    ) -> Result<(std::process::ExitStatus, String)> {
        command.current_dir(&self.scratch);
        self.engine.prepare(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.env(SUITE_DIRECTORY, format!("daos://{POOL}/{CONTAINER}/"));
        process::gather(&mut command)
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
        let log = self.scratch.join(format!("{SUITE}-{ranks}.log"));
        let (mut all, mut sum) = (String::new(), (0, 0, 0));
        for part in SUITE_PARTS {
            let mut command = mpiexec();
            command.args(["-n", &ranks.to_string()]).arg(&program).arg(part);
            let (status, text) = self.run_suite_program(command, environment)?;
            all.push_str(&text);
            fs::write(&log, &all).with_context(|| format!("cannot write {}", log.display()))?;
            match suite::counts(&text) {
                Some((passed, failed, skipped)) if suite::came_to_its_end(status) => {
                    sum = (sum.0 + passed, sum.1 + failed, sum.2 + skipped);
                }
                // Those that have no tests say nothing.
                None if status.success() => {}
                _ => bail!("{SUITE} {part} on {ranks} ranks ended early ({status}); see {}", log.display()),
            }
        }
        let (passed, failed, skipped) = sum;
        eprintln!(
            "  {SUITE}, {ranks} ranks: {passed} passed, {failed} failed, {skipped} skipped; all of it in {}",
            log.display()
        );
        let known = fs::read_to_string(SUITE_KNOWN).with_context(|| format!("cannot read {SUITE_KNOWN}"))?;
        Ok(suite::judge(SUITE, &suite::failures(&all), passed, &suite::Known::parse(&known)?))
    }
}

fn mpiexec() -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", SECONDS_MAX, "mpiexec.mpich"]);
    command
}
