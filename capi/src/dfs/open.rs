//! Finding, opening and releasing files, directories and symbolic links.

use core::ffi::{c_char, c_int};

use daos_dfs::{DfsError, NewFile, Node, OpenOptions, Result};
use daos_types::ObjectClass;
use libc::{mode_t, stat};

use super::mounted::{Mounted, OpenNode, access_of, fail, get, give_node, mounted, open_node, parent, remove, stat_of};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::{Caller, Out};

/// Where the results of a look-up go.
struct Found {
    obj: Out<*mut dfs_obj_t>,
    mode: Option<Out<mode_t>>,
    stat: Option<Out<stat>>,
}

impl Found {
    fn read(caller: Caller, obj: *mut *mut dfs_obj_t, mode: *mut mode_t, stbuf: *mut stat) -> Result<Found> {
        Ok(Found {
            obj: caller.out(obj, "obj")?,
            mode: caller.out_optional(mode, "mode")?,
            stat: caller.out_optional(stbuf, "stbuf")?,
        })
    }

    /// Looks up a path from a directory on, and gives what was found.
    fn look_up(self, mount: &Mounted, start: Node, path: Vec<u8>, flags: c_int) -> Result<()> {
        let access = access_of(flags)?;
        check_no_append(flags)?;
        let follow = flags & libc::O_NOFOLLOW == 0;
        let cut = flags & libc::O_TRUNC != 0;
        let file_system = mount.file_system.clone();
        let wants_status = self.stat.is_some();
        let (node, status) = value_of("dfs_lookup", move |client| async move {
            let node = file_system.lookup_from(&client, &start, &path, access, follow).await?;
            if cut && node.is_file() {
                node.set_size(&client, 0).await?;
            }
            let status = if wants_status { Some(node.status(&client).await?) } else { None };
            Ok::<_, DfsError>((node, status))
        })?;
        let mode = node.mode();
        give_node(self.obj, node)?;
        if let Some(place) = self.mode {
            place.set(mode);
        }
        if let (Some(place), Some(status)) = (self.stat, status) {
            place.set(stat_of(&status));
        }
        Ok(())
    }
}

/// Opens what stands at an absolute path. Symbolic links are followed, the last one unless O_NOFOLLOW is set.
///
/// @path at most PATH_MAX - 1 bytes
/// @flags O_RDONLY or O_RDWR, with O_NOFOLLOW, and O_TRUNC to empty a file
/// @obj [out] the open file, directory or link, released by dfs_release
/// @mode [out] its type and permissions; NULL when not wanted
/// @stbuf [out] what dfs_stat tells; NULL when not wanted
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EPERM, ENOTSUP for O_APPEND
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_lookup(
    dfs: *mut dfs_t,
    path: *const c_char,
    flags: c_int,
    obj: *mut *mut dfs_obj_t,
    mode: *mut mode_t,
    stbuf: *mut stat,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_lookup", |caller| {
            let mount = mounted(dfs)?;
            let found = Found::read(caller, obj, mode, stbuf)?;
            let path = mount.path_within(caller.path(path, "path")?)?;
            found.look_up(&mount, mount.file_system.root(), path, flags)
        })
    }
}

/// Opens what stands under a name in a directory.
///
/// @parent the directory; NULL for the root
/// @name at most NAME_MAX bytes
/// @flags O_RDONLY or O_RDWR, with O_NOFOLLOW, and O_TRUNC to empty a file
/// @obj [out] the open file, directory or link, released by dfs_release
/// @mode [out] its type and permissions; NULL when not wanted
/// @stbuf [out] what dfs_stat tells; NULL when not wanted
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EPERM, ENOTSUP for O_APPEND
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_lookup_rel(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    flags: c_int,
    obj: *mut *mut dfs_obj_t,
    mode: *mut mode_t,
    stbuf: *mut stat,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_lookup_rel", |caller| {
            let mount = mounted(dfs)?;
            let found = Found::read(caller, obj, mode, stbuf)?;
            let directory = self::parent(&mount, parent)?;
            let name = caller.path(name, "name")?;
            daos_dfs::check_name(&name)?;
            found.look_up(&mount, directory, name, flags)
        })
    }
}

/// Opens, or makes, what stands under a name in a directory.
///
/// @parent the directory; NULL for the root
/// @name at most NAME_MAX bytes
/// @mode type (S_IFREG, S_IFDIR or S_IFLNK), and permissions of what is made
/// @flags O_RDONLY, O_WRONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW
/// @cid class of the object that is made; zero lets the directory or the library choose
/// @chunk_size bytes per chunk of a file that is made; zero lets the directory or the file system choose
/// @value target of a symbolic link that is made
/// @obj [out] the open file, directory or link, released by dfs_release
///
/// @return zero, EINVAL, ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EPERM, ENOSPC, ENOTSUP for O_APPEND
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_open(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    mode: mode_t,
    flags: c_int,
    cid: daos_oclass_id_t,
    chunk_size: daos_size_t,
    value: *const c_char,
    obj: *mut *mut dfs_obj_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_open", |caller| {
            let mount = mounted(dfs)?;
            let place = caller.out(obj, "obj")?;
            let directory = self::parent(&mount, parent)?;
            let opening = Opening {
                parent: directory,
                name: caller.path(name, "name")?,
                mode,
                flags,
                class: ObjectClass(cid),
                chunk_size,
                target: caller.path_optional(value, "value")?,
            };
            give_node(place, opening.open("dfs_open")?)
        })
    }
}

fn check_no_append(flags: c_int) -> Result<()> {
    if flags & libc::O_APPEND != 0 {
        fail!(libc::ENOTSUP, "files are not opened for appending; writes say where they go");
    }
    Ok(())
}

/// What is opened or made.
pub(super) struct Opening {
    pub parent: Node,
    pub name: Vec<u8>,
    pub mode: mode_t,
    pub flags: c_int,
    pub class: ObjectClass,
    pub chunk_size: u64,
    pub target: Option<Vec<u8>>,
}

impl Opening {
    /// Opens or makes it.
    pub fn open(self, function: &'static str) -> Result<Node> {
        check_no_append(self.flags)?;
        match self.mode & libc::S_IFMT {
            libc::S_IFREG => self.file(function),
            libc::S_IFDIR => self.directory(function),
            libc::S_IFLNK => self.link(function),
            other => fail!(libc::EINVAL, "{other:#o} is no type of file, directory or link"),
        }
    }

    fn has(&self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    fn file(self, function: &'static str) -> Result<Node> {
        let options = OpenOptions {
            access: access_of(self.flags)?,
            create: self.has(libc::O_CREAT),
            exclusive: self.has(libc::O_EXCL),
            truncate: self.has(libc::O_TRUNC),
            follow: !self.has(libc::O_NOFOLLOW),
        };
        let new = NewFile { mode: self.mode, class: self.class, chunk_size: self.chunk_size, size_hint: None };
        let Opening { parent, name, .. } = self;
        value_of(function, move |client| async move {
            parent.file_system().open(&client, &parent, &name, options, new).await
        })
    }

    fn directory(self, function: &'static str) -> Result<Node> {
        let access = access_of(self.flags)?;
        let (create, exclusive) = (self.has(libc::O_CREAT), self.has(libc::O_EXCL));
        let Opening { parent, name, mode, class, .. } = self;
        value_of(function, move |client| async move {
            let file_system = parent.file_system();
            if create {
                match file_system.create_directory(&client, &parent, &name, mode, class).await {
                    Err(error) if error.errno == libc::EEXIST && !exclusive => {}
                    made => return made,
                }
            }
            file_system.open_directory(&client, &parent, &name, access).await
        })
    }

    fn link(self, function: &'static str) -> Result<Node> {
        let access = access_of(self.flags)?;
        let create = self.has(libc::O_CREAT);
        let Opening { parent, name, target, .. } = self;
        if !create {
            daos_dfs::check_name(&name)?;
            return value_of(function, move |client| async move {
                let node = parent.file_system().lookup_from(&client, &parent, &name, access, false).await?;
                node.target()?;
                Ok(node)
            });
        }
        let Some(target) = target else { fail!(libc::EINVAL, "value is NULL: a symbolic link needs a target") };
        value_of(function, move |client| async move {
            parent.file_system().create_symlink(&client, &parent, &name, &target).await
        })
    }
}

/// Ends the use of an open file, directory or link. The content of a file that has lost its name meanwhile goes with the last
/// object of this mount that it is open by.
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_release(obj: *mut dfs_obj_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_release", |_| {
            let open = remove::<OpenNode, _>(obj)?;
            open.close();
            let file_system = open.node.file_system().clone();
            drop(open);
            if !file_system.has_closed_nameless() {
                return Ok(());
            }
            value_of("dfs_release", move |client| async move { file_system.discard_closed(&client).await })
        })
    }
}

/// Opens what is open once more, for another use.
///
/// @flags O_RDONLY, O_WRONLY or O_RDWR
/// @new_obj [out] released by dfs_release
///
/// @return zero, EINVAL, EPERM, ENOTSUP for O_APPEND
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_dup(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    flags: c_int,
    new_obj: *mut *mut dfs_obj_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_dup", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            let place = caller.out(new_obj, "new_obj")?;
            if flags & libc::O_APPEND != 0 {
                fail!(libc::ENOTSUP, "files are not opened for appending; writes say where they go");
            }
            give_node(place, open.node.duplicate(access_of(flags)?)?)
        })
    }
}

/// Tells an open file or directory that it was moved to where another one is.
///
/// @obj what was moved
/// @src_obj something in the directory that it is in now
/// @name its name there; NULL when it is the same
///
/// @return zero, EINVAL, ENAMETOOLONG
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_update_parent(obj: *mut dfs_obj_t, src_obj: *mut dfs_obj_t, name: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_update_parent", |caller| {
            let (open, other) = (get::<OpenNode, _>(obj)?, get::<OpenNode, _>(src_obj)?);
            let name = caller.path_optional(name, "name")?;
            open.node.follow_move(&other.node, name.as_deref())
        })
    }
}

/// The id of the object behind a file, directory or link.
///
/// @oid [out] the id
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj2id(obj: *mut dfs_obj_t, oid: *mut daos_obj_id_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj2id", |caller| {
            let open: std::sync::Arc<OpenNode> = get(obj)?;
            let id = open.node.id();
            caller.out(oid, "oid")?.set(daos_obj_id_t { lo: id.lo, hi: id.hi });
            Ok(())
        })
    }
}

/// Type and permissions as they were when it was opened.
///
/// @mode [out] both
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_get_mode(obj: *mut dfs_obj_t, mode: *mut mode_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_get_mode", |caller| {
            let open: std::sync::Arc<OpenNode> = get(obj)?;
            caller.out(mode, "mode")?.set(open.node.mode());
            Ok(())
        })
    }
}

/// The target of a symbolic link, with a zero at its end.
///
/// @buf [out] what fits of it; NULL to ask for the size alone
/// @size [in,out] room of buf; set to the size that the target has with its zero
///
/// @return zero, EINVAL when it is no link
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_get_symlink_value(obj: *mut dfs_obj_t, buf: *mut c_char, size: *mut daos_size_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_get_symlink_value", |caller| {
            let open: std::sync::Arc<OpenNode> = get(obj)?;
            give_target(caller, open.node.target()?, buf, size)
        })
    }
}

/// Gives the target of a link to a caller's buffer.
pub(super) fn give_target(caller: Caller, target: &[u8], buf: *mut c_char, size: *mut daos_size_t) -> Result<()> {
    let size = caller.out(size, "size")?;
    let room = if buf.is_null() { 0 } else { size.get() };
    if room > 0 {
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(target.len() + 1);
        let buffer = caller.out_bytes(buf.cast(), room, "buf")?;
        for (index, byte) in target.iter().chain([&0]).take(room).enumerate() {
            buffer.set(index, *byte);
        }
    }
    size.set(target.len() as u64 + 1);
    Ok(())
}
