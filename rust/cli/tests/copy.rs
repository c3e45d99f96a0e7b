//! Copies of directory trees by real processes: in, out, across, again, interrupted, and cut off by the end of the engine.

mod support;

use serde_json::json;
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use support::{TestSystem, Tree, assert_same, is_running, kill, signal, wait_until};

const HOME: &str = "daos://tank/home";

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn a_tree_comes_back_as_it_went_in() {
    let system = TestSystem::new().with_container();
    let (source, out) = (system.scratch("source"), system.scratch("out"));
    let tree = Tree::small();
    tree.make(&source);
    let copied = system.response(&["fs", "copy", "--src", text(&source), "--dst", &format!("{HOME}/a/b")]);
    // One more file has a strange name.
    assert_eq!(copied["copy_stats"]["num_files"], json!(tree.count() + 1));
    assert_eq!((&copied["dst_pool"], &copied["dst_cont"]), (&json!("tank"), &json!("home")));
    system.kill_engine();
    system.succeed(&["fs", "copy", &format!("{HOME}/a/b"), text(&out)]);
    assert_same(&source, &out);

    system.succeed(&[
        "cont",
        "create",
        "tank",
        "other",
        "--type",
        "POSIX",
        "--chunk-size",
        "64KiB",
        "--file-oclass",
        "S1",
    ]);
    system.succeed(&["fs", "copy", &format!("{HOME}/a"), "daos://tank/other"]);
    system.succeed(&["fs", "copy", "daos://tank/other/b", text(&system.scratch("across"))]);
    assert_same(&source, &system.scratch("across"));
}

#[test]
fn what_decides_how_files_are_stored_is_shown_and_set() {
    let system = TestSystem::new().with_container();
    let source = system.scratch("source");
    std::fs::create_dir(&source).expect("ours");
    system.succeed(&["fs", "copy", text(&source), &format!("{HOME}/folder")]);
    let get = |path: &str| system.response(&["fs", "get-attr", "tank", "home", "--dfs-path", path]);
    let of_directory = json!({ "oclass": "S1", "chunk_size": 1 << 20, "dir_oclass": "S1", "file_oclass": "SX" });
    assert_eq!((get("/"), get("/folder")), (of_directory.clone(), of_directory));
    let set = ["fs", "set-attr", "tank", "home", "-H", "/folder", "--chunk-size", "64KiB", "--oclass", "S2"];
    system.succeed(&set);
    assert_eq!(get("/folder")["chunk_size"], json!(64 << 10));
    std::fs::write(source.join("file"), "text").expect("ours");
    system.succeed(&["fs", "copy", text(&source.join("file")), &format!("{HOME}/folder/file")]);
    assert_eq!(get("/folder/file"), json!({ "oclass": "S2", "chunk_size": 64 << 10 }));
    let report = system.response(&["fs", "check", "tank", "home", "--flags=print,verify"]);
    let counts = ["entries", "left_over", "linked", "damaged", "remainders"].map(|name| report[name].as_u64());
    assert_eq!(counts, [Some(2), Some(0), Some(0), Some(0), Some(0)], "{report}");
    assert!(system.fail(&["fs", "check", "tank", "home", "--flags=remove,relink"]).contains("exclude each other"));
}

#[test]
fn a_second_copy_repairs_and_replaces() {
    let system = TestSystem::new().with_container();
    let (source, out) = (system.scratch("source"), system.scratch("out"));
    Tree::small().make(&source);
    system.succeed(&["fs", "copy", text(&source), &format!("{HOME}/tree")]);
    std::fs::write(source.join("large-0"), "now short").expect("writable");
    std::fs::remove_file(source.join("dangling")).expect("ours");
    symlink("elsewhere", source.join("dangling")).expect("writable");
    std::fs::write(source.join("new"), "new").expect("writable");
    system.succeed(&["fs", "copy", text(&source), &format!("{HOME}/tree")]);
    system.succeed(&["fs", "copy", &format!("{HOME}/tree"), text(&out)]);
    assert_same(&source, &out);
    std::fs::write(out.join("large-1"), "damaged").expect("writable");
    std::fs::remove_dir_all(out.join("d0")).expect("ours");
    system.succeed(&["fs", "copy", &format!("{HOME}/tree"), text(&out)]);
    assert_same(&source, &out);
}

#[test]
fn a_single_file_goes_to_a_name_or_into_a_directory() {
    let system = TestSystem::new().with_container();
    let file = system.scratch("report");
    std::fs::write(&file, "words").expect("writable");
    system.succeed(&["fs", "copy", text(&file), HOME]);
    system.succeed(&["fs", "copy", text(&file), &format!("{HOME}/renamed")]);
    for name in ["report", "renamed"] {
        let back = system.scratch(&format!("{name}-back"));
        system.succeed(&["fs", "copy", &format!("{HOME}/{name}"), text(&back)]);
        assert_eq!(std::fs::read(&back).expect("it is there"), b"words");
    }
}

#[test]
fn what_cannot_be_copied_is_named() {
    let system = TestSystem::new().with_container();
    let source = system.scratch("source");
    std::fs::create_dir(&source).expect("writable");
    std::fs::write(source.join("file"), "words").expect("writable");
    let made = std::process::Command::new("mkfifo").arg(source.join("pipe")).status().expect("there is mkfifo");
    assert!(made.success());
    let copied = system.response(&["fs", "copy", text(&source), &format!("{HOME}/tree")]);
    assert_eq!((&copied["copy_stats"]["num_files"], &copied["num_skipped"]), (&json!(1), &json!(1)));
    assert!(copied["skipped"][0].as_str().expect("text").contains("pipe"), "{copied}");
}

#[test]
fn copies_that_cannot_be_made_are_sentences() {
    let system = TestSystem::new().with_container();
    let source = system.scratch("source");
    Tree { directories: 1, files: 2, large_files: 0 }.make(&source);
    for (from, to, named) in [
        (text(&system.scratch("absent")), HOME, "absent"),
        (text(&source), "daos://tank/nowhere", "'nowhere'"),
        (text(&source), "daos://nowhere/home", "'nowhere'"),
        ("daos://tank/home/absent", text(&system.scratch("out")), "absent"),
        (text(&source), "daos://tank", "daos://POOL/CONTAINER"),
    ] {
        let sentence = system.fail(&["fs", "copy", from, to]);
        assert!(sentence.contains(named), "{sentence}");
    }
    system.succeed(&["cont", "create", "tank", "plain"]);
    let sentence = system.fail(&["fs", "copy", text(&source), "daos://tank/plain"]);
    assert!(sentence.contains("POSIX"), "{sentence}");
}

/// A tree that takes long enough to be interrupted: files, not bytes, take the time.
fn long_tree(system: &TestSystem, directories: usize) -> PathBuf {
    let source = system.scratch(&format!("source-{directories}"));
    Tree { directories, files: 100, large_files: 3 }.make(&source);
    source
}

/// A copy that has been seen in so many directories is in the middle of its work.
const DIRECTORIES_SEEN: usize = 4;

/// Directories of the tree in which the process has a file open now.
fn directories_in_use(process: u32, tree: &Path) -> Vec<PathBuf> {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let files = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    files.filter(|file| file.starts_with(tree)).filter_map(|file| Some(file.parent()?.to_owned())).collect()
}

/// Starts to copy the tree, and waits until it is in the middle of it; `None` when it was done before that was seen.
fn in_the_middle(system: &TestSystem, source: &Path, to: &str) -> Option<Child> {
    watch(system.start(&["fs", "copy", text(source), to]), source)
}

fn watch(mut child: Child, source: &Path) -> Option<Child> {
    let mut seen = BTreeSet::new();
    wait_until("the copy has files of several directories open", || {
        seen.extend(directories_in_use(child.id(), source));
        seen.len() >= DIRECTORIES_SEEN || child.try_wait().expect("it is our child").is_some()
    });
    match child.try_wait().expect("it is our child") {
        None => Some(child),
        Some(status) => {
            assert!(status.success(), "{status}");
            None
        }
    }
}

/// Runs the copy with trees that grow until one is caught in the middle, and lets `cut` do something to it.
fn cut_in_the_middle(system: &TestSystem, to: &str, cut: impl Fn(&Child)) -> (PathBuf, Output) {
    for directories in [8, 40, 320] {
        let source = long_tree(system, directories);
        let Some(child) = in_the_middle(system, &source, to) else { continue };
        cut(&child);
        let output = child.wait_with_output().expect("it ends");
        return (source, output);
    }
    panic!("the machine copies {} files before this test sees the first of them", 32_000);
}

#[test]
fn a_copy_whose_engine_is_killed_is_completed_by_copying_again() {
    let system = TestSystem::new().with_container();
    let to = format!("{HOME}/tree");
    let engine = system.engine();
    let (source, output) = cut_in_the_middle(&system, &to, |_| kill(engine));
    wait_until("the killed engine is gone", || !is_running(engine));
    // The copy may have failed, or have started an engine anew and gone on: either way it says so truly.
    if !output.status.success() {
        let sentence = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{sentence}");
        assert!(sentence.contains(&to), "{sentence}");
        system.succeed(&["fs", "copy", text(&source), &to]);
    }
    let out = system.scratch("out");
    system.succeed(&["fs", "copy", &to, text(&out)]);
    assert_same(&source, &out);
}

#[test]
fn an_interrupted_copy_ends_in_order_and_is_completed_by_copying_again() {
    let system = TestSystem::new().with_container();
    let to = format!("{HOME}/tree");
    let (source, output) = cut_in_the_middle(&system, &to, |child| signal(child.id(), "INT"));
    let sentence = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(130), "{sentence}");
    assert!(sentence.contains("interrupted") && sentence.contains("again"), "{sentence}");
    system.succeed(&["fs", "copy", text(&source), &to]);
    let out = system.scratch("out");
    system.succeed(&["fs", "copy", &to, text(&out)]);
    assert_same(&source, &out);
}

/// nohup and shells start a process with signals ignored that it shall survive.
#[test]
fn an_ignored_signal_does_not_interrupt_a_copy() {
    let system = TestSystem::new().with_container();
    let (source, to) = (long_tree(&system, 8), format!("{HOME}/tree"));
    let program = system.program("daos", &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" fs copy \"$1\" \"$2\""]).arg(program.get_program());
    shell.arg(&source).arg(&to).envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("there is a shell");
    // A copy that was too fast to be seen has not been hit, and proves nothing; nor does it fail.
    let Some(child) = watch(child, &source) else { return };
    signal(child.id(), "HUP");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_copy_out_whose_engine_is_killed_is_completed_by_copying_again() {
    let system = TestSystem::new().with_container();
    let source = long_tree(&system, 12);
    system.succeed(&["fs", "copy", text(&source), &format!("{HOME}/tree")]);
    let engine = system.engine();
    let out = system.scratch("out");
    let child = system.start(&["fs", "copy", &format!("{HOME}/tree"), text(&out)]);
    wait_until("the first directory is there", || out.join("d0").exists());
    kill(engine);
    let output = child.wait_with_output().expect("it ends");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    system.succeed(&["fs", "copy", &format!("{HOME}/tree"), text(&out)]);
    assert_same(&source, &out);
}
