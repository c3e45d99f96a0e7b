//! What goes wrong outside: permissions, full disks, damaged files, directories that are none. Each gives one sentence
//! with the object and what to do, and exit status 1.

mod support;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{TestSystem, Tree, is_root, public_program};

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn sentence_of(output: &Output) -> String {
    let sentence = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(sentence.trim_end().lines().count(), 1, "one sentence: {sentence}");
    sentence
}

#[test]
fn labels_that_are_none_and_labels_that_are_taken_are_named() {
    let system = TestSystem::new().with_container();
    let long = "x".repeat(128);
    for (words, named) in [
        (&["pool", "create", "tank", "--size", "1GiB"][..], "'tank' exists"),
        (&["cont", "create", "tank", "home"], "'home' exists"),
        (&["pool", "create", &long], "127"),
        (&["cont", "create", "tank", &long], "127"),
        (&["pool", "create", "a/b"], "'a/b'"),
        (&["cont", "create", "tank", "a b"], "'a b'"),
        (&["pool", "query", "a b"], "'a b'"),
        (&["pool", "query", "nowhere"], "'nowhere'"),
        (&["pool", "destroy", "nowhere"], "'nowhere'"),
        (&["cont", "list", "nowhere"], "'nowhere'"),
        (&["cont", "query", "tank", "nowhere"], "'nowhere'"),
        (&["cont", "destroy", "tank", "nowhere"], "'nowhere'"),
        (&["cont", "get-attr", "tank", "home", "absent"], "'absent'"),
        (&["pool", "get-prop", "tank", "absent"], "'absent'"),
        (&["pool", "create", "--size", "1K"], "bytes"),
        (&["cont", "create", "tank", "x", "--chunk-size", "1MiB"], "--type POSIX"),
        (&["obj", "query", "tank", "home", "1.2"], "1.2"),
    ] {
        let sentence = system.fail(words);
        assert!(sentence.starts_with("daos: cannot ") && sentence.contains(named), "{words:?}: {sentence}");
        assert!(sentence.trim_end().ends_with(')') && sentence.contains("(DER_"), "{sentence}");
    }
}

#[test]
fn a_pool_larger_than_its_file_system_is_refused() {
    let system = TestSystem::new();
    let sentence = system.fail(&["pool", "create", "tank", "--size", "1E"]);
    assert!(sentence.contains("'tank'"), "{sentence}");
    assert_eq!(system.response(&["pool", "list"])["pools"].as_array().map(Vec::len), Some(0), "nothing is left of it");
}

#[test]
fn a_file_in_place_of_the_directory_is_named() {
    let system = TestSystem::new();
    File::create(system.path()).expect("writable");
    let sentence = system.fail(&["pool", "list"]);
    assert!(sentence.contains(text(&system.path())), "{sentence}");
}

/// Runs the program as a user who is not root, who owns nothing here.
fn as_nobody(system: &TestSystem, words: &[&str]) -> Option<Output> {
    let place = system.scratch("");
    let program = public_program(&place);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(words);
    command.env("DAOS_LOCAL_PATH", system.path()).env_remove("DAOS_LOCAL_MODE");
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: setpriv cannot be run: {error}");
            None
        }
    }
}

#[test]
fn a_directory_without_permission_is_named_with_the_remedy() {
    let system = TestSystem::new();
    std::fs::create_dir(system.path()).expect("writable");
    let run = |words: &[&str]| {
        if is_root() { as_nobody(&system, words) } else { Some(system.daos(words)) }
    };
    // Somebody else's for nobody; without any right for its owner.
    std::fs::set_permissions(system.path(), std::fs::Permissions::from_mode(0o000)).expect("ours");
    for words in [&["pool", "list"][..], &["pool", "create", "tank"], &["local", "status"]] {
        let Some(output) = run(words) else { return };
        let sentence = sentence_of(&output);
        assert!(sentence.contains(text(&system.path())), "{sentence}");
    }
    // A directory that cannot be made.
    std::fs::set_permissions(system.path(), std::fs::Permissions::from_mode(0o555)).expect("ours");
    let below = system.path().join("below");
    let Some(output) = run(&["--local-path", text(&below), "pool", "list"]) else { return };
    let sentence = sentence_of(&output);
    assert!(sentence.contains(text(&below)) && sentence.contains("--local-path"), "{sentence}");
    std::fs::set_permissions(system.path(), std::fs::Permissions::from_mode(0o755)).expect("ours");
}

/// Files of the engine below its directory.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is done to a file.
type Damage = fn(&Path);

/// Every file in turn is overwritten, emptied, or removed. An engine must start and know what was stored, or refuse with a
/// sentence; it must not crash, hang, or serve something else. An undamaged directory works again.
#[test]
fn damaged_files_of_the_engine_are_sentences() {
    let system = TestSystem::new();
    // Small, as it is copied for each damage.
    system.succeed(&["pool", "create", "tank", "--size", "128MiB"]);
    system.succeed(&["cont", "create", "tank", "home"]);
    system.succeed(&["cont", "set-attr", "tank", "home", "owner", "ann"]);
    system.kill_engine();
    let damages: [(&str, Damage); 3] = [
        ("overwritten", |path| {
            let file = OpenOptions::new().write(true).open(path).expect("ours");
            let length = file.metadata().expect("open").len().min(1 << 20);
            file.write_all_at(&vec![0xa5; length as usize], 0).expect("writable");
        }),
        ("emptied", |path| drop(File::create(path).expect("ours"))),
        ("removed", |path| std::fs::remove_file(path).expect("ours")),
    ];
    let media = |path: &Path| path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("target-"));
    let mut refused = 0;
    for path in files_below(&system.path()) {
        // Every target keeps the same kinds of files: those of one stand for all.
        let is_first = path.components().all(|part| part.as_os_str() != "target-1");
        if !is_first || !media(&path) && !path.ends_with("engine.format") {
            continue;
        }
        for (what, damage) in damages {
            let copy = TestSystem::new();
            let copied = Command::new("cp").arg("-a").arg(system.path()).arg(copy.path()).status();
            assert!(copied.expect("there is cp").success());
            let damaged = copy.path().join(path.strip_prefix(system.path()).expect("below it"));
            damage(&damaged);
            let output = copy.daos(&["cont", "get-attr", "tank", "home", "owner"]);
            if output.status.success() {
                assert!(String::from_utf8_lossy(&output.stdout).contains("ann"), "{} {what}", path.display());
            } else {
                let sentence = sentence_of(&output);
                println!("{} {what}: {sentence}", path.display());
                // A file, not for instance an answer of a system that was made anew in place of the damaged one.
                let named = sentence.contains(text(&copy.path()));
                assert!(named && sentence.contains("(DER_"), "{} {what}: {sentence}", path.display());
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "no damage was noticed");
    system.succeed(&["cont", "get-attr", "tank", "home", "owner"]);
}

/// Mounts a small file system at the path, in whatever way this machine allows.
fn small_file_system(at: &Path, bytes: u64) -> bool {
    std::fs::create_dir_all(at).expect("writable");
    let options = format!("size={bytes}");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}

/// Takes the file system away again, also when the test failed.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        // Lazily: an engine may still hold it.
        let _ignored = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_file_system_is_a_sentence() {
    let system = TestSystem::new();
    if !small_file_system(&system.path(), 48 << 20) {
        println!("skipped: this user cannot mount a small file system");
        return;
    }
    let _unmount = Unmount(system.path());
    let mut filler = File::create(system.path().join("filler")).expect("writable");
    let piece = vec![1; 1 << 20];
    while filler.write_all(&piece).is_ok() {}
    let sentence = system.fail(&["pool", "create", "tank", "--size", "256MiB"]);
    println!("{sentence}");
    assert!(sentence.contains("DER_NOSPACE"), "{sentence}");
}

/// A pool that is full refuses with a sentence, keeps what it has, and can be emptied.
#[test]
fn a_full_pool_is_a_sentence_and_can_be_emptied() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "256MiB"]);
    system.succeed(&["cont", "create", "tank", "home", "--type", "POSIX"]);
    let source = system.scratch("source");
    Tree { directories: 1, files: 3, large_files: 40 }.make(&source);
    system.succeed(&["fs", "copy", text(&source), "daos://tank/home/first"]);
    let mut sentence = None;
    for round in 0..10 {
        let output = system.daos(&["fs", "copy", text(&source), &format!("daos://tank/home/more-{round}")]);
        if !output.status.success() {
            sentence = Some(sentence_of(&output));
            break;
        }
    }
    let sentence = sentence.expect("880 MB do not fit into 256 MiB");
    assert!(sentence.contains("DER_NOSPACE"), "{sentence}");
    let out = system.scratch("out");
    system.succeed(&["fs", "copy", "daos://tank/home/first", text(&out)]);
    support::assert_same(&source, &out);
    system.succeed(&["cont", "destroy", "tank", "home"]);
    system.succeed(&["cont", "create", "tank", "again", "--type", "POSIX"]);
    system.succeed(&["fs", "copy", text(&source), "daos://tank/again/first"]);
}
