//! Finding what a path stands for, and tying paths to containers.

use core::ffi::{c_char, c_int};
use daos_dfs::quoted;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use daos_client::{Container, ContainerInfo, ContainerProperties, ContainerType, Pool, PoolInfo};
use daos_dfs::{Attributes, ContainerPath, DfsError, FileSystem, Result};
use daos_types::{ContainerId, ObjectClass, PoolId, Reference};

use super::link;
use crate::abi::*;
use crate::completion::value_of;
use crate::dfs::mounted::fail;
use crate::guard::{guard_errno, guard_value};
use crate::gurt::memory::duplicate;
use crate::handle_table;
use crate::pointer::{Caller, Out, fill_text};
use crate::pool::OpenPool;
use crate::property;

/// Finds out which container a path stands for.
///
/// A path of the form "daos://POOL/CONTAINER/rest" names it; with DUNS_NO_PREFIX in da_flags, or da_no_prefix, so does
/// "/POOL/CONTAINER/rest". For others the extended attribute "user.daos" is looked for, at the path and, unless
/// DUNS_NO_REVERSE_LOOKUP is set, at the directories above it.
///
/// @attr [in,out] zeroed, but for da_flags and da_no_prefix; da_pool, da_cont, their UUIDs when they are known, and da_rel_path
///       are set. duns_destroy_attr frees it
///
/// @return zero, EINVAL, ENODATA when the path stands for no container, ENOENT, ENAMETOOLONG
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_resolve_path(path: *const c_char, attr: *mut duns_attr_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("duns_resolve_path", |caller| {
            let place = caller.out(attr, "attr")?;
            let path = caller.path(path, "path")?;
            let given = place.get();
            let resolved = resolve(&path, given.da_flags, given.da_no_prefix)?;
            tell(place, &resolved)
        })
    }
}

fn resolve(path: &[u8], flags: u32, no_prefix: bool) -> Result<ContainerPath> {
    if path.len() > daos_dfs::PATH_LENGTH_MAX {
        fail!(libc::ENAMETOOLONG, "a path of {} bytes is too long", path.len());
    }
    if let Some(rest) = ContainerPath::without_prefix(path) {
        return ContainerPath::named(rest);
    }
    if no_prefix || flags & DUNS_NO_PREFIX != 0 {
        return ContainerPath::named(path);
    }
    if flags & DUNS_NO_CHECK_PATH != 0 {
        fail!(libc::ENODATA, "{} names no pool and container", quoted(&path));
    }
    let path = Path::new(OsStr::from_bytes(path));
    match ContainerPath::linked(path, flags & DUNS_NO_REVERSE_LOOKUP == 0, link::read)? {
        Some(resolved) => Ok(resolved),
        // Programs that make files tell by this that they may.
        None if is_missing(path) => fail!(libc::ENOENT, "'{}' is not there", path.display()),
        None => fail!(libc::ENODATA, "'{}' stands for no container", path.display()),
    }
}

fn is_missing(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Puts what was found into a caller's structure.
fn tell(place: Out<duns_attr_t>, resolved: &ContainerPath) -> Result<()> {
    let mut attr = place.get();
    attr.da_rel_path = match &resolved.rest {
        None => core::ptr::null_mut(),
        Some(rest) => duplicate(rest),
    };
    if resolved.rest.is_some() && attr.da_rel_path.is_null() {
        fail!(libc::ENOMEM, "there is no memory for a path");
    }
    attr.da_type = resolved.kind.0;
    (attr.da_pool, attr.da_cont) = (fill_text(&resolved.pool), fill_text(&resolved.container));
    attr.da_on_lustre = false;
    let uuid = |text: &str| match Reference::parse(text) {
        Ok(Reference::Id(id)) => *id.as_bytes(),
        _ => [0; 16],
    };
    (attr.da_puuid, attr.da_cuuid) = (uuid(&resolved.pool), uuid(&resolved.container));
    place.set(attr);
    Ok(())
}

/// Frees the strings of what duns_resolve_path has filled; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_destroy_attr(attrp: *mut duns_attr_t) {
    // SAFETY: the strings are libc's memory, or NULL, by the caller's promise.
    unsafe {
        guard_value("duns_destroy_attr", (), |caller| {
            if attrp.is_null() {
                return Ok(());
            }
            let place = caller.out(attrp, "attrp")?;
            let mut attr = place.get();
            libc::free(attr.da_rel_path.cast());
            libc::free(attr.da_sys.cast());
            (attr.da_rel_path, attr.da_sys) = (core::ptr::null_mut(), core::ptr::null_mut());
            place.set(attr);
            Ok(())
        });
    }
}

/// Sets the name of the system in what is given to duns_resolve_path; duns_destroy_attr frees it.
///
/// @sys at most DAOS_SYS_NAME_MAX characters
///
/// @return zero, EINVAL, ENOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_set_sys_name(attrp: *mut duns_attr_t, sys: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("duns_set_sys_name", |caller| {
            let place = caller.out(attrp, "attrp")?;
            let name = caller.text(sys, "sys")?;
            if name.len() > DAOS_SYS_NAME_MAX as usize {
                fail!(libc::EINVAL, "the name of a system has at most {DAOS_SYS_NAME_MAX} characters");
            }
            let copy = duplicate(name.as_bytes());
            if copy.is_null() {
                fail!(libc::ENOMEM, "there is no memory for a name");
            }
            let mut attr = place.get();
            libc::free(attr.da_sys.cast());
            attr.da_sys = copy;
            place.set(attr);
            Ok(())
        })
    }
}

/// Reads the value of the extended attribute "user.daos".
///
/// @str the value
/// @len its length
/// @attr [out] da_type, da_pool, da_cont and their UUIDs are set
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_parse_attr(str: *mut c_char, len: daos_size_t, attr: *mut duns_attr_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("duns_parse_attr", |caller| {
            let place = caller.out(attr, "attr")?;
            if len > DUNS_MAX_XATTR_LEN as u64 {
                fail!(libc::EINVAL, "the attribute has {len} bytes; at most {DUNS_MAX_XATTR_LEN} are possible");
            }
            let value = caller.bytes(str.cast(), len as usize, "str")?;
            tell(place, &ContainerPath::from_attribute(&value)?)
        })
    }
}

/// What tells where a new container is found.
enum Stand {
    /// A name of pool and container, which needs nothing that stands for it.
    Named(ContainerPath),
    /// A directory or file that is made for it.
    At(PathBuf),
}

impl Stand {
    fn of(path: &[u8], attr: &duns_attr_t) -> Result<Stand> {
        if path.len() > daos_dfs::PATH_LENGTH_MAX {
            fail!(libc::ENAMETOOLONG, "a path of {} bytes is too long", path.len());
        }
        if let Some(rest) = ContainerPath::without_prefix(path) {
            return Ok(Stand::Named(ContainerPath::named(rest)?));
        }
        if attr.da_no_prefix || attr.da_flags & DUNS_NO_PREFIX != 0 {
            return Ok(Stand::Named(ContainerPath::named(path)?));
        }
        Ok(Stand::At(PathBuf::from(OsStr::from_bytes(path))))
    }

    /// The label of the new container. What is in da_cont is not asked: upstream's HDF5 connector leaves a UUID of its own there.
    fn label(&self) -> String {
        match self {
            Stand::Named(path) if daos_types::check_label(&path.container).is_ok() => path.container.clone(),
            Stand::Named(_) | Stand::At(_) => String::new(),
        }
    }

    /// What da_pool becomes: the name that the path has for the pool, when it is the pool's.
    fn pool_name(&self, pool: &Pool, attr: &duns_attr_t) -> Result<String> {
        let id = pool.id();
        match self {
            Stand::At(_) if attr.da_puuid != [0; 16] && attr.da_puuid != *id.0.as_bytes() => {
                fail!(libc::EINVAL, "da_puuid is not the pool {id}, whose handle was given");
            }
            Stand::At(_) => Ok(id.to_string()),
            Stand::Named(path) => match Reference::parse(&path.pool)? {
                Reference::Id(other) if other != id.0 => {
                    fail!(libc::EINVAL, "the path names the pool {other}, and the handle is of {id}");
                }
                Reference::Id(_) => Ok(path.pool.clone()),
                Reference::Label(label) => {
                    Ok(if has_label("duns_create_path", pool, &label)? { label } else { id.to_string() })
                }
            },
        }
    }
}

/// Whether a pool has a label.
pub(super) fn has_label(function: &'static str, pool: &Pool, label: &str) -> Result<bool> {
    let pool = pool.clone();
    let info: PoolInfo =
        value_of(function, move |client| async move { Ok::<_, DfsError>(pool.query(&client).await?) })?;
    Ok(info.label == label)
}

/// What a new container is made with.
fn wanted(caller: Caller, attr: &duns_attr_t, stand: &Stand) -> Result<(ContainerProperties, Attributes)> {
    let mut properties = property::container(caller, attr.da_props)?;
    properties.kind = ContainerType(attr.da_type);
    let label = stand.label();
    if !label.is_empty() {
        properties.label = label;
    }
    let attributes = Attributes {
        chunk_size: attr.da_chunk_size,
        class: ObjectClass(attr.da_oclass_id),
        directory_class: ObjectClass(attr.da_dir_oclass_id),
        file_class: ObjectClass(attr.da_file_oclass_id),
        ..Attributes::default()
    };
    Ok((properties, attributes))
}

async fn make(
    client: &daos_client::Client,
    pool: &Pool,
    properties: ContainerProperties,
    attributes: Attributes,
) -> Result<ContainerId> {
    if properties.kind == ContainerType::POSIX {
        let (id, file_system) = FileSystem::create(client, pool, properties, attributes).await?;
        file_system.container().close(client).await?;
        return Ok(id);
    }
    Ok(Container::create(client, pool, None, properties).await?)
}

/// Makes a container, and a directory (POSIX) or file (other uses) that stands for it.
///
/// @poh handle of the pool
/// @path where; it must not exist yet; "daos://POOL/LABEL" to make the container with that label alone; otherwise it has no label
/// @attrp [in,out] da_type, and what else it is made with; da_puuid, when it is not zero and there is a path, is the pool's; da_pool, da_cont and the
///       UUIDs are set
///
/// @return zero, EINVAL also when path or attrp name another pool by its UUID, EEXIST, ENOENT, ENOTSUP when the file system has no extended
///         attributes, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_create_path(poh: daos_handle_t, path: *const c_char, attrp: *mut duns_attr_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("duns_create_path", |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let place = caller.out(attrp, "attrp")?;
            let given = place.get();
            let stand = Stand::of(&caller.path(path, "path")?, &given)?;
            let pool_name = stand.pool_name(&open.pool, &given)?;
            let (properties, attributes) = wanted(caller, &given, &stand)?;
            let kind = ContainerType(given.da_type);
            ContainerPath::of(kind, open.pool.id(), ContainerId::default()).to_attribute()?;
            if let Stand::At(path) = &stand {
                make_stand_in(path, kind)?;
            }
            let pool = open.pool.clone();
            let made = value_of("duns_create_path", move |client| async move {
                make(&client, &pool, properties, attributes).await
            });
            let tied = made.and_then(|id| {
                let resolved = ContainerPath::of(kind, open.pool.id(), id);
                if let Stand::At(path) = &stand
                    && let Err(error) = link::write(path, &resolved.to_attribute()?)
                {
                    destroy(&open.pool, Reference::Id(id.0));
                    return Err(error);
                }
                Ok((resolved, id))
            });
            match tied {
                Ok((resolved, id)) => {
                    tell_made(place, &stand, ContainerPath { pool: pool_name, ..resolved }, id, open.pool.id())
                }
                Err(error) => {
                    if let Stand::At(path) = &stand {
                        remove_stand_in(path);
                    }
                    Err(error)
                }
            }
        })
    }
}

/// Tells of a new container: by the names that the path has, where it has some.
fn tell_made(
    place: Out<duns_attr_t>,
    stand: &Stand,
    mut made: ContainerPath,
    id: ContainerId,
    pool: PoolId,
) -> Result<()> {
    if let Stand::Named(path) = stand {
        if daos_types::check_label(&path.container).is_ok() {
            made.container.clone_from(&path.container);
        }
        made.rest.clone_from(&path.rest);
    }
    tell(place, &made)?;
    let mut attr = place.get();
    (attr.da_puuid, attr.da_cuuid) = (*pool.0.as_bytes(), *id.0.as_bytes());
    place.set(attr);
    Ok(())
}

/// The file or directory that stands for a container.
fn make_stand_in(path: &Path, kind: ContainerType) -> Result<()> {
    let made = match kind {
        ContainerType::POSIX => std::fs::create_dir(path),
        _ => std::fs::File::create_new(path).map(drop),
    };
    made.map_err(|error| DfsError::from(error).while_doing(path.display()))
}

fn remove_stand_in(path: &Path) {
    // What cannot be taken back is told by the error that led here.
    let _removed = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
}

fn destroy(pool: &Pool, container: Reference) {
    let pool = pool.clone();
    // As above.
    let _destroyed: Result<()> = value_of("duns_create_path", move |client| async move {
        Ok(Container::destroy(&client, &pool, &container, true).await?)
    });
}

/// Ties a new path to a container that is there.
///
/// @poh handle of its pool
/// @cont its label or UUID
/// @path where; it must not exist yet
///
/// @return zero, EINVAL, EEXIST, ENOENT, ENOTSUP when the file system has no extended attributes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_link_cont(poh: daos_handle_t, cont: *const c_char, path: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("duns_link_cont", |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let container = Reference::parse(&caller.text(cont, "cont")?)?;
            let path = PathBuf::from(OsStr::from_bytes(&caller.path(path, "path")?));
            let pool = open.pool.clone();
            let info: ContainerInfo = value_of("duns_link_cont", move |client| async move {
                let flags = daos_client::ContainerFlags::READ_ONLY;
                let container = Container::open(&client, &pool, &container, flags).await?;
                let info = container.query(&client).await;
                container.close(&client).await?;
                Ok::<_, DfsError>(info?)
            })?;
            let value = ContainerPath::of(info.properties.kind, open.pool.id(), info.id).to_attribute()?;
            make_stand_in(&path, info.properties.kind)?;
            link::write(&path, &value).inspect_err(|_| remove_stand_in(&path))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_paths_and_attributes_give_errors_and_nothing_worse() {
        let target = daos_fuzz::Target::new("capi/duns", |bytes| {
            let rest = ContainerPath::without_prefix(bytes).unwrap_or(bytes);
            for found in [ContainerPath::named(rest), ContainerPath::from_attribute(bytes)].into_iter().flatten() {
                if let Ok(value) = found.to_attribute() {
                    let again = ContainerPath::from_attribute(value.as_bytes()).expect("our own value");
                    assert_eq!(again, ContainerPath { rest: None, ..found });
                }
            }
        });
        let words: &[&[u8]] = &[b"/", b"daos:", b"DAOS.", b"POSIX", b"HDF5", b"://", b"\0"];
        daos_fuzz::round(target.seeded(["daos://pool/cont/a/b", "DAOS.POSIX://pool/cont"]).with_words(words));
    }
}
