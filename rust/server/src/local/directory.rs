//! The directory of a local engine: its files and its lock.

use daos_status::{Code, Result, Status, fail};
use daos_wire::local_directory::{ENGINE_LOCK_FILE, ERROR_FILE, LOG_FILE, PROCESS_FILE, SOCKET_FILE, error_file_text};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The socket while it is being made: clients never see one on which nobody listens.
const NEW_SOCKET_FILE: &str = "engine.sock.new";
/// The most of a small file that is read.
const TEXT_LENGTH_MAX: u64 = 4096;

/// Who holds the lock of a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holder {
    /// An engine with a process of its own.
    Process,
    /// An engine within a client's process.
    Inside,
}

impl Holder {
    const fn word(self) -> &'static str {
        match self {
            Holder::Process => "process",
            Holder::Inside => "inside",
        }
    }
}

/// Small files that lie in memory instead of on a file system, for simulations; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SmallFiles(Arc<Mutex<BTreeMap<String, String>>>);

impl SmallFiles {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// In place of files.
    memory: Option<SmallFiles>,
}

/// The lock of a directory, held as long as this lives.
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "held, not used")] Option<File>);

fn failed(doing: &str, path: &Path, error: std::io::Error) -> Status {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; give its user permission to write there, or choose another directory with DAOS_LOCAL_PATH or --local-path ('daos_server \
             start': --storage)"
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "; something else than a directory is there: choose another place"
        }
        ErrorKind::StorageFull => "; free space on its file system",
        _ => "",
    };
    let status = Status::from(error).while_doing(format_args!("{doing} {}", path.display()));
    Status::new(status.code(), format!("{}{remedy}", status.context()))
}

impl Directory {
    /// Makes the directory, for its owner only, unless it is there.
    pub fn create(path: &Path) -> Result<Directory> {
        let doing = "making the engine's directory";
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| failed(doing, path, error))?;
        let path = path.canonicalize().map_err(|error| failed("finding the engine's directory", path, error))?;
        Ok(Directory { path, memory: None })
    }

    /// A directory whose small files lie in memory, and whose lock is free: whoever simulates sees to that.
    pub fn in_memory(name: &str, files: SmallFiles) -> Directory {
        Directory { path: PathBuf::from(name), memory: Some(files) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the engine logs.
    pub fn log_file(&self) -> PathBuf {
        self.path.join(LOG_FILE)
    }

    /// Locks the directory for an engine; `None` when another one holds it.
    pub fn try_lock(&self, holder: Holder) -> Result<Option<DirectoryLock>> {
        if self.memory.is_some() {
            return Ok(Some(DirectoryLock(None)));
        }
        let path = self.path.join(ENGINE_LOCK_FILE);
        let doing = "locking the engine's directory by";
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let mut file = open.map_err(|error| failed(doing, &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(doing, &path, error)),
        }
        let text = format!("{} {}\n", holder.word(), std::process::id());
        // For messages only: an engine on a full disk still has its lock.
        let _for_people = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        Ok(Some(DirectoryLock(Some(file))))
    }

    /// Who the lock file says holds the lock: how, and in which process.
    pub fn holder(&self) -> Option<(Holder, u32)> {
        let text = read_text(&self.path.join(ENGINE_LOCK_FILE))?;
        let (word, process) = text.trim_end().split_once(' ')?;
        let holder = [Holder::Process, Holder::Inside].into_iter().find(|holder| holder.word() == word)?;
        Some((holder, process.parse().ok()?))
    }

    /// The sentence for somebody who cannot have the lock.
    pub fn in_use(&self) -> Status {
        let path = self.path.display();
        Status::new(
            Code::Busy,
            match self.holder() {
                Some((Holder::Process, process)) => format!(
                    "an engine (process {process}) serves {path} already; connect to it, stop it ('daos local stop', or signal TERM when it \
                     was started with 'daos_server start'), or use another directory"
                ),
                Some((Holder::Inside, process)) => format!(
                    "the engine of {path} runs inside process {process}, which was started with DAOS_LOCAL_MODE=inside; \
                     end that process, or use another directory"
                ),
                None => format!("another engine serves {path} already; stop it, or use another directory"),
            },
        )
    }

    /// Whether an engine accepts clients.
    pub fn is_served(&self) -> bool {
        self.with_short_path(SOCKET_FILE, |path| UnixStream::connect(path)).is_ok()
    }

    /// Listens on the directory's socket, in place of whatever an engine that was killed left there.
    pub fn listen(&self) -> Result<UnixListener> {
        let doing = "listening on";
        let new = self.path.join(NEW_SOCKET_FILE);
        remove_if_there(&new).map_err(|error| failed("removing", &new, error))?;
        let listener = self.with_short_path(NEW_SOCKET_FILE, |path| UnixListener::bind(path));
        let listener = listener.map_err(|error| failed(doing, &new, error))?;
        listener.set_nonblocking(true).map_err(|error| failed(doing, &new, error))?;
        // Whoever may write to it may be a client: its owner only, also in a directory that others may enter.
        let owner_only = Permissions::from_mode(0o600);
        std::fs::set_permissions(&new, owner_only).map_err(|error| failed(doing, &new, error))?;
        std::fs::rename(&new, self.socket()).map_err(|error| failed(doing, &new, error))?;
        Ok(listener)
    }

    fn socket(&self) -> PathBuf {
        self.path.join(SOCKET_FILE)
    }

    /// Takes the socket away, so that no more clients come.
    pub fn remove_socket(&self) {
        if let Err(error) = remove_if_there(&self.socket()) {
            daos_env::log!(Warn, "engine", "{} cannot be removed: {error}", self.socket().display());
        }
    }

    /// Says which process the engine is.
    pub fn write_process_file(&self) {
        // On a full disk, too, an engine must come up: how else could anything be deleted?
        if let Err(error) = self.replace(PROCESS_FILE, &format!("{}\n", std::process::id())) {
            daos_env::log!(Warn, "engine", "{} cannot be written: {error}", self.path.join(PROCESS_FILE).display());
        }
    }

    /// Takes that back.
    pub fn remove_process_file(&self) {
        // A file that stays names a process that is gone, which readers have to expect anyhow.
        if let Some(memory) = &self.memory {
            memory.files().remove(PROCESS_FILE);
            return;
        }
        let _stays = remove_if_there(&self.path.join(PROCESS_FILE));
    }

    /// Leaves behind why the engine could not start.
    pub fn write_error(&self, status: &Status) {
        if let Err(error) = self.replace(ERROR_FILE, &error_file_text(status)) {
            daos_env::log!(Warn, "engine", "{} cannot be written: {error}", self.path.join(ERROR_FILE).display());
        }
    }

    /// Removes the error of an earlier start.
    pub fn remove_error(&self) -> Result<()> {
        let path = self.path.join(ERROR_FILE);
        remove_if_there(&path).map_err(|error| failed("removing", &path, error))
    }

    /// Writes a file that readers see whole or not at all.
    fn replace(&self, name: &str, text: &str) -> std::io::Result<()> {
        if let Some(memory) = &self.memory {
            memory.files().insert(name.to_owned(), text.to_owned());
            return Ok(());
        }
        let new = self.path.join(format!("{name}.new"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&new, self.path.join(name))
    }

    /// As [`Directory::replace`], and the new file survives a power cut.
    pub fn replace_durably(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        if self.memory.is_some() {
            return self.replace(name, text).map_err(|error| failed("writing", &path, error));
        }
        let write = || -> std::io::Result<()> {
            let new = self.path.join(format!("{name}.new"));
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| failed("writing", &path, error))
    }

    /// The text of a small file; `None` when it is not there.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        if let Some(memory) = &self.memory {
            return Ok(memory.files().get(name).cloned());
        }
        let path = self.path.join(name);
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(TEXT_LENGTH_MAX).read_to_string(&mut text)) {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                fail!(Code::DfInval, "{} is damaged: it is not text", path.display())
            }
            Err(error) => Err(failed("reading", &path, error)),
        }
    }

    /// Runs `with` on a path that is short enough for the address of a Unix socket, which holds 107 bytes.
    fn with_short_path<T>(&self, name: &str, with: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
        let directory =
            OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(&self.path)?;
        with(Path::new(&format!("/proc/self/fd/{}/{name}", directory.as_raw_fd())))
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(TEXT_LENGTH_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, Directory) {
        let place = tempfile::tempdir().expect("a temporary directory");
        // Deeper than the address of a socket is long.
        let directory = Directory::create(&place.path().join("d".repeat(120))).expect("is made");
        (place, directory)
    }

    #[test]
    fn one_engine_holds_the_lock_and_the_other_is_told_who() {
        let (_place, directory) = directory();
        assert_eq!(directory.holder(), None);
        let lock = directory.try_lock(Holder::Inside).expect("no error").expect("free");
        assert!(directory.try_lock(Holder::Process).expect("no error").is_none());
        assert_eq!(directory.holder(), Some((Holder::Inside, std::process::id())));
        assert!(directory.in_use().context().contains("inside process"));
        drop(lock);
        assert!(directory.try_lock(Holder::Process).expect("no error").is_some());
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced() {
        let (_place, directory) = directory();
        assert!(!directory.is_served());
        drop(directory.listen().expect("listens"));
        assert!(!directory.is_served(), "nobody listens any more");
        let _listener = directory.listen().expect("listens again");
        assert!(directory.is_served());
        directory.remove_socket();
        assert!(!directory.is_served());
    }

    #[test]
    fn files_are_written_and_read() {
        let (_place, directory) = directory();
        assert_eq!(directory.read("x").expect("no error"), None);
        directory.replace_durably("x", "text").expect("writes");
        assert_eq!(directory.read("x").expect("no error"), Some("text".into()));
        std::fs::write(directory.path().join("x"), [0xff, 0xfe]).expect("writes");
        assert_eq!(directory.read("x").map_err(|error| error.code()), Err(Code::DfInval));
        directory.write_error(&Status::new(Code::Nospace, "why"));
        assert_eq!(read_text(&directory.path().join(ERROR_FILE)), Some("-1007 why\n".into()));
        directory.remove_error().expect("removes");
        directory.remove_error().expect("it is gone already");
    }
}
