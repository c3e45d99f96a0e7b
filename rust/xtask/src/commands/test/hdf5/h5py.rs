//! h5py's own tests, as its wheel brings them, in a container: in a mount of `dfuse`, so that the files that they make by HDF5 are those that
//! they look for, write and remove by the calls of POSIX.

use super::{Bench, CONTAINER, POOL, suite};
use crate::commands::test::c_programs::report;
use crate::commands::test::fuse_mount::FuseMount;
use crate::commands::test::tally::Tally;
use crate::process;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the whole is called.
pub const SUITE: &str = "h5py";
/// What is known of it: how many pass at least, and which fail.
const KNOWN: &str = "hdf5_vol/tests/h5py.txt";
/// Has the extension of pytest that says how each test ended, which is called this.
const EXTENSIONS: &str = "hdf5_vol/tests";
const EXTENSION: &str = "results";
/// Names the file in which it says so.
const RESULTS: &str = "RESULTS";
/// A file of tests that takes longer hangs.
const SECONDS_MAX: &str = "300";
/// Asks where the tests are.
const WHERE: &str = "import h5py.tests; print(h5py.tests.__path__[0])";

/// How tests ended, by their names.
#[derive(Default)]
struct Results {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
    skipped: BTreeSet<String>,
}

impl Results {
    /// Takes in the lines of one process.
    fn take(&mut self, text: &str) {
        let mut open = BTreeSet::new();
        for line in text.lines() {
            let Some((word, name)) = line.split_once(' ') else { continue };
            let name = name.to_owned();
            match word {
                "started" => {
                    open.insert(name);
                    continue;
                }
                "passed" => self.passed.insert(name.clone()),
                "skipped" => self.skipped.insert(name.clone()),
                _ => self.failed.insert(name.clone()),
            };
            open.remove(&name);
        }
        // With those the process ended.
        self.failed.append(&mut open);
        // What failed in cleaning up had passed before.
        self.passed.retain(|name| !self.failed.contains(name));
    }
}

impl Bench<'_> {
    /// Runs each file of tests in a process of its own, and compares with what is known.
    pub fn run_h5py(&self, environment: &[(String, String)]) -> Result<Tally> {
        if let Some(lack) = FuseMount::lacks() {
            eprintln!("  skip {SUITE}: its tests need a mount, and {lack}");
            return Ok(Tally::default());
        }
        let said = process::capture(Command::new(self.python).args(["-c", WHERE]))?;
        let tests = PathBuf::from(said.trim());
        let mount = FuseMount::new(&self.engine, &self.scratch.join("mount"), POOL, CONTAINER)?;
        let log = self.scratch.join("h5py.log");
        let (mut results, mut logged) = (Results::default(), String::new());
        for file in files_of_tests(&tests)? {
            let (text, said) = self.run_file(&tests, &file, &mount, environment)?;
            results.take(&text);
            logged.push_str(&said);
            if text.is_empty() {
                results.failed.insert(file.strip_prefix(&tests).unwrap_or(&file).to_string_lossy().into_owned());
            }
        }
        fs::write(&log, &logged).with_context(|| format!("cannot write {}", log.display()))?;
        let (passed, failed, skipped) = (results.passed.len(), results.failed.len(), results.skipped.len());
        eprintln!("  {SUITE}: {passed} passed, {failed} failed, {skipped} skipped; all of it in {}", log.display());
        let known = fs::read_to_string(KNOWN).with_context(|| format!("cannot read {KNOWN}"))?;
        let failed: Vec<String> = results.failed.into_iter().collect();
        Ok(suite::judge(SUITE, &failed, passed as u64, &suite::Known::parse(&known)?))
    }

    /// Runs one file of tests. Gives how they ended, and all that was said.
    fn run_file(
        &self,
        tests: &Path,
        file: &Path,
        mount: &FuseMount,
        environment: &[(String, String)],
    ) -> Result<(String, String)> {
        let results = std::path::absolute(self.scratch.join("h5py.results"))?;
        fs::write(&results, "").with_context(|| format!("cannot write {}", results.display()))?;
        let directory = std::path::absolute(mount.directory())?;
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(self.python).args(["-m", "pytest", "-q", "--tb=short"]);
        command.args(["-p", "no:cacheprovider", "-p", EXTENSION, "--no-network", "--rootdir"]).arg(tests).arg(file);
        command.current_dir(&directory).env("TMPDIR", &directory).env(RESULTS, &results);
        command.env("PYTHONPATH", std::path::absolute(EXTENSIONS)?).env("PYTHONDONTWRITEBYTECODE", "1");
        self.engine.prepare(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let (_, said) = process::gather(&mut command)?;
        let ended = fs::read_to_string(&results).with_context(|| format!("cannot read {}", results.display()))?;
        Ok((ended, said))
    }

    /// Runs them if they are wanted; an error is a failure.
    pub fn try_h5py(&self, environment: &[(String, String)]) -> Tally {
        self.run_h5py(environment).unwrap_or_else(|error| report(SUITE, Err(error)))
    }
}

/// The files of tests below a directory, in order.
fn files_of_tests(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        let is_named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("test_"));
        if is_named && path.is_dir() {
            files.append(&mut files_of_tests(&path)?);
        } else if is_named && path.extension() == Some(OsStr::new("py")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_process_or_fails_in_cleaning_up_has_failed() {
        let mut results = Results::default();
        results.take("started a\npassed a\nstarted b\nskipped b\nstarted c\npassed c\nfailed c\nstarted d\n");
        results.take("started e\nfailed e\n");
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&results.passed), "a");
        assert_eq!(names(&results.skipped), "b");
        assert_eq!(names(&results.failed), "c d e");
    }
}
