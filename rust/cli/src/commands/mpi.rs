//! What MPI programs need to use files of containers: `daos mpi-env`.

use crate::failure::{Failure, Result};
use crate::reply::Reply;
use daos_status::{Code, Status};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The library that an MPI program loads before its MPI library.
const LIBRARY: &str = "libdaos_mpiio.so";

/// Library directories beside the `bin` that this program is in.
const DIRECTORIES: &[&str] = &["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];

/// Libraries that are loaded before a program's own.
const VARIABLE: &str = "LD_PRELOAD";

/// `daos mpi-env`.
pub fn environment() -> Result<Reply> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::from(Status::new(Code::Misc, format!("cannot tell where this program is: {error}")))
    })?;
    let Some(library) = library_beside(&program) else {
        let sentence = format!(
            "{LIBRARY} is not installed beside {}: run `cargo xtask setup mpi`, then `cargo xtask install`",
            program.display()
        );
        return Err(Failure::from(Status::new(Code::Nonexist, sentence)));
    };
    let value = joined(&library, std::env::var(VARIABLE).ok().as_deref());
    Ok(Reply::new(format!("{VARIABLE}={value}"), json!({ "variable": VARIABLE, "value": value })))
}

fn library_beside(program: &Path) -> Option<PathBuf> {
    let prefix = program.parent()?.parent()?;
    DIRECTORIES.iter().map(|directory| prefix.join(directory).join(LIBRARY)).find(|path| path.is_file())
}

/// Ours before what is loaded already, which stays.
fn joined(library: &Path, loaded: Option<&str>) -> String {
    let library = library.display().to_string();
    match loaded.filter(|loaded| !loaded.is_empty()) {
        Some(loaded) if loaded.split([':', ' ']).any(|one| one == library) => loaded.to_owned(),
        Some(loaded) => format!("{library}:{loaded}"),
        None => library,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_already_stays_and_ours_is_named_once() {
        let ours = Path::new("/opt/daos/lib/libdaos_mpiio.so");
        assert_eq!(joined(ours, None), "/opt/daos/lib/libdaos_mpiio.so");
        assert_eq!(joined(ours, Some("")), "/opt/daos/lib/libdaos_mpiio.so");
        let both = joined(ours, Some("/other.so"));
        assert_eq!(both, "/opt/daos/lib/libdaos_mpiio.so:/other.so");
        assert_eq!(joined(ours, Some(&both)), both);
    }

    #[test]
    fn no_library_is_found_where_none_is() {
        assert_eq!(library_beside(Path::new("/no/such/bin/daos")), None);
    }
}
