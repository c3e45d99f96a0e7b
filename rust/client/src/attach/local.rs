//! The files of a local engine, and how a client finds or starts it through them.

use super::looks::Looks;
use super::socket::connect;
use super::starting::Starting;
use crate::Client;
use daos_status::{Code, Result, Status, fail};
use daos_wire::Hello;
use daos_wire::header::HEADER_LENGTH;
use daos_wire::local_directory::{
    ENGINE_LOCK_FILE, ERROR_FILE, ERROR_FILE_LENGTH_MAX, LOG_FILE, PROCESS_FILE, SOCKET_FILE, START_LOCK_FILE,
    error_of_file_text,
};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a client waits for an engine to come up: recovery reads a checkpoint and a log, which may be gigabytes.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// The directory of a local engine.
#[derive(Clone, Debug)]
pub struct LocalDirectory(PathBuf);

impl LocalDirectory {
    /// Makes the directory, for its owner only, unless it is there.
    pub fn create(path: &Path) -> Result<LocalDirectory> {
        let failed = |error: std::io::Error| {
            Status::from(error).while_doing(format_args!(
                "the local engine's directory {} cannot be used; choose another with DAOS_LOCAL_PATH or --local-path",
                path.display()
            ))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let metadata = std::fs::metadata(path).map_err(failed)?;
        // SAFETY: geteuid has no preconditions.
        let user = unsafe { libc::geteuid() };
        if metadata.uid() != user && user != 0 {
            fail!(
                Code::NoPerm,
                "the local engine's directory {} belongs to user {}; choose another with DAOS_LOCAL_PATH or --local-path",
                path.display(),
                metadata.uid()
            );
        }
        Ok(LocalDirectory(path.canonicalize().map_err(failed)?))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The socket on which the engine greets its clients.
    pub fn socket(&self) -> PathBuf {
        self.0.join(SOCKET_FILE)
    }

    /// The file that an engine locks while it serves the directory.
    pub fn engine_lock(&self) -> PathBuf {
        self.0.join(ENGINE_LOCK_FILE)
    }

    /// The file that a client locks while it starts the engine.
    pub fn start_lock(&self) -> PathBuf {
        self.0.join(START_LOCK_FILE)
    }

    /// The process id of the engine, as text.
    pub fn process_file(&self) -> PathBuf {
        self.0.join(PROCESS_FILE)
    }

    /// Why the last engine could not start: a DER number, a space, a sentence.
    pub fn error_file(&self) -> PathBuf {
        self.0.join(ERROR_FILE)
    }

    /// What the engine logs.
    pub fn log_file(&self) -> PathBuf {
        self.0.join(LOG_FILE)
    }

    /// Runs `with` on a path of the socket that is short enough for any system call: addresses of Unix sockets hold 107
    /// bytes, and directories may be deeper.
    pub fn with_short_socket_path<T>(&self, with: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
        let directory = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(&self.0)?;
        with(Path::new(&format!("/proc/self/fd/{}/{SOCKET_FILE}", directory.as_raw_fd())))
    }

    /// Connects to the engine without waiting: `WouldBlock` when too many others wait to be greeted.
    pub fn connect(&self) -> std::io::Result<UnixStream> {
        self.with_short_socket_path(connect)
    }

    /// Locks a file of the directory for this open file description; `None` when somebody else holds it.
    pub fn try_lock(&self, path: &Path) -> Result<Option<File>> {
        let failed =
            |error: std::io::Error| Status::from(error).while_doing(format_args!("locking {}", path.display()));
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// What the last engine that failed to start left behind.
    fn take_error(&self) -> Option<Status> {
        let mut text = String::new();
        File::open(self.error_file()).ok()?.take(ERROR_FILE_LENGTH_MAX).read_to_string(&mut text).ok()?;
        error_of_file_text(&text)
    }
}

/// Connects to the engine of the directory, starting it when there is none.
pub(crate) async fn greet(client: &Client, directory: &LocalDirectory) -> Result<(UnixStream, Hello)> {
    let spawner = client.spawner();
    let deadline = spawner.clock().monotonic() + START_TIMEOUT;
    let mut starting: Option<Starting> = None;
    loop {
        // Asked before the look at the socket: a process that is ready listens before it lets go.
        let ended = starting.as_mut().is_some_and(Starting::has_ended);
        match directory.connect() {
            Ok(stream) => {
                let hello = read_hello(client, &stream, deadline).await.map_err(|status| match status.code() {
                    Code::Timedout => silent(directory),
                    _ => status,
                });
                if let Some(hello) = hello? {
                    return Ok((stream, hello));
                }
                // An engine that closes without a greeting is about to end.
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                if starting.is_none() {
                    starting = start_once(client, directory)?;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                let doing = format!("connecting to the local engine at {}", directory.socket().display());
                return Err(Status::from(error).while_doing(doing));
            }
        }
        if let Some(started) = &starting
            && let Some(error) = directory.take_error().or_else(|| ended.then(|| started.error()))
        {
            return Err(error.while_doing(format_args!(
                "the local engine of {} did not start (its log: {})",
                directory.path().display(),
                directory.log_file().display()
            )));
        }
        if spawner.clock().monotonic() >= deadline {
            fail!(
                Code::Timedout,
                "the local engine of {} did not answer within {} s; see {}",
                directory.path().display(),
                START_TIMEOUT.as_secs(),
                directory.log_file().display()
            );
        }
        spawner.sleep(LOOK_INTERVAL).await;
    }
}

/// An engine that is there, and greets nobody.
fn silent(directory: &LocalDirectory) -> Status {
    let sentence = format!(
        "the local engine of {} took a connection in and said nothing for {} s; it serves as many clients as it can, or its process ({}) was \
         stopped in its tracks: 'kill -CONT' lets it go on",
        directory.path().display(),
        START_TIMEOUT.as_secs(),
        directory.process_file().display()
    );
    Status::new(Code::Timedout, sentence)
}

/// Starts the engine, unless another client is doing so.
fn start_once(client: &Client, directory: &LocalDirectory) -> Result<Option<Starting>> {
    let Some(lock) = directory.try_lock(&directory.start_lock())? else { return Ok(None) };
    // Another client may have started it between the look at the socket and the lock.
    if directory.with_short_socket_path(connect).is_ok() {
        return Ok(None);
    }
    match std::fs::remove_file(directory.error_file()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Status::from(error).while_doing(format_args!("removing {}", directory.error_file().display())));
        }
        _ => {}
    }
    let words = client.0.launcher.launch_process(directory.path())?;
    Ok(Some(Starting::new(lock, words)))
}

/// Reads the greeting; `None` when the engine closed the connection before it was complete.
async fn read_hello(client: &Client, stream: &UnixStream, deadline: Duration) -> Result<Option<Hello>> {
    let mut header = [0; HEADER_LENGTH];
    if !fill(client, stream, &mut header, deadline).await? {
        return Ok(None);
    }
    let mut bytes = header.to_vec();
    bytes.resize(HEADER_LENGTH + Hello::rest_length(&header)?, 0);
    if !fill(client, stream, &mut bytes[HEADER_LENGTH..], deadline).await? {
        return Ok(None);
    }
    Hello::from_bytes(&bytes).map(Some)
}

async fn fill(client: &Client, mut stream: &UnixStream, buffer: &mut [u8], deadline: Duration) -> Result<bool> {
    let (mut filled, mut looks) = (0, Looks::new());
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(false),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if client.spawner().clock().monotonic() >= deadline {
                    return Err(Code::Timedout.into());
                }
                looks.pause(client).await;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(Status::from(error).while_doing("reading the local engine's greeting")),
        }
    }
    Ok(true)
}
