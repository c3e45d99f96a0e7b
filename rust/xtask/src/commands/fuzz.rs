//! `cargo xtask fuzz`: changed bytes on everything that takes in bytes of others.

use crate::process;
use crate::workspace::{Metadata, cargo};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Try changed bytes on every decoder
#[derive(clap::Args)]
#[command(
    long_about = "Try changed bytes on everything that takes in bytes of others, by turns, for as long as asked.\n\n\
        Inputs begin with good ones (the golden bytes of messages), and those that reach new code are changed further. Nothing may \
        panic, allocate more than its input is worth, or mean something else when it was written and read again. A failing input is \
        made short, and printed with the line that tries it again; rust/fuzz/docs/fuzzing.md has the rest."
)]
pub struct Arguments {
    /// How long each target runs
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Run only targets with this in their name; may be given several times
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Decides the inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop each target after so many inputs instead of after some time: the same ones each time
    #[arg(long, value_name = "COUNT")]
    inputs: Option<u64>,
    /// Try this input, in hexadecimal, and nothing else
    #[arg(long, value_name = "HEXADECIMAL")]
    input: Option<String>,
    /// List the targets
    #[arg(long)]
    list: bool,
}

/// What makes LLVM count edges and tell comparisons: the pass that `cargo fuzz` uses, which stable Rust can run.
const COUNTERS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=3",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let program = build()?;
    let status = process::status(&mut arguments.command(&program))?;
    if !status.success() {
        bail!("a target failed; the lines above say how to have it again");
    }
    Ok(())
}

/// Builds the program with counters, in a folder of its own, since every crate of it differs.
fn build() -> Result<PathBuf> {
    let directory = Metadata::read()?.target_directory.join("fuzz");
    let host = host()?;
    // With a target named, build scripts and macros are built without counters.
    let mut command = cargo();
    command.args(["build", "--profile", "soak", "--locked", "--package", "daos-fuzz", "--target", &host]);
    command.arg("--target-dir").arg(&directory);
    command.env("CARGO_ENCODED_RUSTFLAGS", COUNTERS.join("\u{1f}"));
    process::run(&mut command)?;
    Ok(directory.join(host).join("soak").join("daos-fuzz"))
}

/// What rustc calls this machine.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::capture(Command::new(rustc).arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV does not say what the host is")
}

impl Arguments {
    fn command(&self, program: &PathBuf) -> Command {
        let mut command = Command::new(program);
        command.args(["--minutes", &self.minutes.to_string(), "--seed", &self.seed.to_string()]);
        for target in &self.target {
            command.args(["--target", target]);
        }
        if let Some(inputs) = self.inputs {
            command.args(["--inputs", &inputs.to_string()]);
        }
        if let Some(input) = &self.input {
            command.args(["--input", input]);
        }
        if self.list {
            command.arg("--list");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_handed_on() {
        let (target, input) = (vec!["wire/Punch".to_owned(), "rpc".to_owned()], Some("00ff".to_owned()));
        let arguments = Arguments { minutes: 0.5, target, seed: 7, inputs: Some(9), input, list: false };
        let line = process::line(&arguments.command(&"program".into()));
        let expected = "program --minutes 0.5 --seed 7 --target wire/Punch --target rpc --inputs 9 --input 00ff";
        assert_eq!(line, expected);
    }

    #[test]
    fn the_host_has_a_name() {
        assert!(host().expect("rustc runs").contains('-'));
    }
}
