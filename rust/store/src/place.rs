//! Where in a store something was read or is to be changed, as words that tables are addressed by.
//!
//! Two places with the same words may be different ones: whoever uses them must be right in that case too, and only more careful
//! than needed.

use crate::key_order::order_of;
use crate::recent::{MIX, word_of_container, word_of_object};
use crate::{Conditions, Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue};
use daos_status::Result;
use daos_types::{ContainerId, Key, ObjectId};

/// How much a [`Place`] takes in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Scope {
    /// All objects of a container.
    Container,
    /// All of an object.
    Object,
    /// All of a dkey.
    Dkey,
    /// The values of one akey.
    Akey,
}

/// A container, object, dkey or akey, with everything below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub scope: Scope,
    pub container: u64,
    pub object: u64,
    pub dkey: u64,
    /// The order word of the akey.
    pub akey: u64,
}

impl Place {
    pub(crate) fn of_container(container: ContainerId) -> Place {
        Place { scope: Scope::Container, container: word_of_container(container), object: 0, dkey: 0, akey: 0 }
    }

    pub(crate) fn of_object(container: ContainerId, object: ObjectId) -> Place {
        let word = word_of_object(container, object);
        Place { scope: Scope::Object, object: word, ..Place::of_container(container) }
    }

    /// All of a dkey of the object that this is.
    pub(crate) fn dkey(self, object: ObjectId, dkey: &Key) -> Result<Place> {
        let order = order_of(object.object_type().dkey_kind(), dkey)?;
        Ok(Place { scope: Scope::Dkey, dkey: word_of_dkey(self.object, order), ..self })
    }

    /// An akey of the dkey that this is.
    pub(crate) fn akey(self, object: ObjectId, akey: &Key) -> Result<Place> {
        let order = order_of(object.object_type().akey_kind(), akey)?;
        Ok(Place { scope: Scope::Akey, akey: order, ..self })
    }

    /// The word of an akey among those of all dkeys.
    pub(crate) fn akey_word(&self) -> u64 {
        self.dkey.rotate_left(23) ^ self.akey.wrapping_mul(MIX)
    }
}

/// The word of a dkey, from that of its object and its order word.
#[inline]
pub(crate) fn word_of_dkey(object: u64, order: u64) -> u64 {
    object ^ order
}

/// A [`Place`] with the names that lead to it.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub place: Place,
    pub object: ObjectId,
    pub dkey: Option<&'a Key>,
    pub akey: Option<&'a Key>,
    /// What is put under the akey.
    pub value: Option<&'a UpdateValue>,
}

impl<'a> Named<'a> {
    fn object(container: ContainerId, object: ObjectId) -> Named<'a> {
        Named { place: Place::of_object(container, object), object, dkey: None, akey: None, value: None }
    }

    fn dkey(self, dkey: &'a Key) -> Result<Named<'a>> {
        Ok(Named { place: self.place.dkey(self.object, dkey)?, dkey: Some(dkey), ..self })
    }

    fn akey(self, akey: &'a Key, value: Option<&'a UpdateValue>) -> Result<Named<'a>> {
        Ok(Named { place: self.place.akey(self.object, akey)?, akey: Some(akey), value, ..self })
    }
}

/// Calls `visit` with everything that an operation changes.
pub(crate) fn for_each_change<'a>(
    operation: &'a Operation,
    mut visit: impl FnMut(Named<'a>) -> Result<()>,
) -> Result<()> {
    match operation {
        Operation::Update(UpdateRequest { container, object, dkey, akeys, .. }) => {
            let dkey = Named::object(*container, *object).dkey(dkey)?;
            akeys.iter().try_for_each(|update| visit(dkey.akey(&update.akey, Some(&update.value))?))
        }
        Operation::Punch(punch) => for_each_punched(punch, visit),
    }
}

fn for_each_punched<'a>(punch: &'a PunchRequest, mut visit: impl FnMut(Named<'a>) -> Result<()>) -> Result<()> {
    let object = Named::object(punch.container, punch.object);
    match &punch.what {
        PunchTarget::Object => visit(object),
        PunchTarget::Dkeys(dkeys) => dkeys.iter().try_for_each(|dkey| visit(object.dkey(dkey)?)),
        PunchTarget::Akeys { dkey, akeys } => {
            let dkey = object.dkey(dkey)?;
            akeys.iter().try_for_each(|akey| visit(dkey.akey(akey, None)?))
        }
    }
}

/// Whether an operation has conditions.
#[inline]
pub(crate) fn has_conditions(operation: &Operation) -> bool {
    let (Operation::Update(UpdateRequest { conditions, .. }) | Operation::Punch(PunchRequest { conditions, .. })) =
        operation;
    *conditions != Conditions::NONE
}

/// Calls `visit` with everything that the conditions of an operation look at.
pub(crate) fn for_each_condition<'a>(
    operation: &'a Operation,
    mut visit: impl FnMut(Named<'a>) -> Result<()>,
) -> Result<()> {
    match operation {
        Operation::Update(UpdateRequest { container, object, dkey, akeys, conditions, .. }) => {
            let dkey = Named::object(*container, *object).dkey(dkey)?;
            if conditions.has(Conditions::DKEY_INSERT | Conditions::DKEY_UPDATE) {
                visit(dkey)?;
            }
            let per_akey = conditions.has(Conditions::PER_AKEY);
            for update in akeys {
                let conditions = if per_akey { update.conditions } else { *conditions };
                if conditions.has(Conditions::AKEY_INSERT | Conditions::AKEY_UPDATE) {
                    visit(dkey.akey(&update.akey, None)?)?;
                }
            }
            Ok(())
        }
        Operation::Punch(punch) if punch.conditions.has(Conditions::PUNCH) => for_each_punched(punch, visit),
        Operation::Punch(_) => Ok(()),
    }
}
