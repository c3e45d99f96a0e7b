//! `cargo xtask verify`: everything that must hold before a change is handed in. Changes nothing.

use super::{headers, layers, test, tidy};
use crate::process;
use crate::stopwatch::Stopwatch;
use crate::table::Table;
use crate::workspace::{Metadata, cargo};
use anyhow::{Result, bail};

/// Check everything and change nothing.
#[derive(clap::Args)]
#[command(
    long_about = "Check everything and change nothing: format, layers, tidy, headers, clippy, documentation, the fast \
        tests. Every check runs even when an earlier one fails; a table at the end says which did. `cargo xtask fix` \
        repairs what a program can."
)]
pub struct Arguments {
    /// Leave the tests out, for a caller who runs them itself
    #[arg(long)]
    no_tests: bool,
}

struct Check {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// In this order because the quick ones come first.
const CHECKS: &[Check] = &[
    Check { name: "fmt", run: format },
    Check { name: "layers", run: || layers::check(&Metadata::read()?) },
    Check { name: "tidy", run: tidy::check },
    Check { name: "clippy", run: clippy },
    Check { name: "headers", run: || headers::generate(&Metadata::read()?, headers::Mode::Check) },
    Check { name: "doc", run: documentation },
];

const TESTS: Check = Check { name: "tests", run: test::unit };

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    super::setup::core()?;
    let mut table = Table::new(&["check", "result", "time"]);
    let mut broken = Vec::new();
    for check in CHECKS.iter().chain((!arguments.no_tests).then_some(&TESTS)) {
        eprintln!("verify {}:", check.name);
        let watch = Stopwatch::start();
        let outcome = (check.run)();
        if let Err(error) = &outcome {
            eprintln!("verify {}: {error:#}", check.name);
            broken.push(check.name);
        }
        let word = if outcome.is_ok() { "fine" } else { "BROKEN" };
        table.row([check.name.to_owned(), word.to_owned(), watch.seconds()]);
    }
    eprintln!("\n{}", table.render());
    if !broken.is_empty() {
        bail!("verify: broken: {}; what each said stands above", broken.join(", "));
    }
    Ok(())
}

fn format() -> Result<()> {
    process::run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    process::run(cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn documentation() -> Result<()> {
    process::run(cargo().env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--locked", "--workspace", "--no-deps"]))
}
