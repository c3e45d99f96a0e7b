//! An open file: the connection to its container, its objects, and what is not written yet.

mod openings;
mod removal;
mod settling;
mod values;

pub use removal::remove_parts;

use crate::along::Along;
use crate::daos::{self, Background, Mount, Object, ObjectId, Transfers};
use crate::failure::{Failure, Minor, Result};
use crate::filters::Scratch;
use crate::format::{ENTRY_SIZE, FileEntry, Kind, Token, key, part};
use crate::fresh::Fresh;
use crate::handle::{Handle, Opening};
use crate::hdf5::Identifier;
use crate::heap::Heap;
use crate::information::Information;
use crate::known::Known;
use crate::mounts::Mounts;
use crate::name::Name;
use crate::node::{Node, Tracking};
use crate::queue::Queue;
use crate::ranks::Ranks;
use crate::removed::Removed;
use crate::serial::Serial;
use std::cell::{Cell, OnceCell, RefCell};
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
    /// Another file has its name now, and by what its objects are removed when it is closed, where that is to be done here.
    is_replaced: Cell<bool>,
    remover: RefCell<Option<Rc<Mount>>>,
}

/// Files that are open, so that two names of one file see each other's changes.
static OPEN: Serial<RefCell<Vec<Weak<File>>>> = Serial::new(RefCell::new(Vec::new()));

fn connect(name: &Name, is_writable: bool) -> Result<Rc<Mount>> {
    Mount::open(name.address(), is_writable).map(Rc::new)
}

impl File {
    /// Opens a file that is there.
    pub fn open(name: &Name, text: &str, is_writable: bool) -> Result<Rc<Self>> {
        Self::open_in(connect(name, is_writable)?, name, text, is_writable)
    }

    /// Opens a file that this one leads to. What lies in the container of a file that is shown by a snapshot is shown by it, too, however the name
    /// says which container that is.
    pub fn open_other(&self, name: &Name, text: &str, is_writable: bool) -> Result<Rc<Self>> {
        let mount = connect(name, is_writable)?;
        let epoch = self.mount.snapshot().epoch();
        if epoch == 0 || name.snapshot.is_some() || mount.uuid != self.mount.uuid {
            return Self::open_in(mount, name, text, is_writable);
        }
        let name = Name { snapshot: Some(format!("{epoch:#x}")), ..name.clone() };
        Self::open_in(connect(&name, is_writable)?, &name, text, is_writable)
    }

    fn open_in(mount: Rc<Mount>, name: &Name, text: &str, is_writable: bool) -> Result<Rc<Self>> {
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
        let (entry, Replaced { old, is_foreign }) = match mount.create(&name.path) {
            Ok(entry) => (entry, Replaced::default()),
            Err(failure) if failure.minor == Minor::Exists && replace => {
                let replaced = replaceable(&mount, &name.path)?;
                for file in replaced.old.iter().flat_map(all_open) {
                    file.require_unused(&name.path)?;
                }
                (mount.lookup(&name.path)?, replaced)
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
        let entry = file.mount.lookup(&name.path)?;
        if is_foreign {
            entry.empty()?;
        }
        entry.write(&bytes)?;
        drop(entry);
        file.take_name();
        if let Some(old) = old {
            removal::remove_when_closed(&file.mount, &old)?;
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
            is_replaced: Cell::new(false),
            remover: RefCell::default(),
        });
        let mut open = OPEN.get().borrow_mut();
        open.retain(|file| file.strong_count() > 0);
        open.push(Rc::downgrade(&file));
        file
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
        self.mount.is_writable() && !self.is_replaced.get()
    }

    pub fn require_writable(&self) -> Result<()> {
        if self.mount.is_inherited() {
            let sentence = format!("{} was opened before this process was forked: open it in this one", self.name);
            return Err(Failure::new(Minor::WriteError, sentence));
        }
        if self.is_writable() {
            return Ok(());
        }
        let is =
            if self.is_replaced.get() { "was replaced by a new file of its name" } else { "is open for reading only" };
        Err(Failure::new(Minor::WriteError, format!("{} {is}", self.name)))
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
        if self.mount.is_inherited() {
            // Their memory is the parent's, and so is what is under way in it.
            std::mem::forget((self.background.take(), self.queue.take(), self.transfers.replace(Transfers::new())));
            std::mem::forget(self.ranks.take());
            return;
        }
        // What was started goes on with the program's memory, and needs the container. Who wants to know what came of it asks the operations.
        let _told_by_each = self.background.get_mut().finish_all();
        // Whoever closes the file has settled and was told; an error here has nobody left to go to.
        let _told_before = self.write_values().and_then(|()| self.queue.borrow_mut().settle());
        self.remove_replaced();
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

/// What a new file takes the name of.
#[derive(Default)]
struct Replaced {
    /// None when the entry holds nothing, or no whole file.
    old: Option<FileEntry>,
    /// Whether it holds something else than a file of HDF5, which is as good as nothing to HDF5.
    is_foreign: bool,
}

fn replaceable(mount: &Mount, path: &str) -> Result<Replaced> {
    let entry = mount.lookup(path)?;
    let mut bytes = [0; ENTRY_SIZE];
    let size = entry.read(&mut bytes)?;
    let bytes = bytes.get(..size).unwrap_or_default();
    let is_foreign = !bytes.is_empty() && !FileEntry::is_entry(bytes);
    Ok(Replaced { old: FileEntry::decode(bytes, &mount.uuid, entry.id()?).ok(), is_foreign })
}

/// All that are open of a file as it is, not as it was at a snapshot.
fn all_open(entry: &FileEntry) -> Vec<Rc<File>> {
    open_files(|file| file.entry.container == entry.container && file.entry.root == entry.root)
}

fn open_files(is_meant: impl Fn(&File) -> bool) -> Vec<Rc<File>> {
    let open = OPEN.get().borrow();
    let is_so = |file: &Rc<File>| file.mount.snapshot().epoch() == 0 && !file.mount.is_inherited() && is_meant(file);
    open.iter().filter_map(Weak::upgrade).filter(is_so).collect()
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
        is_same && (file.is_writable() || !is_writable) && !file.mount.is_inherited() && is_meant(file)
    })
}

/// The upper half of the id of the object with values of variable length: as that of creation order, but for the part.
fn heap_upper(entry: &FileEntry) -> u64 {
    entry.order_upper & !u64::from(u32::MAX) | u64::from(part::HEAP)
}
