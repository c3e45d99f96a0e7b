//! Keys, buffers, descriptors and anchors of callers, turned into what the client takes.

use core::ffi::c_uint;

use daos_client::ScatterList;
use daos_status::{Code, Result, fail};
use daos_types::{Extent, Key};

use crate::abi::*;
use crate::pointer::{Caller, Out};

/// The most akeys, and the most buffers or extents of one akey, that a call takes.
pub const DESCRIPTORS_MAX: u64 = 1 << 16;

/// The most extents and buffers of all akeys of a call: descriptors may share arrays, so that a small program can ask for
/// more than any memory holds.
const PARTS_MAX: u64 = 1 << 20;

/// The most bytes that all keys of a call have, for the same reason.
const KEY_BYTES_MAX: usize = 16 << 20;

/// What a call has asked for so far.
#[derive(Default)]
pub struct Tally {
    parts: u64,
    key_bytes: usize,
}

impl Tally {
    fn add_parts(&mut self, count: u32) -> Result<()> {
        self.parts += u64::from(count);
        if self.parts > PARTS_MAX {
            fail!(Code::Inval, "the descriptors have more than {PARTS_MAX} extents and buffers");
        }
        Ok(())
    }

    /// One more key of the caller, given by value.
    pub fn key(&mut self, caller: Caller, iov: &d_iov_t, name: &str) -> Result<Key> {
        let key = key_of(caller, iov, name)?;
        self.key_bytes += key.len();
        if self.key_bytes > KEY_BYTES_MAX {
            fail!(Code::KeyTooBig, "the keys of the call have more than {KEY_BYTES_MAX} bytes");
        }
        Ok(key)
    }
}

/// A key of the caller: 1 byte to 64 KiB.
pub fn key(caller: Caller, pointer: *const daos_key_t, name: &str) -> Result<Key> {
    key_of(caller, &caller.read(pointer, name)?, name)
}

/// A key of the caller, given by value.
pub fn key_of(caller: Caller, iov: &d_iov_t, name: &str) -> Result<Key> {
    if iov.iov_len == 0 {
        fail!(Code::Inval, "{name} is empty");
    }
    if iov.iov_len > iov.iov_buf_len && iov.iov_buf_len != 0 {
        fail!(Code::Inval, "{name} has {} bytes in a buffer of {}", iov.iov_len, iov.iov_buf_len);
    }
    if iov.iov_len > daos_types::KEY_LENGTH_MAX {
        fail!(Code::KeyTooBig, "{name} has {} bytes; keys have at most {}", iov.iov_len, daos_types::KEY_LENGTH_MAX);
    }
    caller.with_bytes(iov.iov_buf, iov.iov_len, name, Key::new)?
}

/// Several keys.
pub fn keys(caller: Caller, pointer: *const daos_key_t, count: c_uint, name: &str) -> Result<Vec<Key>> {
    if count == 0 {
        fail!(Code::Inval, "the count of {name} is zero");
    }
    if u64::from(count) > DESCRIPTORS_MAX {
        fail!(Code::Inval, "there are {count} {name}; at most {DESCRIPTORS_MAX} are taken");
    }
    let mut tally = Tally::default();
    let iovs = caller.array(pointer, u64::from(count), name)?;
    iovs.iter().map(|iov| tally.key(caller, iov, name)).collect()
}

/// Which length of a buffer counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// What is in use: an update.
    Full,
    /// What there is room for: a fetch.
    Room,
}

/// A scatter-gather list of the caller.
pub struct List {
    /// The pieces.
    pub pieces: ScatterList,
    /// Their bytes together.
    pub length: u64,
    place: Out<d_sg_list_t>,
    buffers: u32,
}

impl List {
    /// The list at a pointer.
    pub fn read(caller: Caller, tally: &mut Tally, pointer: *mut d_sg_list_t, what: Use) -> Result<List> {
        let place = caller.out(pointer, "sgl")?;
        let list = place.get();
        if u64::from(list.sg_nr) > DESCRIPTORS_MAX {
            fail!(
                Code::Inval,
                "the scatter-gather list has {} buffers; at most {DESCRIPTORS_MAX} are taken",
                list.sg_nr
            );
        }
        tally.add_parts(list.sg_nr)?;
        let iovs = caller.elements(list.sg_iovs, u64::from(list.sg_nr), "sg_iovs")?;
        let mut pieces = Vec::with_capacity(iovs.len());
        let mut total = 0u64;
        for (index, iov) in iovs.enumerate() {
            let length = if what == Use::Full { iov.iov_len } else { iov.iov_buf_len };
            if what == Use::Full && iov.iov_len > iov.iov_buf_len {
                fail!(Code::Inval, "buffer {index} has {} bytes in use of {}", iov.iov_len, iov.iov_buf_len);
            }
            if length > 0 && iov.iov_buf.is_null() {
                fail!(Code::Inval, "buffer {index} is NULL and has {length} bytes");
            }
            total = match total.checked_add(length as u64).filter(|_| isize::try_from(length).is_ok()) {
                Some(total) => total,
                None => fail!(Code::Inval, "buffer {index} has {length} bytes"),
            };
            pieces.push((iov.iov_buf.cast::<u8>(), length));
        }
        // SAFETY: that the buffers stay valid and untouched until the call has ended is the caller's promise.
        let pieces = unsafe { ScatterList::new(pieces) };
        Ok(List { pieces, length: total, place, buffers: list.sg_nr })
    }

    /// The first `length` bytes of the list alone.
    pub fn cut(self, length: u64) -> ScatterList {
        if length == self.length { self.pieces } else { self.pieces.slice(0, length) }
    }

    /// Where the list tells what was filled.
    pub fn filled(&self) -> Filled {
        Filled { place: self.place, buffers: self.buffers }
    }
}

/// The part of a scatter-gather list that tells what a fetch filled.
#[derive(Clone, Copy)]
pub struct Filled {
    place: Out<d_sg_list_t>,
    buffers: u32,
}

impl Filled {
    /// Says that the first `length` bytes of the list hold data.
    pub fn set(&self, length: u64) {
        let mut list = self.place.get();
        let mut left = length;
        list.sg_nr_out = 0;
        for index in 0..self.buffers {
            // SAFETY: the array of buffers was read with this count, and stays until the call has ended.
            let iov = unsafe { list.sg_iovs.add(index as usize) };
            // SAFETY: the same.
            let filled = left.min(unsafe { (*iov).iov_buf_len } as u64);
            left -= filled;
            if filled > 0 {
                list.sg_nr_out = index + 1;
            }
            // SAFETY: the same.
            unsafe { (*iov).iov_len = filled as usize };
        }
        self.place.set(list);
    }
}

/// The extents of a descriptor.
pub fn extents(caller: Caller, tally: &mut Tally, iod: &daos_iod_t) -> Result<Vec<Extent>> {
    if iod.iod_nr == 0 {
        fail!(Code::Inval, "an array descriptor has no extents");
    }
    if u64::from(iod.iod_nr) > DESCRIPTORS_MAX {
        fail!(Code::Inval, "an array descriptor has {} extents; at most {DESCRIPTORS_MAX} are taken", iod.iod_nr);
    }
    tally.add_parts(iod.iod_nr)?;
    caller
        .elements(iod.iod_recxs, u64::from(iod.iod_nr), "iod_recxs")?
        .map(|recx| match Extent::new(recx.rx_idx, recx.rx_nr) {
            Some(extent) => Ok(extent),
            None => fail!(Code::Inval, "records {} and {} more are no extent", recx.rx_idx, recx.rx_nr),
        })
        .collect()
}

/// The bytes of so many records, if they can be addressed; otherwise an error of this kind.
pub fn bytes_of(extents: &[Extent], record_size: u64, otherwise: Code) -> Result<u64> {
    let records = extents.iter().try_fold(0u64, |sum, extent| sum.checked_add(extent.count()));
    match records.and_then(|records| records.checked_mul(record_size)).filter(|bytes| *bytes <= i64::MAX as u64) {
        Some(bytes) => Ok(bytes),
        None => fail!(otherwise, "the extents hold more bytes than can be addressed"),
    }
}
