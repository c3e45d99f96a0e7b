//! Removing files, and what objects have.

use super::{BATCH_MAX, File, all_open, connect, find_open, heap_upper, open_files, read_entry};
use crate::daos::{Mount, Object, ObjectId, fetch_each, punch_each};
use crate::failure::{Failure, Minor, Result};
use crate::format::{FileEntry, Header, key};
use crate::name::Name;
use std::rc::Rc;

/// Headers that are asked for at a time, which are open objects meanwhile, and room for most of them.
const HEADERS_MAX: usize = 256;
const HEADER_ROOM: usize = 4 << 10;

impl File {
    /// Removes a file with all that is in it.
    pub fn delete(name: &Name) -> Result<()> {
        let mount = connect(name, true)?;
        let entry = read_entry(&mount, &name.path)?;
        if find_open(&entry, 0, false, |_| true).is_some() {
            return Err(Failure::new(Minor::CannotOpenFile, format!("{} is open in this program", name.path)));
        }
        mount.remove(&name.path)?;
        remove_objects(&mount, &entry)
    }

    /// Refuses another file the name of this one, while the program uses it. A handle of a file of which nothing else is open is taken for one that
    /// the program has forgotten: it stays good for what is there, and is of no use for changes any more.
    pub(super) fn require_unused(&self, path: &str) -> Result<()> {
        let has_objects = self.handles.borrow().len() > self.openings.borrow().len();
        let has_mounts = self.is_mounted() || !self.mounted().is_empty();
        if self.is_programs() && !has_objects && !has_mounts && self.sharing.get() == 0 {
            return Ok(());
        }
        let sentence = format!("{path} is open in this program, with objects in it, and cannot be replaced");
        Err(Failure::new(Minor::CannotOpenFile, sentence))
    }

    /// Tells files that are open by the name of this one, and are no more what it stands for. One of a snapshot takes nobody's name.
    pub fn take_name(&self) {
        if self.mount.snapshot().epoch() != 0 {
            return;
        }
        let is_old = |file: &File| {
            let (old, new) = (&file.entry, &self.entry);
            old.container == new.container && old.file == new.file && old.root != new.root
        };
        for file in open_files(is_old) {
            file.is_replaced.set(true);
        }
    }

    /// Removes what another file of its name has left, when this was the last that was open of it. Nobody is left to be told of an error: the
    /// objects take up space then.
    pub(super) fn remove_replaced(&self) {
        if let Some(mount) = self.remover.take()
            && all_open(&self.entry).is_empty()
        {
            let _untold = remove_objects(&mount, &self.entry);
        }
    }
}

/// Removes all objects of a file whose name stands for another one, or has whoever closes it last here do so.
pub(super) fn remove_when_closed(mount: &Rc<Mount>, entry: &FileEntry) -> Result<()> {
    let open = all_open(entry);
    for file in &open {
        *file.remover.borrow_mut() = Some(Rc::clone(mount));
    }
    if open.is_empty() { remove_objects(mount, entry) } else { Ok(()) }
}

/// Removes all objects of a file whose name is gone or stands for another file.
fn remove_objects(mount: &Rc<Mount>, entry: &FileEntry) -> Result<()> {
    let open = |number: u64, high: u64| Object::open(mount, ObjectId { low: number, high });
    let root = open(entry.root.number(), entry.header_upper)?;
    for first in root.akeys(key::NUMBERS)? {
        let count = root.fetch(key::NUMBERS, &first)?;
        let numbers = first.as_slice().try_into().ok().zip(count.and_then(|count| count.as_slice().try_into().ok()));
        let Some((first, count)) = numbers else { continue };
        let first = u64::from_le_bytes(first);
        let end = first.saturating_add(u64::from_le_bytes(count).min(BATCH_MAX));
        let numbers: Vec<u64> = (first..end).filter(|number| *number != entry.root.number()).collect();
        for numbers in numbers.chunks(HEADERS_MAX) {
            remove_numbers(mount, entry, numbers)?;
        }
    }
    forgive(open(entry.root.number(), heap_upper(entry))?.punch())?;
    forgive(open(entry.root.number(), entry.order_upper)?.punch())?;
    forgive(root.punch())
}

/// Removes the objects with these numbers. Most may have been taken by none.
fn remove_numbers(mount: &Rc<Mount>, entry: &FileEntry, numbers: &[u64]) -> Result<()> {
    let open = |number: &u64| Object::open(mount, ObjectId { low: *number, high: entry.header_upper });
    let headers = numbers.iter().map(open).collect::<Result<Vec<_>>>()?;
    let places: Vec<_> = headers.iter().map(|header| (header, key::HEADER)).collect();
    let records = fetch_each(&places, key::RECORD, HEADER_ROOM)?;
    let (mut parts, mut taken) = (Vec::new(), Vec::new());
    for ((number, header), record) in numbers.iter().zip(headers).zip(records) {
        let Some(record) = record else { continue };
        if let Some(id) = part_of(*number, entry, &record) {
            parts.push(Object::open(mount, id)?);
        }
        taken.push(header);
    }
    // Headers go last: without them nobody finds the rest.
    punch_each(&parts)?;
    punch_each(&taken)
}

/// The object that one has besides that of its header.
fn part_of(number: u64, entry: &FileEntry, record: &[u8]) -> Option<ObjectId> {
    let high = match Header::decode(record) {
        Ok(Header::Dataset { data_upper, .. } | Header::Map { data_upper, .. }) => data_upper,
        Ok(Header::Group { .. }) => entry.order_upper,
        _ => return None,
    };
    Some(ObjectId { low: number, high })
}

/// Removes what an object has besides its header.
pub fn remove_parts(mount: &Rc<Mount>, number: u64, entry: &FileEntry, record: &[u8]) -> Result<()> {
    part_of(number, entry, record).map_or(Ok(()), |id| forgive(Object::open(mount, id)?.punch()))
}

/// What is not there needs no removing.
fn forgive(result: Result<()>) -> Result<()> {
    match result {
        Err(failure) if failure.minor == Minor::NotFound => Ok(()),
        other => other,
    }
}
