//! A real directory tree to copy: one that every machine with Rust has.

use super::compare::Counts;
use crate::process;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The demo copies no more than about this, so that it ends soon on a machine with a large registry.
const BYTES_MAX: u64 = 200 << 20;

/// Fewer files than this do not show anything.
const FILES_MIN: u64 = 200;

/// The tree to copy: what the user named, else the registry's sources, else this repository's and Rust's.
pub fn choose(named: Option<&Path>, directory: &Path) -> Result<PathBuf> {
    if let Some(named) = named {
        if !named.is_dir() {
            bail!("{} is no directory: name one with --tree", named.display());
        }
        return std::path::absolute(named).with_context(|| format!("{} is no path", named.display()));
    }
    if let Some(registry) = registry_sources()
        && Counts::of(&registry).is_ok_and(|counts| counts.files >= FILES_MIN && counts.bytes <= BYTES_MAX)
    {
        return Ok(registry);
    }
    gather(&directory.join("source"))
}

fn registry_sources() -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cargo"),
    };
    let sources = home.join("registry/src");
    sources.is_dir().then_some(sources)
}

/// Copies packages of the registry, then our own sources, then Rust's, into `to` until there is enough.
fn gather(to: &Path) -> Result<PathBuf> {
    if to.is_dir() {
        // Gathered by an earlier demo; a half gathered one was left under another name.
        return Ok(to.to_owned());
    }
    let partial = to.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    let mut left = BYTES_MAX;
    for source in candidates() {
        let bytes = Counts::of(&source).map_or(u64::MAX, |counts| counts.bytes);
        if bytes > left {
            continue;
        }
        left -= bytes;
        // Two candidates may have one name: the later one goes to its own directory.
        let parent = partial.join(format!("{}", BYTES_MAX - left));
        fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let status = process::gather(Command::new("cp").arg("-R").arg(&source).arg(&parent))?;
        if !status.0.success() {
            bail!("cannot copy {} to {}: {}", source.display(), parent.display(), status.1);
        }
    }
    fs::rename(&partial, to).with_context(|| format!("cannot create {}", to.display()))?;
    Ok(to.to_owned())
}

fn candidates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(registry) = registry_sources() {
        for index in children(&registry) {
            found.extend(children(&index));
        }
    }
    for own in ["rust", "include", "capi", "examples_c", "tests"] {
        found.extend(Some(PathBuf::from(own)).filter(|path| path.is_dir()));
    }
    if let Ok(sysroot) = process::capture(Command::new("rustc").args(["--print", "sysroot"])) {
        let library = Path::new(sysroot.trim()).join("lib/rustlib");
        found.extend(Some(library).filter(|path| path.is_dir()));
    }
    found
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}
