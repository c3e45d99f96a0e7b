//! Where a copy comes from or goes to.

use crate::failure::{Failure, Result};
use daos_status::Code;
use daos_types::Reference;
use std::fmt;
use std::path::PathBuf;

/// What places in a container begin with.
const SCHEME: &str = "daos:";

/// A path of this machine, or one in a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Of this machine.
    Local(PathBuf),
    /// In a POSIX container.
    Container {
        /// The pool, by label or UUID.
        pool: String,
        /// The container, by label or UUID.
        container: String,
        /// The path from the root of the container; begins with a slash.
        path: String,
    },
}

impl Place {
    /// Reads `daos://POOL/CONTAINER[/PATH]`, or a path.
    pub fn parse(text: &str) -> Result<Place> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            if text.is_empty() {
                return Err(Failure::new(Code::Inval, "an empty path names nothing; write . for this directory"));
            }
            return Ok(Place::Local(PathBuf::from(text)));
        };
        let wrong = || {
            let sentence = format!("'{text}' is no place in a container; write daos://POOL/CONTAINER[/PATH]");
            Failure::new(Code::Inval, sentence)
        };
        // Upstream takes one slash as well as two.
        let rest = rest.strip_prefix("//").or_else(|| rest.strip_prefix('/')).ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(pool), Some(container)) = (parts.next(), parts.next()) else { return Err(wrong()) };
        if pool.is_empty() || container.is_empty() {
            return Err(wrong());
        }
        for name in [pool, container] {
            Reference::parse(name).map_err(|error| Failure::from(error).doing(format_args!("read '{text}'")))?;
        }
        let path = format!("/{}", parts.next().unwrap_or_default());
        Ok(Place::Container { pool: pool.to_owned(), container: container.to_owned(), path })
    }

    /// The pool and the container, where it is in one.
    pub fn names(&self) -> Option<(&str, &str)> {
        match self {
            Place::Local(_) => None,
            Place::Container { pool, container, .. } => Some((pool, container)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Local(path) => path.display().fmt(f),
            Place::Container { pool, container, path } => write!(f, "daos://{pool}/{container}{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn container(path: &str) -> Place {
        Place::Container { pool: "tank".to_owned(), container: "home".to_owned(), path: path.to_owned() }
    }

    #[test]
    fn places_are_urls_or_paths() {
        for (text, place) in [
            ("daos://tank/home", container("/")),
            ("daos://tank/home/", container("/")),
            ("daos:/tank/home/a/b", container("/a/b")),
            ("daos://tank/home/a b/", container("/a b/")),
            ("./daos:x", Place::Local("./daos:x".into())),
            ("/a/daos:", Place::Local("/a/daos:".into())),
        ] {
            assert_eq!(Place::parse(text), Ok(place), "{text}");
        }
        for bad in
            ["", "daos:", "daos://", "daos://tank", "daos://tank/", "daos:///home", "daos:tank/home", "daos://a b/c"]
        {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_place_or_refused(text in "(daos:)?.{0,40}") {
            if let Ok(place) = Place::parse(&text) {
                prop_assert_eq!(Place::parse(&place.to_string()), Ok(place));
            }
        }
    }
}
