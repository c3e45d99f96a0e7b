//! Building the products, and finding what cargo built.

use super::Profile;
use crate::process;
use crate::workspace::cargo;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

const PROGRAM_CRATE: &str = "daos-cli";
const LIBRARY_CRATE: &str = "daos-capi";
const CONNECTOR_CRATE: &str = "daos-hdf5-vol";

/// The files that everything is made of.
pub struct Artifacts {
    /// The program with four names.
    pub program: PathBuf,
    /// The C library.
    pub library: PathBuf,
    /// The HDF5 connector.
    pub connector: PathBuf,
}

/// A line of cargo's build messages, as far as it concerns us.
#[derive(Deserialize)]
struct Message {
    target: Option<MessageTarget>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct MessageTarget {
    name: String,
    src_path: PathBuf,
}

impl Artifacts {
    /// Builds them; cargo's progress is shown.
    pub fn build(profile: Profile) -> Result<Self> {
        let mut command = cargo();
        command.args(["build", "--locked", "--package", PROGRAM_CRATE, "--package", LIBRARY_CRATE]);
        command.args(["--package", CONNECTOR_CRATE]);
        command.arg("--message-format=json-render-diagnostics");
        if profile == Profile::Release {
            command.arg("--release");
        }
        process::announce(&command);
        Self::find(&process::capture(&mut command)?)
    }

    fn find(messages: &str) -> Result<Self> {
        let mut program = None;
        let mut library = None;
        let mut connector = None;
        for message in messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()) {
            let Some(target) = message.target else {
                continue;
            };
            if let Some(file) = message.executable
                && target.name == "daos"
            {
                program = Some(file);
            }
            let is_below = |folder: &str| target.src_path.components().any(|part| part.as_os_str() == folder);
            if let Some(file) = message.filenames.iter().find(|file| is_shared_object(file)) {
                if is_below("capi") {
                    library = Some(file.clone());
                } else if is_below("hdf5_vol") {
                    connector = Some(file.clone());
                }
            }
        }
        Ok(Self {
            program: program.with_context(|| format!("crate {PROGRAM_CRATE} builds no program called daos"))?,
            library: library.with_context(|| format!("crate {LIBRARY_CRATE} builds no cdylib"))?,
            connector: connector.with_context(|| format!("crate {CONNECTOR_CRATE} builds no cdylib"))?,
        })
    }
}

fn is_shared_object(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "so")
}

#[cfg(test)]
mod tests {
    use super::Artifacts;

    const PROGRAM: &str = r#"{"reason":"compiler-artifact","target":{"name":"daos","src_path":"/r/rust/cli/src/main.rs"},"filenames":["/t/daos"],"executable":"/t/daos"}"#;
    const LIBRARY: &str = r#"{"reason":"compiler-artifact","target":{"name":"daos","src_path":"/r/capi/src/lib.rs"},"filenames":["/t/libdaos.rlib","/t/libdaos.so"],"executable":null}"#;

    const CONNECTOR: &str = r#"{"reason":"compiler-artifact","target":{"name":"hdf5_vol_daos","src_path":"/r/hdf5_vol/src/lib.rs"},"filenames":["/t/libhdf5_vol_daos.so"],"executable":null}"#;

    #[test]
    fn program_and_libraries_are_found_among_other_lines() {
        let lines = format!("not json\n{PROGRAM}\n{LIBRARY}\n{CONNECTOR}\n{{\"reason\":\"build-finished\"}}\n");
        let found = Artifacts::find(&lines).expect("all are there");
        assert_eq!(found.program.to_str(), Some("/t/daos"));
        assert_eq!(found.library.to_str(), Some("/t/libdaos.so"));
        assert_eq!(found.connector.to_str(), Some("/t/libhdf5_vol_daos.so"));
    }

    #[test]
    fn a_missing_product_is_named() {
        let error = Artifacts::find(PROGRAM).err().expect("the library is missing");
        assert!(error.to_string().contains("daos-capi"));
    }
}
