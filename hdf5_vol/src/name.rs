//! Names of files, which mean the same as to the MPI-IO driver where they begin with `daos:`.
//!
//! | name | what it is |
//! |---|---|
//! | `daos://POOL/CONTAINER/path` | always this pool and container |
//! | `daos:/directory/path` | in the container that a directory of the local file system stands for |
//! | `daos:path` | in the container of `DAOS_POOL` and `DAOS_CONT`, when both are set |
//! | `daos:/POOL/CONTAINER/path` | this pool and container |
//! | `/directory/path` | in the container that a directory of the local file system stands for |
//! | `/POOL/CONTAINER/path` | this pool and container, when there is no local file or directory `/POOL`, and both can be labels or UUIDs |
//! | `path` | in the container of `DAOS_POOL` and `DAOS_CONT`, when both are set |
//! | anything else | not ours |
//!
//! A program's information (`information.rs`) may have pool and container in the place of these variables. `CONTAINER@SNAPSHOT` is the container as
//! a snapshot shows it: no label has an `@`.

use crate::daos::Address;
use crate::failure::{Failure, Minor, Result};
use crate::information::Information;

/// Where a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The system of the pool; none for the usual one.
    pub system: Option<String>,
    pub pool: String,
    pub container: String,
    /// The snapshot that shows the container, by its name or its epoch; none for the container as it is.
    pub snapshot: Option<String>,
    /// From the root of the container, with a slash before it.
    pub path: String,
    /// Whether the name says that it is ours, so that it is an error when the pool is not there.
    pub is_certain: bool,
}

/// Pool, container and path.
pub type Place = (String, String, String);

/// What names are compared with.
pub struct Surroundings<'a> {
    /// Pool and container of names that have none.
    pub inherited: Option<(String, String)>,
    /// Pool, container and path that a local path leads to.
    pub resolve: &'a dyn Fn(&str) -> Option<Place>,
    /// Whether a path of the local file system is there.
    pub is_local: &'a dyn Fn(&str) -> bool,
}

/// How a name begins that says that it is ours.
pub const PREFIX: &str = "daos:";

fn rooted(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

/// Between a container and its snapshot.
const AT: char = '@';

impl Name {
    fn new((pool, container, path): Place, is_certain: bool) -> Self {
        let (container, snapshot) = match container.split_once(AT) {
            Some((container, snapshot)) => (container.to_owned(), Some(snapshot.to_owned())),
            None => (container, None),
        };
        Self { system: None, pool, container, snapshot, path: rooted(&path), is_certain }
    }

    /// Where it is connected to.
    pub fn address(&self) -> Address<'_> {
        let (system, snapshot) = (self.system.as_deref(), self.snapshot.as_deref());
        Address { system, pool: &self.pool, container: &self.container, snapshot }
    }
}

fn named(text: &str, is_certain: bool) -> Option<Name> {
    let (pool, rest) = text.trim_start_matches('/').split_once('/')?;
    let (container, path) = rest.trim_start_matches('/').split_once('/')?;
    let is_whole = !pool.is_empty() && !container.is_empty() && !path.trim_matches('/').is_empty();
    is_whole.then(|| Name::new((pool.to_owned(), container.to_owned(), path.to_owned()), is_certain))
}

/// The longest label of a pool or a container.
const LABEL_MAX: usize = 127;

/// Whether a pool or a container can have a name, as label or UUID. Other names of the local file system are no reason to ask for a pool.
fn can_be_label(name: &str) -> bool {
    name.len() <= LABEL_MAX && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte))
}

impl Surroundings<'_> {
    fn unified(&self, text: &str) -> Option<Name> {
        if !text.starts_with('/') {
            return None;
        }
        let name = Name::new((self.resolve)(text)?, true);
        (name.path != "/").then_some(name)
    }

    fn inherited(&self, text: &str) -> Option<Name> {
        let (pool, container) = self.inherited.clone()?;
        // The same container, by whatever snapshot.
        let bare = |container: &str| container.split(AT).next().map(str::to_owned);
        let said = named(text, true).filter(|_| text.starts_with(&format!("/{pool}/")));
        if said.is_some_and(|said| Some(said.container) == bare(&container)) {
            return None;
        }
        Some(Name::new((pool, container, text.to_owned()), true))
    }

    /// Whose a name is: none when it is not ours.
    pub fn parse(&self, text: &str) -> Result<Option<Name>> {
        let prefix = text.get(..PREFIX.len()).filter(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
        let Some(prefix) = prefix else { return Ok(self.plain(text)) };
        let text = &text[prefix.len()..];
        let found = if text.starts_with("//") {
            named(text, true)
        } else {
            self.unified(text).or_else(|| self.inherited(text)).or_else(|| named(text, true))
        };
        let Some(name) = found.filter(|name| !name.path.ends_with('/')) else {
            let sentence = format!(
                "\"daos:{text}\" names no file: write daos://POOL/CONTAINER/path, or set DAOS_POOL and DAOS_CONT and write path"
            );
            return Err(Failure::new(Minor::BadValue, sentence));
        };
        Ok(Some(name))
    }

    fn plain(&self, text: &str) -> Option<Name> {
        if !text.starts_with('/') {
            return self.inherited(text);
        }
        if let Some(name) = self.unified(text) {
            return Some(name);
        }
        let name = named(text, false).filter(|name| can_be_label(&name.pool) && can_be_label(&name.container))?;
        (!(self.is_local)(&format!("/{}", name.pool))).then_some(name)
    }
}

/// Whether a name says that it is ours.
pub fn has_prefix(text: &str) -> bool {
    text.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX))
}

/// Parses a name in the surroundings of this process, and with what the program says.
pub fn parse(text: &str, information: &Information) -> Result<Option<Name>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let surroundings = Surroundings {
        inherited: information.place(variable),
        resolve: &crate::daos::resolve,
        is_local: &|path| std::fs::symlink_metadata(path).is_ok(),
    };
    let Some(mut name) = surroundings.parse(text)? else { return Ok(None) };
    name.system.clone_from(&information.system);
    name.snapshot = name.snapshot.or_else(|| information.snapshot.clone());
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, inherited: bool) -> Result<Option<Name>> {
        let resolve = |text: &str| {
            let path = text.strip_prefix("/mnt/data/")?;
            Some(("p".to_owned(), "c".to_owned(), path.to_owned()))
        };
        let inherited = inherited.then(|| ("tank".to_owned(), "home".to_owned()));
        Surroundings { inherited, resolve: &resolve, is_local: &|path| path == "/tmp" }.parse(text)
    }

    fn place(text: &str, inherited: bool) -> Option<String> {
        let name = parse(text, inherited).expect("no wrong name")?;
        let at = name.snapshot.map_or_else(String::new, |snapshot| format!(" at {snapshot}"));
        Some(format!("{} {} {}{at}", name.pool, name.container, name.path))
    }

    #[test]
    fn names_with_the_prefix_are_those_of_the_mpi_driver() {
        assert_eq!(place("daos://a/b/x/y", true).as_deref(), Some("a b /x/y"));
        assert_eq!(place("DAOS:/mnt/data/f", true).as_deref(), Some("p c /f"));
        assert_eq!(place("daos:f", true).as_deref(), Some("tank home /f"));
        assert_eq!(place("daos:/a/b/f", true).as_deref(), Some("tank home /a/b/f"));
        assert_eq!(place("daos:/tank/home/f", true).as_deref(), Some("tank home /f"));
        assert_eq!(place("daos:/tank/home@monday/f", true).as_deref(), Some("tank home /f at monday"));
        assert_eq!(place("daos:/tank/homes/f", true).as_deref(), Some("tank home /tank/homes/f"));
        assert_eq!(place("daos:/a/b/f", false).as_deref(), Some("a b /f"));
        for wrong in ["daos:", "daos:f", "daos:/a/b", "daos://a/b/", "daos:///f", "daos:/a/b/c/"] {
            assert!(parse(wrong, false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_container_may_be_one_of_a_snapshot() {
        assert_eq!(place("daos://a/b@monday/x", true).as_deref(), Some("a b /x at monday"));
        assert_eq!(place("/tank/home@12@3/x@y", false).as_deref(), Some("tank home /x@y at 12@3"));
    }

    #[test]
    fn plain_names_are_ours_where_nothing_local_has_them() {
        assert_eq!(place("/mnt/data/d/f.h5", false).as_deref(), Some("p c /d/f.h5"));
        assert_eq!(place("/tank/home/f.h5", false).as_deref(), Some("tank home /f.h5"));
        assert_eq!(place("/tmp/home/f.h5", false), None);
        assert_eq!(place("/tank/f.h5", false), None);
        assert_eq!(place("/new disk/home/f.h5", false), None);
        assert_eq!(place("/tank/Ä/f.h5", false), None);
        assert_eq!(place(&format!("/{}/home/f.h5", "x".repeat(128)), false), None);
        assert_eq!(place("f.h5", false), None);
        assert_eq!(place("f.h5", true).as_deref(), Some("tank home /f.h5"));
        assert_eq!(place("/tmp/x/f.h5", true), None);
    }
}
