//! Python with mpi4py, for our example and for mpi4py's own tests of files: on Debian's MPICH, and on the MPI libraries of PyPI. It comes
//! from PyPI, into the target directory, and stays there.

use super::c_programs::{Outcome, report};
use super::mpi::{Bench, CONTAINER, POOL, RANKS, Started};
use super::python::{self, once};
use super::tally::Tally;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
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
const TEST_FILES: &[&str] = &["test_io.py", "test_file.py"];
/// How many these are: 55 and 34.
const TEST_COUNT: u32 = 89;
/// Those that are always run, by a word of their names, and how many: those without views of files that all ranks have opened together. The others take
/// some minutes more on each MPI library.
const SHORT: (&str, u32) = ("BasicWorld", 14);
/// A run of all of them that takes longer hangs.
const SECONDS_MAX: u32 = 1200;
/// mpi4py leaves out tests that are known to fail with some MPI libraries, as 26 of these with MPICH 4; with ours they pass.
const WITHOUT_EXCEPTIONS: &str = "--no-skip-mpi";
/// In the names of their runs.
const TESTS: &str = "mpi4py";

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
    let ran = format!("Ran {tests} tests in ");
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

/// Runs mpi4py's own tests of files: on Debian's MPICH, and, when they are asked for, on the MPI libraries of PyPI.
pub fn run_tests(bench: &Bench<'_>, metadata: &Metadata, only: Option<&str>) -> Tally {
    let mut tally = Tally::default();
    if only.is_none() {
        let names: Vec<&str> = OTHERS.iter().map(|library| library.name).collect();
        let (word, count) = SHORT;
        eprintln!(
            "  skip {TESTS} on {}, and all but {count} tests ({word}): --only {TESTS} runs them",
            names.join(" and ")
        );
        let name = format!("{TESTS} {}, ranks: {RANKS}, {word}", DEBIAN.name);
        return run_tests_on(bench, metadata, &DEBIAN, (RANKS, Some(word), count), &name);
    }
    for library in [&DEBIAN].into_iter().chain(OTHERS) {
        for ranks in 1..=RANKS {
            let name = format!("{TESTS} {}, ranks: {ranks}", library.name);
            if only.is_some_and(|only| name.contains(only)) {
                tally += run_tests_on(bench, metadata, library, (ranks, None, TEST_COUNT), &name);
            }
        }
    }
    tally
}

/// Runs tests on ranks of a library: those with a word in their names, or all; and how many these are.
fn run_tests_on(
    bench: &Bench<'_>,
    metadata: &Metadata,
    library: &PythonMpi,
    (ranks, word, tests): (u32, Option<&str>, u32),
    name: &str,
) -> Tally {
    let provided = library.provide(metadata).and_then(|python| {
        let mut arguments = arguments(metadata, &python.python, &format!("daos:/{POOL}/{CONTAINER}"))?;
        arguments.extend(word.into_iter().flat_map(|word| ["-k".to_owned(), word.to_owned()]));
        Ok((python, arguments))
    });
    let (python, arguments) = match provided {
        Ok(provided) => provided,
        Err(error) => {
            eprintln!("  skip {name}: it cannot be had: {error:#}");
            return Tally::default();
        }
    };
    let started = Started { launcher: &python.launcher, ranks, seconds_max: SECONDS_MAX };
    let outcome = bench.launch(&started, &python.python, &arguments, &python.variables());
    report(name, outcome.map(|(has_succeeded, text)| judge(has_succeeded, (ranks, tests), text)))
}

/// The arguments that run the tests in a directory, by Python; fetches mpi4py's sources once.
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
    let mut arguments = vec![program.to_string_lossy().into_owned()];
    arguments.extend([root.join(SOURCES).join("test").to_string_lossy().into_owned(), files.to_owned()]);
    arguments.push(WITHOUT_EXCEPTIONS.to_owned());
    arguments.extend(TEST_FILES.iter().flat_map(|file| ["-i".to_owned(), (*file).to_owned()]));
    Ok(arguments)
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
    }
}
