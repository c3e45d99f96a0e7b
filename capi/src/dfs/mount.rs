//! Mounting.

use core::ffi::{c_char, c_int};
use daos_dfs::quoted;
use std::sync::{Mutex, MutexGuard, PoisonError};

use daos_client::{Client, Container, ContainerFlags, ContainerProperties, Pool, PoolFlags};
use daos_dfs::{Access, Attributes, DfsError, FileSystem, MountOptions, Result};
use daos_status::Code;
use daos_types::Reference;

use super::container::attributes_of;
use super::mounted::{Handles, Mounted, access_of, fail, insert, mounted, remove};
use super::snapshot::SnapshotName;
use crate::abi::*;
use crate::completion::{run, value_of};
use crate::container::OpenContainer;
use crate::guard::guard_errno;
use crate::handle_table;
use crate::pointer::Caller;
use crate::pool::{OpenPool, check_system_name};
use crate::process;

static USERS: Mutex<u32> = Mutex::new(0);

/// The right to count users of dfs_init.
pub(crate) type Users = MutexGuard<'static, u32>;

/// Takes the lock of their count. No other lock is taken while it is held, but by a fork.
pub(crate) fn users() -> Users {
    crate::fork::take(&USERS)
}

/// Starts the use of the library and of dfs_connect. It may be called any number of times; each call needs one of dfs_fini.
///
/// @return zero, ENOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_init() -> c_int {
    // SAFETY: there is no pointer.
    unsafe {
        guard_errno("dfs_init", |_| {
            // A count that is held for ever is told before the library is begun with.
            drop(users());
            process::initialise()?;
            *users() += 1;
            Ok(())
        })
    }
}

/// Ends what dfs_init began.
///
/// @return zero, EINVAL without dfs_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_fini() -> c_int {
    // SAFETY: there is no pointer.
    unsafe {
        guard_errno("dfs_fini", |_| {
            let mut users = users();
            if *users == 0 {
                fail!(libc::EINVAL, "dfs_fini without dfs_init");
            }
            *users -= 1;
            drop(users);
            Ok(process::finalise()?)
        })
    }
}

/// The options that mount flags ask for.
pub(super) fn options_of(flags: c_int) -> Result<MountOptions> {
    let options = match access_of(flags)? {
        Access::ReadOnly => MountOptions::read_only(),
        Access::ReadWrite => MountOptions::read_write(),
        Access::WriteOnly => fail!(libc::EINVAL, "a file system cannot be mounted for writing alone"),
    };
    Ok(MountOptions { balanced: flags & DFS_BALANCED != 0, ..options })
}

/// Mounts the file system of a POSIX container. The first mount for writing of a container that has none yet makes one.
///
/// @poh handle of its pool
/// @coh handle of the container
/// @flags O_RDONLY or O_RDWR, with DFS_BALANCED, which a container that was made in balanced mode needs
/// @dfs [out] the mount, ended by dfs_umount
///
/// @return zero, EINVAL, EPERM, ENOENT when there is no file system yet and it is mounted read-only
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_mount(
    poh: daos_handle_t,
    coh: daos_handle_t,
    flags: c_int,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_mount", |caller| {
            let place = caller.out(dfs, "dfs")?;
            handle_table::get::<OpenPool>(poh)?;
            let open = handle_table::get::<OpenContainer>(coh)?;
            let options = options_of(flags)?;
            let file_system = value_of("dfs_mount", move |client| async move {
                FileSystem::mount(&client, &open.container, options).await
            })?;
            place.set(insert(Mounted::new(file_system, Handles { pool: poh, container: coh, owned: false }))?);
            Ok(())
        })
    }
}

/// Ends a mount. Files and directories that are open stay so until dfs_release.
///
/// @return zero, EINVAL, EBUSY while its pool or container handle is in use
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_umount(dfs: *mut dfs_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_umount", |_| {
            let mount = mounted(dfs)?;
            if mount.handles.owned {
                fail!(libc::EINVAL, "the file system was mounted by dfs_connect; dfs_disconnect ends it");
            }
            mount.check_not_lent()?;
            mount.give_up_nameless("dfs_umount");
            remove::<Mounted, _>(dfs).map(drop)
        })
    }
}

/// Connects to a pool, opens a container and mounts its file system. Needs dfs_init.
///
/// @pool label or UUID of the pool
/// @sys name of the system, NULL for the default one
/// @cont label or UUID of the container
/// @flags O_RDONLY or O_RDWR, with DFS_BALANCED as for dfs_mount, and O_CREAT to make the container with this label when there is none
/// @attr how it is made; NULL for the defaults
/// @dfs [out] the mount, ended by dfs_disconnect
///
/// @return zero, EINVAL, ENOENT, EPERM, EACCES without dfs_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_connect(
    pool: *const c_char,
    sys: *const c_char,
    cont: *const c_char,
    flags: c_int,
    attr: *mut dfs_attr_t,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_connect", |caller| {
            let place = caller.out(dfs, "dfs")?;
            let wanted = Wanted::read(caller, (pool, sys, cont), flags, attr)?;
            let mount = wanted.connect("dfs_connect")?;
            place.set(insert(mount)?);
            Ok(())
        })
    }
}

/// What a caller wants to be connected to.
pub(super) struct Wanted {
    pool: Reference,
    container: Reference,
    options: MountOptions,
    create: Option<(ContainerProperties, Attributes)>,
    snapshot: Option<SnapshotName>,
}

impl Wanted {
    /// The arguments of a connect.
    pub fn read(
        caller: Caller,
        (pool, sys, cont): (*const c_char, *const c_char, *const c_char),
        flags: c_int,
        attr: *mut dfs_attr_t,
    ) -> Result<Wanted> {
        check_initialised()?;
        let pool = Reference::parse(&caller.text(pool, "pool")?)?;
        check_system_name(caller, sys)?;
        let container = Reference::parse(&caller.text(cont, "cont")?)?;
        let options = options_of(flags)?;
        let create = match &container {
            Reference::Label(label) if flags & libc::O_CREAT != 0 && options.writable => {
                let (mut properties, attributes) = attributes_of(caller, attr)?;
                properties.label = label.clone();
                Some((properties, attributes))
            }
            _ => None,
        };
        Ok(Wanted { pool, container, options, create, snapshot: None })
    }

    /// A snapshot of it, to be read.
    pub fn at(self, snapshot: SnapshotName) -> Wanted {
        Wanted { options: MountOptions::read_only(), create: None, snapshot: Some(snapshot), ..self }
    }

    /// Connects, opens, mounts.
    pub fn connect(self, function: &'static str) -> Result<Mounted> {
        let Wanted { pool, container, options, create, snapshot } = self;
        let (pool, file_system) = value_of(function, move |client| async move {
            let flags = if options.writable { PoolFlags::READ_WRITE } else { PoolFlags::READ_ONLY };
            let pool = Pool::connect(&client, &pool, flags).await?;
            match open(&client, &pool, &container, options, (create, snapshot)).await {
                Ok(file_system) => Ok((pool, file_system)),
                Err(error) => {
                    let _disconnected = pool.disconnect(&client).await;
                    Err(error)
                }
            }
        })?;
        let container = file_system.container().clone();
        let pool = handle_table::insert(OpenPool { pool })?;
        let container = handle_table::insert(OpenContainer { container })?;
        Ok(Mounted::new(file_system, Handles { pool, container, owned: true }))
    }
}

async fn open(
    client: &Client,
    pool: &Pool,
    container: &Reference,
    options: MountOptions,
    (create, snapshot): (Option<(ContainerProperties, Attributes)>, Option<SnapshotName>),
) -> Result<FileSystem> {
    let flags = if options.writable { ContainerFlags::READ_WRITE } else { ContainerFlags::READ_ONLY };
    let mut opened = Container::open(client, pool, container, flags).await;
    let missing = |status: &daos_status::Status| matches!(status.code(), Code::Nonexist | Code::ContNonexist);
    if let (true, Some((properties, attributes))) = (opened.as_ref().is_err_and(missing), create) {
        match FileSystem::create(client, pool, properties, attributes).await {
            Ok((_, file_system)) => return Ok(file_system),
            // Somebody else was faster.
            Err(error) if error.errno == libc::EEXIST => {
                opened = Container::open(client, pool, container, flags).await;
            }
            Err(error) => return Err(error),
        }
    }
    let opened = opened?;
    let mounted = match snapshot {
        Some(snapshot) => snapshot.mount(client, &opened).await,
        None => FileSystem::mount(client, &opened, options).await,
    };
    match mounted {
        Ok(file_system) => Ok(file_system),
        Err(error) => {
            let _closed = opened.close(client).await;
            Err(error)
        }
    }
}

fn check_initialised() -> Result<()> {
    if *users() == 0 {
        fail!(libc::EACCES, "dfs_init was not called");
    }
    Ok(())
}

/// Ends a mount that dfs_connect made, closes the container and disconnects from the pool.
///
/// @return zero, EINVAL, EBUSY while its pool or container handle is in use
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_disconnect(dfs: *mut dfs_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_disconnect", |_| {
            let mount = mounted(dfs)?;
            if !mount.handles.owned {
                fail!(libc::EINVAL, "the file system was mounted by dfs_mount; dfs_umount ends it");
            }
            mount.check_not_lent()?;
            mount.give_up_nameless("dfs_disconnect");
            remove::<Mounted, _>(dfs)?;
            close_handles(&mount.handles)
        })
    }
}

/// Closes the container and the pool of a mount.
pub(super) fn close_handles(handles: &Handles) -> Result<()> {
    let container = handle_table::remove::<OpenContainer>(handles.container)?;
    let pool = handle_table::remove::<OpenPool>(handles.pool)?;
    value_of("dfs_disconnect", move |client| async move {
        let closed = container.container.close(&client).await;
        pool.pool.disconnect(&client).await?;
        Ok::<_, DfsError>(closed?)
    })
}

/// Destroys a container and all that is in it. Needs dfs_init.
///
/// @pool label or UUID of the pool
/// @sys name of the system, NULL for the default one
/// @cont label or UUID of the container
/// @force not zero to destroy it although it is open somewhere
/// @ev completion event; NULL to wait
///
/// @return zero, EINVAL, ENOENT, EPERM, EBUSY when it is open, EACCES without dfs_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_destroy(
    pool: *const c_char,
    sys: *const c_char,
    cont: *const c_char,
    force: c_int,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_destroy", |caller| {
            check_initialised()?;
            let pool = Reference::parse(&caller.text(pool, "pool")?)?;
            check_system_name(caller, sys)?;
            let container = Reference::parse(&caller.text(cont, "cont")?)?;
            run(caller, "dfs_destroy", ev, move |client| async move {
                let pool = Pool::connect(&client, &pool, PoolFlags::READ_WRITE).await?;
                let destroyed = Container::destroy(&client, &pool, &container, force != 0).await;
                pool.disconnect(&client).await?;
                Ok(destroyed?)
            })
        })
    }
}

/// Makes paths that are given to dfs_lookup begin with something that is not part of the file system, such as where a
/// program thinks that it is mounted.
///
/// @prefix absolute path; NULL for none
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_set_prefix(dfs: *mut dfs_t, prefix: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_set_prefix", |caller| {
            let mount = mounted(dfs)?;
            let mut prefix = caller.path_optional(prefix, "prefix")?.unwrap_or_default();
            if prefix.len() > daos_dfs::PATH_LENGTH_MAX || !prefix.is_empty() && prefix[0] != b'/' {
                fail!(libc::EINVAL, "{} is no absolute path", quoted(&prefix));
            }
            while prefix.last() == Some(&b'/') {
                prefix.pop();
            }
            *mount.prefix.lock().unwrap_or_else(PoisonError::into_inner) = prefix;
            Ok(())
        })
    }
}

/// Makes everything written durable. It is, as soon as a call has returned or its event has completed.
///
/// @return zero, EINVAL, EPERM on a read-only mount
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sync(dfs: *mut dfs_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe { guard_errno("dfs_sync", |_| mounted(dfs)?.file_system.sync()) }
}
