//! Objects: update and fetch.

use core::ffi::{c_int, c_uint};
use std::sync::Arc;

use daos_client::{
    AkeyFetch, AkeyFetched, AkeyUpdate, Client, Conditions, Destination, FetchKind, MapPiece, PieceState, Source,
    UpdateValue,
};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent, Key};
use smallvec::SmallVec;

use crate::abi::*;
use crate::completion::run;
use crate::guard::guard_call;
use crate::handle_table;
use crate::io::{self, Filled, List, Tally, Use};
use crate::object::{OpenObject, conditions};
use crate::pointer::{Caller, OutArray};
use crate::transaction;

/// Writes values under one dkey, all of them or none; durable when it has completed.
///
/// @th transaction, or DAOS_TX_NONE
/// @flags DAOS_COND_* that must hold; with DAOS_COND_PER_AKEY, those of akeys are in iod_flags
/// @dkey the dkey, 1 byte to 64 KiB
/// @nr how many akeys; @iods and @sgls have as many elements
/// @iods what is written: a single value of iod_size bytes (iod_nr is 1), or the records of iod_recxs of iod_size bytes each.
///       An iod_size of zero removes the value or the records
/// @sgls the bytes: the iov_len of the buffers of one list must add up to what its descriptor says, or more. The buffers must
///       stay untouched until completion
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, also for descriptors that say nothing sensible and for extents of one descriptor that
///         overlap, -DER_KEY2BIG, -DER_REC2BIG when there are more records than bytes in the buffers, -DER_REC_SIZE,
///         -DER_NO_PERM, -DER_NOSPACE, -DER_EXIST and -DER_NONEXIST for conditions
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_update(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    dkey: *mut daos_key_t,
    nr: c_uint,
    iods: *mut daos_iod_t,
    sgls: *mut d_sg_list_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_update", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let open = transaction::writing(th, open)?;
            let conditions = conditions(flags)?;
            let dkey = io::key(caller, dkey, "dkey")?;
            let iods = descriptors(caller, iods, nr)?;
            let lists = caller.out_array(sgls, if sgls.is_null() { 0 } else { u64::from(nr) }, "sgls")?;
            let each = akey_conditions(flags, &iods)?;
            let (mut tally, mut akeys) = (Tally::default(), Vec::with_capacity(iods.len()));
            let mut punched = Vec::new();
            for (index, iod) in iods.iter().enumerate() {
                match is_single_punch(iod) {
                    true => punched.push(tally.key(caller, &iod.iod_name, "iod_name")?),
                    false => akeys.push(update_of(caller, &mut tally, iod, lists.pointer_to(index))?),
                }
            }
            if punched.is_empty() {
                return run(caller, "daos_obj_update", ev, move |client| async move {
                    open.object.update_each(&client, conditions, &each, dkey, akeys).await
                });
            }
            // The conditions of akeys that are removed come after those of the others, as the akeys do.
            let (written, removed): (Vec<_>, Vec<_>) =
                each.into_iter().zip(iods.iter()).partition(|(_, iod)| !is_single_punch(iod));
            let each: Vec<Conditions> = written.into_iter().chain(removed).map(|(conditions, _)| conditions).collect();
            run(caller, "daos_obj_update", ev, move |client| async move {
                open.object.update_and_punch(&client, conditions, &each, dkey, (akeys, punched)).await
            })
        })
    }
}

fn descriptors(caller: Caller, iods: *const daos_iod_t, nr: c_uint) -> Result<SmallVec<[daos_iod_t; 1]>> {
    if nr == 0 || u64::from(nr) > io::DESCRIPTORS_MAX {
        fail!(Code::Inval, "there are {nr} descriptors; 1 to {} are taken", io::DESCRIPTORS_MAX);
    }
    Ok(caller.elements(iods, u64::from(nr), "iods")?.collect())
}

/// Whether a descriptor of an update removes a single value.
fn is_single_punch(iod: &daos_iod_t) -> bool {
    iod.iod_type == DAOS_IOD_SINGLE && iod.iod_size == 0
}

/// The conditions of each akey, when the flags of the call say that there are some.
fn akey_conditions(flags: u64, iods: &[daos_iod_t]) -> Result<Vec<Conditions>> {
    if flags & u64::from(DAOS_COND_PER_AKEY) == 0 {
        return Ok(Vec::new());
    }
    let akey_flags = u64::from(DAOS_COND_AKEY_INSERT | DAOS_COND_AKEY_UPDATE | DAOS_COND_AKEY_FETCH);
    if flags & akey_flags != 0 {
        fail!(Code::Inval, "flags are {flags:#x}: with DAOS_COND_PER_AKEY, conditions of akeys are in iod_flags");
    }
    let of = |iod: &daos_iod_t| match iod.iod_flags & !akey_flags {
        0 => Ok(Conditions(iod.iod_flags)),
        _ => fail!(Code::Inval, "iod_flags are {:#x}; only DAOS_COND_AKEY_* are taken", iod.iod_flags),
    };
    iods.iter().map(of).collect()
}

fn update_of(caller: Caller, tally: &mut Tally, iod: &daos_iod_t, sgl: Option<*mut d_sg_list_t>) -> Result<AkeyUpdate> {
    let akey = tally.key(caller, &iod.iod_name, "iod_name")?;
    let (extents, needed) = match iod.iod_type {
        DAOS_IOD_SINGLE if iod.iod_nr == 1 => (None, iod.iod_size),
        DAOS_IOD_SINGLE => fail!(Code::Inval, "a single value has iod_nr 1, not {}", iod.iod_nr),
        DAOS_IOD_ARRAY => {
            let extents = io::extents(caller, tally, iod)?;
            if iod.iod_size == 0 {
                return Ok(AkeyUpdate { akey, value: UpdateValue::PunchExtents(extents) });
            }
            let needed = io::bytes_of(&extents, iod.iod_size, Code::RecordTooBig)?;
            if daos_types::extents_overlap(&extents) {
                fail!(Code::Inval, "extents of one descriptor overlap: which of their records counts is not said");
            }
            (Some(extents), needed)
        }
        other => fail!(Code::Inval, "iod_type is {other}; DAOS_IOD_SINGLE or DAOS_IOD_ARRAY is wanted"),
    };
    let Some(sgl) = sgl else {
        fail!(Code::Inval, "sgls is NULL");
    };
    let list = List::read(caller, tally, sgl, Use::Full)?;
    if list.length < needed {
        fail!(Code::RecordTooBig, "the descriptor says {needed} bytes, and its buffers hold {}", list.length);
    }
    let source = Source::Memory(list.cut(needed));
    let value = match extents {
        None => UpdateValue::Single(source),
        Some(extents) => UpdateValue::Array { record_size: iod.iod_size, extents, source },
    };
    Ok(AkeyUpdate { akey, value })
}

/// Reads values under one dkey.
///
/// @th transaction, or DAOS_TX_NONE
/// @flags DAOS_COND_* that must hold; with DAOS_COND_PER_AKEY, those of akeys are in iod_flags
/// @dkey the dkey
/// @nr how many akeys; @iods, @sgls and @ioms have as many elements
/// @iods [in,out] what is read; iod_size is set to the size of the value or of a record, zero when there is none
/// @sgls [in,out] where the bytes go: iov_buf_len is the room, iov_len and sg_nr_out are set; bytes of records that do not exist
///       are not touched. NULL to get sizes and maps alone
/// @ioms [in,out] which extents were found: the first and the last one, and with DAOS_IOMF_DETAIL all of them, in iom_recxs, which has room for
///       iom_nr. iom_nr_out is how many there are, which may be more. When iom_recxs is NULL, it is set to memory that the caller frees.
///       NULL when not wanted
/// @ev completion event; NULL to wait
///
/// @return zero (also when there is nothing), -DER_NO_HDL, -DER_INVAL, -DER_KEY2BIG, -DER_REC2BIG when there is too
///         little room (the iod_size are set), -DER_NONEXIST for conditions, -DER_CSUM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_fetch(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    dkey: *mut daos_key_t,
    nr: c_uint,
    iods: *mut daos_iod_t,
    sgls: *mut d_sg_list_t,
    ioms: *mut daos_iom_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_fetch", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let conditions = conditions(flags)?;
            let dkey = io::key(caller, dkey, "dkey")?;
            let mut tally = Tally::default();
            let read = descriptors(caller, iods, nr)?;
            let each = akey_conditions(flags, &read)?;
            let lists = caller.out_array(sgls, if sgls.is_null() { 0 } else { u64::from(nr) }, "sgls")?;
            let mut results = Results {
                iods: caller.out_array(iods, u64::from(nr), "iods")?,
                ioms: caller.out_array(ioms, if ioms.is_null() { 0 } else { u64::from(nr) }, "ioms")?,
                filled: SmallVec::new(),
            };
            let mut akeys = Vec::with_capacity(read.len());
            for (index, iod) in read.iter().enumerate() {
                let (akey, kind) = wanted(caller, &mut tally, iod)?;
                let list = match lists.pointer_to(index) {
                    Some(sgl) => Some(List::read(caller, &mut tally, sgl, Use::Room)?).filter(|list| list.length > 0),
                    None => None,
                };
                results.filled.push(list.as_ref().map(List::filled));
                akeys.push(AkeyFetch { akey, kind, destination: list.map(|list| Destination::Memory(list.pieces)) });
            }
            run(caller, "daos_obj_fetch", ev, move |client| async move {
                fetch(&open, &client, (epoch, conditions, &each), dkey, akeys, results).await
            })
        })
    }
}

/// The akey of a descriptor, and what is fetched of it.
fn wanted(caller: Caller, tally: &mut Tally, iod: &daos_iod_t) -> Result<(Key, FetchKind)> {
    let akey = tally.key(caller, &iod.iod_name, "iod_name")?;
    match iod.iod_type {
        DAOS_IOD_SINGLE if iod.iod_nr == 1 => Ok((akey, FetchKind::Single)),
        DAOS_IOD_SINGLE => fail!(Code::Inval, "a single value has iod_nr 1, not {}", iod.iod_nr),
        DAOS_IOD_ARRAY => {
            let extents = io::extents(caller, tally, iod)?;
            io::bytes_of(&extents, iod.iod_size, Code::RecordTooBig)?;
            Ok((akey, FetchKind::Array(extents)))
        }
        other => fail!(Code::Inval, "iod_type is {other}; DAOS_IOD_SINGLE or DAOS_IOD_ARRAY is wanted"),
    }
}

/// Where the results of a fetch go.
struct Results {
    iods: OutArray<daos_iod_t>,
    ioms: OutArray<daos_iom_t>,
    filled: SmallVec<[Option<Filled>; 1]>,
}

async fn fetch(
    open: &Arc<OpenObject>,
    client: &Client,
    (epoch, conditions, each): (Epoch, Conditions, &[Conditions]),
    dkey: Key,
    mut akeys: Vec<AkeyFetch>,
    results: Results,
) -> Result<()> {
    let found = match open.object.fetch_each(client, epoch, conditions, each, &dkey, &akeys).await {
        Ok(found) => found,
        Err(status) if status.code() == Code::RecordTooBig => {
            // The caller learns the sizes, to come back with enough room.
            for akey in &mut akeys {
                akey.destination = None;
            }
            // On the heap: the state of every fetch would otherwise have room for it, and be moved with it.
            let sizes = Box::pin(open.object.fetch_each(client, epoch, conditions, each, &dkey, &akeys)).await?;
            for (index, found) in sizes.iter().enumerate() {
                results.tell_size(index, found.size);
            }
            return Err(status);
        }
        Err(status) => return Err(status),
    };
    for (index, (found, akey)) in found.iter().zip(&akeys).enumerate() {
        let is_array = matches!(akey.kind, FetchKind::Array(_));
        results.tell_size(index, found.size);
        if let Some(Some(filled)) = results.filled.get(index) {
            filled.set(if is_array { found.length } else { found.size });
        }
        results.tell_map(index, is_array, found);
    }
    Ok(())
}

impl Results {
    fn tell_size(&self, index: usize, size: u64) {
        if let Some(mut iod) = self.iods.get(index) {
            iod.iod_size = size;
            self.iods.set(index, iod);
        }
    }

    fn tell_map(&self, index: usize, is_array: bool, found: &AkeyFetched) {
        let Some(mut iom) = self.ioms.get(index) else { return };
        let data: Vec<&MapPiece> = found.map.iter().filter(|piece| piece.state == PieceState::Data).collect();
        let recx = |extent: Extent| daos_recx_t { rx_idx: extent.start(), rx_nr: extent.count() };
        let none = daos_recx_t { rx_idx: 0, rx_nr: 0 };
        iom.iom_type = if is_array { DAOS_IOD_ARRAY } else { DAOS_IOD_SINGLE };
        iom.iom_size = found.size;
        let wants_all = iom.iom_flags & DAOS_IOMF_DETAIL != 0;
        iom.iom_nr_out = if wants_all { data.len() as u32 } else { 0 };
        iom.iom_recx_lo = data.iter().map(|piece| piece.extent).min().map_or(none, recx);
        iom.iom_recx_hi = data.iter().map(|piece| piece.extent).max().map_or(none, recx);
        if wants_all && iom.iom_recxs.is_null() && !data.is_empty() {
            // SAFETY: any number may be asked for; the caller frees it.
            iom.iom_recxs = unsafe { libc::calloc(data.len(), size_of::<daos_recx_t>()) }.cast();
            iom.iom_nr = iom.iom_nr_out;
        }
        if wants_all && !iom.iom_recxs.is_null() {
            for (place, piece) in data.iter().enumerate().take(iom.iom_nr as usize) {
                // SAFETY: the caller promised an array of `iom_nr` extents until completion, or it was made above with as many.
                unsafe { iom.iom_recxs.add(place).write(recx(piece.extent)) };
            }
        }
        self.ioms.set(index, iom);
    }
}
