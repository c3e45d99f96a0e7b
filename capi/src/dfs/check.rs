//! Looking through the whole file system of a container.

use core::ffi::{c_char, c_int};
use std::sync::Arc;

use daos_client::{Container, ContainerFlags};
use daos_dfs::{Access, CheckReport, DfsError, FileSystem, Finding, LeftOver, MountOptions, Result, ScanReport};
use daos_types::Reference;

use super::mounted::fail;
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::handle_table;
use crate::pointer::Caller;
use crate::pool::OpenPool;

/// Writes lines to the program's standard output, as people expect it of this function.
fn print(lines: &[String]) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    for line in lines {
        // A closed output takes the words, not the work.
        let _written = writeln!(out, "{line}");
    }
    let _flushed = out.flush();
}

/// Counts what is in the file system of a container, and prints it to the standard output.
///
/// @poh handle of a pool
/// @cont label or UUID of the container, which is opened for reading
/// @flags zero
/// @name a path within the file system below which is counted; NULL for all of it
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_scan(
    poh: daos_handle_t,
    cont: *const c_char,
    flags: u64,
    name: *const c_char,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_cont_scan", |caller| {
            let (open, reference) = container_of(caller, poh, cont)?;
            let path = caller.path_optional(name, "name")?.unwrap_or_else(|| b"/".to_vec());
            if flags != 0 {
                fail!(libc::EINVAL, "the flags {flags:#x} are not known; there are none yet");
            }
            let report = value_of("dfs_cont_scan", move |client| async move {
                let container = Container::open(&client, &open.pool, &reference, ContainerFlags::READ_ONLY).await?;
                let report = scan(&client, &container, &path).await;
                let closed = container.close(&client).await;
                let report = report?;
                closed?;
                Ok::<ScanReport, DfsError>(report)
            })?;
            print(&report.lines());
            Ok(())
        })
    }
}

/// What may be asked for.
const CHECK_FLAGS: u64 =
    (DFS_CHECK_PRINT | DFS_CHECK_REMOVE | DFS_CHECK_RELINK | DFS_CHECK_VERIFY | DFS_CHECK_EVICT_ALL) as u64;

/// Looks for objects of a POSIX container that no entry stands for, as a process leaves them that is killed while it removes, and
/// prints to the standard output what it finds. The container is opened for this call alone: nobody else may have it open.
///
/// @poh handle of a pool
/// @cont label or UUID of the container
/// @flags DFS_CHECK_PRINT to print each such object, DFS_CHECK_REMOVE to remove them, or DFS_CHECK_RELINK to give them names in
///   /lost+found, in a directory of its own for each check; DFS_CHECK_VERIFY to read everything and compare checksums;
///   DFS_CHECK_EVICT_ALL to close the container for all who have it open
/// @name name of that directory; NULL for the local date and time
///
/// @return zero, EINVAL also for removing and linking at once, ENOENT, EBUSY while others have the container open, EEXIST when the
///   directory is there, EIO when something is not what was written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_cont_check(
    poh: daos_handle_t,
    cont: *const c_char,
    flags: u64,
    name: *const c_char,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_cont_check", |caller| {
            let (open, reference) = container_of(caller, poh, cont)?;
            let asks = |flag: u32| flags & u64::from(flag) != 0;
            if flags & !CHECK_FLAGS != 0 || (asks(DFS_CHECK_REMOVE) && asks(DFS_CHECK_RELINK)) {
                fail!(libc::EINVAL, "the flags {flags:#x} are not known, or ask to remove and to link at once");
            }
            let left_over = if asks(DFS_CHECK_REMOVE) {
                LeftOver::Goes
            } else if asks(DFS_CHECK_RELINK) {
                let name = caller.path_optional(name, "name")?.unwrap_or_else(name_of_now);
                daos_dfs::check_name(&name)?;
                LeftOver::IsLinked(name)
            } else {
                LeftOver::Stays
            };
            let evict = if asks(DFS_CHECK_EVICT_ALL) { DAOS_COO_EVICT_ALL } else { 0 };
            let (tells, verify) = (asks(DFS_CHECK_PRINT), asks(DFS_CHECK_VERIFY));
            let report = value_of("dfs_cont_check", move |client| async move {
                let flags = ContainerFlags(DAOS_COO_EX | evict);
                let container = Container::open(&client, &open.pool, &reference, flags).await?;
                let report = check(&client, &container, (left_over, verify), tells).await;
                let closed = container.close(&client).await;
                let report = report?;
                closed?;
                Ok::<CheckReport, DfsError>(report)
            })?;
            let CheckReport { entries, objects, left_over, linked, damaged, remainders } = report;
            print(&[
                format!("{entries} entries, {objects} objects"),
                format!("{left_over} objects without an entry, of which {linked} got a name in /lost+found"),
                format!("{remainders} names that moves have left behind, which nobody sees"),
            ]);
            if damaged > 0 {
                fail!(libc::EIO, "{damaged} objects are not what was written");
            }
            Ok(())
        })
    }
}

async fn check(
    client: &daos_client::Client,
    container: &Container,
    (left_over, verify): (LeftOver, bool),
    tells: bool,
) -> Result<CheckReport> {
    let file_system = FileSystem::mount(client, container, MountOptions::read_write()).await?;
    let tell = |finding| {
        let line = match finding {
            Finding::LeftOver(id) => format!("object {id} has no entry"),
            Finding::Damaged(id) => format!("object {id} is not what was written"),
            Finding::ChunkSize(id, size) => format!("file {id} gets chunks of {size} bytes, by what it holds"),
        };
        if tells {
            print(&[line]);
        }
    };
    file_system.check(client, left_over, verify, tell).await
}

/// The local date and time, as upstream names the directory.
fn name_of_now() -> Vec<u8> {
    let mut text = [0u8; 64];
    // SAFETY: the structure has numbers and a pointer, for which zero is a value; the calls write within their arguments, and the
    // format ends in a zero.
    let length = unsafe {
        let now = libc::time(core::ptr::null_mut());
        let mut parts: libc::tm = core::mem::zeroed();
        if libc::localtime_r(&raw const now, &raw mut parts).is_null() {
            return b"check".to_vec();
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), c"%Y-%m-%d-%H:%M:%S".as_ptr(), &raw const parts)
    };
    text[..length.min(text.len())].to_vec()
}

async fn scan(client: &daos_client::Client, container: &Container, path: &[u8]) -> Result<ScanReport> {
    let file_system = FileSystem::mount(client, container, MountOptions::read_only()).await?;
    let top = file_system.lookup(client, path, Access::ReadOnly, true).await?;
    top.scan(client).await
}

fn container_of(caller: Caller, poh: daos_handle_t, cont: *const c_char) -> Result<(Arc<OpenPool>, Reference)> {
    let open = handle_table::get::<OpenPool>(poh)?;
    let reference = Reference::parse(&caller.text(cont, "cont")?)?;
    Ok((open, reference))
}
