//! Moving entries.
//!
//! Where both names are at the same target (within a directory of class S1, or where the pool has one target) a move is one message and one change: after
//! a crash it has moved, with all that goes with it, or it has not (`entry_move.rs`).
//!
//! Otherwise it changes two records at two targets, and there is no transaction over both. It is made so that it
//! happens at one instant all the same, and whatever ends its process leaves a whole namespace:
//!
//! 1. The entry at the old place gets a trace that says where it is going. It is still there.
//! 2. The entry is written at the new place, with a trace that says where it came from. At this instant it has moved: whoever
//!    finds an entry at the old place follows the trace, sees the same object at the new place, and takes the old one as
//!    gone. What stood at the new place is replaced by the same write.
//! 3. The entry at the old place is taken out.
//!
//! A process that ends after 1 leaves a trace that leads nowhere and means nothing. One that ends after 2 leaves a remainder,
//! which nobody sees, but in a plain listing of names; the next change of that name, or removal of the moved entry, clears it.
//! The trace of step 2 is for the latter: without it, a remainder could come back to life when the moved entry is removed. A check of the
//! container clears remainders away, too.

use crate::directory::Directory;
use crate::entry_move::{Moved, Over, Terms, move_at_once};
use crate::entry_store::{self, Place, StoredEntry, Trace};
use crate::error::{Result, fail};
use crate::file_system::FileSystem;
use crate::inode::Inode;
use crate::node::{self, Access, Location, Node};
use crate::path::check_name;
use crate::quoted::quoted;
use crate::remove::ignore_missing;
use daos_client::{Client, Conditions};
use daos_types::{Key, ObjectId};

/// How often a move looks again, when others change the new name at the same time.
const ATTEMPTS_MAX: u32 = 16;

/// What a move may do with an entry of the new name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Replace {
    /// It is replaced, as `rename` does it.
    #[default]
    Allowed,
    /// The move fails with `EEXIST`.
    Never,
}

/// What becomes of an entry of the new name, and of the object of a file that it names: that goes in the same change if it is the one that is given (or
/// none is), and if the function permits it at the moment of sending.
type How<'a> = (Replace, (Option<ObjectId>, &'a dyn Fn() -> bool));

/// One end of a move.
struct End<'a> {
    directory: &'a Directory,
    name: &'a [u8],
}

impl End<'_> {
    fn place(&self) -> Place {
        Place { directory: self.directory.id(), name: self.name.to_vec() }
    }
}

/// What a move has done.
pub(crate) struct Renamed {
    /// The object of what was moved; zero where that is not known, since the answer was lost and the entry is not there any more.
    pub id: ObjectId,
    /// What was replaced, if something was, and that is known.
    pub replaced: Option<Inode>,
    /// Whether the object of that has gone as well.
    pub content_has_gone: bool,
    /// Whether all of it was one change.
    pub is_one_change: bool,
}

fn check_not_into_itself(entry: &StoredEntry, new: &End<'_>) -> Result<()> {
    if entry.inode.is_directory() && new.directory.is_within(entry.inode.id) {
        fail!(libc::EINVAL, "a directory cannot be moved into itself");
    }
    Ok(())
}

impl FileSystem {
    /// Moves an entry to another name, in the same or another directory, by the rules of `rename(2)`. Gives the identifier
    /// of the object that was replaced, if one was. Durable when it returns.
    pub async fn rename(
        &self,
        client: &Client,
        (parent, name): (&Node, &[u8]),
        (new_parent, new_name): (&Node, &[u8]),
        replace: Replace,
    ) -> Result<Option<ObjectId>> {
        self.discard_closed_if_possible(client).await;
        let content = (None, &(|| self.open_files().is_idle()) as &dyn Fn() -> bool);
        let renamed = self.rename_entry(client, (parent, name), (new_parent, new_name), (replace, content)).await?;
        let Some(replaced) = renamed.replaced else { return Ok(None) };
        if !renamed.content_has_gone {
            self.discard_object(client, &replaced).await?;
        }
        Ok(Some(replaced.id))
    }

    /// Moves an entry, and leaves the object of one that it replaced to the caller, unless it goes with it: that of a file can, if `content` has its
    /// identifier or none, and permits it at the moment of sending.
    pub(crate) async fn rename_entry(
        &self,
        client: &Client,
        (parent, name): (&Node, &[u8]),
        (new_parent, new_name): (&Node, &[u8]),
        (replace, content): How<'_>,
    ) -> Result<Renamed> {
        check_name(name)?;
        check_name(new_name)?;
        self.check_writable()?;
        let old = End { directory: parent.directory()?, name };
        let new = End { directory: new_parent.directory()?, name: new_name };
        let doing = |error: crate::DfsError| {
            error.while_doing(format_args!("moving {} to {}", quoted(&name), quoted(&new_name)))
        };
        self.move_entry(client, &old, &new, (replace, content)).await.map_err(doing)
    }

    async fn move_entry(
        &self,
        client: &Client,
        old: &End<'_>,
        new: &End<'_>,
        (replace, content): How<'_>,
    ) -> Result<Renamed> {
        if old.place() != new.place()
            && let Some(renamed) = self.move_at_once(client, old, new, (replace, content)).await?
        {
            return Ok(renamed);
        }
        self.move_in_steps(client, old, new, replace).await
    }

    /// Moves an entry in one change; `None` where that cannot be.
    async fn move_at_once(
        &self,
        client: &Client,
        old: &End<'_>,
        new: &End<'_>,
        (replace, content): How<'_>,
    ) -> Result<Option<Renamed>> {
        // Most are files. A directory that stays where it is cannot get into itself.
        let may_be_directory = old.directory.id() == new.directory.id();
        let over = if replace == Replace::Never { Over::Nothing } else { Over::File };
        let mut terms = Terms { named: None, may_be_directory, over, traces_are_cleared: false };
        for _ in 0..ATTEMPTS_MAX {
            let (from, to) = ((old.directory.object(), old.name), (new.directory.object(), new.name));
            let moved = move_at_once(client, from, to, (terms, self.now(client)), content).await?;
            let (entry, present) = match moved {
                None => return Ok(None),
                Some(Moved::Missing) => fail!(libc::ENOENT, "{}", quoted(&old.name)),
                Some(Moved::Done(entry, replaced, content_has_gone)) => {
                    let replaced = replaced.map(|replaced| replaced.inode).filter(|inode| inode.id != entry.inode.id);
                    return Ok(Some(Renamed { id: entry.inode.id, replaced, content_has_gone, is_one_change: true }));
                }
                Some(Moved::Forgotten) => {
                    let found = self.find(client, new.directory, new.name).await?;
                    let id = found.map_or(ObjectId::default(), |entry| entry.inode.id);
                    return Ok(Some(Renamed { id, replaced: None, content_has_gone: true, is_one_change: true }));
                }
                Some(Moved::Not(entry, present)) => (entry, present),
            };
            match self.terms_for(client, new, (&entry, present.as_deref()), replace).await? {
                Some(better) if better != terms => terms = better,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The terms by which an entry may be moved, as things stand; `None` where a rename is or was under way. What renames have left is cleared away.
    async fn terms_for(
        &self,
        client: &Client,
        new: &End<'_>,
        (entry, present): (&StoredEntry, Option<&StoredEntry>),
        replace: Replace,
    ) -> Result<Option<Terms>> {
        let both = || std::iter::once(entry).chain(present);
        if both().any(|entry| entry.trace.to.is_some()) {
            return Ok(None);
        }
        check_not_into_itself(entry, new)?;
        let mut over = if replace == Replace::Never { Over::Nothing } else { Over::File };
        if let Some(present) = present {
            self.check_replaceable(client, new, entry, present, replace).await?;
            if present.inode.is_directory() {
                over = Over::Directory(present.inode.id);
            }
        }
        let traces_are_cleared = both().any(|entry| !entry.trace.is_empty());
        for entry in both() {
            self.clear_origin(client, entry).await?;
        }
        Ok(Some(Terms { named: Some(entry.inode.id), may_be_directory: true, over, traces_are_cleared }))
    }

    async fn move_in_steps(&self, client: &Client, old: &End<'_>, new: &End<'_>, replace: Replace) -> Result<Renamed> {
        let Some(entry) = self.find(client, old.directory, old.name).await? else {
            self.clear_remainder(client, old.directory, old.name).await?;
            fail!(libc::ENOENT, "{}", quoted(&old.name));
        };
        if old.place() == new.place() {
            if replace == Replace::Never {
                fail!(libc::EEXIST, "{}", quoted(&new.name));
            }
            return Ok(Renamed { id: entry.inode.id, replaced: None, content_has_gone: false, is_one_change: false });
        }
        check_not_into_itself(&entry, new)?;
        self.clear_origin(client, &entry).await?;
        let going = Trace { to: Some(new.place()), from: None };
        entry_store::set_trace(client, old.directory.object(), old.name, &going).await?;
        let attributes = self.open_at(old, &entry)?.all_attributes(client).await?;
        let mut moved = StoredEntry { trace: Trace { to: None, from: Some(old.place()) }, ..entry.clone() };
        moved.inode.ctime = self.now(client);
        let replaced = self.put(client, new, &moved, attributes, replace).await?;
        ignore_missing(entry_store::punch(client, old.directory.object(), old.name).await)?;
        // Another name of the same object is a move that was cut short, made again.
        let replaced = replaced.map(|replaced| replaced.inode).filter(|inode| inode.id != entry.inode.id);
        Ok(Renamed { id: entry.inode.id, replaced, content_has_gone: false, is_one_change: false })
    }

    fn open_at(&self, end: &End<'_>, entry: &StoredEntry) -> Result<Node> {
        let location = Location { parent: Some(end.directory.clone()), name: end.name.to_vec() };
        Node::of_entry(self, location, entry, Access::ReadOnly)
    }

    /// Writes an entry at its new place, and gives the one that it replaced.
    async fn put(
        &self,
        client: &Client,
        new: &End<'_>,
        moved: &StoredEntry,
        attributes: Vec<(Key, Vec<u8>)>,
        replace: Replace,
    ) -> Result<Option<StoredEntry>> {
        let holder = new.directory.object();
        for _ in 0..ATTEMPTS_MAX {
            let present = entry_store::fetch(client, holder, self.epoch(), new.name).await?;
            let Some(present) = present else {
                let inserted =
                    entry_store::write(client, holder, new.name, moved, attributes.clone(), Conditions::DKEY_INSERT)
                        .await;
                match inserted {
                    // It came between the two steps.
                    Err(error) if error.errno == libc::EEXIST => continue,
                    result => return result.map(|()| None),
                }
            };
            if self.clear_if_remainder(client, new.directory, new.name, &present).await? {
                continue;
            }
            self.check_replaceable(client, new, moved, &present, replace).await?;
            self.clear_origin(client, &present).await?;
            return self.overwrite(client, new, moved, attributes, present).await.map(Some);
        }
        fail!(libc::EAGAIN, "{} comes and goes: {ATTEMPTS_MAX} attempts failed", quoted(&new.name));
    }

    /// The rules of `rename(2)` for an entry that is to be replaced.
    async fn check_replaceable(
        &self,
        client: &Client,
        new: &End<'_>,
        moved: &StoredEntry,
        present: &StoredEntry,
        replace: Replace,
    ) -> Result<()> {
        let name = quoted(&new.name);
        if replace == Replace::Never {
            fail!(libc::EEXIST, "{name}");
        }
        match (moved.inode.is_directory(), present.inode.is_directory()) {
            (true, false) => fail!(libc::ENOTDIR, "{name}"),
            (false, true) => fail!(libc::EISDIR, "{name}"),
            (true, true) => {
                let directory = node::child(self, new.directory.clone(), new.name, present)?;
                self.check_empty(client, &directory).await
            }
            (false, false) => Ok(()),
        }
    }

    /// Replaces an entry in one write. Extended attributes that only the old one had go afterwards.
    async fn overwrite(
        &self,
        client: &Client,
        new: &End<'_>,
        moved: &StoredEntry,
        attributes: Vec<(Key, Vec<u8>)>,
        present: StoredEntry,
    ) -> Result<StoredEntry> {
        let holder = new.directory.object();
        let mut stale = entry_store::other_akeys(client, holder, self.epoch(), new.name, moved).await?;
        stale.retain(|akey| attributes.iter().all(|(kept, _)| kept != akey));
        entry_store::write(client, holder, new.name, moved, attributes, Conditions::NONE).await?;
        if !stale.is_empty() {
            let punched = holder.punch_akeys(client, Conditions::NONE, Key::new(new.name)?, stale).await;
            ignore_missing(punched.map_err(Into::into))?;
        }
        Ok(present)
    }

    /// Exchanges two entries. It is made of three moves, each of which happens at one instant: whatever ends the process
    /// between them leaves both, one of them perhaps under a name of its own that begins with `.exchange-`.
    pub async fn exchange(
        &self,
        client: &Client,
        (parent, name): (&Node, &[u8]),
        (other_parent, other_name): (&Node, &[u8]),
    ) -> Result<()> {
        check_name(name)?;
        check_name(other_name)?;
        self.check_writable()?;
        let first = End { directory: parent.directory()?, name };
        let second = End { directory: other_parent.directory()?, name: other_name };
        for (end, other) in [(&first, &second), (&second, &first)] {
            let Some(entry) = self.find(client, end.directory, end.name).await? else {
                fail!(libc::ENOENT, "{}", quoted(&end.name));
            };
            if entry.inode.is_directory() && other.directory.is_within(entry.inode.id) {
                fail!(libc::EINVAL, "a directory cannot be exchanged with what is in it");
            }
        }
        if first.place() == second.place() {
            return Ok(());
        }
        let aside = format!(".exchange-{:016x}", client.env().random.next_u64());
        let aside = End { directory: first.directory, name: aside.as_bytes() };
        let how = || (Replace::Never, (None, &(|| false) as &dyn Fn() -> bool));
        self.move_entry(client, &first, &aside, how()).await?;
        self.move_entry(client, &second, &first, how()).await?;
        self.move_entry(client, &aside, &second, how()).await?;
        Ok(())
    }
}
