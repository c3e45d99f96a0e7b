//! Python with mpi4py, for our example and for mpi4py's own tests of files: on Debian's MPICH, and on the MPI libraries of PyPI. It comes
//! from PyPI, into the target directory, and stays there.

use super::c_programs::{Outcome, report};
use super::mpi::{Bench, CONTAINER, POOL, RANKS, Started};
use super::python::{self, once};
use super::tally::Tally;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where programs look for libraries.
const LIBRARIES: &str = "LD_LIBRARY_PATH";
/// mpi4py, whose wheel finds the MPI library when it is loaded, and what it makes its arrays of.
const MPI4PY: &str = "mpi4py==4.1.2";
const NUMPY: &str = "numpy";
/// Where mpi4py's sources are unpacked, which have its tests.
const SOURCES: &str = "mpi4py-4.1.2";
/// The name of the library that mpi4py's wheel is linked with, and that of Debian's MPICH, which is the same library.
const NAME: &str = "libmpi.so.12";
const DEBIAN_NAME: &str = "libmpich.so.12";
const DEBIAN_LAUNCHER: &str = "mpiexec.mpich";

/// What makes the names of the tests' files, and those of its tests that are about files.
const TEST_PROGRAM: &str = "mpiio_driver/tests/mpi4py_files.py";
const TEST_MODULES: &[&str] = &["test_io", "test_file"];
/// How many these are: 55 and 34.
const TEST_COUNT: u32 = 89;
/// In the name of the class whose tests are run each by itself on more than one rank: with views of files that all ranks have opened together. Each takes
/// up to a minute on a busy machine.
const LONG: &str = "ViewWorld";
/// Those that are always run, by a word of their names, and how many: those without views of files that all ranks have opened together. The others take
/// some minutes more on each MPI library.
const SHORT: (&str, u32) = ("BasicWorld", 14);
/// A run of the tests of a class, or of a single long one, that takes longer hangs.
const SECONDS_MAX: u32 = 600;
/// mpi4py leaves out tests that are known to fail with some MPI libraries, as 26 of these with MPICH 4; with ours they pass.
const WITHOUT_EXCEPTIONS: &str = "--no-skip-mpi";
/// In the names of their runs.
pub const TESTS: &str = "mpi4py";

/// An MPI library that mpi4py is used with.
pub struct PythonMpi {
    /// In the names of tests, and of a directory.
    name: &'static str,
    /// The package of PyPI; none for Debian's.
    package: Option<&'static str>,
    environment: &'static [(&'static str, &'static str)],
}

/// Debian's.
pub const DEBIAN: PythonMpi = PythonMpi { name: "mpich-4", package: None, environment: &[] };
/// Those of PyPI. Intel's asks for a fabric that a machine alone need not have.
const OTHERS: &[PythonMpi] = &[
    PythonMpi { name: "mpich-5", package: Some("mpich==5.0.2"), environment: &[] },
    PythonMpi { name: "intel-mpi", package: Some("impi-rt==2021.18.1"), environment: &[("I_MPI_FABRICS", "shm")] },
];

/// Python with an MPI library.
pub struct MpiPython {
    /// The interpreter.
    pub python: PathBuf,
    /// What starts ranks.
    pub launcher: PathBuf,
    /// What both need in their environment.
    environment: Vec<(&'static str, String)>,
}

impl PythonMpi {
    /// Fetches it once.
    ///
    /// # Errors
    /// Where there is no Python, or no registry to fetch from.
    pub fn provide(&self, metadata: &Metadata) -> Result<MpiPython> {
        let root = directory(metadata, self.name)?;
        let mut packages = vec![MPI4PY, NUMPY];
        packages.extend(self.package);
        let mut environment: Vec<_> =
            self.environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        if self.package.is_none() {
            environment.push((LIBRARIES, root.join("lib").to_string_lossy().into_owned()));
        }
        let python = python::provide(&root, &packages, || match self.package {
            None => link_debian(&root.join("lib")),
            Some(_) => Ok(()),
        })?;
        let launcher =
            self.package.map_or_else(|| PathBuf::from(DEBIAN_LAUNCHER), |_| python.with_file_name("mpiexec"));
        Ok(MpiPython { python, launcher, environment })
    }
}

/// What came of a run of mpi4py's tests: each rank runs all of them, and says so. None may be left out.
fn judge(has_succeeded: bool, (ranks, tests): (u32, u32), text: String) -> Outcome {
    let ran = format!("Ran {tests} test{} in ", if tests == 1 { "" } else { "s" });
    // What the ranks say may be in one line.
    let said = [text.matches(&ran).count(), text.matches("OK").count()];
    let is_whole = said == [ranks as usize; 2] && !text.contains("skipped");
    if has_succeeded && is_whole { Outcome::Passed } else { Outcome::Failed(text) }
}

impl MpiPython {
    /// The environment, as commands take it.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// One start of mpi4py's test program.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Run {
    /// A class, or `class.test`.
    what: String,
    /// Which tests it takes, as mpi4py's test program wants it.
    pattern: String,
    tests: u32,
}

/// A run for each class, and for each test of the long one where that is long. The names are `module.class.test`, one a line.
fn plan(names: &str, ranks: u32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for name in names.lines().map(str::trim) {
        let mut parts = name.split('.');
        let (Some(_), Some(class), Some(test), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if ranks > 1 && class.contains(LONG) {
            let what = format!("{class}.{test}");
            runs.push(Run { pattern: format!("*.{what}"), what, tests: 1 });
        } else if let Some(run) = runs.iter_mut().find(|run| run.what == class) {
            run.tests += 1;
        } else {
            runs.push(Run { what: class.to_owned(), pattern: format!("*.{class}.*"), tests: 1 });
        }
    }
    runs
}

/// Runs mpi4py's own tests of files: on Debian's MPICH, and, when they are asked for, on the MPI libraries of PyPI. A run is named
/// `mpi4py/LIBRARY/RANKS/CLASS`, or with the test behind it, so that one can be made again, or those that are left.
pub fn run_tests(bench: &Bench<'_>, metadata: &Metadata, only: Option<&str>) -> Tally {
    let mut tally = Tally::default();
    if only.is_none() {
        let names: Vec<&str> = OTHERS.iter().map(|library| library.name).collect();
        let (word, count) = SHORT;
        eprintln!(
            "  skip {TESTS} on {}, and all but {count} tests ({word}): --only {TESTS} runs them, and --slow",
            names.join(" and ")
        );
        let run = Run { what: word.to_owned(), pattern: word.to_owned(), tests: count };
        return run_tests_on(bench, metadata, (&DEBIAN, RANKS), |_| Ok(vec![run.clone()]), &|_| true);
    }
    let Some(only) = only.filter(|only| only.contains(TESTS) || only.contains("Test")) else { return tally };
    for library in [&DEBIAN].into_iter().chain(OTHERS) {
        for ranks in 1..=RANKS {
            let prefix = prefix(library, ranks);
            // Without a look at the tests: a library that nobody has asked for is not fetched.
            if prefix.contains(only) || only.starts_with(&prefix) || !only.contains('/') {
                let plan = |python: &MpiPython| plan_on(bench, metadata, python, ranks);
                tally += run_tests_on(bench, metadata, (library, ranks), plan, &|name| name.contains(only));
            }
        }
    }
    tally
}

fn prefix(library: &PythonMpi, ranks: u32) -> String {
    format!("{TESTS}/{}/{ranks}/", library.name)
}

/// Asks for the names of the tests and plans their runs.
fn plan_on(bench: &Bench<'_>, metadata: &Metadata, python: &MpiPython, ranks: u32) -> Result<Vec<Run>> {
    let mut arguments = arguments(metadata, &python.python, "list")?;
    arguments.extend(TEST_MODULES.iter().map(|module| (*module).to_owned()));
    let started = Started { launcher: &python.launcher, ranks: 1, seconds_max: SECONDS_MAX, directory: None };
    let (has_succeeded, text) = bench.launch(&started, &python.python, &arguments, &python.variables())?;
    let runs = plan(&text, ranks);
    let found: u32 = runs.iter().map(|run| run.tests).sum();
    ensure!(has_succeeded && found == TEST_COUNT, "{found} tests are there and not {TEST_COUNT}: {text}");
    Ok(runs)
}

/// Makes those runs on ranks of a library whose names are wanted.
fn run_tests_on(
    bench: &Bench<'_>,
    metadata: &Metadata,
    (library, ranks): (&PythonMpi, u32),
    plan: impl Fn(&MpiPython) -> Result<Vec<Run>>,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Tally {
    let prefix = prefix(library, ranks);
    let provided = library.provide(metadata).and_then(|python| {
        let arguments = arguments(metadata, &python.python, &format!("daos:/{POOL}/{CONTAINER}"))?;
        Ok((python, arguments))
    });
    let (python, arguments) = match provided {
        Ok(provided) => provided,
        Err(error) => {
            eprintln!("  skip {prefix}: it cannot be had: {error:#}");
            return Tally::default();
        }
    };
    let runs = match plan(&python) {
        Ok(runs) => runs,
        Err(error) => return report(&prefix, Err(error)),
    };
    let mut tally = Tally::default();
    for run in runs {
        let name = format!("{prefix}{}", run.what);
        if !is_wanted(&name) {
            continue;
        }
        let mut arguments = arguments.clone();
        arguments.push(WITHOUT_EXCEPTIONS.to_owned());
        arguments.extend(TEST_MODULES.iter().flat_map(|module| ["-i".to_owned(), format!("{module}.py")]));
        arguments.extend(["-k".to_owned(), run.pattern.clone()]);
        let started = Started { launcher: &python.launcher, ranks, seconds_max: SECONDS_MAX, directory: None };
        let outcome = bench.launch(&started, &python.python, &arguments, &python.variables());
        tally += report(&name, outcome.map(|(has_succeeded, text)| judge(has_succeeded, (ranks, run.tests), text)));
    }
    tally
}

/// The arguments of our program that runs the tests in a directory, by Python; fetches mpi4py's sources once.
fn arguments(metadata: &Metadata, python: &Path, files: &str) -> Result<Vec<String>> {
    let root = directory(metadata, "sources")?;
    once(&root, MPI4PY, || {
        let mut download = Command::new(python);
        download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "mpi4py", MPI4PY, "--dest"]);
        process::succeed(download.arg(&root))?;
        process::succeed(
            Command::new("tar").arg("-C").arg(&root).arg("-xf").arg(root.join(format!("{SOURCES}.tar.gz"))),
        )
        .map(drop)
    })?;
    let program = std::path::absolute(TEST_PROGRAM)?;
    let tests = root.join(SOURCES).join("test").to_string_lossy().into_owned();
    Ok(vec![program.to_string_lossy().into_owned(), tests, files.to_owned()])
}

fn directory(metadata: &Metadata, name: &str) -> Result<PathBuf> {
    let root = metadata.target_directory.join("mpi/python").join(name);
    std::path::absolute(&root).with_context(|| format!("{} is no path", root.display()))
}

fn link_debian(libraries: &Path) -> Result<()> {
    fs::create_dir_all(libraries).with_context(|| format!("cannot create {}", libraries.display()))?;
    let mut asked = Command::new("mpicc.mpich");
    let library = process::capture(asked.arg(format!("-print-file-name={DEBIAN_NAME}")))?;
    symlink(library.trim(), libraries.join(NAME)).with_context(|| format!("cannot link {DEBIAN_NAME}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_must_have_run_every_test() {
        let one = format!("Ran {TEST_COUNT} tests in 2.2s\n\nOK\n");
        let is_passed = |succeeded, ranks, text: &str| {
            matches!(judge(succeeded, (ranks, TEST_COUNT), text.to_owned()), Outcome::Passed)
        };
        assert!(is_passed(true, 1, &one));
        assert!(is_passed(true, 2, &one.repeat(2)));
        assert!(is_passed(true, 2, &one.repeat(2).replace('\n', "")));
        assert!(!is_passed(true, 2, &one));
        assert!(!is_passed(false, 1, &one));
        assert!(!is_passed(true, 1, "Ran 0 tests in 0.0s\n\nOK\n"));
        assert!(!is_passed(true, 1, &one.replace("OK", "OK (skipped=26)")));
        let single = judge(true, (1, 1), "Ran 1 test in 0.2s\n\nOK\n".to_owned());
        assert!(matches!(single, Outcome::Passed));
    }

    #[test]
    fn long_tests_are_run_each_by_itself_on_several_ranks() {
        let names = "test_io.TestIOViewWorld.testNamed\ntest_file.TestFileSelf.testA\ntest_io.TestIOViewWorld.testB\n\
            a warning of a library.\ntest_file.TestFileSelf.testB\n";
        let of = |ranks| {
            let runs = plan(names, ranks);
            runs.iter().map(|run| (run.what.clone(), run.pattern.clone(), run.tests)).collect::<Vec<_>>()
        };
        let run = |what: &str, pattern: &str, tests| (what.to_owned(), pattern.to_owned(), tests);
        let file = run("TestFileSelf", "*.TestFileSelf.*", 2);
        assert_eq!(of(1), [run("TestIOViewWorld", "*.TestIOViewWorld.*", 2), file.clone()]);
        let (named, other) = ("TestIOViewWorld.testNamed", "TestIOViewWorld.testB");
        assert_eq!(of(2), [run(named, &format!("*.{named}"), 1), file, run(other, &format!("*.{other}"), 1)]);
    }
}
