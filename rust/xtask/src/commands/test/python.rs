//! Python with packages of PyPI, for tests that need some: in a directory of their own, where it stays.

use crate::commands::setup;
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fetches it once, and again when other packages are wanted; `more` makes what the directory has besides. Gives the interpreter.
///
/// # Errors
/// Where there is no Python, or no registry to fetch from.
pub fn provide(root: &Path, packages: &[&str], more: impl FnOnce() -> Result<()>) -> Result<PathBuf> {
    let interpreter = root.join("venv/bin/python");
    once(root, &packages.join(" "), || {
        setup::python()?;
        process::succeed(Command::new("python3").args(["-m", "venv"]).arg(root.join("venv")))?;
        process::succeed(Command::new(&interpreter).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
        more()
    })?;
    Ok(interpreter)
}

/// Makes a directory's contents, unless that was done with the same wish before.
pub fn once(root: &Path, wanted: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = root.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if root.exists() {
        fs::remove_dir_all(root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
    make()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
