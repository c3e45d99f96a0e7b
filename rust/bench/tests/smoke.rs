//! Every benchmark runs, and what it writes can be read. How fast is none of a test's business.

use std::process::Command;

fn smoke(layer: &str, cases: &[&str]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let json = directory.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_daos-bench"))
        .args([layer, "--smoke", "--json"])
        .arg(&json)
        .arg("--directory")
        .arg(directory.path().join("data"))
        .output()
        .expect("the benchmark starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{layer}: {said}");
    let text = std::fs::read_to_string(&json).expect("the figures are there");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect();
    for case in cases {
        let found = lines.iter().find(|line| line["case"] == *case);
        let line = found.unwrap_or_else(|| panic!("{layer} has no case {case}: {text}"));
        assert_eq!(line["bench"], layer);
        assert!(line["median"].as_f64().is_some_and(|median| median > 0.0), "{line}");
    }
}

#[test]
fn store() {
    smoke("store", &["update", "overwrite", "fetch", "memory per record"]);
}

#[test]
fn fabric() {
    smoke("fabric", &["call", "bulk read", "bulk write"]);
}

#[test]
fn client() {
    smoke("client", &["update", "fetch"]);
}

#[test]
fn dfs() {
    smoke("dfs", &["create", "stat", "write", "read", "remove"]);
}
