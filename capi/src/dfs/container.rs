//! Making POSIX containers, and what they were made with.

use core::ffi::{c_char, c_int};

use daos_client::ContainerProperties;
use daos_dfs::{Attributes, DfsError, FileSystem, MountOptions, Result};
use daos_types::ObjectClass;

use super::mounted::{Handles, Mounted, fail, insert, mounted};
use crate::abi::*;
use crate::completion::value_of;
use crate::container::OpenContainer;
use crate::guard::guard_errno;
use crate::handle_table;
use crate::pointer::{Caller, fill_text};
use crate::pool::OpenPool;
use crate::property;

/// What a caller wants a container to be made with.
pub(super) fn attributes_of(caller: Caller, attr: *mut dfs_attr_t) -> Result<(ContainerProperties, Attributes)> {
    let Some(attr) = caller.read_optional(attr.cast_const(), "attr")? else {
        return Ok((ContainerProperties::default(), Attributes::default()));
    };
    let properties = property::container(caller, attr.da_props)?;
    let hints = attr.da_hints.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
    let Ok(hints) = String::from_utf8(hints) else { fail!(libc::EINVAL, "da_hints is not UTF-8") };
    if !hints.is_empty() {
        hints.split(',').try_for_each(|hint| super::layout::class_of_hint(hint).map(drop))?;
    }
    let attributes = Attributes {
        chunk_size: attr.da_chunk_size,
        class: ObjectClass(attr.da_oclass_id),
        directory_class: ObjectClass(attr.da_dir_oclass_id),
        file_class: ObjectClass(attr.da_file_oclass_id),
        // Other bits are asked for by programs of other releases, and mean the default.
        mode: attr.da_mode & DFS_BALANCED as u32,
        hints,
    };
    Ok((properties, attributes))
}

/// Makes a POSIX container; durable when it has returned.
///
/// @poh handle of a pool
/// @uuid [out] UUID of the container, by which alone it can be found
/// @attr how it is made, its properties among it; NULL for the defaults. da_hints is empty, or has hints as of dfs_suggest_oclass with
///       commas between
/// @coh [out] an open handle, closed by daos_cont_close; NULL when not wanted
/// @dfs [out] the mounted file system, ended by dfs_umount; NULL when not wanted, else coh is needed as well
///
/// @return zero, EINVAL, EEXIST when the label is in use, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_create(
    poh: daos_handle_t,
    uuid: *mut uuid_t,
    attr: *mut dfs_attr_t,
    coh: *mut daos_handle_t,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_cont_create", |caller| {
            // It has no label: without its UUID nobody could use it.
            caller.out(uuid, "uuid")?;
            create(caller, poh, None, attr, (uuid, coh, dfs))
        })
    }
}

/// Makes a POSIX container with a label; durable when it has returned.
///
/// @poh handle of a pool
/// @label 1 to DAOS_PROP_LABEL_MAX_LEN letters, digits and ". _ - :", not in the form of a UUID
/// @attr how it is made, its properties among it; NULL for the defaults
/// @uuid [out] UUID of the container; NULL when not wanted
/// @coh [out] an open handle, closed by daos_cont_close; NULL when not wanted
/// @dfs [out] the mounted file system, ended by dfs_umount; NULL when not wanted, else coh is needed as well
///
/// @return zero, EINVAL, EEXIST when the label is in use, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_create_with_label(
    poh: daos_handle_t,
    label: *const c_char,
    attr: *mut dfs_attr_t,
    uuid: *mut uuid_t,
    coh: *mut daos_handle_t,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_cont_create_with_label", |caller| {
            let label = caller.text(label, "label")?;
            daos_types::check_label(&label)?;
            create(caller, poh, Some(label), attr, (uuid, coh, dfs))
        })
    }
}

fn create(
    caller: Caller,
    poh: daos_handle_t,
    label: Option<String>,
    attr: *mut dfs_attr_t,
    (uuid, coh, dfs): (*mut uuid_t, *mut daos_handle_t, *mut *mut dfs_t),
) -> Result<()> {
    let open = handle_table::get::<OpenPool>(poh)?;
    let uuid = caller.out_optional(uuid, "uuid")?;
    let coh = caller.out_optional(coh, "coh")?;
    let dfs = caller.out_optional(dfs, "dfs")?;
    if dfs.is_some() && coh.is_none() {
        fail!(libc::EINVAL, "a mounted file system needs coh for its container handle");
    }
    let (mut properties, attributes) = attributes_of(caller, attr)?;
    if let Some(label) = label {
        if !properties.label.is_empty() && properties.label != label {
            fail!(libc::EINVAL, "the label is '{label}' and also '{}' by its property", properties.label);
        }
        properties.label = label;
    }
    let keep = coh.is_some();
    let (id, file_system) = value_of("dfs_cont_create", move |client| async move {
        let (id, file_system) = FileSystem::create(&client, &open.pool, properties, attributes).await?;
        if !keep {
            file_system.container().close(&client).await?;
        }
        Ok::<_, DfsError>((id, file_system))
    })?;
    if let Some(coh) = coh {
        let container = file_system.container().clone();
        let handle = handle_table::insert(OpenContainer { container })?;
        if let Some(dfs) = dfs {
            dfs.set(insert(Mounted::new(file_system, Handles { pool: poh, container: handle, owned: false }))?);
        }
        coh.set(handle);
    }
    if let Some(uuid) = uuid {
        uuid.set(id.to_bytes());
    }
    Ok(())
}

/// Tells what a file system was made with.
///
/// @attr [out] chunk size, object classes, mode and hints; da_props is NULL
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_query(dfs: *mut dfs_t, attr: *mut dfs_attr_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_query", |caller| {
            let mount = mounted(dfs)?;
            let place = caller.out(attr, "attr")?;
            let attributes = mount.file_system.attributes();
            let (directory_class, file_class) = mount.file_system.default_classes();
            place.set(dfs_attr_t {
                da_id: 0,
                da_chunk_size: attributes.chunk_size,
                da_oclass_id: attributes.class.0,
                da_props: core::ptr::null_mut(),
                da_mode: attributes.mode,
                da_dir_oclass_id: directory_class.0,
                da_file_oclass_id: file_class.0,
                da_hints: fill_text(&attributes.hints),
            });
            Ok(())
        })
    }
}

/// Gives a container to a user and a group, and with it the root of its file system.
///
/// @coh handle of the container, open for writing
/// @user name of the user, kept as a property by daos_cont_set_prop; NULL to leave it
/// @uid number of the user; -1 to leave it
/// @group name of the group; NULL to leave it
/// @gid number of the group; -1 to leave it
///
/// @return zero, EINVAL, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_set_owner(
    coh: daos_handle_t,
    user: d_string_t,
    uid: libc::uid_t,
    group: d_string_t,
    gid: libc::gid_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_cont_set_owner", |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let mut texts = Vec::new();
            for (name, kind, word) in [(user, DAOS_PROP_CO_OWNER, "user"), (group, DAOS_PROP_CO_OWNER_GROUP, "group")] {
                if let Some(name) = caller.text_optional(name, word)? {
                    texts.push((kind, name));
                }
            }
            let owner = (some_number(uid), some_number(gid));
            value_of("dfs_cont_set_owner", move |client| async move {
                let file_system = FileSystem::mount(&client, &open.container, MountOptions::read_write()).await?;
                let root = file_system.root();
                file_system.change_owner(&client, &root, None, owner, true).await?;
                if !texts.is_empty() {
                    let properties = ContainerProperties { texts, ..ContainerProperties::default() };
                    open.container.set_properties(&client, properties).await?;
                }
                Ok(())
            })
        })
    }
}

/// A user or group number, unless it is the one that stands for none.
pub(super) fn some_number(number: u32) -> Option<u32> {
    (number != u32::MAX).then_some(number)
}
