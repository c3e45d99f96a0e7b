//! A mount of `dfuse`, for programs that use their files by the calls of POSIX as well.

use crate::commands::local_engine::LocalEngine;
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEVICE: &str = "/dev/fuse";
/// What unmounts: root needs nobody's help.
const UNMOUNT: &[&str] = &["umount"];
const UNMOUNT_AS_USER: &[&str] = &["fusermount3", "-u"];

/// The command that ends a mount.
fn unmount() -> &'static [&'static str] {
    if process::is_root().unwrap_or(false) { UNMOUNT } else { UNMOUNT_AS_USER }
}

/// A mount, which ends with this value.
pub struct FuseMount(PathBuf);

impl FuseMount {
    /// What a machine lacks for it, in words.
    pub fn lacks() -> Option<String> {
        let program = unmount()[0];
        let is_there = Path::new(DEVICE).exists() && process::find_program(program).is_some();
        (!is_there).then(|| format!("{DEVICE} or {program} is missing"))
    }

    /// Mounts a container, without caches: what others change is seen at once.
    ///
    /// # Errors
    /// When the directory cannot be made, or `dfuse` does not mount.
    pub fn new(engine: &LocalEngine, place: &Path, pool: &str, container: &str) -> Result<Self> {
        fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
        let mut command = Command::new(engine.program("dfuse"));
        command.arg("--disable-caching").arg(place).args([pool, container]);
        process::succeed(engine.prepare(&mut command))?;
        Ok(Self(place.to_owned()))
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0
    }
}

impl Drop for FuseMount {
    fn drop(&mut self) {
        let words = unmount();
        if let Err(error) = process::succeed(Command::new(words[0]).args(&words[1..]).arg(&self.0)) {
            eprintln!("  {} stays mounted: {error:#}", self.0.display());
        }
    }
}
