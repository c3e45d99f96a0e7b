//! Where in a store something was read or is to be changed, as words that tables are addressed by.
//!
//! Two places with the same words may be different ones: whoever uses them must be right in that case too, and only more careful
//! than needed.

use crate::key_order::order_of;
use crate::recent::{MIX, word_of_container, word_of_object};
use crate::{Operation, PunchTarget, UpdateRequest};
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

/// Calls `visit` with every place that an operation changes.
pub(crate) fn for_each_change(operation: &Operation, mut visit: impl FnMut(Place) -> Result<()>) -> Result<()> {
    match operation {
        Operation::Update(UpdateRequest { container, object, dkey, akeys, .. }) => {
            let dkey = Place::of_object(*container, *object).dkey(*object, dkey)?;
            akeys.iter().try_for_each(|update| visit(dkey.akey(*object, &update.akey)?))
        }
        Operation::Punch(punch) => for_each_punched(punch.container, punch.object, &punch.what, visit),
    }
}

fn for_each_punched(
    container: ContainerId,
    object: ObjectId,
    what: &PunchTarget,
    mut visit: impl FnMut(Place) -> Result<()>,
) -> Result<()> {
    let place = Place::of_object(container, object);
    match what {
        PunchTarget::Object => visit(place),
        PunchTarget::Dkeys(dkeys) => dkeys.iter().try_for_each(|dkey| visit(place.dkey(object, dkey)?)),
        PunchTarget::Akeys { dkey, akeys } => {
            let place = place.dkey(object, dkey)?;
            akeys.iter().try_for_each(|akey| visit(place.akey(object, akey)?))
        }
    }
}

/// Calls `visit` with every place that the conditions of an operation look at.
pub(crate) fn for_each_condition(operation: &Operation, mut visit: impl FnMut(Place) -> Result<()>) -> Result<()> {
    use crate::Conditions;
    match operation {
        Operation::Update(UpdateRequest { container, object, dkey, akeys, conditions, .. }) => {
            let any = Conditions::DKEY_INSERT | Conditions::DKEY_UPDATE | Conditions::PER_AKEY;
            let of_akeys = Conditions::AKEY_INSERT | Conditions::AKEY_UPDATE;
            if !conditions.has(any | of_akeys) {
                return Ok(());
            }
            let dkey = Place::of_object(*container, *object).dkey(*object, dkey)?;
            if conditions.has(Conditions::DKEY_INSERT | Conditions::DKEY_UPDATE) {
                visit(dkey)?;
            }
            let per_akey = conditions.has(Conditions::PER_AKEY);
            for update in akeys {
                let conditions = if per_akey { update.conditions } else { *conditions };
                if conditions.has(of_akeys) {
                    visit(dkey.akey(*object, &update.akey)?)?;
                }
            }
            Ok(())
        }
        Operation::Punch(punch) if punch.conditions.has(Conditions::PUNCH) => {
            for_each_punched(punch.container, punch.object, &punch.what, visit)
        }
        Operation::Punch(_) => Ok(()),
    }
}
