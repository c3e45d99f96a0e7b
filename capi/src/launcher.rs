//! Starts the engine of a local directory in a process of its own.

use core::ffi::{CStr, c_void};
use std::io::PipeReader;
use std::path::{Path, PathBuf};

use daos_client::{EngineLauncher, InsideEngine};
use daos_env::Env;
use daos_server::SERVER_NAME;
use daos_status::{Code, Result, Status, fail};

/// The launcher of programs that use the library.
pub struct Launcher;

impl EngineLauncher for Launcher {
    fn launch_process(&self, directory: &Path) -> Result<PipeReader> {
        daos_server::spawn_local_engine(&program()?, directory)
    }

    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn InsideEngine>> {
        Ok(Box::new(daos_server::InsideEngine::start(directory, env)?))
    }
}

/// The program: `DAOS_SERVER` names it, else it stands in `bin` or `target` beside this library, or in the path.
fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("DAOS_SERVER").filter(|named| !named.is_empty()) {
        // Absolute, as the engine starts elsewhere.
        return std::path::absolute(&named)
            .map_err(|error| Status::from(error).while_doing(format_args!("finding {}", named.display())));
    }
    let mut tried = Vec::new();
    if let Some(library) = library() {
        for folder in [library.parent(), library.parent().and_then(Path::parent)].into_iter().flatten() {
            tried.push(folder.join(SERVER_NAME));
            tried.push(folder.join("bin").join(SERVER_NAME));
        }
        // Debian's folders for libraries have one more level.
        if let Some(prefix) = library.ancestors().nth(3) {
            tried.push(prefix.join("bin").join(SERVER_NAME));
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    tried.extend(
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(SERVER_NAME)),
    );
    match tried.into_iter().find(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => fail!(
            Code::NoService,
            "{SERVER_NAME}, which serves local directories, is neither beside the library nor in PATH; set DAOS_SERVER to it"
        ),
    }
}

/// The file that this library was loaded from.
fn library() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    // SAFETY: the structure is ours, and a name that is given stays as long as the library is loaded.
    let name = unsafe {
        let mut found: libc::Dl_info = core::mem::zeroed();
        let address = library as fn() -> Option<PathBuf> as *const c_void;
        if libc::dladdr(address, &raw mut found) == 0 || found.dli_fname.is_null() {
            return None;
        }
        CStr::from_ptr(found.dli_fname)
    };
    std::fs::canonicalize(std::ffi::OsStr::from_bytes(name.to_bytes())).ok()
}
