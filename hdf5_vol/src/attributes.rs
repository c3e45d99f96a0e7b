//! Attributes of an object: each one value under an akey that is its name.

use crate::ahead;
use crate::failure::{Failure, Minor, Result};
use crate::format::{AttributeRecord, key};
use crate::fresh::Of;
use crate::node::Node;

/// After so many attributes of an object were asked for one by one, all others are read, when there are no more than so many: that takes as
/// long as a few more requests for each that was asked for.
const READ_ALL: [(u32, usize); 3] = [(4, 64), (64, 1 << 10), (4 << 10, 1 << 17)];
/// Attributes that are read at a time while a program goes through them.
pub const BATCH: usize = 64;

/// The longest name: what an akey takes.
const NAME_MAX: usize = u16::MAX as usize;

impl Node {
    /// The attribute with a name.
    pub fn attribute(&self, name: &[u8]) -> Result<Option<AttributeRecord>> {
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(Failure::new(
                Minor::BadValue,
                format!("an attribute's name has 1 to {NAME_MAX} bytes, not {}", name.len()),
            ));
        }
        if self.file.fresh.borrow().lacks(self.token, Of::Attributes, name) {
            return Ok(None);
        }
        let known = self.attributes_ahead.borrow_mut().take(self.attribute_changes.get(), name);
        if known.is_some() {
            return Ok(known);
        }
        let found = self.file.get(&self.object, key::ATTRIBUTES, name)?;
        if found.is_some() {
            self.count_miss();
        }
        found.map(|bytes| AttributeRecord::decode(&bytes)).transpose()
    }

    /// Who asks for attributes one by one asks for all of them: so the others are read at once, unless they are too many for a guess.
    fn count_miss(&self) {
        if self.file.is_shared() {
            return;
        }
        let misses = self.attribute_misses.get() + 1;
        self.attribute_misses.set(misses);
        let Some((_, most)) = READ_ALL.iter().find(|(wanted, _)| *wanted == misses) else { return };
        // One that fails is as good as none, and who asks for what is damaged is told.
        if let Ok(Some(names)) = self.object.few_akeys(key::ATTRIBUTES, *most, ahead::BYTES_MAX) {
            let _no_guess = self.read_ahead(&names);
        }
    }

    /// Reads attributes that the program may ask for, as many as are kept, and without long ones.
    fn read_ahead(&self, names: &[Vec<u8>]) -> Result<()> {
        if self.file.is_shared() {
            return Ok(());
        }
        for names in names.chunks(BATCH) {
            for (name, value) in names.iter().zip(self.file.get_short(&self.object, key::ATTRIBUTES, names)?) {
                let record = value.and_then(|value| AttributeRecord::decode(&value).ok());
                if record.is_some_and(|record| !self.keep_attribute(name, record)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Attributes by their names, as many at a time as a request takes; none for one that is not there.
    pub fn attribute_records(&self, names: &[Vec<u8>]) -> Result<Vec<Option<AttributeRecord>>> {
        let decode = |bytes: Vec<u8>| AttributeRecord::decode(&bytes);
        let values = self.file.get_many(&self.object, key::ATTRIBUTES, names)?;
        values.into_iter().map(|value| value.map(decode).transpose()).collect()
    }

    /// Keeps an attribute that the program is going to ask for; gives whether there was room.
    pub fn keep_attribute(&self, name: &[u8], record: AttributeRecord) -> bool {
        // Other ranks may change it at any time.
        if self.file.is_shared() {
            return false;
        }
        let bytes = record.datatype.len() + record.space.len() + record.data.len();
        self.attributes_ahead.borrow_mut().put(self.attribute_changes.get(), name, record, bytes)
    }

    /// The same, which must be there.
    pub fn require_attribute(&self, name: &[u8]) -> Result<AttributeRecord> {
        let found = self.attribute(name)?;
        found.ok_or_else(|| {
            Failure::new(Minor::NotFound, format!("can't locate attribute: '{}'", String::from_utf8_lossy(name)))
        })
    }

    /// Another rank has changed its attributes.
    pub fn know_attribute_change(&self) {
        self.attribute_changes.set(self.attribute_changes.get() + 1);
    }

    /// Writes an attribute, whether it was there or not.
    pub fn put_attribute(&self, name: &[u8], record: &AttributeRecord) -> Result<()> {
        self.attribute_changes.set(self.attribute_changes.get() + 1);
        self.file.fresh.borrow_mut().add(self.token, Of::Attributes, name);
        self.file.put(&self.object, key::ATTRIBUTES, name, record.encode())
    }

    /// Removes an attribute, which must be there.
    pub fn remove_attribute(&self, name: &[u8]) -> Result<()> {
        self.file.require_writable()?;
        let committed = self.require_attribute(name)?.committed;
        self.remove_attribute_name(name)?;
        self.file.leave_committed(committed)
    }

    /// Removes the name of an attribute that has another one, too.
    pub fn remove_attribute_name(&self, name: &[u8]) -> Result<()> {
        self.file.require_writable()?;
        self.file.settle()?;
        self.object.punch_akey(key::ATTRIBUTES, name)?;
        self.attribute_changes.set(self.attribute_changes.get() + 1);
        self.file.fresh.borrow_mut().remove(self.token, Of::Attributes, name);
        Ok(())
    }

    /// The number of the next attribute in creation order; zero where that is not tracked.
    pub fn next_attribute_order(&self) -> Result<u64> {
        if !self.tracking()?.attributes {
            return Ok(0);
        }
        if self.file.is_independent() {
            // Other ranks count, too; numbers of the container are nobody else's.
            return self.file.new_number();
        }
        let place = (self.token, true);
        let known = self.file.orders.borrow().get(&place).copied();
        let next = match known {
            Some(next) => next,
            None => {
                let mut next = 0;
                for record in self.attribute_records(&self.attribute_names()?)?.into_iter().flatten() {
                    next = next.max(record.creation_order + 1);
                }
                next
            }
        };
        self.file.orders.borrow_mut().insert(place, next + 1);
        Ok(next)
    }

    /// The names of all attributes, in the order of their bytes.
    pub fn attribute_names(&self) -> Result<Vec<Vec<u8>>> {
        let mut names = match self.fresh_attribute_names() {
            Some(names) => names,
            None => {
                self.file.settle()?;
                self.object.akeys(key::ATTRIBUTES)?
            }
        };
        names.sort_unstable();
        Ok(names)
    }

    /// The same, where nobody needs to be asked and nothing to be written before: programs list the attributes of new objects each time that
    /// they add one (PyTables). None after a change was lost, which may be one of these.
    fn fresh_attribute_names(&self) -> Option<Vec<Vec<u8>>> {
        if self.file.has_lost() {
            return None;
        }
        self.file.fresh.borrow().all(self.token, Of::Attributes)
    }

    /// The name of the attribute with a number in an order.
    pub fn nth_attribute_name(&self, by_creation: bool, decreasing: bool, number: u64) -> Result<Vec<u8>> {
        let list = || self.ordered_attribute_names(by_creation, decreasing);
        if self.file.is_shared() {
            self.know_attribute_change();
        }
        let changes = self.attribute_changes.get();
        let mut listed = self.listed_attributes.borrow_mut();
        let found = listed.get((by_creation, decreasing), number, changes, list)?;
        // Who asks for every name by its number opens every attribute.
        if number > 0 && number.is_multiple_of(BATCH as u64) {
            let _no_guess = self.read_ahead(listed.behind(number, BATCH));
        }
        found.ok_or_else(|| Failure::new(Minor::BadValue, "the object has not so many attributes"))
    }

    /// The names of all attributes, in an order that is asked for.
    pub fn ordered_attribute_names(&self, by_creation: bool, decreasing: bool) -> Result<Vec<Vec<u8>>> {
        let mut names = self.attribute_names()?;
        if by_creation && self.tracking()?.attributes {
            let records = self.attribute_records(&names)?;
            let numbered = names.into_iter().zip(records);
            let mut numbered: Vec<_> =
                numbered.filter_map(|(name, record)| Some((record?.creation_order, name))).collect();
            numbered.sort_unstable();
            names = numbered.into_iter().map(|(_, name)| name).collect();
        }
        if decreasing {
            names.reverse();
        }
        Ok(names)
    }
}
