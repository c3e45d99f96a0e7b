//! What transactions change, and what is there after their changes.

use super::look::{Look, Read, Seen};
use crate::common::{CONTAINER, key};
use daos_store::*;
use daos_types::{Epoch, Key, ObjectId, TransactionId};
use std::collections::BTreeMap;

/// An object, a dkey and an akey.
pub(super) type Spot = (u64, u64, u64);

#[derive(Clone, Debug)]
pub(super) enum Write {
    Put(Spot, u64),
    PunchAkey(Spot),
    PunchDkey(u64, u64),
    PunchObject(u64),
}

#[derive(Clone, Debug)]
pub struct Part {
    pub(super) id: TransactionId,
    pub(super) epoch: u64,
    pub(super) writes: Vec<Write>,
    /// Whether the first dkey has to exist.
    pub(super) condition: Option<bool>,
}

pub(super) fn object(number: u64) -> ObjectId {
    ObjectId { hi: 0, lo: 10 + number }
}

pub(super) fn name(number: u64) -> Key {
    key(&format!("key {number}"))
}

/// Bytes of which some lie on the data device.
pub(super) fn bytes(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(4) { 5000 } else { 8 + number as usize % 40 };
    let mut bytes = vec![number as u8; length];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

impl Part {
    pub(super) fn operations(&self) -> Vec<Operation> {
        let (epoch, none) = (Epoch(self.epoch), Conditions::NONE);
        let punch = |object_number, what| {
            let object = object(object_number);
            Operation::Punch(PunchRequest { container: CONTAINER, object, epoch, what, conditions: none })
        };
        let mut operations = Vec::new();
        for (index, write) in self.writes.iter().enumerate() {
            operations.push(match write {
                Write::Put((o, d, a), number) => {
                    let value = UpdateValue::Single(bytes(*number).into());
                    let akeys = vec![AkeyUpdate { akey: name(*a), value, conditions: none }];
                    let conditions = match self.condition.filter(|_| index == 0) {
                        None => none,
                        Some(true) => Conditions::DKEY_UPDATE,
                        Some(false) => Conditions::DKEY_INSERT,
                    };
                    let (container, object, dkey) = (CONTAINER, object(*o), name(*d));
                    Operation::Update(UpdateRequest { container, object, epoch, dkey, conditions, akeys: akeys.into() })
                }
                Write::PunchAkey((o, d, a)) => punch(*o, PunchTarget::Akeys { dkey: name(*d), akeys: vec![name(*a)] }),
                Write::PunchDkey(o, d) => punch(*o, PunchTarget::Dkeys(vec![name(*d)])),
                Write::PunchObject(o) => punch(*o, PunchTarget::Object),
            });
        }
        operations
    }

    pub(super) fn request(&self) -> TransactionRequest {
        let (transaction, epoch, operations) = (self.id, Epoch(self.epoch), self.operations());
        TransactionRequest { transaction, epoch, container: CONTAINER, operations, reads: Vec::new() }
    }

    /// What its condition has seen, if that is how it was answered.
    pub(super) fn condition_read(&self, is_met: bool) -> Option<Read> {
        let (expected, Write::Put((o, d, _), _)) = (self.condition?, self.writes.first()?) else { return None };
        let seen = Seen::Exists(if is_met { expected } else { !expected });
        Some(Read { below: self.epoch, look: Look::DkeyExists(*o, *d), seen })
    }
}

pub(super) fn apply(state: &mut BTreeMap<Spot, u64>, writes: &[Write]) {
    for write in writes {
        match write {
            Write::Put(spot, number) => drop(state.insert(*spot, *number)),
            Write::PunchAkey(spot) => drop(state.remove(spot)),
            Write::PunchDkey(o, d) => state.retain(|spot, _| (spot.0, spot.1) != (*o, *d)),
            Write::PunchObject(o) => state.retain(|spot, _| spot.0 != *o),
        }
    }
}
