//! Listing directories.

use super::lookup::{attributes_of, kind_of};
use super::{Kernel, failed};
use crate::directories::{Listed, Stream};
use crate::inodes::{Inode, What};
use daos_dfs::{DfsError, Result, Seen};
use fuser::{Generation, INodeNo, ReplyDirectory, ReplyDirectoryPlus};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Entries that are listed ahead at a time.
const LISTED_AT_A_TIME: u32 = 256;
/// What was found with a listing is told for at least so long, also where nothing is believed for any time: a listing takes that.
const FRESH_AT_LEAST: Duration = Duration::from_millis(200);
/// The entries `.` and `..` come before what is listed.
const DOTS: u64 = 2;

impl Kernel {
    /// Fills a reply with entries from an offset on.
    pub(super) fn read_directory(
        &self,
        number: u64,
        handle: u64,
        offset: u64,
        reply: &mut ReplyDirectory,
    ) -> Result<()> {
        self.each_entry(number, handle, offset, |_, listed, next| {
            let name = OsStr::from_bytes(&listed.name);
            Ok(reply.add(INodeNo(listed.number), next, kind_of(listed.kind), name))
        })
    }

    /// Fills a reply with entries from an offset on, each with what a lookup would tell.
    pub(super) fn read_directory_plus(
        &self,
        number: u64,
        handle: u64,
        offset: u64,
        reply: &mut ReplyDirectoryPlus,
    ) -> Result<()> {
        self.each_entry(number, handle, offset, |inode, listed, next| {
            let name = OsStr::from_bytes(&listed.name);
            if let b"." | b".." = &listed.name[..] {
                let attributes = self.status(number)?.0;
                return Ok(reply.add(
                    INodeNo(listed.number),
                    next,
                    name,
                    &Default::default(),
                    &attributes,
                    Generation(0),
                ));
            }
            let What::Entry(entry) = &inode.what else {
                // The kernel takes a number of zero for "look it up when it is needed".
                let attributes = self.place_attributes(listed.number);
                return Ok(reply.add(INodeNo(0), next, name, &Default::default(), &attributes, Generation(0)));
            };
            let now = self.env.clock.monotonic();
            let fresh = now.saturating_sub(listed.at.0) <= entry.volume.caching.attributes.max(FRESH_AT_LEAST);
            let (seen, changes) = match listed.seen.take().filter(|_| fresh) {
                Some(seen) => (seen, listed.at.1),
                // A program has come back to this offset, or has taken its time.
                None => {
                    let (volume, node, name) = (entry.volume.clone(), entry.node(), listed.name.clone());
                    let changes = volume.changes.load(Ordering::SeqCst);
                    let seen =
                        self.run(move |client| async move { volume.file_system.see(&client, &node, &name).await });
                    match seen {
                        Ok(seen) => (seen, changes),
                        Err(error) if error.errno == libc::ENOENT => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
            };
            let (status, again) = (seen.status, seen.clone());
            if status.is_directory() && self.inodes.by_object(entry.volume.index, status.id).is_none() {
                // It may be a link to another container, which a lookup finds out.
                let attributes = attributes_of(listed.number, &status);
                listed.seen = Some(again);
                let full = reply.add(INodeNo(0), next, name, &Default::default(), &attributes, Generation(0));
                return Ok(full);
            }
            let told = self.tell(&entry.volume, number, seen, changes);
            let time = told.attribute_time.min(told.entry_time);
            let full = reply.add(INodeNo(told.inode.number), next, name, &time, &told.attributes, Generation(0));
            if full {
                // What did not fit is told again by the next request.
                self.inodes.forget(told.inode.number, 1);
                listed.seen = Some(again);
            }
            Ok(full)
        })
    }

    /// Gives the entries from an offset on to `visit`, each with the offset behind it, until that says that it is full.
    fn each_entry(
        &self,
        number: u64,
        handle: u64,
        offset: u64,
        mut visit: impl FnMut(&Inode, &mut Listed, u64) -> Result<bool>,
    ) -> Result<()> {
        let inode = self.inodes.get(number)?;
        let stream = self.directories.get(handle)?;
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        if offset == 0 {
            *stream = Stream::default();
        }
        for (at, name) in [&b"."[..], b".."].into_iter().enumerate().skip(offset.min(DOTS) as usize) {
            let up = inode.entry().map_or(number, |entry| entry.state().parent);
            let shown = if at == 0 { number } else { up };
            let mut dot =
                Listed { name: name.to_vec(), number: shown, kind: libc::S_IFDIR, seen: None, at: Default::default() };
            if visit(&inode, &mut dot, at as u64 + 1)? {
                return Ok(());
            }
        }
        let first = usize::try_from(offset.saturating_sub(DOTS)).unwrap_or(usize::MAX);
        let (mut index, mut is_given) = (first, false);
        loop {
            let goes_on = match stream.listed.get_mut(index) {
                Some(listed) => {
                    index += 1;
                    visit(&inode, listed, index as u64 + DOTS).map(|full| !full)
                }
                None => self.list_more(&inode, &mut stream),
            };
            match goes_on {
                Ok(true) => is_given |= index > first,
                Ok(false) => return Ok(()),
                // The kernel must hear of the entries before, to which it has references now: the next request fails again.
                Err(_) if is_given => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lists on; whether anything was left to list.
    fn list_more(&self, inode: &Inode, stream: &mut Stream) -> Result<bool> {
        if stream.listing.is_at_end() {
            return Ok(false);
        }
        match &inode.what {
            // There are pools that a user may not see; they are entered by name.
            What::System => failed(libc::ENOTSUP, "pools cannot be listed; enter one by its label or UUID"),
            What::Pool(pool) => {
                let pool = pool.clone();
                let found = self.run(move |client| async move { pool.list_containers(&client).await })?;
                stream.listing.anchor.end = true;
                stream.extend(found.into_iter().map(|found| {
                    let number = found.id.0.as_u128() as u64 | 1;
                    let name = if found.label.is_empty() { found.id.to_string() } else { found.label };
                    Listed { name: name.into_bytes(), number, kind: libc::S_IFDIR, seen: None, at: Default::default() }
                }))?;
                Ok(true)
            }
            What::Entry(entry) => {
                // Should it fail, the next attempt goes on where this one did.
                let (node, mut listing) = (entry.node(), stream.listing.clone());
                let at = (self.env.clock.monotonic(), entry.volume.changes.load(Ordering::SeqCst));
                let (found, listing) = self.run(move |client| async move {
                    let found = node.list_seen(&client, &mut listing, LISTED_AT_A_TIME).await?;
                    Ok::<_, DfsError>((found, listing))
                })?;
                stream.listing = listing;
                let listed = found.into_iter().map(|(name, seen)| self.listed(entry.volume.index, name, (seen, at)));
                let listed: Vec<Listed> = listed.collect();
                stream.extend(listed)?;
                Ok(true)
            }
        }
    }

    fn listed(&self, volume: u32, name: Vec<u8>, (seen, at): (Seen, (Duration, u64))) -> Listed {
        let known = self.inodes.by_object(volume, seen.status.id);
        let number = known.map_or_else(|| seen.status.number(), |inode: Arc<Inode>| inode.number);
        Listed { name, number, kind: seen.status.mode & libc::S_IFMT, seen: Some(seen), at }
    }
}
