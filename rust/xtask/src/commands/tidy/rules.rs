//! Rules about one file.

use super::{File, Finding, Severity};
use crate::source;

/// Above this many lines without tests a file is worth a look for a seam.
const FILE_LINES_SOFT: usize = 400;
/// Above this many lines without tests a file must be split.
const FILE_LINES_HARD: usize = 800;
/// Above this many lines inline tests belong into a file of their own.
const INLINE_TEST_LINES_SOFT: usize = 200;

/// Names of the files that are checked, by how they end.
const ENDINGS: &[&str] = &[
    ".rs", ".c", ".h", ".f90", ".F90", ".md", ".toml", ".sh", ".txt", ".cmake", ".in", ".py", ".yml", "/run", "LICENSE",
];

/// Files that a generator writes have one of these within their first lines, in any case.
const GENERATED_MARKS: &[&str] =
    &[concat!("@gener", "ated"), concat!("gener", "ated by "), concat!("gener", "ated from ")];

// The words are put together here so that this file does not break its own rules.
const REPAIR_MARK: &str = concat!("FIX", "ME");
const REMARK_MARK: &str = concat!("TO", "DO");
const UNWRAP: &str = concat!(".unw", "rap()");
const MACHINE_PATHS: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];

/// A crate that consists of tests for others; a failed expectation there is a failed test.
const TESTKIT: &str = "rust/testkit/";

/// Whether the file at this path is checked.
pub fn concerns(path: &str) -> bool {
    ENDINGS.iter().any(|ending| path.ends_with(ending)) && path != "Cargo.lock"
}

/// Whether a Rust file holds nothing but tests and benchmarks.
pub fn is_test_file(path: &str) -> bool {
    let parts = || path.split('/');
    path.starts_with(TESTKIT)
        || parts().any(|part| part == "tests" || part == "benches" || part == "tests.rs")
        || path.ends_with("_test.rs")
        || path.ends_with("_tests.rs")
}

/// Everything that is wrong with one file.
pub fn check(file: &File) -> Vec<Finding> {
    let mut findings = words(file);
    if file.path.ends_with(".rs") && !is_generated(file) {
        findings.extend(rust(file));
    }
    findings
}

/// Whether a generator wrote the file.
pub fn is_generated(file: &File) -> bool {
    let mut first = file.text.lines().take(5).map(str::to_lowercase);
    first.any(|line| GENERATED_MARKS.iter().any(|mark| line.contains(mark)))
}

fn finding(file: &File, line: usize, severity: Severity, text: impl Into<String>) -> Finding {
    Finding { place: format!("{}:{line}", file.path), text: text.into(), severity }
}

fn words(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fail = |line, text: String| findings.push(finding(file, line, Severity::Failure, text));
    for (index, line) in file.text.lines().enumerate() {
        let number = index + 1;
        if line.ends_with([' ', '\t']) {
            fail(number, "trailing blanks: remove them".to_owned());
        }
        if line.contains(REPAIR_MARK) {
            fail(
                number,
                format!("{REPAIR_MARK}: repair it now, or say what is missing in a {REMARK_MARK} with a text"),
            );
        }
        if line.split(REMARK_MARK).skip(1).any(is_empty_remark) {
            fail(number, format!("{REMARK_MARK} without a text: write `{REMARK_MARK}: what and why`"));
        }
        if let Some(path) = machine_path(line) {
            fail(number, format!("a path of one machine ({path}...): make it relative or configurable"));
        }
    }
    findings
}

/// Whether what follows the word is no explanation.
fn is_empty_remark(after: &str) -> bool {
    let text = after.trim_start_matches(['(', ')', ':', ' ']);
    after.starts_with([':', ' ', '\n']) && !text.contains(char::is_alphabetic) || after.is_empty()
}

fn machine_path(line: &str) -> Option<&'static str> {
    let stands_alone = |path: &&&str| {
        line.match_indices(**path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "_-.}/*~".contains(c))
        })
    };
    MACHINE_PATHS.iter().find(stands_alone).copied()
}

fn rust(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let code = source::code_only(&file.text);
    let regions = source::test_regions(&code);
    let in_tests = |line: usize| regions.iter().any(|(first, last)| (*first..=*last).contains(&line));
    if !is_test_file(&file.path) {
        for (index, line) in code.lines().enumerate() {
            if line.contains(UNWRAP) && !in_tests(index + 1) {
                let text = format!("{UNWRAP} outside tests: return the error, or expect(\"why it cannot fail\")");
                findings.push(finding(file, index + 1, Severity::Failure, text));
            }
        }
    }
    let lines = file.text.lines().count();
    let test_lines: usize = regions.iter().map(|(first, last)| last - first + 1).sum();
    if test_lines > INLINE_TEST_LINES_SOFT {
        let text = format!(
            "{test_lines} lines of tests: move them to a file of their own (soft limit {INLINE_TEST_LINES_SOFT})"
        );
        findings.push(finding(file, regions[0].0, Severity::Warning, text));
    }
    let own = lines - test_lines;
    if own > FILE_LINES_HARD {
        let text = format!("{own} lines without tests: split it (hard limit {FILE_LINES_HARD})");
        findings.push(finding(file, 1, Severity::Failure, text));
    } else if own > FILE_LINES_SOFT {
        let text = format!("{own} lines without tests: look for a seam (soft limit {FILE_LINES_SOFT})");
        findings.push(finding(file, 1, Severity::Warning, text));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severities(path: &str, text: &str) -> Vec<Severity> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        check(&file).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn banned_words_fail() {
        for line in [
            format!("// {REPAIR_MARK} later"),
            format!("// {REMARK_MARK}"),
            format!("// {REMARK_MARK}:"),
            "let a = 1; ".to_owned(),
            format!("let path = \"{}me\";", MACHINE_PATHS[0]),
            format!("let a = b{UNWRAP};"),
        ] {
            assert_eq!(severities("a.rs", &line), [Severity::Failure], "{line}");
        }
    }

    #[test]
    fn explained_and_harmless_words_pass() {
        for line in [
            format!("// {REMARK_MARK}: free the second list, see invariant 4"),
            format!("// {REMARK_MARK}(space): count it"),
            format!("// frame{}s", MACHINE_PATHS[2]),
            format!("// \"{UNWRAP}\" in a comment"),
            format!("#[cfg(test)]\nmod tests {{\n  fn a() {{ b{UNWRAP}; }}\n}}"),
        ] {
            assert_eq!(severities("a.rs", &line), [], "{line}");
        }
        assert_eq!(severities("crate/tests/a.rs", &format!("a{UNWRAP}")), []);
    }

    #[test]
    fn lengths_warn_then_fail_and_tests_do_not_count() {
        assert_eq!(severities("a.rs", &"x\n".repeat(FILE_LINES_SOFT)), []);
        assert_eq!(severities("a.rs", &"x\n".repeat(FILE_LINES_SOFT + 1)), [Severity::Warning]);
        assert_eq!(severities("a.rs", &"x\n".repeat(FILE_LINES_HARD + 1)), [Severity::Failure]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(150));
        assert_eq!(severities("a.rs", &format!("{}{tests}", "x\n".repeat(FILE_LINES_SOFT))), []);
    }

    #[test]
    fn generated_files_may_be_long() {
        for mark in GENERATED_MARKS {
            let text = format!("// {mark} a tool\n{}", "x\n".repeat(FILE_LINES_HARD + 1));
            assert_eq!(severities("a.rs", &text), [], "{mark}");
        }
    }
}
