//! The commands, one file each.

mod bench;
mod bench_hdf5;
mod bench_mpi;
mod demo;
mod fix;
mod fuzz;
mod hdf5;
mod headers;
mod install_tree;
mod layers;
mod local_engine;
mod package;
mod program;
mod romio;
mod setup;
mod soak;
mod test;
mod tidy;
mod verify;

use anyhow::Result;
use clap::Subcommand;

/// What the user asked for.
#[derive(Subcommand)]
pub enum Command {
    /// Install what the machine lacks
    Setup(setup::Arguments),
    /// Install, build, and run the main job end to end
    Demo(demo::Arguments),
    /// Do all set-up and run the tests, or some parts of them
    Test(test::Arguments),
    /// Check everything and change nothing
    Verify(verify::Arguments),
    /// Repair what can be repaired by a program
    Fix(fix::Arguments),
    /// Build, and install for users
    Install(install_tree::InstallArguments),
    /// Build, and lay out an installation under the target directory
    InstallTree(install_tree::Arguments),
    /// Build a package for a distribution
    Package(package::Arguments),
    /// Generate the C headers, or check them
    Headers(headers::Arguments),
    /// Check that no crate reaches past its layer
    Layers(layers::Arguments),
    /// Check the rules of STYLE.md that compilers do not know
    Tidy(tidy::Arguments),
    /// Run the benchmarks of one layer
    Bench(bench::Arguments),
    /// Try changed bytes on every decoder
    Fuzz(fuzz::Arguments),
    /// Run random tests with one seed after the other
    Soak(soak::Arguments),
}

/// Runs one command.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Setup(arguments) => setup::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Fix(arguments) => fix::run(&arguments),
        Command::Install(arguments) => install_tree::run_install(&arguments),
        Command::InstallTree(arguments) => install_tree::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Headers(arguments) => headers::run(&arguments),
        Command::Layers(arguments) => layers::run(&arguments),
        Command::Tidy(arguments) => tidy::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
    }
}
