//! Python with mpi4py, for our example. It comes from PyPI, into the target directory, and stays there.

use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

/// What is installed: the wheel of mpi4py finds the MPI library when it is loaded.
const PACKAGES: &[&str] = &["mpi4py==4.1.2", "numpy"];
/// The name of the library that mpi4py's wheel is linked with, and that of Debian's MPICH, which is the same library.
const NAME: &str = "libmpi.so.12";
const DEBIAN_NAME: &str = "libmpich.so.12";
/// Where programs look for libraries.
pub const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// Python, and a directory with the library under the name that mpi4py looks for.
pub struct MpiPython {
    pub python: PathBuf,
    pub libraries: PathBuf,
}

/// Fetches it once.
///
/// # Errors
/// Where there is no Python, or no registry to fetch from.
pub fn provide(metadata: &Metadata) -> Result<MpiPython> {
    let root = metadata.target_directory.join("mpi/python");
    let root = std::path::absolute(&root).with_context(|| format!("{} is no path", root.display()))?;
    let (stamp, wanted) = (root.join("stamp"), PACKAGES.join(" "));
    let found = MpiPython { python: root.join("venv/bin/python"), libraries: root.join("lib") };
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(found);
    }
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    fs::create_dir_all(&found.libraries).with_context(|| format!("cannot create {}", root.display()))?;
    let mut asked = Command::new("mpicc.mpich");
    let library = process::capture(asked.arg(format!("-print-file-name={DEBIAN_NAME}")))?;
    symlink(library.trim(), found.libraries.join(NAME)).with_context(|| format!("cannot link {DEBIAN_NAME}"))?;
    must(Command::new("python3").args(["-m", "venv"]).arg(root.join("venv")))?;
    must(Command::new(&found.python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(found)
}

fn must(command: &mut Command) -> Result<()> {
    let (status, text) = process::gather(command)?;
    if !status.success() {
        let last = text.lines().last().unwrap_or_default();
        bail!("`{}` failed ({status}): {last}", process::line(command));
    }
    Ok(())
}
