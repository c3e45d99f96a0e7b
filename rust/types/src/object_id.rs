//! Object identifiers and what their upper bits say.
//!
//! Upstream's layout of the upper half: type in bits 56-63, class redundancy in bits 48-55, class metadata (number of
//! groups) in bits 32-47; the lower 32 bits and the lower half belong to the user.

use crate::ObjectClass;
use std::fmt;

/// How the keys of a level are ordered and compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyKind {
    /// Any bytes; listed in an order of the store's choosing.
    Hashed,
    /// Eight bytes, an unsigned little-endian integer; listed in numeric order.
    Integer,
    /// Any bytes; listed in lexical order.
    Lexical,
}

/// What an object is, as encoded in its identifier (`enum daos_otype_t`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ObjectType(pub u8);

impl ObjectType {
    /// Both key levels hashed (`DAOS_OT_MULTI_HASHED`).
    pub const MULTI_HASHED: ObjectType = ObjectType(0);
    /// A table of objects (`DAOS_OT_OIDS`); what the client keeps for itself in a container is of this type.
    pub const OIDS: ObjectType = ObjectType(1);
    /// A flat key-value object (`DAOS_OT_KV_HASHED`).
    pub const KV_HASHED: ObjectType = ObjectType(8);
    /// An array with its cell and chunk size stored in it (`DAOS_OT_ARRAY`).
    pub const ARRAY: ObjectType = ObjectType(11);
    /// An array whose cell and chunk size its users keep (`DAOS_OT_ARRAY_ATTR`).
    pub const ARRAY_ATTR: ObjectType = ObjectType(12);
    /// A byte array (`DAOS_OT_ARRAY_BYTE`).
    pub const ARRAY_BYTE: ObjectType = ObjectType(13);
    /// The greatest type (`DAOS_OT_MAX`).
    pub const MAX: ObjectType = ObjectType(14);

    /// Whether upstream defines this type.
    pub const fn is_valid(self) -> bool {
        self.0 <= Self::MAX.0
    }

    /// Order of the dkeys.
    pub const fn dkey_kind(self) -> KeyKind {
        match self.0 {
            2 | 4 | 9 | 11 | 12 | 13 => KeyKind::Integer,
            5 | 7 | 10 => KeyKind::Lexical,
            _ => KeyKind::Hashed,
        }
    }

    /// Order of the akeys.
    pub const fn akey_kind(self) -> KeyKind {
        match self.0 {
            3 | 4 => KeyKind::Integer,
            6 | 7 => KeyKind::Lexical,
            _ => KeyKind::Hashed,
        }
    }
}

/// An object within a container (`daos_obj_id_t`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ObjectId {
    /// Upper half: type, class and 32 bits of the user.
    pub hi: u64,
    /// Lower half: the user's.
    pub lo: u64,
}

const TYPE_SHIFT: u32 = 56;
const CLASS_SHIFT: u32 = 48;
const META_SHIFT: u32 = 32;
const USER_MASK: u64 = 0xffff_ffff;

impl ObjectId {
    /// Puts type and class into the upper bits of a user's identifier; what stood there is replaced.
    pub fn generate(user: ObjectId, kind: ObjectType, class: ObjectClass) -> ObjectId {
        let redundancy = u64::from(class.0 >> 24);
        let groups = u64::from(class.0 & 0xffff);
        let hi = (user.hi & USER_MASK)
            | (u64::from(kind.0) << TYPE_SHIFT)
            | (redundancy << CLASS_SHIFT)
            | (groups << META_SHIFT);
        ObjectId { hi, lo: user.lo }
    }

    /// The type bits.
    pub const fn object_type(self) -> ObjectType {
        ObjectType((self.hi >> TYPE_SHIFT) as u8)
    }

    /// The class bits.
    pub const fn class(self) -> ObjectClass {
        let redundancy = ((self.hi >> CLASS_SHIFT) & 0xff) as u32;
        let groups = ((self.hi >> META_SHIFT) & 0xffff) as u32;
        ObjectClass((redundancy << 24) | groups)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.hi, self.lo)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.hi, self.lo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_class_round_trip() {
        let user = ObjectId { hi: u64::MAX, lo: 7 };
        for class in ObjectClass::named() {
            for kind in 0..=ObjectType::MAX.0 {
                let id = ObjectId::generate(user, ObjectType(kind), class);
                assert_eq!((id.object_type(), id.class(), id.lo), (ObjectType(kind), class, 7));
                assert_eq!(id.hi & USER_MASK, USER_MASK);
            }
        }
    }
}
