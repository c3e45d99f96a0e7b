//! What suites of tests of others say, compared with what is known of them.

use crate::commands::test::tally::Tally;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::process::ExitStatus;

/// How many pass at least, and which may fail.
pub struct Known {
    passed: u64,
    failing: HashSet<String>,
}

impl Known {
    /// From lines `passed NUMBER` and `PART / TEST: why it fails`; empty ones and those with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let mut known = Self { passed: 0, failing: HashSet::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(number) = line.strip_prefix("passed ") {
                known.passed = number.parse().with_context(|| format!("{number} is no number of tests"))?;
            } else {
                let (name, _) = line.split_once(": ").with_context(|| format!("\"{line}\" gives no reason"))?;
                known.failing.insert(name.to_owned());
            }
        }
        Ok(known)
    }
}

/// Whether a program of tests came to its end: it says its counts before it closes all, and may still crash or hang there. One whose tests
/// failed gives one.
pub fn came_to_its_end(status: ExitStatus) -> bool {
    matches!(status.code(), Some(0 | 1))
}

/// How many tests passed, failed and were skipped, as HDF5's tests of its API say at their end.
pub fn counts(said: &str) -> Option<(u64, u64, u64)> {
    let count = |what: &str| {
        let line = said.lines().rev().find(|line| line.contains(what))?;
        line.split('/').next()?.split_whitespace().last()?.parse::<u64>().ok()
    };
    Some((count("tests passed")?, count("tests did not pass")?, count("tests were skipped")?))
}

/// Says what is worse than what is known, and counts it.
pub fn judge(suite: &str, failed: &[String], passed: u64, known: &Known) -> Tally {
    let complaints = compare(failed, passed, known);
    for complaint in &complaints {
        eprintln!("  fail {suite}: {complaint}");
    }
    Tally { passed, failed: complaints.len() as u64 }
}

/// What is worse than what is known, and what is known and not so any more.
fn compare(failed: &[String], passed: u64, known: &Known) -> Vec<String> {
    let mut left = known.failing.clone();
    // A second failure of the same name is not the one that is known.
    let mut complaints: Vec<String> = failed.iter().filter(|name| !left.remove(*name)).cloned().collect();
    let mut left: Vec<_> =
        left.iter().map(|name| format!("{name} does not fail any more: take it off the list")).collect();
    left.sort();
    complaints.append(&mut left);
    if passed < known.passed {
        complaints.push(format!("{passed} passed, and {} did before", known.passed));
    }
    complaints
}

/// Parts and names of the tests that failed, of what HDF5's tests of its API say. Between a name and its result may be a stack of errors.
pub fn failures(said: &str) -> Vec<String> {
    let (mut part, mut name, mut found) = (String::new(), String::new(), Vec::new());
    for line in said.lines() {
        let title = line.trim().trim_matches('*').trim();
        if let Some(title) = title.strip_prefix("API ").and_then(|title| title.strip_suffix(" Tests")) {
            title.clone_into(&mut part);
        }
        if let Some(rest) = line.trim_start().strip_prefix("Testing ") {
            let end = ["*FAILED*", "PASSED", "-SKIP-", "HDF5-DIAG"].iter().filter_map(|word| rest.find(word)).min();
            rest[..end.unwrap_or(rest.len())].trim().clone_into(&mut name);
        }
        if line.contains("*FAILED*") {
            found.push(format!("{part} / {name}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "*      API File Tests     *\n\
                        Testing things                PASSED\n\
                        Testing other things         *FAILED*\n    it is so\n\
                        \x20 Testing a part          HDF5-DIAG: Error\n    minor: none\n*FAILED*\n";

    #[test]
    fn failures_have_the_names_of_their_tests() {
        assert_eq!(failures(SAID), ["File / other things", "File / a part"]);
    }

    #[test]
    fn what_is_known_is_no_complaint_and_all_else_is() {
        let known = |text: &str| Known::parse(text).expect("it is whole");
        assert!(
            compare(&failures(SAID), 1, &known("# so far\npassed 1\nFile / other things: why\nFile / a part: why\n"))
                .is_empty()
        );
        assert_eq!(compare(&failures(SAID), 1, &known("passed 1\nFile / a part: why\n")), ["File / other things"]);
        assert_eq!(
            compare(&failures(SAID), 1, &known("passed 2\nFile / other things: why\nFile / a part: why\n")).len(),
            1
        );
        let elsewhere = known("passed 1\nGroup / other things: why\nFile / a part: why\n");
        assert_eq!(compare(&failures(SAID), 1, &elsewhere).len(), 2);
        assert!(Known::parse("a part\n").is_err());
    }
}
