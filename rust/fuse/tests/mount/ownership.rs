//! What POSIX says of owners, permission bits and times: chmod, chown, utimensat.

use crate::calls::{number, set_times};
use crate::rig::Rig;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65534;

/// Runs a line of the shell as another user; gives what it says and whether it succeeded.
fn as_nobody(line: &str) -> (bool, String) {
    let output = Command::new("sh").args(["-c", line]).uid(NOBODY).gid(NOBODY).output().expect("sh runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("there").mode() & 0o7777
}

#[test]
fn permission_bits_and_owners_are_kept() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let file = mount.join("file");
    fs::write(&file, b"x").expect("written");
    for bits in [0o000, 0o644, 0o4711, 0o2755, 0o777] {
        fs::set_permissions(&file, Permissions::from_mode(bits)).expect("set");
        assert_eq!(mode(&file), bits);
    }
    let before = fs::metadata(&file).expect("there").ctime_nsec();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("set");
    assert_ne!(fs::metadata(&file).expect("there").ctime_nsec(), before);
    symlink("file", mount.join("link")).expect("linked");
    fs::set_permissions(mount.join("link"), Permissions::from_mode(0o640)).expect("set");
    assert_eq!((mode(&file), mode(&mount.join("link"))), (0o640, 0o777), "the link's target has changed");
    for (path, error) in [("none", libc::ENOENT), ("file/below", libc::ENOTDIR)] {
        assert_eq!(number(fs::set_permissions(mount.join(path), Permissions::from_mode(0o600))), error);
    }
    if !crate::calls::is_root() {
        return eprintln!("not root: owners are not changed");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o6755)).expect("set");
    chown(&file, Some(12), Some(34)).expect("given away");
    let found = fs::metadata(&file).expect("there");
    assert_eq!((found.uid(), found.gid(), mode(&file)), (12, 34, 0o755), "the privileges are gone");
    lchown(mount.join("link"), Some(56), None).expect("the link itself");
    assert_eq!(fs::symlink_metadata(mount.join("link")).expect("there").uid(), 56);
    assert_eq!(fs::metadata(&file).expect("there").uid(), 12);
}

#[test]
fn other_users_may_do_what_the_bits_permit() {
    let Some(rig) = Rig::new() else { return };
    if !crate::calls::is_root() {
        return eprintln!("skipped: only root can be another user");
    }
    let mount = rig.mount_with("mount", &["--multi-user"]);
    // The way to the mount leads through a directory of this user alone.
    let above = mount.path.parent().expect("there");
    fs::set_permissions(above, Permissions::from_mode(0o711)).expect("set");
    let at = |name: &str| format!("'{}'", mount.join(name).display());
    fs::write(mount.join("own"), b"secret").expect("written");
    fs::set_permissions(mount.join("own"), Permissions::from_mode(0o600)).expect("set");
    fs::create_dir(mount.join("open")).expect("made");
    fs::set_permissions(mount.join("open"), Permissions::from_mode(0o777)).expect("set");
    for line in [
        format!("cat {}", at("own")),
        format!("echo x > {}", at("new")),
        format!("chmod 777 {}", at("own")),
        format!("rm -f {}", at("own")),
        format!("mv {} {}", at("own"), at("open/own")),
    ] {
        assert!(!as_nobody(&line).0, "{line}");
    }
    let line = format!("umask 022; echo x > {} && mkdir {} && ln -s y {}", at("open/f"), at("open/d"), at("open/l"));
    let (done, told) = as_nobody(&line);
    assert!(done, "{told}");
    for name in ["open/f", "open/d", "open/l"] {
        let found = fs::symlink_metadata(mount.join(name)).expect("there");
        assert_eq!((found.uid(), found.gid()), (NOBODY, NOBODY), "{name}");
    }
    assert_eq!((mode(&mount.join("open/f")), mode(&mount.join("open/d"))), (0o644, 0o755));
    // A write by another than the superuser takes privileges away.
    fs::set_permissions(mount.join("open/f"), Permissions::from_mode(0o6777)).expect("set");
    assert!(as_nobody(&format!("echo more >> {}", at("open/f"))).0);
    assert_eq!(mode(&mount.join("open/f")), 0o777);
    assert!(!as_nobody(&format!("chown 1 {}", at("open/f"))).0);
}

#[test]
fn a_mount_belongs_to_its_user_alone() {
    let Some(rig) = Rig::new() else { return };
    if !crate::calls::is_root() {
        return eprintln!("skipped: only root can be another user");
    }
    let mount = rig.mount();
    fs::set_permissions(mount.path.parent().expect("there"), Permissions::from_mode(0o711)).expect("set");
    assert!(!as_nobody(&format!("ls '{}'", mount.path.display())).0);
    drop(mount);
    let mount = rig.mount_with("reading", &["--read-only"]);
    assert_eq!(number(File::create(mount.join("new"))), libc::EROFS);
}

#[test]
fn times_are_set_by_the_rules() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let file = mount.join("file");
    fs::write(&file, b"x").expect("written");
    let of = |path: &Path| {
        let found = fs::symlink_metadata(path).expect("there");
        (found.mtime(), found.mtime_nsec())
    };
    set_times(&file, [(5, 6), (1_000_000_000, 123_456_789)]).expect("set");
    assert_eq!(of(&file), (1_000_000_000, 123_456_789));
    set_times(&file, [(0, libc::UTIME_NOW), (0, libc::UTIME_OMIT)]).expect("set");
    assert_eq!(of(&file), (1_000_000_000, 123_456_789), "left as it was");
    symlink("file", mount.join("link")).expect("linked");
    set_times(&mount.join("link"), [(1, 1), (2, 2)]).expect("set");
    assert_eq!((of(&mount.join("link")), of(&file).0), ((2, 2), 1_000_000_000));
    set_times(&file, [(0, libc::UTIME_OMIT), (0, libc::UTIME_NOW)]).expect("set");
    assert!(of(&file).0 > 1_700_000_000);
    set_times(&file, [(1, 1), (1_000_000_000, 0)]).expect("set");
    let mut open = fs::OpenOptions::new().append(true).open(&file).expect("opened");
    open.write_all(b"more").expect("written");
    drop(open);
    assert!(of(&file).0 > 1_700_000_000, "a write is a modification");
    let directory = mount.join("directory");
    fs::create_dir(&directory).expect("made");
    set_times(&directory, [(1, 1), (3, 4)]).expect("set");
    assert_eq!(of(&directory), (3, 4));
    assert_eq!(number(set_times(&mount.join("none"), [(0, 0), (0, 0)])), libc::ENOENT);
}
