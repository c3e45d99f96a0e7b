//! A mount of this program's own `dfuse`.

use daos_status::{Code, Result, fail};
use daos_types::ContainerId;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// By these names this program is `dfuse`, or the engine that a mount starts again.
const NAMES: [&str; 2] = ["dfuse", "daos_server"];

/// Is `dfuse`, when the command line says so.
pub fn mount_if_asked() -> Option<ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let name = Path::new(words.first()?).file_name()?.to_str()?;
    NAMES.contains(&name).then(|| ExitCode::from(daos_fuse::run(&words)))
}

fn is_root() -> bool {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether file systems can be mounted; says why not.
pub fn can_mount() -> std::result::Result<(), String> {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    opened.map_err(|error| format!("/dev/fuse: {error}"))?;
    match is_root() || Command::new("fusermount3").arg("-V").output().is_ok() {
        true => Ok(()),
        false => Err("users other than root need fusermount3".to_owned()),
    }
}

/// The kind of file system that a directory is on.
pub fn kind_of(place: &Path) -> Result<&'static str> {
    let name = std::ffi::CString::new(place.as_os_str().as_bytes())
        .map_err(|_| daos_status::Status::new(Code::Inval, "a path with a zero in it"))?;
    let mut found = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the name ends in a zero, and there is room for what is found.
    if unsafe { libc::statfs(name.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: it was filled by the call, and zeros are valid, too.
    let kind = unsafe { found.assume_init() }.f_type;
    Ok(match kind {
        libc::EXT4_SUPER_MAGIC => "ext4",
        libc::XFS_SUPER_MAGIC => "xfs",
        libc::BTRFS_SUPER_MAGIC => "btrfs",
        libc::TMPFS_MAGIC => "tmpfs",
        libc::OVERLAYFS_SUPER_MAGIC => "overlayfs",
        _ => "the disk's",
    })
}

/// A mount, until it ends.
pub struct Mount {
    path: PathBuf,
    is_there: bool,
}

impl Mount {
    /// Mounts a container of the engine of a directory.
    pub fn at(path: PathBuf, engine: &Path, (pool, container): (&str, ContainerId)) -> Result<Mount> {
        std::fs::create_dir_all(&path)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg0("dfuse").arg(&path).args([pool, &container.to_string()]);
        command.env("DAOS_LOCAL_PATH", engine).env_remove("DAOS_ACCESS_POINTS");
        let output = command.output()?;
        if !output.status.success() {
            fail!(Code::Misc, "dfuse: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(Mount { path, is_there: true })
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Takes it away.
    pub fn end(mut self) -> Result<()> {
        self.is_there = false;
        self.unmount()
    }

    fn unmount(&self) -> Result<()> {
        let (program, words) = if is_root() { ("umount", &["-l"][..]) } else { ("fusermount3", &["-u", "-z"][..]) };
        let output = Command::new(program).args(words).arg(&self.path).output()?;
        if !output.status.success() {
            fail!(Code::Misc, "unmounting: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.is_there
            && let Err(error) = self.unmount()
        {
            eprintln!("daos-bench: {} stays mounted: {error}", self.path.display());
        }
    }
}
