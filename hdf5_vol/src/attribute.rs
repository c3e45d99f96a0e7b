//! An open attribute.

use crate::committed;
use crate::convert::Stored;
use crate::failure::{Failure, Minor, Result};
use crate::format::AttributeRecord;
use crate::handle::Located;
use crate::hdf5::{Hid, Space, Type, size_of_type};
use crate::node::Node;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An attribute, and the object it belongs to.
pub struct Attribute {
    pub parent: Located,
    pub name: Vec<u8>,
    stored: Stored,
    space: Space,
    /// The record as it was read or written last, and how often the object's attributes had changed by then.
    record: RefCell<AttributeRecord>,
    changes: Cell<u64>,
}

impl Attribute {
    /// Makes one, which must not be there.
    pub fn create(
        parent: Located,
        name: &[u8],
        (datatype, committed): (Hid, Option<&Rc<Node>>),
        space: Hid,
        character_set: u8,
    ) -> Result<Self> {
        parent.node.file.require_writable()?;
        if parent.node.attribute(name)?.is_some() {
            let sentence = format!("the attribute {} is there already", String::from_utf8_lossy(name));
            return Err(Failure::new(Minor::Exists, sentence));
        }
        let record = AttributeRecord {
            character_set,
            creation_order: parent.node.next_attribute_order()?,
            committed: committed.map(|committed| committed.token),
            datatype: Type::encode_id(datatype)?,
            space: Space::copy_of(space)?.encode()?,
            data: Vec::new(),
        };
        let attribute = Self::from_record(parent, name, record)?;
        let data = vec![0; attribute.size()?];
        attribute.record.borrow_mut().data = data;
        if let Some(committed) = committed {
            committed.count_attribute()?;
        }
        attribute.put()?;
        Ok(attribute)
    }

    /// Opens one.
    pub fn open(parent: Located, name: &[u8]) -> Result<Self> {
        let record = parent.node.require_attribute(name)?;
        Self::from_record(parent, name, record)
    }

    /// One that another rank has just made.
    pub fn hear(parent: Located, name: &[u8], record: &[u8]) -> Result<Self> {
        Self::from_record(parent, name, AttributeRecord::decode(record)?)
    }

    /// The record, for other ranks.
    pub fn tell(&self) -> Vec<u8> {
        self.record.borrow().encode()
    }

    fn from_record(parent: Located, name: &[u8], record: AttributeRecord) -> Result<Self> {
        let stored = Stored::decode(&parent.node.file, &record.datatype)?;
        let space = Space::decode(&record.space)?;
        let changes = Cell::new(parent.node.attribute_changes.get());
        Ok(Self { parent, name: name.to_vec(), stored, space, record: RefCell::new(record), changes })
    }

    /// The character set of its name.
    pub fn character_set(&self) -> u8 {
        self.record.borrow().character_set
    }

    /// Reads it anew when an attribute of the object has changed.
    fn renew(&self) -> Result<()> {
        let changes = self.parent.node.attribute_changes.get();
        if self.changes.get() != changes {
            *self.record.borrow_mut() = self.parent.node.require_attribute(&self.name)?;
            self.changes.set(changes);
        }
        Ok(())
    }

    fn put(&self) -> Result<()> {
        self.parent.node.put_attribute(&self.name, &self.record.borrow())?;
        self.changes.set(self.parent.node.attribute_changes.get());
        Ok(())
    }

    pub fn space(&self) -> Result<Space> {
        self.space.copy()
    }

    /// Its datatype, for a program.
    pub fn give_datatype(&self) -> Result<Hid> {
        committed::give(&self.parent, self.record.borrow().committed, &self.stored.memory)
    }

    fn count(&self) -> Result<usize> {
        if self.space.is_null() {
            return Ok(0);
        }
        let count = self.space.count()?;
        usize::try_from(count).map_err(|_| Failure::new(Minor::BadValue, "an attribute is too large"))
    }

    /// Bytes of its elements.
    pub fn size(&self) -> Result<usize> {
        let size = self.count()?.checked_mul(self.stored.file.size());
        size.ok_or_else(|| Failure::new(Minor::BadValue, "an attribute is too large"))
    }

    /// Reads all its elements.
    ///
    /// # Safety
    /// The buffer has room for them.
    pub unsafe fn read(&self, memory_type: Hid, list: Hid, buffer: *mut u8) -> Result<()> {
        let count = self.count()?;
        if count == 0 {
            return Ok(());
        }
        self.renew()?;
        let record = self.record.borrow().clone();
        if record.data.len() != self.size()? {
            return Err(Failure::new(Minor::Damaged, "an attribute has not as many bytes as its elements need"));
        }
        let data = if self.stored.is_same(memory_type) {
            record.data
        } else {
            let size = count * size_of_type(memory_type);
            // SAFETY: as the caller promises.
            let background = unsafe { std::slice::from_raw_parts(buffer, size) }.to_vec();
            self.stored.to_memory(record.data, count, memory_type, Some(background), list)?
        };
        // SAFETY: the same.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), buffer, data.len()) };
        Ok(())
    }

    /// Writes all its elements.
    ///
    /// # Safety
    /// The buffer has them.
    pub unsafe fn write(&self, memory_type: Hid, list: Hid, buffer: *const u8) -> Result<()> {
        self.parent.node.file.require_writable()?;
        let count = self.count()?;
        if count == 0 {
            return Ok(());
        }
        self.renew()?;
        // SAFETY: as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(buffer, count * size_of_type(memory_type)) }.to_vec();
        let data = if self.stored.is_same(memory_type) {
            bytes
        } else {
            let background = self.record.borrow().data.clone();
            self.stored.to_file(bytes, count, memory_type, Some(background), list)?
        };
        self.record.borrow_mut().data = data;
        self.put()
    }
}
