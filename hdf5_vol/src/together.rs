//! Files that the ranks of an MPI program have open together.
//!
//! HDF5 asks that all ranks make the same calls where a file's structure changes. So one of them does it, waits until it is written, and tells the
//! others what came of it: they neither ask the engine nor find out by themselves. A rank that opens something later asks the engine, which has
//! it. Nothing changes before all have made the call: what a rank sees before it does not depend on how fast the others are. Nor does anything
//! change when one of them cannot take its part, which it tells the others instead of leaving them to wait.
//!
//! With independent metadata each rank changes what it likes, and waits until it is written; nobody is told.
//!
//! Nothing stays unwritten in any rank when a call returns: elements, too, are where all others find them.

use crate::daos::Mount;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{ENTRY_SIZE, FileEntry, Header, Token};
use crate::fresh::Fresh;
use crate::guard;
use crate::handle::Located;
use crate::node::Node;
use crate::ranks::Ranks;
use std::rc::Rc;

/// Bytes of what [`tell`] writes before the path.
const TOLD: usize = Token::SIZE + 4;

/// An object that is just made, for the other ranks: token, path and header.
///
/// ```text
///  8     token
///  4  n  path, and one byte more than it has; nothing for none
///  n     header
/// ```
pub fn tell(located: &Located) -> Result<Vec<u8>> {
    let mut told = located.node.token.bits().to_le_bytes().to_vec();
    let path = located.path.as_ref().map_or(0, |path| path.len() + 1);
    let path = u32::try_from(path).map_err(|_| Failure::new(Minor::BadValue, "a path is too long"))?;
    told.extend_from_slice(&path.to_le_bytes());
    told.extend_from_slice(located.path.as_deref().unwrap_or_default());
    told.extend_from_slice(&located.node.header()?.encode());
    Ok(told)
}

/// The object that another rank tells of.
pub fn hear(file: &Rc<File>, told: &[u8]) -> Result<Located> {
    let damaged = || Failure::new(Minor::Internal, "another rank told something else");
    let (fixed, rest) = told.split_at_checked(TOLD).ok_or_else(damaged)?;
    let (token, length) = fixed.split_at(Token::SIZE);
    let token = u64::from_le_bytes(token.try_into().map_err(|_| damaged())?);
    let length = u32::from_le_bytes(length.try_into().map_err(|_| damaged())?) as usize;
    let (path, header) = rest.split_at_checked(length.saturating_sub(1)).ok_or_else(damaged)?;
    let node = file.node(Token::from_bits(token)?)?;
    node.know_header(Header::decode(header)?);
    Ok(Located { path: (length > 0).then(|| path.to_vec()), ..Located::nowhere(node) })
}

impl File {
    /// The ranks that have it open together.
    pub fn ranks(&self) -> Option<&Ranks> {
        self.ranks.get()
    }

    /// Whether other ranks may change it, so that nothing of it may be kept here that is not known to stay.
    pub fn is_shared(&self) -> bool {
        self.ranks.get().is_some() && self.is_writable()
    }

    /// Refuses to change another file behind a link while ranks change this one together: they do not know of it.
    pub fn require_own(&self, node: &Node) -> Result<()> {
        self.require_same(&node.file)
    }

    /// The same, by the file that is changed too.
    pub fn require_same(&self, other: &Self) -> Result<()> {
        if self.ranks().is_none() || std::ptr::eq(self, other) {
            return Ok(());
        }
        Err(Failure::not_yet("changing another file together with one that several ranks have open, as behind a link"))
    }

    /// Whether each rank changes its metadata as it likes.
    pub fn is_independent(&self) -> bool {
        self.ranks.get().is_some_and(Ranks::is_independent)
    }

    /// Changes something for all ranks: `change` runs on one of them, what it gives is told by `tell`, and the others make of it what `hear` gives.
    /// An error is one on all.
    pub fn together<T>(
        &self,
        change: impl FnOnce() -> Result<T>,
        tell: impl FnOnce(&T) -> Result<Vec<u8>>,
        hear: impl FnOnce(&[u8]) -> Result<T>,
    ) -> Result<T> {
        self.together_with(|| Ok(()), |()| change(), tell, |(), told| hear(told))
    }

    /// The same with what each rank finds out by itself before. A rank that fails to do so still takes part: nobody waits for it, and nothing changes.
    pub fn together_with<P, T>(
        &self,
        prepare: impl FnOnce() -> Result<P>,
        change: impl FnOnce(&P) -> Result<T>,
        tell: impl FnOnce(&T) -> Result<Vec<u8>>,
        hear: impl FnOnce(&P, &[u8]) -> Result<T>,
    ) -> Result<T> {
        let Some(ranks) = self.ranks.get() else { return change(&prepare()?) };
        if ranks.is_independent() {
            let changed = change(&prepare()?)?;
            return self.write_through().map(|()| changed);
        }
        let prepared = guard::caught(prepare).map_err(stay);
        // What the others look at before they make this call is not changed under their eyes.
        ranks.agree(prepared.as_ref().map(drop).map_err(Clone::clone))?;
        let prepared = prepared?;
        if !ranks.is_leader() {
            return hear(&prepared, &ranks.share(None)?);
        }
        let changed = guard::caught(|| {
            let changed = change(&prepared)?;
            self.write_through()?;
            let told = tell(&changed)?;
            Ok((changed, told))
        });
        let changed = changed.map_err(stay);
        ranks.share(Some(changed.as_ref().map(|(_, told)| told.as_slice())))?;
        changed.map(|(changed, _)| changed)
    }

    /// The same for what gives nothing.
    pub fn together_plainly(&self, change: impl FnOnce() -> Result<()>) -> Result<()> {
        self.together(change, |()| Ok(Vec::new()), |_| Ok(()))
    }

    /// In a file that others have open, too: writes all that was left to be written, and gives its error to whom it belongs.
    pub fn write_through(&self) -> Result<()> {
        if self.is_shared() { self.settle_now() } else { Ok(()) }
    }

    /// Ends what this rank does with the file: it has written all, and no other one has failed to.
    pub fn flush_together(&self) -> Result<()> {
        // A forked process is none of the ranks, and has written nothing.
        if self.mount.is_inherited() {
            return Ok(());
        }
        let flushed = guard::caught(|| self.flush());
        match self.ranks.get() {
            Some(ranks) => ranks.agree(flushed),
            None => flushed,
        }
    }

    /// Opens or makes a file on all ranks: one of them connects and does it, and the others take over its connection. `alone` does it.
    pub fn begin_together(
        ranks: Ranks,
        text: &str,
        is_writable: bool,
        alone: impl FnOnce() -> Result<Rc<Self>>,
    ) -> Result<Rc<Self>> {
        crate::ranks::sweep();
        ranks.require_same_metadata()?;
        let begun = if ranks.is_leader() {
            let begun = guard::caught(|| {
                let file = alone()?;
                let told = [&file.entry.encode()[..], &file.mount.to_bytes()?].concat();
                Ok((file, told))
            });
            let told = ranks.share(Some(begun.as_ref().map(|(_, told)| told.as_slice())));
            told.and(begun).map(|(file, _)| file)
        } else {
            ranks.share(None).and_then(|told| guard::caught(|| Self::take_over(text, is_writable, &told)))
        };
        ranks.agree(begun.as_ref().map(drop).map_err(Clone::clone))?;
        let file = begun?;
        file.take_name();
        // Where all ranks have it open together already, it stays one file.
        let known = file.find_same(&ranks);
        if ranks.all(known.is_some())?
            && let Some(known) = known
        {
            return Ok(known);
        }
        if ranks.is_independent() {
            *file.fresh.borrow_mut() = Fresh::ignorant();
        }
        let _only = file.ranks.set(ranks);
        Ok(file)
    }

    fn take_over(text: &str, is_writable: bool, told: &[u8]) -> Result<Rc<Self>> {
        let damaged = || Failure::new(Minor::Internal, "another rank told something else");
        let (entry, mount) = told.split_at_checked(ENTRY_SIZE).ok_or_else(damaged)?;
        let entry = FileEntry::decode_anywhere(entry)?;
        let mount = Mount::from_bytes(mount, entry.container, is_writable)?;
        Ok(Self::from_mount(Rc::new(mount), text, entry))
    }
}

/// A change that a link leads elsewhere does not go on there: one rank would make it while the others are told of an error, or all at the same time.
fn stay(failure: Failure) -> Failure {
    if failure.detour.is_none() {
        return failure;
    }
    Failure::not_yet("changing a file that is in no container behind a link of a file that several ranks have open")
}

/// Does something about a name on one rank, and tells the others what came of it.
pub fn once<T>(
    ranks: Option<&Ranks>,
    act: impl FnOnce() -> Result<T>,
    tell: impl FnOnce(&T) -> Vec<u8>,
    hear: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    let Some(ranks) = ranks else { return act() };
    ranks.wait()?;
    if !ranks.is_leader() {
        return ranks.share(None).map(|told| hear(&told));
    }
    let done = guard::caught(act);
    let told = done.as_ref().map(tell);
    ranks.share(Some(told.as_ref().map(Vec::as_slice).map_err(|failure| *failure)))?;
    done
}
