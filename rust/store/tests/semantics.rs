//! The table of semantics names tests: they must be there.

use std::collections::BTreeMap;
use std::path::Path;

/// `file::test` of everything that a line names.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|word| word.split_once(".rs::"))
}

/// The names of all tests in a file.
fn tests_of(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut names = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if *line == "#[test]" {
            let function =
                lines[index..].iter().find_map(|line| line.strip_prefix("fn ")).expect("a test is a function");
            names.push(function.split('(').next().unwrap_or_default().to_string());
        }
    }
    names
}

#[test]
fn every_test_of_the_table_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = include_str!("../docs/semantics.md");
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = 0;
    for line in table.lines().filter(|line| line.starts_with('|')) {
        let is_head = line.starts_with("| what ") || line.starts_with("|---");
        let mut count = 0;
        for (file, test) in named(line) {
            let file = format!("{file}.rs");
            let tests = files.entry(file.clone()).or_insert_with(|| tests_of(&root.join(&file)));
            assert!(tests.iter().any(|name| name == test), "{file} has no test {test}; this row names it:\n{line}");
            count += 1;
        }
        assert!(is_head || count > 0, "no test proves this row:\n{line}");
        rows += usize::from(!is_head);
    }
    assert!(rows > 20, "the table has {rows} rows");
}
