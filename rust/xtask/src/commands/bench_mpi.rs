//! `cargo xtask bench mpi`: one program of MPI, on one rank and on more, whose files are in a container, in memory of the kernel's, and
//! arrays without MPI-IO.

use super::install_tree::{self, Profile, mpiio};
use super::local_engine::LocalEngine;
use super::setup;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "mpiio_driver/bench/patterns.c";
/// Durability classes of the pools that are measured.
const CLASSES: &[&str] = &["ram", "log"];
/// A file system in memory, for what is compared with.
const MEMORY: &str = "/dev/shm";
const CONTAINER: &str = "container";
/// What containers have when nothing else is asked for.
const CHECKSUMS: &str = "checksums crc64, as containers have them";
/// Ranks, each case once.
const RANKS: &[u32] = &[1, 2, 4];

/// Bytes of each rank, and rounds of which the median counts.
const WHOLE: (u32, u32) = (16 << 20, 5);
const QUICK: (u32, u32) = (4 << 20, 3);

/// Many pieces in one call of each rank: the class of the pool, its size, ranks, and rounds. Each rank has 700 MB.
const MANY_CLASS: &str = "ram";
const MANY_SIZE: &str = "6G";
const MANY_RANKS: u32 = 2;
const MANY_ROUNDS: u32 = 1;
/// What the program calls that.
const MANY: &str = "many";

/// Runs it.
pub fn run(is_quick: bool) -> Result<()> {
    let metadata = Metadata::read()?;
    setup::mpi(&metadata)?;
    let tree = install_tree::install(&metadata, Profile::Release, None)?;
    let scratch = metadata.target_directory.join("mpi/bench");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let (binary, library) = (scratch.join("patterns"), tree.prefix.join("lib").join(mpiio::LIBRARY));
    let mut compile = Command::new("mpicc.mpich");
    compile.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Iinclude", SOURCE, "-o"]).arg(&binary);
    compile.arg("-L").arg(tree.prefix.join("lib")).arg("-ldaos");
    compile.arg(format!("-Wl,-rpath,{}", tree.prefix.join("lib").display()));
    process::run(&mut compile)?;
    let local = Path::new(MEMORY).join(format!("daos-bench-mpi-{}", std::process::id()));
    fs::create_dir_all(&local).with_context(|| format!("cannot create {}", local.display()))?;
    let engine = LocalEngine::fresh(&tree, &scratch.join("data"))?;
    let start = |pool: &str, ranks: u32, bytes: &str, rounds: u32| {
        let mut command = Command::new("mpiexec.mpich");
        command.args(["-n", &ranks.to_string(), "-genv", "LD_PRELOAD"]).arg(&library).arg(&binary);
        command.args([pool, CONTAINER]).arg(&local).args([bytes, &rounds.to_string()]);
        process::run(engine.prepare(&mut command))
    };
    let measure = |class: &str, size: &str, runs: &dyn Fn() -> Result<()>| {
        process::run(&mut engine.daos(&["pool", "create", class, "--size", size, "--durability", class]))?;
        process::run(&mut engine.daos(&["cont", "create", class, CONTAINER, "--type", "POSIX"]))?;
        runs()?;
        // A pool in memory would be in the way of the next one.
        process::run(&mut engine.daos(&["pool", "destroy", class, "--force"]))
    };
    let (bytes, rounds) = if is_quick { QUICK } else { WHOLE };
    let measured = CLASSES.iter().try_for_each(|class| {
        measure(class, "2G", &|| {
            RANKS.iter().try_for_each(|ranks| {
                println!("\npool of class {class}, {CHECKSUMS}, ranks: {ranks}, {} MiB each", bytes >> 20);
                start(class, *ranks, &bytes.to_string(), rounds)
            })
        })
    });
    let measured = measured.and_then(|()| {
        if is_quick {
            return Ok(());
        }
        println!("\npool of class {MANY_CLASS}, {CHECKSUMS}, ranks: {MANY_RANKS}");
        measure(MANY_CLASS, MANY_SIZE, &|| start(MANY_CLASS, MANY_RANKS, MANY, MANY_ROUNDS))
    });
    fs::remove_dir_all(&local).with_context(|| format!("cannot remove {}", local.display()))?;
    engine.remove()?;
    measured
}
