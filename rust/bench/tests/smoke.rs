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
    let throughput = ["update", "overwrite", "fetch", "memory per record", "metadata per record", "update handed over"];
    let others = ["updates per flush", "update p99.9", "fetch longest", "update p99.9, checkpoint", "recovery"];
    smoke("store", &[&throughput[..], &others[..]].concat());
}

#[test]
fn placement() {
    smoke("placement", &["layout", "layout, grown once", "make a map", "difference bytes, one target"]);
}

#[test]
fn fabric() {
    smoke("fabric", &["call", "bulk read", "bulk write"]);
}

#[test]
fn client() {
    smoke("client", &["update", "fetch", "update, C", "fetch, Rust", "value get, C"]);
}

#[test]
fn dfs() {
    let metadata = ["easy create", "easy stat", "easy read", "easy remove", "hard create", "hard stat", "hard read"];
    let data = ["large write", "large read", "ior-hard write", "ior-hard read", "random write", "random read"];
    smoke("dfs", &[&metadata[..], &["hard remove"], &data[..]].concat());
}

#[test]
fn fuse() {
    let can_mount = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    let is_helped = Command::new("fusermount3").arg("-V").output().is_ok();
    if let Err(error) = &can_mount {
        return eprintln!("skipped: /dev/fuse: {error}");
    }
    if !is_helped && !std::fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("\nUid:\t0\t")) {
        return eprintln!("skipped: users other than root need fusermount3");
    }
    smoke("fuse", &["copy in", "list", "read", "compile", "copy out", "remove", "copy in, fsync"]);
}

#[test]
fn system() {
    let costs =
        ["update, messages", "fetch, bytes", "update, served", "memory per connection", "memory per open handle"];
    let times = ["connect, open, close: 3 engines, 3 replicas", "updates per flush", "restart until it serves"];
    smoke("system", &[&costs[..], &times[..], &["failover until a change is done"]].concat());
}

#[test]
fn one_case_of_the_store_is_measured_alone() {
    let arguments = ["store", "--smoke", "--case", "fetch", "--layout", "single", "--size", "64", "--class", "ram"];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_daos-bench"))
        .args(arguments)
        .arg("--directory")
        .arg(directory.path())
        .output()
        .expect("the benchmark starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let rows: Vec<&str> = said.lines().filter(|line| line.contains(" ram ")).collect();
    assert!(rows.len() == 1 && rows[0].starts_with("fetch single"), "{said}");
    let left = std::fs::read_dir(directory.path()).expect("the directory is still there").count();
    assert_eq!(left, 0, "nothing is left behind");
}
