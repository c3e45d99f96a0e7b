//! Maps: keys, each with a value. A pair is a value under a dkey, so a map of any size is opened, asked and changed without reading it.

mod form;
mod sameness;

pub use form::{Allocate, Free};

use crate::callbacks::{decoded_list, default_list, list_bytes};
use crate::daos::{self, Object};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{Header, Kind, key, part};
use crate::handle::{Handle, Located};
use crate::hdf5::arguments::MapVisitor;
use crate::hdf5::{DEFAULT, Herr, Hid, Identifier, Type, Variable, library, size_of_type};
use crate::properties;
use form::{Form, Key};
use std::ffi::c_void;
use std::rc::Rc;

/// A map that is open.
pub struct Map {
    pub located: Located,
    key: Key,
    value: Form,
    /// The object with its pairs.
    pairs: Rc<Object>,
    /// The list of properties with which it was opened; none for the default.
    access: Option<Identifier>,
}

/// The header and what a map is made of, as every rank finds it out by itself.
pub struct Plan {
    list: Vec<u8>,
    class: Option<u32>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Plan {
    /// That of a map in another file, or of another name.
    pub fn of(map: &Map) -> Result<Self> {
        let (key, value) = map.types()?;
        Ok(Self {
            list: map.located.node.creation_list()?.to_vec(),
            class: None,
            key: key.to_vec(),
            value: value.to_vec(),
        })
    }

    pub fn new(key: Hid, value: Hid, list: Hid) -> Result<Self> {
        let class = properties::get(list, properties::OBJECT_CLASS)?;
        Ok(Self {
            list: list_bytes(list, Variable::MAP_CREATE_DEFAULT)?,
            class: class.map(|class| daos::object_class(&class)).transpose()?,
            key: Type::encode_id(key)?,
            value: Type::encode_id(value)?,
        })
    }
}

impl Map {
    /// Makes one that no link leads to yet.
    pub fn create(file: &Rc<File>, plan: &Plan, access: Hid, path: Option<Vec<u8>>) -> Result<Self> {
        file.require_writable()?;
        // Before anything is written: a datatype that no key can have is an error.
        Form::of_key(file, &plan.key)?;
        Form::of_value(file, &plan.value)?;
        let class = plan.class.unwrap_or_else(|| file.class_of_elements());
        let data_upper = file.mount.upper(part::DATA, daos::object_type::HASHED, class, 0)?;
        let node = file.node(file.new_token(Kind::Map)?)?;
        let Plan { list, key, value, .. } = plan;
        node.create_header(&Header::Map { list: list.clone(), key: key.clone(), value: value.clone(), data_upper })?;
        Self::open(Located { node, path, opening: 0 }, access)
    }

    /// Opens one.
    pub fn open(located: Located, access: Hid) -> Result<Self> {
        let node = Rc::clone(&located.node);
        let Header::Map { key, value, data_upper, .. } = node.header()? else {
            return Err(Failure::new(Minor::BadType, "it is no map"));
        };
        let access = if access == DEFAULT || access == library().value(Variable::MAP_ACCESS_DEFAULT) {
            None
        } else {
            // SAFETY: takes no pointer.
            Some(Identifier::new(unsafe { library().list_copy(access) }, "copy of a list")?)
        };
        Ok(Self {
            key: Form::of_key(&node.file, key)?,
            value: Form::of_value(&node.file, value)?,
            pairs: node.file.object(node.token, *data_upper)?,
            access,
            located,
        })
    }

    fn file(&self) -> &Rc<File> {
        &self.located.node.file
    }

    /// The datatypes of keys and values that it was made with.
    fn types(&self) -> Result<(&[u8], &[u8])> {
        match self.located.node.header()? {
            Header::Map { key, value, .. } => Ok((key, value)),
            _ => Err(Failure::new(Minor::BadType, "it is no map")),
        }
    }

    pub fn key_type(&self) -> Result<Hid> {
        Type::decode(self.types()?.0)?.give()
    }

    pub fn value_type(&self) -> Result<Hid> {
        Type::decode(self.types()?.1)?.give()
    }

    pub fn creation_list(&self) -> Result<Identifier> {
        decoded_list(self.located.node.creation_list()?, Variable::MAP_CREATE)
    }

    pub fn access_list(&self) -> Result<Identifier> {
        match &self.access {
            // SAFETY: takes no pointer.
            Some(list) => Identifier::new(unsafe { library().list_copy(list.get()) }, "copy of a list"),
            None => default_list(Variable::MAP_ACCESS),
        }
    }

    fn get_bytes(&self, dkey: &[u8]) -> Result<Option<Rc<[u8]>>> {
        self.file().get(&self.pairs, dkey, key::VALUE)
    }

    fn put_bytes(&self, dkey: &[u8], value: Vec<u8>) -> Result<()> {
        self.file().put(&self.pairs, dkey, key::VALUE, value)?;
        self.file().write_through()
    }

    /// Sets the value of a key.
    ///
    /// # Safety
    /// Key and value in memory are of these datatypes.
    pub unsafe fn put(&self, key: (Hid, *const c_void), value: (Hid, *const c_void), list: Hid) -> Result<()> {
        self.file().require_writable()?;
        // SAFETY: as the caller promises.
        unsafe {
            let dkey = self.key.stored(key.0, key.1, list)?;
            let before = |size| {
                let stored = self.get_bytes(&dkey)?.map(|bytes| bytes.to_vec());
                Ok(stored.filter(|bytes| bytes.len() == size))
            };
            let value = self.value.value(value.0, value.1, list, before)?;
            self.put_bytes(&dkey, value)
        }
    }

    /// Gives the value of a key.
    ///
    /// # Safety
    /// The key in memory is of its datatype, and there is room for a value of the other one.
    pub unsafe fn get(&self, key: (Hid, *const c_void), value: (Hid, *mut c_void), list: Hid) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe {
            let dkey = self.key.stored(key.0, key.1, list)?;
            let bytes = self.get_bytes(&dkey)?.ok_or_else(no_such_key)?;
            self.value.value_to_memory(&bytes, value.0, value.1, list)
        }
    }

    /// Whether a key has a value.
    ///
    /// # Safety
    /// The key in memory is of its datatype.
    pub unsafe fn has(&self, key: (Hid, *const c_void), list: Hid) -> Result<bool> {
        // SAFETY: as the caller promises.
        self.has_bytes(&unsafe { self.key.stored(key.0, key.1, list)? })
    }

    fn has_bytes(&self, dkey: &[u8]) -> Result<bool> {
        let is_waiting = self.file().peek(&self.pairs, dkey, key::VALUE).is_some();
        Ok(is_waiting || self.pairs.value_size(dkey, key::VALUE)? > 0)
    }

    /// Removes a key, which must be there.
    ///
    /// # Safety
    /// As for [`Map::has`].
    pub unsafe fn remove(&self, key: (Hid, *const c_void), list: Hid) -> Result<()> {
        self.file().require_writable()?;
        // SAFETY: as the caller promises.
        let dkey = unsafe { self.key.stored(key.0, key.1, list)? };
        if !self.has_bytes(&dkey)? {
            return Err(no_such_key());
        }
        // What waits to be written would come after it.
        self.file().settle()?;
        self.pairs.punch_dkey(&dkey)
    }

    fn keys(&self) -> Result<Vec<Vec<u8>>> {
        self.file().settle()?;
        self.pairs.dkeys()
    }

    /// How many keys it has.
    pub fn count(&self) -> Result<u64> {
        Ok(self.keys()?.len() as u64)
    }

    /// Calls the program's function for each key from a number on, which is afterwards that of the next one. What it gives ends the iteration unless it
    /// is zero.
    ///
    /// # Safety
    /// The function is the program's, and takes keys of the datatype.
    pub unsafe fn iterate(
        &self,
        position: &mut u64,
        kind: Hid,
        (visitor, data): (MapVisitor, *mut c_void),
        list: Hid,
    ) -> Result<Herr> {
        let keys = self.keys()?;
        let first = usize::try_from(*position).unwrap_or(usize::MAX);
        if first > 0 && first >= keys.len() {
            return Err(Failure::new(Minor::BadValue, "an iteration begins behind the last key"));
        }
        let again = Self::open(self.located.clone(), DEFAULT)?;
        let map = Handle::Map(Box::new(again)).register()?;
        let mut memory = Memory::new(kind)?;
        for dkey in &keys[first..] {
            // SAFETY: the memory has room for an element; the function gets what HDF5's documentation says.
            let result = unsafe {
                memory.clear();
                self.key.to_memory(dkey, kind, memory.pointer(), list)?;
                *position += 1;
                visitor(map.get(), memory.pointer(), data)
            };
            if result != 0 {
                return Ok(result);
            }
        }
        Ok(0)
    }

    /// A map in a file as this one, with the same pairs. What values lead to goes through a function that may change it, in memory.
    pub fn copy_to(
        &self,
        target: &Self,
        mut change: impl FnMut(Hid, *mut u8) -> Result<()>,
        changes: bool,
    ) -> Result<()> {
        let value = Type::decode(self.types()?.1)?;
        let by_memory = self.value.leads_elsewhere() || changes;
        for dkey in self.keys()? {
            // One that is gone meanwhile is no part of the copy.
            let Some(bytes) = self.get_bytes(&dkey)? else { continue };
            if !by_memory {
                target.put_bytes(&dkey, bytes.to_vec())?;
                continue;
            }
            let mut memory = Memory::new(value.get())?;
            // SAFETY: the memory has room for a value, and then has one; what it leads to is ended with it.
            let bytes = unsafe {
                self.value.value_to_memory(&bytes, value.get(), memory.pointer(), DEFAULT)?;
                change(value.get(), memory.pointer().cast())?;
                target.value.value(value.get(), memory.pointer(), DEFAULT, |_| Ok(None))?
            };
            target.put_bytes(&dkey, bytes)?;
        }
        Ok(())
    }
}

fn no_such_key() -> Failure {
    Failure::new(Minor::NotFound, "the map has no such key")
}

/// Room for one element; what it leads to ends with it.
struct Memory {
    kind: Type,
    space: Identifier,
    bytes: Vec<u64>,
}

impl Memory {
    fn new(kind: Hid) -> Result<Self> {
        let (kind, one) = (Type::copy_of(kind)?, 1);
        // SAFETY: one dimension, which is ours.
        let space = unsafe { library().space_create(1, &raw const one, std::ptr::null()) };
        let bytes = vec![0; size_of_type(kind.get()).div_ceil(size_of::<u64>())];
        Ok(Self { kind, space: Identifier::new(space, "dataspace")?, bytes })
    }

    fn pointer(&mut self) -> *mut c_void {
        self.bytes.as_mut_ptr().cast()
    }

    fn clear(&mut self) {
        // SAFETY: the bytes are an element, or zero, which leads nowhere.
        unsafe { library().reclaim(self.kind.get(), self.space.get(), DEFAULT, self.pointer()) };
        self.bytes.fill(0);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.clear();
    }
}
