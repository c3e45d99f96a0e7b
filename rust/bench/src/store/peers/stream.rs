//! Plain writes in a row, each followed by fdatasync.

use super::{Peer, Round, Shape};
use crate::measure::Watch;
use daos_status::Result;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Writes the bytes of a batch at once, and flushes.
pub struct Stream {
    file: File,
    path: PathBuf,
    bytes: Vec<u8>,
    shape: Shape,
    at: u64,
}

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
    /// Makes the file.
    pub fn create(shape: Shape, directory: &Path) -> Result<Stream> {
        let path = directory.join(format!("stream-{}", std::process::id()));
        let bytes = vec![2u8; shape.batch_bytes()];
        let file = filled_file(&path, shape.whole_file_bytes())?;
        Ok(Stream { file, path, bytes, shape, at: 0 })
    }
}

impl Peer for Stream {
    fn name(&self) -> &'static str {
        "write+fdatasync"
    }

    fn round(&mut self, slice: Duration) -> Result<Round> {
        let length = self.shape.whole_file_bytes();
        let watch = Watch::start();
        let mut operations = 0;
        while watch.elapsed() < slice {
            self.bytes[..8.min(self.shape.size)].fill(operations as u8);
            self.file.write_all_at(&self.bytes, self.at)?;
            self.file.sync_data()?;
            self.at = (self.at + self.bytes.len() as u64) % length;
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
