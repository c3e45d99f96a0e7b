//! What placement needs to know of an object class.

use daos_status::{Code, Result, fail};
use daos_types::{GroupCount, ObjectClass, ObjectId, Redundancy};
use std::collections::BTreeMap;

/// The most shards of a redundancy group. The largest of upstream's classes has 128.
pub const GROUP_SIZE_MAX: u32 = 128;

/// The form of an object: how a group protects its data, and how many groups there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// How a group protects its data.
    pub redundancy: Redundancy,
    /// How many groups.
    pub groups: GroupCount,
}

impl Shape {
    /// The shape that the class of an object's identifier has, as upstream numbers them.
    pub fn of(object: ObjectId) -> Result<Shape> {
        let class = object.class();
        match (class.redundancy(), class.groups()) {
            (Some(redundancy), Some(groups)) => Ok(Shape { redundancy, groups }),
            _ => fail!(Code::Notype, "object {object:?} has no known object class ({:#x})", class.0),
        }
    }

    /// How many shards a group has.
    pub fn group_size(self) -> u32 {
        self.redundancy.group_size()
    }

    /// Whether what one shard holds can be had from the others of its group.
    pub fn is_protected(self) -> bool {
        self.redundancy != Redundancy::None
    }

    pub(crate) fn check(self) -> Result<()> {
        let size = self.group_size();
        if size == 0 || size > GROUP_SIZE_MAX || self.groups == GroupCount::Exactly(0) {
            fail!(Code::Inval, "{self:?} is no object class: groups have 1 to {GROUP_SIZE_MAX} shards");
        }
        Ok(())
    }
}

/// Object classes that users have registered, beside those that upstream numbers. A seam: placement takes any [`Shape`].
#[derive(Clone, Default, Debug)]
pub struct Classes(BTreeMap<u32, Shape>);

impl Classes {
    /// Registers a class under an identifier that no class of upstream has. Objects are placed by it, so it stays as it is.
    pub fn register(&mut self, class: ObjectClass, shape: Shape) -> Result<()> {
        shape.check()?;
        if class.redundancy().is_some() {
            fail!(Code::Inval, "{:#x} is the object class {class} already", class.0);
        }
        if self.0.get(&class.0).is_some_and(|known| *known != shape) {
            fail!(Code::Exist, "object class {:#x} is registered already, and stays as it is", class.0);
        }
        self.0.insert(class.0, shape);
        Ok(())
    }

    /// The shape of an object.
    pub fn shape(&self, object: ObjectId) -> Result<Shape> {
        match self.0.get(&object.class().0) {
            Some(shape) => Ok(*shape),
            None => Shape::of(object),
        }
    }
}
