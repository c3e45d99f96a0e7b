//! The directory at which the mount is.

use crate::system_calls;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// The program that mounts and unmounts for users other than root.
const HELPER: &str = "fusermount3";
/// What the kernel reads ahead of a program, in KiB: one request.
const READAHEAD_KIB: &str = "1024";

/// Makes sure that something can be mounted there. A mount whose program was killed is taken away.
pub fn prepare(place: &Path) -> Result<(), String> {
    let found = std::fs::metadata(place);
    let dead = matches!(&found, Err(error) if error.raw_os_error() == Some(libc::ENOTCONN));
    if dead {
        return take_away(place).map_err(|error| {
            format!(
                "{}: the mount of a dfuse that was killed is still there ({error}); run '{HELPER} -u {}'",
                place.display(),
                place.display()
            )
        });
    }
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let place = place.display();
            Err(format!("there is no directory {place} to mount at; make it first ('mkdir -p {place}')"))
        }
        Err(error) => Err(format!("looking at {}, to mount there: {error}", place.display())),
        Ok(found) if !found.is_dir() => Err(format!("{} is no directory; name one to mount at", place.display())),
        Ok(_) => Ok(()),
    }
}

/// Takes the mount away; when it is in use, it goes out of sight and ends with its last user.
pub fn take_away(place: &Path) -> std::io::Result<()> {
    let error = match system_calls::unmount(place, false) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    match error.raw_os_error() {
        Some(libc::EBUSY) => system_calls::unmount(place, true),
        // It is gone already.
        Some(libc::EINVAL) => Ok(()),
        Some(libc::EPERM) => ask_helper(place),
        _ => Err(error),
    }
}

fn ask_helper(place: &Path) -> std::io::Result<()> {
    let output = Command::new(HELPER).args(["-u", "-z", "--"]).arg(place).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Why a mount failed, and what to do.
pub fn advice(place: &Path, error: &Error) -> String {
    let what = format!("mounting at {}: {error}", place.display());
    let (uid, _) = system_calls::owner_of_process();
    match error.kind() {
        ErrorKind::NotFound if !Path::new("/dev/fuse").exists() => {
            format!("{what}; this machine has no /dev/fuse: load the kernel's module ('modprobe fuse')")
        }
        ErrorKind::NotFound if uid != 0 => {
            format!("{what}; users other than root need {HELPER} (Debian's package fuse3)")
        }
        _ => what,
    }
}

/// Lets the kernel read ahead as much as one request can carry. Only root may, and it is only for speed.
pub fn raise_readahead(place: &Path) {
    let Ok(place) = place.canonicalize_parent() else { return };
    let Ok(table) = std::fs::read_to_string("/proc/self/mountinfo") else { return };
    let device = table.lines().rev().find_map(|line| device_of(line, place.as_os_str().as_bytes()));
    if let Some(device) = device {
        let _ignored = std::fs::write(format!("/sys/class/bdi/{device}/read_ahead_kb"), READAHEAD_KIB);
    }
}

/// Finds out where a path leads without asking what is mounted there, which is not served yet.
trait CanonicalizeParent {
    fn canonicalize_parent(&self) -> std::io::Result<std::path::PathBuf>;
}

impl CanonicalizeParent for Path {
    fn canonicalize_parent(&self) -> std::io::Result<std::path::PathBuf> {
        match (self.parent(), self.file_name()) {
            (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
            _ => Ok(self.to_path_buf()),
        }
    }
}

/// The device of a line of the kernel's table of mounts, when that is of a place.
fn device_of(line: &str, place: &[u8]) -> Option<String> {
    let mut fields = line.split(' ');
    let (device, at) = (fields.nth(2)?, fields.nth(1)?);
    (unescaped(at) == place).then(|| device.to_owned())
}

/// The kernel writes blanks in paths as `\040`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        let digits: Vec<u8> = if byte == b'\\' { bytes.by_ref().take(3).collect() } else { Vec::new() };
        let number = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(number.unwrap_or(byte));
    }
    out
}

/// An extended attribute of a path.
pub fn attribute(path: &Path, name: &[u8]) -> std::io::Result<Vec<u8>> {
    system_calls::attribute(path, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_in_the_table_of_mounts() {
        let line = r"36 25 0:47 / /mnt/with\040blank rw,nosuid - fuse.daos dfuse rw,user_id=0";
        assert_eq!(device_of(line, b"/mnt/with blank"), Some("0:47".to_owned()));
        assert_eq!(device_of(line, b"/mnt"), None);
        assert_eq!(device_of("short", b"/mnt"), None);
    }

    #[test]
    fn what_cannot_be_mounted_at_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(prepare(directory.path()), Ok(()));
        let file = directory.path().join("file");
        std::fs::write(&file, b"").expect("written");
        assert!(prepare(&file).is_err_and(|sentence| sentence.contains("no directory")));
        let missing = prepare(&directory.path().join("missing"));
        assert!(missing.is_err_and(|sentence| sentence.contains("mkdir -p")));
    }
}
