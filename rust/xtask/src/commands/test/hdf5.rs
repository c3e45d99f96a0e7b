//! The part `hdf5`: h5py writes a file in one process and reads it in another one, in a container through the connector, and in HDF5's own
//! format on the local disk; both must give the same.

mod chosen;
mod failures;
mod parallel;
mod programs;
mod suite;
mod wheels;

use super::c_programs::{Outcome, report};
use super::tally::Tally;
use crate::commands::bench_hdf5;
use crate::commands::hdf5::{Flavour, Hdf5};
use crate::commands::install_tree::hdf5::environment;
use crate::commands::install_tree::{self, Profile};
use crate::commands::local_engine::LocalEngine;
use crate::commands::setup;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What Python needs: h5py, whose wheel brings an HDF5 and tests of its own, others that do, numpy, and what runs these tests.
const PACKAGES: &[&str] = &[
    "h5py==3.16.0",
    "h5netcdf==1.8.2",
    "hdf5plugin==7.1.0",
    "netCDF4==1.7.5.1.post1",
    "numpy==2.4.6",
    "pytest==8.4.2",
    "tables==3.11.1",
    "xarray==2026.9.0",
];

/// What runs a case, and where the cases are.
const RUNNER: &str = "hdf5_vol/tests/run.py";
const CASES: &str = "hdf5_vol/tests/cases";
/// A case that runs longer hangs.
const SECONDS_MAX: &str = "300";

const POOL: &str = "test";
const CONTAINER: &str = "container";
/// All cases together write less.
const POOL_SIZE: &str = "2G";
/// More than one target, so that files have several.
const TARGETS_VARIABLE: &str = "DAOS_LOCAL_TARGETS";
const TARGETS: &str = "3";

/// The case that shows that a check of the namespace, which removes what no entry stands for, leaves HDF5 files alone.
const CHECK: &str = "namespace check";
const CHECKED_CASE: &str = "text";

/// The case that shows where files with plain names are.
const PLAIN: &str = "plain names";

/// The program of the benchmark, which compares what it reads, with little to do.
const BENCH: &str = "bench";

/// HDF5's own tests of its API.
const SUITE: &str = "h5_api_test";
/// Takes longer than a case.
const SUITE_SECONDS_MAX: &str = "900";
/// What is known of it: how many pass at least, and which fail.
const SUITE_KNOWN: &str = "hdf5_vol/tests/h5_api_test.txt";
/// Names the directory of its files.
const SUITE_DIRECTORY: &str = "HDF5_API_TEST_PATH_PREFIX";

/// What differs is shown, this many lines of it.
const DIFFERENCES_MAX: usize = 5;

/// The interpreter with what the cases need, fetched once.
///
/// # Errors
/// Where there is no Python, or no registry to fetch from.
pub fn python(metadata: &Metadata) -> Result<PathBuf> {
    let root = metadata.target_directory.join("hdf5/python");
    let root = std::path::absolute(&root).with_context(|| format!("{} is no path", root.display()))?;
    super::python::provide(&root, PACKAGES, || Ok(()))
}

/// What cases are run with.
struct Bench<'a> {
    python: &'a Path,
    engine: LocalEngine,
    scratch: PathBuf,
    /// What a program needs in its environment to use the connector.
    environment: Vec<(String, String)>,
}

/// Runs all cases, or those with a text in their name.
pub fn run(metadata: &Metadata, python: &Path, only: Option<&str>) -> Result<Tally> {
    let tree = install_tree::install(metadata, Profile::Debug, None)?;
    let scratch = metadata.target_directory.join("hdf5/test");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let engine = LocalEngine::fresh(&tree, &scratch.join("data"))?;
    process::succeed(engine.daos(&["pool", "create", POOL, "--size", POOL_SIZE]).env(TARGETS_VARIABLE, TARGETS))?;
    process::succeed(&mut engine.daos(&["cont", "create", POOL, CONTAINER, "--type", "POSIX"]))?;
    let bench = Bench { python, engine, scratch, environment: environment(&tree, &[])? };
    let mut tally = Tally::default();
    for case in cases()?.iter().filter(|case| only.is_none_or(|only| case.contains(only))) {
        tally += report(case, bench.run(case));
    }
    if only.is_none_or(|only| CHECK.contains(only)) {
        tally += report(CHECK, bench.run_check());
    }
    if only.is_none_or(|only| PLAIN.contains(only)) {
        tally += report(PLAIN, bench.run_plain(&environment(&tree, &[POOL, CONTAINER])?));
    }
    for (name, script) in programs::CASES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        tally += report(name, bench.run_program(script));
    }
    for (name, what) in failures::CASES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        tally += report(name, bench.run_failure(what));
    }
    for (name, what) in chosen::CASES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        tally += report(name, bench.run_chosen(what));
    }
    let is_built = Hdf5::new(metadata, Flavour::Serial).is_built();
    if is_built && only.is_none_or(|only| BENCH.contains(only)) {
        let figures = bench_hdf5::smoke(metadata, &tree, &bench.engine, [POOL, CONTAINER]);
        tally += report(BENCH, figures.map(|_| Outcome::Passed));
    }
    if only.is_none_or(|only| chosen::IN_C.contains(only)) {
        if is_built {
            tally += report(chosen::IN_C, bench.run_chosen_in_c(metadata, &tree));
        } else {
            eprintln!("  skip {}: it is built with HDF5; cargo xtask setup hdf5 builds that", chosen::IN_C);
        }
    }
    if only.map_or(is_built, |only| SUITE.contains(only)) {
        tally += bench.run_suite(metadata, &environment(&tree, &[POOL, CONTAINER])?)?;
    } else if only.is_none() {
        eprintln!("  skip {SUITE}: HDF5's own tests of its API; cargo xtask setup hdf5 builds them");
    }
    tally += bench.run_parallel(metadata, only, &environment(&tree, &[POOL, CONTAINER])?)?;
    // They take minutes, so they run when they are asked for.
    for suite in wheels::SUITES.iter().filter(|suite| only.is_some_and(|only| suite.name.contains(only))) {
        tally += bench.try_wheel(metadata, &tree, suite);
    }
    bench.engine.remove()?;
    Ok(tally)
}

/// Names of the cases.
fn cases() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(CASES).with_context(|| format!("cannot read {CASES}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "py") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

impl Bench<'_> {
    fn run(&self, case: &str) -> Result<Outcome> {
        let native = std::path::absolute(self.scratch.join(format!("{case}.h5")))?;
        install_tree::remove(&native)?;
        let native = native.to_string_lossy();
        process::succeed(&mut self.command("write", case, &native))?;
        let expected = process::succeed(&mut self.command("read", case, &native))?;
        let ours = format!("daos://{POOL}/{CONTAINER}/{case}.h5");
        self.through_connector("write", case, &ours)?;
        // What was closed must be there for good.
        self.engine.kill()?;
        let found = self.through_connector("read", case, &ours)?;
        Ok(match difference(&expected, &found) {
            None => Outcome::Passed,
            Some(difference) => Outcome::Failed(difference),
        })
    }

    fn run_check(&self) -> Result<Outcome> {
        let ours = format!("daos://{POOL}/{CONTAINER}/checked.h5");
        self.through_connector("write", CHECKED_CASE, &ours)?;
        let expected = self.through_connector("read", CHECKED_CASE, &ours)?;
        process::succeed(&mut self.engine.daos(&["fs", "check", POOL, CONTAINER, "--flags", "remove,evict"]))?;
        let found = self.through_connector("read", CHECKED_CASE, &ours)?;
        Ok(difference(&expected, &found).map_or(Outcome::Passed, Outcome::Failed))
    }

    /// A plain name is in the container of the environment; one that only the local directory has is found there.
    fn run_plain(&self, environment: &[(String, String)]) -> Result<Outcome> {
        let local = self.scratch.join("beside.h5");
        install_tree::remove(&local)?;
        let local = local.to_string_lossy();
        process::succeed(&mut self.command("write", CHECKED_CASE, &local))?;
        let expected = process::succeed(&mut self.command("read", CHECKED_CASE, &local))?;
        self.with_environment(environment, "write", CHECKED_CASE, "plain.h5")?;
        for name in [format!("daos://{POOL}/{CONTAINER}/plain.h5"), "plain.h5".to_owned(), local.into_owned()] {
            let found = self.with_environment(environment, "read", CHECKED_CASE, &name)?;
            if let Some(difference) = difference(&expected, &found) {
                return Ok(Outcome::Failed(format!("{name}: {difference}")));
            }
        }
        Ok(Outcome::Passed)
    }

    /// Counts what the suite counts, and compares it with what is known. One of its files has a plain name, which is in the container too.
    fn run_suite(&self, metadata: &Metadata, environment: &[(String, String)]) -> Result<Tally> {
        setup::hdf5(metadata)?;
        let program = std::path::absolute(Hdf5::new(metadata, Flavour::Serial).programs().join(SUITE))?;
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SUITE_SECONDS_MAX]).arg(program).current_dir(&self.scratch);
        self.engine.prepare(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.env(SUITE_DIRECTORY, format!("daos://{POOL}/{CONTAINER}/"));
        let (status, text) = process::gather(&mut command)?;
        let log = self.scratch.join("h5_api_test.log");
        fs::write(&log, &text).with_context(|| format!("cannot write {}", log.display()))?;
        let Some((passed, failed, skipped)) = suite::counts(&text).filter(|_| suite::came_to_its_end(status)) else {
            bail!("{SUITE} ended early ({status}); what it said is in {}", log.display());
        };
        eprintln!("  {SUITE}: {passed} passed, {failed} failed, {skipped} skipped; all of it in {}", log.display());
        let known = fs::read_to_string(SUITE_KNOWN).with_context(|| format!("cannot read {SUITE_KNOWN}"))?;
        Ok(suite::judge(SUITE, &suite::failures(&text), passed, &suite::Known::parse(&known)?))
    }

    fn command(&self, what: &str, case: &str, file: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(self.python).arg(Path::new(RUNNER));
        // Nothing is written into the tree.
        command.args([what, case, file]).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn through_connector(&self, what: &str, case: &str, file: &str) -> Result<String> {
        self.with_environment(&self.environment, what, case, file)
    }

    fn with_environment(&self, variables: &[(String, String)], what: &str, case: &str, file: &str) -> Result<String> {
        let mut command = self.command(what, case, file);
        self.engine.prepare(&mut command);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        process::succeed(&mut command)
    }
}

/// The first lines in which two texts differ.
fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (mut expected_lines, mut found_lines) = (expected.lines(), found.lines());
    let mut said = String::from("the container gives something else than HDF5's own file:");
    let mut count = 0;
    loop {
        let (expected, found) = match (expected_lines.next(), found_lines.next()) {
            (None, None) => return Some(said),
            (expected, found) => (expected.unwrap_or("(end)"), found.unwrap_or("(end)")),
        };
        if expected != found {
            said.push_str(&format!("\n    expected: {expected}\n    found:    {found}"));
            count += 1;
        }
        if count == DIFFERENCES_MAX {
            return Some(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn texts_that_differ_are_told_apart_and_shown() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let said = difference("a\nb\n", "a\nc\n").expect("they differ");
        assert!(said.contains("expected: b") && said.contains("found:    c"), "{said}");
        assert!(difference("a\n", "a\nmore\n").expect("they differ").contains("found:    more"));
    }
}
