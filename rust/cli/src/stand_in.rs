//! Paths of this machine that stand for containers: finding out for which, making and removing them.

use crate::failure::{Failure, Result};
use crate::system_calls;
use daos_client::ContainerType;
use daos_dfs::{ContainerPath, DfsError, LINK_ATTRIBUTE, LINK_LENGTH_MAX};
use daos_status::Code;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The value of the attribute that ties a path to a container, where it has one.
fn read(path: &Path) -> daos_dfs::Result<Option<Vec<u8>>> {
    match system_calls::attribute(path, LINK_ATTRIBUTE, LINK_LENGTH_MAX) {
        Ok(value) => Ok(Some(value)),
        // Not every file system and not every kind of file has extended attributes.
        Err(error) => match error.raw_os_error() {
            Some(libc::ENODATA | libc::ENOTSUP | libc::EPERM) => Ok(None),
            _ => Err(DfsError::from(error).while_doing(path.display())),
        },
    }
}

/// The path without symbolic links on its way. What does not exist yet is where its directory is.
fn real(path: &Path) -> PathBuf {
    let whole = || path.canonicalize().ok();
    let directory = || {
        let (above, name) = (path.parent()?, path.file_name()?);
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        Some(above.canonicalize().ok()?.join(name))
    };
    whole().or_else(directory).unwrap_or_else(|| path.to_owned())
}

/// The container that a path stands for or is in, and the path within it.
///
/// # Errors
/// `DER_NONEXIST` when there is none, `DER_INVAL` when the path or the attribute found is malformed.
pub fn find(path: &Path) -> Result<ContainerPath> {
    if let Some(named) = ContainerPath::without_prefix(path.as_os_str().as_bytes()) {
        return Ok(ContainerPath::named(named)?);
    }
    match ContainerPath::linked(&real(path), true, read)? {
        Some(found) => Ok(found),
        None => {
            let sentence = format!(
                "'{}' stands for no container: neither it nor a directory above it has the attribute {LINK_ATTRIBUTE}; name pool and \
                 container, or make such a path with 'daos container link'",
                path.display()
            );
            Err(Failure::new(Code::Nonexist, sentence))
        }
    }
}

/// A path that is to go together with its container: the place to remove; `None` when the path only names the container.
///
/// # Errors
/// `DER_INVAL` when the path does not stand for a container itself, but is in one.
pub fn removable(path: &Path) -> Result<Option<PathBuf>> {
    if ContainerPath::without_prefix(path.as_os_str().as_bytes()).is_some() {
        return match find(path)?.rest {
            None => Ok(None),
            Some(_) => Err(is_within(path)),
        };
    }
    match ContainerPath::linked(path, false, read)? {
        Some(_) => Ok(Some(path.to_owned())),
        None => Err(is_within(path)),
    }
}

fn is_within(path: &Path) -> Failure {
    let sentence = format!("'{}' is within a container; name the path that stands for it", path.display());
    Failure::new(Code::Inval, sentence)
}

/// Makes a directory (a file for HDF5) that will stand for a container, without saying yet for which.
///
/// # Errors
/// `DER_EXIST` when something is there, and those of the file system; `DER_INVAL` for a container whose use has no name.
pub fn prepare(path: &Path, kind: ContainerType) -> Result<()> {
    let link = ContainerPath { kind, pool: String::new(), container: String::new(), rest: None };
    if link.to_attribute().is_err() {
        let sentence = "only a container whose type is said can have a path that stands for it; give --type";
        return Err(Failure::new(Code::Inval, sentence));
    }
    let made = match kind {
        ContainerType::HDF5 => std::fs::File::create_new(path).map(drop),
        _ => std::fs::create_dir(path),
    };
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(Code::Exist, format!("'{}' exists; name a new path", path.display())),
        _ => Failure::from(DfsError::from(error).while_doing(path.display())),
    })
}

/// Ties a path that was prepared to a container; what cannot be tied is removed.
///
/// # Errors
/// Those of the file system: `DER_NOTSUPPORTED` when it has no extended attributes.
pub fn tie(path: &Path, link: &ContainerPath) -> Result<()> {
    let value = link.to_attribute()?;
    let set = system_calls::set_attribute(path, LINK_ATTRIBUTE, value.as_bytes());
    set.map_err(|error| {
        // What cannot be taken back is told by the error that led here.
        let _removed = remove(path);
        Failure::from(DfsError::from(error).while_doing(format_args!("tying {} to the container", path.display())))
    })
}

/// Removes a path that stands for a container.
///
/// # Errors
/// Those of the file system.
pub fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    removed.map_err(|error| Failure::from(DfsError::from(error).while_doing(path.display())))
}

/// The words that say what was found, in the form of [`crate::container_line`].
pub fn rest_of(found: &ContainerPath) -> Option<OsString> {
    found.rest.as_ref().map(|rest| std::ffi::OsStr::from_bytes(rest).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> ContainerPath {
        let (pool, container) = ("tank".to_owned(), "home".to_owned());
        ContainerPath { kind: ContainerType::POSIX, pool, container, rest: None }
    }

    #[test]
    fn paths_that_name_containers_need_no_file() {
        assert_eq!(find(Path::new("daos://tank/home/a")).map(|found| found.rest), Ok(Some(b"/a".to_vec())));
        assert_eq!(removable(Path::new("daos://tank/home")), Ok(None));
        assert!(removable(Path::new("daos://tank/home/a")).is_err() && find(Path::new("daos://tank")).is_err());
    }

    #[test]
    fn a_path_is_tied_found_from_below_and_removed() {
        let directory = tempfile::TempDir::new().expect("the temporary directory is writable");
        let path = directory.path().join("home");
        assert_eq!(prepare(&path, ContainerType::UNKNOWN).map_err(|error| error.code()), Err(Code::Inval));
        prepare(&path, ContainerType::POSIX).expect("made");
        assert_eq!(prepare(&path, ContainerType::POSIX).map_err(|error| error.code()), Err(Code::Exist));
        assert_eq!(find(&path).map_err(|error| error.code()), Err(Code::Nonexist));
        if let Err(error) = tie(&path, &link()) {
            println!("skipped: {error}");
            return;
        }
        assert_eq!(find(&path), Ok(link()));
        let below = ContainerPath { rest: Some(b"/a/b".to_vec()), ..link() };
        assert_eq!(find(&path.join("a/b")), Ok(below));
        std::os::unix::fs::symlink(&path, directory.path().join("symbolic")).expect("made");
        assert_eq!(find(&directory.path().join("symbolic/x")).map(|found| found.rest), Ok(Some(b"/x".to_vec())));
        assert_eq!(removable(&path), Ok(Some(path.clone())));
        std::fs::create_dir(path.join("a")).expect("made");
        assert_eq!(removable(&path.join("a")).map_err(|error| error.code()), Err(Code::Inval));
        std::fs::remove_dir(path.join("a")).expect("empty");
        remove(&path).expect("empty");
        assert!(!path.exists());
    }
}
