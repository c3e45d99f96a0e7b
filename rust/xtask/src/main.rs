//! The commands that set up, build, check and show this repository.
//!
//! One file per command under `commands/`; everything they share (child processes, the workspace's shape, tables,
//! time) is one small module each beside this file. Nothing here depends on another crate of the workspace, so that
//! `cargo xtask setup` works on a machine where those cannot be built yet.

mod commands;
mod process;
mod source;
mod stopwatch;
mod table;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

/// Set up, build, check and show this repository.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Set up, build, check and show this repository",
    long_about = "Set up, build, check and show this repository.\n\n\
        Two commands are enough to begin with:\n  \
        cargo xtask demo    installs what is missing, builds, and runs the main job end to end\n  \
        cargo xtask test    does all set-up and runs every test",
    after_help = "Every command has its own --help. All output goes under the cargo target directory; \
        only `fix` changes files of the tree."
)]
struct Arguments {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = workspace::enter_root().and_then(|()| commands::run(arguments.command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn command_line_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_help() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
            }
        }
    }
}
