//! One object: values under its keys, and lists of keys.

use super::library::daos;
use super::mount::Mount;
use super::types::{
    ARRAY, Anchor, Descriptor, Event, Extent, Handle, KeyDescriptor, ObjectId, Range, SINGLE, ScatterGather, Vector,
};
use super::{check, failed, number};
use crate::failure::{Failure, Minor, Result};
use std::rc::Rc;

/// Room for a value whose size is not known yet; more is fetched again.
const VALUE_ROOM: usize = 4096;
/// Keys that one listing call gives, and bytes for them. The longest key has 64 KiB.
const LIST_KEYS: usize = 1024;
const LIST_BYTES: usize = 128 << 10;
/// Ranges in one request: what the store takes as one.
const RANGES_MAX: usize = 4096;

const MODE_READ: u32 = 2;
const MODE_WRITE: u32 = 4;

/// An open object.
pub struct Object {
    pub id: ObjectId,
    handle: Handle,
    /// What all that reads is given: a snapshot, or none.
    seen: Handle,
    /// Open for as long.
    mount: Option<Rc<Mount>>,
}

/// Describes a single value.
pub fn single(akey: &[u8], size: usize) -> Descriptor {
    Descriptor {
        name: Vector::of(akey),
        kind: SINGLE,
        size: size as u64,
        flags: 0,
        count: 1,
        extents: std::ptr::null_mut(),
    }
}

/// Describes pieces of an array of bytes.
pub fn array(akey: &[u8], extents: &mut [Extent]) -> Descriptor {
    Descriptor {
        name: Vector::of(akey),
        kind: ARRAY,
        size: 1,
        flags: 0,
        count: u32::try_from(extents.len()).unwrap_or(u32::MAX),
        extents: extents.as_mut_ptr(),
    }
}

impl Object {
    /// Opens it, which asks no server.
    pub fn open(mount: &Rc<Mount>, id: ObjectId) -> Result<Self> {
        let mut handle = Handle::NONE;
        let mode = if mount.is_writable() { MODE_WRITE } else { MODE_READ };
        // SAFETY: the handle is written on success.
        let result = unsafe { daos()?.object_open(mount.container, id, mode, &raw mut handle, std::ptr::null_mut()) };
        check("cannot open an object", result)?;
        Ok(Self { id, handle, seen: mount.snapshot().transaction(), mount: Some(Rc::clone(mount)) })
    }

    /// One of no container.
    #[cfg(test)]
    pub fn closed(id: ObjectId) -> Self {
        Self { id, handle: Handle::NONE, seen: Handle::NONE, mount: None }
    }

    /// Its handle.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// What calls are given that read it.
    pub fn seen(&self) -> Handle {
        self.seen
    }

    /// The single value under two keys; none when there is none.
    pub fn fetch(&self, dkey: &[u8], akey: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; VALUE_ROOM];
        loop {
            let mut key = Vector::of(dkey);
            let mut descriptor = single(akey, 0);
            let mut vector = Vector::into(&mut bytes);
            let mut list = ScatterGather { count: 1, count_out: 0, vectors: &raw mut vector };
            // SAFETY: all that the lists lead to stays where it is until the call returns.
            let result = unsafe {
                daos()?.fetch(
                    self.handle,
                    self.seen,
                    0,
                    &raw mut key,
                    1,
                    &raw mut descriptor,
                    &raw mut list,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            };
            let size = usize::try_from(descriptor.size).unwrap_or(usize::MAX);
            if result == number::RECORD_TOO_BIG && size > bytes.len() {
                bytes.try_reserve(size - bytes.len()).map_err(|_| too_large(size))?;
                bytes.resize(size, 0);
                continue;
            }
            check("cannot read a value", result)?;
            bytes.truncate(size);
            return Ok((size > 0).then_some(bytes));
        }
    }

    /// Bytes of the single value under two keys; zero when there is none.
    pub fn value_size(&self, dkey: &[u8], akey: &[u8]) -> Result<u64> {
        let mut descriptor = single(akey, 0);
        self.ask_size(dkey, &mut descriptor)?;
        Ok(descriptor.size)
    }

    /// Whether anything was written to an array of bytes among the first so many.
    pub fn has_bytes(&self, dkey: &[u8], akey: &[u8], length: u64) -> Result<bool> {
        let mut extent = [Extent { index: 0, count: length }];
        let mut descriptor = array(akey, &mut extent);
        self.ask_size(dkey, &mut descriptor)?;
        Ok(descriptor.size > 0)
    }

    fn ask_size(&self, dkey: &[u8], descriptor: &mut Descriptor) -> Result<()> {
        let mut key = Vector::of(dkey);
        let (lists, maps, none) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: without lists of memory, sizes alone are told.
        let result =
            unsafe { daos()?.fetch(self.handle, self.seen, 0, &raw mut key, 1, descriptor, lists, maps, none) };
        check("cannot read a size", result)
    }

    /// Starts to write single values under one dkey; they and the event stay where they are until it completes.
    ///
    /// # Safety
    /// All that the pointers lead to stays where it is until the event has completed.
    pub unsafe fn start_update(
        &self,
        dkey: *mut Vector,
        descriptors: &mut [Descriptor],
        lists: &mut [ScatterGather],
        event: *mut Event,
    ) -> Result<()> {
        let count = u32::try_from(descriptors.len()).unwrap_or(u32::MAX);
        // SAFETY: as the caller promises.
        let result = unsafe {
            daos()?.update(
                self.handle,
                Handle::NONE,
                0,
                dkey,
                count,
                descriptors.as_mut_ptr(),
                lists.as_mut_ptr(),
                event,
            )
        };
        check("cannot write", result)
    }

    /// Writes pieces of an array of bytes under two keys, by as few calls as the store allows.
    ///
    /// # Safety
    /// The ranges' memory is there.
    pub unsafe fn write_ranges(&self, dkey: &[u8], akey: &[u8], ranges: &[Range]) -> Result<()> {
        for ranges in ranges.chunks(RANGES_MAX) {
            let mut extents: Vec<Extent> =
                ranges.iter().map(|range| Extent { index: range.offset, count: range.length as u64 }).collect();
            let mut vectors: Vec<Vector> = ranges
                .iter()
                .map(|range| Vector { buffer: range.memory.cast(), room: range.length, length: range.length })
                .collect();
            let mut key = Vector::of(dkey);
            let count = u32::try_from(ranges.len()).unwrap_or(u32::MAX);
            let mut descriptor = Descriptor {
                name: Vector::of(akey),
                kind: ARRAY,
                size: 1,
                flags: 0,
                count,
                extents: extents.as_mut_ptr(),
            };
            let mut list = ScatterGather { count, count_out: 0, vectors: vectors.as_mut_ptr() };
            let none = std::ptr::null_mut();
            // SAFETY: the memory is as the caller promises, the rest is ours until the call returns.
            let result = unsafe {
                daos()?.update(self.handle, Handle::NONE, 0, &raw mut key, 1, &raw mut descriptor, &raw mut list, none)
            };
            check("cannot write data", result)?;
        }
        Ok(())
    }

    /// Removes parts of an array of bytes under two keys: offsets and lengths.
    pub fn punch_ranges(&self, dkey: &[u8], akey: &[u8], ranges: &[(u64, u64)]) -> Result<()> {
        for ranges in ranges.chunks(RANGES_MAX) {
            let mut extents: Vec<Extent> =
                ranges.iter().map(|(offset, length)| Extent { index: *offset, count: *length }).collect();
            let mut key = Vector::of(dkey);
            let mut descriptor = Descriptor {
                name: Vector::of(akey),
                kind: ARRAY,
                size: 0,
                flags: 0,
                count: u32::try_from(ranges.len()).unwrap_or(u32::MAX),
                extents: extents.as_mut_ptr(),
            };
            let mut list = ScatterGather { count: 0, count_out: 0, vectors: std::ptr::null_mut() };
            let none = std::ptr::null_mut();
            // SAFETY: all that the descriptor leads to stays where it is until the call returns.
            let result = unsafe {
                daos()?.update(self.handle, Handle::NONE, 0, &raw mut key, 1, &raw mut descriptor, &raw mut list, none)
            };
            check("cannot remove data", result)?;
        }
        Ok(())
    }

    /// Removes the object with all its keys.
    pub fn punch(&self) -> Result<()> {
        // SAFETY: takes no pointer that is not null.
        let result = unsafe { daos()?.object_punch(self.handle, Handle::NONE, 0, std::ptr::null_mut()) };
        check("cannot remove an object", result)
    }

    /// When it was changed last, in seconds since 1970; 0 when nothing of it was ever written.
    pub fn changed(&self) -> Result<i64> {
        let (mut epoch, mut seconds) = (0, 0);
        // SAFETY: the numbers are ours.
        let result = unsafe { daos()?.max_epoch(self.handle, self.seen, &raw mut epoch, std::ptr::null_mut()) };
        check("cannot tell when an object was changed", result)?;
        if epoch > 0 {
            // SAFETY: the same.
            check("an epoch is no time", unsafe { daos()?.epoch_seconds(epoch, &raw mut seconds) })?;
        }
        Ok(seconds)
    }

    /// Removes a dkey with all below it; it may be gone already.
    pub fn punch_dkey(&self, dkey: &[u8]) -> Result<()> {
        let mut key = Vector::of(dkey);
        // SAFETY: the key is only read.
        let result =
            unsafe { daos()?.punch_dkeys(self.handle, Handle::NONE, 0, 1, &raw mut key, std::ptr::null_mut()) };
        check("cannot remove a name", result)
    }

    /// Removes an akey of a dkey; it may be gone already.
    pub fn punch_akey(&self, dkey: &[u8], akey: &[u8]) -> Result<()> {
        let (mut dkey, mut akey) = (Vector::of(dkey), Vector::of(akey));
        // SAFETY: the keys are only read.
        let result = unsafe {
            daos()?.punch_akeys(self.handle, Handle::NONE, 0, &raw mut dkey, 1, &raw mut akey, std::ptr::null_mut())
        };
        check("cannot remove a name", result)
    }

    /// All its dkeys.
    pub fn dkeys(&self) -> Result<Vec<Vec<u8>>> {
        let listed = list(usize::MAX, usize::MAX, |count, keys, bytes, anchor| {
            // SAFETY: the lists are as long as they say.
            Ok(unsafe { daos()?.list_dkeys(self.handle, self.seen, count, keys, bytes, anchor, std::ptr::null_mut()) })
        });
        listed.map(|(keys, _)| keys)
    }

    /// All akeys of a dkey.
    pub fn akeys(&self, dkey: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.list_akeys(dkey, usize::MAX, usize::MAX).map(|(keys, _)| keys)
    }

    /// All akeys of a dkey; none when there are more than so many, or they have more bytes than so many.
    pub fn few_akeys(&self, dkey: &[u8], most: usize, most_bytes: usize) -> Result<Option<Vec<Vec<u8>>>> {
        let (keys, is_all) = self.list_akeys(dkey, most, most_bytes)?;
        Ok((is_all && keys.len() <= most).then_some(keys))
    }

    fn list_akeys(&self, dkey: &[u8], most: usize, most_bytes: usize) -> Result<(Vec<Vec<u8>>, bool)> {
        let mut key = Vector::of(dkey);
        list(most, most_bytes, |count, keys, bytes, anchor| {
            // SAFETY: the lists are as long as they say.
            Ok(unsafe {
                let none = std::ptr::null_mut();
                daos()?.list_akeys(self.handle, self.seen, &raw mut key, count, keys, bytes, anchor, none)
            })
        })
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // The handle of a process from which this one was forked is a number that may be another object's here.
        if self.mount.as_ref().is_some_and(|mount| mount.is_inherited()) {
            return;
        }
        if let Ok(daos) = daos() {
            // SAFETY: open, and used no more.
            unsafe { daos.object_close(self.handle, std::ptr::null_mut()) };
        }
    }
}

/// Gathers the keys that a listing gives, until there are more than so many, or more bytes of them; also whether they are all.
fn list(
    most: usize,
    most_bytes: usize,
    mut step: impl FnMut(*mut u32, *mut KeyDescriptor, *mut ScatterGather, *mut Anchor) -> Result<i32>,
) -> Result<(Vec<Vec<u8>>, bool)> {
    let (mut keys, mut key_bytes) = (Vec::new(), 0_usize);
    let mut anchor = Anchor::START;
    let mut descriptors = vec![KeyDescriptor::default(); LIST_KEYS];
    let mut bytes = vec![0; LIST_BYTES];
    while !anchor.is_at_end() && keys.len() <= most && key_bytes <= most_bytes {
        let mut count = u32::try_from(LIST_KEYS).unwrap_or(u32::MAX);
        let mut vector = Vector::into(&mut bytes);
        let mut list = ScatterGather { count: 1, count_out: 0, vectors: &raw mut vector };
        let result = step(&raw mut count, descriptors.as_mut_ptr(), &raw mut list, &raw mut anchor)?;
        if result != 0 {
            return Err(failed("cannot list names", result));
        }
        let mut rest = bytes.as_slice();
        for descriptor in descriptors.iter().take(count as usize) {
            let length = usize::try_from(descriptor.length).unwrap_or(usize::MAX);
            let Some((key, behind)) = rest.split_at_checked(length) else {
                return Err(Failure::new(Minor::Internal, "a list of names is longer than its bytes"));
            };
            keys.push(key.to_vec());
            key_bytes = key_bytes.saturating_add(length);
            rest = behind;
        }
    }
    Ok((keys, anchor.is_at_end()))
}

fn too_large(size: usize) -> Failure {
    Failure::new(Minor::ReadError, format!("no memory for a value of {size} bytes"))
}
