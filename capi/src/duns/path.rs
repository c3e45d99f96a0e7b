//! The forms of paths and attributes: decisions without effects.

use daos_dfs::quoted;
use daos_dfs::{DfsError, Result};
use daos_types::Reference;

use crate::abi::*;
use crate::dfs::mounted::fail;

/// What a path stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// What the container is used for (`DAOS_PROP_CO_LAYOUT_*`); unknown when the path names the container itself.
    pub layout: u32,
    /// Label or UUID of the pool.
    pub pool: String,
    /// Label or UUID of the container.
    pub container: String,
    /// The path within the container, beginning with a slash; none for its root.
    pub rest: Option<Vec<u8>>,
}

/// Uses of containers by their names in attributes.
const LAYOUTS: &[(&str, u32)] = &[
    ("POSIX", DAOS_PROP_CO_LAYOUT_POSIX),
    ("HDF5", DAOS_PROP_CO_LAYOUT_HDF5),
    ("PYTHON", DAOS_PROP_CO_LAYOUT_PYTHON),
    ("SPARK", DAOS_PROP_CO_LAYOUT_SPARK),
    ("DATABASE", DAOS_PROP_CO_LAYOUT_DATABASE),
    ("ROOT", DAOS_PROP_CO_LAYOUT_ROOT),
    ("SEISMIC", DAOS_PROP_CO_LAYOUT_SEISMIC),
    ("METEO", DAOS_PROP_CO_LAYOUT_METEO),
];

/// The name of a use.
pub fn layout_name(layout: u32) -> Option<&'static str> {
    LAYOUTS.iter().find(|entry| entry.1 == layout).map(|entry| entry.0)
}

/// The path behind `daos:`, if a path begins with it.
pub fn without_prefix(path: &[u8]) -> Option<&[u8]> {
    path.strip_prefix(b"daos:")
}

/// What `/POOL/CONTAINER/rest` stands for, with any number of slashes between.
pub fn named(path: &[u8]) -> Result<Resolved> {
    let mut parts = path.splitn(usize::MAX, |byte| *byte == b'/').filter(|part| !part.is_empty());
    let (Some(pool), Some(container)) = (parts.next(), parts.next()) else {
        fail!(libc::EINVAL, "{} does not name a pool and a container", quoted(&path));
    };
    if path.first() != Some(&b'/') {
        fail!(libc::EINVAL, "{} does not begin with a slash", quoted(&path));
    }
    let rest: Vec<u8> = parts.flat_map(|part| [b"/", part].concat()).collect();
    let rest = (!rest.is_empty()).then_some(rest);
    Ok(Resolved { layout: DAOS_PROP_CO_LAYOUT_UNKNOWN, pool: reference(pool)?, container: reference(container)?, rest })
}

fn reference(text: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(text).map_err(|_| DfsError::new(libc::EINVAL, "a label is not UTF-8"))?;
    Ok(Reference::parse(text)?.to_string())
}

/// Reads the value of the attribute: `DAOS.USE://POOL/CONTAINER`.
pub fn from_attribute(value: &[u8]) -> Result<Resolved> {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let parse = || {
        let text = std::str::from_utf8(text).ok()?.strip_prefix("DAOS.")?;
        let (layout, reference) = text.split_once("://")?;
        let layout = LAYOUTS.iter().find(|entry| entry.0 == layout)?.1;
        let (pool, container) = reference.split_once('/')?;
        Some((layout, pool, container.trim_end_matches('/')))
    };
    let Some((layout, pool, container)) = parse() else {
        fail!(libc::EINVAL, "{} is no attribute that ties a path to a container", quoted(&text));
    };
    let (pool, container) = (reference(pool.as_bytes())?, reference(container.as_bytes())?);
    Ok(Resolved { layout, pool, container, rest: None })
}

/// The value of the attribute.
pub fn to_attribute(layout: u32, pool: &str, container: &str) -> Result<String> {
    match layout_name(layout) {
        Some(name) => Ok(format!("DAOS.{name}://{pool}/{container}")),
        None => fail!(libc::EINVAL, "{layout} is no use of containers that has a name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "5d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3e";
    const CONTAINER: &str = "6d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3f";

    #[test]
    fn paths_name_pool_and_container() {
        let found = named(b"//pool/cont//a/b/").expect("a path");
        assert_eq!((found.pool.as_str(), found.container.as_str()), ("pool", "cont"));
        assert_eq!(found.rest.as_deref(), Some(&b"/a/b"[..]));
        assert_eq!(named(b"/p/c/").map(|found| found.rest), Ok(None));
        assert_eq!(without_prefix(b"daos://p/c"), Some(&b"//p/c"[..]));
        assert_eq!(without_prefix(b"/p/c"), None);
        for bad in [&b""[..], b"/", b"//p", b"p/c", b"/p/c d", b"/\xff/c"] {
            assert_eq!(named(bad).map_err(|error| error.errno), Err(libc::EINVAL), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn attributes_round_trip() {
        let value = to_attribute(DAOS_PROP_CO_LAYOUT_POSIX, POOL, CONTAINER).expect("a use with a name");
        assert!(value.len() <= DUNS_MAX_XATTR_LEN as usize);
        let found = from_attribute(value.as_bytes()).expect("our own value");
        assert_eq!((found.layout, found.pool.as_str()), (DAOS_PROP_CO_LAYOUT_POSIX, POOL));
        assert_eq!(found.container, CONTAINER);
        assert_eq!(
            from_attribute(format!("{value}\0").as_bytes()).map(|found| found.container),
            Ok(CONTAINER.to_owned())
        );
        for bad in ["", "DAOS", "DAOS.POSIX", "DAOS.POSIX://p", "DAOS.NONE://p/c", "DAOS.POSIX://p/a b"] {
            assert!(from_attribute(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(to_attribute(DAOS_PROP_CO_LAYOUT_UNKNOWN, POOL, CONTAINER).is_err());
    }

    #[test]
    fn changed_paths_and_attributes_give_errors_and_nothing_worse() {
        let target = daos_fuzz::Target::new("capi/duns", |bytes| {
            let rest = without_prefix(bytes).unwrap_or(bytes);
            for found in [named(rest), from_attribute(bytes)].into_iter().flatten() {
                if let Ok(value) = to_attribute(found.layout, &found.pool, &found.container) {
                    let again = from_attribute(value.as_bytes()).expect("our own value");
                    assert_eq!(
                        (again.layout, again.pool, again.container),
                        (found.layout, found.pool, found.container)
                    );
                }
            }
        });
        let words: &[&[u8]] = &[b"/", b"daos:", b"DAOS.", b"POSIX", b"HDF5", b"://", b"\0"];
        daos_fuzz::round(target.seeded(["daos://pool/cont/a/b", "DAOS.POSIX://pool/cont"]).with_words(words));
    }
}
