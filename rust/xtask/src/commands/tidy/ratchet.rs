//! Functions above the length limit: as many per file as stand in a list that only gets shorter.

use super::rules::{is_generated, is_test_file};
use super::{File, Finding, Severity};
use crate::source;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// The longest function that needs no entry, in lines.
const FUNCTION_LINES_MAX: usize = 70;

/// Where the counts stand.
const PATH: &str = "rust/xtask/function_length_ratchet.txt";

const HEADER: &str =
    "# Functions longer than the limit, per file. Counts only go down: `cargo xtask tidy --lower-ratchet`.\n";

/// The functions of one file that are above the limit.
pub struct LongFunctions {
    path: String,
    functions: Vec<source::Function>,
}

/// The functions of a file above the limit; `None` when there are none. Tests are not counted.
pub fn long_functions(file: &File) -> Option<LongFunctions> {
    if !file.path.ends_with(".rs") || is_test_file(&file.path) || is_generated(file) {
        return None;
    }
    let code = source::code_only(&file.text);
    let regions = source::test_regions(&code);
    let in_tests = |line: usize| regions.iter().any(|(first, last)| (*first..=*last).contains(&line));
    let mut functions = source::functions(&code);
    functions.retain(|function| function.length > FUNCTION_LINES_MAX && !in_tests(function.line));
    (!functions.is_empty()).then(|| LongFunctions { path: file.path.clone(), functions })
}

/// Allowed counts by file.
pub struct Ratchet {
    allowed: BTreeMap<String, usize>,
}

impl Ratchet {
    /// Reads the list; a missing list allows nothing.
    pub fn read() -> Result<Self> {
        Self::parse(&std::fs::read_to_string(PATH).unwrap_or_default())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut allowed = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let entry = line.rsplit_once(' ').and_then(|(path, count)| Some((path, count.parse().ok()?)));
            let (path, count) = entry.with_context(|| format!("{PATH}: `{line}` is not `path count`"))?;
            allowed.insert(path.to_owned(), count);
        }
        Ok(Self { allowed })
    }

    /// One failure per file above its count, one warning per file below.
    pub fn findings(&self, found: &[LongFunctions]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for file in found {
            let allowed = self.allowed.get(&file.path).copied().unwrap_or(0);
            if file.functions.len() <= allowed {
                continue;
            }
            for function in &file.functions {
                findings.push(Finding {
                    place: format!("{}:{}", file.path, function.line),
                    text: format!(
                        "fn {} has {} lines, more than {FUNCTION_LINES_MAX}: split it ({allowed} such functions are allowed in this file)",
                        function.name, function.length
                    ),
                    severity: Severity::Failure,
                });
            }
        }
        for (path, allowed) in &self.allowed {
            let count = count_in(found, path);
            if count < *allowed {
                findings.push(Finding {
                    place: path.clone(),
                    text: format!("{count} long functions, {allowed} allowed: run `cargo xtask tidy --lower-ratchet`"),
                    severity: Severity::Warning,
                });
            }
        }
        findings
    }

    /// The same list with every count lowered to what is there.
    pub fn lowered(&self, found: &[LongFunctions]) -> Self {
        let lower = |(path, allowed): (&String, &usize)| (path.clone(), count_in(found, path).min(*allowed));
        let mut allowed: BTreeMap<_, _> = self.allowed.iter().map(lower).collect();
        allowed.retain(|_, count| *count > 0);
        Self { allowed }
    }

    /// Writes the list.
    pub fn write(&self) -> Result<()> {
        let lines: String = self.allowed.iter().map(|(path, count)| format!("{path} {count}\n")).collect();
        std::fs::write(PATH, format!("{HEADER}{lines}")).with_context(|| format!("cannot write {PATH}"))
    }
}

fn count_in(found: &[LongFunctions], path: &str) -> usize {
    let of_path = found.iter().find(|file| file.path == path);
    of_path.map_or(0, |file| file.functions.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_file(path: &str) -> File {
        File {
            path: path.to_owned(),
            text: format!("fn long() {{\n{}}}\n", "    step();\n".repeat(FUNCTION_LINES_MAX)),
        }
    }

    #[test]
    fn a_long_function_fails_unless_it_is_listed() {
        let found: Vec<_> = long_functions(&long_file("a.rs")).into_iter().collect();
        let severities = |text: &str| {
            let findings = Ratchet::parse(text).expect("well formed").findings(&found);
            findings.iter().map(|finding| finding.severity).collect::<Vec<_>>()
        };
        assert_eq!(severities(""), [Severity::Failure]);
        assert_eq!(severities("# why\na.rs 1\n"), []);
        assert_eq!(severities("a.rs 2\n"), [Severity::Warning]);
    }

    #[test]
    fn counts_are_lowered_and_never_raised() {
        let found: Vec<_> = long_functions(&long_file("a.rs")).into_iter().collect();
        let ratchet = Ratchet::parse("a.rs 3\ngone.rs 1\n").expect("well formed").lowered(&found);
        assert_eq!(ratchet.allowed.into_iter().collect::<Vec<_>>(), [("a.rs".to_owned(), 1)]);
    }

    #[test]
    fn a_malformed_line_is_an_error() {
        assert!(Ratchet::parse("a.rs many\n").is_err());
    }

    #[test]
    fn test_files_are_not_measured() {
        assert!(long_functions(&long_file("crate/tests/a.rs")).is_none());
    }
}
