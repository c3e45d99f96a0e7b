//! Going through all that is below a directory.

use crate::directory::Directory;
use crate::entry_store::StoredEntry;
use crate::error::Result;
use crate::file_system::FileSystem;
use crate::listing::{Listing, Remainders};
use crate::node;
use daos_client::Client;

/// Entries that are looked at before the walk goes into the directories among them. The walk remembers so many for each level
/// it is down.
const ENTRIES_PER_STEP: u32 = 256;

/// A directory that the walk is in.
struct Level {
    directory: Directory,
    listing: Listing,
    /// Directories of the last step that it has not gone into yet.
    pending: Vec<Directory>,
    entries: u64,
}

impl Level {
    fn new(directory: Directory) -> Level {
        Level { directory, listing: Listing::default(), pending: Vec::new(), entries: 0 }
    }
}

/// What a walk tells as it goes.
pub(crate) enum Visit<'a> {
    /// Some entries of one directory; those of the directory where the walk began have depth 1.
    Entries { depth: u64, entries: &'a [(Vec<u8>, StoredEntry)] },
    /// A directory has been gone through, and had so many entries.
    End { entries: u64 },
}

impl FileSystem {
    /// Goes through all that is below a directory, and tells `visit` of it. Symbolic links are not followed. Entries that
    /// come or go meanwhile are told or not.
    pub(crate) async fn walk_tree(
        &self,
        client: &Client,
        (top, remainders): (Directory, Remainders<'_>),
        mut visit: impl AsyncFnMut(Visit<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut levels = vec![Level::new(top)];
        while let Some(level) = levels.last_mut() {
            if let Some(below) = level.pending.pop() {
                levels.push(Level::new(below));
                continue;
            }
            if level.listing.is_at_end() {
                visit(Visit::End { entries: level.entries }).await?;
                levels.pop();
                continue;
            }
            let (directory, listing) = (&level.directory, &mut level.listing);
            let entries = self.list_entries(client, directory, (listing, ENTRIES_PER_STEP), remainders).await?;
            level.entries += entries.len() as u64;
            for (name, entry) in entries.iter().filter(|(_, entry)| entry.inode.is_directory()) {
                level.pending.push(node::child(self, level.directory.clone(), name, entry)?);
            }
            visit(Visit::Entries { depth: levels.len() as u64, entries: &entries }).await?;
        }
        Ok(())
    }
}
