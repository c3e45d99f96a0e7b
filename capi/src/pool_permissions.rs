//! What users may do with pools.

use core::ffi::c_int;

use daos_security::pool_permissions;
use libc::{gid_t, uid_t};

use crate::abi::*;
use crate::container_security::{tell_permissions, user_of};
use crate::guard::guard;

/// Tells what a user may do with a pool by its properties.
///
/// @pool_prop with DAOS_PROP_PO_ACL, DAOS_PROP_PO_OWNER and DAOS_PROP_PO_OWNER_GROUP
/// @uid the user
/// @gids all groups of the user
/// @nr_gids how many
/// @perms [out] a bit set of DAOS_ACL_PERM_*
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_get_perms(
    pool_prop: *mut daos_prop_t,
    uid: uid_t,
    gids: *mut gid_t,
    nr_gids: usize,
    perms: *mut u64,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_pool_get_perms", |caller| {
            let kinds = [DAOS_PROP_PO_ACL, DAOS_PROP_PO_OWNER, DAOS_PROP_PO_OWNER_GROUP];
            let user = user_of(caller, uid, gids.cast_const(), nr_gids)?;
            tell_permissions(caller, pool_prop, kinds, &user, perms, pool_permissions)
        })
    }
}
