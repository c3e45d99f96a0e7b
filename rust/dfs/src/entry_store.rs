//! Entries of a directory as records of its object: one dkey per name.

use crate::error::{Result, fail};
use crate::inode::{INODE_LENGTH, Inode};
use daos_client::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Destination, FetchKind, Object, PieceState, Source, UpdateValue,
};
use daos_types::{Epoch, Extent, Key};

/// Akey of an entry's record (upstream's name).
pub(crate) const INODE_AKEY: &[u8] = b"DFS_INODE";
/// Akey of a symbolic link's target (upstream's name).
pub(crate) const SYMLINK_AKEY: &[u8] = b"DFS_SLINK";
/// What stands before the name of an extended attribute in its akey (upstream's prefix).
pub(crate) const XATTR_PREFIX: &[u8] = b"x:";

/// The longest name of an entry, in bytes.
pub const NAME_LENGTH_MAX: usize = 255;
/// The longest path and the longest target of a symbolic link, in bytes.
pub const PATH_LENGTH_MAX: usize = 4096;

/// An entry as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StoredEntry {
    pub inode: Inode,
    /// Target of a symbolic link; empty for others.
    pub target: Vec<u8>,
}

/// Accepts a name of an entry.
pub(crate) fn check_name(name: &[u8]) -> Result<()> {
    if name.len() > NAME_LENGTH_MAX {
        fail!(libc::ENAMETOOLONG, "a name of {} bytes is longer than {NAME_LENGTH_MAX}", name.len());
    }
    if name.is_empty() || name == b"." || name == b".." || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        fail!(libc::EINVAL, "'{}' cannot be the name of an entry", name.escape_ascii());
    }
    Ok(())
}

fn whole_inode() -> Extent {
    Extent::new(0, INODE_LENGTH as u64).expect("the record is not empty")
}

/// Reads an entry; `None` when there is none of this name.
pub(crate) async fn fetch(client: &Client, directory: &Object, epoch: Epoch, name: &[u8]) -> Result<Option<StoredEntry>> {
    let inode = AkeyFetch {
        akey: Key::new(INODE_AKEY)?,
        kind: FetchKind::Array(vec![whole_inode()]),
        destination: Some(Destination::Owned(INODE_LENGTH as u64)),
    };
    let target = AkeyFetch {
        akey: Key::new(SYMLINK_AKEY)?,
        kind: FetchKind::Single,
        destination: Some(Destination::Owned(PATH_LENGTH_MAX as u64)),
    };
    let found = directory.fetch(client, epoch, Conditions::NONE, Key::new(name)?, vec![inode, target]).await?;
    let mut found = found.into_iter();
    let (Some(record), Some(target)) = (found.next(), found.next()) else { return Ok(None) };
    if record.size == 0 || !record.map.iter().any(|piece| piece.state == PieceState::Data) {
        return Ok(None);
    }
    let inode = Inode::decode(&record.bytes, name)?;
    let target = if inode.is_symlink() { target.bytes } else { Vec::new() };
    Ok(Some(StoredEntry { inode, target }))
}

/// The akeys of an entry.
pub(crate) fn akeys_of(entry: &StoredEntry) -> Result<Vec<AkeyUpdate>> {
    let source = Source::Owned(entry.inode.encode().to_vec());
    let value = UpdateValue::Array { record_size: 1, extents: vec![whole_inode()], source };
    let mut akeys = vec![AkeyUpdate { akey: Key::new(INODE_AKEY)?, value }];
    if entry.inode.is_symlink() {
        let value = UpdateValue::Single(Source::Owned(entry.target.clone()));
        akeys.push(AkeyUpdate { akey: Key::new(SYMLINK_AKEY)?, value });
    }
    Ok(akeys)
}

/// Adds an entry; `EEXIST` when the name is taken: of several concurrent calls one wins.
pub(crate) async fn insert(client: &Client, directory: &Object, name: &[u8], entry: &StoredEntry) -> Result<()> {
    let akeys = akeys_of(entry)?;
    Ok(directory.update(client, Conditions::DKEY_INSERT, Key::new(name)?, akeys).await?)
}

/// Replaces the record of an entry that must exist.
pub(crate) async fn replace_inode(client: &Client, directory: &Object, name: &[u8], inode: &Inode) -> Result<()> {
    let source = Source::Owned(inode.encode().to_vec());
    let value = UpdateValue::Array { record_size: 1, extents: vec![whole_inode()], source };
    let akeys = vec![AkeyUpdate { akey: Key::new(INODE_AKEY)?, value }];
    Ok(directory.update(client, Conditions::DKEY_UPDATE, Key::new(name)?, akeys).await?)
}

/// Takes an entry out; `ENOENT` when there is none: of several concurrent calls one wins.
pub(crate) async fn punch(client: &Client, directory: &Object, name: &[u8]) -> Result<()> {
    Ok(directory.punch_dkeys(client, Conditions::PUNCH, vec![Key::new(name)?]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in [&b"a"[..], b"...", b"with space", &[0xff], &[b'x'; 255]] {
            check_name(good).expect("a good name");
        }
        for bad in [&b""[..], b".", b"..", b"a/b", b"a\0b"] {
            assert_eq!(check_name(bad).map_err(|e| e.errno), Err(libc::EINVAL));
        }
        assert_eq!(check_name(&[b'x'; 256]).map_err(|e| e.errno), Err(libc::ENAMETOOLONG));
    }
}
