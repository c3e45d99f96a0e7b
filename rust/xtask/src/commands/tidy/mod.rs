//! `cargo xtask tidy`: the rules of STYLE.md that neither the compiler nor clippy knows.

mod ratchet;
mod rules;

use crate::process;
use anyhow::{Context, Result, bail};
use ratchet::Ratchet;
use std::process::Command;

/// Check the rules of STYLE.md that compilers do not know.
#[derive(clap::Args)]
#[command(
    long_about = "Check the rules of STYLE.md that compilers do not know: lengths of files and functions, banned \
        words, paths of one machine, trailing blanks. Looks at what git tracks or would track.\n\n\
        Functions longer than the limit that are there already stand in rust/xtask/function_length_ratchet.txt, a \
        count per file. The counts only go down."
)]
pub struct Arguments {
    /// Write lower counts into the ratchet file where functions became shorter
    #[arg(long)]
    lower_ratchet: bool,
}

/// What one rule has to say about one place.
pub struct Finding {
    /// File and line.
    pub place: String,
    /// What is wrong and what to do.
    pub text: String,
    /// Whether it fails the check.
    pub severity: Severity,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Printed only.
    Warning,
    /// Fails the check.
    Failure,
}

/// One file of the tree.
pub struct File {
    /// Path from the root.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let files = files()?;
    if arguments.lower_ratchet {
        let lowered = Ratchet::read()?.lowered(&long_functions(&files));
        return lowered.write();
    }
    check_files(&files)
}

/// Checks the whole tree.
pub fn check() -> Result<()> {
    check_files(&files()?)
}

fn check_files(files: &[File]) -> Result<()> {
    let mut findings: Vec<Finding> = files.iter().flat_map(rules::check).collect();
    findings.extend(Ratchet::read()?.findings(&long_functions(files)));
    let mut failures = 0;
    for finding in &findings {
        let word = match finding.severity {
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        };
        eprintln!("tidy: {word}: {}: {}", finding.place, finding.text);
        failures += usize::from(finding.severity == Severity::Failure);
    }
    if failures > 0 {
        bail!("tidy: {failures} rules broken; the lines above say where and what to do");
    }
    eprintln!("tidy: {} files, nothing broken, {} warnings", files.len(), findings.len());
    Ok(())
}

fn long_functions(files: &[File]) -> Vec<ratchet::LongFunctions> {
    files.iter().filter_map(ratchet::long_functions).collect()
}

/// Text files that git tracks or would track.
fn files() -> Result<Vec<File>> {
    let listing =
        process::capture(Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))
            .context("tidy needs git to know which files belong to the tree")?;
    let mut found = Vec::new();
    for path in listing.split('\0').filter(|path| rules::concerns(path)) {
        // A file that is deleted but still in git's index is no file of the tree.
        if let Ok(bytes) = std::fs::read(path) {
            let text = String::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))?;
            found.push(File { path: path.to_owned(), text });
        }
    }
    Ok(found)
}
