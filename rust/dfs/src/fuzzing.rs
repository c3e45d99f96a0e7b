//! Doors for fuzz targets to decoders of this crate that nobody else has a use for.

use crate::inode::Inode;
use crate::superblock::Attributes;

/// The stored form of an inode.
pub fn inode(bytes: &[u8]) {
    if let Ok(inode) = Inode::decode(bytes, b"a name") {
        let again = inode.encode();
        assert_eq!(Inode::decode(&again, b"a name").ok().as_ref(), Some(&inode));
    }
}

/// A stored inode.
pub fn stored_inode() -> Vec<u8> {
    Inode { mode: libc::S_IFREG | 0o644, size: 7, ..Inode::default() }.encode().to_vec()
}

/// The values of a superblock, in the order of its fields, each of the length that it has when it is good.
pub fn superblock(mut bytes: &[u8]) {
    let lengths = Attributes::default().encode().into_iter().map(|value| value.len());
    let values: Vec<Vec<u8>> = lengths
        .map(|length| {
            let (value, rest) = bytes.split_at(length.min(bytes.len()));
            bytes = rest;
            value.to_vec()
        })
        .collect();
    if let Ok(attributes) = Attributes::decode(&values) {
        assert_eq!(Attributes::decode(&attributes.encode()).ok().as_ref(), Some(&attributes));
    }
}

/// A stored superblock.
pub fn stored_superblock() -> Vec<u8> {
    Attributes::default().encode().concat()
}
