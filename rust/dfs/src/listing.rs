//! Listing directories.

use crate::directory::Directory;
use crate::entry_store::{self, StoredEntry};
use crate::error::Result;
use crate::file_system::FileSystem;
use crate::node::Node;
use crate::path::{NAME_LENGTH_MAX, check_name};
use crate::status::FileStatus;
use daos_client::array::run_bounded;
use daos_client::{Anchor, Client, ListLimits};
use daos_types::Key;
use std::cell::{Cell, RefCell};

/// Names that are asked for at a time when all are wanted.
pub(crate) const NAMES_PER_REQUEST: u32 = 1024;
/// Entries looked at in parallel when a listing tells more than names.
const LOOKS_IN_FLIGHT_MAX: usize = 32;

/// A position in the listing of a directory; the default is the beginning. It stays valid while entries come and go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listing {
    /// The position as the object layer knows it.
    pub anchor: Anchor,
}

impl Listing {
    /// Whether everything has been listed.
    pub fn is_at_end(&self) -> bool {
        self.anchor.end
    }
}

/// What a listing does with a name that a move has left behind.
#[derive(Clone, Copy)]
pub(crate) enum Remainders<'a> {
    /// Nothing: as if it were not there.
    Skipped,
    /// It is counted.
    Counted(&'a Cell<u64>),
    /// It is taken away, and counted.
    Cleared(&'a Cell<u64>),
}

impl FileSystem {
    /// The next names of a directory, at most `count`; fewer, also none, do not mean the end.
    pub(crate) async fn list(
        &self,
        client: &Client,
        directory: &Directory,
        listing: &mut Listing,
        count: u32,
    ) -> Result<Vec<Vec<u8>>> {
        let bytes = u64::from(count).saturating_mul(NAME_LENGTH_MAX as u64);
        self.list_bounded(client, directory, listing, ListLimits { count, bytes }).await
    }

    async fn list_bounded(
        &self,
        client: &Client,
        directory: &Directory,
        listing: &mut Listing,
        limits: ListLimits,
    ) -> Result<Vec<Vec<u8>>> {
        if listing.is_at_end() || limits.count == 0 {
            return Ok(Vec::new());
        }
        let keys = directory.object().list_dkeys(client, self.epoch(), &mut listing.anchor, limits).await?;
        Ok(keys.into_iter().map(|key| key.to_vec()).collect())
    }

    /// The next entries of a directory, at most `count`; what was removed since the listing is left out, and `remainders` says what becomes of names
    /// that moves have left behind.
    pub(crate) async fn list_entries(
        &self,
        client: &Client,
        directory: &Directory,
        (listing, count): (&mut Listing, u32),
        remainders: Remainders<'_>,
    ) -> Result<Vec<(Vec<u8>, StoredEntry)>> {
        let names = self.list(client, directory, listing, count).await?;
        let found: RefCell<Vec<Option<StoredEntry>>> = RefCell::new(vec![None; names.len()]);
        let looks = names.iter().enumerate().map(|(index, name)| {
            let found = &found;
            async move {
                let entry = self.find(client, directory, name).await?;
                if entry.is_none() {
                    self.meet_remainder(client, directory, name, remainders).await?;
                }
                found.borrow_mut()[index] = entry;
                Ok::<(), crate::DfsError>(())
            }
        });
        run_bounded(LOOKS_IN_FLIGHT_MAX, looks).await?;
        let found = found.into_inner();
        Ok(names.into_iter().zip(found).filter_map(|(name, entry)| Some((name, entry?))).collect())
    }

    async fn meet_remainder(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        remainders: Remainders<'_>,
    ) -> Result<()> {
        let (is_one, count) = match remainders {
            Remainders::Skipped => return Ok(()),
            Remainders::Counted(count) => {
                (entry_store::fetch(client, directory.object(), self.epoch(), name).await?.is_some(), count)
            }
            Remainders::Cleared(count) => (self.clear_remainder(client, directory, name).await?, count),
        };
        count.set(count.get() + u64::from(is_one));
        Ok(())
    }
}

impl Node {
    /// The next names of a directory, at most `count`; fewer, also none, do not mean the end. `.` and `..` are not
    /// listed.
    pub async fn list(&self, client: &Client, listing: &mut Listing, count: u32) -> Result<Vec<Vec<u8>>> {
        self.file_system().list(client, self.directory()?, listing, count).await
    }

    /// The next names of a directory, at most `count`, with at most so many bytes; `E2BIG` when the next name alone has
    /// more.
    pub async fn list_bounded(
        &self,
        client: &Client,
        listing: &mut Listing,
        count: u32,
        bytes: u64,
    ) -> Result<Vec<Vec<u8>>> {
        self.file_system().list_bounded(client, self.directory()?, listing, ListLimits { count, bytes }).await
    }

    /// The next names of a directory with what `stat` tells of them.
    pub async fn list_with_status(
        &self,
        client: &Client,
        listing: &mut Listing,
        count: u32,
    ) -> Result<Vec<(Vec<u8>, FileStatus)>> {
        let directory = self.directory()?;
        let file_system = self.file_system();
        let names = file_system.list(client, directory, listing, count).await?;
        let found: RefCell<Vec<Option<FileStatus>>> = RefCell::new(vec![None; names.len()]);
        let looks = names.iter().enumerate().map(|(index, name)| {
            let found = &found;
            async move {
                // What was removed since the listing is left out.
                if let Some((_, status)) = file_system.find_with_status(client, directory, name).await? {
                    found.borrow_mut()[index] = Some(status);
                }
                Ok::<(), crate::DfsError>(())
            }
        });
        run_bounded(LOOKS_IN_FLIGHT_MAX, looks).await?;
        let found = found.into_inner();
        Ok(names.into_iter().zip(found).filter_map(|(name, status)| Some((name, status?))).collect())
    }

    /// Where a listing begins whose first name is this one, or what comes behind it when it is not there.
    pub async fn listing_from(&self, client: &Client, name: &[u8]) -> Result<Listing> {
        check_name(name)?;
        let anchor = self.directory()?.object().anchor_at(client, Key::new(name)?, None).await?;
        Ok(Listing { anchor })
    }

    /// Divides a listing into parts that can go on at the same time; by default into as many as there can be.
    pub async fn split_listing(&self, client: &Client, parts: Option<u32>) -> Result<Vec<Listing>> {
        let parts = self.directory()?.object().split_listing(client, parts).await?;
        Ok(parts.into_iter().map(|anchor| Listing { anchor }).collect())
    }

    /// Whether a directory has no entries.
    pub async fn is_empty(&self, client: &Client) -> Result<bool> {
        match self.file_system().check_empty(client, self.directory()?).await {
            Ok(()) => Ok(true),
            Err(error) if error.errno == libc::ENOTEMPTY => Ok(false),
            Err(error) => Err(error),
        }
    }
}
