//! Devices that are files of a directory.

mod device;
mod engine;
mod error;
mod ring;

pub use engine::IoEngine;

use crate::device::{BLOCK_SIZE, BlockDevice, Media, check_name, check_size};
use daos_env::{IoBuffer, Spawner};
use daos_status::{Code, Result, fail};
use device::FileDevice;
use engine::Engine;
use error::io_status;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Locked as long as a media is open: two engines must never write to one directory.
const LOCK_FILE: &str = ".lock";

/// A directory whose files are devices, read and written past the page cache where the file system allows it.
///
/// Files have mode 0600, directories 0700. One thread opens a directory at a time; its folders share its lock and ring.
pub struct FileMedia {
    path: PathBuf,
    engine: Rc<Engine>,
    lock: Rc<File>,
}

impl FileMedia {
    /// Opens a directory that exists.
    pub fn open(path: impl AsRef<Path>, engine: IoEngine, spawner: &Spawner) -> Result<FileMedia> {
        let path = path.as_ref().to_path_buf();
        let shown = path.display();
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join(LOCK_FILE));
        let lock = lock.map_err(|error| io_status(&error, &format!("opening the storage directory {shown}")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                fail!(
                    Code::Busy,
                    "the storage directory {shown} is in use by another engine: stop it, or use another directory"
                )
            }
            Err(TryLockError::Error(error)) => {
                return Err(io_status(&error, &format!("locking the storage directory {shown}")));
            }
        }
        let engine = Engine::new(engine, spawner)
            .map_err(|error| io_status(&error, &format!("setting up io_uring for {shown}")))?;
        Ok(FileMedia { path, engine: Rc::new(engine), lock: Rc::new(lock) })
    }

    /// Makes the directory, and those above it, where they are missing, then opens it.
    pub fn create(path: impl AsRef<Path>, engine: IoEngine, spawner: &Spawner) -> Result<FileMedia> {
        let path = path.as_ref();
        make_directory(path, true)?;
        FileMedia::open(path, engine, spawner)
    }

    /// Whether operations go through io_uring.
    pub fn uses_ring(&self) -> bool {
        matches!(*self.engine, Engine::Ring(_))
    }

    fn file_path(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.path.join(name))
    }

    fn device(&self, path: &Path, file: File, capacity: u64) -> Rc<dyn BlockDevice> {
        Rc::new(FileDevice {
            name: path.display().to_string().into(),
            capacity,
            file: Rc::new(file),
            engine: self.engine.clone(),
            _lock: self.lock.clone(),
        })
    }

    fn names(&self, directories: bool) -> Result<Vec<String>> {
        let read = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&self.path)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                let wanted = if directories { kind.is_dir() } else { kind.is_file() };
                // Names that are none of ours are none of our business.
                if let Ok(name) = entry.file_name().into_string()
                    && wanted
                    && check_name(&name).is_ok()
                {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        read().map_err(|error| io_status(&error, &format!("listing {}", self.path.display())))
    }
}

/// Makes a directory durably; one that is there already will do.
fn make_directory(path: &Path, with_parents: bool) -> Result<()> {
    let made = DirBuilder::new().mode(0o700).recursive(with_parents).create(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => {
            Err(io_status(&error, &format!("making the directory {}", path.display())))
        }
        _ => path.parent().map_or(Ok(()), sync_directory),
    }
}

/// Makes names that were added to or removed from a directory durable.
fn sync_directory(path: &Path) -> Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    match synced {
        // A directory above ours that we may enter but not read cannot be synced by us.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EINVAL)) => Ok(()),
        other => other.map_err(|error| io_status(&error, &format!("syncing the directory {}", path.display()))),
    }
}

/// Opens a file for direct I/O, or through the page cache where its file system does not offer that.
fn open_direct(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.clone().custom_flags(libc::O_DIRECT).open(path) {
        // Some file systems accept the flag and refuse the first read.
        Ok(file) => match file.read_at(IoBuffer::zeroed(BLOCK_SIZE).padded_mut(), 0) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => options.open(path),
            _ => Ok(file),
        },
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => options.open(path),
        Err(error) => Err(error),
    }
}

impl Media for FileMedia {
    fn create(&self, name: &str, size: u64) -> Result<Rc<dyn BlockDevice>> {
        let path = self.file_path(name)?;
        check_size(&path.display().to_string(), size)?;
        let make = || -> io::Result<File> {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.set_len(size).and_then(|()| file.sync_all()).and_then(|()| open_direct(&path)).inspect_err(|_| {
                // Best effort: the error that is reported is the one that matters.
                let _ignored = std::fs::remove_file(&path);
            })
        };
        let file =
            make().map_err(|error| io_status(&error, &format!("creating {} of {size} bytes", path.display())))?;
        sync_directory(&self.path)?;
        Ok(self.device(&path, file, size))
    }

    fn open(&self, name: &str) -> Result<Rc<dyn BlockDevice>> {
        let path = self.file_path(name)?;
        let failed = |error: io::Error| io_status(&error, &format!("opening {}", path.display()));
        let file = open_direct(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(self.device(&path, file, length / BLOCK_SIZE as u64 * BLOCK_SIZE as u64))
    }

    fn exists(&self, name: &str) -> Result<bool> {
        let path = self.file_path(name)?;
        path.try_exists().map_err(|error| io_status(&error, &format!("looking for {}", path.display())))
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.file_path(name)?;
        std::fs::remove_file(&path).map_err(|error| io_status(&error, &format!("removing {}", path.display())))?;
        sync_directory(&self.path)
    }

    fn list(&self) -> Result<Vec<String>> {
        self.names(false)
    }

    fn folder(&self, name: &str) -> Result<Rc<dyn Media>> {
        let path = self.file_path(name)?;
        make_directory(&path, false)?;
        Ok(Rc::new(FileMedia { path, engine: self.engine.clone(), lock: self.lock.clone() }))
    }

    fn folders(&self) -> Result<Vec<String>> {
        self.names(true)
    }

    fn remove_folder(&self, name: &str) -> Result<()> {
        let path = self.file_path(name)?;
        std::fs::remove_dir_all(&path).map_err(|error| io_status(&error, &format!("removing {}", path.display())))?;
        sync_directory(&self.path)
    }

    fn describe(&self) -> String {
        self.path.display().to_string()
    }
}
