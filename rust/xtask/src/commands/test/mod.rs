//! `cargo xtask test`: all set-up, then the tests, in parts.

mod c_programs;
mod cargo_tests;
mod excerpt;
mod fuse_mount;
mod hdf5;
mod mpi;
mod mpi_languages;
mod mpi_programs;
pub mod mpi_python;
mod mpi_system;
mod packaging;
mod python;
mod tally;

use super::romio::Romio;
use super::setup;
use crate::stopwatch::Stopwatch;
use crate::table::Table;
use crate::workspace::Metadata;
use anyhow::{Result, bail};
use cargo_tests::{Names, Selection, Slow, Targets};
use clap::ValueEnum;
use tally::Tally;

/// Do all set-up and run the tests, or some parts of them.
#[derive(clap::Args)]
#[command(long_about = "Do all set-up and run the tests, or some parts of them.\n\n\
        Without a part it runs every part. Slow tests (`#[ignore]`, and MPI programs that write gigabytes) run \
        with --slow. Uses cargo-nextest when it is \
        installed. The last line is `N passed, N failed`; the exit status says whether anything failed.")]
pub struct Arguments {
    /// Parts to run; none means all
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Also run the slow tests
    #[arg(long)]
    slow: bool,
    /// Of the parts c, mpi and hdf5, only what has this in its name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Of the part mpi, as many random sequences of calls, instead of a few
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
}

/// A part of the tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Part {
    /// Tests of every crate that need nothing but the crate, and the examples in documentation
    Unit,
    /// Power cuts at every step, on the log, the checkpoints and the store
    Crash,
    /// The simulator
    Sim,
    /// C and Fortran programs against an installation: plain, under valgrind, under ASan
    C,
    /// Real processes on this machine
    Cluster,
    /// The MPI-IO driver: MPI programs on two ranks and more
    Mpi,
    /// The HDF5 connector: programs of h5py, which is fetched from PyPI; with --only also its own tests, and those of h5netcdf, netCDF4 and PyTables
    Hdf5,
}

const ALL: &[Part] = &[Part::Unit, Part::Crash, Part::Sim, Part::C, Part::Cluster, Part::Mpi, Part::Hdf5];

/// The word in a test's name that puts it into the crash part, in the crates below.
const CRASH: &str = "crash";
const CRATES_WITH_CRASH_TESTS: &[&str] = &["daos-media", "daos-store"];
const SIMULATOR: &str = "daos-sim";
/// Crates whose integration tests start processes.
const CRATES_WITH_PROCESSES: &[&str] = &["daos-cli", "daos-fuse", "daos-server"];

impl Part {
    fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    setup::core()?;
    let is_named = !arguments.parts.is_empty();
    let parts = if is_named { &arguments.parts } else { ALL };
    let slow = if arguments.slow { Slow::Run } else { Slow::Skip };
    let metadata = Metadata::read()?;
    let mut table = Table::new(&["part", "passed", "failed", "time"]);
    let mut sum = Tally::default();
    for part in parts {
        eprintln!("test {}:", part.word());
        let watch = Stopwatch::start();
        let asked = Asked { slow, only: arguments.only.as_deref(), seeds: arguments.seeds, is_named };
        let tally = run_part(*part, &metadata, &asked).unwrap_or_else(|error| {
            eprintln!("  test {}: {error:#}", part.word());
            Tally::one(false)
        });
        if tally.is_empty() {
            eprintln!("  test {}: there is nothing in this part yet", part.word());
        }
        table.row([part.word(), tally.passed.to_string(), tally.failed.to_string(), watch.seconds()]);
        sum += tally;
    }
    eprintln!("\n{}", table.render());
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed > 0 {
        bail!("{} tests failed; their output is above", sum.failed);
    }
    Ok(())
}

/// Runs the fast Rust tests, for `verify`.
pub fn unit() -> Result<()> {
    let asked = Asked { slow: Slow::Skip, only: None, seeds: None, is_named: true };
    let tally = run_part(Part::Unit, &Metadata::read()?, &asked)?;
    if tally.failed > 0 {
        bail!("{} of {} tests failed", tally.failed, tally.passed + tally.failed);
    }
    Ok(())
}

/// How a part is to be run.
struct Asked<'a> {
    slow: Slow,
    only: Option<&'a str>,
    seeds: Option<u32>,
    /// The user asked for this part, so that what it lacks is an error.
    is_named: bool,
}

fn run_part(part: Part, metadata: &Metadata, asked: &Asked<'_>) -> Result<Tally> {
    let Asked { slow, only, seeds, is_named } = *asked;
    match part {
        Part::Unit => {
            let mut tally = cargo_tests::run(metadata, &unit_selections(metadata), slow)?;
            tally += cargo_tests::run_documentation(metadata)?;
            Ok(tally)
        }
        Part::Crash => {
            let mut packages = owned(CRATES_WITH_CRASH_TESTS);
            packages.push(SIMULATOR.to_owned());
            cargo_tests::run(metadata, &[select(packages, Targets::All, Names::With(CRASH))], slow)
        }
        Part::Sim => {
            let simulator = select(owned(&[SIMULATOR]), Targets::All, Names::Without(CRASH));
            cargo_tests::run(metadata, &[simulator], slow)
        }
        Part::C => {
            setup::c_tests()?;
            c_programs::run(metadata, only)
        }
        Part::Cluster => {
            let processes = select(owned(CRATES_WITH_PROCESSES), Targets::Integration, Names::All);
            cargo_tests::run(metadata, &[processes], slow)
        }
        Part::Mpi => match setup::mpi(metadata) {
            Ok(()) => {
                let choice = mpi::Choice { only, seeds, slow: slow == Slow::Run };
                mpi::run(metadata, &Romio::new(metadata), &choice)
            }
            Err(error) if is_named => Err(error),
            // A machine without MPI, or without a mirror of Debian, still runs all other tests.
            Err(error) => {
                eprintln!("  skip mpi: {error:#}");
                Ok(Tally::default())
            }
        },
        Part::Hdf5 => match hdf5::python(metadata) {
            Ok(python) => hdf5::run(metadata, &python, only),
            Err(error) if is_named => Err(error),
            // A machine without Python, or without a registry of its packages, still runs all other tests.
            Err(error) => {
                eprintln!("  skip hdf5: {error:#}");
                Ok(Tally::default())
            }
        },
    }
}

/// Everything that no other part runs.
fn unit_selections(metadata: &Metadata) -> Vec<Selection> {
    let elsewhere = |name: &str| {
        name == SIMULATOR || CRATES_WITH_CRASH_TESTS.contains(&name) || CRATES_WITH_PROCESSES.contains(&name)
    };
    let names = metadata.packages.iter().map(|package| package.name.clone());
    vec![
        select(names.filter(|name| !elsewhere(name)).collect(), Targets::All, Names::All),
        select(owned(CRATES_WITH_CRASH_TESTS), Targets::All, Names::Without(CRASH)),
        select(owned(CRATES_WITH_PROCESSES), Targets::Inside, Names::All),
    ]
}

fn select(packages: Vec<String>, targets: Targets, names: Names) -> Selection {
    Selection { packages, targets, names }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
