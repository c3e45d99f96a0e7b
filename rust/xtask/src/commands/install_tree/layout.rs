//! Where an installation's files go, and what its descriptions say about that.

use super::API_VERSION;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The library directory that configure scripts and CMake know without being told.
pub const LIBRARY_DIRECTORY: &str = "lib";

/// The prefix whose libraries the dynamic linker finds by itself.
const SYSTEM_PREFIX: &str = "/usr";

/// The places of an installation.
pub struct Layout {
    /// Where files are put now.
    pub root: PathBuf,
    /// Where they are when they are used; the same without a staging directory.
    pub prefix: PathBuf,
    /// The libraries' directory below the prefix.
    pub library: String,
}

impl Layout {
    /// An installation that is used where it is put.
    pub fn in_place(prefix: &Path) -> Result<Self> {
        let prefix = std::path::absolute(prefix).with_context(|| format!("{} is no path", prefix.display()))?;
        Ok(Self { root: prefix.clone(), prefix, library: LIBRARY_DIRECTORY.to_owned() })
    }

    /// The default place under the target directory.
    pub fn under_target(metadata: &Metadata, name: &str) -> Result<Self> {
        Self::in_place(&metadata.target_directory.join(name))
    }

    /// The same installation put below a staging directory, as packagers want it.
    pub fn staged(self, stage: Option<OsString>) -> Result<Self> {
        let Some(stage) = stage.filter(|stage| !stage.is_empty()) else {
            return Ok(self);
        };
        let stage = std::path::absolute(Path::new(&stage)).context("the staging directory is no path")?;
        let below: PathBuf = self.prefix.components().filter(|part| *part != Component::RootDir).collect();
        Ok(Self { root: stage.join(below), ..self })
    }

    /// Whether the dynamic linker looks here without being told.
    pub fn is_of_the_system(&self) -> bool {
        self.prefix == Path::new(SYSTEM_PREFIX)
    }

    /// Where the libraries are put.
    pub fn libraries(&self) -> PathBuf {
        self.root.join(&self.library)
    }

    /// A description with what it does not know filled in.
    pub fn fill(&self, template: &str) -> String {
        let run_path = if self.is_of_the_system() { "" } else { " -Wl,-rpath,${libdir}" };
        let depth = Path::new(&self.library).components().count();
        template
            .replace("@VERSION@", API_VERSION)
            .replace("@LIBDIR@", &self.library)
            .replace("@RUN_PATH@", run_path)
            .replace("@UP_FROM_PKG_CONFIG@", &up(depth + 1))
            .replace("@UP_FROM_CMAKE@", &up(depth + 2))
    }
}

/// So many directories up.
fn up(levels: usize) -> String {
    vec![".."; levels].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_find_the_prefix_from_a_library_directory_of_any_depth() {
        let mut layout = Layout::in_place(Path::new("/opt/daos")).expect("a path");
        assert_eq!(layout.fill("@UP_FROM_PKG_CONFIG@ @UP_FROM_CMAKE@ @LIBDIR@"), "../.. ../../.. lib");
        assert_eq!(layout.fill("@RUN_PATH@"), " -Wl,-rpath,${libdir}");
        layout.library = "lib/x86_64-linux-gnu".to_owned();
        layout.prefix = PathBuf::from("/usr");
        assert_eq!(layout.fill("@UP_FROM_PKG_CONFIG@"), "../../..");
        assert_eq!(layout.fill("@RUN_PATH@"), "");
    }

    #[test]
    fn a_staging_directory_stands_before_the_prefix() {
        let layout = |stage: &str| {
            let layout = Layout::in_place(Path::new("/usr/local")).expect("a path");
            layout.staged(Some(stage.into())).expect("a path")
        };
        assert_eq!(layout("/tmp/stage").root, Path::new("/tmp/stage/usr/local"));
        assert_eq!(layout("/tmp/stage").prefix, Path::new("/usr/local"));
        assert_eq!(layout("").root, Path::new("/usr/local"));
    }
}
