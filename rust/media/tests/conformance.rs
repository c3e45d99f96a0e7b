//! Real media pass the suite of the seam.

use daos_env::{Executor, SystemClock};
use daos_media::{FileMedia, IoEngine, Media, MemoryMedia};
use daos_status::Code;
use daos_testkit::media_suite::check_media;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

fn executor() -> Executor {
    // Without spinning: every wait for the kernel is a sleep on the ring's descriptor.
    Executor::new(Arc::new(SystemClock), Duration::ZERO).expect("eventfd")
}

fn check_files(directory: &Path, engine: IoEngine) {
    let executor = executor();
    let open = || Rc::new(FileMedia::open(directory, engine, executor.spawner()).expect("open")) as Rc<dyn Media>;
    check_media(&executor, &open);
}

#[test]
fn memory_media_pass_the_suite() {
    let media = MemoryMedia::new();
    check_media(&executor(), &|| Rc::new(media.clone()));
}

#[test]
fn file_media_with_blocking_calls_pass_the_suite() {
    let directory = tempfile::tempdir().expect("directory");
    check_files(directory.path(), IoEngine::Blocking);
}

#[test]
fn file_media_pass_the_suite_with_what_the_machine_has() {
    let directory = tempfile::tempdir().expect("directory");
    check_files(directory.path(), IoEngine::Automatic);
}

#[test]
fn file_media_with_io_uring_pass_the_suite() {
    let directory = tempfile::tempdir().expect("directory");
    let executor = executor();
    match FileMedia::open(directory.path(), IoEngine::Ring, executor.spawner()) {
        Ok(media) => assert!(media.uses_ring()),
        // Where the kernel forbids it there is nothing to test.
        Err(status) => return eprintln!("skipped: {status}"),
    }
    check_files(directory.path(), IoEngine::Ring);
}

#[test]
fn file_media_on_tmpfs_pass_the_suite() {
    let Ok(directory) = tempfile::tempdir_in("/dev/shm") else { return eprintln!("skipped: no /dev/shm") };
    check_files(directory.path(), IoEngine::Automatic);
}

#[test]
fn a_directory_belongs_to_one_engine() {
    let directory = tempfile::tempdir().expect("directory");
    let executor = executor();
    let open = || FileMedia::open(directory.path(), IoEngine::Blocking, executor.spawner());
    let first = open().expect("open");
    let device = first.create("d", 4096).expect("create");
    drop(first);
    let status = open().err().expect("the device holds the lock");
    assert_eq!(status.code(), Code::Busy);
    assert!(status.context().contains(&directory.path().display().to_string()), "{status}");
    drop(device);
    open().expect("free again");
}

#[test]
fn errors_name_the_path_and_the_remedy() {
    let directory = tempfile::tempdir().expect("directory");
    let executor = executor();
    let missing = directory.path().join("missing");
    let status = FileMedia::open(&missing, IoEngine::Blocking, executor.spawner()).err().expect("missing");
    assert_eq!(status.code(), Code::Nonexist);
    assert!(
        status.context().contains(&missing.display().to_string()) && status.context().contains("create"),
        "{status}"
    );
    FileMedia::create(missing.join("deeper"), IoEngine::Blocking, executor.spawner()).expect("made");
    let file = directory.path().join("file");
    std::fs::write(&file, b"").expect("write");
    let status = FileMedia::create(&file, IoEngine::Blocking, executor.spawner()).err().expect("a file");
    assert!(matches!(status.code(), Code::Notdir | Code::Exist), "{status}");
}

#[test]
fn a_file_that_was_cut_off_gives_errors() {
    let directory = tempfile::tempdir().expect("directory");
    let executor = executor();
    let media = FileMedia::open(directory.path(), IoEngine::Automatic, executor.spawner()).expect("open");
    let device = media.create("d", 1 << 20).expect("create");
    let file = std::fs::OpenOptions::new().write(true).open(directory.path().join("d")).expect("open");
    file.set_len(8192).expect("truncate");
    let read = executor.block_on(async move { device.read(4096, 8192).await }).expect("done");
    assert_eq!(read.expect_err("short").code(), Code::Io);
    assert_eq!(media.open("d").expect("open").capacity(), 8192);
}

#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("directory");
    let executor = executor();
    let path = directory.path().join("storage");
    let media = FileMedia::create(&path, IoEngine::Blocking, executor.spawner()).expect("create");
    media.create("d", 4096).expect("create");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("d"))), (0o700, 0o600));
}
