//! What POSIX says of which times move with which call, and of the sticky bit: the rules that pjdfstest checks.

use crate::calls::{number, rename_with, set_times};
use crate::rig::Rig;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Time of modification and time of change.
type Times = [(i64, i64); 2];

fn times(path: &Path) -> Times {
    let found = fs::symlink_metadata(path).expect("there");
    [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())]
}

/// Which of the two times of a path a step moves on; it must not move one back.
fn moved(path: &Path, step: impl FnOnce()) -> [bool; 2] {
    let before = times(path);
    step();
    let after = times(path);
    assert!(after[1] >= before[1], "the time of change went back: {before:?}, {after:?}");
    [after[0] > before[0], after[1] > before[1]]
}

const NEITHER: [bool; 2] = [false, false];
const CHANGE: [bool; 2] = [false, true];
const BOTH: [bool; 2] = [true, true];

#[test]
fn calls_move_the_times_of_files_that_they_must() {
    let Some(rig) = Rig::new() else { return };
    // What `stat` tells is asked for each time.
    let mount = rig.mount_with("mount", &["--disable-caching"]);
    let at = |name: &str| mount.join(name);
    let file = at("file");
    fs::write(&file, b"content").expect("written");
    let open = || OpenOptions::new().read(true).write(true).open(&file).expect("opened");
    assert_eq!(moved(&file, || open().write_all(b"new").expect("written")), BOTH, "write");
    assert_eq!(moved(&file, || open().write_all(b"").expect("written")), NEITHER, "a write of nothing");
    assert_eq!(moved(&file, || drop(open())), NEITHER, "open and close");
    assert_eq!(moved(&file, || assert_eq!(fs::read(&file).expect("read").len(), 7)), NEITHER, "read");
    assert_eq!(moved(&file, || open().set_len(3).expect("cut")), BOTH, "truncate, shorter");
    assert_eq!(moved(&file, || open().set_len(300).expect("extended")), BOTH, "truncate, longer");
    assert_eq!(moved(&file, || drop(File::create(&file).expect("emptied"))), BOTH, "O_TRUNC");
    let mode = |bits| fs::set_permissions(&file, Permissions::from_mode(bits)).expect("set");
    assert_eq!(moved(&file, || mode(0o640)), CHANGE, "chmod");
    assert_eq!(
        moved(&file, || fs::rename(&file, at("moved")).and_then(|()| fs::rename(at("moved"), &file)).expect("moved")),
        CHANGE,
        "rename"
    );
    let before = times(&file);
    set_times(&file, [(1, 0), (1_000_000_000, 5)]).expect("set");
    assert_eq!(times(&file)[0], (1_000_000_000, 5));
    assert!(times(&file)[1] > before[1], "utimens changes the entry");
    assert_eq!(
        moved(&file, || set_times(&file, [(0, libc::UTIME_OMIT); 2]).expect("set")),
        NEITHER,
        "utimens of nothing"
    );
    symlink("file", at("link")).expect("linked");
    assert_eq!(moved(&file, || assert!(fs::metadata(at("link")).is_ok())), NEITHER);
    if crate::calls::is_root() {
        assert_eq!(moved(&file, || chown(&file, Some(12), Some(34)).expect("given away")), CHANGE, "chown");
    }
}

#[test]
fn entries_that_come_and_go_move_the_times_of_their_directory() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount_with("mount", &["--disable-caching"]);
    let (one, other) = (mount.join("one"), mount.join("other"));
    fs::create_dir(&one).expect("made");
    fs::create_dir(&other).expect("made");
    let steps: [(&str, &dyn Fn()); 9] = [
        ("create", &|| fs::write(one.join("file"), b"x").expect("written")),
        ("mkdir", &|| fs::create_dir(one.join("below")).expect("made")),
        ("symlink", &|| symlink("x", one.join("link")).expect("linked")),
        ("rename within", &|| fs::rename(one.join("file"), one.join("again")).expect("moved")),
        ("rename out", &|| fs::rename(one.join("again"), other.join("file")).expect("moved")),
        ("rename in", &|| fs::rename(other.join("file"), one.join("file")).expect("moved")),
        ("exchange", &|| rename_with(&one.join("file"), &one.join("link"), libc::RENAME_EXCHANGE).expect("exchanged")),
        ("unlink", &|| fs::remove_file(one.join("file")).expect("removed")),
        ("rmdir", &|| fs::remove_dir(one.join("below")).expect("removed")),
    ];
    for (name, step) in steps {
        assert_eq!(moved(&one, step), BOTH, "{name}");
    }
    let refused: [(&str, &dyn Fn()); 4] = [
        ("create", &|| assert_eq!(number(File::create_new(one.join("link"))), libc::EEXIST)),
        ("mkdir", &|| assert_eq!(number(fs::create_dir(one.join("link"))), libc::EEXIST)),
        ("unlink", &|| assert_eq!(number(fs::remove_file(one.join("none"))), libc::ENOENT)),
        ("rename", &|| assert_eq!(number(fs::rename(one.join("none"), one.join("new"))), libc::ENOENT)),
    ];
    for (name, step) in refused {
        assert_eq!(moved(&one, step), NEITHER, "{name} that is refused");
    }
    fs::write(other.join("file"), b"x").expect("written");
    assert_eq!(
        moved(&other, || fs::write(other.join("file"), b"more").expect("written")),
        NEITHER,
        "a write to a file"
    );
    assert_eq!(moved(&one, || assert_eq!(fs::read_dir(&one).expect("listed").count(), 1)), NEITHER, "a listing");
}

/// Runs a line of the shell as a user.
fn as_user(user: u32, line: &str) -> bool {
    Command::new("sh").args(["-c", line]).uid(user).gid(user).output().expect("sh runs").status.success()
}

#[test]
fn in_a_sticky_directory_entries_are_their_owners() {
    let Some(rig) = Rig::new() else { return };
    if !crate::calls::is_root() {
        return eprintln!("skipped: only root can be another user");
    }
    let mount = rig.mount_with("mount", &["--multi-user"]);
    fs::set_permissions(mount.path.parent().expect("there"), Permissions::from_mode(0o711)).expect("set");
    let shared = mount.join("shared");
    fs::create_dir(&shared).expect("made");
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("set");
    assert_eq!(fs::metadata(&shared).expect("there").mode() & 0o7777, 0o1777);
    let at = |name: &str| format!("'{}'", shared.join(name).display());
    let (owner, other) = (1234, 4321);
    assert!(as_user(owner, &format!("echo x > {} && mkdir {}", at("file"), at("folder"))));
    assert!(as_user(other, &format!("echo y > {}", at("theirs"))));
    for line in [
        format!("rm -f {}", at("file")),
        format!("mv {} {}", at("file"), at("new")),
        format!("mv -f {} {}", at("theirs"), at("file")),
        format!("rmdir {}", at("folder")),
    ] {
        assert!(!as_user(other, &line), "{line}");
    }
    for line in
        [format!("mv {} {}", at("file"), at("new")), format!("rm {}", at("new")), format!("rmdir {}", at("folder"))]
    {
        assert!(as_user(owner, &line), "{line}");
    }
    assert_eq!(number(fs::set_permissions(shared.join("theirs"), Permissions::from_mode(0o1644))), libc::EOPNOTSUPP);
}
