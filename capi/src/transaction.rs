//! Transaction handles, and what calls that are given one do with it.

use core::ffi::c_int;
use std::sync::Arc;

use daos_client::{Container, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::Epoch;

use crate::abi::*;
use crate::completion::{Call, run};
use crate::container::OpenContainer;
use crate::guard::{guard, guard_call};
use crate::handle_table;

/// What a transaction handle stands for.
pub enum OpenTransaction {
    /// Reading a snapshot.
    Snapshot {
        /// The container whose snapshot it is.
        container: Container,
        /// The snapshot.
        epoch: Epoch,
    },
    /// Reading and writing, all or nothing.
    Transaction {
        /// The container of its objects.
        container: Container,
        /// The transaction.
        transaction: Transaction,
    },
}

/// What stands for something that calls in a transaction are made by.
pub trait Transactional: Sized {
    /// The same in a transaction.
    fn within(&self, transaction: &Transaction) -> Self;
    /// The container that it is in.
    fn container(&self) -> &Container;
}

impl OpenTransaction {
    fn container(&self) -> &Container {
        match self {
            OpenTransaction::Snapshot { container, .. } | OpenTransaction::Transaction { container, .. } => container,
        }
    }
}

/// What is open under a transaction's handle, of this container.
fn of_container(th: daos_handle_t, container: &Container) -> Result<Arc<OpenTransaction>> {
    let open = handle_table::get::<OpenTransaction>(th)?;
    let (of, is) = (open.container().id(), container.id());
    if of != is || open.container().pool().id() != container.pool().id() {
        fail!(Code::Inval, "the transaction is one of container {of}, not of {is}");
    }
    Ok(open)
}

/// The transaction of a handle, for what a snapshot's handle is none for.
fn own(th: daos_handle_t) -> Result<Transaction> {
    match &*handle_table::get::<OpenTransaction>(th)? {
        OpenTransaction::Transaction { transaction, .. } => Ok(transaction.clone()),
        OpenTransaction::Snapshot { epoch, .. } => {
            fail!(Code::NoPerm, "the transaction reads the snapshot at epoch {}, which cannot be changed", epoch.0)
        }
    }
}

/// What a call reads that is given this handle: the newest state without one, a snapshot by the handle of one. What a transaction reads
/// it decides itself, see [`reading`].
pub fn read_epoch(th: daos_handle_t, container: &Container) -> Result<Epoch> {
    Ok(seen_by(th, container)?.1)
}

/// The transaction that a call reads in, if any, and at which epoch it reads otherwise.
pub fn seen_by(th: daos_handle_t, container: &Container) -> Result<(Option<Transaction>, Epoch)> {
    if th.cookie == 0 {
        return Ok((None, Epoch::MAX));
    }
    Ok(match &*of_container(th, container)? {
        OpenTransaction::Snapshot { epoch, .. } => (None, *epoch),
        OpenTransaction::Transaction { transaction, .. } => (Some(transaction.clone()), Epoch::MAX),
    })
}

/// What a call reads by that is given this handle, and at which epoch.
pub fn reading<T: Transactional>(th: daos_handle_t, open: Arc<T>) -> Result<(Arc<T>, Epoch)> {
    if th.cookie == 0 {
        return Ok((open, Epoch::MAX));
    }
    let (transaction, epoch) = seen_by(th, open.container())?;
    Ok((transaction.map_or(Arc::clone(&open), |transaction| Arc::new(open.within(&transaction))), epoch))
}

/// What a call writes by that is given this handle: a snapshot cannot be changed.
pub fn writing<T: Transactional>(th: daos_handle_t, open: Arc<T>) -> Result<Arc<T>> {
    match writing_in(th, open.container())? {
        None => Ok(open),
        Some(transaction) => Ok(Arc::new(open.within(&transaction))),
    }
}

/// The transaction that a call writes in, if any.
pub fn writing_in(th: daos_handle_t, container: &Container) -> Result<Option<Transaction>> {
    if th.cookie == 0 {
        return Ok(None);
    }
    of_container(th, container)?;
    own(th).map(Some)
}

/// Opens a transaction. Calls that are given its handle as th belong to it: all reads see the container as it is at the transaction's
/// epoch, which is that of the first read; what is written waits for daos_tx_commit, and is made then as a whole or not at all. The bytes of
/// updates are copied, at most 256 MiB in one transaction. daos_obj_fetch, daos_kv_get and daos_array_read see what the transaction itself
/// has written; listings and queries of keys, and the sizes of arrays, do not. Conditions of updates and punches are looked at when these are
/// called.
///
/// @th [out] the handle, closed by daos_tx_close
/// @flags zero or DAOS_TF_RDONLY, with DAOS_TF_ZERO_COPY, which has no effect
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_open(
    coh: daos_handle_t,
    th: *mut daos_handle_t,
    flags: u64,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_tx_open", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(th, "th")?;
            let (read_only, zero_copy) = (u64::from(DAOS_TF_RDONLY), u64::from(DAOS_TF_ZERO_COPY));
            if flags & !(read_only | zero_copy) != 0 {
                fail!(Code::Inval, "flags are {flags:#x}; DAOS_TF_RDONLY and DAOS_TF_ZERO_COPY are taken");
            }
            run(caller, "daos_tx_open", ev, move |client| async move {
                let container = open.container.clone();
                let transaction = Transaction::open(&client, &container, flags & read_only != 0);
                handle.set(handle_table::insert(OpenTransaction::Transaction { container, transaction })?);
                Ok(())
            })
        })
    }
}

/// Makes what was written in a transaction visible and durable, all of it or none. What one transaction writes must lie at one target: under
/// one dkey, or in objects of class OC_S1 that are at the same target. Where it has read does not matter.
///
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_TX_RESTART when somebody has read or written what does not go together with it: call daos_tx_restart, and
///         do everything again from the first read on; -DER_NOSYS when several targets are written to; -DER_NO_PERM when it is aborted, has failed
///         or reads a snapshot; -DER_ALREADY when it is committed; -DER_INPROGRESS when it is being committed, -DER_NOSPACE. After an error
///         nothing was changed, and the transaction can be restarted or closed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_commit(th: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_tx_commit", ev, |caller| {
            let transaction = own(th)?;
            run(caller, "daos_tx_commit", ev, move |client| async move { transaction.commit(&client).await })
        })
    }
}

/// Gives up what was done in a transaction; its handle can only be closed then.
///
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_ALREADY when it is aborted, -DER_NO_PERM when it is or is being committed, or reads a snapshot
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_abort(th: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_tx_abort", ev, |caller| {
            let transaction = own(th)?;
            run(caller, "daos_tx_abort", ev, move |_client| async move { transaction.abort() })
        })
    }
}

/// Begins a transaction again, after -DER_TX_RESTART or whenever it is not committed: what was done in it is forgotten, and it gets another
/// epoch by its next read.
///
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_NO_PERM when it is aborted, is or is being committed, or reads a snapshot
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_restart(th: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_tx_restart", ev, |caller| {
            let transaction = own(th)?;
            run(caller, "daos_tx_restart", ev, move |client| async move { transaction.restart(&client) })
        })
    }
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
        guard_call("daos_tx_open_snap", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(th, "th")?;
            run(caller, "daos_tx_open_snap", ev, move |client| async move {
                let container = open.container.clone();
                let epoch = container.snapshot_at(&client, Epoch(epoch)).await?.epoch;
                handle.set(handle_table::insert(OpenTransaction::Snapshot { container, epoch })?);
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
        guard_call("daos_tx_close", ev, |caller| {
            let (call, _open) = Call::closing::<OpenTransaction>(caller, "daos_tx_close", ev, th)?;
            call.run(move |_client| async move { Ok(()) })
        })
    }
}

/// Tells the epoch of a transaction: that of the snapshot which it reads, that of its reads, or that of what it has written when it is
/// committed.
///
/// @epoch [out] the epoch
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_UNINIT when it has none yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_hdl2epoch(th: daos_handle_t, epoch: *mut daos_epoch_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_tx_hdl2epoch", |caller| {
            let open = handle_table::get::<OpenTransaction>(th)?;
            let place = caller.out(epoch, "epoch")?;
            let known = match &*open {
                OpenTransaction::Snapshot { epoch, .. } => Some(*epoch),
                OpenTransaction::Transaction { transaction, .. } => transaction.epoch(),
            };
            match known {
                Some(epoch) => place.set(epoch.0),
                None => {
                    fail!(Code::Uninit, "the transaction has read nothing and is not committed: it has no epoch yet")
                }
            }
            Ok(())
        })
    }
}
