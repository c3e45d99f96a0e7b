//! Values that lie beside each other under one dkey, by one request.

use super::library::daos;
use super::object::{Object, array, single};
use super::types::{Extent, ExtentMap, ScatterGather, Vector};
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

/// Room for all values of one request: what a reply holds without a transfer of its own.
const ROOM_IN_ALL: usize = 16 << 10;
/// Rooms for a value: most fit into the first; a longer one is fetched again with more.
const ROOMS: [usize; 3] = [256, 1 << 10, 4 << 10];
/// Bytes of a value that is read before anybody has asked for it: HDF5's own attributes have no more, unless they are stored in another way.
const SHORT_MAX: usize = 64 << 10;

/// Fetches the value under an akey.
type FetchLong<'a> = &'a dyn Fn(&[u8]) -> Result<Option<Vec<u8>>>;

impl Object {
    /// Single values under akeys of one dkey, in the same order; none where there is none.
    pub fn fetch_many(&self, dkey: &[u8], akeys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        self.fetch_each(dkey, akeys, &|akey| self.fetch(dkey, akey))
    }

    /// The same, for a guess at what is wanted: none, too, for a long one.
    pub fn fetch_short(&self, dkey: &[u8], akeys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        self.fetch_each(dkey, akeys, &|akey| {
            let found = self.fetch_within(dkey, &[akey], SHORT_MAX)?;
            Ok(found.and_then(|mut values| values.pop().flatten()))
        })
    }

    /// As many at a time as a request takes; `fetch_long` gives one that has no room in any.
    fn fetch_each(&self, dkey: &[u8], akeys: &[&[u8]], fetch_long: FetchLong<'_>) -> Result<Vec<Option<Vec<u8>>>> {
        let mut values = Vec::with_capacity(akeys.len());
        for akeys in akeys.chunks(ROOM_IN_ALL / ROOMS[0]) {
            self.fetch_some(dkey, akeys, 0, fetch_long, &mut values)?;
        }
        Ok(values)
    }

    /// As many as fit into one request with the room of a step; more room, and fewer at a time, when one of them does not.
    fn fetch_some(
        &self,
        dkey: &[u8],
        akeys: &[&[u8]],
        step: usize,
        fetch_long: FetchLong<'_>,
        values: &mut Vec<Option<Vec<u8>>>,
    ) -> Result<()> {
        let Some(room) = ROOMS.get(step) else {
            for akey in akeys {
                values.push(fetch_long(akey)?);
            }
            return Ok(());
        };
        match self.fetch_within(dkey, akeys, *room)? {
            Some(found) => values.extend(found),
            None => {
                let fewer = ROOMS.get(step + 1).map_or(1, |room| ROOM_IN_ALL / room);
                for akeys in akeys.chunks(fewer) {
                    self.fetch_some(dkey, akeys, step + 1, fetch_long, values)?;
                }
            }
        }
        Ok(())
    }

    /// Single values of one dkey by one request; none when one of them has more bytes than the room.
    pub fn fetch_within(&self, dkey: &[u8], akeys: &[&[u8]], room: usize) -> Result<Option<Vec<Option<Vec<u8>>>>> {
        let mut rooms = vec![0; room * akeys.len()];
        let mut descriptors: Vec<_> = akeys.iter().map(|akey| single(akey, 0)).collect();
        let mut vectors: Vec<_> = rooms.chunks_exact_mut(room).map(Vector::into).collect();
        let list = |vector: &mut Vector| ScatterGather { count: 1, count_out: 0, vectors: vector };
        let mut lists: Vec<_> = vectors.iter_mut().map(list).collect();
        let mut key = Vector::of(dkey);
        let count = u32::try_from(akeys.len()).unwrap_or(u32::MAX);
        let none = std::ptr::null_mut();
        // SAFETY: all that the lists lead to stays where it is until the call returns.
        let result = unsafe {
            let (descriptors, lists) = (descriptors.as_mut_ptr(), lists.as_mut_ptr());
            daos()?.fetch(
                self.handle(),
                self.seen(),
                0,
                &raw mut key,
                count,
                descriptors,
                lists,
                std::ptr::null_mut(),
                none,
            )
        };
        if result == number::RECORD_TOO_BIG {
            return Ok(None);
        }
        check("cannot read values", result)?;
        let sizes = descriptors.iter().map(|descriptor| usize::try_from(descriptor.size).unwrap_or(usize::MAX));
        let value =
            |(size, room): (usize, &[u8])| Some(room.get(..size)?).map(|value| (size > 0).then(|| value.to_vec()));
        Ok(sizes.zip(rooms.chunks_exact(room)).map(value).collect())
    }

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
            daos()?.fetch(self.handle(), self.seen(), 0, &raw mut key, 3, descriptors.as_mut_ptr(), lists, maps, none)
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
