//! What POSIX says of names: mkdir, rmdir, rename, symlink, unlink, link, mknod.

use crate::calls::{make_special, number, rename_with};
use crate::rig::{Mount, Rig};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn with_mount(check: impl FnOnce(&Mount)) {
    let Some(rig) = Rig::new() else { return };
    check(&rig.mount());
}

#[test]
fn directories_are_made_and_removed_by_the_rules() {
    with_mount(|mount| {
        let directory = mount.join("d");
        fs::create_dir(&directory).expect("made");
        assert_eq!(number(fs::create_dir(&directory)), libc::EEXIST);
        fs::write(directory.join("f"), b"x").expect("written");
        assert_eq!(number(fs::create_dir(directory.join("f/g"))), libc::ENOTDIR);
        assert_eq!(number(fs::create_dir(mount.join("none/g"))), libc::ENOENT);
        assert_eq!(number(fs::create_dir(mount.join(&"n".repeat(256)))), libc::ENAMETOOLONG);
        fs::create_dir(mount.join(&"n".repeat(255))).expect("the longest name");
        symlink("nowhere", mount.join("dangling")).expect("linked");
        assert_eq!(number(fs::create_dir(mount.join("dangling"))), libc::EEXIST);
        assert_eq!(number(fs::remove_dir(&directory)), libc::ENOTEMPTY);
        assert_eq!(number(fs::remove_dir(directory.join("f"))), libc::ENOTDIR);
        assert_eq!(number(fs::remove_dir(mount.join("none"))), libc::ENOENT);
        assert_eq!(number(fs::remove_dir(directory.join("."))), libc::EINVAL);
        assert_eq!(number(fs::remove_dir(mount.join("d/.."))), libc::ENOTEMPTY);
        assert!(matches!(number(fs::remove_file(&directory)), libc::EISDIR | libc::EPERM));
        let before = fs::metadata(&directory).expect("there").mtime_nsec();
        fs::remove_file(directory.join("f")).expect("removed");
        assert_ne!(fs::metadata(&directory).expect("there").mtime_nsec(), before, "the directory has changed");
        fs::remove_dir(&directory).expect("removed");
        assert_eq!(number(fs::metadata(&directory)), libc::ENOENT);
        // The group of a directory with the set-group bit goes on below it.
        let shared = mount.join("shared");
        fs::create_dir(&shared).expect("made");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o2775)).expect("set");
        fs::create_dir(shared.join("below")).expect("made");
        let below = fs::metadata(shared.join("below")).expect("there");
        assert_eq!(below.mode() & 0o2000, 0o2000);
        assert_eq!(below.gid(), fs::metadata(&shared).expect("there").gid());
    });
}

#[test]
fn entries_are_renamed_by_the_rules() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        fs::write(at("a"), b"one").expect("written");
        fs::write(at("b"), b"two").expect("written");
        let inode = fs::metadata(at("a")).expect("there").ino();
        fs::rename(at("a"), at("b")).expect("over a file");
        assert_eq!(fs::read(at("b")).expect("read"), b"one");
        assert_eq!(fs::metadata(at("b")).expect("there").ino(), inode, "the number goes with the file");
        assert_eq!(number(fs::rename(at("a"), at("c"))), libc::ENOENT);
        fs::rename(at("b"), at("b")).expect("to itself");
        for name in ["d", "e", "d/x", "e/y"] {
            fs::create_dir(at(name)).expect("made");
        }
        assert_eq!(number(fs::rename(at("d"), at("e"))), libc::ENOTEMPTY);
        assert_eq!(number(fs::rename(at("b"), at("d"))), libc::EISDIR);
        assert_eq!(number(fs::rename(at("d"), at("b"))), libc::ENOTDIR);
        assert_eq!(number(fs::rename(at("d"), at("d/x/z"))), libc::EINVAL);
        assert_eq!(number(fs::rename(at("b"), at(&"n".repeat(256)))), libc::ENAMETOOLONG);
        fs::rename(at("d/x"), at("e/y")).expect("over an empty directory");
        assert_eq!(number(rename_with(&at("b"), &at("d"), libc::RENAME_NOREPLACE)), libc::EEXIST);
        rename_with(&at("b"), &at("f"), libc::RENAME_NOREPLACE).expect("to a new name");
        fs::write(at("g"), b"three").expect("written");
        rename_with(&at("f"), &at("g"), libc::RENAME_EXCHANGE).expect("exchanged");
        assert_eq!(fs::read(at("f")).expect("read"), b"three");
        assert_eq!(fs::read(at("g")).expect("read"), b"one");
        rename_with(&at("g"), &at("e"), libc::RENAME_EXCHANGE).expect("a file and a directory");
        assert!(fs::metadata(at("g/y")).expect("there").is_dir());
        assert_eq!(number(rename_with(&at("g"), &at("none"), libc::RENAME_EXCHANGE)), libc::ENOENT);
    });
}

/// The way to a directory is remembered when it is found. One that was moved since must not be taken for what is above its old
/// place.
#[test]
fn directories_move_around_each_other() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        fs::create_dir_all(at("a/b/c")).expect("made");
        fs::write(at("a/b/c/file"), b"deep").expect("written");
        fs::rename(at("a/b"), at("b")).expect("out of a");
        fs::rename(at("a"), at("b/c/a")).expect("a into what was below it");
        assert_eq!(fs::read(at("b/c/file")).expect("read"), b"deep");
        assert_eq!(number(fs::rename(at("b"), at("b/c/a/b"))), libc::EINVAL);
        fs::write(at("b/c/a/new"), b"x").expect("written");
        fs::remove_file(at("b/c/a/new")).expect("removed");
        fs::remove_dir_all(at("b")).expect("removed");
        assert_eq!(fs::read_dir(&mount.path).expect("listed").count(), 0);
    });
}

#[test]
fn symbolic_links_lead_on_by_the_rules() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        fs::write(at("file"), b"x").expect("written");
        symlink("file", at("link")).expect("linked");
        assert_eq!(fs::read(at("link")).expect("read"), b"x");
        assert_eq!(fs::read_link(at("link")).expect("read").to_str(), Some("file"));
        assert_eq!(fs::symlink_metadata(at("link")).expect("there").len(), 4);
        assert_eq!(number(symlink("other", at("link"))), libc::EEXIST);
        symlink("loop-b", at("loop-a")).expect("linked");
        symlink("loop-a", at("loop-b")).expect("linked");
        assert_eq!(number(fs::read(at("loop-a"))), libc::ELOOP);
        symlink("x".repeat(4095), at("long")).expect("the longest target");
        assert_eq!(fs::read_link(at("long")).expect("read").as_os_str().len(), 4095);
        assert_eq!(number(symlink("x".repeat(4096), at("longer"))), libc::ENAMETOOLONG);
        assert_eq!(number(symlink("", at("empty"))), libc::ENOENT);
        assert_eq!(number(fs::read_link(at("file"))), libc::EINVAL);
        fs::remove_file(at("link")).expect("removed");
        assert_eq!(fs::read(at("file")).expect("the file stays"), b"x");
    });
}

#[test]
fn removed_files_live_until_they_are_closed() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        fs::write(at("file"), b"before").expect("written");
        let options = fs::OpenOptions::new().read(true).write(true).clone();
        let mut open = options.open(at("file")).expect("opened");
        fs::remove_file(at("file")).expect("removed");
        assert_eq!(number(fs::metadata(at("file"))), libc::ENOENT);
        fs::write(at("file"), b"another").expect("a new file of the name");
        let mut found = Vec::new();
        open.read_to_end(&mut found).expect("read");
        assert_eq!(found, b"before");
        open.write_all(b" and after").expect("written");
        assert_eq!(open.metadata().expect("told").len(), 16);
        open.set_len(3).expect("cut");
        assert_eq!(open.metadata().expect("told").len(), 3);
        // One that another replaces lives on as well.
        let replaced = options.open(at("file")).expect("opened");
        fs::write(at("new"), b"newer").expect("written");
        fs::rename(at("new"), at("file")).expect("moved");
        let mut found = Vec::new();
        (&replaced).read_to_end(&mut found).expect("read");
        assert_eq!(found, b"another");
        drop((open, replaced));
        assert_eq!(fs::read(at("file")).expect("read"), b"newer");
        assert_eq!(number(fs::remove_file(at("none"))), libc::ENOENT);
        assert_eq!(number(fs::remove_file(at("file/below"))), libc::ENOTDIR);
    });
}

#[test]
fn what_is_not_there_says_so() {
    with_mount(|mount| {
        let at = |name: &str| mount.join(name);
        fs::write(at("file"), b"x").expect("written");
        assert_eq!(number(fs::hard_link(at("file"), at("other"))), libc::EOPNOTSUPP);
        for kind in [libc::S_IFIFO, libc::S_IFSOCK] {
            assert_eq!(number(make_special(&at("special"), kind | 0o600)), libc::EPERM);
        }
        make_special(&at("plain"), libc::S_IFREG | 0o600).expect("a file is a file");
        assert_eq!(fs::metadata(at("plain")).expect("there").len(), 0);
        assert_eq!(number(make_special(&at("plain"), libc::S_IFREG | 0o600)), libc::EEXIST);
    });
}
