//! Finding entries by name and by path.

use crate::directory::Directory;
use crate::entry_store::{self, Place, StoredEntry};
use crate::error::{DfsError, Result, fail};
use crate::file_system::FileSystem;
use crate::node::{self, Access, Location, Node};
use crate::path::{self, Step, Steps};
use crate::quoted::quoted;
use daos_client::{Client, EndAndNewest, Object};
use daos_types::ObjectId;

/// Symbolic links followed in one walk; more are taken for a loop (Linux's number).
const LINKS_FOLLOWED_MAX: u32 = 40;

/// Where a walk has ended.
pub(crate) enum Found {
    /// At a directory that the walk itself has opened: the root, or one reached by `..`.
    Directory(Directory),
    /// At an entry.
    Entry(Location, Box<StoredEntry>),
}

impl FileSystem {
    /// The entry of a name in a directory; one that a rename has taken away is not there.
    pub(crate) async fn find(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
    ) -> Result<Option<StoredEntry>> {
        self.find_in(client, directory.object(), name).await
    }

    pub(crate) async fn find_in(&self, client: &Client, holder: &Object, name: &[u8]) -> Result<Option<StoredEntry>> {
        let Some(entry) = entry_store::fetch(client, holder, self.epoch(), name).await? else { return Ok(None) };
        match &entry.trace.to {
            Some(place) if self.is_at(client, entry.inode.id, place).await? => Ok(None),
            _ => Ok(Some(entry)),
        }
    }

    /// As [`FileSystem::find`], with what the object tells if that can be known with the same message.
    pub(crate) async fn find_with_content(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
    ) -> Result<Option<(StoredEntry, Option<EndAndNewest>)>> {
        let found = entry_store::fetch_with_content(client, directory.object(), self.epoch(), name).await?;
        match found.as_ref().and_then(|(entry, _)| entry.trace.to.as_ref().map(|place| (entry.inode.id, place))) {
            Some((id, place)) if self.is_at(client, id, place).await? => Ok(None),
            _ => Ok(found),
        }
    }

    /// Whether an object's entry stands at a place.
    pub(crate) async fn is_at(&self, client: &Client, id: ObjectId, place: &Place) -> Result<bool> {
        let directory = Object::open(self.container(), place.directory, self.object_flags())?;
        let found = entry_store::fetch(client, &directory, self.epoch(), &place.name).await?;
        Ok(found.is_some_and(|entry| entry.inode.id == id))
    }

    /// Walks along a path from a directory on.
    pub(crate) async fn walk(
        &self,
        client: &Client,
        start: &Directory,
        path: &[u8],
        follow_last: bool,
    ) -> Result<Found> {
        let mut steps = Steps::of(path)?;
        let mut current = start.clone();
        let mut links = 0;
        if path.starts_with(b"/") {
            current = self.root_directory().clone();
        }
        while let Some(step) = steps.next() {
            let name = match step {
                Step::Down(name) => name,
                Step::Up => {
                    current = self.above(&current)?;
                    continue;
                }
            };
            let Some(entry) = self.find(client, &current, &name).await? else {
                fail!(libc::ENOENT, "{}", quoted(&name));
            };
            let last = steps.is_empty();
            if entry.inode.is_symlink() && (!last || follow_last || steps.must_be_directory) {
                links += 1;
                if links > LINKS_FOLLOWED_MAX {
                    fail!(libc::ELOOP, "more than {LINKS_FOLLOWED_MAX} links at {}", quoted(&name));
                }
                if entry.target.starts_with(b"/") {
                    current = self.root_directory().clone();
                }
                steps.put_in_front(&entry.target)?;
                continue;
            }
            if last && (entry.inode.is_directory() || !steps.must_be_directory) {
                return Ok(Found::Entry(Location { parent: Some(current), name }, Box::new(entry)));
            }
            current = node::child(self, current, &name, &entry)?;
        }
        Ok(Found::Directory(current))
    }

    fn above(&self, directory: &Directory) -> Result<Directory> {
        match directory.parent() {
            Some(parent) => Ok(parent.clone()),
            None if directory.id() == self.root_directory().id() => Ok(directory.clone()),
            None => fail!(
                libc::EINVAL,
                "it is not known what is above {}, which was opened by its handle",
                quoted(&directory.name())
            ),
        }
    }

    /// Opens what stands at a path, which may begin with `/` or go on from the root.
    pub async fn lookup(&self, client: &Client, path: &[u8], access: Access, follow_last: bool) -> Result<Node> {
        self.lookup_from(client, &self.root(), path, access, follow_last).await
    }

    /// Opens what stands at a path that goes on from a directory. Symbolic links are followed, the last one only with
    /// `follow_last`.
    pub async fn lookup_from(
        &self,
        client: &Client,
        start: &Node,
        path: &[u8],
        access: Access,
        follow_last: bool,
    ) -> Result<Node> {
        let doing = |error: DfsError| error.while_doing(format_args!("{}", quoted(&path)));
        if access != Access::ReadOnly {
            self.check_writable()?;
        }
        if path.is_empty() {
            fail!(libc::ENOENT, "the empty path");
        }
        let _opening = self.open_files().begin_opening();
        match self.walk(client, start.directory()?, path, follow_last).await.map_err(doing)? {
            Found::Directory(directory) => Ok(Node::of_directory(self, directory, access)),
            Found::Entry(location, entry) => Node::of_entry(self, location, &entry, access),
        }
    }

    /// Opens the directory that a path's last name stands in, and gives that name.
    pub async fn lookup_parent<'p>(&self, client: &Client, start: &Node, path: &'p [u8]) -> Result<(Node, &'p [u8])> {
        let Some((directory, name)) = path::split(path) else {
            fail!(libc::EINVAL, "{} has no name at its end", quoted(&path));
        };
        path::check_name(name)?;
        if directory.is_empty() {
            return Ok((start.clone(), name));
        }
        let node = self.lookup_from(client, start, directory, self.whole_access(), true).await?;
        node.directory()?;
        Ok((node, name))
    }
}
