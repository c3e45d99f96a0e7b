//! Random work on a tree, done to a local directory as well: both must say and hold the same.

use crate::calls::rename_with;
use crate::rig::{Random, Rig};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Result, Write};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const STEPS: usize = 700;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A step, the same for both trees.
#[derive(Clone, Debug)]
enum Step {
    Write(PathBuf, Vec<u8>),
    Append(PathBuf, Vec<u8>),
    WriteAt(PathBuf, u64, Vec<u8>),
    Truncate(PathBuf, u64),
    MakeDirectory(PathBuf),
    Remove(PathBuf),
    RemoveDirectory(PathBuf),
    Rename(PathBuf, PathBuf, u32),
    Link(PathBuf, PathBuf),
    Mode(PathBuf, u32),
    List(PathBuf),
}

fn path(random: &mut Random) -> PathBuf {
    (0..1 + random.below(3)).map(|_| NAMES[random.below(NAMES.len())]).collect()
}

fn choose(random: &mut Random) -> Step {
    let at = path(random);
    let length = random.below(9000);
    match random.below(16) {
        0..3 => Step::Write(at, random.bytes(length)),
        3 => Step::Append(at, random.bytes(length)),
        4 => Step::WriteAt(at, random.below(20_000) as u64, random.bytes(length)),
        5 => Step::Truncate(at, random.below(20_000) as u64),
        6..9 => Step::MakeDirectory(at),
        9 => Step::Remove(at),
        10 => Step::RemoveDirectory(at),
        11 | 12 => {
            let flags = [0, 0, libc::RENAME_NOREPLACE, libc::RENAME_EXCHANGE][random.below(4)];
            Step::Rename(at, path(random), flags)
        }
        13 => Step::Link(path(random), at),
        14 => Step::Mode(at, 0o700 | random.below(64) as u32),
        _ => Step::List(at),
    }
}

/// What a step gives: bytes that must be the same.
fn apply(step: &Step, top: &Path) -> Result<Vec<u8>> {
    let at = |path: &PathBuf| top.join(path);
    let nothing = |()| Vec::new();
    match step {
        Step::Write(path, bytes) => fs::write(at(path), bytes).map(nothing),
        Step::Append(path, bytes) => fs::OpenOptions::new().append(true).open(at(path))?.write_all(bytes).map(nothing),
        Step::WriteAt(path, offset, bytes) => {
            fs::OpenOptions::new().write(true).open(at(path))?.write_all_at(bytes, *offset).map(nothing)
        }
        Step::Truncate(path, size) => fs::OpenOptions::new().write(true).open(at(path))?.set_len(*size).map(nothing),
        Step::MakeDirectory(path) => fs::create_dir(at(path)).map(nothing),
        Step::Remove(path) => fs::remove_file(at(path)).map(nothing),
        Step::RemoveDirectory(path) => fs::remove_dir(at(path)).map(nothing),
        Step::Rename(from, to, flags) => rename_with(&at(from), &at(to), *flags).map(nothing),
        Step::Link(target, path) => symlink(target, at(path)).map(nothing),
        Step::Mode(path, bits) => fs::set_permissions(at(path), fs::Permissions::from_mode(*bits)).map(nothing),
        Step::List(path) => {
            let mut names = fs::read_dir(at(path))?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
            names.sort();
            Ok(format!("{names:?}").into_bytes())
        }
    }
}

/// Everything in a tree: type, permission bits, content.
fn whole(top: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![PathBuf::new()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(top.join(&folder)).expect("listed") {
            let path = folder.join(entry.expect("an entry").file_name());
            let status = fs::symlink_metadata(top.join(&path)).expect("there");
            let content = if status.is_dir() {
                left.push(path.clone());
                Vec::new()
            } else if status.is_symlink() {
                fs::read_link(top.join(&path)).expect("read").into_os_string().into_encoded_bytes()
            } else {
                fs::read(top.join(&path)).expect("read")
            };
            found.insert(path, (status.permissions().mode(), content));
        }
    }
    found
}

#[test]
fn a_tree_is_what_a_local_one_is() {
    let Some(rig) = Rig::new() else { return };
    let mount = rig.mount();
    let local = tempfile::tempdir().expect("a directory");
    let mut random = Random::new("tree");
    for number in 0..STEPS {
        let step = choose(&mut random);
        let number_of = |result: Result<Vec<u8>>| result.map_err(|error| error.raw_os_error());
        let expected = number_of(apply(&step, local.path()));
        let found = number_of(apply(&step, &mount.path));
        assert_eq!(found, expected, "step {number}: {step:?}");
    }
    let (found, expected) = (whole(&mount.path), whole(local.path()));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (path, status) in &expected {
        assert!(found[path] == *status, "{}: bits {:o} and {:o}", path.display(), found[path].0, status.0);
    }
    drop(mount);
    // What one mount has left, another one finds.
    let mount = rig.mount_with("again", &["--disable-caching"]);
    assert!(whole(&mount.path) == expected);
}
