//! Where the workspace is and what it consists of.

use crate::process;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the repository's root the working directory, so that every later path is relative to it.
pub fn enter_root() -> Result<()> {
    let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => std::env::current_dir().context("the working directory cannot be read")?,
    };
    let root = start.ancestors().find(|directory| directory.join("rust/xtask/Cargo.toml").is_file());
    let Some(root) = root else {
        bail!("{} is not inside the repository: run `cargo xtask` from a directory of it", start.display());
    };
    std::env::set_current_dir(root).with_context(|| format!("cannot enter {}", root.display()))
}

/// The part of `cargo metadata` that xtask reads.
#[derive(Deserialize)]
pub struct Metadata {
    /// Members of the workspace.
    pub packages: Vec<Package>,
    /// Where cargo builds.
    pub target_directory: PathBuf,
}

/// One member of the workspace.
#[derive(Deserialize)]
pub struct Package {
    /// Name in the manifest.
    pub name: String,
    /// Every dependency of the manifest, of any kind.
    pub dependencies: Vec<Dependency>,
    /// Libraries, binaries, tests, benches and examples.
    pub targets: Vec<Target>,
}

/// One line of a `[dependencies]` table.
#[derive(Deserialize)]
pub struct Dependency {
    /// Name of the package depended on.
    pub name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
    /// Set for a dependency on a directory: a member of this workspace.
    pub path: Option<String>,
}

/// One thing that cargo builds from a package.
#[derive(Deserialize)]
pub struct Target {
    /// `lib`, `bin`, `test`, ...
    pub kind: Vec<String>,
}

impl Metadata {
    /// Asks cargo; needs no network and no other package to build.
    pub fn read() -> Result<Self> {
        let text = process::capture(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
        serde_json::from_str(&text).context("the output of `cargo metadata` cannot be read")
    }

    /// Where things that take long to build are kept for all checkouts: what the environment variable `DAOS_BUILD_CACHE` names, or a folder
    /// of the user's caches; under the target directory where there is no such place that can be written.
    pub fn cache_directory(&self) -> PathBuf {
        let named = std::env::var_os("DAOS_BUILD_CACHE").map(PathBuf::from);
        let of_user = || {
            let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let caches = caches.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
            Some(caches.join("daos-build"))
        };
        let place = named.or_else(of_user).filter(|place| place.is_absolute());
        place.filter(|place| can_be_written(place)).unwrap_or_else(|| self.target_directory.clone())
    }

    /// The member of this name, when there is one.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    /// Whether the package has integration tests (`tests/*.rs`).
    pub fn has_integration_tests(&self) -> bool {
        self.has_target("test")
    }

    /// Whether any target is of this kind.
    pub fn has_target(&self, kind: &str) -> bool {
        let mut kinds = self.targets.iter().flat_map(|target| &target.kind);
        kinds.any(|found| found == kind)
    }
}

/// Whether files can be made in a folder, which is made where it is missing.
fn can_be_written(directory: &Path) -> bool {
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    let is_written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&probe, "")).is_ok();
    let _there_was_none = std::fs::remove_file(&probe);
    is_written
}

/// A command for the cargo that started us.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// `path` as the user would write it from the root of the repository.
pub fn shown(path: &Path) -> String {
    let root = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
