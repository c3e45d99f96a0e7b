//! What MPI programs need to use files of containers: `daos mpi-env`.

use super::libraries::{joined, library_beside, own_program};
use crate::failure::{Failure, Result};
use crate::reply::Reply;
use daos_status::{Code, Status};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library that an MPI program loads before its MPI library.
const LIBRARY: &str = "libdaos_mpiio.so";

/// Libraries that are loaded before a program's own.
const VARIABLE: &str = "LD_PRELOAD";

/// Lists the libraries that a program would load.
const LISTER: &str = "ldd";

/// MPI libraries whose handles are of another kind than MPICH's, by the beginnings of their names.
const OTHERS: &[(&str, &str)] = &[("libmpi.so.40", "Open MPI"), ("libmpi_abi.so", "the standard ABI of MPI 5")];

/// `daos mpi-env`, for a program that may be named.
pub fn environment(program: Option<&Path>) -> Result<Reply> {
    if let Some(program) = program {
        check(program)?;
    }
    let program = own_program()?;
    let Some(library) = library_beside(&program, LIBRARY) else {
        let sentence = format!(
            "{LIBRARY} is not installed beside {}: run `cargo xtask setup mpi`, then `cargo xtask install`",
            program.display()
        );
        return Err(Failure::from(Status::new(Code::Nonexist, sentence)));
    };
    let value = joined(&library, std::env::var(VARIABLE).ok().as_deref());
    Ok(Reply::new(format!("{VARIABLE}={value}"), json!({ "variable": VARIABLE, "value": value })))
}

/// Refuses a program that is linked with an MPI library that ours cannot stand before. One that loads its MPI library later, or is no
/// program of its own, as a script, says nothing of it here; the library itself does when it is used.
fn check(program: &Path) -> Result<()> {
    let Some(path) = located(program) else {
        let sentence = format!("there is no program {}", program.display());
        return Err(Failure::from(Status::new(Code::Nonexist, sentence)));
    };
    let Ok(listed) = Command::new(LISTER).arg(&path).output() else { return Ok(()) };
    let listed = String::from_utf8_lossy(&listed.stdout);
    let Some((library, name)) = other_library(&listed) else { return Ok(()) };
    let sentence = format!(
        "{} is linked with {name} ({library}); {LIBRARY} serves MPI libraries that have MPICH's ABI, as MPICH and Intel MPI: \
         build it with one of them, or give it a file on a mounted container (dfuse)",
        path.display()
    );
    Err(Failure::from(Status::new(Code::Notsupported, sentence)))
}

/// Where a program is, as a shell would look for it.
fn located(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return program.is_file().then(|| program.to_owned());
    }
    let directories = std::env::var_os("PATH")?;
    std::env::split_paths(&directories).map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// The first library of a list that is an MPI library of another kind, and whose it is.
fn other_library(listed: &str) -> Option<(&str, &'static str)> {
    listed.split_whitespace().find_map(|word| {
        let (_, name) = OTHERS.iter().find(|(beginning, _)| word.starts_with(beginning))?;
        Some((word, *name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_other_libraries_are_known_by_what_they_are_linked_with() {
        let listed = |library: &str| format!("\tlinux-vdso.so.1 (0x1)\n\t{library} => /usr/lib/{library} (0x2)\n");
        assert_eq!(other_library(&listed("libmpi.so.40")), Some(("libmpi.so.40", "Open MPI")));
        assert!(other_library(&listed("libmpi_abi.so.0")).is_some());
        assert_eq!(other_library(&listed("libmpich.so.12")), None);
        assert_eq!(other_library(&listed("libmpi.so.12")), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = check(Path::new("./no/such/program")).expect_err("it is not there");
        assert!(failure.to_string().contains("no/such/program"), "{failure}");
        check(Path::new("sh")).expect("not linked with any MPI library");
    }
}
