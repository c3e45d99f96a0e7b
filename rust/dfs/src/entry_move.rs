//! Moving an entry to another name in one message, and in one change, where both names are at the same target.

use crate::entry_store::{StoredEntry, TRACE_INDEX, akeys_of_entry, entry_of};
use crate::error::Result;
use crate::inode::{ID_AT, InodeChange, MODE_AT, Timestamp};
use daos_client::{Client, NameMove, NameMoved, Object};
use daos_types::{Key, ObjectId};

/// What may stand at the new name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// Nothing.
    Nothing,
    /// Nothing, or a file or a symbolic link, and what is moved is one as well.
    File,
    /// Nothing, or a directory with this object, and what is moved is one as well.
    Directory(ObjectId),
}

/// What must hold for an entry to be moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    /// The object that must stand at the old name, if only that one is meant.
    pub named: Option<ObjectId>,
    /// Whether it may be a directory.
    pub may_be_directory: bool,
    /// What may be replaced.
    pub over: Over,
    /// Whether there may be traces of a rename, which lead to nothing any more, and go. Else none of both may have any.
    pub traces_are_cleared: bool,
}

/// What [`move_at_once`] found and did.
pub(crate) enum Moved {
    /// There is no entry of the old name.
    Missing,
    /// Nothing was done: what stands at the two names is not as it must be, or it could not be done at once.
    Not(Box<StoredEntry>, Option<Box<StoredEntry>>),
    /// What was moved, what was replaced, and whether the object of that has gone.
    Done(Box<StoredEntry>, Option<Box<StoredEntry>>, bool),
    /// It was moved, and nobody knows any more what it was: the answer was lost, and the container aggregated before it was asked for again.
    Forgotten,
}

/// One end of the move: a directory, and a name in it.
pub(crate) type Spot<'a> = (&'a Object, &'a [u8]);

/// Moves an entry, if that can be done in one message, and `terms` hold; `None` if it cannot be asked for. The object of a file that is replaced goes
/// at the same moment if it is at the same target, has the identifier in `content`, if there is one, and that permits it when the message is sent.
pub(crate) async fn move_at_once(
    client: &Client,
    (directory, name): Spot<'_>,
    (new_directory, new_name): Spot<'_>,
    (terms, ctime): (Terms, Timestamp),
    content: (Option<ObjectId>, &dyn Fn() -> bool),
) -> Result<Option<Moved>> {
    // The bit that files and symbolic links have of their types, and directories have not.
    let is_file = (MODE_AT, libc::S_IFREG, libc::S_IFREG);
    const TRACE: &[u32] = &[TRACE_INDEX];
    let (without, dropped): (&[u32], &[u32]) = if terms.traces_are_cleared { (&[], TRACE) } else { (TRACE, &[]) };
    let request = NameMove {
        to: (new_directory, Key::new(new_name)?),
        only_if: if terms.may_be_directory { (MODE_AT, 0, 0) } else { is_file },
        only_named: terms.named,
        over_if: match terms.over {
            Over::Nothing => None,
            Over::File => Some(is_file),
            Over::Directory(_) => Some((MODE_AT, libc::S_IFMT, libc::S_IFDIR)),
        },
        only_over: if let Over::Directory(id) = terms.over { Some(id) } else { None },
        without,
        dropped,
        at: ID_AT,
        changed: bytes_of_ctime(ctime),
        object_if: (MODE_AT, libc::S_IFMT, libc::S_IFREG),
        only_object: content.0,
        may_take_object: content.1,
    };
    let moved = directory.fetch_then_move(client, Key::new(name)?, akeys_of_entry()?, request).await?;
    let boxed = |found, name| Ok::<_, crate::DfsError>(entry_of(found, name)?.map(Box::new));
    Ok(match moved {
        None => None,
        Some(NameMoved::Forgotten) => Some(Moved::Forgotten),
        Some(NameMoved::Not(found, over)) => Some(match boxed(found, name)? {
            Some(entry) => Moved::Not(entry, boxed(over, new_name)?),
            None => Moved::Missing,
        }),
        Some(NameMoved::Moved(found, over, with_object)) => match boxed(found, name)? {
            Some(entry) => Some(Moved::Done(entry, boxed(over, new_name)?, with_object)),
            None => Some(Moved::Forgotten),
        },
    })
}

/// Where the time of the last change stands in a record, and its bytes.
fn bytes_of_ctime(ctime: Timestamp) -> Vec<(u32, Vec<u8>)> {
    let (extents, bytes) = InodeChange { ctime: Some(ctime), ..InodeChange::default() }.encode();
    let mut rest = &bytes[..];
    let parts = extents.into_iter().filter_map(|extent| {
        let part = rest.split_off(..extent.count() as usize)?;
        Some((extent.start() as u32, part.to_vec()))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inode::Inode;

    #[test]
    fn the_time_of_the_last_change_is_changed_where_it_stands() {
        let inode = Inode { mode: libc::S_IFREG, ..Inode::default() };
        let mut bytes = inode.encode();
        let ctime = Timestamp { seconds: 7, nanoseconds: 8 };
        for (at, part) in bytes_of_ctime(ctime) {
            bytes[at as usize..at as usize + part.len()].copy_from_slice(&part);
        }
        assert_eq!(Inode::decode(&bytes, b"x"), Ok(Inode { ctime, ..inode }));
    }
}
