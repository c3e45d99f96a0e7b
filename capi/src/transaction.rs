//! Transaction handles, and what calls that are given one do with it.

use core::ffi::c_int;

use daos_client::Container;
use daos_status::{Code, Result, fail};
use daos_types::Epoch;

use crate::abi::*;
use crate::completion::{Call, run};
use crate::container::OpenContainer;
use crate::guard::guard;
use crate::handle_table;

/// What a transaction handle stands for: reading a snapshot.
pub struct OpenTransaction {
    /// The container whose snapshot it is.
    container: Container,
    /// The snapshot.
    epoch: Epoch,
}

/// What a call reads that is given this handle: the newest state without one, a snapshot by the handle of one.
pub fn read_epoch(th: daos_handle_t, container: &Container) -> Result<Epoch> {
    if th.cookie == 0 {
        return Ok(Epoch::MAX);
    }
    let open = handle_table::get::<OpenTransaction>(th)?;
    let (of, is) = (open.container.id(), container.id());
    if of != is || open.container.pool().id() != container.pool().id() {
        fail!(Code::Inval, "the transaction is one of container {of}, not of {is}");
    }
    Ok(open.epoch)
}

/// Accepts a call that changes something: a snapshot cannot be changed.
pub fn check_writable(th: daos_handle_t) -> Result<()> {
    if th.cookie == 0 {
        return Ok(());
    }
    let open = handle_table::get::<OpenTransaction>(th)?;
    fail!(Code::NoPerm, "the transaction reads the snapshot at epoch {}, which cannot be changed", open.epoch.0)
}

/// Opens a read-only transaction that sees a snapshot: calls that read and are given it as th see the container as it was then; calls that
/// change something give -DER_NO_PERM. When the snapshot is destroyed meanwhile, reads give what is left of it, or -DER_EP_OLD.
///
/// @epoch the snapshot, as daos_cont_create_snap and daos_cont_list_snap give it
/// @th [out] the handle, closed by daos_tx_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when there is no snapshot at the epoch
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_open_snap(
    coh: daos_handle_t,
    epoch: daos_epoch_t,
    th: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_tx_open_snap", |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(th, "th")?;
            run(caller, "daos_tx_open_snap", ev, move |client| async move {
                let container = open.container.clone();
                let epoch = container.snapshot_at(&client, Epoch(epoch)).await?.epoch;
                handle.set(handle_table::insert(OpenTransaction { container, epoch })?);
                Ok(())
            })
        })
    }
}

/// Closes the handle of a transaction.
///
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_close(th: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_tx_close", |caller| {
            let (call, _open) = Call::closing::<OpenTransaction>(caller, "daos_tx_close", ev, th)?;
            call.run(move |_client| async move { Ok(()) })
        })
    }
}

/// Tells the epoch of a transaction: that of the snapshot which it reads.
///
/// @epoch [out] the epoch
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_hdl2epoch(th: daos_handle_t, epoch: *mut daos_epoch_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_tx_hdl2epoch", |caller| {
            let open = handle_table::get::<OpenTransaction>(th)?;
            caller.out(epoch, "epoch")?.set(open.epoch.0);
            Ok(())
        })
    }
}
