//! Trees of files on this machine, made at random and compared.

use crate::harness::pattern;
use daos_env::{Random, SeededRandom};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What is compared of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Mode, time of modification, content.
    File(u32, (i64, i64), Vec<u8>),
    /// Mode, time of modification.
    Directory(u32, (i64, i64)),
    /// Target, time of modification.
    Link(PathBuf, (i64, i64)),
}

/// Everything below a directory, and the directory itself.
pub fn read(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let (mode, time) = (metadata.mode() & 0o7777, (metadata.mtime(), metadata.mtime_nsec()));
        let entry = if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Entry::Directory(mode, time)
        } else if metadata.is_symlink() {
            Entry::Link(fs::read_link(&path).unwrap(), time)
        } else {
            Entry::File(mode, time, fs::read(&path).unwrap())
        };
        entries.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
    }
    entries
}

/// The same contents, without times.
pub fn contents(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = read(root);
    for entry in entries.values_mut() {
        match entry {
            Entry::File(_, time, _) | Entry::Directory(_, time) | Entry::Link(_, time) => *time = (0, 0),
        }
    }
    entries
}

/// Fills a directory: files of many sizes, empty and deep directories, links that lead somewhere and nowhere, odd names.
pub fn make(root: &Path, seed: u64) {
    let random = SeededRandom::new(seed);
    let below = |limit: u64| random.next_u64() % limit;
    let mut directories = vec![root.to_owned()];
    for number in 0..12 {
        let parent = directories[below(directories.len() as u64) as usize].clone();
        let path = parent.join(format!("directory \u{e9} {number}"));
        fs::create_dir(&path).unwrap();
        directories.push(path);
    }
    for number in 0..60u64 {
        let parent = &directories[below(directories.len() as u64) as usize];
        let size = [0, 1, 10, 1000, 4096, 5000, 70_000, 1 << 20, (1 << 20) + 1, 3_000_000][below(10) as usize];
        let path = parent.join(format!("file\n{number}"));
        fs::write(&path, pattern(size, number)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode([0o644, 0o600, 0o755, 0o444][below(4) as usize]))
            .unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000 + number, number as u32 * 1000);
        fs::File::options().read(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    for number in 0..10 {
        let parent = &directories[below(directories.len() as u64) as usize];
        symlink(if number % 2 == 0 { "nowhere" } else { "../x/y" }, parent.join(format!("link {number}"))).unwrap();
    }
    fs::write(root.join("x".repeat(255)), b"a long name").unwrap();
    for directory in directories.iter().rev() {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_100_000_000);
        fs::File::open(directory).unwrap().set_modified(time).unwrap();
    }
}
