//! Transactions over several calls.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Opens a transaction; its handle is given to calls as `th`.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_open(
    _coh: daos_handle_t,
    _th: *mut daos_handle_t,
    _flags: u64,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_tx_open")
}

/// Makes what was done in a transaction visible and durable, all of it or none.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_commit(_th: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_tx_commit")
}

/// Gives up what was done in a transaction.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_abort(_th: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_tx_abort")
}

/// Begins a transaction again after -DER_TX_RESTART.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_tx_restart(_th: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_tx_restart")
}
