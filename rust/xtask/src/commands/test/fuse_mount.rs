//! A mount of `dfuse`, for programs that use their files by the calls of POSIX as well.

use crate::commands::local_engine::LocalEngine;
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEVICE: &str = "/dev/fuse";
const UNMOUNT: &str = "fusermount3";

/// A mount, which ends with this value.
pub struct FuseMount(PathBuf);

impl FuseMount {
    /// What a machine lacks for it, in words.
    pub fn lacks() -> Option<String> {
        let is_there = Path::new(DEVICE).exists() && process::find_program(UNMOUNT).is_some();
        (!is_there).then(|| format!("{DEVICE} or {UNMOUNT} is missing"))
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
        if let Err(error) = process::succeed(Command::new(UNMOUNT).arg("-u").arg(&self.0)) {
            eprintln!("  {} stays mounted: {error:#}", self.0.display());
        }
    }
}
