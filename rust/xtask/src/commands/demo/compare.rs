//! Two directory trees, compared byte by byte.

use crate::stopwatch::bytes_per_second;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most differences that are named; one is enough to fail.
const DIFFERENCES_SHOWN_MAX: usize = 10;

/// Bytes compared at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// What a tree consists of.
#[derive(Default, PartialEq, Eq, Debug, Clone, Copy)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Directories, without the root.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in regular files.
    pub bytes: u64,
}

impl Counts {
    /// Counts a tree.
    pub fn of(root: &Path) -> Result<Self> {
        Ok(Self::sum(entries(root)?.values()))
    }

    fn sum<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut counts = Self::default();
        for entry in entries {
            match entry {
                Entry::Directory => counts.directories += 1,
                Entry::Link(_) => counts.links += 1,
                Entry::File { bytes, .. } => {
                    counts.files += 1;
                    counts.bytes += bytes;
                }
            }
        }
        counts
    }

    /// Files and bytes per second.
    pub fn rate(&self, elapsed: Duration) -> String {
        let files = self.files as f64 / elapsed.as_secs_f64().max(1e-9);
        format!("{files:.0} files/s, {}", bytes_per_second(self.bytes, elapsed))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.bytes as f64 / 1e6;
        write!(formatter, "{} files, {} directories, ", self.files, self.directories)?;
        if self.links > 0 {
            write!(formatter, "{} links, ", self.links)?;
        }
        write!(formatter, "{megabytes:.1} MB")
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Entry {
    Directory,
    Link(PathBuf),
    File { bytes: u64, executable: bool },
}

/// Everything below `root`, by its path from there.
fn entries(root: &Path) -> Result<BTreeMap<PathBuf, Entry>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let listing = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
        for entry in listing {
            let path = entry.with_context(|| format!("cannot read {}", directory.display()))?.path();
            let metadata = path.symlink_metadata().with_context(|| format!("cannot stat {}", path.display()))?;
            let kind = if metadata.is_dir() {
                open.push(path.clone());
                Entry::Directory
            } else if metadata.is_symlink() {
                Entry::Link(fs::read_link(&path)?)
            } else if metadata.is_file() {
                Entry::File { bytes: metadata.len(), executable: metadata.permissions().mode() & 0o100 != 0 }
            } else {
                bail!("{} is neither file, directory nor link: choose another tree", path.display());
            };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
            found.insert(relative, kind);
        }
    }
    Ok(found)
}

/// Compares names, kinds, link targets, execute permission and every byte; any difference is an error.
pub fn compare(expected: &Path, found: &Path) -> Result<Counts> {
    let (left, right) = (entries(expected)?, entries(found)?);
    let mut differences = Vec::new();
    for (path, entry) in &left {
        match right.get(path) {
            None => differences.push(format!("{} is missing", path.display())),
            Some(other) if other != entry => {
                differences.push(format!("{}: {entry:?} became {other:?}", path.display()));
            }
            Some(Entry::File { .. }) => {
                if let Some(at) = first_difference(&expected.join(path), &found.join(path))? {
                    differences.push(format!("{} differs at byte {at}", path.display()));
                }
            }
            Some(_) => {}
        }
    }
    let extra = right.keys().filter(|path| !left.contains_key(*path));
    differences.extend(extra.map(|path| format!("{} should not be there", path.display())));
    if !differences.is_empty() {
        let count = differences.len();
        differences.truncate(DIFFERENCES_SHOWN_MAX);
        bail!(
            "{} and {} differ in {count} places, the first are:\n  {}",
            expected.display(),
            found.display(),
            differences.join("\n  ")
        );
    }
    Ok(Counts::sum(left.values()))
}

/// Offset of the first byte that differs.
fn first_difference(one: &Path, other: &Path) -> Result<Option<u64>> {
    let open = |path: &Path| File::open(path).with_context(|| format!("cannot open {}", path.display()));
    let (mut one, mut other) = (open(one)?, open(other)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut offset = 0;
    loop {
        left.clear();
        right.clear();
        one.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut left)?;
        other.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut right)?;
        if left != right {
            let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
            return Ok(Some(offset + same as u64));
        }
        if left.is_empty() {
            return Ok(None);
        }
        offset += left.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two equal trees in a directory of their own, removed at the end.
    struct Trees(PathBuf);

    impl Trees {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-compare-{name}-{}", std::process::id()));
            for side in ["a", "b"] {
                let directory = root.join(side).join("inner");
                fs::create_dir_all(&directory).expect("the temporary directory is writable");
                fs::write(directory.join("file"), vec![7; CHUNK_BYTES + 3]).expect("writable");
                std::os::unix::fs::symlink("file", directory.join("link")).expect("writable");
            }
            Self(root)
        }

        fn compare(&self) -> Result<Counts> {
            compare(&self.0.join("a"), &self.0.join("b"))
        }
    }

    impl Drop for Trees {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn equal_trees_are_counted() {
        let trees = Trees::new("equal");
        let counts = trees.compare().expect("they are equal");
        let expected = Counts { files: 1, directories: 1, links: 1, bytes: CHUNK_BYTES as u64 + 3 };
        assert_eq!(counts, expected);
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let trees = Trees::new("different");
        let inner = trees.0.join("b/inner");
        let mut bytes = vec![7; CHUNK_BYTES + 3];
        bytes[CHUNK_BYTES + 1] = 8;
        fs::write(inner.join("file"), bytes).expect("writable");
        fs::remove_file(inner.join("link")).expect("it is there");
        fs::write(inner.join("extra"), "").expect("writable");
        let text = format!("{:#}", trees.compare().expect_err("they differ"));
        assert!(text.contains(&format!("inner/file differs at byte {}", CHUNK_BYTES + 1)), "{text}");
        assert!(text.contains("inner/link is missing"), "{text}");
        assert!(text.contains("inner/extra should not be there"), "{text}");
    }
}
