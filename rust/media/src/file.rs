//! Devices that are files of a directory.

mod descriptions;
mod device;
mod engine;
mod error;
mod memory;
mod ring;

pub use engine::IoEngine;

use crate::device::{BLOCK_SIZE, BlockDevice, Media, check_name, check_size};
use crate::persistent_memory::{PersistentMemory, check_memory_size};
use daos_env::{IoBuffer, Spawner};
use daos_status::{Code, Result, fail};
use descriptions::Descriptions;
use device::FileDevice;
use engine::Engine;
use error::io_status;
use memory::{FileMemory, allocate};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Locked as long as a media is open: two engines must never write to one directory.
const LOCK_FILE: &str = ".lock";

/// What a folder is called while it is being removed: no device or folder has such a name.
const REMOVED_PREFIX: &str = ".removed-";

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
        let media = FileMedia { path, engine: Rc::new(engine), lock: Rc::new(lock) };
        // What stays takes space and harms nobody.
        if let Err(error) = media.clean() {
            daos_env::log!(Warn, "media", "removing what was left in {}: {error}", media.path.display());
        }
        Ok(media)
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

    /// The path of a device, which must be there.
    fn device_path(&self, name: &str, what: &str) -> Result<PathBuf> {
        let path = self.file_path(name)?;
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(path),
            Ok(_) => fail!(Code::Nonexist, "{what} {}: it is not a file", path.display()),
            Err(error) => Err(io_status(&error, &format!("{what} {}", path.display()))),
        }
    }

    /// Ends removals of folders that were interrupted.
    fn clean(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(REMOVED_PREFIX.as_bytes()) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn device(&self, path: &Path, file: File, capacity: u64) -> io::Result<Rc<dyn BlockDevice>> {
        let file = Rc::new(file);
        let descriptions = open_for_syncs(path, &file)?;
        Ok(Rc::new(FileDevice {
            name: path.display().to_string().into(),
            capacity,
            file,
            descriptions,
            engine: self.engine.clone(),
            _lock: self.lock.clone(),
        }))
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

/// Opens a file that is open once more for each sync that may be under way.
fn open_for_syncs(path: &Path, file: &Rc<File>) -> io::Result<Rc<Descriptions<File>>> {
    let identity = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
    let (path, wanted) = (path.to_path_buf(), identity(file)?);
    Descriptions::new(file.clone(), move || {
        let again = OpenOptions::new().read(true).write(true).open(&path)?;
        // Another one may have the name by now.
        if identity(&again)? == wanted { Ok(again) } else { Err(io::ErrorKind::NotFound.into()) }
    })
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
        let failed = |error: io::Error| io_status(&error, &format!("creating {} of {size} bytes", path.display()));
        let file = make().map_err(failed)?;
        sync_directory(&self.path)?;
        self.device(&path, file, size).map_err(failed)
    }

    fn open(&self, name: &str) -> Result<Rc<dyn BlockDevice>> {
        let path = self.device_path(name, "opening")?;
        let failed = |error: io::Error| io_status(&error, &format!("opening {}", path.display()));
        let file = open_direct(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        self.device(&path, file, length / BLOCK_SIZE as u64 * BLOCK_SIZE as u64).map_err(failed)
    }

    fn exists(&self, name: &str) -> Result<bool> {
        let path = self.file_path(name)?;
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_status(&error, &format!("looking for {}", path.display()))),
        }
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.device_path(name, "removing")?;
        std::fs::remove_file(&path).map_err(|error| io_status(&error, &format!("removing {}", path.display())))?;
        sync_directory(&self.path)
    }

    fn list(&self) -> Result<Vec<String>> {
        self.names(false)
    }

    fn folder(&self, name: &str) -> Result<Rc<dyn Media>> {
        let path = self.file_path(name)?;
        if path.is_file() {
            fail!(Code::Notdir, "{} is a device, not a folder", path.display());
        }
        make_directory(&path, false)?;
        Ok(Rc::new(FileMedia { path, engine: self.engine.clone(), lock: self.lock.clone() }))
    }

    fn folders(&self) -> Result<Vec<String>> {
        self.names(true)
    }

    fn create_memory(&self, name: &str, size: u64) -> Result<Rc<dyn PersistentMemory>> {
        let path = self.file_path(name)?;
        check_memory_size(&path.display().to_string(), size)?;
        let failed = |error: &io::Error| io_status(error, &format!("creating {} of {size} bytes", path.display()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| failed(&error))?;
        // A store into a hole of a full file system is a signal, not an error: the space is taken now.
        let made = allocate(&file, size).and_then(|()| file.sync_all()).map_err(|error| failed(&error));
        let memory = made.and_then(|()| FileMemory::map(&path, file, self.lock.clone())).inspect_err(|_| {
            // Best effort: the error that is reported is the one that matters.
            let _ignored = std::fs::remove_file(&path);
        })?;
        sync_directory(&self.path)?;
        Ok(Rc::new(memory))
    }

    fn open_memory(&self, name: &str) -> Result<Rc<dyn PersistentMemory>> {
        let path = self.device_path(name, "opening")?;
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(|error| io_status(&error, &format!("opening {}", path.display())))?;
        Ok(Rc::new(FileMemory::map(&path, file, self.lock.clone())?))
    }

    fn remove_folder(&self, name: &str) -> Result<()> {
        let path = self.file_path(name)?;
        if !path.is_dir() {
            fail!(Code::Nonexist, "removing {}: there is no such folder", path.display());
        }
        // Under its new name it is no folder any more, and a crash leaves nothing half.
        let removed = self.path.join(format!("{REMOVED_PREFIX}{name}"));
        let rename = || match std::fs::rename(&path, &removed) {
            // What an earlier removal has left.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTEMPTY | libc::EEXIST)) => {
                std::fs::remove_dir_all(&removed)?;
                std::fs::rename(&path, &removed)
            }
            other => other,
        };
        rename().map_err(|error| io_status(&error, &format!("removing {}", path.display())))?;
        sync_directory(&self.path)?;
        std::fs::remove_dir_all(&removed).map_err(|error| io_status(&error, &format!("removing {}", removed.display())))
    }

    fn describe(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests;
