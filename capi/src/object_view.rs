//! Objects: where they are, whether they are what was written, and listings in parts.

use core::ffi::c_int;
use std::sync::atomic::Ordering;

use daos_client::{Object, ObjectFlags};
use daos_status::{Code, fail};
use daos_types::Epoch;

use crate::abi::*;
use crate::anchor;
use crate::completion::{run, value_of};
use crate::container::OpenContainer;
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::io;
use crate::object::{OpenObject, object_id};
use crate::object_registry::attributes_of;
use crate::pointer::OutArray;
use crate::transaction;

/// Tells the attributes of an object and the ranks it is on.
///
/// @oa [out] oa_rank is the rank of its first shard; what oa_oa points to is set to the attributes of its class, unless it is NULL.
///     NULL when not wanted
/// @ranks [in,out] rl_ranks has room for rl_nr ranks: as many as fit are set, in the order of the shards and each once, and rl_nr is set
///        to how many there are, which may be more. NULL when not wanted
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_query(
    oh: daos_handle_t,
    oa: *mut daos_obj_attr,
    ranks: *mut d_rank_list_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_query", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let attributes = caller.out_optional(oa, "oa")?;
            let class = match &attributes {
                Some(place) => caller.out_optional(place.get().oa_oa, "oa_oa")?,
                None => None,
            };
            let list = caller.out_optional(ranks, "ranks")?;
            let places: Option<OutArray<d_rank_t>> = match &list {
                Some(list) => Some(caller.out_array(list.get().rl_ranks, u64::from(list.get().rl_nr), "rl_ranks")?),
                None => None,
            };
            run(caller, "daos_obj_query", ev, move |client| async move {
                let ranks = open.object.ranks(&client).await?;
                let known = open.object.container().class(&client, open.object.id().class()).await?;
                if let Some(place) = attributes {
                    let mut told = place.get();
                    told.oa_rank = ranks.first().map_or(u32::MAX, |rank| rank.0);
                    place.set(told);
                }
                if let Some(class) = class {
                    class.set(attributes_of(known));
                }
                if let (Some(list), Some(places)) = (list, places) {
                    ranks.iter().enumerate().for_each(|(index, rank)| places.set(index, rank.0));
                    let mut told = list.get();
                    told.rl_nr = ranks.len() as u32;
                    list.set(told);
                }
                Ok(())
            })
        })
    }
}

/// Reads everything of an object at an epoch, so that its checksums are verified. Objects of classes with copies are not supported yet;
/// without them, there is nothing to compare it with.
///
/// @epoch the epoch; DAOS_EPOCH_MAX for what is newest
///
/// @return zero, also for an object that was never written; -DER_NO_HDL, -DER_INVAL, -DER_MISMATCH when something is not what was written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_verify(coh: daos_handle_t, oid: daos_obj_id_t, epoch: daos_epoch_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_obj_verify", |_caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            if epoch == 0 {
                fail!(Code::Inval, "nothing is at epoch zero");
            }
            value_of("daos_obj_verify", move |client| async move {
                let (container, id) = (&open.container, object_id(oid));
                container.know_class(&client, id).await?;
                Object::open(container, id, ObjectFlags::READ_ONLY)?.verify(&client, Epoch(epoch)).await
            })
        })
    }
}

/// Divides the listing of the dkeys of an object into parts that several threads or processes list at the same time: each dkey is in one
/// of them.
///
/// @nr [in,out] into how many; zero for as many as the object has shards, which is the most. Set to how many there are
/// @anchors [out] as many anchors, each the beginning of a part; NULL when daos_obj_anchor_set is to set them
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_anchor_split(oh: daos_handle_t, nr: *mut u32, anchors: *mut daos_anchor_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_obj_anchor_split", |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let count = caller.out(nr, "nr")?;
            let asked = count.get();
            let object = open.object.clone();
            let parts = value_of("daos_obj_anchor_split", move |client| async move {
                object.split_listing(&client, (asked != 0).then_some(asked)).await
            })?;
            if !anchors.is_null() {
                let places = caller.out_array(anchors, parts.len() as u64, "anchors")?;
                for (index, part) in parts.iter().enumerate() {
                    let Some(place) = places.pointer_to(index) else { continue };
                    anchor::begin(caller.out(place, "anchors")?, part)?;
                }
            }
            open.parts.store(parts.len() as u32, Ordering::Relaxed);
            count.set(parts.len() as u32);
            Ok(())
        })
    }
}

/// Sets an anchor to the beginning of a part of a listing.
///
/// @index which part, of as many as the last daos_obj_anchor_split by this handle has made; without one, of as many as the object has
///        shards
/// @anchor [out] the anchor
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_anchor_set(oh: daos_handle_t, index: u32, anchor: *mut daos_anchor_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_obj_anchor_set", |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let place = caller.out(anchor, "anchor")?;
            let (object, parts) = (open.object.clone(), open.parts.load(Ordering::Relaxed));
            let parts = value_of("daos_obj_anchor_set", move |client| async move {
                object.split_listing(&client, (parts != 0).then_some(parts)).await
            })?;
            match parts.get(index as usize) {
                Some(part) => anchor::begin(place, part),
                None => fail!(Code::Inval, "there are {} parts, and none with index {index}", parts.len()),
            }
        })
    }
}

/// Sets an anchor to a key, so that a listing with it begins with this key, or with what comes behind when the key is not there. Of lexical
/// keys longer than 64 bytes it begins with the first one that has the same 64 first bytes.
///
/// @th transaction, or DAOS_TX_NONE
/// @dkey the dkey, for a listing of dkeys
/// @akey an akey of it, for a listing of akeys; NULL for a listing of dkeys
/// @anchor [out] the anchor
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_key2anchor(
    oh: daos_handle_t,
    th: daos_handle_t,
    dkey: *mut daos_key_t,
    akey: *mut daos_key_t,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_key2anchor", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            transaction::read_epoch(th, open.object.container())?;
            let dkey = io::key(caller, dkey, "dkey")?;
            let akey = if akey.is_null() { None } else { Some(io::key(caller, akey, "akey")?) };
            let place = caller.out(anchor, "anchor")?;
            run(caller, "daos_obj_key2anchor", ev, move |client| async move {
                let found = open.object.anchor_at(&client, dkey, akey).await?;
                anchor::begin(place, &found)
            })
        })
    }
}
