//! Lending the pool and container handles of a mount.

use core::ffi::c_int;
use std::sync::atomic::Ordering;

use daos_dfs::Result;

use super::mounted::{Handles, fail, mounted};
use crate::abi::*;
use crate::guard::guard_errno;
use crate::pointer::Caller;

/// Lends the handle of the mount's pool, until dfs_pool_put.
///
/// @poh [out] the handle
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_pool_get(dfs: *mut dfs_t, poh: *mut daos_handle_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_errno("dfs_pool_get", |caller| lend(caller, dfs, poh, |handles| handles.pool)) }
}

/// Gives back what dfs_pool_get lent.
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_pool_put(dfs: *mut dfs_t, poh: daos_handle_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe { guard_errno("dfs_pool_put", |_| take_back(dfs, poh, |handles| handles.pool)) }
}

/// Lends the handle of the mount's container, until dfs_cont_put.
///
/// @coh [out] the handle
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_get(dfs: *mut dfs_t, coh: *mut daos_handle_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_errno("dfs_cont_get", |caller| lend(caller, dfs, coh, |handles| handles.container)) }
}

/// Gives back what dfs_cont_get lent.
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_put(dfs: *mut dfs_t, coh: daos_handle_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe { guard_errno("dfs_cont_put", |_| take_back(dfs, coh, |handles| handles.container)) }
}

fn lend(
    caller: Caller,
    dfs: *mut dfs_t,
    place: *mut daos_handle_t,
    which: impl Fn(&Handles) -> daos_handle_t,
) -> Result<()> {
    let mount = mounted(dfs)?;
    let place = caller.out(place, "handle")?;
    mount.lent.fetch_add(1, Ordering::AcqRel);
    place.set(which(&mount.handles));
    Ok(())
}

fn take_back(dfs: *mut dfs_t, handle: daos_handle_t, which: impl Fn(&Handles) -> daos_handle_t) -> Result<()> {
    let mount = mounted(dfs)?;
    let fewer = |lent: u32| lent.checked_sub(1);
    if which(&mount.handles).cookie != handle.cookie
        || mount.lent.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer).is_err()
    {
        fail!(libc::EINVAL, "{:#x} was not lent by this mount", handle.cookie);
    }
    Ok(())
}
