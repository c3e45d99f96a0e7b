//! Trees are copied in, out and between containers, and are the same.

use crate::harness::{Rig, pattern, send_kill};
use crate::trees::{self, Entry};
use crate::{errno, make, mount};
use daos_dfs::{Access, CopyOptions, CopyPlace, CopyProgress, CopySummary, FileSystem, Result, copy};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn local(path: impl Into<PathBuf>) -> CopyPlace {
    CopyPlace::Local(path.into())
}

fn within(file_system: &FileSystem, path: &str) -> CopyPlace {
    CopyPlace::Container { file_system: file_system.clone(), path: path.into() }
}

fn run(rig: &Rig, from: CopyPlace, to: CopyPlace) -> Result<CopySummary> {
    run_with(rig, from, to, Arc::default())
}

fn run_with(rig: &Rig, from: CopyPlace, to: CopyPlace, progress: Arc<CopyProgress>) -> Result<CopySummary> {
    rig.run(move |client| async move { copy(&client, from, to, CopyOptions::default(), progress).await })
}

/// A directory of this machine with a tree in it.
fn tree(seed: u64) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    trees::make(&source, seed);
    (directory, source)
}

#[test]
fn a_tree_goes_in_across_and_out_and_is_the_same() {
    let (directory, source) = tree(1);
    let rig = Rig::inside();
    let (one, other) = (make(&rig, "one"), make(&rig, "other"));
    let progress: Arc<CopyProgress> = Arc::default();
    let summary = run_with(&rig, local(&source), within(&one, "/deep/er"), progress.clone()).unwrap();
    let entries = trees::read(&source);
    let count = |wanted: fn(&Entry) -> bool| entries.values().filter(|entry| wanted(entry)).count() as u64;
    assert_eq!(summary.files, count(|entry| matches!(entry, Entry::File(..))));
    assert_eq!(summary.directories, count(|entry| matches!(entry, Entry::Directory(..))));
    assert_eq!(summary.links, count(|entry| matches!(entry, Entry::Link(..))));
    assert_eq!(summary.bytes, progress.bytes_found.load(Ordering::Relaxed));
    assert_eq!(progress.files_found.load(Ordering::Relaxed), summary.files);
    run(&rig, within(&one, "/deep/er"), within(&other, "/")).unwrap();
    run(&rig, within(&one, "/deep"), within(&one, "/again")).unwrap();
    drop((one, other));
    let rig = rig.restart();
    let (one, other) = (mount(&rig, "one"), mount(&rig, "other"));
    let targets = ["first", "second", "third"].map(|name| directory.path().join(name));
    run(&rig, within(&one, "/deep/er"), local(&targets[0])).unwrap();
    run(&rig, within(&other, "/"), local(&targets[1])).unwrap();
    run(&rig, within(&one, "/again/er"), local(&targets[2])).unwrap();
    for target in &targets {
        assert_eq!(trees::read(target), entries, "{}", target.display());
    }
}

#[test]
fn a_second_copy_repairs_and_replaces() {
    let (directory, source) = tree(2);
    let rig = Rig::inside();
    let files = make(&rig, "files");
    run(&rig, local(&source), within(&files, "/copy")).unwrap();
    // Both sides change: a file grows, one shrinks, one becomes a link, one goes the other way.
    let victim = |name: &str| source.join(name);
    fs::write(victim("grows"), b"1").unwrap();
    fs::write(victim("shrinks"), pattern(3 << 20, 3)).unwrap();
    fs::write(victim("becomes a link"), b"2").unwrap();
    symlink("x", victim("becomes a file")).unwrap();
    run(&rig, local(&source), within(&files, "/copy")).unwrap();
    fs::write(victim("grows"), pattern(2 << 20, 1)).unwrap();
    fs::write(victim("shrinks"), b"short").unwrap();
    fs::remove_file(victim("becomes a link")).unwrap();
    symlink("y", victim("becomes a link")).unwrap();
    fs::remove_file(victim("becomes a file")).unwrap();
    fs::write(victim("becomes a file"), b"3").unwrap();
    run(&rig, local(&source), within(&files, "/copy")).unwrap();
    let target = directory.path().join("target");
    // What stands at the target is partly right already, and partly in the way.
    fs::create_dir(&target).unwrap();
    fs::write(target.join("grows"), pattern(5 << 20, 9)).unwrap();
    symlink("/etc/passwd", target.join("shrinks")).unwrap();
    for _ in 0..2 {
        run(&rig, within(&files, "/copy"), local(&target)).unwrap();
        assert_eq!(trees::read(&target), trees::read(&source));
    }
}

#[test]
fn single_files_and_what_is_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let rig = Rig::inside();
    let files = make(&rig, "files");
    fs::write(path("file"), b"content").unwrap();
    fs::create_dir(path("tree")).unwrap();
    fs::write(path("tree/x"), b"x").unwrap();
    symlink("file", path("link")).unwrap();
    run(&rig, local(path("file")), within(&files, "/renamed")).unwrap();
    run(&rig, local(path("file")), within(&files, "/")).unwrap();
    run(&rig, local(path("link")), within(&files, "/a/b/c")).unwrap();
    run(&rig, within(&files, "/renamed"), local(path("out"))).unwrap();
    run(&rig, within(&files, "/a/b/c"), local(path("tree"))).unwrap();
    run(&rig, within(&files, "/file"), within(&files, "/a")).unwrap();
    for name in ["out", "tree/c"] {
        assert_eq!(fs::read(path(name)).unwrap(), b"content", "{name}");
    }
    let fails = |from, to, number: i32, named: &str| {
        let error = run(&rig, from, to).unwrap_err();
        assert_eq!(error.errno, number, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    fails(local(path("tree")), within(&files, "/renamed"), libc::ENOTDIR, "/renamed");
    fails(local(path("none")), within(&files, "/x"), libc::ENOENT, "none");
    fails(within(&files, "/none"), local(path("x")), libc::ENOENT, "/none");
    fails(within(&files, "/a"), local(path("missing/x")), libc::ENOENT, "missing/x");
    fails(within(&files, "/a"), within(&files, "/a/b/below"), libc::EINVAL, "/a/b/below");
    fails(within(&files, "/"), within(&files, "/x"), libc::EINVAL, "/x");
    fails(local(path("file")), local(path("x")), libc::EINVAL, "container");
    // Below: a directory of the name of a file, and the other way round.
    run(&rig, local(path("tree")), within(&files, "/copy")).unwrap();
    fs::remove_file(path("tree/x")).unwrap();
    fs::create_dir(path("tree/x")).unwrap();
    fails(local(path("tree")), within(&files, "/copy"), libc::ENOTDIR, "tree/x");
    fs::create_dir(path("target")).unwrap();
    fs::create_dir(path("target/x")).unwrap();
    fails(within(&files, "/copy"), local(path("target")), libc::EISDIR, "/copy/x");
}

#[test]
fn holes_stay_holes_and_pipes_are_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    let file = fs::File::create(source.join("sparse")).unwrap();
    file.set_len(3 << 30).unwrap();
    file.write_all_at(b"in the middle", 1 << 30).unwrap();
    fs::File::create(source.join("empty at the end")).unwrap().set_len(5 << 20).unwrap();
    let made = std::process::Command::new("mkfifo").arg(source.join("pipe")).status().unwrap();
    assert!(made.success());
    let rig = Rig::inside();
    let files = make(&rig, "files");
    let summary = run(&rig, local(&source), within(&files, "/copy")).unwrap();
    assert_eq!((summary.files, summary.skipped_count), (2, 1));
    assert!(summary.skipped[0].ends_with("source/pipe"), "{:?}", summary.skipped);
    let pool = rig.pool.clone();
    let info = rig.run(move |client| async move { pool.query(&client).await.unwrap() });
    let used = info.data.total - info.data.free;
    assert!(used < 64 << 20, "{used} bytes are used for a few");
    rig.run({
        let files = files.clone();
        move |client| async move {
            let node = files.lookup(&client, b"/copy/sparse", Access::ReadOnly, false).await.unwrap();
            assert_eq!(node.size(&client).await.unwrap(), 3 << 30);
            let middle = node.read(&client, (1 << 30) - 5, 20).await.unwrap();
            assert_eq!(&middle, b"\0\0\0\0\0in the middle\0\0");
            let node = files.lookup(&client, b"/copy/empty at the end", Access::ReadOnly, false).await.unwrap();
            assert_eq!(node.size(&client).await.unwrap(), 5 << 20);
        }
    });
    let target = directory.path().join("target");
    run(&rig, within(&files, "/copy/empty at the end"), local(&target)).unwrap();
    let metadata = fs::metadata(&target).unwrap();
    assert!(metadata.size() == 5 << 20 && metadata.blocks() < 100, "{metadata:?}");
}

#[test]
fn a_copy_that_is_stopped_says_so_and_leaves_whole_files() {
    let (directory, source) = tree(3);
    let rig = Rig::inside();
    let files = make(&rig, "files");
    let progress: Arc<CopyProgress> = Arc::default();
    progress.cancel.store(true, Ordering::Relaxed);
    let stopped = run_with(&rig, local(&source), within(&files, "/copy"), progress);
    assert_eq!(errno(stopped), Some(libc::ECANCELED));
    run(&rig, local(&source), within(&files, "/copy")).unwrap();
    let target = directory.path().join("target");
    run(&rig, within(&files, "/copy"), local(&target)).unwrap();
    assert_eq!(trees::read(&target), trees::read(&source));
}

#[test]
fn after_kills_of_the_engine_a_further_copy_is_the_same() {
    let (directory, source) = tree(4);
    let rig = Rig::process();
    let files = make(&rig, "files");
    for round in 0..3 {
        let process = rig.engine_process();
        // Somewhere in the middle: as soon as some files are in.
        let progress: Arc<CopyProgress> = Arc::default();
        let watched = progress.clone();
        let killer = std::thread::spawn(move || {
            while watched.files.load(Ordering::Relaxed) < 5 + round * 15 && !watched.cancel.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            send_kill(process);
        });
        let result = run_with(&rig, local(&source), within(&files, "/copy"), progress.clone());
        progress.cancel.store(true, Ordering::Relaxed);
        killer.join().unwrap();
        if let Err(error) = result {
            assert!(error.to_string().contains("source"), "{error}");
        }
        whole_files_only(&rig, &files, &source, directory.path());
    }
    run(&rig, local(&source), within(&files, "/copy")).unwrap();
    let target = directory.path().join("target");
    run(&rig, within(&files, "/copy"), local(&target)).unwrap();
    // The engine's clock is ahead of ours after a kill; times that were kept must not be taken for older than the data.
    let (left, right) = (trees::read(&target), trees::read(&source));
    let differing: Vec<_> = left.keys().filter(|name| left.get(*name) != right.get(*name)).collect();
    assert!(differing.is_empty() && left.len() == right.len(), "{} of {}: {differing:?}", left.len(), right.len());
}

/// What is in the container is what the source has of the name.
fn whole_files_only(rig: &Rig, files: &FileSystem, source: &Path, directory: &Path) {
    let target = directory.join("partial");
    run(rig, within(files, "/copy"), local(&target)).unwrap();
    let (whole, partial) = (trees::contents(source), trees::contents(&target));
    for (path, entry) in &partial {
        if let Entry::File(..) = entry {
            assert_eq!(whole.get(path), Some(entry), "{}", path.display());
        }
    }
    fs::remove_dir_all(target).unwrap();
}
