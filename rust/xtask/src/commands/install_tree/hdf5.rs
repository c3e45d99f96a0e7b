//! The HDF5 connector, in a directory of its own: HDF5 loads everything that it finds where plugins are. Beside libdaos lies the library that
//! stands before HDF5's deprecated functions, and a link to the connector, so that programs can be linked with it.

use super::{InstallTree, Layout};
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

const RULES: &str = "hdf5_vol/build.mk";
/// Where HDF5 is told to look, below the directory of libraries.
const DIRECTORY: &str = "daos/hdf5";
const CONNECTOR: &str = "libhdf5_vol_daos.so";
/// What declares its functions for programs.
const HEADER: &str = "hdf5_vol/include/daos_vol.h";
const DEPRECATED: &str = "libdaos_hdf5_deprecated.so";

/// Puts all into their places.
pub fn install(metadata: &Metadata, connector: &Path, layout: &Layout) -> Result<()> {
    let libraries = &layout.libraries();
    let directory = libraries.join(DIRECTORY);
    super::create(&directory)?;
    super::replace(connector, &directory.join(CONNECTOR))?;
    super::link(libraries, CONNECTOR, &format!("{DIRECTORY}/{CONNECTOR}"))?;
    super::replace(Path::new(HEADER), &layout.root.join("include/daos_vol.h"))?;
    let pkg_config = include_str!("../../../../../packaging/hdf5_vol_daos.pc.in");
    super::write(&libraries.join("pkgconfig/hdf5_vol_daos.pc"), &layout.fill(pkg_config))?;
    let output = metadata.target_directory.join("hdf5/deprecated");
    let mut make = Command::new("make");
    make.args(["--no-print-directory", "-f", RULES]).arg(format!("OUTPUT={}", output.display()));
    process::succeed(&mut make)?;
    super::replace(&output.join(DEPRECATED), &libraries.join(DEPRECATED))
}

/// What `daos hdf5-env` prints.
///
/// # Errors
/// Where it fails, or prints something else.
pub fn environment(tree: &InstallTree, place: &[&str]) -> Result<Vec<(String, String)>> {
    let text = process::capture(Command::new(tree.program("daos")).arg("hdf5-env").args(place))?;
    let words = text.split_whitespace().map(|word| word.split_once('='));
    let variables: Option<Vec<_>> =
        words.map(|word| word.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    variables.with_context(|| format!("daos hdf5-env printed no environment: {text}"))
}
