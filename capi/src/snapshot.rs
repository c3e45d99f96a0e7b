//! Snapshots of containers, and what goes back to them.

use core::ffi::{c_char, c_int};
use std::sync::Arc;

use daos_client::{ObjectTable, SNAPSHOT_OBJECT_TABLE, Snapshot};
use daos_status::{Code, Result, fail};
use daos_types::Epoch;

use crate::abi::*;
use crate::completion::run;
use crate::container::OpenContainer;
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::object_table::OpenTable;
use crate::pointer::{Caller, OutArray};

/// The epoch behind which a listing goes on stands here in its anchor.
const ANCHOR_PLACE: usize = 0;

/// Makes a snapshot of a container as it is now; durable when it has completed. It shows all that had completed before the call, on all
/// targets alike, and nothing of what is begun after its completion. Changes of the container wait for a moment meanwhile.
///
/// @epoch [out] its epoch, by which it is named from then on
/// @name a name, unique in the container, of DAOS_SNAPSHOT_MAX_LEN bytes with its zero at most; NULL for none
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_EXIST when the name is in use, -DER_NOSPACE when there are as many as
///         DAOS_PROP_CO_SNAPSHOT_MAX allows, or 4000
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_create_snap(
    coh: daos_handle_t,
    epoch: *mut daos_epoch_t,
    name: *mut c_char,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_call("daos_cont_create_snap", ev, |caller| create(caller, coh, epoch, name, DAOS_SNAP_OPT_CR, ev)) }
}

/// Makes a snapshot of a container, as daos_cont_create_snap, with a table of its objects if that is asked for.
///
/// @opts DAOS_SNAP_OPT_CR, with DAOS_SNAP_OPT_OIT for daos_oit_open to be used with the snapshot; DAOS_SNAP_OPT_OIT alone adds the
///       table to the snapshot at @epoch
///
/// @return as daos_cont_create_snap; -DER_NONEXIST when there is no snapshot to which a table could be added
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_create_snap_opt(
    coh: daos_handle_t,
    epoch: *mut daos_epoch_t,
    name: *mut c_char,
    opts: daos_snapshot_opts,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_call("daos_cont_create_snap_opt", ev, |caller| create(caller, coh, epoch, name, opts, ev)) }
}

fn create(
    caller: Caller,
    coh: daos_handle_t,
    epoch: *mut daos_epoch_t,
    name: *mut c_char,
    opts: daos_snapshot_opts,
    ev: *mut daos_event_t,
) -> Result<()> {
    let open = handle_table::get::<OpenContainer>(coh)?;
    let place = caller.out(epoch, "epoch")?;
    let name = caller.text_optional(name, "name")?.unwrap_or_default();
    if opts == 0 || opts & !(DAOS_SNAP_OPT_CR | DAOS_SNAP_OPT_OIT) != 0 {
        fail!(Code::Inval, "opts are {opts:#x}; DAOS_SNAP_OPT_CR and DAOS_SNAP_OPT_OIT are known");
    }
    let options = if opts & DAOS_SNAP_OPT_OIT != 0 { SNAPSHOT_OBJECT_TABLE } else { 0 };
    run(caller, "daos_cont_create_snap", ev, move |client| async move {
        if opts & DAOS_SNAP_OPT_CR == 0 {
            return open.container.mark_snapshot(&client, Epoch(place.get()), options).await;
        }
        place.set(open.container.create_snapshot(&client, &name, options).await?.0);
        Ok(())
    })
}

/// Destroys the snapshots of a range of epochs. What only they show is freed later.
///
/// @epr with epr_lo equal to epr_hi, the one at that epoch, which must be there; otherwise all from epr_lo to epr_hi, both included
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL when epr_lo is greater than epr_hi, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_destroy_snap(
    coh: daos_handle_t,
    epr: daos_epoch_range_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_destroy_snap", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            if epr.epr_lo > epr.epr_hi || epr.epr_hi == 0 {
                fail!(Code::Inval, "epr is {} to {}: there are no such epochs", epr.epr_lo, epr.epr_hi);
            }
            run(caller, "daos_cont_destroy_snap", ev, move |client| async move {
                let (first, last) = (Epoch(epr.epr_lo), Epoch(epr.epr_hi));
                open.container.destroy_snapshots(&client, first, last).await.map(|_| ())
            })
        })
    }
}

/// Lists the snapshots of a container, the oldest first.
///
/// @nr [in,out] room in the arrays; how many there are from the anchor on, of which as many were given as there was room for. With zero, or
///     without arrays, nothing is given
/// @epochs [out] their epochs; NULL when not wanted
/// @names [out] their names, each in memory of DAOS_SNAPSHOT_MAX_LEN bytes; empty for those that have none; NULL when not wanted
/// @anchor [in,out] where the listing goes on, all zero to begin; it is at its end (daos_anchor_is_eof) when all were given. An anchor that is at
///         its end begins again. NULL to get the first ones
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_list_snap(
    coh: daos_handle_t,
    nr: *mut c_int,
    epochs: *mut daos_epoch_t,
    names: *mut *mut c_char,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_list_snap", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let count = caller.out(nr, "nr")?;
            let room = if epochs.is_null() && names.is_null() { 0 } else { u64::try_from(count.get()).unwrap_or(0) };
            let epochs = caller.out_array(epochs, if epochs.is_null() { 0 } else { room }, "epochs")?;
            let names = Names::read(caller, names, room)?;
            let anchor = caller.out_optional(anchor, "anchor")?;
            let behind = anchor.as_ref().map_or(0, |anchor| behind(&anchor.get()));
            run(caller, "daos_cont_list_snap", ev, move |client| async move {
                let all = open.container.snapshots(&client).await?;
                let left: Vec<&Snapshot> = all.iter().filter(|snapshot| snapshot.epoch.0 > behind).collect();
                let given = if room == 0 { &left[..] } else { &left[..left.len().min(room as usize)] };
                for (index, snapshot) in given.iter().enumerate().take(room as usize) {
                    epochs.set(index, snapshot.epoch.0);
                    names.set(index, &snapshot.name);
                }
                count.set(c_int::try_from(left.len()).unwrap_or(c_int::MAX));
                if let Some(anchor) = anchor {
                    let last = given.last().filter(|_| given.len() < left.len());
                    anchor.set(anchor_behind(anchor.get(), last.map(|snapshot| snapshot.epoch)));
                }
                Ok(())
            })
        })
    }
}

/// The epoch behind which an anchor goes on.
fn behind(anchor: &daos_anchor_t) -> u64 {
    if anchor.da_type != DAOS_ANCHOR_TYPE_HKEY as u16 {
        return 0;
    }
    let bytes: [u8; 8] = std::array::from_fn(|index| anchor.da_buf[ANCHOR_PLACE + index]);
    u64::from_le_bytes(bytes)
}

fn anchor_behind(mut anchor: daos_anchor_t, last: Option<Epoch>) -> daos_anchor_t {
    match last {
        None => anchor.da_type = DAOS_ANCHOR_TYPE_EOF as u16,
        Some(epoch) => {
            anchor.da_type = DAOS_ANCHOR_TYPE_HKEY as u16;
            anchor.da_buf[ANCHOR_PLACE..ANCHOR_PLACE + 8].copy_from_slice(&epoch.0.to_le_bytes());
        }
    }
    anchor
}

/// Where the names of snapshots go.
struct Names(Vec<Option<OutArray<u8>>>);

impl Names {
    fn read(caller: Caller, names: *mut *mut c_char, room: u64) -> Result<Names> {
        if names.is_null() {
            return Ok(Names(Vec::new()));
        }
        let places = caller.array(names.cast_const(), room, "names")?;
        let place = |name: *mut c_char| match name.is_null() {
            true => Ok(None),
            false => caller.out_bytes(name.cast::<u8>(), DAOS_SNAPSHOT_MAX_LEN as usize, "names").map(Some),
        };
        places.into_iter().map(place).collect::<Result<_>>().map(Names)
    }

    fn set(&self, index: usize, name: &str) {
        let Some(Some(place)) = self.0.get(index) else { return };
        for (index, byte) in name.bytes().take(DAOS_SNAPSHOT_MAX_LEN as usize - 1).chain([0]).enumerate() {
            place.set(index, byte);
        }
    }
}

/// Makes the table of the objects of a snapshot, for daos_oit_open.
///
/// @epoch the snapshot; zero to find it by its name
/// @name its name; NULL when its epoch is given
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_snap_oit_create(
    coh: daos_handle_t,
    epoch: daos_epoch_t,
    name: *mut c_char,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_snap_oit_create", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let name = caller.text_optional(name, "name")?;
            if epoch == 0 && name.is_none() {
                fail!(Code::Inval, "neither epoch nor name of the snapshot is given");
            }
            run(caller, "daos_cont_snap_oit_create", ev, move |client| async move {
                let snapshot = match name.filter(|_| epoch == 0) {
                    Some(name) => open.container.snapshot_named(&client, &name).await?,
                    None => open.container.snapshot_at(&client, Epoch(epoch)).await?,
                };
                open.container.mark_snapshot(&client, snapshot.epoch, SNAPSHOT_OBJECT_TABLE).await
            })
        })
    }
}

/// Deletes the table of the objects of a snapshot, with the marks that were made in it. The snapshot stays.
///
/// @oh an open table of the snapshot; it stays open until daos_oit_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL when it is no table of a snapshot of this container, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_snap_oit_destroy(
    coh: daos_handle_t,
    oh: daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_snap_oit_destroy", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let table = handle_table::get::<OpenTable>(oh)?.table.clone();
            if table.container().id() != open.container.id() {
                fail!(Code::Inval, "this is no table of container {}", open.container.id());
            }
            destroy_table(caller, open, table, ev)
        })
    }
}

/// The same as a task, whose arguments name the table by the epoch of its snapshot.
///
/// # Safety
/// As for the function.
pub(crate) unsafe fn destroy_object_table(coh: daos_handle_t, epoch: daos_epoch_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        guard("daos_cont_snap_oit_destroy", |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let table = ObjectTable::open(&open.container, Epoch(epoch))?;
            destroy_table(caller, open, table, ev)
        })
    }
}

fn destroy_table(caller: Caller, open: Arc<OpenContainer>, table: ObjectTable, ev: *mut daos_event_t) -> Result<()> {
    check_epoch(table.epoch().0)?;
    run(caller, "daos_cont_snap_oit_destroy", ev, move |client| async move {
        open.container.mark_snapshot(&client, table.epoch(), 0).await?;
        table.forget_marks(&client).await
    })
}

/// Brings a container back to its newest snapshot: all that was changed since is gone when it has completed, as if it had never been. Handles of
/// the container and of its objects stay open, in this and in other processes; what they read or change meanwhile waits for the end.
///
/// @epoch the snapshot
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_NONEXIST when there is no snapshot at the epoch, -DER_BUSY when there are newer
///         ones, which would be lost: destroy them first; -DER_OOG when an engine that holds a part does not serve
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_rollback(coh: daos_handle_t, epoch: daos_epoch_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_rollback", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            check_epoch(epoch)?;
            run(caller, "daos_cont_rollback", ev, move |client| async move {
                open.container.roll_back(&client, Epoch(epoch)).await
            })
        })
    }
}

fn check_epoch(epoch: daos_epoch_t) -> Result<()> {
    if epoch == 0 || epoch == u64::MAX {
        fail!(Code::Inval, "no snapshot has epoch {epoch}");
    }
    Ok(())
}

/// Waits until a container has a snapshot at an epoch or later, and tells the oldest such one. Who calls again with the epoch that follows it
/// gets each snapshot, in order; any number of processes may do so, and those that make snapshots do not wait for them.
///
/// @epoch [in,out] the oldest epoch that will do, zero for any; the epoch of the snapshot
/// @ev completion event; NULL to wait. daos_event_abort ends the waiting
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_CANCELED when the event was aborted
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_subscribe(
    coh: daos_handle_t,
    epoch: *mut daos_epoch_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_subscribe", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let place = caller.out(epoch, "epoch")?;
            let from = Epoch(place.get());
            run(caller, "daos_cont_subscribe", ev, move |client| async move {
                place.set(open.container.wait_snapshot(&client, from).await?.epoch.0);
                Ok(())
            })
        })
    }
}

/// Frees at once what no epoch from this one on and no snapshot shows, where it would be done in idle time.
///
/// @epoch up to which epoch; zero, or one that is yet to come, for the present
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_aggregate(coh: daos_handle_t, epoch: daos_epoch_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_aggregate", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            run(caller, "daos_cont_aggregate", ev, move |client| async move {
                open.container.aggregate(&client, Epoch(epoch)).await
            })
        })
    }
}
