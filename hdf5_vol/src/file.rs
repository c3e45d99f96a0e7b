//! An open file: the connection to its container, its objects, and what is not written yet.

use crate::along::Along;
use crate::callbacks::default_list;
use crate::daos::{self, Background, Direction, Missing, Mount, Object, ObjectId, Operation, Request, Transfers};
use crate::failure::{Failure, Minor, Result};
use crate::filters::Scratch;
use crate::format::{ENTRY_SIZE, FileEntry, Kind, Token, key, part};
use crate::fresh::Fresh;
use crate::handle::{Handle, Maker, Opening};
use crate::hdf5::{Hid, Identifier, Variable, library};
use crate::heap::Heap;
use crate::information::Information;
use crate::known::Known;
use crate::locking::Locking;
use crate::mounts::Mounts;
use crate::mpi;
use crate::name::Name;
use crate::node::{Node, Tracking};
use crate::queue::Queue;
use crate::ranks::Ranks;
use crate::removed::Removed;
use crate::serial::Serial;
use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{c_uint, c_void};
use std::ops::Range;
use std::rc::{Rc, Weak};

/// Object numbers are reserved this many at a time at first, and twice as many each time up to the most.
const BATCH_MIN: u64 = 32;
const BATCH_MAX: u64 = 4096;

/// An open file. Handles of HDF5 share it.
pub struct File {
    pub mount: Rc<Mount>,
    /// The name that the program gave.
    pub name: String,
    pub entry: FileEntry,
    queue: RefCell<Queue>,
    transfers: RefCell<Transfers>,
    background: RefCell<Background>,
    numbers: RefCell<Range<u64>>,
    batch: Cell<u64>,
    objects: RefCell<HashMap<ObjectId, Weak<Object>>>,
    nodes: RefCell<HashMap<Token, Weak<Node>>>,
    /// Next numbers in creation order, of the groups that track it and the objects with attributes.
    pub orders: RefCell<HashMap<(Token, bool), u64>>,
    pub heap: RefCell<Heap>,
    /// Names of objects that were made since the file was opened.
    pub fresh: RefCell<Fresh>,
    known: RefCell<Known>,
    /// Names of links that are gone since then.
    pub removed: RefCell<Removed>,
    /// What lists of creation say, by their bytes.
    pub trackings: RefCell<HashMap<Box<[u8]>, Tracking>>,
    /// Whether attributes of the file may be of committed datatypes, when that is known.
    pub shared_attributes: Cell<Option<bool>>,
    /// Datasets with chunks that have changed and have not gone through their filters.
    pub dirty: RefCell<HashSet<Token>>,
    scratch: OnceCell<Scratch>,
    pub mounts: Mounts,
    /// What was written through its virtual datasets.
    pub along: Along,
    /// Addresses of the handles that HDF5 has, to find those of this file among all.
    pub handles: RefCell<HashSet<usize>>,
    /// Those of them whose close has failed.
    pub refused: RefCell<HashSet<usize>>,
    /// Whether one program writes while others read, as HDF5 calls it.
    pub sharing: Cell<c_uint>,
    /// How many handles it has had, and those of them that are open, by their numbers.
    opened: Cell<u64>,
    pub openings: RefCell<BTreeMap<u64, Opening>>,
    /// Whether anything of it was changed here, since the program has closed its last handle of it if it had one.
    is_changed: Cell<bool>,
    /// What the program says besides its name, but for a snapshot.
    pub information: OnceCell<Information>,
    /// The class of objects of datasets that the program wants; zero for that of the file.
    pub class: Cell<u32>,
    /// The list of properties with which it was opened first, without a communicator.
    pub access: OnceCell<Identifier>,
    /// What HDF5 takes for the file where it stores values of variable length.
    anchor: OnceCell<Box<Handle>>,
    /// The ranks that have it open together; `together` does what they do so.
    pub ranks: OnceCell<Ranks>,
}

/// Files that are open, so that two names of one file see each other's changes.
static OPEN: Serial<RefCell<Vec<Weak<File>>>> = Serial::new(RefCell::new(Vec::new()));

fn connect(name: &Name, is_writable: bool) -> Result<Rc<Mount>> {
    Mount::open(name.address(), is_writable).map(Rc::new)
}

impl File {
    /// Opens a file that is there.
    pub fn open(name: &Name, text: &str, is_writable: bool) -> Result<Rc<Self>> {
        let mount = connect(name, is_writable)?;
        let entry = read_entry(&mount, &name.path)?;
        let is_alone = |file: &Self| file.ranks.get().is_none();
        match find_open(&entry, mount.snapshot().epoch(), is_writable, is_alone) {
            Some(file) => Ok(file),
            None => Ok(Self::from_mount(mount, text, entry)),
        }
    }

    /// The same, for several ranks: one that is open already stays as it is.
    pub fn open_anew(name: &Name, text: &str, is_writable: bool) -> Result<Rc<Self>> {
        let mount = connect(name, is_writable)?;
        let entry = read_entry(&mount, &name.path)?;
        Ok(Self::from_mount(mount, text, entry))
    }

    /// A file of which all is known.
    pub fn from_mount(mount: Rc<Mount>, text: &str, entry: FileEntry) -> Rc<Self> {
        Self::new(mount, text, entry, 0..0, BATCH_MIN)
    }

    /// One that these ranks have open together already, and that is the same.
    pub fn find_same(&self, ranks: &Ranks) -> Option<Rc<Self>> {
        let is_same = |file: &Self| file.ranks.get().is_some_and(|others| others.are(ranks));
        find_open(&self.entry, self.mount.snapshot().epoch(), self.is_writable(), is_same)
    }

    /// Makes a file, or makes an empty one of one that is there when that is wanted. Gives it with its root group written.
    /// A class of its objects may be chosen; zero is none.
    pub fn create(name: &Name, text: &str, replace: bool, list: Vec<u8>, class: u32) -> Result<Rc<Self>> {
        let mount = connect(name, true)?;
        let (entry, old) = match mount.create(&name.path) {
            Ok(entry) => (entry, None),
            Err(failure) if failure.minor == Minor::Exists && replace => {
                let old = replaceable(&mount, &name.path)?;
                if old.as_ref().is_some_and(|old| find_open(old, 0, false, |_| true).is_some()) {
                    let sentence = format!("{} is open in this program and cannot be replaced", name.path);
                    return Err(Failure::new(Minor::CannotOpenFile, sentence));
                }
                (mount.lookup(&name.path)?, old)
            }
            Err(failure) => return Err(failure),
        };
        let first = mount.allocate(BATCH_MIN)?;
        let file_entry = FileEntry {
            container: mount.uuid,
            file: entry.id()?,
            root: Token::new(first, Kind::Group)?,
            is_classed: class != 0,
            header_upper: mount.upper(part::HEADER, daos::object_type::HASHED, class, daos::SMALL_OBJECT)?,
            order_upper: mount.upper(part::ORDER, daos::object_type::NUMBERED, class, daos::SMALL_OBJECT)?,
        };
        let bytes = file_entry.encode();
        drop(entry);
        let file = Self::new(mount, text, file_entry, first + 1..first + BATCH_MIN, BATCH_MIN * 2);
        let root = file.root()?;
        file.record_numbers(first, BATCH_MIN)?;
        root.create_header(&crate::format::Header::Group { list })?;
        file.shared_attributes.set(Some(false));
        file.flush()?;
        // From here on the name stands for the new file.
        file.mount.lookup(&name.path)?.write(&bytes)?;
        if let Some(old) = old {
            remove_objects(&file.mount, &old)?;
        }
        Ok(file)
    }

    fn new(mount: Rc<Mount>, text: &str, entry: FileEntry, numbers: Range<u64>, batch: u64) -> Rc<Self> {
        let file = Rc::new(Self {
            mount,
            name: text.to_owned(),
            entry,
            queue: RefCell::default(),
            transfers: RefCell::new(Transfers::new()),
            background: RefCell::default(),
            numbers: RefCell::new(numbers),
            batch: Cell::new(batch),
            objects: RefCell::default(),
            nodes: RefCell::default(),
            orders: RefCell::default(),
            heap: RefCell::default(),
            fresh: RefCell::default(),
            known: RefCell::default(),
            removed: RefCell::default(),
            trackings: RefCell::default(),
            shared_attributes: Cell::new(None),
            dirty: RefCell::default(),
            scratch: OnceCell::new(),
            mounts: Mounts::default(),
            along: Along::default(),
            handles: RefCell::default(),
            refused: RefCell::default(),
            sharing: Cell::new(0),
            opened: Cell::new(0),
            openings: RefCell::default(),
            is_changed: Cell::new(false),
            information: OnceCell::new(),
            class: Cell::new(0),
            access: OnceCell::new(),
            anchor: OnceCell::new(),
            ranks: OnceCell::new(),
        });
        let mut open = OPEN.get().borrow_mut();
        open.retain(|file| file.strong_count() > 0);
        open.push(Rc::downgrade(&file));
        file
    }

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

    /// Whether a name stands for a file that can be opened; an error when that cannot be told.
    pub fn is_there(name: &Name) -> Result<bool> {
        match connect(name, false).and_then(|mount| read_entry(&mount, &name.path)) {
            Ok(_) => Ok(true),
            Err(failure) if matches!(failure.minor, Minor::NotFound | Minor::NotHdf5 | Minor::Damaged) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether an address is that of a handle of any open file.
    pub fn has_anywhere(handle: *const c_void) -> bool {
        let open = OPEN.get().borrow();
        open.iter().filter_map(Weak::upgrade).any(|file| file.handles.borrow().contains(&(handle as usize)))
    }

    pub fn is_writable(&self) -> bool {
        self.mount.is_writable()
    }

    pub fn require_writable(&self) -> Result<()> {
        if self.is_writable() {
            return Ok(());
        }
        Err(Failure::new(Minor::WriteError, format!("{} is open for reading only", self.name)))
    }

    /// A number for one more handle of the file.
    pub fn count_opening(&self) -> u64 {
        self.opened.set(self.opened.get() + 1);
        self.opened.get()
    }

    /// Whether the program has opened it and not closed it again.
    fn is_programs(&self) -> bool {
        self.openings.borrow().values().any(|opening| opening.maker == Maker::Program)
    }

    /// The program has closed one of its handles. After the last one the file may have another writer, while it is open here behind a link.
    pub fn leave(&self) {
        if self.is_programs() {
            return;
        }
        self.is_changed.set(false);
        *self.known.borrow_mut() = Known::default();
        self.fresh.borrow_mut().forget();
        self.orders.borrow_mut().clear();
        self.shared_attributes.set(None);
    }

    /// Keeps the list of properties with which it is opened, unless it is open already. Of one with a communicator it is a default one that says the
    /// same of locking: to copy a communicator all its ranks would have to make the call.
    pub fn know_access(&self, list: Hid) -> Result<()> {
        if self.information.get().is_none() {
            let _first = self.information.set(Information { snapshot: None, ..Information::of(list)? });
        }
        if self.access.get().is_some() {
            return Ok(());
        }
        // SAFETY: takes no pointer.
        let has_communicator = Some(unsafe { library().list_driver(list) }) == mpi::driver();
        let kept = if has_communicator {
            let plain = default_list(Variable::FILE_ACCESS)?;
            Locking::of(list)?.set(plain.get())?;
            plain
        } else {
            // SAFETY: the same.
            Identifier::new(unsafe { library().list_copy(list) }, "copy of a property list")?
        };
        let _first = self.access.set(kept);
        Ok(())
    }

    /// A copy of the list that is kept.
    pub fn access_list(&self) -> Result<Identifier> {
        let Some(list) = self.access.get() else { return default_list(Variable::FILE_ACCESS) };
        // SAFETY: takes no pointer.
        Identifier::new(unsafe { library().list_copy(list.get()) }, "copy of a property list")
    }

    /// The root group.
    pub fn root(self: &Rc<Self>) -> Result<Rc<Node>> {
        self.node(self.entry.root)
    }

    /// An object of the file.
    pub fn node(self: &Rc<Self>, token: Token) -> Result<Rc<Node>> {
        if let Some(node) = self.nodes.borrow().get(&token).and_then(Weak::upgrade) {
            return Ok(node);
        }
        let object = self.object(token, self.entry.header_upper)?;
        let node = Rc::new(Node::new(Rc::clone(self), token, object));
        self.nodes.borrow_mut().insert(token, Rc::downgrade(&node));
        Ok(node)
    }

    /// The header of an object that is open and whose header is known.
    pub fn known_header(&self, token: Token) -> Option<Vec<u8>> {
        let node = self.nodes.borrow().get(&token).and_then(Weak::upgrade);
        node.and_then(|node| node.known_header())
    }

    /// Links and headers that are known without asking; none where others may change the file, and none after a change was lost: it may be any of
    /// them. A file that is open for an external link or as that of a source is writable when the file that leads to it is; it may have another
    /// writer until it is changed here. So may one that the program has closed and that is open behind a link.
    pub fn known(&self) -> Option<RefMut<'_, Known>> {
        let is_writer = self.is_writable() && (self.is_changed.get() || self.is_programs());
        if !is_writer || self.is_shared() || self.sharing.get() != 0 {
            return None;
        }
        let mut known = self.known.borrow_mut();
        if self.queue.borrow().outcome().is_err() {
            *known = Known::default();
            return None;
        }
        Some(known)
    }

    /// Forgets a node that is dropped.
    pub fn forget(&self, token: Token) {
        if let Ok(mut nodes) = self.nodes.try_borrow_mut() {
            nodes.remove(&token);
        }
    }

    /// A part of an object, by the upper half of its id.
    pub fn object(&self, token: Token, upper: u64) -> Result<Rc<Object>> {
        let id = ObjectId { low: token.number(), high: upper };
        if let Some(object) = self.objects.borrow().get(&id).and_then(Weak::upgrade) {
            return Ok(object);
        }
        let object = Rc::new(Object::open(&self.mount, id)?);
        let mut objects = self.objects.borrow_mut();
        objects.insert(id, Rc::downgrade(&object));
        // Entries of closed objects are swept out when they are the most.
        if objects.len() >= SWEEP_MIN && objects.len().is_power_of_two() {
            objects.retain(|_, object| object.strong_count() > 0);
        }
        Ok(object)
    }

    /// The object with the links of a group by creation order.
    pub fn order_object(&self, token: Token) -> Result<Rc<Object>> {
        self.object(token, self.entry.order_upper)
    }

    /// The object with values of variable length.
    pub fn heap_object(&self) -> Result<Rc<Object>> {
        self.object(self.entry.root, heap_upper(&self.entry))
    }

    /// A new object's token.
    pub fn new_token(self: &Rc<Self>, kind: Kind) -> Result<Token> {
        Token::new(self.new_number()?, kind)
    }

    /// A number that nothing else in the container has.
    pub fn new_number(self: &Rc<Self>) -> Result<u64> {
        if let Some(number) = self.numbers.borrow_mut().next() {
            return Ok(number);
        }
        let count = self.batch.get();
        let first = self.mount.allocate(count)?;
        // Written before any of the numbers is used, so that removing the file finds all its objects.
        self.record_numbers(first, count)?;
        self.batch.set((count * 2).min(BATCH_MAX));
        *self.numbers.borrow_mut() = first + 1..first + count;
        Ok(first)
    }

    fn record_numbers(self: &Rc<Self>, first: u64, count: u64) -> Result<()> {
        let root = self.object(self.entry.root, self.entry.header_upper)?;
        self.put(&root, key::NUMBERS, &first.to_le_bytes(), count.to_le_bytes().to_vec())
    }

    /// Leaves a value to be written.
    pub fn put(&self, object: &Rc<Object>, dkey: &[u8], akey: &[u8], value: Vec<u8>) -> Result<()> {
        self.require_writable()?;
        self.is_changed.set(true);
        self.queue.borrow_mut().put(object, dkey, akey, value)
    }

    /// A value that is not written yet.
    pub fn peek(&self, object: &Object, dkey: &[u8], akey: &[u8]) -> Option<Rc<[u8]>> {
        self.queue.borrow().peek(object.id, dkey, akey)
    }

    /// Whether any of an object's arrays of bytes is not written yet.
    pub fn has_waiting_bytes(&self, object: &Object) -> bool {
        self.queue.borrow().has_bytes(object.id)
    }

    /// A value, also one that is not written yet.
    pub fn get(&self, object: &Object, dkey: &[u8], akey: &[u8]) -> Result<Option<Rc<[u8]>>> {
        if let Some(value) = self.peek(object, dkey, akey) {
            return Ok(Some(value));
        }
        Ok(object.fetch(dkey, akey)?.map(Rc::from))
    }

    /// Values under many akeys of a dkey, also those that are not written yet.
    pub fn get_many(&self, object: &Object, dkey: &[u8], akeys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        self.get_each(object, dkey, akeys, |akeys| object.fetch_many(dkey, akeys))
    }

    /// The same, for a guess at what is wanted: none, too, for a long one.
    pub fn get_short(&self, object: &Object, dkey: &[u8], akeys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        self.get_each(object, dkey, akeys, |akeys| object.fetch_short(dkey, akeys))
    }

    fn get_each(
        &self,
        object: &Object,
        dkey: &[u8],
        akeys: &[Vec<u8>],
        fetch: impl FnOnce(&[&[u8]]) -> Result<Vec<Option<Vec<u8>>>>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let pending: Vec<_> = akeys.iter().map(|akey| self.peek(object, dkey, akey)).collect();
        let others = akeys.iter().zip(&pending).filter(|(_, value)| value.is_none());
        let others: Vec<&[u8]> = others.map(|(akey, _)| akey.as_slice()).collect();
        let mut fetched = fetch(&others)?.into_iter();
        let value =
            |value: Option<Rc<[u8]>>| value.map_or_else(|| fetched.next().flatten(), |value| Some(value.to_vec()));
        Ok(pending.into_iter().map(value).collect())
    }

    /// Values under many dkeys, also those that are not written yet. Most have no more bytes than the room.
    pub fn get_all(
        &self,
        object: &Object,
        dkeys: &[Vec<u8>],
        akey: &[u8],
        room: usize,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let pending: Vec<_> = {
            let queue = self.queue.borrow();
            dkeys.iter().map(|dkey| queue.peek(object.id, dkey, akey)).collect()
        };
        let others: Vec<Vec<u8>> =
            dkeys.iter().zip(&pending).filter(|(_, value)| value.is_none()).map(|(dkey, _)| dkey.clone()).collect();
        let mut fetched = daos::fetch_all(object, &others, akey, room)?.into_iter();
        Ok(pending
            .into_iter()
            .map(|value| value.map_or_else(|| fetched.next().flatten(), |value| Some(value.to_vec())))
            .collect())
    }

    /// Where filters work.
    pub fn scratch(&self) -> Result<&Scratch> {
        match self.scratch.get() {
            Some(scratch) => Ok(scratch),
            None => {
                let scratch = Scratch::new()?;
                Ok(self.scratch.get_or_init(|| scratch))
            }
        }
    }

    /// Leaves pieces of an array of bytes to be written: offsets and bytes, at most 1024 of them.
    pub fn put_bytes<'a>(
        &self,
        object: &Rc<Object>,
        dkey: &[u8],
        akey: &[u8],
        parts: impl Iterator<Item = (u64, &'a [u8])>,
    ) -> Result<()> {
        self.finish_object(object)?;
        self.queue.borrow_mut().put_bytes(object, dkey, akey, parts)
    }

    /// Writes values of variable length, before elements that lead to them go where others find them.
    pub fn write_values(&self) -> Result<()> {
        self.heap.borrow_mut().write_back(self)
    }

    /// Waits until what was left of an object's arrays of bytes is written.
    pub fn settle_bytes(&self, object: &Object) -> Result<()> {
        self.finish_object(object)?;
        self.queue.borrow_mut().settle_bytes(object.id)
    }

    /// Waits for transfers of an object that were started and go on.
    fn finish_object(&self, object: &Object) -> Result<()> {
        if self.background.borrow().is_empty() {
            return Ok(());
        }
        self.background.borrow_mut().finish_object(object.id)
    }

    /// Starts a transfer that goes on while the program does.
    pub fn start(&self, operation: &Rc<Operation>) -> Result<()> {
        self.queue.borrow_mut().settle_bytes(operation.object())?;
        self.background.borrow_mut().start(Rc::clone(operation))
    }

    /// Lets started transfers go on; waits for one of their requests when asked to.
    pub fn go_on(&self, wait: bool) -> Result<()> {
        self.background.borrow_mut().go_on(wait)
    }

    /// Moves bytes of an object's elements between the container and memory, and waits for all of it.
    ///
    /// # Safety
    /// The memory of all ranges is there, and nobody else's while it is written.
    pub unsafe fn transfer(
        &self,
        object: &Object,
        requests: &[Request],
        direction: Direction,
        missing: Missing<'_>,
    ) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe { self.transfers.borrow_mut().run(object, key::BYTES, requests, direction, missing) }
    }

    /// Writes all that was left to be written, and gives the first error of any change since the file was opened: for a flush and a close.
    /// What is mounted on it is part of it.
    pub fn flush(&self) -> Result<()> {
        let mut result = self.settle();
        for file in self.mounted() {
            result = result.and(file.flush());
        }
        result.and(self.flush_along())?;
        self.queue.borrow().outcome()
    }

    /// Keeps the error of a change that was lost, for the next flush and close.
    pub fn note(&self, failure: &Failure) {
        self.queue.borrow_mut().note(failure);
    }

    /// Writes all that was left to be written, for those who list or remove.
    pub fn settle(&self) -> Result<()> {
        let finished = self.background.borrow_mut().finish_all();
        if let Some(failure) = self.background.borrow_mut().take_failure() {
            self.note(&failure);
        }
        finished?;
        let dirty = std::mem::take(&mut *self.dirty.borrow_mut());
        let open = |token| self.nodes.borrow().get(&token).and_then(Weak::upgrade);
        let dirty: Vec<Rc<Node>> = dirty.into_iter().filter_map(open).collect();
        let mut filtered = Ok(());
        for node in dirty {
            let written = node.write_back_chunks();
            if written.is_err() {
                self.dirty.borrow_mut().insert(node.token);
            }
            filtered = filtered.and(written);
        }
        let heap = self.write_values();
        filtered.and(heap).and(self.queue.borrow_mut().settle())
    }

    /// The same, where all that is written must be found by others when it is done: gives the error of what was left since the last time.
    pub fn settle_now(&self) -> Result<()> {
        let before = self.queue.borrow_mut().exchange_outcome(None);
        let settled = self.settle();
        let mut queue = self.queue.borrow_mut();
        let now = queue.exchange_outcome(None);
        queue.exchange_outcome(before.or_else(|| now.clone()));
        settled.and(now.map_or(Ok(()), Err))
    }

    /// What HDF5 takes for the file where it stores values of variable length.
    pub fn anchor(self: &Rc<Self>) -> *mut c_void {
        let anchor = self.anchor.get_or_init(|| Box::new(Handle::Anchor(Rc::downgrade(self))));
        std::ptr::from_ref::<Handle>(anchor).cast_mut().cast()
    }

    /// A number by which programs tell files from each other.
    pub fn number(&self) -> u64 {
        let halves = self.entry.container.as_chunks::<8>().0;
        halves.iter().fold(self.entry.root.bits() ^ self.mount.snapshot().epoch(), |number, half| {
            number.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from_le_bytes(*half)
        })
    }
}

/// From this many on, the table of open objects is swept.
const SWEEP_MIN: usize = 1024;

impl Drop for File {
    fn drop(&mut self) {
        // What was started goes on with the program's memory, and needs the container. Who wants to know what came of it asks the operations.
        let _told_by_each = self.background.get_mut().finish_all();
        // Whoever closes the file has settled and was told; an error here has nobody left to go to.
        let _told_before = self.write_values().and_then(|()| self.queue.borrow_mut().settle());
        if let Some(ranks) = self.ranks.take() {
            ranks.leave(Rc::clone(&self.mount));
        }
    }
}

fn read_entry(mount: &Mount, path: &str) -> Result<FileEntry> {
    let entry = mount.lookup(path)?;
    let mut bytes = [0; ENTRY_SIZE];
    let size = entry.read(&mut bytes)?;
    let decoded = FileEntry::decode(bytes.get(..size).unwrap_or_default(), &mount.uuid, entry.id()?);
    decoded.map_err(|failure| failure.while_doing(path))
}

/// The file that another one may take the name of; none when the entry holds nothing, or no whole file.
fn replaceable(mount: &Mount, path: &str) -> Result<Option<FileEntry>> {
    let entry = mount.lookup(path)?;
    let mut bytes = [0; ENTRY_SIZE];
    let size = entry.read(&mut bytes)?;
    let bytes = bytes.get(..size).unwrap_or_default();
    if !bytes.is_empty() && !FileEntry::is_entry(bytes) {
        let sentence = format!("{path} is there and is no HDF5 file: remove it first if it is to be replaced");
        return Err(Failure::new(Minor::NotHdf5, sentence));
    }
    Ok(FileEntry::decode(bytes, &mount.uuid, entry.id()?).ok())
}

/// One that is open, at a snapshot or, with zero, as it is.
fn find_open(
    entry: &FileEntry,
    snapshot: u64,
    is_writable: bool,
    is_meant: impl Fn(&File) -> bool,
) -> Option<Rc<File>> {
    let open = OPEN.get().borrow();
    open.iter().filter_map(Weak::upgrade).find(|file| {
        let is_same = file.entry.container == entry.container
            && file.entry.root == entry.root
            && file.mount.snapshot().epoch() == snapshot;
        is_same && (file.is_writable() || !is_writable) && is_meant(file)
    })
}

/// The upper half of the id of the object with values of variable length: as that of creation order, but for the part.
fn heap_upper(entry: &FileEntry) -> u64 {
    entry.order_upper & !u64::from(u32::MAX) | u64::from(part::HEAP)
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
        for number in first..first.saturating_add(u64::from_le_bytes(count).min(BATCH_MAX)) {
            if number == entry.root.number() {
                continue;
            }
            let header = open(number, entry.header_upper)?;
            if let Some(record) = header.fetch(key::HEADER, key::RECORD)? {
                remove_parts(mount, number, entry, &record)?;
                forgive(header.punch())?;
            }
        }
    }
    forgive(open(entry.root.number(), heap_upper(entry))?.punch())?;
    forgive(open(entry.root.number(), entry.order_upper)?.punch())?;
    forgive(root.punch())
}

/// Removes what an object has besides its header.
pub fn remove_parts(mount: &Rc<Mount>, number: u64, entry: &FileEntry, record: &[u8]) -> Result<()> {
    let upper = match crate::format::Header::decode(record) {
        Ok(crate::format::Header::Dataset { data_upper, .. }) => data_upper,
        Ok(crate::format::Header::Group { .. }) => entry.order_upper,
        _ => return Ok(()),
    };
    forgive(Object::open(mount, ObjectId { low: number, high: upper })?.punch())
}

/// What is not there needs no removing.
fn forgive(result: Result<()>) -> Result<()> {
    match result {
        Err(failure) if failure.minor == Minor::NotFound => Ok(()),
        other => other,
    }
}
