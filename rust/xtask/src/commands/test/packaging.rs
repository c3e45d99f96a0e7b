//! What an installation is to those who know nothing of this repository: a CMake package, a library to be opened by name, a
//! Debian package. Belongs to the part `c`.

use super::c_programs::{Outcome, report};
use super::tally::Tally;
use crate::commands::install_tree::{InstallTree, Profile};
use crate::commands::local_engine::LocalEngine;
use crate::commands::package::{Compression, Package};
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

const POOL: &str = "test";

/// One check.
pub struct Check {
    /// What it is called in the output.
    pub name: &'static str,
    run: fn(&Metadata, &InstallTree, &Path) -> Result<Outcome>,
}

/// All of them.
pub const CHECKS: &[Check] = &[
    Check { name: "tests/cmake", run: cmake },
    Check { name: "tests/python/plain_names.py", run: python },
    Check { name: "package deb", run: debian },
];

/// Runs the checks that are wanted, each with an engine of its own.
pub fn run(metadata: &Metadata, tree: &InstallTree, scratch: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Tally {
    let mut tally = Tally::default();
    for check in CHECKS.iter().filter(|check| is_wanted(check.name)) {
        let directory = scratch.join(check.name.replace(['/', ' ', '.'], "-"));
        tally += report(check.name, (check.run)(metadata, tree, &directory));
    }
    tally
}

/// A fresh engine with a pool.
fn engine(tree: &InstallTree, directory: &Path) -> Result<LocalEngine> {
    let engine = LocalEngine::fresh(tree, &directory.join("data"))?;
    process::capture(&mut engine.daos(&["pool", "create", POOL]))?;
    Ok(engine)
}

/// Runs commands one after the other; the first that fails is the outcome.
fn all(commands: Vec<Command>) -> Result<Outcome> {
    for mut command in commands {
        let (status, text) = process::gather(&mut command)?;
        if !status.success() {
            let line = process::line(&command);
            return Ok(Outcome::Failed(format!("`{line}` ended with {status}; it said:\n{text}")));
        }
    }
    Ok(Outcome::Passed)
}

fn cmake(_metadata: &Metadata, tree: &InstallTree, directory: &Path) -> Result<Outcome> {
    let engine = engine(tree, directory)?;
    let commands = cmake_commands(&tree.prefix, &engine, &directory.join("build"))?;
    finish(engine, all(commands)?)
}

/// Builds programs with the CMake package of an installation, and runs them.
fn cmake_commands(prefix: &Path, engine: &LocalEngine, build: &Path) -> Result<Vec<Command>> {
    if build.exists() {
        std::fs::remove_dir_all(build).with_context(|| format!("cannot remove {}", build.display()))?;
    }
    let examples = std::path::absolute("examples_c").context("the repository has no path")?;
    let mut configure = Command::new("cmake");
    configure.args(["-S", "tests/cmake", "-B"]).arg(build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    configure.arg(format!("-DEXAMPLES={}", examples.display()));
    let mut make = Command::new("cmake");
    make.arg("--build").arg(build);
    let mut commands = vec![configure, make];
    for (program, container, more) in
        [("program_c", "one", None), ("program_cxx", "one", None), ("program_fortran", "two", Some("both"))]
    {
        let mut command = Command::new(build.join(program));
        command.args([POOL, container]).args(more);
        engine.prepare(&mut command);
        commands.push(command);
    }
    Ok(commands)
}

fn python(_metadata: &Metadata, tree: &InstallTree, directory: &Path) -> Result<Outcome> {
    let engine = engine(tree, directory)?;
    let mut command = Command::new("python3");
    command.arg("tests/python/plain_names.py").arg(tree.prefix.join("lib")).args([POOL, "container"]);
    engine.prepare(&mut command);
    finish(engine, all(vec![command])?)
}

/// Builds a package, unpacks it as dpkg does, and builds and runs programs against what came out, by pkg-config and by CMake.
fn debian(metadata: &Metadata, _tree: &InstallTree, directory: &Path) -> Result<Outcome> {
    let output = directory.join("package");
    let package = Package::build(metadata, Profile::Debug, Compression::Quick, &output)?;
    // Folders of work were left beside the package.
    for entry in std::fs::read_dir(&output).with_context(|| format!("cannot read {}", output.display()))? {
        let path = entry?.path();
        if path != package.file {
            return Ok(Outcome::Failed(format!("{} was left beside the package", path.display())));
        }
    }
    let root = directory.join("unpacked");
    if root.exists() {
        std::fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    process::capture(Command::new("dpkg-deb").arg("--extract").arg(&package.file).arg(&root))?;
    let tree = InstallTree { prefix: std::path::absolute(root.join("usr")).context("no path")? };
    let libraries = tree.prefix.join("lib").join(package.multiarch);
    let engine = engine(&tree, directory)?;
    let flags = process::capture(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "daos"])
            // What is below /usr when it is installed is not yet, so that it must be told.
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
            .env("PKG_CONFIG_PATH", libraries.join("pkgconfig")),
    )?;
    let program = directory.join("program");
    let mut compile = Command::new("gcc");
    compile.arg(tree.prefix.join("share/doc/daos/examples/hello_daos.c"));
    compile.args(flags.split_whitespace()).arg("-o").arg(&program);
    let mut command = Command::new(&program);
    command.args([POOL, "container"]).env("LD_LIBRARY_PATH", &libraries);
    engine.prepare(&mut command);
    let mut commands = vec![compile, command];
    commands.extend(cmake_commands(&tree.prefix, &engine, &directory.join("build"))?);
    finish(engine, all(commands)?)
}

/// What a run left is kept where it failed.
fn finish(engine: LocalEngine, outcome: Outcome) -> Result<Outcome> {
    if matches!(outcome, Outcome::Passed) {
        engine.remove()?;
    }
    Ok(outcome)
}
