//! Containers.

use core::ffi::{c_char, c_int, c_uint};

use daos_client::{Container, ContainerFlags, ContainerInfo, ContainerProperties};
use daos_security::Permissions;
use daos_status::{Code, Result, fail};
use daos_types::Reference;

use crate::abi::*;
use crate::completion::{Call, run, value_of};
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::pointer::{Caller, Out};
use crate::pool::{OpenPool, give_global};
use crate::property;

/// What a container handle stands for.
pub struct OpenContainer {
    /// The open container.
    pub container: Container,
}

/// Makes a container; durable when it has completed.
///
/// @uuid [out] its UUID; NULL when not wanted
/// @cont_prop properties such as DAOS_PROP_CO_LABEL; NULL for the defaults
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_EXIST when the label is in use, -DER_NO_PERM, -DER_NOSPACE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_create2(
    poh: daos_handle_t,
    uuid: *mut uuid_t,
    cont_prop: *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_call("daos_cont_create", ev, |caller| create(caller, poh, None, uuid, cont_prop, ev)) }
}

/// The name of daos_cont_create2 for programs that look it up.
#[unsafe(export_name = "daos_cont_create")]
pub unsafe extern "C" fn daos_cont_create_plain(
    poh: daos_handle_t,
    uuid: *mut uuid_t,
    cont_prop: *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the same promises.
    unsafe { daos_cont_create2(poh, uuid, cont_prop, ev) }
}

/// Makes a container with a label; durable when it has completed.
///
/// @label 1 to DAOS_PROP_LABEL_MAX_LEN letters, digits and ". _ - :", not in the form of a UUID
/// @cont_prop further properties; NULL for the defaults
/// @uuid [out] its UUID; NULL when not wanted
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_EXIST when the label is in use, -DER_NO_PERM, -DER_NOSPACE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_create_with_label(
    poh: daos_handle_t,
    label: *const c_char,
    cont_prop: *mut daos_prop_t,
    uuid: *mut uuid_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_create_with_label", ev, |caller| {
            let label = caller.text(label, "label")?;
            daos_types::check_label(&label)?;
            create(caller, poh, Some(label), uuid, cont_prop, ev)
        })
    }
}

fn create(
    caller: Caller,
    poh: daos_handle_t,
    label: Option<String>,
    uuid: *mut uuid_t,
    cont_prop: *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> Result<()> {
    let open = handle_table::get::<OpenPool>(poh)?;
    let uuid = caller.out_optional(uuid, "uuid")?;
    let mut properties = property::container(caller, cont_prop)?;
    if let Some(label) = label {
        if !properties.label.is_empty() && properties.label != label {
            fail!(Code::Inval, "the label is '{label}' and also '{}' by its property", properties.label);
        }
        properties.label = label;
    }
    run(caller, "daos_cont_create", ev, move |client| async move {
        let id = Container::create(&client, &open.pool, None, properties).await?;
        if let Some(uuid) = uuid {
            uuid.set(id.to_bytes());
        }
        Ok(())
    })
}

/// Opens a container.
///
/// @cont its label or UUID, as text
/// @flags DAOS_COO_RO or DAOS_COO_RW, with other DAOS_COO_* flags
/// @coh [out] the handle, closed by daos_cont_close
/// @info [out] what the container is; NULL when not wanted
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST, -DER_NO_PERM, -DER_BUSY
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_open2(
    poh: daos_handle_t,
    cont: *const c_char,
    flags: c_uint,
    coh: *mut daos_handle_t,
    info: *mut daos_cont_info_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_open", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let reference = Reference::parse(&caller.text(cont, "cont")?)?;
            let modes = flags & DAOS_COO_IO_BASE_MASK;
            if flags & !DAOS_COO_MASK != 0 || modes.count_ones() != 1 {
                fail!(Code::Inval, "flags are {flags:#x}; one of DAOS_COO_RO, DAOS_COO_RW, DAOS_COO_EX is wanted");
            }
            let handle = caller.out(coh, "coh")?;
            let info = caller.out_optional(info, "info")?;
            run(caller, "daos_cont_open", ev, move |client| async move {
                let container = Container::open(&client, &open.pool, &reference, ContainerFlags(flags)).await?;
                if let Some(info) = info {
                    tell(info, &container.query(&client).await?);
                }
                handle.set(handle_table::insert(OpenContainer { container })?);
                Ok(())
            })
        })
    }
}

/// The name of daos_cont_open2 for programs that look it up.
#[unsafe(export_name = "daos_cont_open")]
pub unsafe extern "C" fn daos_cont_open_plain(
    poh: daos_handle_t,
    cont: *const c_char,
    flags: c_uint,
    coh: *mut daos_handle_t,
    info: *mut daos_cont_info_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the same promises.
    unsafe { daos_cont_open2(poh, cont, flags, coh, info, ev) }
}

/// Closes a container handle. Objects that were opened through it can no longer be used.
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_close(coh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_close", ev, |caller| {
            let (call, open) = Call::closing::<OpenContainer>(caller, "daos_cont_close", ev, coh)?;
            call.run(move |client| async move { open.container.close(&client).await })
        })
    }
}

/// Destroys a container and all that is in it; durable when it has completed.
///
/// @cont its label or UUID, as text
/// @force not zero to destroy it although it is open somewhere
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST, -DER_NO_PERM, -DER_BUSY when it is open
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_destroy2(
    poh: daos_handle_t,
    cont: *const c_char,
    force: c_int,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_destroy", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let reference = Reference::parse(&caller.text(cont, "cont")?)?;
            run(caller, "daos_cont_destroy", ev, move |client| async move {
                Container::destroy(&client, &open.pool, &reference, force != 0).await
            })
        })
    }
}

/// The name of daos_cont_destroy2 for programs that look it up.
#[unsafe(export_name = "daos_cont_destroy")]
pub unsafe extern "C" fn daos_cont_destroy_plain(
    poh: daos_handle_t,
    cont: *const c_char,
    force: c_int,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the same promises.
    unsafe { daos_cont_destroy2(poh, cont, force, ev) }
}

/// Tells what a container is.
///
/// @info [out] NULL when not wanted
/// @cont_prop [in,out] the entries that are wanted by type; texts are in memory that daos_prop_free frees; an entry that has
///            no value is marked DAOS_PROP_ENTRY_NOT_SET; NULL when none are wanted
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_query(
    coh: daos_handle_t,
    info: *mut daos_cont_info_t,
    cont_prop: *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_query", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let info = caller.out_optional(info, "info")?;
            let list = caller.out_optional(cont_prop, "cont_prop")?;
            if let Some(list) = &list {
                check_readable(caller, list.as_ptr(), open.container.rights())?;
            }
            run(caller, "daos_cont_query", ev, move |client| async move {
                let found = open.container.query(&client).await?;
                if let Some(list) = list {
                    property::ask_for_all(&list, (DAOS_PROP_CO_MIN, DAOS_PROP_CO_MAX))?;
                    property::answer(list.get(), DAOS_PROP_CO_LABEL, &found.properties, &[])?;
                }
                if let Some(info) = info {
                    tell(info, &found);
                }
                Ok(())
            })
        })
    }
}

/// Changes properties of a container; durable when it has completed. Owner and access control list may be among them; they change
/// after the others, so that a caller who may not change them has changed the others.
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_set_prop(
    coh: daos_handle_t,
    prop: *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_set_prop", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            caller.read(prop.cast_const(), "prop")?;
            let mut properties = property::container(caller, prop)?;
            let access = core::mem::take(&mut properties.access);
            run(caller, "daos_cont_set_prop", ev, move |client| async move {
                // Who gives the container away alone needs no right to change anything else.
                if properties != ContainerProperties::default() {
                    open.container.set_properties(&client, properties).await?;
                }
                open.container.set_access(&client, &access).await
            })
        })
    }
}

/// Reserves object ids: nobody else gets the same ones from this function.
///
/// @num_oids how many
/// @oid [out] the first; the others follow it. They are meant for the member lo of daos_obj_id_t
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_alloc_oids(
    coh: daos_handle_t,
    num_oids: daos_size_t,
    oid: *mut u64,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_cont_alloc_oids", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let first = caller.out(oid, "oid")?;
            if num_oids == 0 {
                fail!(Code::Inval, "num_oids is zero");
            }
            run(caller, "daos_cont_alloc_oids", ev, move |client| async move {
                first.set(open.container.allocate_object_ids(&client, num_oids).await?);
                Ok(())
            })
        })
    }
}

/// Writes a container handle as bytes that other processes can open with daos_cont_global2local.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_TRUNC when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_local2global(coh: daos_handle_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_cont_local2global", |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            give_global(caller, glob, &open.container.to_global())
        })
    }
}

/// Opens a container handle that another process wrote with daos_cont_local2global.
///
/// @poh handle of its pool in this process
///
/// @return zero, -DER_INVAL when the bytes are no container handle, -DER_NO_HDL when one was closed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_global2local(poh: daos_handle_t, glob: d_iov_t, coh: *mut daos_handle_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_cont_global2local", |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let handle = caller.out(coh, "coh")?;
            let bytes = caller.bytes(glob.iov_buf, glob.iov_len.min(glob.iov_buf_len), "glob")?;
            let container = value_of("daos_cont_global2local", move |client| async move {
                Container::from_global(&client, &open.pool, &bytes).await
            })?;
            handle.set(handle_table::insert(OpenContainer { container })?);
            Ok(())
        })
    }
}

/// Refuses to read properties, or the access control list, by a handle that does not permit it.
fn check_readable(caller: Caller, list: *const daos_prop_t, rights: Permissions) -> Result<()> {
    let mut kinds: Vec<u32> = property::entries(caller, list)?.iter().map(|entry| entry.dpe_type).collect();
    if kinds.is_empty() {
        // All are asked for.
        kinds.extend([DAOS_PROP_CO_LABEL, DAOS_PROP_CO_ACL]);
    }
    let is_owner = |kind: &u32| matches!(*kind, DAOS_PROP_CO_OWNER | DAOS_PROP_CO_OWNER_GROUP);
    let may_list = rights.contains(Permissions::GET_LIST);
    // Who may read the list may read whose container it is, as with daos_cont_get_acl.
    let needs_properties = |kind: &u32| *kind != DAOS_PROP_CO_ACL && !(may_list && is_owner(kind));
    if !rights.contains(Permissions::GET_PROPERTIES) && kinds.iter().any(needs_properties) {
        fail!(Code::NoPerm, "the handle does not permit to read properties ('t' in 'daos container get-acl')");
    }
    if !may_list && kinds.contains(&DAOS_PROP_CO_ACL) {
        fail!(Code::NoPerm, "the handle does not permit to read the access control list ('a' in it)");
    }
    Ok(())
}

fn tell(place: Out<daos_cont_info_t>, found: &ContainerInfo) {
    place.set(info_of(found));
}

/// What a container is, for C.
pub(crate) fn info_of(found: &ContainerInfo) -> daos_cont_info_t {
    daos_cont_info_t {
        ci_uuid: found.id.to_bytes(),
        ci_lsnapshot: found.newest_snapshot.0,
        ci_nhandles: found.handles,
        ci_nsnapshots: found.snapshots,
        ci_md_otime: found.open_time,
        ci_md_mtime: found.modify_time,
    }
}
