//! Copying the bytes of one file.

use super::budget::Budget;
use super::source::{Item, SourceFile};
use super::target::TargetFile;
use super::{CopyProgress, at};
use crate::error::{DfsError, Result};
use daos_client::Client;
use daos_client::array::run_bounded;
use std::cell::Cell;

/// Bytes that are read and written at a time.
pub(super) const WINDOW_BYTES: u64 = 1 << 20;
/// Parts of one file under way at a time: a single large file keeps this many chunks busy.
const WINDOWS_IN_FLIGHT: usize = 8;
/// The largest window. Larger chunks are written in parts.
const WINDOW_BYTES_MAX: u64 = 4 << 20;

/// A window for files of a chunk size: one chunk, as many small ones as make up a window, or a part of a large one.
pub(super) fn window_of(chunk_size: u64) -> u64 {
    match chunk_size {
        0 => WINDOW_BYTES,
        small if small < WINDOW_BYTES => WINDOW_BYTES / small * small,
        chunk => chunk.min(WINDOW_BYTES_MAX),
    }
}

/// What the copies of one run share.
pub(super) struct Shared<'a> {
    pub client: &'a Client,
    pub progress: &'a CopyProgress,
    pub budget: &'a Budget,
    pub preserve: bool,
}

/// Copies a file; `path` is for messages.
pub(super) async fn copy_file(
    shared: &Shared<'_>,
    path: &[u8],
    source: &SourceFile,
    target: TargetFile,
    item: &Item,
) -> Result<()> {
    let copied = copy_windows(shared, source, &target, item).await;
    let (size, last_is_written) = match copied {
        Ok(copied) => copied,
        Err(error) => {
            target.abandon(shared.client).await;
            return Err(at(path)(error));
        }
    };
    target.finish(shared.client, item, size, last_is_written, shared.preserve).await.map_err(at(path))
}

/// Copies the parts of a file that are not zero; gives how long it turned out to be, and whether its last part was written.
async fn copy_windows(
    shared: &Shared<'_>,
    source: &SourceFile,
    target: &TargetFile,
    item: &Item,
) -> Result<(u64, bool)> {
    let window = target.window();
    // The file may have become shorter since it was looked at: the first part that ends early is the end.
    let size = Cell::new(item.size);
    let last_written = Cell::new(0);
    let mut position = 0;
    let windows = std::iter::from_fn(|| {
        let data = source.next_data(position).filter(|data| *data < item.size)?;
        let offset = data / window * window;
        position = offset.saturating_add(window);
        Some((offset, window.min(item.size - offset)))
    });
    let (size_seen, last_seen) = (&size, &last_written);
    let parts = windows.map(|(offset, length)| async move {
        shared.progress.check()?;
        let _share = shared.budget.take(length).await;
        let bytes = source.read(shared.client, offset, length).await?;
        let read = bytes.len() as u64;
        if read < length {
            size_seen.set(size_seen.get().min(offset + read));
        }
        if bytes.iter().any(|byte| *byte != 0) {
            last_seen.set(last_seen.get().max(offset + read));
            target.write(shared.client, offset, bytes).await?;
        }
        CopyProgress::count(&shared.progress.bytes, read);
        Ok::<(), DfsError>(())
    });
    run_bounded(WINDOWS_IN_FLIGHT, parts).await?;
    Ok((size.get(), last_written.get() >= size.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_chunks_where_that_is_possible() {
        assert_eq!(window_of(1 << 20), 1 << 20);
        assert_eq!(window_of(3000) % 3000, 0);
        assert!(window_of(3000) <= WINDOW_BYTES && window_of(3000) > WINDOW_BYTES / 2);
        assert_eq!(window_of(2 << 20), 2 << 20);
        assert_eq!(window_of(1 << 40), WINDOW_BYTES_MAX);
        assert_eq!(window_of(1), WINDOW_BYTES);
    }
}
