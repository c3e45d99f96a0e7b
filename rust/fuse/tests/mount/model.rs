//! Random work on one file against an array of bytes.

use crate::calls::{Mapping, allocate};
use crate::rig::{Mount, Random, Rig};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const SIZE_MAX: usize = 200_000;
const STEPS: usize = 400;

struct Run {
    file: File,
    model: Vec<u8>,
    random: Random,
    flags: i32,
    /// A mapping that stays, whatever happens to the file meanwhile; only what the file has may be touched.
    kept: Mapping,
}

fn open(path: &Path, flags: i32) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(flags)
        .open(path)
        .expect("opened")
}

impl Run {
    fn range(&mut self) -> (usize, usize) {
        let start = self.random.below(SIZE_MAX);
        let length = match self.random.below(4) {
            0 => 1 + self.random.below(16),
            1 => 4096 - start % 4096,
            _ => 1 + self.random.below(40_000),
        };
        (start, length.min(SIZE_MAX - start).max(1))
    }

    fn grow(&mut self, end: usize) {
        if self.model.len() < end {
            self.model.resize(end, 0);
        }
    }

    fn write(&mut self) -> String {
        let (start, length) = self.range();
        let bytes = self.random.bytes(length);
        self.file.write_all_at(&bytes, start as u64).expect("written");
        self.grow(start + length);
        self.model[start..start + length].copy_from_slice(&bytes);
        format!("write {start} {length}")
    }

    fn read(&mut self) -> String {
        let (start, length) = self.range();
        let mut bytes = vec![0; length];
        let mut count = 0;
        while count < length {
            match self.file.read_at(&mut bytes[count..], (start + count) as u64).expect("read") {
                0 => break,
                more => count += more,
            }
        }
        let expected = self.model.get(start..).unwrap_or_default();
        let expected = &expected[..expected.len().min(length)];
        assert!(bytes[..count] == *expected, "read {start} {length}: {count} bytes");
        format!("read {start} {length}")
    }

    fn truncate(&mut self) -> String {
        let size = self.random.below(SIZE_MAX);
        self.file.set_len(size as u64).expect("cut");
        self.model.resize(size, 0);
        format!("truncate {size}")
    }

    fn allocate(&mut self) -> String {
        let (start, length) = self.range();
        let mode = match self.random.below(4) {
            0 => 0,
            1 => libc::FALLOC_FL_KEEP_SIZE,
            2 => libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE,
            _ => libc::FALLOC_FL_ZERO_RANGE,
        };
        allocate(&self.file, mode, start as u64, length as u64).expect("allocated");
        if mode & libc::FALLOC_FL_KEEP_SIZE == 0 {
            self.grow(start + length);
        }
        if mode & (libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_ZERO_RANGE) != 0 {
            let end = (start + length).min(self.model.len());
            if start < end {
                self.model[start..end].fill(0);
            }
        }
        format!("fallocate {mode} {start} {length}")
    }

    fn map(&mut self) -> String {
        let (start, length) = self.range();
        let end = (start + length).min(self.model.len());
        if start >= end {
            return "nothing to map".to_owned();
        }
        let mut mapping = Mapping::new(&self.file, end, true).expect("mapped");
        assert!(mapping.bytes()[start..] == self.model[start..end], "mapped {start} {end}");
        let bytes = self.random.bytes(end - start);
        mapping.bytes()[start..].copy_from_slice(&bytes);
        self.model[start..end].copy_from_slice(&bytes);
        if self.random.below(2) == 0 {
            mapping.sync().expect("written");
        }
        format!("mapped write {start} {end}")
    }

    /// What other calls have done shows in a mapping that was there before, and the other way round.
    fn look_through(&mut self) -> String {
        let (start, length) = self.range();
        let end = (start + length).min(self.model.len());
        if start >= end {
            return "nothing to look at".to_owned();
        }
        assert!(self.kept.bytes()[start..end] == self.model[start..end], "kept mapping {start} {end}");
        if self.random.below(2) == 0 {
            return format!("looked through {start} {end}");
        }
        let bytes = self.random.bytes(end - start);
        self.kept.bytes()[start..end].copy_from_slice(&bytes);
        self.model[start..end].copy_from_slice(&bytes);
        format!("written through {start} {end}")
    }

    fn copy_within(&mut self, path: &Path) -> String {
        let copy = path.with_extension("copy");
        fs::copy(path, &copy).expect("copied");
        assert!(fs::read(&copy).expect("read") == self.model, "a copy of the file");
        "copy".to_owned()
    }

    fn step(&mut self, path: &Path) -> String {
        match self.random.below(14) {
            0..4 => self.write(),
            4..7 => self.read(),
            7 => self.truncate(),
            8 => self.allocate(),
            9 => self.map(),
            10 => self.copy_within(path),
            11..13 => self.look_through(),
            _ => {
                self.file = open(path, self.flags);
                assert_eq!(self.file.metadata().expect("told").len(), self.model.len() as u64);
                "reopen".to_owned()
            }
        }
    }
}

fn run(mount: &Mount, name: &str, flags: i32) {
    let path = mount.join(name);
    let file = open(&path, flags);
    let kept = Mapping::new(&file, SIZE_MAX, true).expect("mapped");
    let mut run = Run { file, model: Vec::new(), random: Random::new(name), flags, kept };
    let mut done = Vec::new();
    for step in 0..STEPS {
        let before = done.len().saturating_sub(20);
        let last = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.step(&path)));
        match last {
            Ok(what) => done.push(what),
            Err(panic) => {
                eprintln!("{name}, step {step}, after {:#?}", &done[before..]);
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(fs::read(&path).expect("read") == run.model, "the file at the end");
}

#[test]
fn a_file_is_an_array_of_bytes() {
    let Some(rig) = Rig::new() else { return };
    run(&rig.mount(), "cached", 0);
}

#[test]
fn a_file_without_cache_is_an_array_of_bytes() {
    let Some(rig) = Rig::new() else { return };
    run(&rig.mount_with("mount", &["--disable-caching"]), "direct", 0);
}

#[test]
fn a_file_whose_writes_go_through_is_an_array_of_bytes() {
    let Some(rig) = Rig::new() else { return };
    run(&rig.mount_with("mount", &["--disable-wb-cache"]), "through", 0);
}
