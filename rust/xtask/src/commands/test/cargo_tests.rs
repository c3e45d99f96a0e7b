//! Rust tests, by cargo-nextest when it is installed and by `cargo test` when not.

use super::tally::Tally;
use crate::process;
use crate::workspace::{Metadata, Package, cargo};
use anyhow::Result;
use std::process::Command;

/// A bound on every single test, for nextest.
const NEXTEST_SETTINGS: &str = "rust/xtask/nextest.toml";

/// Some tests of some packages.
pub struct Selection {
    /// Members of the workspace.
    pub packages: Vec<String>,
    /// Which programs of theirs.
    pub targets: Targets,
    /// Which tests in those.
    pub names: Names,
}

/// Kinds of test programs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// Every test program, without doc tests.
    All,
    /// Tests inside libraries and binaries.
    Inside,
    /// Integration tests: `tests/*.rs`.
    Integration,
}

/// Names of tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Every test.
    All,
    /// Tests with this in their path.
    With(&'static str),
    /// Tests without this in their path.
    Without(&'static str),
}

/// What to do with tests marked `#[ignore]`, which are the slow ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// Run them too.
    Run,
    /// Leave them out.
    Skip,
}

impl Selection {
    fn members<'a>(&self, metadata: &'a Metadata) -> Vec<&'a Package> {
        let known = self.packages.iter().filter_map(|name| metadata.package(name));
        known.filter(|package| self.targets != Targets::Integration || package.has_integration_tests()).collect()
    }

    /// The selection in nextest's language.
    fn expression(&self, members: &[&Package]) -> String {
        let packages: Vec<String> = members.iter().map(|package| format!("package(={})", package.name)).collect();
        let targets = match self.targets {
            Targets::All => "",
            Targets::Inside => " & not kind(test)",
            Targets::Integration => " & kind(test)",
        };
        let names = match self.names {
            Names::All => String::new(),
            Names::With(word) => format!(" & test({word})"),
            Names::Without(word) => format!(" & not test({word})"),
        };
        format!("(({}){targets}{names})", packages.join(" + "))
    }

    /// The selection as one command of `cargo test`.
    fn cargo_test(&self, members: &[&Package], slow: Slow) -> Command {
        let mut command = cargo();
        command.args(["test", "--locked", "--no-fail-fast"]);
        for package in members {
            command.args(["--package", &package.name]);
        }
        match self.targets {
            Targets::All => command.arg("--tests"),
            Targets::Inside => command.args(["--lib", "--bins"]),
            Targets::Integration => command.args(["--test", "*"]),
        };
        command.arg("--");
        match self.names {
            Names::All => {}
            Names::With(word) => drop(command.arg(word)),
            Names::Without(word) => drop(command.args(["--skip", word])),
        }
        if slow == Slow::Run {
            command.arg("--include-ignored");
        }
        command
    }
}

/// Runs all selections; what cannot be built counts as one failure.
pub fn run(metadata: &Metadata, selections: &[Selection], slow: Slow) -> Result<Tally> {
    let chosen: Vec<(&Selection, Vec<&Package>)> = selections
        .iter()
        .map(|selection| (selection, selection.members(metadata)))
        .filter(|(_, members)| !members.is_empty())
        .collect();
    if chosen.is_empty() {
        return Ok(Tally::default());
    }
    if has_nextest() {
        return count(&mut nextest(&chosen, slow));
    }
    eprintln!("  cargo-nextest is not installed: using cargo test");
    let mut tally = Tally::default();
    for (selection, members) in &chosen {
        tally += count(&mut selection.cargo_test(members, slow))?;
    }
    Ok(tally)
}

/// Runs the examples in documentation, which nextest cannot.
pub fn run_documentation(metadata: &Metadata) -> Result<Tally> {
    if !metadata.packages.iter().any(|package| package.has_target("lib") || package.has_target("rlib")) {
        return Ok(Tally::default());
    }
    count(cargo().args(["test", "--locked", "--workspace", "--doc", "--no-fail-fast"]))
}

fn has_nextest() -> bool {
    process::gather(cargo().args(["nextest", "--version"])).is_ok_and(|(status, _)| status.success())
}

fn nextest(chosen: &[(&Selection, Vec<&Package>)], slow: Slow) -> Command {
    let mut command = cargo();
    command.args(["nextest", "run", "--locked", "--no-fail-fast", "--no-tests=pass"]);
    command.args(["--config-file", NEXTEST_SETTINGS, "--color", process::colours()]);
    if slow == Slow::Run {
        command.args(["--run-ignored", "all"]);
    }
    let mut names: Vec<&str> =
        chosen.iter().flat_map(|(_, members)| members.iter().map(|one| one.name.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        command.args(["--package", name]);
    }
    let expressions: Vec<String> = chosen.iter().map(|(selection, members)| selection.expression(members)).collect();
    command.args(["--filterset", &expressions.join(" + ")]);
    command
}

fn count(command: &mut Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = process::watch(command, |line| {
        if let Some(found) = Tally::from_line(line) {
            tally += found;
        }
    })?;
    if !status.success() && tally.failed == 0 {
        eprintln!("  `{}` failed ({status}) before or after its tests", process::line(command));
        tally.failed += 1;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Target;

    fn metadata() -> Metadata {
        let package = |name: &str, kind: &str| Package {
            name: name.to_owned(),
            dependencies: Vec::new(),
            targets: vec![Target { kind: vec![kind.to_owned()] }],
        };
        Metadata { packages: vec![package("a", "lib"), package("b", "test")], target_directory: "target".into() }
    }

    fn selection(targets: Targets, names: Names) -> Selection {
        Selection { packages: vec!["a".to_owned(), "b".to_owned(), "absent".to_owned()], targets, names }
    }

    #[test]
    fn expressions_name_only_packages_that_are_there() {
        let metadata = metadata();
        let chosen = selection(Targets::Inside, Names::Without("crash"));
        assert_eq!(
            chosen.expression(&chosen.members(&metadata)),
            "((package(=a) + package(=b)) & not kind(test) & not test(crash))"
        );
    }

    #[test]
    fn packages_without_integration_tests_are_left_out_of_those() {
        let metadata = metadata();
        let chosen = selection(Targets::Integration, Names::With("crash"));
        let members = chosen.members(&metadata);
        assert_eq!(chosen.expression(&members), "((package(=b)) & kind(test) & test(crash))");
        assert_eq!(
            process::line(&chosen.cargo_test(&members, Slow::Run)).split_once(' ').expect("has arguments").1,
            "test --locked --no-fail-fast --package b --test '*' -- crash --include-ignored"
        );
    }

    #[test]
    fn nothing_to_run_is_an_empty_tally() {
        let none = Selection { packages: Vec::new(), targets: Targets::All, names: Names::All };
        assert!(run(&metadata(), &[none], Slow::Skip).expect("starts nothing").is_empty());
    }
}
