//! Bytes of files.

use crate::error::{DfsError, Result, fail};
use crate::file_system::FileSystem;
use crate::node::{Access, Node, open_array};
use daos_client::array::Array;
use daos_client::{Client, Destination, Source};
use daos_types::{Extent, ObjectId};

/// Index behind the last byte that a file can have: offsets are signed for programs.
pub const FILE_SIZE_MAX: u64 = i64::MAX as u64;

/// Reads of more bytes ask for the size of the file first: what lies behind its end need not be asked for, however much
/// the caller has room for.
const READ_UNSEEN_BYTES_MAX: u64 = 16 << 20;

/// The range of `length` bytes from `offset` on; `None` for an empty one.
pub fn range(offset: u64, length: u64) -> Result<Option<Extent>> {
    if length == 0 {
        return Ok(None);
    }
    match Extent::new(offset, length) {
        Some(extent) if extent.end() <= FILE_SIZE_MAX => Ok(Some(extent)),
        _ => fail!(libc::EFBIG, "{length} bytes from {offset} on reach behind the largest file"),
    }
}

impl Node {
    /// Reads ranges, in their order, and gives how many bytes there were before the end of the file; holes are zeros.
    pub async fn read_ranges(&self, client: &Client, ranges: &[Extent], destination: Destination) -> Result<u64> {
        Ok(self.fetch_ranges(client, ranges, destination).await?.0)
    }

    /// Reads up to `length` bytes from `offset` on; less at the end of the file.
    pub async fn read(&self, client: &Client, offset: u64, length: u64) -> Result<Vec<u8>> {
        let Some(extent) = range(offset, length)? else { return Ok(Vec::new()) };
        Ok(self.fetch_ranges(client, &[extent], Destination::Owned(length)).await?.1)
    }

    async fn fetch_ranges(
        &self,
        client: &Client,
        ranges: &[Extent],
        destination: Destination,
    ) -> Result<(u64, Vec<u8>)> {
        let array = self.array()?;
        if self.access() == Access::WriteOnly {
            fail!(libc::EPERM, "{self:?} is open for writing only");
        }
        let (cut, destination) = match ranges {
            [] => return Ok((0, Vec::new())),
            [only] if only.count() > READ_UNSEEN_BYTES_MAX => {
                let size = self.size(client).await?;
                let Some(within) = Extent::from_bounds(only.start(), only.end().min(size)) else {
                    return Ok((0, Vec::new()));
                };
                (Some([within]), within_room(destination, within.count()))
            }
            _ => (None, destination),
        };
        let ranges = cut.as_ref().map_or(ranges, |cut| cut.as_slice());
        let found = array.read(client, self.file_system().epoch(), ranges, destination).await;
        let found = found.map_err(|status| DfsError::from(status).while_doing(format_args!("reading {self:?}")))?;
        Ok((found.length, found.bytes))
    }

    /// Writes ranges: `source` holds the bytes of all, in their order. Durable when it returns.
    pub async fn write_ranges(&self, client: &Client, ranges: &[Extent], source: Source) -> Result<()> {
        self.check_writable()?;
        let array = self.array()?;
        if ranges.is_empty() {
            return Ok(());
        }
        let written = array.write(client, ranges, source).await;
        written.map_err(|status| DfsError::from(status).while_doing(format_args!("writing {self:?}")))
    }

    /// Writes bytes at `offset`. Durable when it returns.
    pub async fn write(&self, client: &Client, offset: u64, bytes: Vec<u8>) -> Result<()> {
        let ranges: Vec<Extent> = range(offset, bytes.len() as u64)?.into_iter().collect();
        self.write_ranges(client, &ranges, Source::Owned(bytes)).await
    }

    /// The size of a file: the index behind its last byte.
    pub async fn size(&self, client: &Client) -> Result<u64> {
        Ok(self.array()?.get_size(client, self.file_system().epoch()).await?)
    }

    /// Cuts a file off behind `size` bytes, or extends it by a hole.
    pub async fn set_size(&self, client: &Client, size: u64) -> Result<()> {
        self.check_writable()?;
        if size > FILE_SIZE_MAX {
            fail!(libc::EFBIG, "{self:?} cannot have {size} bytes");
        }
        Ok(self.array()?.set_size(client, size).await?)
    }

    /// Makes a hole of `length` bytes from `offset` on. Where it reaches the end of the file, the file ends at `offset`
    /// (upstream's rule); one that begins behind the end changes nothing.
    pub async fn punch(&self, client: &Client, offset: u64, length: u64) -> Result<()> {
        self.check_writable()?;
        let array = self.array()?;
        if length == u64::MAX {
            return self.set_size(client, offset).await;
        }
        let size = self.size(client).await?;
        if size <= offset || length == 0 {
            return Ok(());
        }
        match offset.checked_add(length).filter(|end| *end < size).and_then(|end| Extent::from_bounds(offset, end)) {
            Some(extent) => Ok(array.punch(client, &[extent]).await?),
            None => self.set_size(client, offset).await,
        }
    }
}

/// The first `length` bytes of a destination that has room for more.
fn within_room(destination: Destination, length: u64) -> Destination {
    match destination {
        Destination::Owned(room) => Destination::Owned(room.min(length)),
        memory => memory,
    }
}

impl FileSystem {
    /// The size of a file that is known by its object.
    pub async fn size_of_object(&self, client: &Client, id: ObjectId, chunk_size: u64) -> Result<u64> {
        let array: Array = open_array(self, id, chunk_size, Access::ReadOnly)?;
        Ok(array.get_size(client, self.epoch()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_within_what_programs_can_address() {
        assert_eq!(range(5, 0), Ok(None));
        assert_eq!(range(u64::MAX, 0), Ok(None));
        assert_eq!(range(5, 3), Ok(Extent::new(5, 3)));
        for (offset, length) in [(u64::MAX, 2), (FILE_SIZE_MAX, 1), (0, 1 << 63), (1 << 62, 1 << 62)] {
            let result = range(offset, length);
            let fits = offset.checked_add(length).is_some_and(|end| end <= FILE_SIZE_MAX);
            assert_eq!(result.is_ok(), fits, "{offset} {length}");
        }
    }
}
