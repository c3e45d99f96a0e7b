//! Object classes: upstream's, and those that users register with a container.
//!
//! A registered class is stored in the container, durable for as long as the container is there: an object of the container's own has a
//! dkey for each, with the attributes as a value. Objects are placed by it, so it never changes and is never taken away. A client reads
//! a class when it first meets an object of it.

use crate::object_table::{SystemObject, system_object};
use crate::{
    AkeyFetch, AkeyUpdate, Anchor, Client, Conditions, Container, Destination, FetchKind, ListLimits, Object,
    ObjectFlags, Source, UpdateValue,
};
use daos_placement::Shape;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, GroupCount, Key, ObjectClass, ObjectId, Redundancy};

/// The akey that holds the attributes of a class.
const CLASS_AKEY: &[u8] = b"class";

/// First byte of stored attributes.
const VERSION: u8 = 1;

/// Version, kind of redundancy, copies or data shards, parity shards, groups, schema, bytes of a cell.
const STORED_LENGTH: usize = 16;

/// Bytes of a cell of an erasure coded object, unless a class says otherwise.
const CELL_BYTES_DEFAULT: u32 = 1 << 20;

/// What an object class is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassAttributes {
    /// How a group protects its data.
    pub redundancy: Redundancy,
    /// How many groups.
    pub groups: GroupCount,
    /// How it is placed, as the API numbers it. Kept and told, and without a meaning here.
    pub schema: u32,
    /// Bytes of a cell, of erasure coded objects.
    pub cell_bytes: u32,
}

/// An object class with its identifier.
pub type ClassEntry = (ObjectClass, ClassAttributes);

impl ClassAttributes {
    /// Those of a class of upstream's; `None` when it is none.
    pub fn of(class: ObjectClass) -> Option<ClassAttributes> {
        let (redundancy, groups) = (class.redundancy()?, class.groups()?);
        Some(ClassAttributes { redundancy, groups, schema: 0, cell_bytes: CELL_BYTES_DEFAULT })
    }

    fn shape(self) -> Shape {
        Shape { redundancy: self.redundancy, groups: self.groups }
    }

    fn encode(self) -> Vec<u8> {
        let (kind, count, parity) = match self.redundancy {
            Redundancy::None => (0, 1, 0),
            Redundancy::Replicas(count) => (1, count, 0),
            Redundancy::ErasureCode { data, parity } => (2, u16::from(data), u16::from(parity)),
        };
        let groups = match self.groups {
            GroupCount::Exactly(count) => count,
            GroupCount::All => u16::MAX,
        };
        let mut bytes = vec![VERSION, kind];
        [count, parity, groups].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        [self.schema, self.cell_bytes].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes
    }

    fn decode(bytes: &[u8], class: ObjectClass) -> Result<ClassAttributes> {
        let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let read = || {
            let (count, parity, groups) = (short(2)?, short(4)?, short(6)?);
            let redundancy = match bytes[1] {
                0 => Redundancy::None,
                1 => Redundancy::Replicas(count),
                2 => Redundancy::ErasureCode { data: count.try_into().ok()?, parity: parity.try_into().ok()? },
                _ => return None,
            };
            let groups = if groups == u16::MAX { GroupCount::All } else { GroupCount::Exactly(groups) };
            Some(ClassAttributes { redundancy, groups, schema: word(8)?, cell_bytes: word(12)? })
        };
        match if bytes.len() == STORED_LENGTH && bytes[0] == VERSION { read() } else { None } {
            Some(attributes) => Ok(attributes),
            None => fail!(Code::DfInval, "what is stored of object class {:#x} are no attributes of a class", class.0),
        }
    }
}

impl Container {
    /// Registers an object class; durable when it returns. Its identifier must fit an object's: 8 bits that no class of upstream's has, from
    /// bit 24 on, and 16 bits from bit 0 on. `Exist` when another one is registered under it; the same one again is fine.
    pub async fn register_class(&self, client: &Client, class: ObjectClass, attributes: ClassAttributes) -> Result<()> {
        check_registered(class)?;
        // By the rules of placement; what is registered in the container decides which one it is.
        daos_placement::Classes::default().register(class, attributes.shape())?;
        let registry = registry(self, ObjectFlags::READ_WRITE)?;
        let value = UpdateValue::Single(Source::Owned(attributes.encode()));
        let update = AkeyUpdate { akey: Key::new(CLASS_AKEY)?, value };
        match registry.update(client, Conditions::DKEY_INSERT, key_of(class), vec![update]).await {
            Err(status) if status.code() == Code::Exist => match self.class(client, class).await? {
                known if known == attributes => Ok(()),
                _ => fail!(Code::Exist, "another object class is registered as {:#x}, and stays as it is", class.0),
            },
            other => other,
        }
    }

    /// What a class is, one of upstream's or a registered one. `Nonexist` when it is neither.
    pub async fn class(&self, client: &Client, class: ObjectClass) -> Result<ClassAttributes> {
        if let Some(attributes) = ClassAttributes::of(class) {
            return Ok(attributes);
        }
        let registry = registry(self, ObjectFlags::READ_ONLY)?;
        let destination = Some(Destination::Owned(STORED_LENGTH as u64));
        let fetch = AkeyFetch { akey: Key::new(CLASS_AKEY)?, kind: FetchKind::Single, destination };
        let found = registry.fetch(client, Epoch::MAX, Conditions::NONE, key_of(class), vec![fetch]).await?;
        match found.into_iter().next() {
            Some(found) if found.size > 0 => ClassAttributes::decode(&found.bytes, class),
            _ => fail!(Code::Nonexist, "container {} has no object class {:#x}", self.id(), class.0),
        }
    }

    /// Lists registered classes from `anchor` on and moves it.
    pub async fn list_classes(&self, client: &Client, anchor: &mut Anchor, count: u32) -> Result<Vec<ClassEntry>> {
        let registry = registry(self, ObjectFlags::READ_ONLY)?;
        let limits = ListLimits { count, bytes: u64::MAX };
        let mut classes = Vec::new();
        for key in registry.list_dkeys(client, Epoch::MAX, anchor, limits).await? {
            let Ok(number) = <[u8; 4]>::try_from(&key[..]) else {
                fail!(Code::DfInval, "an object class of container {} has a name of {} bytes", self.id(), key.len());
            };
            let class = ObjectClass(u32::from_le_bytes(number));
            classes.push((class, self.class(client, class).await?));
        }
        Ok(classes)
    }

    /// Reads the class of an object's identifier when it is none of upstream's and not known yet, so that the object can be opened. `Inval`
    /// when nobody has registered it.
    pub async fn know_class(&self, client: &Client, object: ObjectId) -> Result<()> {
        if self.shape_of(object).is_some() {
            return Ok(());
        }
        let class = object.class();
        check_registered(class)?;
        let attributes = match self.class(client, class).await {
            Err(status) if status.code() == Code::Nonexist => {
                fail!(Code::Inval, "object {object} has no known object class: {}", status.context())
            }
            other => other?,
        };
        self.registered().register(class, attributes.shape())
    }
}

/// The object that holds what is registered.
fn registry(container: &Container, flags: ObjectFlags) -> Result<Object> {
    Object::open(container, system_object(SystemObject::Classes), flags)
}

fn key_of(class: ObjectClass) -> Key {
    Key::new(&class.0.to_le_bytes()).expect("four bytes are a key")
}

/// An identifier that fits the bits that an object has for its class.
fn check_registered(class: ObjectClass) -> Result<()> {
    if class.redundancy().is_some() || class.0 >> 24 == 0 || class.0 & 0xff_0000 != 0 {
        fail!(
            Code::Inval,
            "{:#x} cannot be registered as an object class: bits 24 to 31 are a number that no class of the system has, bits 16 to 23 \
             are zero",
            class.0
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_back_from_what_is_stored() {
        let class = ObjectClass(0x4000_0001);
        let kinds = [Redundancy::None, Redundancy::Replicas(3), Redundancy::ErasureCode { data: 8, parity: 2 }];
        for redundancy in kinds {
            for groups in [GroupCount::Exactly(3), GroupCount::All] {
                let attributes = ClassAttributes { redundancy, groups, schema: 1, cell_bytes: 4096 };
                let bytes = attributes.encode();
                assert_eq!(bytes.len(), STORED_LENGTH);
                assert_eq!(ClassAttributes::decode(&bytes, class), Ok(attributes));
                for length in 0..bytes.len() {
                    assert!(ClassAttributes::decode(&bytes[..length], class).is_err());
                }
            }
        }
        let mut bytes = ClassAttributes::of(ObjectClass::S1).expect("a class").encode();
        for (place, byte) in [(0, 9), (1, 9)] {
            let was = std::mem::replace(&mut bytes[place], byte);
            assert!(ClassAttributes::decode(&bytes, class).is_err());
            bytes[place] = was;
        }
    }

    #[test]
    fn identifiers_of_registered_classes_fit_an_object() {
        for good in [0x4000_0001, 0xff00_ffff, 0x0200_0000] {
            let class = ObjectClass(good);
            assert!(check_registered(class).is_ok(), "{good:#x}");
            let id = ObjectId::generate(ObjectId { hi: 1, lo: 2 }, daos_types::ObjectType::KV_HASHED, class);
            assert_eq!(id.class(), class);
        }
        for bad in [ObjectClass::S1.0, 7, 0x4001_0000] {
            assert!(check_registered(ObjectClass(bad)).is_err(), "{bad:#x}");
        }
    }
}
