//! Plain writes in a row, each followed by fdatasync.

use super::{Peer, Round, Shape};
use crate::measure::Watch;
use daos_env::IoBuffer;
use daos_status::Result;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Writes the bytes of a batch at once, and flushes.
pub struct Stream {
    file: File,
    path: PathBuf,
    bytes: IoBuffer,
    shape: Shape,
    name: &'static str,
    length: u64,
    at: u64,
}

/// Space that is set aside for first writes: more than a run gets through.
const FRESH_BYTES: u64 = 8 << 30;

/// A file whose space is taken, so that no flush has to write where it lies.
pub fn filled_file(path: &Path, bytes: u64) -> Result<File> {
    let file = std::fs::OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
    let block = vec![1u8; 1 << 20];
    for offset in (0..bytes).step_by(block.len()) {
        let length = (block.len() as u64).min(bytes - offset) as usize;
        file.write_all_at(&block[..length], offset)?;
    }
    file.sync_all()?;
    Ok(file)
}

impl Stream {
    /// Makes the file, and writes through the page cache.
    pub fn create(shape: Shape, directory: &Path) -> Result<Stream> {
        let path = directory.join(format!("stream-{}", std::process::id()));
        let file = filled_file(&path, shape.whole_file_bytes())?;
        let bytes = IoBuffer::copy_of(&vec![2; shape.batch_bytes()]);
        Ok(Stream { file, path, bytes, shape, name: "write+fdatasync", length: shape.whole_file_bytes(), at: 0 })
    }

    /// As [`Stream::create`], past the page cache, as the store writes; `None` when batches are no whole blocks, or the file system cannot.
    pub fn create_direct(shape: Shape, directory: &Path) -> Result<Option<Stream>> {
        let path = directory.join(format!("stream-direct-{}", std::process::id()));
        filled_file(&path, shape.whole_file_bytes())?;
        let opened = std::fs::OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(&path);
        let Some(file) = opened.ok().filter(|_| shape.has_whole_blocks()) else {
            std::fs::remove_file(&path)?;
            return Ok(None);
        };
        let bytes = IoBuffer::copy_of(&vec![2; shape.batch_bytes()]);
        Ok(Some(Stream {
            file,
            path,
            bytes,
            shape,
            name: "write+fdatasync, direct",
            length: shape.whole_file_bytes(),
            at: 0,
        }))
    }

    /// As [`Stream::create_direct`], into space that is set aside and was never written: what values of new records go into.
    pub fn create_fresh(shape: Shape, directory: &Path) -> Result<Option<Stream>> {
        let path = directory.join(format!("stream-fresh-{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(true).write(true).custom_flags(libc::O_DIRECT).open(&path);
        let length = FRESH_BYTES / shape.batch_bytes() as u64 * shape.batch_bytes() as u64;
        // SAFETY: a system call on an open descriptor, with numbers.
        let takes = |file: &File| unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length as i64) == 0 };
        let Some(file) = file.ok().filter(|file| shape.has_whole_blocks() && takes(file)) else {
            std::fs::remove_file(&path)?;
            return Ok(None);
        };
        file.sync_all()?;
        let bytes = IoBuffer::copy_of(&vec![2; shape.batch_bytes()]);
        Ok(Some(Stream { file, path, bytes, shape, name: "write+fdatasync, direct, first time", length, at: 0 }))
    }
}

impl Peer for Stream {
    fn name(&self) -> &'static str {
        self.name
    }

    fn round(&mut self, slice: Duration) -> Result<Round> {
        let watch = Watch::start();
        let mut operations = 0;
        while watch.elapsed() < slice {
            self.bytes[..8.min(self.shape.size)].fill(operations as u8);
            self.file.write_all_at(&self.bytes, self.at)?;
            self.file.sync_data()?;
            self.at = (self.at + self.bytes.len() as u64) % self.length;
            operations += self.shape.batch;
        }
        Ok(Round { operations, elapsed: watch.elapsed() })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Left behind, it is found: the directory is printed.
        let _absent = std::fs::remove_file(&self.path);
    }
}
