//! Owners and access control lists of containers, and their health.

use core::ffi::{c_char, c_int};

use daos_client::{ContainerProperties, change_owner, delete_access, overwrite_access, update_access};
use daos_security::{AccessList, Credentials, Ownership, Permissions, container_permissions};
use daos_status::{Code, Result, fail};
use libc::{gid_t, uid_t};

use crate::abi::*;
use crate::completion::run;
use crate::container::OpenContainer;
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::pointer::Caller;
use crate::prop::daos_prop_alloc;
use crate::property;
use crate::security::principal;
use crate::security_list::list_at;

/// Reads owner and access control list of a container.
///
/// @acl_prop [out] a list with DAOS_PROP_CO_ACL, DAOS_PROP_CO_OWNER and DAOS_PROP_CO_OWNER_GROUP that daos_prop_free frees
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_get_acl(
    coh: daos_handle_t,
    acl_prop: *mut *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's; the list has as many entries as are written.
    unsafe {
        guard_call("daos_cont_get_acl", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let place = caller.out(acl_prop, "acl_prop")?;
            run(caller, "daos_cont_get_acl", ev, move |client| async move {
                let access = open.container.access(&client).await?;
                let list = daos_prop_alloc(3);
                if list.is_null() {
                    fail!(Code::Nomem, "no memory for an access control list");
                }
                for (index, kind) in
                    [DAOS_PROP_CO_ACL, DAOS_PROP_CO_OWNER, DAOS_PROP_CO_OWNER_GROUP].into_iter().enumerate()
                {
                    (*(*list).dpp_entries.add(index)).dpe_type = kind;
                }
                let known = ContainerProperties { access, ..ContainerProperties::default() };
                property::answer(*list, DAOS_PROP_CO_LABEL, &known, &[])?;
                place.set(list);
                Ok(())
            })
        })
    }
}

/// Replaces the access control list of a container. Handles that are open stay as they are.
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_overwrite_acl(
    coh: daos_handle_t,
    acl: *mut daos_acl,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_overwrite_acl", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let change = overwrite_access(&list_at(caller, acl)?);
            run(caller, "daos_cont_overwrite_acl", ev, move |client| async move {
                open.container.change_access(&client, change).await
            })
        })
    }
}

/// Adds entries to the access control list of a container, or takes them in place of those about the same.
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_update_acl(coh: daos_handle_t, acl: *mut daos_acl, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_update_acl", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let change = update_access(&list_at(caller, acl)?);
            run(caller, "daos_cont_update_acl", ev, move |client| async move {
                open.container.change_access(&client, change).await
            })
        })
    }
}

/// Removes an entry of the access control list of a container.
///
/// @type whom it is about, DAOS_ACL_OWNER and so on
/// @name name of a user or group
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_NONEXIST when there is no such entry
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_delete_acl(
    coh: daos_handle_t,
    r#type: daos_acl_principal_type,
    name: d_string_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_delete_acl", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let change = delete_access(&principal(caller, r#type, name)?);
            run(caller, "daos_cont_delete_acl", ev, move |client| async move {
                open.container.change_access(&client, change).await
            })
        })
    }
}

fn set_owner(
    caller: Caller,
    coh: daos_handle_t,
    (user, group): (*const c_char, *const c_char),
    must_exist: bool,
    ev: *mut daos_event_t,
) -> Result<()> {
    let open = handle_table::get::<OpenContainer>(coh)?;
    let user = caller.text_optional(user, "user")?.unwrap_or_default();
    let group = caller.text_optional(group, "group")?.unwrap_or_default();
    for name in [&user, &group].into_iter().filter(|name| !name.is_empty()) {
        daos_security::check_name(name)?;
    }
    if must_exist && !user.is_empty() && daos_security::number_of_user(&user).is_none() {
        fail!(Code::Nonexist, "the system knows no user '{user}'");
    }
    if must_exist && !group.is_empty() && daos_security::number_of_group(&group).is_none() {
        fail!(Code::Nonexist, "the system knows no group '{group}'");
    }
    let change = change_owner(&user, &group);
    run(
        caller,
        "daos_cont_set_owner",
        ev,
        move |client| async move { open.container.change_access(&client, change).await },
    )
}

/// Changes the owner of a container to a user and a group that exist.
///
/// @user its owner, as name@; NULL to leave it
/// @group the owner's group, as name@; NULL to leave it
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_set_owner(
    coh: daos_handle_t,
    user: d_string_t,
    group: d_string_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_call("daos_cont_set_owner", ev, |caller| set_owner(caller, coh, (user, group), true, ev)) }
}

/// Changes the owner of a container to any user and group.
///
/// @user its owner, as name@; NULL to leave it
/// @group the owner's group, as name@; NULL to leave it
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_set_owner_no_check(
    coh: daos_handle_t,
    user: d_string_t,
    group: d_string_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_call("daos_cont_set_owner_no_check", ev, |caller| set_owner(caller, coh, (user, group), false, ev)) }
}

/// A user by number, and all groups.
pub(crate) fn user_of(caller: Caller, uid: uid_t, gids: *const gid_t, count: usize) -> Result<Credentials> {
    let gids = if count == 0 { Vec::new() } else { caller.array(gids, count as u64, "gids")? };
    let Some((first, others)) = gids.split_first() else {
        return Ok(Credentials { group: String::new(), ..Credentials::of_ids(uid, 0, &[]) });
    };
    Ok(Credentials::of_ids(uid, *first, others))
}

/// Tells what a user may do with a container by its properties.
///
/// @cont_prop with DAOS_PROP_CO_ACL, DAOS_PROP_CO_OWNER and DAOS_PROP_CO_OWNER_GROUP
/// @uid the user
/// @gids all groups of the user
/// @nr_gids how many
/// @perms [out] a bit set of DAOS_ACL_PERM_*
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_get_perms(
    cont_prop: *mut daos_prop_t,
    uid: uid_t,
    gids: *mut gid_t,
    nr_gids: usize,
    perms: *mut u64,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_cont_get_perms", |caller| {
            let kinds = [DAOS_PROP_CO_ACL, DAOS_PROP_CO_OWNER, DAOS_PROP_CO_OWNER_GROUP];
            let user = user_of(caller, uid, gids.cast_const(), nr_gids)?;
            tell_permissions(caller, cont_prop, kinds, &user, perms, container_permissions)
        })
    }
}

/// What a list lets a user do, whose owner is in the same properties.
pub(crate) fn tell_permissions(
    caller: Caller,
    properties: *const daos_prop_t,
    kinds: [u32; 3],
    user: &Credentials,
    perms: *mut u64,
    rule: fn(&AccessList, &Ownership, &Credentials) -> Permissions,
) -> Result<()> {
    let place = caller.out(perms, "perms")?;
    let (list, owner) = property::access_of(caller, properties, kinds)?;
    place.set(rule(&list, &owner, user).0);
    Ok(())
}

/// Marks a container as healthy.
///
/// @return zero, -DER_NO_HDL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_status_clear(coh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_status_clear", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let numbers = vec![(DAOS_PROP_CO_STATUS, 0)];
            let healthy = ContainerProperties { numbers, ..ContainerProperties::default() };
            run(caller, "daos_cont_status_clear", ev, move |client| async move {
                open.container.set_properties(&client, healthy).await
            })
        })
    }
}
