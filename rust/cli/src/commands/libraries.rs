//! Libraries of the installation that this program belongs to.

use crate::failure::{Failure, Result};
use daos_status::{Code, Status};
use std::path::{Path, PathBuf};

/// Library directories beside the `bin` that this program is in.
const DIRECTORIES: &[&str] = &["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];

/// Where this program is.
pub fn own_program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Failure::from(Status::new(Code::Misc, format!("cannot tell where this program is: {error}"))))
}

/// A library by its name in the directories of libraries.
pub fn library_beside(program: &Path, name: &str) -> Option<PathBuf> {
    let prefix = program.parent()?.parent()?;
    DIRECTORIES.iter().map(|directory| prefix.join(directory).join(name)).find(|path| path.is_file())
}

/// Ours before what is there already, which stays.
pub fn joined(ours: &Path, there: Option<&str>) -> String {
    let ours = ours.display().to_string();
    match there.filter(|there| !there.is_empty()) {
        Some(there) if there.split([':', ' ']).any(|one| one == ours) => there.to_owned(),
        Some(there) => format!("{ours}:{there}"),
        None => ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_already_stays_and_ours_is_named_once() {
        let ours = Path::new("/opt/daos/lib/libdaos_mpiio.so");
        assert_eq!(joined(ours, None), "/opt/daos/lib/libdaos_mpiio.so");
        assert_eq!(joined(ours, Some("")), "/opt/daos/lib/libdaos_mpiio.so");
        let both = joined(ours, Some("/other.so"));
        assert_eq!(both, "/opt/daos/lib/libdaos_mpiio.so:/other.so");
        assert_eq!(joined(ours, Some(&both)), both);
    }

    #[test]
    fn no_library_is_found_where_none_is() {
        assert_eq!(library_beside(Path::new("/no/such/bin/daos"), "libdaos_mpiio.so"), None);
    }
}
