//! The own tests of Python packages that use HDF5, as their wheels or sources bring them, in a container: in a mount of `dfuse`, so that the
//! files that they make by HDF5 are those that they look for, write and remove by the calls of POSIX.

mod results;
mod sources;

use super::{Bench, CONTAINER, TARGETS, TARGETS_VARIABLE, suite};
use crate::commands::install_tree::InstallTree;
use crate::commands::test::c_programs::report;
use crate::commands::test::fuse_mount::FuseMount;
use crate::commands::test::tally::Tally;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use results::Results;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tests of a package.
pub struct Suite {
    /// What the whole is called.
    pub name: &'static str,
    place: Place,
    /// What is known of it: how many pass at least, and which fail.
    known: &'static str,
    /// What pytest is told besides.
    options: &'static [&'static str],
    /// Files of tests that are left out.
    omitted: &'static [&'static str],
}

/// Where tests are, and what runs them.
enum Place {
    /// In the wheel, as this module; pytest.
    Module(&'static str),
    /// In the sources of the package, in this folder; pytest.
    Sources(&'static str),
    /// In the wheel, as modules of these packages, each with a function that gives its tests: pytest would run classes that are none.
    Unittests(&'static [&'static str]),
}

/// All of them. They take minutes, so each runs when it is asked for.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "h5py",
        place: Place::Module("h5py.tests"),
        known: "hdf5_vol/tests/h5py.txt",
        options: &["--no-network"],
        omitted: &[],
    },
    Suite {
        name: "h5netcdf",
        place: Place::Module("h5netcdf.tests"),
        known: "hdf5_vol/tests/h5netcdf.txt",
        options: &[],
        omitted: &[],
    },
    Suite {
        name: "netCDF4",
        place: Place::Sources("test"),
        known: "hdf5_vol/tests/netcdf4.txt",
        options: &[],
        // A file of 4 GiB in netCDF's classic format.
        omitted: &["test_cdf5.py"],
    },
    Suite {
        name: "PyTables",
        place: Place::Unittests(&["tables.tests", "tables.nodes.tests"]),
        known: "hdf5_vol/tests/pytables.txt",
        options: &[],
        // They run all others.
        omitted: &["test_all.py", "test_suite.py"],
    },
];

/// Has the extension of pytest that says how each test ended, which is called this, and what runs the others.
const EXTENSIONS: &str = "hdf5_vol/tests";
const EXTENSION: &str = "results";
const RUNNER: &str = "hdf5_vol/tests/unittests.py";
/// Names the file in which they say so.
const RESULTS: &str = "RESULTS";
/// A file of tests that takes longer hangs.
const SECONDS_MAX: &str = "1800";
/// Its pool. What tests remove by the calls of POSIX leaves objects of HDF5, so it has more room than any of them writes.
const MEMORY_POOL: &str = "memory";
const MEMORY_SIZE: &str = "4G";
/// Asks where the tests are, and where the filters that netCDF4 brings, of which it tells only where nothing is set.
const WHERE: &str = "import importlib, sys; print(importlib.import_module(sys.argv[1]).__path__[0])";
const FILTERS: &str = "import os, netCDF4; print(os.environ.get('HDF5_PLUGIN_PATH', ''))";
const PLUGINS: &str = "HDF5_PLUGIN_PATH";
/// For netCDF4: there is no network.
const OFFLINE: (&str, &str) = ("NO_NET", "1");

/// A file of tests, and what runs it.
struct Part {
    name: String,
    command: Command,
}

impl Bench<'_> {
    /// Runs a suite; an error is a failure.
    pub fn try_wheel(&self, metadata: &Metadata, tree: &InstallTree, suite: &Suite) -> Tally {
        self.run_in_memory(metadata, tree, suite).unwrap_or_else(|error| report(suite.name, Err(error)))
    }

    /// In a pool of its own, in memory: many of these tests wait for the device after each small change, and none needs what it wrote when the
    /// engine has ended.
    fn run_in_memory(&self, metadata: &Metadata, tree: &InstallTree, suite: &Suite) -> Result<Tally> {
        let mut create =
            self.engine.daos(&["pool", "create", MEMORY_POOL, "--durability", "ram", "--size", MEMORY_SIZE]);
        process::succeed(create.env(TARGETS_VARIABLE, TARGETS))?;
        process::succeed(&mut self.engine.daos(&["cont", "create", MEMORY_POOL, CONTAINER, "--type", "POSIX"]))?;
        let tally = self.run_wheel(metadata, suite, &super::environment(tree, &[MEMORY_POOL, CONTAINER])?);
        process::succeed(&mut self.engine.daos(&["pool", "destroy", MEMORY_POOL, "--force"]))?;
        tally
    }

    /// Runs each file of tests in a process of its own, and compares with what is known.
    fn run_wheel(&self, metadata: &Metadata, suite: &Suite, environment: &[(String, String)]) -> Result<Tally> {
        let name = suite.name;
        if let Some(lack) = FuseMount::lacks() {
            eprintln!("  skip {name}: its tests need a mount, and {lack}");
            return Ok(Tally::default());
        }
        let parts = self.parts(metadata, suite)?;
        let mount = FuseMount::new(&self.engine, &self.scratch.join("mount"), MEMORY_POOL, CONTAINER)?;
        let environment = self.with_filters(environment)?;
        let log = self.scratch.join(format!("{name}.log"));
        let (mut results, mut logged) = (Results::default(), String::new());
        for part in parts {
            let (text, said) = self.run_part(part.command, &mount, &environment)?;
            results.take(&text);
            logged.push_str(&said);
            if text.is_empty() {
                results.failed.insert(part.name);
            }
        }
        fs::write(&log, &logged).with_context(|| format!("cannot write {}", log.display()))?;
        let (passed, failed, skipped) = (results.passed.len(), results.failed.len(), results.skipped.len());
        eprintln!("  {name}: {passed} passed, {failed} failed, {skipped} skipped; all of it in {}", log.display());
        let known = fs::read_to_string(suite.known).with_context(|| format!("cannot read {}", suite.known))?;
        let failed: Vec<String> = results.failed.into_iter().collect();
        Ok(suite::judge(name, &failed, passed as u64, &suite::Known::parse(&known)?))
    }

    fn parts(&self, metadata: &Metadata, suite: &Suite) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        match suite.place {
            Place::Module(module) => self.add_files(suite, &self.directory_of(module)?, &mut parts)?,
            Place::Sources(folder) => {
                let directory = sources::netcdf4(metadata, self.python)?.join(folder);
                self.add_files(suite, &directory, &mut parts)?;
            }
            Place::Unittests(packages) => {
                for package in packages {
                    for file in files_of_tests(&self.directory_of(package)?, suite.omitted)? {
                        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                        let name = format!("{package}.{stem}");
                        let mut command = self.limited_python();
                        command.arg(std::path::absolute(RUNNER)?).arg(&name);
                        parts.push(Part { name, command });
                    }
                }
            }
        }
        Ok(parts)
    }

    /// Files for pytest.
    fn add_files(&self, suite: &Suite, directory: &Path, parts: &mut Vec<Part>) -> Result<()> {
        for file in files_of_tests(directory, suite.omitted)? {
            let name = file.strip_prefix(directory).unwrap_or(&file).to_string_lossy().into_owned();
            let mut command = self.limited_python();
            command.args(["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", EXTENSION]);
            command.args(suite.options).arg("--rootdir").arg(directory).arg(&file);
            command.env("PYTHONPATH", std::path::absolute(EXTENSIONS)?);
            parts.push(Part { name, command });
        }
        Ok(())
    }

    fn limited_python(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", SECONDS_MAX]).arg(self.python);
        command
    }

    fn directory_of(&self, module: &str) -> Result<PathBuf> {
        let said = process::capture(Command::new(self.python).args(["-c", WHERE, module]))?;
        Ok(PathBuf::from(said.trim()))
    }

    /// The environment, with the filters that netCDF4 brings.
    fn with_filters(&self, environment: &[(String, String)]) -> Result<Vec<(String, String)>> {
        let said = process::capture(Command::new(self.python).args(["-c", FILTERS]).env_remove(PLUGINS))?;
        let more = |name: &str| if name == PLUGINS { format!(":{}", said.trim()) } else { String::new() };
        Ok(environment.iter().map(|(name, value)| (name.clone(), format!("{value}{}", more(name)))).collect())
    }

    /// Runs one file of tests. Gives how they ended, and all that was said.
    fn run_part(
        &self,
        mut command: Command,
        mount: &FuseMount,
        environment: &[(String, String)],
    ) -> Result<(String, String)> {
        let results = std::path::absolute(self.scratch.join("wheel.results"))?;
        fs::write(&results, "").with_context(|| format!("cannot write {}", results.display()))?;
        let directory = std::path::absolute(mount.directory())?;
        command.current_dir(&directory).env("TMPDIR", &directory).env(RESULTS, &results);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env(OFFLINE.0, OFFLINE.1);
        self.engine.prepare(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let (_, said) = process::gather(&mut command)?;
        let ended = fs::read_to_string(&results).with_context(|| format!("cannot read {}", results.display()))?;
        Ok((ended, said))
    }
}

/// The files of tests below a directory, in order.
fn files_of_tests(directory: &Path, omitted: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_named = name.starts_with("test_") && !omitted.contains(&name.as_str());
        if is_named && path.is_dir() {
            files.append(&mut files_of_tests(&path, omitted)?);
        } else if is_named && path.extension() == Some(OsStr::new("py")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
