//! Paths that stand for containers (the unified namespace): decisions without effects.
//!
//! A path names pool and container itself (`daos://POOL/CONTAINER/rest`), or it, or a directory above it, has the extended attribute
//! `user.daos`, whose value is `DAOS.USE://POOL/CONTAINER`. Reading attributes is the caller's.

use crate::error::fail;
use crate::{DfsError, Result, quoted};
use daos_client::ContainerType;
use daos_types::{ContainerId, PoolId, Reference};
use std::path::{Path, PathBuf};

/// The extended attribute that ties a path to a container.
pub const LINK_ATTRIBUTE: &str = "user.daos";

/// Longer values of the attribute are nobody's (`DUNS_MAX_XATTR_LEN`).
pub const LINK_LENGTH_MAX: usize = 170;

/// What a path stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContainerPath {
    /// What the container is used for; unknown when the path names the container itself.
    pub kind: ContainerType,
    /// Label or UUID of the pool.
    pub pool: String,
    /// Label or UUID of the container.
    pub container: String,
    /// The path within the container, beginning with a slash; none for its root.
    pub rest: Option<Vec<u8>>,
}

/// Uses of containers by their names in attributes.
const USES: &[(&str, ContainerType)] = &[
    ("POSIX", ContainerType::POSIX),
    ("HDF5", ContainerType::HDF5),
    ("PYTHON", ContainerType::PYTHON),
    ("SPARK", ContainerType(4)),
    ("DATABASE", ContainerType(5)),
    ("ROOT", ContainerType(6)),
    ("SEISMIC", ContainerType(7)),
    ("METEO", ContainerType(8)),
];

impl ContainerPath {
    /// What a path says that stands for a container, by UUIDs: labels can change.
    pub fn of(kind: ContainerType, pool: PoolId, container: ContainerId) -> ContainerPath {
        ContainerPath { kind, pool: pool.to_string(), container: container.to_string(), rest: None }
    }

    /// The path behind `daos:`, if a path begins with it.
    pub fn without_prefix(path: &[u8]) -> Option<&[u8]> {
        path.strip_prefix(b"daos:")
    }

    /// What `/POOL/CONTAINER/rest` stands for, with any number of slashes between.
    ///
    /// # Errors
    /// `EINVAL` when it names no pool and container.
    pub fn named(path: &[u8]) -> Result<ContainerPath> {
        let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        let (Some(pool), Some(container)) = (parts.next(), parts.next()) else {
            fail!(libc::EINVAL, "{} does not name a pool and a container", quoted(&path));
        };
        if path.first() != Some(&b'/') {
            fail!(libc::EINVAL, "{} does not begin with a slash", quoted(&path));
        }
        let rest: Vec<u8> = parts.flat_map(|part| [b"/", part].concat()).collect();
        let rest = (!rest.is_empty()).then_some(rest);
        let (pool, container) = (reference(pool)?, reference(container)?);
        Ok(ContainerPath { kind: ContainerType::UNKNOWN, pool, container, rest })
    }

    /// Reads the value of the attribute, up to its first zero.
    ///
    /// # Errors
    /// `EINVAL` when it is none.
    pub fn from_attribute(value: &[u8]) -> Result<ContainerPath> {
        let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
        let parse = || {
            let text = std::str::from_utf8(text).ok()?.strip_prefix("DAOS.")?;
            let (name, reference) = text.split_once("://")?;
            let kind = USES.iter().find(|entry| entry.0 == name)?.1;
            let (pool, container) = reference.split_once('/')?;
            Some((kind, pool, container.trim_end_matches('/')))
        };
        let Some((kind, pool, container)) = parse() else {
            fail!(libc::EINVAL, "{} is no attribute that ties a path to a container", quoted(&text));
        };
        let (pool, container) = (reference(pool.as_bytes())?, reference(container.as_bytes())?);
        Ok(ContainerPath { kind, pool, container, rest: None })
    }

    /// The value of the attribute.
    ///
    /// # Errors
    /// `EINVAL` when the use of the container has no name.
    pub fn to_attribute(&self) -> Result<String> {
        match USES.iter().find(|entry| entry.1 == self.kind) {
            Some((name, _)) => Ok(format!("DAOS.{name}://{}/{}", self.pool, self.container)),
            None => fail!(libc::EINVAL, "{} is no use of containers that has a name", self.kind.0),
        }
    }

    /// Looks for the attribute at a path and, where `above` says so, at the directories above it. `read` gives the value of a path's
    /// attribute, or `None` where there is none.
    ///
    /// # Errors
    /// `EINVAL` for a value that is none, and those of `read`; of what does not exist yet only those of the directories above it count.
    pub fn linked(
        path: &Path,
        above: bool,
        read: impl Fn(&Path) -> Result<Option<Vec<u8>>>,
    ) -> Result<Option<ContainerPath>> {
        let mut rest = PathBuf::new();
        let absolute = std::path::absolute(path).map_err(|error| DfsError::from(error).while_doing(path.display()))?;
        for (step, place) in absolute.ancestors().enumerate() {
            let value = match read(place) {
                // What does not exist yet may be in a container all the same, when it is below a tied directory.
                Err(error) if above && matches!(error.errno, libc::ENOENT | libc::ENOTDIR) => None,
                value => value?,
            };
            if let Some(value) = value {
                let mut found =
                    ContainerPath::from_attribute(&value).map_err(|error| error.while_doing(place.display()))?;
                if step > 0 {
                    found.rest = Some([b"/", rest.as_os_str().as_encoded_bytes()].concat());
                }
                return Ok(Some(found));
            }
            if !above {
                break;
            }
            let name = place.file_name().unwrap_or_default();
            rest = if step == 0 { PathBuf::from(name) } else { Path::new(name).join(rest) };
        }
        Ok(None)
    }
}

fn reference(text: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(text).map_err(|_| DfsError::new(libc::EINVAL, "a label is not UTF-8"))?;
    Ok(Reference::parse(text)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "5d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3e";
    const CONTAINER: &str = "6d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3f";

    fn of(kind: ContainerType) -> ContainerPath {
        ContainerPath { kind, pool: POOL.to_owned(), container: CONTAINER.to_owned(), rest: None }
    }

    #[test]
    fn paths_name_pool_and_container() {
        let found = ContainerPath::named(b"//pool/cont//a/b/").expect("a path");
        assert_eq!((found.pool.as_str(), found.container.as_str()), ("pool", "cont"));
        assert_eq!(found.rest.as_deref(), Some(&b"/a/b"[..]));
        assert_eq!(ContainerPath::named(b"/p/c/").map(|found| found.rest), Ok(None));
        assert_eq!(ContainerPath::without_prefix(b"daos://p/c"), Some(&b"//p/c"[..]));
        assert_eq!(ContainerPath::without_prefix(b"/p/c"), None);
        for bad in [&b""[..], b"/", b"//p", b"p/c", b"/p/c d", b"/\xff/c"] {
            let errno = ContainerPath::named(bad).map_err(|error| error.errno);
            assert_eq!(errno, Err(libc::EINVAL), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn attributes_round_trip() {
        let value = of(ContainerType::POSIX).to_attribute().expect("a use with a name");
        assert!(value.len() <= LINK_LENGTH_MAX);
        assert_eq!(ContainerPath::from_attribute(value.as_bytes()), Ok(of(ContainerType::POSIX)));
        assert_eq!(ContainerPath::from_attribute(format!("{value}\0x").as_bytes()), Ok(of(ContainerType::POSIX)));
        for bad in ["", "DAOS", "DAOS.POSIX", "DAOS.POSIX://p", "DAOS.NONE://p/c", "DAOS.POSIX://p/a b"] {
            assert!(ContainerPath::from_attribute(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(of(ContainerType::UNKNOWN).to_attribute().is_err());
    }

    #[test]
    fn attributes_are_looked_for_from_a_path_upwards() {
        let value = of(ContainerType::POSIX).to_attribute().expect("a use with a name").into_bytes();
        let read = |path: &Path| match path.to_str() {
            Some("/a/b") => Ok(Some(value.clone())),
            Some("/a/b/c/d" | "/a/b/c") => fail!(libc::ENOENT, "it is not there"),
            Some("/bad") => Ok(Some(b"DAOS.POSIX".to_vec())),
            Some("/secret") => fail!(libc::EACCES, "no"),
            _ => Ok(None),
        };
        let rest = |path: &str, above| {
            let found = ContainerPath::linked(Path::new(path), above, read);
            found.map(|found| found.map(|found| found.rest)).map_err(|error| error.errno)
        };
        assert_eq!(rest("/a/b", false), Ok(Some(None)));
        assert_eq!(rest("/a/b", true), Ok(Some(None)));
        assert_eq!(rest("/a/b/c/d", true), Ok(Some(Some(b"/c/d".to_vec()))));
        assert_eq!(rest("/a/b/c/d", false), Err(libc::ENOENT));
        assert_eq!(rest("/a/b/x", false), Ok(None));
        assert_eq!(rest("/a", true), Ok(None));
        assert_eq!(rest("/bad/x", true), Err(libc::EINVAL));
        assert_eq!(rest("/secret/x", true), Err(libc::EACCES));
    }
}
