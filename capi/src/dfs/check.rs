//! Looking through the whole file system of a container.

use core::ffi::{c_char, c_int};
use std::sync::Arc;

use daos_client::{Container, ContainerFlags};
use daos_dfs::{Access, DfsError, FileSystem, MountOptions, Result, ScanReport};
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
