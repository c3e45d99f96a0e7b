//! Attributes of an object: each one value under an akey that is its name.

use crate::failure::{Failure, Minor, Result};
use crate::format::{AttributeRecord, key};
use crate::fresh::Of;
use crate::node::Node;

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
        self.file.get(&self.object, key::ATTRIBUTES, name)?.map(|bytes| AttributeRecord::decode(&bytes)).transpose()
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
        self.require_attribute(name)?;
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
                for name in self.attribute_names()? {
                    next = self.attribute(&name)?.map_or(next, |record| next.max(record.creation_order + 1));
                }
                next
            }
        };
        self.file.orders.borrow_mut().insert(place, next + 1);
        Ok(next)
    }

    /// The names of all attributes, in the order of their bytes.
    pub fn attribute_names(&self) -> Result<Vec<Vec<u8>>> {
        self.file.settle()?;
        let mut names = self.object.akeys(key::ATTRIBUTES)?;
        names.sort_unstable();
        Ok(names)
    }

    /// The name of the attribute with a number in an order.
    pub fn nth_attribute_name(&self, by_creation: bool, decreasing: bool, number: u64) -> Result<Vec<u8>> {
        let list = || self.ordered_attribute_names(by_creation, decreasing);
        if self.file.is_shared() {
            self.know_attribute_change();
        }
        let changes = self.attribute_changes.get();
        let found = self.listed_attributes.borrow_mut().get((by_creation, decreasing), number, changes, list)?;
        found.ok_or_else(|| Failure::new(Minor::BadValue, "the object has not so many attributes"))
    }

    /// The names of all attributes, in an order that is asked for.
    pub fn ordered_attribute_names(&self, by_creation: bool, decreasing: bool) -> Result<Vec<Vec<u8>>> {
        let mut names = self.attribute_names()?;
        if by_creation && self.tracking()?.attributes {
            let mut numbered = Vec::with_capacity(names.len());
            for name in names {
                if let Some(record) = self.attribute(&name)? {
                    numbered.push((record.creation_order, name));
                }
            }
            numbered.sort_unstable();
            names = numbered.into_iter().map(|(_, name)| name).collect();
        }
        if decreasing {
            names.reverse();
        }
        Ok(names)
    }
}
