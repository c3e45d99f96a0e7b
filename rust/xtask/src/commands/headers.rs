//! `cargo xtask headers`: the C headers in `include/`, generated from the crate `capi`.

use crate::process;
use crate::workspace::{Metadata, cargo};
use anyhow::{Context, Result};

/// The crate that writes and checks the headers. It is a program of its own so that xtask stays small.
const GENERATOR: &str = "daos-headers";

/// Generate the C headers in include/, or check them.
#[derive(clap::Args)]
#[command(long_about = "Generate the C headers in include/ from the Rust sources of capi/. They are committed, and \
        `verify` fails when they are not what the sources give.")]
pub struct Arguments {
    /// Change nothing; fail when a header is not what the sources give
    #[arg(long)]
    check: bool,
}

/// Whether files may be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write the headers.
    Write,
    /// Compare only.
    Check,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mode = if arguments.check { Mode::Check } else { Mode::Write };
    generate(&Metadata::read()?, mode)
}

/// Writes or checks the headers; says so when there is no generator yet.
pub fn generate(metadata: &Metadata, mode: Mode) -> Result<()> {
    if metadata.package(GENERATOR).is_none() {
        eprintln!("headers: crate {GENERATOR} is not in the workspace yet: nothing is generated or checked");
        return Ok(());
    }
    let mut command = cargo();
    command.args(["run", "--quiet", "--locked", "--package", GENERATOR]);
    if mode == Mode::Check {
        command.args(["--", "--check"]);
    }
    let advice = match mode {
        Mode::Check => "the headers are not what capi/ gives: run `cargo xtask headers` and commit include/",
        Mode::Write => "the headers could not be generated",
    };
    process::run(&mut command).context(advice)
}
