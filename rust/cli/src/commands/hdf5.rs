//! What HDF5 programs need to use files in containers: `daos hdf5-env`.

use super::libraries::{joined, library_beside, own_program};
use crate::failure::{Failure, Result};
use crate::reply::Reply;
use daos_status::{Code, Status};
use serde_json::json;
use std::path::Path;

/// The plugin, in a directory of its own, and the library that stands before functions that HDF5 refuses to connectors.
const CONNECTOR: &str = "daos/hdf5/libhdf5_vol_daos.so";
const DEPRECATED: &str = "libdaos_hdf5_deprecated.so";

/// `daos hdf5-env`, with the pool and container of files with relative names.
pub fn environment(place: Option<(String, String)>) -> Result<Reply> {
    let program = own_program()?;
    let missing = |name: &str| {
        let sentence = format!("{name} is not installed beside {}: run `cargo xtask install`", program.display());
        Failure::from(Status::new(Code::Nonexist, sentence))
    };
    let connector = library_beside(&program, CONNECTOR).ok_or_else(|| missing(CONNECTOR))?;
    let deprecated = library_beside(&program, DEPRECATED).ok_or_else(|| missing(DEPRECATED))?;
    let inherited = |name: &str| std::env::var(name).ok();
    let mut variables = vec![
        ("HDF5_VOL_CONNECTOR", "daos".to_owned()),
        (PLUGIN_PATH, joined(connector.parent().unwrap_or(Path::new("/")), inherited(PLUGIN_PATH).as_deref())),
        (PRELOAD, joined(&deprecated, inherited(PRELOAD).as_deref())),
    ];
    if let Some((pool, container)) = place {
        variables.extend([(POOL, pool), (CONTAINER, container)]);
    }
    let line: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let values: serde_json::Map<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Ok(Reply::new(line.join(" "), json!({ "variables": values })))
}

/// Where HDF5 looks for plugins, and libraries that are loaded before a program's own.
const PLUGIN_PATH: &str = "HDF5_PLUGIN_PATH";
const PRELOAD: &str = "LD_PRELOAD";
/// Where relative names are, which the MPI-IO driver and upstream's tools know too.
const POOL: &str = "DAOS_POOL";
const CONTAINER: &str = "DAOS_CONT";
