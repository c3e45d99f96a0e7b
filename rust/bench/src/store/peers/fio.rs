//! The program `fio`, where it is installed.

use super::stream::filled_file;
use super::{Peer, Round, Shape};
use daos_status::{Code, Result, Status};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// `fio` writing in a row with one fdatasync after each batch.
pub struct Fio {
    path: PathBuf,
    shape: Shape,
    is_direct: bool,
}

fn unreadable() -> Status {
    Status::new(Code::Misc, "fio has printed no figures of its job; look at it with `fio --version`")
}

impl Fio {
    /// Makes its file; `None` when there is no `fio`. Direct is past the page cache, as the store writes.
    pub fn create(shape: Shape, directory: &Path, is_direct: bool) -> Result<Option<Fio>> {
        let version = Command::new("fio").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let path = directory.join(format!("fio-{is_direct}-{}", std::process::id()));
        filled_file(&path, shape.whole_file_bytes())?;
        Ok(Some(Fio { path, shape, is_direct }))
    }
}

impl Peer for Fio {
    fn name(&self) -> &'static str {
        if self.is_direct { "fio, direct" } else { "fio" }
    }

    fn round(&mut self, slice: Duration) -> Result<Round> {
        let bytes = self.shape.batch_bytes();
        let output = Command::new("fio")
            .args(["--name=stream", "--rw=write", "--ioengine=psync", "--fdatasync=1", "--overwrite=1", "--time_based"])
            .args(["--thread", "--output-format=json"])
            .arg(format!("--filename={}", self.path.display()))
            .arg(format!("--bs={bytes}"))
            .arg(format!("--direct={}", u8::from(self.is_direct)))
            .arg(format!("--size={}", self.shape.whole_file_bytes()))
            .arg(format!("--runtime={}ms", slice.as_millis().max(1)))
            .stdin(Stdio::null())
            .output()?;
        // Warnings may stand before the object.
        let text = String::from_utf8_lossy(&output.stdout);
        let json: serde_json::Value =
            text.find('{').and_then(|start| serde_json::from_str(&text[start..]).ok()).ok_or_else(unreadable)?;
        let job = &json["jobs"][0];
        let writes = job["write"]["total_ios"].as_u64().ok_or_else(unreadable)?;
        let milliseconds = job["job_runtime"].as_u64().filter(|time| *time > 0).ok_or_else(unreadable)?;
        Ok(Round { operations: writes * self.shape.batch, elapsed: Duration::from_millis(milliseconds) })
    }
}

impl Drop for Fio {
    fn drop(&mut self) {
        // Left behind, it is found: the directory is printed.
        let _absent = std::fs::remove_file(&self.path);
    }
}
