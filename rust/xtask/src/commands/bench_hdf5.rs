//! `cargo xtask bench hdf5`: the same programs of HDF5 with files in containers, through the connector, and with HDF5's own in memory and
//! on the disk, by turns.

mod table;

use super::hdf5::{Flavour, Hdf5};
use super::install_tree::{self, InstallTree, Profile};
use super::local_engine::LocalEngine;
use super::setup;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use table::{Figure, Figures, Place};

const SERIAL: &str = "hdf5_vol/bench/figures.c";
const PARALLEL: &str = "hdf5_vol/bench/ranks.c";
/// A file system in memory, for what is compared with.
const MEMORY: &str = "/dev/shm";
const CONTAINER: &str = "container";
const POOL_SIZE: &str = "4G";
const RANKS: &[u32] = &[1, 2, 4];
/// A program that runs longer hangs.
const SECONDS_MAX: &str = "900";

/// How much is done, and how often.
struct Plan {
    /// Of a dataset, by one process.
    mebibytes: u32,
    /// Groups, datasets, attributes, strings.
    records: u32,
    /// Of each rank.
    rank_mebibytes: u32,
    rounds: u32,
}

const WHOLE: Plan = Plan { mebibytes: 1024, records: 100_000, rank_mebibytes: 128, rounds: 5 };
const QUICK: Plan = Plan { mebibytes: 64, records: 2_000, rank_mebibytes: 16, rounds: 1 };
/// Shows that it runs.
const SMOKE: Plan = Plan { mebibytes: 16, records: 50, rank_mebibytes: 4, rounds: 1 };

/// Runs it.
pub fn run(is_quick: bool, json: Option<&Path>) -> Result<()> {
    let metadata = Metadata::read()?;
    setup::hdf5(&metadata)?;
    setup::hdf5_mpi(&metadata)?;
    let tree = install_tree::install(&metadata, Profile::Release, None)?;
    let scratch = metadata.target_directory.join("hdf5/bench");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let scratch = std::path::absolute(scratch)?;
    let engine = LocalEngine::fresh(&tree, &scratch.join("data"))?;
    let memory = Path::new(MEMORY).join(format!("daos-bench-hdf5-{}", std::process::id()));
    fs::create_dir_all(&memory).with_context(|| format!("cannot create {}", memory.display()))?;
    let bench = Bench::new(&metadata, &tree, &engine, &scratch)?;
    let places = [
        (Place::Container("ram"), bench.make_container("ram")),
        (Place::Container("log"), bench.make_container("log")),
        (Place::Memory, Ok(memory.join("file.h5").display().to_string())),
        (Place::Disk, Ok(scratch.join("file.h5").display().to_string())),
    ];
    let places = places.into_iter().map(|(place, file)| Ok((place, file?))).collect::<Result<Vec<_>>>();
    let figures = places.and_then(|places| bench.measure(if is_quick { &QUICK } else { &WHOLE }, &places));
    fs::remove_dir_all(&memory).with_context(|| format!("cannot remove {}", memory.display()))?;
    engine.remove()?;
    let figures = figures?;
    print!("{}", figures.render());
    json.map_or(Ok(()), |file| figures.write_json(file))
}

/// Runs the program of one process with a file of a container, for as short as it can be; gives how many figures it told.
///
/// # Errors
/// Where it cannot be compiled, or fails: it compares what it reads.
pub fn smoke(metadata: &Metadata, tree: &InstallTree, engine: &LocalEngine, place: [&str; 2]) -> Result<usize> {
    let scratch = metadata.target_directory.join("hdf5/test");
    let [pool, container] = place;
    let serial = compile_serial(metadata, tree, &scratch)?;
    let environment = install_tree::hdf5::environment(tree, &[])?;
    let mut command = limited(&serial);
    command.arg(format!("daos://{pool}/{container}/bench.h5"));
    command.args([SMOKE.mebibytes, SMOKE.records].map(|number| number.to_string())).args([pool, container]);
    command.envs(environment);
    Ok(figures_of(&process::succeed(engine.prepare(&mut command))?)?.len())
}

struct Bench<'a> {
    engine: &'a LocalEngine,
    environment: Vec<(String, String)>,
    serial: PathBuf,
    parallel: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(metadata: &Metadata, tree: &InstallTree, engine: &'a LocalEngine, scratch: &Path) -> Result<Self> {
        let parallel = scratch.join("ranks");
        Hdf5::new(metadata, Flavour::Mpich).compile(PARALLEL, &parallel, &[])?;
        Ok(Self {
            engine,
            environment: install_tree::hdf5::environment(tree, &[])?,
            serial: compile_serial(metadata, tree, scratch)?,
            parallel,
        })
    }

    /// A pool of a durability class, and a container in it; gives the name of a file there.
    fn make_container(&self, class: &str) -> Result<String> {
        process::run(&mut self.engine.daos(&["pool", "create", class, "--size", POOL_SIZE, "--durability", class]))?;
        process::run(&mut self.engine.daos(&["cont", "create", class, CONTAINER, "--type", "POSIX"]))?;
        Ok(format!("daos://{class}/{CONTAINER}/file.h5"))
    }

    fn measure(&self, plan: &Plan, places: &[(Place, String)]) -> Result<Figures> {
        let mut figures = Figures::default();
        for round in 1..=plan.rounds {
            for (place, file) in places {
                eprintln!("  round {round} of {}: {}", plan.rounds, place.name());
                for figure in figures_of(&self.one_process(plan, *place, file)?)? {
                    figures.add(*place, 0, figure);
                }
                for ranks in RANKS {
                    for figure in figures_of(&self.ranks(plan, *place, file, *ranks)?)? {
                        figures.add(*place, *ranks, figure);
                    }
                }
            }
        }
        Ok(figures)
    }

    fn one_process(&self, plan: &Plan, place: Place, file: &str) -> Result<String> {
        let mut command = limited(&self.serial);
        command.arg(file).args([plan.mebibytes, plan.records].map(|number| number.to_string()));
        if let Place::Container(class) = place {
            command.args([class, CONTAINER]);
        }
        self.finish(command, place)
    }

    fn ranks(&self, plan: &Plan, place: Place, file: &str, ranks: u32) -> Result<String> {
        let mut command = limited(Path::new("mpiexec.mpich"));
        command.args(["-n", &ranks.to_string()]).arg(&self.parallel).arg(file).arg(plan.rank_mebibytes.to_string());
        self.finish(command, place)
    }

    fn finish(&self, mut command: Command, place: Place) -> Result<String> {
        if matches!(place, Place::Container(_)) {
            command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        }
        process::succeed(self.engine.prepare(&mut command))
    }
}

fn compile_serial(metadata: &Metadata, tree: &InstallTree, scratch: &Path) -> Result<PathBuf> {
    let binary = std::path::absolute(scratch.join("figures"))?;
    let libraries = std::path::absolute(tree.prefix.join("lib"))?;
    let more = [
        "-Iinclude".into(),
        "-L".into(),
        libraries.clone().into_os_string(),
        OsString::from(format!("-Wl,-rpath,{}", libraries.display())),
        "-ldaos".into(),
    ];
    Hdf5::new(metadata, Flavour::Serial).compile(SERIAL, &binary, &more)?;
    Ok(binary)
}

fn limited(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", SECONDS_MAX]).arg(program);
    command
}

fn figures_of(text: &str) -> Result<Vec<Figure>> {
    let figures: Vec<Figure> = text
        .lines()
        .map(|line| Figure::parse(line).with_context(|| format!("no figure: {line}")))
        .collect::<Result<_>>()?;
    if figures.is_empty() {
        bail!("the program told no figures");
    }
    Ok(figures)
}
