//! Objects: listing keys and extents, finding the greatest and the least.

use core::ffi::c_int;
use daos_client::{Anchor, Client, ListLimits, Object, QueryWhat};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Key};

use crate::abi::*;
use crate::anchor;
use crate::completion::run;
use crate::guard::guard_call;
use crate::handle_table;
use crate::io::{self, List, Tally, Use};
use crate::object::OpenObject;
use crate::pointer::{Caller, Out, OutArray};
use crate::transaction;

/// Where listed keys go.
pub(crate) struct KeyPlaces {
    count: Out<u32>,
    descriptors: OutArray<daos_key_desc_t>,
    list: List,
    /// The position of the listing.
    pub(crate) anchor: Out<daos_anchor_t>,
}

impl KeyPlaces {
    /// Checks the arguments of a listing.
    pub(crate) fn read(
        caller: Caller,
        nr: *mut u32,
        kds: *mut daos_key_desc_t,
        sgl: *mut d_sg_list_t,
        anchor: *mut daos_anchor_t,
    ) -> Result<KeyPlaces> {
        let count = caller.out(nr, "nr")?;
        if count.get() == 0 {
            fail!(Code::Inval, "nr is zero");
        }
        let descriptors = caller.out_array(kds, u64::from(count.get()), "kds")?;
        let list = List::read(caller, &mut Tally::default(), sgl, Use::Room)?;
        if list.length == 0 {
            fail!(Code::Inval, "the scatter-gather list has no room for keys");
        }
        Ok(KeyPlaces { count, descriptors, list, anchor: caller.out(anchor, "anchor")? })
    }

    /// What one step may give.
    pub(crate) fn limits(&self) -> ListLimits {
        ListLimits { count: self.descriptors.count() as u32, bytes: self.list.length }
    }

    /// Puts the keys one after the other.
    pub(crate) fn give(&self, keys: &[Key]) {
        let mut position = 0;
        for (index, key) in keys.iter().enumerate() {
            self.list.pieces.write_at(position, key);
            position += key.len() as u64;
            self.descriptors.set(index, daos_key_desc_t { kd_key_len: key.len() as u64, kd_val_type: 0 });
        }
        self.list.filled().set(position);
        self.count.set(keys.len() as u32);
    }
}

/// Lists dkeys of an object, or akeys of one of its dkeys, from the caller's anchor on.
pub(crate) async fn list(
    object: &Object,
    client: &Client,
    epoch: Epoch,
    dkey: Option<Key>,
    places: KeyPlaces,
) -> Result<()> {
    let position = anchor::read(places.anchor)?;
    let step = async |mut position: Anchor, limits: ListLimits| {
        let keys = match &dkey {
            _ if position.end => Vec::new(),
            None => object.list_dkeys(client, epoch, &mut position, limits).await?,
            Some(dkey) => object.list_akeys(client, epoch, dkey.clone(), &mut position, limits).await?,
        };
        Ok::<_, Status>((keys, position))
    };
    match step(position.clone(), places.limits()).await {
        Ok((keys, position)) => {
            places.give(&keys);
            anchor::store(places.anchor, &position)
        }
        Err(status) if status.code() == Code::KeyTooBig => {
            // The caller learns the length, to come back with enough room.
            let (keys, _) = step(position, ListLimits { count: 1, bytes: u64::MAX }).await?;
            if let Some(key) = keys.first() {
                places.descriptors.set(0, daos_key_desc_t { kd_key_len: key.len() as u64, kd_val_type: 0 });
            }
            Err(status)
        }
        Err(status) => Err(status),
    }
}

/// Lists dkeys of an object. Call it with the same anchor until daos_anchor_is_eof; keys that are there throughout are given
/// once.
///
/// @th transaction, or DAOS_TX_NONE
/// @nr [in,out] length of kds; how many keys were given (it may be zero before the end)
/// @kds [out] the lengths of the keys
/// @sgl [in,out] the keys one after the other, without gaps
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_KEY2BIG when the next key does not fit the list: its length is in kds[0]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_list_dkey(
    oh: daos_handle_t,
    th: daos_handle_t,
    nr: *mut u32,
    kds: *mut daos_key_desc_t,
    sgl: *mut d_sg_list_t,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_list_dkey", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let places = KeyPlaces::read(caller, nr, kds, sgl, anchor)?;
            run(caller, "daos_obj_list_dkey", ev, move |client| async move {
                list(&open.object, &client, epoch, None, places).await
            })
        })
    }
}

/// Lists akeys of a dkey, as daos_obj_list_dkey lists dkeys.
///
/// @dkey the dkey
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_KEY2BIG when the next key does not fit the list: its length is in kds[0]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_list_akey(
    oh: daos_handle_t,
    th: daos_handle_t,
    dkey: *mut daos_key_t,
    nr: *mut u32,
    kds: *mut daos_key_desc_t,
    sgl: *mut d_sg_list_t,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_list_akey", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let dkey = io::key(caller, dkey, "dkey")?;
            let places = KeyPlaces::read(caller, nr, kds, sgl, anchor)?;
            run(caller, "daos_obj_list_akey", ev, move |client| async move {
                list(&open.object, &client, epoch, Some(dkey), places).await
            })
        })
    }
}

/// Lists the extents of an array value that hold records.
///
/// @size [out] bytes of a record, zero when there is none
/// @nr [in,out] length of recxs and eprs; how many extents were given
/// @recxs [out] the extents; NULL when not wanted
/// @eprs [out] of each extent, from the epoch at which it was written on; NULL when not wanted
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @incr_order whether they come by increasing or by decreasing index
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_list_recx(
    oh: daos_handle_t,
    th: daos_handle_t,
    dkey: *mut daos_key_t,
    akey: *mut daos_key_t,
    size: *mut daos_size_t,
    nr: *mut u32,
    recxs: *mut daos_recx_t,
    eprs: *mut daos_epoch_range_t,
    anchor: *mut daos_anchor_t,
    incr_order: bool,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_list_recx", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let (dkey, akey) = (io::key(caller, dkey, "dkey")?, io::key(caller, akey, "akey")?);
            let size = caller.out_optional(size, "size")?;
            let count = caller.out(nr, "nr")?;
            let room = u64::from(count.get());
            if room == 0 {
                fail!(Code::Inval, "nr is zero");
            }
            let recxs = caller.out_array(recxs, if recxs.is_null() { 0 } else { room }, "recxs")?;
            let eprs = caller.out_array(eprs, if eprs.is_null() { 0 } else { room }, "eprs")?;
            let place = caller.out(anchor, "anchor")?;
            run(caller, "daos_obj_list_recx", ev, move |client| async move {
                let mut position = anchor::read(place)?;
                let limits = ListLimits { count: room as u32, bytes: u64::MAX };
                let (record_size, extents) = if position.end {
                    (0, Vec::new())
                } else {
                    let object = &open.object;
                    object.list_extents(&client, epoch, dkey, akey, incr_order, &mut position, limits).await?
                };
                for (index, (extent, epoch)) in extents.iter().enumerate() {
                    recxs.set(index, daos_recx_t { rx_idx: extent.start(), rx_nr: extent.count() });
                    eprs.set(index, daos_epoch_range_t { epr_lo: epoch.0, epr_hi: u64::MAX });
                }
                count.set(extents.len() as u32);
                if let Some(size) = size {
                    size.set(record_size);
                }
                anchor::store(place, &position)
            })
        })
    }
}

/// Finds the greatest or the least dkey, akey (both 64-bit numbers) or extent of an object.
///
/// @flags DAOS_GET_MAX or DAOS_GET_MIN, with DAOS_GET_DKEY, DAOS_GET_AKEY, DAOS_GET_RECX
/// @dkey [in,out] found when asked for (its buffer has 8 bytes), else given
/// @akey [in,out] found when asked for (its buffer has 8 bytes), else given; NULL when neither it nor an extent is wanted
/// @recx [out] the extent; NULL when it is not asked for
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when there is none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_query_key(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    dkey: *mut daos_key_t,
    akey: *mut daos_key_t,
    recx: *mut daos_recx_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_query_key", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let asks = |flag: u32| flags & u64::from(flag) != 0;
            let known = DAOS_GET_MAX | DAOS_GET_MIN | DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX;
            if flags & !u64::from(known) != 0 || asks(DAOS_GET_MAX) == asks(DAOS_GET_MIN) {
                fail!(Code::Inval, "flags are {flags:#x}; DAOS_GET_MAX or DAOS_GET_MIN is wanted, with what to find");
            }
            let dkey_place = KeyPlace::read(caller, dkey, asks(DAOS_GET_DKEY), true, "dkey")?;
            let wants_akey = asks(DAOS_GET_AKEY) || asks(DAOS_GET_RECX);
            let akey_place = KeyPlace::read(caller, akey, asks(DAOS_GET_AKEY), wants_akey, "akey")?;
            let recx = if asks(DAOS_GET_RECX) { Some(caller.out(recx, "recx")?) } else { None };
            let (given_dkey, given_akey) = (dkey_place.given.clone(), akey_place.given.clone());
            run(caller, "daos_obj_query_key", ev, move |client| async move {
                let object = &open.object;
                let found = object.query_key(&client, epoch, QueryWhat(flags), given_dkey, given_akey).await?;
                dkey_place.tell(found.dkey)?;
                akey_place.tell(found.akey)?;
                if let (Some(recx), Some(extent)) = (recx, found.extent) {
                    recx.set(daos_recx_t { rx_idx: extent.start(), rx_nr: extent.count() });
                }
                Ok(())
            })
        })
    }
}

/// A key argument that is given or found.
struct KeyPlace {
    given: Option<Key>,
    place: Option<(Out<daos_key_t>, OutArray<u8>)>,
}

impl KeyPlace {
    fn read(caller: Caller, key: *mut daos_key_t, find: bool, wanted: bool, name: &str) -> Result<KeyPlace> {
        if !find {
            let given = if wanted { Some(io::key(caller, key, name)?) } else { None };
            return Ok(KeyPlace { given, place: None });
        }
        let place = caller.out(key, name)?;
        let iov = place.get();
        if iov.iov_buf_len < size_of::<u64>() {
            fail!(Code::Inval, "{name} has room for {} bytes; a number needs 8", iov.iov_buf_len);
        }
        let buffer = caller.out_array(iov.iov_buf.cast::<u8>(), size_of::<u64>() as u64, name)?;
        Ok(KeyPlace { given: None, place: Some((place, buffer)) })
    }

    fn tell(&self, found: Option<u64>) -> Result<()> {
        let Some((place, buffer)) = &self.place else { return Ok(()) };
        let Some(found) = found else {
            fail!(Code::Nonexist, "the object has no such key");
        };
        for (index, byte) in found.to_le_bytes().into_iter().enumerate() {
            buffer.set(index, byte);
        }
        let mut iov = place.get();
        iov.iov_len = size_of::<u64>();
        place.set(iov);
        Ok(())
    }
}
