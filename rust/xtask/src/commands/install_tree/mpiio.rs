//! The MPI-IO driver, which is installed where ROMIO was built: after `cargo xtask setup mpi`.

use crate::commands::romio::Romio;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Result, bail};
use std::path::Path;

const RULES: &str = "mpiio_driver/build.mk";
/// The library that programs load before their MPI library.
pub const LIBRARY: &str = "libdaos_mpiio.so";

/// Builds the driver against the libraries of an installation and puts it beside them.
pub fn install(metadata: &Metadata, libraries: &Path) -> Result<()> {
    let romio = Romio::new(metadata);
    if !romio.is_built() {
        return Ok(());
    }
    let output = metadata.target_directory.join("mpi/driver");
    let mut make = romio.make(RULES)?;
    make.arg(format!("LIBRARIES={}", libraries.display())).arg(format!("OUTPUT={}", output.display()));
    let (status, text) = process::gather(&mut make)?;
    if !status.success() {
        bail!("`{}` failed ({status}): {text}", process::line(&make));
    }
    super::replace(&output.join(LIBRARY), &libraries.join(LIBRARY))
}
