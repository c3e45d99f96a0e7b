//! The memory that an endpoint lends to its peers.

use crate::{Access, RemoteRegion};
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr::NonNull;

/// Pieces of memory that one endpoint may lend at a time.
const PIECES_MAX: usize = 1 << 16;

/// One piece.
#[derive(Clone, Copy)]
struct Piece {
    memory: NonNull<u8>,
    length: u64,
    access: Access,
}

/// Pieces by key.
#[derive(Default)]
pub(super) struct Lent {
    pieces: RefCell<HashMap<u64, Piece>>,
    serial: Cell<u64>,
}

/// A range of lent memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub key: u64,
    pub offset: u64,
    pub length: u64,
}

impl Lent {
    /// Lends a piece, under a key that another transport gave it or a new one.
    pub fn add(&self, memory: NonNull<u8>, length: usize, access: Access, key: Option<u64>) -> Result<RemoteRegion> {
        let mut pieces = self.pieces.borrow_mut();
        if pieces.len() >= PIECES_MAX {
            fail!(Code::Busy, "{PIECES_MAX} pieces of memory are lent already");
        }
        // Own numbers are not given twice, so that a late peer finds nothing.
        let key = key.unwrap_or_else(|| self.serial.replace(self.serial.get() + 1));
        let length = length as u64;
        if pieces.contains_key(&key) {
            fail!(Code::Exist, "memory is lent already with key {key:#x}");
        }
        pieces.insert(key, Piece { memory, length, access });
        Ok(RemoteRegion { key, base: memory.as_ptr() as u64, length })
    }

    /// Ends the loan of a piece.
    pub fn remove(&self, key: u64) {
        self.pieces.borrow_mut().remove(&key);
    }

    /// Keys and addresses of all pieces that peers may read.
    pub fn readable(&self) -> Vec<(u64, u64)> {
        let pieces = self.pieces.borrow();
        let readable = pieces.iter().filter(|(_, piece)| piece.access.may_read());
        readable.map(|(key, piece)| (*key, piece.memory.as_ptr() as u64)).collect()
    }

    /// A range of a piece that a peer wants to read or to have written; what it says is hostile.
    pub fn range(&self, wanted: &Range, write: bool) -> Result<NonNull<u8>> {
        let Some(piece) = self.pieces.borrow().get(&wanted.key).copied() else {
            fail!(Code::Hg, "no memory is lent with key {:#x}", wanted.key);
        };
        if !(if write { piece.access.may_write() } else { piece.access.may_read() }) {
            fail!(Code::NoPerm, "the memory is lent for {:?} only", piece.access);
        }
        let end = wanted.offset.checked_add(wanted.length).filter(|end| *end <= piece.length);
        match (end, usize::try_from(wanted.offset)) {
            // SAFETY: the offset is not beyond the end of the piece.
            (Some(_), Ok(offset)) => Ok(unsafe { piece.memory.add(offset) }),
            _ => fail!(
                Code::Hg,
                "{} bytes at {} reach beyond the {} bytes lent",
                wanted.length,
                wanted.offset,
                piece.length
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let lent = Lent::default();
        let mut memory = [0u8; 100];
        let mut add = |access, key| lent.add(NonNull::from(&mut memory).cast(), 100, access, key);
        let (read, write) = (add(Access::Read, None).unwrap(), add(Access::Write, Some(77)).unwrap());
        assert_eq!((write.key, lent.readable()), (77, vec![(read.key, read.base)]));
        add(Access::Read, Some(77)).unwrap_err();
        let check = |region: RemoteRegion, offset, length, write| {
            lent.range(&Range { key: region.key, offset, length }, write).map(|at| at.as_ptr() as u64 - region.base)
        };
        assert_eq!(check(read, 40, 60, false).unwrap(), 40);
        assert_eq!(check(read, 100, 0, false).unwrap(), 100);
        assert_eq!(check(write, 0, 100, true).unwrap(), 0);
        for (region, offset, length, is_write) in [
            (read, 0, 1, true),
            (write, 0, 1, false),
            (read, 41, 60, false),
            (read, u64::MAX, 2, false),
            (write, 5, u64::MAX, true),
        ] {
            check(region, offset, length, is_write).unwrap_err();
        }
        lent.remove(read.key);
        lent.remove(read.key);
        check(read, 0, 1, false).unwrap_err();
        assert_ne!(add(Access::Read, None).unwrap().key, read.key);
    }
}
