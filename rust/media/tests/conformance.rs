//! Real media pass the suite of the seam.

use daos_env::{Env, Executor, SystemClock};
use daos_media::{ArenaSettings, Durability, DurableArena, FileMedia, IoEngine, Media, MemoryMedia, PersistWay};
use daos_status::Code;
use daos_testkit::media_suite::{check_full_media, check_media};
use daos_testkit::memory_suite::check_memory;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
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

fn check_file_memory(directory: &Path) {
    let executor = executor();
    let open = || FileMedia::open(directory, IoEngine::Blocking, executor.spawner()).expect("open");
    check_memory(&|| Rc::new(open()));
    check_arena_in_files(directory);
}

/// An arena in files, whose process ends without closing it.
fn check_arena_in_files(directory: &Path) {
    let mut stored = Vec::new();
    for life in 0..4u64 {
        let executor = executor();
        let (spawner, env) = (executor.spawner().clone(), Env::system());
        let media: Rc<dyn Media> =
            Rc::new(FileMedia::open(directory, IoEngine::Blocking, executor.spawner()).expect("open"));
        let known = stored.clone();
        let run = async move {
            let durability = Durability::Pmem;
            let settings = ArenaSettings { arena_capacity: 4 << 20, log_bytes: 1, data_bytes: 1 << 20, durability };
            let durable = match life {
                0 => DurableArena::create(media, settings, env, &spawner).await?,
                _ => DurableArena::open(media, env, &spawner).await?,
            };
            for (position, value) in known {
                let read: u64 = durable.arena().read_value(position)?;
                assert_eq!(read, value, "life {life}");
            }
            let mut stored = Vec::new();
            // More than the journal holds.
            for value in 0..3000u64 {
                durable.admission().await?;
                let mut transaction = durable.arena().begin();
                let offset = if value < 100 { Some(transaction.allocate(64)?) } else { None };
                let place = value as usize % 100;
                let position = offset.map_or_else(|| stored.get(place).map_or(0, |(at, _)| *at), |offset| offset.get());
                transaction.write_value(position, &(life * 10_000 + value))?;
                let lsn = durable.commit(transaction)?;
                durable.wait_durable(lsn).await?;
                stored.resize(stored.len().max(place + 1), (0, 0));
                stored[place] = (position, life * 10_000 + value);
            }
            assert_eq!(durable.statistics().log_records, 3000);
            if life == 2 {
                durable.close().await?;
            }
            Ok::<_, daos_status::Status>(stored)
        };
        stored.extend(executor.block_on(run).expect("done").expect("works"));
    }
}

#[test]
fn file_memory_passes_the_suite() {
    let directory = tempfile::tempdir().expect("directory");
    check_file_memory(directory.path());
}

#[test]
fn file_memory_on_tmpfs_passes_the_suite() {
    let Ok(directory) = tempfile::tempdir_in("/dev/shm") else { return eprintln!("skipped: no /dev/shm") };
    check_file_memory(directory.path());
}

/// With flush instructions, which libpmem uses on persistent memory, or where it is told to.
#[test]
fn file_memory_with_flush_instructions_passes_the_suite() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        if let Err(reason) = daos_pmem_sys::Library::load() {
            return eprintln!("skipped: {reason}");
        }
        let directory = tempfile::tempdir().expect("directory");
        let name = "file_memory_with_flush_instructions_passes_the_suite";
        assert!(run_alone(name, "export PMEM_IS_PMEM_FORCE=1", directory.path(), &[]));
        return;
    };
    let executor = executor();
    let media = FileMedia::open(&directory, IoEngine::Blocking, executor.spawner()).expect("open");
    let way = media.create_memory("m", 4096).expect("create").way();
    assert_eq!(way, PersistWay::Flush);
    media.remove("m").expect("remove");
    drop(media);
    check_file_memory(Path::new(&directory));
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

/// Where a test that runs in a process of its own works.
const DIRECTORY: &str = "DAOS_TEST_DIRECTORY";

/// Runs one test of this program again, in a process that a shell has prepared; whether it could be prepared.
fn run_alone(test: &str, prepare: &str, directory: &Path, wrapper: &[&str]) -> bool {
    let program = std::env::current_exe().expect("its path");
    let mut words = wrapper.iter().copied().chain(["sh", "-c"]);
    let mut command = Command::new(words.next().expect("a shell"));
    // 77 says that the machine does not allow it.
    let script = format!("({prepare}) >/dev/null 2>&1 || exit 77\n{prepare}\nexec \"$0\" --exact {test} --nocapture");
    command.args(words).arg(script).arg(program).env(DIRECTORY, directory);
    let output = command.output().expect("sh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(77) => false,
        Some(1) if text.contains("unshare: ") => false,
        Some(0) => {
            assert!(text.contains("1 passed"), "{text}");
            true
        }
        _ => panic!("{}: {text}", output.status),
    }
}

/// A file that may not grow beyond a limit of the process (`ulimit -f`), with both engines.
#[test]
fn files_beyond_the_limit_of_a_process_are_a_full_disk() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        let directory = tempfile::tempdir().expect("directory");
        let executor = executor();
        for name in ["blocking", "automatic"] {
            let media = FileMedia::create(directory.path().join(name), IoEngine::Blocking, executor.spawner());
            media.expect("create").create("d", 1 << 20).expect("create");
        }
        // The signal would end the process; ignored, the limit is an error of the write. The unit is 512 or 1024 bytes.
        let prepare = "trap '' XFSZ; ulimit -f 128";
        let name = "files_beyond_the_limit_of_a_process_are_a_full_disk";
        if !run_alone(name, prepare, directory.path(), &[]) {
            eprintln!("skipped: no limits on files here");
        }
        return;
    };
    for (name, engine) in [("blocking", IoEngine::Blocking), ("automatic", IoEngine::Automatic)] {
        let executor = executor();
        let media = FileMedia::open(Path::new(&directory).join(name), engine, executor.spawner()).expect("open");
        check_full_media(&executor, media.open("d").expect("open"));
    }
}

/// A file system without space, with both engines: a small tmpfs in a namespace of its own.
#[test]
fn a_full_file_system_gives_errors_that_say_so() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        let directory = tempfile::tempdir().expect("directory");
        let mount = format!("mount -t tmpfs -o size=400k none {}", directory.path().display());
        let name = "a_full_file_system_gives_errors_that_say_so";
        let wrapper = ["unshare", "--mount", "--map-root-user"];
        if !run_alone(name, &mount, directory.path(), &wrapper) {
            eprintln!("skipped: no mounts here");
        }
        return;
    };
    for engine in [IoEngine::Blocking, IoEngine::Automatic] {
        let executor = executor();
        let media = FileMedia::open(&directory, engine, executor.spawner()).expect("open");
        check_full_media(&executor, media.create("d", 2 << 20).expect("sparse"));
        media.remove("d").expect("removing works when it is full");
    }
}

/// Directories that the user may not write to, or not even enter.
#[test]
fn missing_permissions_are_told_with_the_path() {
    use std::os::unix::fs::PermissionsExt;
    let Ok(directory) = std::env::var(DIRECTORY) else {
        let directory = tempfile::tempdir().expect("directory");
        let restrict = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        for (name, mode) in [("read-only", 0o555), ("closed", 0o000)] {
            std::fs::create_dir(directory.path().join(name)).expect("directory");
            restrict(&directory.path().join(name), mode).expect("restricted");
        }
        restrict(directory.path(), 0o755).expect("open to others");
        let mut command = Command::new(std::env::current_exe().expect("its path"));
        command.args(["--exact", "missing_permissions_are_told_with_the_path", "--nocapture"]);
        command.env(DIRECTORY, directory.path());
        // Root may do everything; nobody may not.
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.uid(65534);
        }
        match command.output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => eprintln!("skipped: cannot run as another user: {error}"),
        }
        return restrict(&directory.path().join("closed"), 0o700).expect("can be removed");
    };
    let executor = executor();
    for name in ["read-only", "closed"] {
        let path = Path::new(&directory).join(name);
        for path in [path.clone(), path.join("deeper")] {
            let status = FileMedia::create(&path, IoEngine::Blocking, executor.spawner()).err().expect("not allowed");
            assert_eq!(status.code(), Code::NoPerm, "{status}");
            let text = status.context();
            assert!(text.contains(&path.display().to_string()) && text.contains("permission"), "{text}");
        }
    }
}

/// A removal that a crash has interrupted is ended by the next engine; half a folder is never seen.
#[test]
fn interrupted_removals_of_folders_are_ended() {
    let directory = tempfile::tempdir().expect("directory");
    let executor = executor();
    let left = directory.path().join(".removed-pool");
    std::fs::create_dir(&left).expect("directory");
    std::fs::write(left.join("log"), b"x").expect("file");
    let media = FileMedia::open(directory.path(), IoEngine::Blocking, executor.spawner()).expect("open");
    assert!(!left.exists());
    std::fs::create_dir(&left).expect("directory");
    std::fs::write(left.join("log"), b"x").expect("file");
    media.folder("pool").expect("folder").create("log", 4096).expect("create");
    assert_eq!(media.folders().expect("folders"), ["pool"]);
    media.remove_folder("pool").expect("remove");
    assert!(!left.exists() && !directory.path().join("pool").exists());
}
