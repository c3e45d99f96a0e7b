//! Several clients of one container on one node.

use crate::calls::{attribute, attribute_names, number, set_attribute, set_times};
use crate::rig::Rig;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Whoever opens a file after another one has closed it sees what was written, whatever the kernel remembers of it.
#[test]
fn an_open_sees_what_another_mount_has_closed() {
    let Some(rig) = Rig::new() else { return };
    let (first, second) = (rig.mount_with("first", &[]), rig.mount_with("second", &[]));
    for round in 0..40usize {
        let content: Vec<u8> = (0..(round * 7919) % 30_000 + 1).map(|at| (at + round) as u8).collect();
        let (writer, reader) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        fs::write(writer.join("file"), &content).expect("written");
        assert!(fs::read(reader.join("file")).expect("read") == content, "round {round}");
    }
}

/// That a name is missing is not remembered.
#[test]
fn a_new_name_is_there_at_once() {
    let Some(rig) = Rig::new() else { return };
    let (first, second) = (rig.mount_with("first", &[]), rig.mount_with("second", &[]));
    for round in 0..10 {
        let name = format!("file-{round}");
        assert_eq!(number(fs::metadata(second.join(&name))), libc::ENOENT);
        fs::write(first.join(&name), b"x").expect("written");
        assert_eq!(fs::read(second.join(&name)).expect("there"), b"x");
        fs::remove_file(first.join(&name)).expect("removed");
        assert_eq!(number(fs::read(second.join(&name))), libc::ENOENT, "an open looks again");
    }
}

/// With caching off, nothing of what another client does is missed.
#[test]
fn without_cache_all_is_seen_at_once() {
    let Some(rig) = Rig::new() else { return };
    let words = ["--disable-caching"];
    let (first, second) = (rig.mount_with("first", &words), rig.mount_with("second", &words));
    for round in 1..20u64 {
        fs::write(first.join("file"), vec![b'x'; round as usize]).expect("written");
        assert_eq!(fs::metadata(second.join("file")).expect("there").len(), round);
        fs::rename(first.join("file"), first.join("moved")).expect("moved");
        assert_eq!(number(fs::metadata(second.join("file"))), libc::ENOENT);
        fs::rename(second.join("moved"), second.join("file")).expect("moved");
    }
    // Also of what one has just made itself.
    fs::write(first.join("new"), b"x").expect("written");
    set_attribute(&second.join("new"), "user.a", b"given", 0).expect("set");
    assert_eq!(attribute(&first.join("new"), "user.a").expect("there"), b"given");
}

/// That a new file has no extended attributes is remembered, until it gets some.
#[test]
fn a_new_file_gets_extended_attributes() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let path = mount.join("new");
    fs::write(&path, b"x").expect("written");
    assert_eq!(number(attribute(&path, "user.a")), libc::ENODATA);
    assert!(attribute_names(&path).expect("none").is_empty());
    set_attribute(&path, "user.a", b"given", 0).expect("set");
    assert_eq!(attribute(&path, "user.a").expect("there"), b"given");
    assert_eq!(attribute_names(&path).expect("listed"), ["user.a"]);
}

/// The times of a directory after changes are made up from what the engine said of the change, and must be what it tells later.
#[test]
fn times_of_directories_are_those_of_the_engine() {
    let Some(rig) = Rig::new() else { return };
    let (mount, other) = (rig.mount(), rig.mount_with("other", &["--disable-caching"]));
    for name in ["folder", "from", "to"] {
        fs::create_dir(mount.join(name)).expect("made");
    }
    let compare = |name: &str, what: &str| {
        let times = |path: std::path::PathBuf| {
            let found = fs::metadata(path).expect("there");
            (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec())
        };
        let here = times(mount.join(name));
        assert_eq!(here, times(other.join(name)), "{what}");
        here
    };
    let made = compare("folder", "made");
    fs::write(mount.join("folder/file"), b"x").expect("written");
    let written = compare("folder", "a file made");
    assert!(written > made);
    set_times(&mount.join("folder"), [(5, 6), (7, 8)]).expect("set");
    assert_eq!(fs::metadata(mount.join("folder")).expect("there").mtime(), 7);
    assert_eq!(fs::metadata(other.join("folder")).expect("there").mtime(), 7);
    fs::create_dir(mount.join("folder/below")).expect("made");
    let made = compare("folder", "a directory made");
    assert!(made.0 > 7);
    fs::remove_file(mount.join("folder/file")).expect("removed");
    assert!(compare("folder", "a file removed") > made);
    fs::write(mount.join("from/file"), b"x").expect("written");
    let to = compare("to", "before");
    fs::rename(mount.join("from/file"), mount.join("to/file")).expect("moved");
    compare("from", "moved from");
    assert!(compare("to", "moved to") > to);
    fs::set_permissions(mount.join("folder"), fs::Permissions::from_mode(0o700)).expect("changed");
    assert_eq!(fs::metadata(mount.join("folder")).expect("there").permissions().mode() & 0o7777, 0o700);
}

/// Of many that create one name, one does.
#[test]
fn one_of_many_creates_a_name() {
    let Some(rig) = Rig::new() else { return };
    let mounts = [rig.mount_with("first", &[]), rig.mount_with("second", &[])];
    for round in 0..10 {
        let name = format!("name-{round}");
        let made: usize = std::thread::scope(|scope| {
            let attempts: Vec<_> = (0..6)
                .map(|at| {
                    let path = mounts[at % 2].join(&name);
                    scope.spawn(move || usize::from(fs::File::create_new(path).is_ok()))
                })
                .collect();
            attempts.into_iter().map(|attempt| attempt.join().expect("no panic")).sum()
        });
        assert_eq!(made, 1, "{name}");
    }
}

/// Small writes are gathered: others of the node see them at once, another mount within a second or after the close, and a listing
/// never takes the size back that the kernel knows.
#[test]
fn gathered_writes_are_seen_by_who_looks() {
    use std::io::Write;
    let Some(rig) = Rig::new() else { return };
    let (first, second) = (rig.mount_with("first", &[]), rig.mount_with("second", &["--disable-caching"]));
    fs::create_dir(first.join("d")).expect("made");
    let mut file = fs::File::create(first.join("d/log")).expect("made");
    let mut expected = Vec::new();
    for line in 0..200 {
        let text = format!("line {line}\n");
        file.write_all(text.as_bytes()).expect("written");
        expected.extend(text.bytes());
        match line % 4 {
            0 => assert_eq!(fs::read_dir(first.join("d")).expect("listed").count(), 1),
            1 => assert_eq!(fs::metadata(first.join("d/log")).expect("there").len(), expected.len() as u64),
            2 if line % 8 == 2 => assert!(fs::read(first.join("d/log")).expect("read") == expected),
            _ => {}
        }
    }
    file.sync_all().expect("on stable storage");
    assert!(fs::read(second.join("d/log")).expect("read") == expected);
    file.write_all(b"last").expect("written");
    expected.extend(b"last");
    while fs::read(second.join("d/log")).expect("read") != expected {
        std::thread::yield_now();
    }
    fs::remove_file(first.join("d/log")).expect("removed");
    file.write_all(b"of no name").expect("written");
    assert_eq!(file.metadata().expect("told").len(), expected.len() as u64 + 10);
}
