//! The part `mpi`: programs through the MPI-IO driver, against a local engine. Ours first, then ROMIO's and MPICH's.

mod hdf5;
mod large;
mod mounted;
mod sequences;

use super::c_programs::{Outcome, report};
use super::mpi_languages;
use super::mpi_programs::{FOREIGN, Foreign, LOCAL_ONLY, MOUNTED, Suite};
use super::mpi_python;
use super::mpi_system::System;
use super::tally::Tally;
use crate::commands::install_tree::{self, InstallTree, Profile, mpiio};
use crate::commands::local_engine::LocalEngine;
use crate::commands::romio::Romio;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where our own programs are, and what they share.
const DIRECTORY: &str = "mpiio_driver/tests";
const SHARED: &[&str] = &["mpiio_driver/tests/access.c", "mpiio_driver/tests/shape.c", "mpiio_driver/tests/test.c"];

/// A program that runs longer hangs, also on a machine where each call waits for the engine's process to get its turn.
const SECONDS_MAX: u32 = 300;

/// Those of our own programs that hold on a local file system too. They show that files which are not ours reach the MPI
/// library; the others ask for more than MPICH's own MPI-IO keeps to.
const ALSO_LOCAL: &[&str] = &["basic", "opening"];

/// Those in which ranks are killed: the launcher reports those, so what the others say is what counts.
const KILLED: &[&str] = &["owner"];
/// The one that kills an engine. It runs with the local engine, and with a system, of which it kills each engine.
const KILLS_ENGINES: &str = "killed";
/// Names the file with the process id of the engine that it kills.
const ENGINE_VARIABLE: &str = "TEST_ENGINE_PID";
/// What our own programs say at the end.
const PASSED: &str = "passed";

/// Ranks of our own programs: as many as the machines of the tests have processors, because waiting ranks poll.
pub const RANKS: u32 = 2;

/// The pool of all programs, and another one with a container of the same label, which must not be taken for it.
pub const POOL: &str = "test";
const SECOND_POOL: &str = "second";
/// One that a program fills.
const SMALL_POOL: &str = "small";
pub const CONTAINER: &str = "container";
/// All pools with their sizes; all programs together write less to the first two.
const POOLS: &[(&str, &str)] = &[(POOL, "2G"), (SECOND_POOL, "2G"), (SMALL_POOL, "64M")];

/// Examples for users, and what compiles them.
const EXAMPLE_DIRECTORY: &str = "examples_mpi";
const EXAMPLES: &[(&str, &str)] = &[("mpicc.mpich", "field.c"), ("mpifort.mpich", "field.f90")];
const PYTHON_SOURCE: &str = "field.py";
const PYTHON_EXAMPLE: &str = "example field.py";
/// What starts ranks of Debian's MPICH.
const LAUNCHER: &str = "mpiexec.mpich";

/// More than one target, so that transactions and files have several.
const TARGETS_VARIABLE: &str = "DAOS_LOCAL_TARGETS";
const TARGETS: &str = "3";

/// MPI libraries with another ABI, as file names by which ours knows them. A program that uses one must be told.
const OTHERS: &[(&str, &str)] = &[("other open_mpi", "libmpi.so.40"), ("other standard_abi", "libmpi_abi.so.1")];
const OTHER_DIRECTORY: &str = "mpiio_driver/tests/other";
const OTHER_REFUSED: &str = "serves MPI libraries that have MPICH's ABI";

/// How ranks are started.
pub struct Started<'a> {
    pub launcher: &'a Path,
    pub ranks: u32,
    /// A program that runs longer hangs.
    pub seconds_max: u32,
    /// Where; none for the directory of the program.
    pub directory: Option<&'a Path>,
}

impl Started<'_> {
    /// Ranks of Debian's MPICH.
    fn of_debian(ranks: u32) -> Self {
        Self { launcher: Path::new(LAUNCHER), ranks, seconds_max: SECONDS_MAX, directory: None }
    }
}

/// What runs are made with.
pub struct Bench<'a> {
    engine: &'a LocalEngine,
    tree: &'a InstallTree,
    library: PathBuf,
    scratch: PathBuf,
}

/// What is to be run.
pub struct Choice<'a> {
    /// Only what has this in its name.
    pub only: Option<&'a str>,
    /// Random sequences of calls of so many seeds, instead of the few that are always made.
    pub seeds: Option<u32>,
    /// Everything there is: what writes gigabytes, and what takes minutes.
    pub slow: bool,
}

/// Runs programs. Romio is built.
pub fn run(metadata: &Metadata, romio: &Romio, choice: &Choice<'_>) -> Result<Tally> {
    let Choice { only, seeds, slow } = *choice;
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let tree = install_tree::install(metadata, Profile::Debug, None)?;
    let scratch = metadata.target_directory.join("mpi/test");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let engine = LocalEngine::fresh(&tree, &scratch.join("data"))?;
    prepare(&engine)?;
    let bench = Bench { engine: &engine, tree: &tree, library: library(&tree), scratch };
    let mut tally = Tally::default();
    for name in own()?.into_iter().filter(|name| is_wanted(name)) {
        tally += if name == sequences::SEQUENCES { bench.run_sequences(seeds) } else { bench.run_own(&name) };
    }
    for (name, library_name) in OTHERS.iter().filter(|(name, _)| is_wanted(name)) {
        tally += report(name, bench.run_other(library_name));
    }
    let wanted = FOREIGN.iter().filter(|program| is_wanted(program.name));
    let names = |suite: Suite| {
        let programs = FOREIGN.iter().chain(MOUNTED).filter(|program| program.suite == suite);
        programs.map(|program| program.name).collect::<Vec<_>>()
    };
    romio.build_programs(&names(Suite::Romio), &names(Suite::Mpich))?;
    copy_what_they_read(&engine, romio)?;
    for program in wanted {
        let binary = romio.build.join("programs").join(program.suite.directory()).join(program.name);
        let outcome = bench.run_foreign(&binary, program);
        tally += report(&format!("{} {}", program.suite.directory(), program.name), outcome);
    }
    tally += bench.run_mounted(romio, &is_wanted);
    tally += bench.run_large(romio, slow, &is_wanted)?;
    tally += bench.run_hdf5(&is_wanted);
    let mut languages: Vec<String> = mpi_languages::programs().into_iter().filter(|path| is_wanted(path)).collect();
    if only.is_none() && !slow {
        eprintln!(
            "  skip {} programs in Fortran and C++: they take minutes more; --only f77/, f90/, f08/, cxx/ runs them, and --slow",
            languages.len()
        );
        languages.clear();
    }
    if !languages.is_empty() {
        romio.build_languages(&languages)?;
    }
    for path in &languages {
        let program = Foreign { suite: Suite::Mpich, name: path, ranks: mpi_languages::ranks(path), arguments: &[] };
        let outcome = bench.run_foreign(&romio.build.join("programs").join(path), &program);
        tally += report(&path.replace('/', " "), outcome);
    }
    tally += bench.run_examples(metadata, &is_wanted)?;
    tally += mpi_python::run_tests(&bench, metadata, only.or(slow.then_some(mpi_python::TESTS)));
    for (name, reason) in LOCAL_ONLY.iter().filter(|(name, _)| is_wanted(name)) {
        eprintln!("  skip {name}: {reason}");
    }
    engine.remove()?;
    Ok(tally)
}

fn library(tree: &InstallTree) -> PathBuf {
    tree.prefix.join("lib").join(mpiio::LIBRARY)
}

fn prepare(engine: &LocalEngine) -> Result<()> {
    for (pool, size) in POOLS {
        process::succeed(engine.daos(&["pool", "create", pool, "--size", size]).env(TARGETS_VARIABLE, TARGETS))?;
        process::succeed(&mut engine.daos(&["cont", "create", pool, CONTAINER, "--type", "POSIX"]))?;
    }
    Ok(())
}

/// Two of the programs read files that are there: one its own binary, one a list of hints, which it also finds beside it.
fn copy_what_they_read(engine: &LocalEngine, romio: &Romio) -> Result<()> {
    let binary = romio.build.join("programs/io/zero_count");
    let hints = romio.source.join("test/test_hintfile");
    install_tree::replace(&hints, &romio.build.join("programs/romio/test_hintfile"))?;
    for (file, name) in [(binary, "zero_count"), (hints, "test_hintfile")] {
        let target = format!("daos://{POOL}/{CONTAINER}/{name}");
        process::succeed(&mut engine.daos(&["fs", "copy", &file.to_string_lossy(), &target]))?;
    }
    Ok(())
}

/// Names of our own programs.
fn own() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(DIRECTORY).with_context(|| format!("cannot read {DIRECTORY}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c")
            && !SHARED.iter().any(|shared| path == Path::new(shared))
        {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

impl Bench<'_> {
    /// In the container, and some of them on the local file system as well.
    fn run_own(&self, name: &str) -> Tally {
        let binary = self.scratch.join(name);
        if let Err(error) = build_own(name, &binary) {
            return report(name, Err(error));
        }
        let container = format!("daos:/{POOL}/{CONTAINER}");
        let outcome = if KILLED.contains(&name) {
            self.start_to_kill(&binary, &[container])
        } else {
            self.start(&binary, RANKS, &[container], &[])
        };
        let mut tally = report(name, outcome);
        if name == KILLS_ENGINES {
            tally += self.run_in_system(name, &binary);
        }
        if !ALSO_LOCAL.contains(&name) {
            return tally;
        }
        let local = self.scratch.join("local");
        let outcome = fs::create_dir_all(&local)
            .context("no directory for local files")
            .and_then(|_| self.start(&binary, RANKS, &[local.to_string_lossy().into_owned()], &[]));
        tally += report(&format!("{name} local"), outcome);
        tally
    }

    /// In a system of several engines, each of which is killed in a run of its own.
    fn run_in_system(&self, name: &str, binary: &Path) -> Tally {
        let system = match System::start(self.tree, &self.scratch.join("system"), POOL, CONTAINER) {
            Ok(system) => system,
            Err(error) => return report(&format!("{name} system"), Err(error)),
        };
        let mut tally = Tally::default();
        for (number, file) in system.process_files().into_iter().enumerate() {
            let file = file.to_string_lossy();
            let environment = [system.environment(), (ENGINE_VARIABLE, &*file)];
            let outcome = self.start(binary, RANKS, &[format!("daos:/{POOL}/{CONTAINER}")], &environment);
            tally += report(&format!("{name} system, engine {number}"), outcome);
        }
        tally
    }

    /// Programs for users to copy.
    fn run_examples(&self, metadata: &Metadata, is_wanted: &dyn Fn(&str) -> bool) -> Result<Tally> {
        let mut tally = Tally::default();
        for (compiler, source) in EXAMPLES.iter().filter(|(_, source)| is_wanted(&format!("example {source}"))) {
            let binary = self.scratch.join(source.replace('.', "-"));
            let mut command = Command::new(compiler);
            command.arg("-O1").arg("-o").arg(&binary).arg(format!("{EXAMPLE_DIRECTORY}/{source}"));
            // The module files of Fortran are for nobody else.
            let outcome = process::succeed(&mut command)
                .and_then(|_| self.start(&binary, RANKS, &[format!("daos:/{POOL}/{CONTAINER}/{source}")], &[]));
            tally += report(&format!("example {source}"), outcome);
        }
        if !is_wanted(PYTHON_EXAMPLE) {
            return Ok(tally);
        }
        let python = match mpi_python::DEBIAN.provide(metadata) {
            Ok(python) => python,
            Err(error) => {
                eprintln!("  skip {PYTHON_EXAMPLE}: mpi4py cannot be had: {error:#}");
                return Ok(tally);
            }
        };
        let program = std::path::absolute(format!("{EXAMPLE_DIRECTORY}/{PYTHON_SOURCE}"))?;
        let arguments = [program.to_string_lossy().into_owned(), format!("daos:/{POOL}/{CONTAINER}/{PYTHON_SOURCE}")];
        tally += report(PYTHON_EXAMPLE, self.start(&python.python, RANKS, &arguments, &python.variables()));
        Ok(tally)
    }

    /// A program of another MPI library works without ours before it, and is refused with it.
    fn run_other(&self, library_name: &str) -> Result<Outcome> {
        let binary = self.scratch.join(format!("other-{library_name}"));
        let library = self.scratch.join(library_name);
        let soname = format!("-Wl,-soname,{library_name}");
        let mut command = Command::new("gcc");
        command.args(["-shared", "-fPIC", &soname, "-o"]).arg(&library).arg(format!("{OTHER_DIRECTORY}/library.c"));
        process::succeed(&mut command)?;
        let mut command = Command::new("gcc");
        command.arg("-o").arg(&binary).arg(format!("{OTHER_DIRECTORY}/program.c")).arg(&library);
        process::succeed(command.arg("-Wl,-rpath,$ORIGIN"))?;
        process::succeed(&mut Command::new(&binary))?;
        let (status, text) = process::gather(Command::new(&binary).env("LD_PRELOAD", &self.library))?;
        let is_told = text.contains(OTHER_REFUSED) && status.code() == Some(1);
        Ok(if is_told { Outcome::Passed } else { Outcome::Failed(format!("{status}: {text}")) })
    }

    fn run_foreign(&self, binary: &Path, program: &Foreign<'_>) -> Result<Outcome> {
        let (has_succeeded, text) = self.gather_foreign(binary, POOL, program)?;
        Ok(if has_succeeded && text.lines().any(says_no_errors) { Outcome::Passed } else { Outcome::Failed(text) })
    }

    fn gather_foreign(&self, binary: &Path, pool: &str, program: &Foreign<'_>) -> Result<(bool, String)> {
        // Most of them have the names of their files built in, and leave files behind that the next one must not find.
        let environment = [("ROMIO_FSTYPE_FORCE", "daos:"), ("DAOS_POOL", pool), ("DAOS_CONT", CONTAINER)];
        let arguments: Vec<String> = program.arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.gather(binary, program.ranks, &arguments, &environment)
    }

    fn start(&self, binary: &Path, ranks: u32, arguments: &[String], env: &[(&str, &str)]) -> Result<Outcome> {
        let (status, text) = self.gather(binary, ranks, arguments, env)?;
        Ok(if status { Outcome::Passed } else { Outcome::Failed(text) })
    }

    fn start_to_kill(&self, binary: &Path, arguments: &[String]) -> Result<Outcome> {
        let (_, text) = self.gather(binary, RANKS, arguments, &[])?;
        let has_passed = text.lines().any(|line| line.trim() == PASSED);
        Ok(if has_passed { Outcome::Passed } else { Outcome::Failed(text) })
    }

    /// Runs a program on some ranks that have the driver before their MPI library.
    fn gather(&self, binary: &Path, ranks: u32, arguments: &[String], env: &[(&str, &str)]) -> Result<(bool, String)> {
        self.launch(&Started::of_debian(ranks), binary, arguments, env)
    }

    /// Runs a program on ranks of any MPI library; gives whether it succeeded, and what was said.
    pub fn launch(
        &self,
        started: &Started<'_>,
        binary: &Path,
        arguments: &[String],
        env: &[(&str, &str)],
    ) -> Result<(bool, String)> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", &started.seconds_max.to_string()]);
        command.arg(started.launcher).args(["-n", &started.ranks.to_string()]);
        command.args(["-genv", "LD_PRELOAD"]).arg(&self.library);
        let directory = started.directory.or_else(|| binary.parent()).unwrap_or(Path::new("."));
        match binary.file_name() {
            Some(name) if started.directory.is_none() => command.arg(Path::new(".").join(name)),
            _ => command.arg(binary),
        };
        command.args(arguments).envs(env.iter().copied());
        self.engine.prepare(&mut command);
        let (status, text) = process::gather(command.current_dir(directory))?;
        let said = if status.success() { text } else { format!("`{}`: {status}:\n{text}", process::line(&command)) };
        Ok((status.success(), said))
    }
}

fn build_own(name: &str, binary: &Path) -> Result<()> {
    let mut command = Command::new("mpicc.mpich");
    command.args(["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o"]);
    command.arg(binary).arg(format!("{DIRECTORY}/{name}.c")).args(parts(name)?).args(SHARED);
    // A program's own functions with names of libdaos are found before the library's.
    process::succeed(command.args(["-rdynamic", "-ldl"])).map(drop)
}

/// What a program has besides the file of its name, in a directory of its name.
fn parts(name: &str) -> Result<Vec<PathBuf>> {
    let directory = Path::new(DIRECTORY).join(name);
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut parts = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    parts.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    Ok(parts)
}

/// Whether a line says that nothing went wrong, and nothing else. Several ranks may say it, and their lines may come as one.
fn says_no_errors(line: &str) -> bool {
    line.contains("No Errors") && line.replace("No Errors", "").trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_that_speak_at_once_are_understood() {
        assert!(says_no_errors(" No Errors") && says_no_errors(" No Errors No Errors"));
        assert!(!says_no_errors("") && !says_no_errors("Found 2 errors No Errors") && !says_no_errors("No Error"));
    }
}
