//! The directory at which the mount is.

use crate::system_calls;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// The program that mounts and unmounts for users other than root.
const HELPER: &str = "fusermount3";
/// Where programs meet the kernel.
const DEVICE: &str = "/dev/fuse";
/// What the kernel's table of mounts calls the source of ours.
pub const SOURCE: &str = "dfuse";
/// What the kernel reads ahead of a program, in KiB: one request.
const READAHEAD_KIB: &str = "1024";

/// Makes sure that something can be mounted there. A mount whose program was killed is taken away.
pub fn prepare(place: &Path) -> Result<(), String> {
    let found = std::fs::metadata(place);
    let is_ours = is_ours(place);
    // The kernel may still remember what `stat` told; whether somebody answers shows when the directory is opened.
    let opened = if is_ours { std::fs::read_dir(place).map(drop) } else { Ok(()) };
    if is_dead(&found) || is_dead(&opened) {
        return take_away(place).map_err(|error| {
            format!(
                "{}: the mount of a dfuse that was killed is still there ({error}); run '{HELPER} -u {}'",
                place.display(),
                place.display()
            )
        });
    }
    // Two at one place, of which one is hidden, are nobody's wish. That of another user cannot even be looked at.
    if is_ours {
        let place = place.display();
        return Err(format!(
            "a container or pool is mounted at {place} already; '{HELPER} -u {place}' (root: 'umount') takes it away"
        ));
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

/// Whether the program behind a mount is gone.
fn is_dead<T>(found: &std::io::Result<T>) -> bool {
    let number = found.as_ref().err().and_then(Error::raw_os_error);
    matches!(number, Some(libc::ENOTCONN | libc::ECONNABORTED))
}

/// Whether a dfuse serves what is mounted at a place.
fn is_ours(place: &Path) -> bool {
    let Ok(place) = place.canonicalize_parent() else { return false };
    line_of(&place).is_some_and(|line| source_of(&line) == Some(SOURCE))
}

/// The line of the kernel's table of mounts for what is visible at a place.
fn line_of(place: &Path) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let place = place.as_os_str().as_bytes();
    table.lines().rev().find(|line| place_of(line).is_some_and(|at| at == place)).map(str::to_owned)
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
    // What the helper says ends its line.
    let what = format!("mounting at {}: {}", place.display(), error.to_string().trim_end());
    let (uid, _) = system_calls::owner_of_process();
    match error.kind() {
        ErrorKind::NotFound if !Path::new(DEVICE).exists() => {
            format!("{what}; this machine has no {DEVICE}: load the kernel's module ('modprobe fuse')")
        }
        ErrorKind::PermissionDenied if !system_calls::may_use(Path::new(DEVICE)) => {
            format!(
                "{what}; this user may not open {DEVICE}: root permits it with 'chmod 666 {DEVICE}', as most systems do"
            )
        }
        ErrorKind::PermissionDenied if error.to_string().contains("user_allow_other") => {
            format!("{what}; root permits it with the line 'user_allow_other' in /etc/fuse.conf")
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
    if let Some(line) = line_of(&place)
        && let Some(device) = line.split(' ').nth(2)
    {
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

/// The place in a line of the kernel's table of mounts.
fn place_of(line: &str) -> Option<Vec<u8>> {
    line.split(' ').nth(4).map(unescaped)
}

/// The source in such a line of a file system in a program: what stands behind the dash and the kind.
fn source_of(line: &str) -> Option<&str> {
    let mut words = line.split(' ').skip_while(|word| *word != "-").skip(1);
    // With the helper it is `fuse.daos`, without it has no second part.
    words.next().filter(|kind| *kind == "fuse" || kind.starts_with("fuse."))?;
    words.next()
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
    fn lines_of_the_table_of_mounts_are_understood() {
        let line = r"36 25 0:47 / /mnt/with\040blank rw,nosuid - fuse.daos dfuse rw,user_id=0";
        assert_eq!(place_of(line).as_deref(), Some(&b"/mnt/with blank"[..]));
        assert_eq!(source_of(line), Some(SOURCE));
        assert_eq!(source_of("36 25 0:47 / /mnt rw - fuse dfuse rw"), Some(SOURCE));
        assert_eq!(source_of("36 25 8:1 / /mnt rw - ext4 dfuse rw"), None);
        assert_eq!((place_of("short"), source_of("short")), (None, None));
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
