//! A directory tree to copy, and the comparison of two trees.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Length of the largest files: several chunks and a piece.
const LARGE_BYTES: usize = (2 << 20) + 12_345;

/// How a tree is made.
pub struct Tree {
    /// Directories, two levels deep.
    pub directories: usize,
    /// Files in each.
    pub files: usize,
    /// Large files in all.
    pub large_files: usize,
}

impl Tree {
    /// A tree of some hundred files of all kinds.
    pub fn small() -> Tree {
        Tree { directories: 12, files: 20, large_files: 2 }
    }

    /// How many files it has.
    pub fn count(&self) -> u64 {
        (self.directories * self.files + self.large_files) as u64
    }

    /// Makes it at the path: files of many sizes and modes, links that lead somewhere and nowhere, an empty directory, and
    /// names that are no plain words.
    pub fn make(&self, at: &Path) {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for directory in 0..self.directories {
            let path = at.join(format!("d{}", directory % 4)).join(format!("sub {directory}"));
            std::fs::create_dir_all(&path).expect("writable");
            for file in 0..self.files {
                let length = [0, 1, 100, 4096, 5000, 20_000][file % 6] + random.below(50);
                let name = path.join(format!("file-{file}.txt"));
                std::fs::write(&name, random.bytes(length)).expect("writable");
                if file % 7 == 0 {
                    std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o755)).expect("ours");
                }
            }
            symlink("file-0.txt", path.join("link")).expect("writable");
        }
        for file in 0..self.large_files {
            std::fs::write(at.join(format!("large-{file}")), random.bytes(LARGE_BYTES + file)).expect("writable");
        }
        std::fs::create_dir_all(at.join("empty")).expect("writable");
        symlink("/no/such/place", at.join("dangling")).expect("writable");
        std::fs::write(at.join("\u{e4}\u{f6} \"quoted\" $x"), "names are bytes").expect("writable");
    }
}

/// Numbers that look random and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> usize {
        (self.next() % bound) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// What the trees are compared by.
#[derive(PartialEq, Eq, Debug)]
enum Entry {
    Directory { mode: u32 },
    Link(PathBuf),
    File { mode: u32, modified: (i64, i64), bytes: Vec<u8> },
}

fn entries(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("readable") {
            let path = entry.expect("readable").path();
            let metadata = path.symlink_metadata().expect("it is there");
            let mode = metadata.mode() & 0o7777;
            let kind = if metadata.is_dir() {
                open.push(path.clone());
                Entry::Directory { mode }
            } else if metadata.is_symlink() {
                Entry::Link(std::fs::read_link(&path).expect("a link"))
            } else {
                let modified = (metadata.mtime(), metadata.mtime_nsec());
                Entry::File { mode, modified, bytes: std::fs::read(&path).expect("readable") }
            };
            found.insert(path.strip_prefix(root).expect("below the root").to_owned(), kind);
        }
    }
    found
}

/// Compares names, kinds, modes, times, link targets and every byte.
pub fn assert_same(expected: &Path, found: &Path) {
    let (expected, found) = (entries(expected), entries(found));
    let names = |entries: &BTreeMap<PathBuf, Entry>| entries.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&expected), names(&found), "the names differ");
    for (path, entry) in &expected {
        // Not assert_eq: it would print megabytes.
        assert!(*entry == found[path], "{} differs", path.display());
    }
}
