//! Values that lie beside each other under one dkey, by one request.

use super::library::daos;
use super::object::{Object, array, single};
use super::types::{Extent, ExtentMap, Handle, ScatterGather, Vector};
use super::{check, number};
use crate::failure::Result;

/// Extents that are told of the array: of more of them it is taken that the first is all that is there.
const EXTENTS: usize = 4;

/// What was found. A value that is not there is none.
pub struct Beside {
    pub values: [Option<Vec<u8>>; 2],
    /// The first bytes of the array, as many as were written without a gap, and no more than there was room for.
    pub bytes: Vec<u8>,
}

impl Object {
    /// Two single values with room for so many bytes, and the first bytes of an array. None when a value has more bytes than its room.
    pub fn fetch_beside(
        &self,
        dkey: &[u8],
        values: [(&[u8], usize); 2],
        bytes: (&[u8], usize),
    ) -> Result<Option<Beside>> {
        let mut rooms = [vec![0; values[0].1], vec![0; values[1].1], vec![0; bytes.1]];
        let mut extent = [Extent { index: 0, count: bytes.1 as u64 }];
        let mut found = [Extent { index: 0, count: 0 }; EXTENTS];
        let mut descriptors = [single(values[0].0, 0), single(values[1].0, 0), array(bytes.0, &mut extent)];
        let mut maps = [ExtentMap::EMPTY, ExtentMap::EMPTY, ExtentMap::into(&mut found)];
        let mut vectors = rooms.each_mut().map(|room| Vector::into(room));
        let mut lists = vectors.each_mut().map(|vector| ScatterGather { count: 1, count_out: 0, vectors: vector });
        let mut key = Vector::of(dkey);
        let none = std::ptr::null_mut();
        // SAFETY: all that the lists lead to stays where it is until the call returns.
        let result = unsafe {
            let (maps, lists) = (maps.as_mut_ptr().cast(), lists.as_mut_ptr());
            daos()?.fetch(self.handle(), Handle::NONE, 0, &raw mut key, 3, descriptors.as_mut_ptr(), lists, maps, none)
        };
        if result == number::RECORD_TOO_BIG {
            return Ok(None);
        }
        check("cannot read a value", result)?;
        let sizes = [descriptors[0].size, descriptors[1].size].map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let is_there = descriptors[2].size > 0 && maps[2].count_out > 0 && found[0].index == 0;
        let [mut first, mut second, mut bytes] = rooms;
        if sizes[0] > first.len() || sizes[1] > second.len() {
            return Ok(None);
        }
        first.truncate(sizes[0]);
        second.truncate(sizes[1]);
        bytes.truncate(if is_there { usize::try_from(found[0].count).unwrap_or(0) } else { 0 });
        let values = [first, second].map(|value| (!value.is_empty()).then_some(value));
        Ok(Some(Beside { values, bytes }))
    }
}
