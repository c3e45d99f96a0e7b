//! Paths that stand for containers in place of their names, and the directory of the engine, which has an option of its own.
//!
//! `--path` used to be the engine's directory: `daos fs get-attr tank home --path /documents` made an engine in /documents, and said
//! that there is no pool.

mod support;

use std::path::Path;
use std::process::Command;
use support::TestSystem;

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// A line that is refused as a line; gives what is said about it.
fn refused(system: &TestSystem, words: &[&str]) -> String {
    let output = system.daos(words);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "daos {words:?}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn no_engine_is_made_at_a_path() {
    let system = TestSystem::new().with_container();
    let documents = system.scratch("documents");
    let said = refused(&system, &["fs", "get-attr", "tank", "home", "--path", text(&documents)]);
    assert!(said.contains("--dfs-path"), "{said}");
    for words in [
        &["--path", text(&documents), "pool", "list"][..],
        &["pool", "list", "--path", text(&documents)],
        &["local", "status", "--path", text(&documents)],
    ] {
        let said = refused(&system, words);
        assert!(said.contains("--local-path"), "{said}");
    }
    for words in [&["cont", "query"][..], &["fs", "get-attr"], &["cont", "get-attr"]] {
        let sentence = system.fail(&[words, &["--path", text(&documents)]].concat());
        assert!(sentence.contains(text(&documents)) && sentence.contains("DER_NONEXIST"), "{sentence}");
    }
    assert!(!documents.exists(), "nothing is made there");
}

#[test]
fn a_pool_that_is_not_there_is_told_with_the_engine_that_was_asked() {
    let system = TestSystem::new().with_container();
    let other = system.scratch("other");
    for words in [&["pool", "query"][..], &["pool", "destroy"], &["cont", "list"], &["pool", "get-prop"]] {
        for (option, directory) in [(&[][..], system.path()), (&["--local-path", text(&other)][..], other.clone())] {
            let sentence = system.fail(&[option, words, &["nowhere"]].concat());
            assert!(sentence.contains("'nowhere'") && sentence.contains(text(&directory)), "{sentence}");
        }
    }
    system.succeed(&["--local-path", text(&other), "local", "stop"]);
}

#[test]
fn names_in_a_path_take_the_place_of_words() {
    let system = TestSystem::new().with_container();
    let home = "daos://tank/home";
    system.succeed(&["cont", "set-attr", "--path", home, "owner", "ann"]);
    assert!(system.succeed(&["cont", "get-attr", "-p", home, "owner"]).contains("ann"));
    let by_path = system.response(&["cont", "query", "--path", home]);
    let by_name = system.response(&["cont", "query", "tank", "home"]);
    assert_eq!(by_path["container_uuid"], by_name["container_uuid"]);
    let file = system.scratch("file");
    std::fs::write(&file, b"x").expect("writable");
    system.succeed(&["fs", "copy", text(&file), "daos://tank/home/a/file"]);
    system.succeed(&["fs", "set-attr", "--path", "daos://tank/home/a", "--chunk-size", "64KiB"]);
    for words in [
        &["--path", "daos://tank/home/a"][..],
        &["tank", "home", "--dfs-path", "/a"],
        &["tank", "home", "--dfs-path", "/mnt/a", "--dfs-prefix", "/mnt/"],
    ] {
        let found = system.response(&[&["fs", "get-attr"], words].concat());
        assert_eq!(found["chunk_size"], 65536, "{words:?}");
    }
    let wrong = ["fs", "get-attr", "tank", "home", "--dfs-path", "/mnt2/a", "--dfs-prefix", "/mnt"];
    assert!(system.fail(&wrong).contains("/mnt2/a"));
    assert!(system.fail(&["cont", "destroy", "--path", "daos://tank/home/a"]).contains("within"));
    system.succeed(&["cont", "destroy", "--path", home]);
    system.fail(&["cont", "query", "tank", "home"]);
}

#[test]
fn a_directory_stands_for_a_container() {
    let system = TestSystem::new().with_container();
    let link = system.scratch("link");
    let output = system.daos(&["cont", "link", "tank", "home", "--path", text(&link)]);
    if String::from_utf8_lossy(&output.stderr).contains("DER_NOTSUPPORTED") {
        println!("skipped: {} has no extended attributes", link.display());
        return;
    }
    assert!(output.status.success(), "{output:?}");
    system.succeed(&["cont", "set-attr", "--path", text(&link), "owner:ann,project:x"]);
    // Anything below it is in the container.
    let below = link.join("some/file");
    assert!(system.succeed(&["cont", "get-attr", "tank", "home", "owner"]).contains("ann"));
    assert!(system.succeed(&["cont", "get-attr", "--path", text(&below), "project"]).contains('x'));
    assert!(system.fail(&["fs", "get-attr", "--path", text(&below)]).contains("/some/file"));
    assert!(system.fail(&["cont", "destroy", "--path", text(&below)]).contains(text(&below)));
    // A label can change: the path says the UUID.
    system.succeed(&["cont", "set-prop", "--path", text(&link), "label:house"]);
    system.succeed(&["cont", "query", "--path", text(&link)]);
    system.succeed(&["cont", "destroy", "--path", text(&link)]);
    assert!(!link.exists(), "it goes with the container");

    let made = system.scratch("made");
    let words = ["cont", "create", "tank", "new", "--path", text(&made)];
    assert!(system.fail(&words).contains("--type"), "a use without a name");
    let words = [&words[..], &["--type", "HDF5"]].concat();
    system.succeed(&words);
    assert!(made.is_file());
    let again = ["cont", "create", "tank", "again", "--type", "POSIX", "--path", text(&made)];
    assert!(system.fail(&again).contains(text(&made)));
    system.fail(&["cont", "query", "tank", "again"]);
    // A container that cannot be made leaves no path.
    let spare = system.scratch("spare");
    let taken = ["cont", "create", "tank", "new", "--type", "POSIX", "--path", text(&spare)];
    assert!(system.fail(&taken).contains("'new' exists"));
    assert!(!spare.exists());
}

/// Takes the mount away, also when the test failed.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily: who still uses it must not keep the test.
        let umount = Command::new("umount").arg("-l").arg(self.0).output();
        if !umount.is_ok_and(|output| output.status.success()) {
            let _ignored = Command::new("fusermount3").args(["-u", "-z"]).arg(self.0).output();
        }
    }
}

#[test]
fn a_path_of_a_mount_is_a_path_of_its_container() {
    let system = TestSystem::new().with_container();
    let place = system.scratch("mount");
    std::fs::create_dir(&place).expect("writable");
    let mounted = system.program("dfuse", &[text(&place), "tank", "home"]).output().expect("the program runs");
    if !mounted.status.success() {
        println!("skipped: nothing can be mounted here: {mounted:?}");
        return;
    }
    let _mounted = Mounted(&place);
    let directory = place.join("a");
    std::fs::create_dir(&directory).expect("made");
    system.succeed(&["fs", "set-attr", "--path", text(&directory), "--chunk-size", "128KiB"]);
    let found = system.response(&["fs", "get-attr", "tank", "home", "--dfs-path", "/a"]);
    assert_eq!(found["chunk_size"], 131_072);
    assert_eq!(system.response(&["fs", "get-attr", "--path", text(&directory)]), found);
    let query = system.response(&["cont", "query", "--path", text(&place)]);
    assert_eq!(query["container_label"], "home");
    // What is mounted is in use.
    assert!(system.fail(&["cont", "destroy", "--path", text(&place)]).contains("DER_BUSY"));
    // In the mount, a path that stands for another container is that container.
    system.succeed(&["cont", "create", "tank", "other", "--type", "POSIX", "--path", text(&place.join("other"))]);
    let query = system.response(&["cont", "query", "--path", text(&place.join("other/new"))]);
    assert_eq!(query["container_label"], "other");
}
