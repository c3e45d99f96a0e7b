//! `cargo xtask fix`: the twin of `verify` that changes files.

use super::headers;
use crate::process;
use crate::workspace::{Metadata, cargo};
use anyhow::Result;

/// Repair what can be repaired by a program.
#[derive(clap::Args)]
#[command(long_about = "Repair what can be repaired by a program: format, apply the compiler's own suggestions, \
        generate the headers. Works on a tree with changes that are not committed; look at `git diff` afterwards.")]
pub struct Arguments {}

/// Runs the command.
pub fn run(_: &Arguments) -> Result<()> {
    process::run(cargo().args(["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"]))?;
    process::run(cargo().args(["fmt", "--all"]))?;
    headers::generate(&Metadata::read()?, headers::Mode::Write)
}
