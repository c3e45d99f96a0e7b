//! The step of the demo with jobs of MPI: a field of three dimensions that two ranks write with one division and read with another, in C, Fortran and Python.

use super::Done;
use super::steps::{Demo, POOL};
use crate::commands::install_tree::mpiio;
use crate::commands::test::mpi_python::DEBIAN;
use crate::process;
use crate::stopwatch::{Stopwatch, bytes_per_second};
use crate::workspace::Metadata;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Label of the container that the jobs' files are in.
const CONTAINER: &str = "jobs";
const RANKS: &str = "2";
/// Where the programs are, and what compiles them.
const EXAMPLES: &str = "examples_mpi";
const COMPILED: &[(&str, &str)] = &[("mpicc.mpich", "field.c"), ("mpifort.mpich", "field.f90")];
const PYTHON_SOURCE: &str = "field.py";
const LAUNCHER: &str = "mpiexec.mpich";
/// Each writes a field of so many bytes and reads it: 64 by 48 by 40 numbers.
const FIELD_BYTES: u64 = 64 * 48 * 40 * 8;
/// As a user would start it: one line from the tool, and the launcher of the MPI library.
const START: &str = "exec env $(daos mpi-env) \"$0\" \"$@\"";

/// A job that can be run: a name, what starts it, and what it needs in its environment.
struct Job {
    source: &'static str,
    program: Vec<PathBuf>,
    environment: Vec<(String, String)>,
}

/// Runs the jobs for which there is what they need, and says which are left out and why.
pub fn run(demo: &Demo) -> Result<Done> {
    let driver = demo.tree.prefix.join("lib").join(mpiio::LIBRARY);
    let why_not = match (driver.is_file(), process::find_program(LAUNCHER)) {
        (false, _) => "the MPI-IO driver is not installed",
        (_, None) => "there is no MPICH",
        _ => "",
    };
    if !why_not.is_empty() {
        let reason = format!("left out: {why_not}; `cargo xtask setup mpi` provides it");
        eprintln!("  {reason}");
        return Ok(Done { what: reason, much: String::new(), fast: String::new() });
    }
    let (jobs, mut left_out) = prepare(demo)?;
    process::run(&mut demo.engine.daos(&["cont", "create", POOL, CONTAINER, "--type", "POSIX"]))?;
    let watch = Stopwatch::start();
    for job in &jobs {
        let mut command = Command::new("sh");
        command.args(["-c", START, LAUNCHER, "-n", RANKS]).args(&job.program);
        command.arg(format!("daos:/{POOL}/{CONTAINER}/{}", job.source));
        command.envs(job.environment.iter().map(|(name, value)| (name, value)));
        process::run(demo.engine.prepare(&mut command))?;
    }
    let names: Vec<&str> = jobs.iter().map(|job| job.source).collect();
    left_out.insert(0, format!("{} on {RANKS} ranks", names.join(", ")));
    Ok(Done {
        what: left_out.join("; "),
        much: format!("{} jobs", jobs.len()),
        fast: bytes_per_second(2 * FIELD_BYTES * jobs.len() as u64, watch.elapsed()),
    })
}

/// Compiles what can be compiled and fetches Python's packages; gives the jobs, and which are left out.
fn prepare(demo: &Demo) -> Result<(Vec<Job>, Vec<String>)> {
    let (mut jobs, mut left_out) = (Vec::new(), Vec::new());
    let mut leave_out = |source: &str, why: String| {
        eprintln!("  {source} is left out: {why}");
        left_out.push(format!("{source} left out"));
    };
    let binaries = demo.directory.join("examples");
    for (compiler, source) in COMPILED {
        if process::find_program(compiler).is_none() {
            leave_out(source, format!("there is no {compiler}"));
            continue;
        }
        let binary = binaries.join(source.replace('.', "-"));
        let mut compile = Command::new(compiler);
        process::run(compile.args(["-O2", "-o"]).arg(&binary).arg(format!("{EXAMPLES}/{source}")))?;
        jobs.push(Job { source, program: vec![binary], environment: Vec::new() });
    }
    match DEBIAN.provide(&Metadata::read()?) {
        Ok(python) => jobs.push(Job {
            source: PYTHON_SOURCE,
            program: vec![python.python.clone(), Path::new(EXAMPLES).join(PYTHON_SOURCE)],
            environment: python
                .variables()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }),
        Err(error) => leave_out(PYTHON_SOURCE, format!("mpi4py cannot be had: {error:#}")),
    }
    Ok((jobs, left_out))
}
