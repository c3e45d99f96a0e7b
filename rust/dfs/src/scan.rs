//! Figures about a namespace.

use crate::error::Result;
use crate::file_system::FileSystem;
use crate::listing::Remainders;
use crate::node::{Access, Node, open_array};
use crate::tree::Visit;
use daos_client::Client;
use daos_client::array::run_bounded;
use std::cell::Cell;

/// Files whose size is asked for at a time.
const SIZES_IN_FLIGHT_MAX: usize = 32;

/// What a scan has found below a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScanReport {
    /// Regular files.
    pub files: u64,
    /// Directories, without the one where the scan began.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Levels of the tree; 1 when nothing is in a directory below.
    pub depth: u64,
    /// Bytes of all files: the sum of their sizes.
    pub bytes: u64,
    /// The size of the largest file.
    pub largest_file: u64,
    /// Entries of the largest directory.
    pub largest_directory: u64,
}

impl ScanReport {
    /// Files, directories and symbolic links.
    pub fn entries(&self) -> u64 {
        self.files + self.directories + self.symlinks
    }

    /// The report in lines for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} entries: {} files, {} directories, {} symbolic links",
                self.entries(),
                self.files,
                self.directories,
                self.symlinks
            ),
            format!("{} levels; {} entries in the largest directory", self.depth, self.largest_directory),
            format!("{} bytes in files; {} in the largest", self.bytes, self.largest_file),
        ];
        if let Some(average) = self.bytes.checked_div(self.files) {
            lines.push(format!("{average} bytes per file on average"));
        }
        lines
    }
}

impl Node {
    /// Goes through all that is below a directory, and counts it.
    pub async fn scan(&self, client: &Client) -> Result<ScanReport> {
        let file_system = self.file_system();
        let mut report = ScanReport::default();
        let visit = async |visit: Visit<'_>| {
            let (depth, entries) = match visit {
                Visit::Entries { depth, entries } => (depth, entries),
                Visit::End { entries } => {
                    report.largest_directory = report.largest_directory.max(entries);
                    return Ok(());
                }
            };
            if !entries.is_empty() {
                report.depth = report.depth.max(depth);
            }
            let inodes = || entries.iter().map(|(_, entry)| &entry.inode);
            report.directories += inodes().filter(|inode| inode.is_directory()).count() as u64;
            report.symlinks += inodes().filter(|inode| inode.is_symlink()).count() as u64;
            report.files += inodes().filter(|inode| inode.is_file()).count() as u64;
            let (bytes, largest) = (Cell::new(0u64), Cell::new(0));
            let sizes = inodes().filter(|inode| inode.is_file()).map(|inode| {
                let (bytes, largest) = (&bytes, &largest);
                async move {
                    let array = open_array(file_system, inode.id, inode.chunk_size, Access::ReadOnly)?;
                    let size = array.get_size(client, file_system.epoch()).await?;
                    bytes.set(bytes.get().saturating_add(size));
                    largest.set(size.max(largest.get()));
                    Ok::<(), crate::DfsError>(())
                }
            });
            run_bounded(SIZES_IN_FLIGHT_MAX, sizes).await?;
            report.bytes = report.bytes.saturating_add(bytes.get());
            report.largest_file = report.largest_file.max(largest.get());
            Ok(())
        };
        file_system.walk_tree(client, (self.directory()?.clone(), Remainders::Skipped), visit).await?;
        Ok(report)
    }
}

impl FileSystem {
    /// Counts all of a namespace.
    pub async fn scan(&self, client: &Client) -> Result<ScanReport> {
        self.root().scan(client).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_namespace_has_no_average() {
        assert_eq!(ScanReport::default().lines().len(), 3);
        let report = ScanReport { files: 2, bytes: 10, ..ScanReport::default() };
        assert!(report.lines().iter().any(|line| line.starts_with("5 bytes per file")));
    }
}
