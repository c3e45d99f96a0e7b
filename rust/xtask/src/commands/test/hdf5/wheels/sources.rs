//! Sources of Python packages whose wheels have no tests.

use crate::commands::test::python;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// netCDF4, in the version that is installed.
const NETCDF4: &str = "netCDF4==1.7.5.1.post1";
/// It is not built, and nothing of this is used: it gives its sources only where it finds headers, by lines that begin so.
const HEADERS: &[(&str, &str)] =
    &[("netcdf.h", "nc_inq_compound\n"), ("H5public.h", "#define H5_VERS_INFO \"HDF5 library version: 2.2.0\"\n")];
/// Where it looks for them.
const PLACES: &[&str] = &["NETCDF4_INCDIR", "NETCDF4_LIBDIR", "HDF5_INCDIR", "HDF5_LIBDIR"];

/// The folder with the sources of netCDF4, fetched once.
///
/// # Errors
/// Where there is no registry to fetch from.
pub fn netcdf4(metadata: &Metadata, interpreter: &Path) -> Result<PathBuf> {
    let root = std::path::absolute(metadata.target_directory.join("hdf5/netcdf4"))?;
    let unpacked = root.join("sources");
    python::once(&root, NETCDF4, || {
        let headers = root.join("headers");
        for directory in [&headers, &unpacked] {
            fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        }
        for (name, text) in HEADERS {
            fs::write(headers.join(name), text).with_context(|| format!("cannot write {name}"))?;
        }
        let mut fetch = Command::new(interpreter);
        fetch.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "netCDF4", "--dest"]);
        fetch.arg(&root).arg(NETCDF4).envs(PLACES.iter().map(|place| (place, &headers)));
        process::succeed(&mut fetch)?;
        let archive = find(&root, |name| name.ends_with(".tar.gz"))?;
        process::succeed(Command::new("tar").arg("-C").arg(&unpacked).arg("-xf").arg(archive)).map(drop)
    })?;
    find(&unpacked, |_| true)
}

/// The entry of a directory that is meant.
fn find(directory: &Path, is_meant: impl Fn(&str) -> bool) -> Result<PathBuf> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let entry = entry?;
        if is_meant(&entry.file_name().to_string_lossy()) {
            return Ok(entry.path());
        }
    }
    anyhow::bail!("{} does not have what was fetched", directory.display())
}
