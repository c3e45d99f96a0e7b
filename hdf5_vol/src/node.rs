//! An object of a file: a group, a dataset or a committed datatype. Handles that lead to the same object share it.

use crate::ahead::Ahead;
use crate::daos::Object;
use crate::failure::{Failure, Minor, Result};
use crate::file::{self, File};
use crate::filtered::Filtered;
use crate::format::{AttributeRecord, Header, Kind, LinkRecord, LinkTarget, Token, key};
use crate::hdf5::{Identifier, RANK_MAX, library};
use crate::listing::Listing;
use crate::raw_files::RawPrefix;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

/// An open object.
pub struct Node {
    pub file: Rc<File>,
    pub token: Token,
    /// Its header, attributes and links.
    pub object: Rc<Object>,
    header: OnceCell<Header>,
    tracking: OnceCell<Tracking>,
    /// What was read of a dataset with its header.
    beside: RefCell<Option<Kept>>,
    /// A dataset's dimensions, when they differ from those of the header.
    pub dimensions: RefCell<Option<Vec<u64>>>,
    /// Where raw files of a dataset are, as long as it is open.
    pub raw_prefix: RefCell<Weak<RawPrefix>>,
    /// How often it was given dimensions.
    pub times_given: Cell<u64>,
    /// The chunks of a dataset with filters.
    pub filtered: RefCell<Option<Filtered>>,
    /// Counts changes of its attributes, so that an open one knows when it has to be read anew.
    pub attribute_changes: Cell<u64>,
    /// Attributes that were read before they were asked for, and how many were asked for one by one.
    pub attributes_ahead: RefCell<Ahead<AttributeRecord>>,
    pub attribute_misses: Cell<u32>,
    /// Links that were listed, and not followed since.
    pub links_ahead: RefCell<Ahead<LinkRecord>>,
    /// Counts changes of its links.
    pub link_changes: Cell<u64>,
    /// Names that were asked for by numbers: of links, and of attributes.
    pub listed_links: RefCell<Listing>,
    pub listed_attributes: RefCell<Listing>,
    /// No link leads to it any more; it goes when it is closed.
    is_doomed: Cell<bool>,
}

/// What lies beside a dataset's header and was read with it, as long as it is what the container has.
struct Kept {
    /// As they are stored; none when they are those of the header.
    dimensions: Option<Rc<[u8]>>,
    /// The first bytes of a small dataset's elements.
    bytes: Vec<u8>,
}

/// Room for a header, for dimensions, and for the elements of a small dataset: together what one reply holds without a transfer of its own.
const HEADER_ROOM: usize = 4 << 10;
const DIMENSIONS_ROOM: usize = 8 * RANK_MAX;
const BYTES_ROOM: usize = 8 << 10;

/// What is tracked: creation orders, and when an object was changed.
#[derive(Clone, Copy)]
pub struct Tracking {
    pub links: bool,
    pub attributes: bool,
    pub times: bool,
}

/// `H5P_CRT_ORDER_TRACKED`.
const TRACKED: u32 = 1;
/// Lists of creation that are remembered with what they say.
const TRACKINGS_MAX: usize = 64;

/// What a list of creation says of it, which is the same for most objects of a file. Its bytes say what kind of list it is.
fn tracking_in(list: &[u8], kind: Kind) -> Result<Tracking> {
    let mut tracking = Tracking { links: false, attributes: false, times: true };
    if list.is_empty() {
        return Ok(tracking);
    }
    // SAFETY: the bytes are what `H5Pencode2` has written.
    let list = Identifier::new(unsafe { library().list_decode(list.as_ptr().cast()) }, "property list")?;
    let mut flags = 0;
    // SAFETY: the number is ours.
    let result = unsafe { library().list_attribute_order(list.get(), &raw mut flags) };
    tracking.attributes = result >= 0 && flags & TRACKED != 0;
    // SAFETY: the flag is ours.
    unsafe { library().list_times(list.get(), &raw mut tracking.times) };
    if kind == Kind::Group {
        // SAFETY: the same.
        let result = unsafe { library().list_link_order(list.get(), &raw mut flags) };
        tracking.links = result >= 0 && flags & TRACKED != 0;
    }
    Ok(tracking)
}

impl Node {
    pub fn new(file: Rc<File>, token: Token, object: Rc<Object>) -> Self {
        Self {
            file,
            token,
            object,
            header: OnceCell::new(),
            tracking: OnceCell::new(),
            beside: RefCell::default(),
            dimensions: RefCell::default(),
            raw_prefix: RefCell::default(),
            times_given: Cell::new(0),
            filtered: RefCell::default(),
            attribute_changes: Cell::new(0),
            attributes_ahead: RefCell::default(),
            attribute_misses: Cell::new(0),
            links_ahead: RefCell::default(),
            link_changes: Cell::new(0),
            listed_links: RefCell::default(),
            listed_attributes: RefCell::default(),
            is_doomed: Cell::new(false),
        }
    }

    /// The header, read at the first use.
    pub fn header(&self) -> Result<&Header> {
        if let Some(header) = self.header.get() {
            return Ok(header);
        }
        let known = self.file.known().and_then(|known| known.header(self.token).cloned());
        if let Some(header) = known {
            return Ok(self.header.get_or_init(|| header));
        }
        let Some(bytes) = self.fetch_header()? else {
            let sentence =
                format!("object {} has no header: it was removed, or the file is damaged", self.token.number());
            return Err(Failure::new(Minor::NotFound, sentence));
        };
        let header = Header::decode(&bytes)?;
        if header.kind() != self.token.kind() {
            return Err(Failure::new(Minor::Damaged, "an object is of another kind than the link to it says"));
        }
        Ok(self.header.get_or_init(|| header))
    }

    /// The header's bytes. Of a dataset, what lies beside it comes with it.
    fn fetch_header(&self) -> Result<Option<Rc<[u8]>>> {
        let waiting = |akey| self.file.peek(&self.object, key::HEADER, akey);
        if let Some(bytes) = waiting(key::RECORD) {
            return Ok(Some(bytes));
        }
        // Other ranks may change it at any time.
        if self.token.kind() == Kind::Dataset && !self.file.is_shared() {
            let values = [(key::RECORD, HEADER_ROOM), (key::DIMENSIONS, DIMENSIONS_ROOM)];
            if let Some(found) = self.object.fetch_beside(key::HEADER, values, (key::BYTES, BYTES_ROOM))? {
                let [header, dimensions] = found.values.map(|value| value.map(Rc::from));
                if !self.file.has_waiting_bytes(&self.object) {
                    let dimensions = waiting(key::DIMENSIONS).or(dimensions);
                    *self.beside.borrow_mut() = Some(Kept { dimensions, bytes: found.bytes });
                }
                return Ok(header);
            }
        }
        self.file.get(&self.object, key::HEADER, key::RECORD)
    }

    /// A dataset's dimensions as they are stored; none when they are those of the header.
    pub fn stored_dimensions(&self) -> Result<Option<Rc<[u8]>>> {
        match self.beside.borrow().as_ref() {
            Some(kept) => Ok(kept.dimensions.clone()),
            None => self.file.get(&self.object, key::HEADER, key::DIMENSIONS),
        }
    }

    /// Calls a function with the first bytes of a small dataset, when they are known without asking.
    pub fn with_known_bytes<T>(&self, function: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        self.beside.borrow().as_ref().and_then(|kept| function(&kept.bytes))
    }

    /// Forgets what lies beside the header: it changes, or another program may have changed it.
    pub fn forget_beside(&self) {
        *self.beside.borrow_mut() = None;
    }

    /// Forgets all that other programs may have changed, so that it is read anew.
    pub fn refresh(&self) {
        *self.dimensions.borrow_mut() = None;
        self.forget_beside();
        self.know_attribute_change();
        self.know_link_change();
        if let Some(mut known) = self.file.known() {
            known.forget_links(self.token);
        }
    }

    /// Takes the header that another rank has written.
    pub fn know_header(&self, header: Header) {
        let _same = self.header.set(header);
    }

    /// The header, when it is known without asking.
    pub fn known_header(&self) -> Option<Vec<u8>> {
        self.header.get().map(Header::encode)
    }

    /// Takes the header from a copy of it. One that is no such header is not taken, and the header itself is asked for.
    pub fn learn_header(&self, copy: &[u8]) {
        if self.header.get().is_none()
            && let Ok(header) = Header::decode(copy)
            && header.kind() == self.token.kind()
        {
            let _first = self.header.set(header);
        }
    }

    /// Writes the header of an object that is just made.
    pub fn create_header(&self, header: &Header) -> Result<()> {
        self.file.put(&self.object, key::HEADER, key::RECORD, header.encode())?;
        self.file.fresh.borrow_mut().make(self.token);
        let _first = self.header.set(header.clone());
        Ok(())
    }

    /// Sends changed chunks of a dataset through its filters, and leaves them to be written.
    pub fn write_back_chunks(&self) -> Result<()> {
        let written = match self.filtered.borrow_mut().as_mut() {
            Some(filtered) if !self.is_doomed.get() => filtered.write_back(&self.file),
            _ => Ok(()),
        };
        written.inspect_err(|failure| self.file.note(failure))
    }

    /// The property list of its creation, as bytes; empty for the default.
    pub fn creation_list(&self) -> Result<&[u8]> {
        Ok(match self.header()? {
            Header::Group { list }
            | Header::Datatype { list, .. }
            | Header::Map { list, .. }
            | Header::Dataset { list, .. } => list,
        })
    }

    /// What of it is tracked.
    pub fn tracking(&self) -> Result<Tracking> {
        if let Some(tracking) = self.tracking.get() {
            return Ok(*tracking);
        }
        let list = self.creation_list()?;
        let known = self.file.trackings.borrow().get(list).copied();
        let tracking = match known {
            Some(tracking) => tracking,
            None => {
                let tracking = tracking_in(list, self.token.kind())?;
                let mut trackings = self.file.trackings.borrow_mut();
                if trackings.len() == TRACKINGS_MAX {
                    trackings.clear();
                }
                trackings.insert(list.into(), tracking);
                tracking
            }
        };
        Ok(*self.tracking.get_or_init(|| tracking))
    }

    /// When its header, attributes or links were changed last, in seconds since 1970; 0 where that is not tracked.
    pub fn changed(&self) -> Result<i64> {
        if !self.tracking()?.times {
            return Ok(0);
        }
        self.file.settle()?;
        self.object.changed()
    }

    /// How many hard links lead to it.
    pub fn references(&self) -> Result<u32> {
        let value = self.file.get(&self.object, key::HEADER, key::REFERENCES)?;
        let Some(value) = value else { return Ok(1) };
        let bytes = value.as_ref().try_into();
        bytes.map(u32::from_le_bytes).map_err(|_| Failure::new(Minor::Damaged, "a reference count is damaged"))
    }

    fn set_references(&self, count: u32) -> Result<()> {
        self.file.put(&self.object, key::HEADER, key::REFERENCES, count.to_le_bytes().to_vec())
    }

    /// Whether no link leads to it any more.
    pub fn is_doomed(&self) -> bool {
        self.is_doomed.get()
    }

    /// Says that no link leads to an object that is just made: without one it goes when it is closed.
    pub fn set_anonymous(&self) -> Result<()> {
        self.is_doomed.set(true);
        self.set_references(0)
    }

    /// Counts one more hard link.
    pub fn add_reference(&self) -> Result<()> {
        let count = self.references()?;
        self.is_doomed.set(false);
        self.set_references(count.saturating_add(1))
    }

    /// Counts one hard link less; without any, the object goes when it is closed.
    pub fn drop_reference(&self) -> Result<()> {
        let count = self.references()?.saturating_sub(1);
        if count == 0 {
            self.is_doomed.set(true);
        }
        self.set_references(count)
    }

    /// The group's kind, or an error for others.
    pub fn require_group(&self) -> Result<()> {
        if self.token.kind() == Kind::Group {
            return Ok(());
        }
        Err(Failure::new(Minor::BadType, "it is no group"))
    }

    /// Leaves the header for whoever opens the object again. That of a dataset is read with what lies beside it.
    fn leave_header(&self) {
        let is_kept = self.token.kind() != Kind::Dataset && !self.is_doomed.get();
        if let Some(header) = self.header.get().filter(|_| is_kept)
            && let Some(mut known) = self.file.known()
        {
            known.keep_header(self.token, header.clone());
        }
    }

    /// Removes the object with all its parts; what it alone has linked goes too.
    fn destroy(&self) -> Result<()> {
        if self.token.kind() == Kind::Group {
            for (name, link) in self.links()? {
                if let LinkTarget::Hard(token) = link.target {
                    // Removed at the end of the statement, when nothing else leads to it.
                    self.file
                        .node(token)?
                        .drop_reference()
                        .map_err(|failure| failure.while_doing(&String::from_utf8_lossy(&name)))?;
                }
            }
        }
        let record = self.header()?.encode();
        let committed = self.committed_datatypes()?;
        self.file.settle()?;
        // Before it goes: where removing it fails it may be gone.
        if let Some(mut known) = self.file.known() {
            known.forget_header(self.token);
            known.forget_links(self.token);
        }
        file::remove_parts(&self.file.mount, self.token.number(), &self.file.entry, &record)?;
        self.object.punch()?;
        committed.into_iter().try_for_each(|token| self.file.leave_committed(Some(token)))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.file.forget(self.token);
        // Whoever closes a dataset has done so, and was told.
        let _told_before = self.write_back_chunks();
        self.leave_header();
        if self.is_doomed.get() && self.file.is_writable() {
            // What cannot be removed takes space until the file is removed, and nothing leads to it.
            let _leaked = self.destroy();
        }
    }
}
