//! Many values or objects at a time.

use super::flights::fly;
use super::library::daos;
use super::object::{Object, single};
use super::types::{Descriptor, Handle, ScatterGather, Vector};
use super::{check, number};
use crate::failure::Result;

/// What a request for a value leads to.
struct Value {
    number: usize,
    key: Vector,
    descriptor: Descriptor,
    list: ScatterGather,
    vector: Vector,
    bytes: Vec<u8>,
}

/// The single values under an akey of many dkeys, in the same order; none where there is none. Most have no more bytes than the room.
pub fn fetch_all(object: &Object, dkeys: &[Vec<u8>], akey: &[u8], room: usize) -> Result<Vec<Option<Vec<u8>>>> {
    let places: Vec<_> = dkeys.iter().map(|dkey| (object, dkey.as_slice())).collect();
    fetch_each(&places, akey, room)
}

/// The same of dkeys of several objects.
pub fn fetch_each(places: &[(&Object, &[u8])], akey: &[u8], room: usize) -> Result<Vec<Option<Vec<u8>>>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    if let [(object, dkey)] = places {
        return Ok(vec![object.fetch(dkey, akey)?]);
    }
    let load = |number: usize| Value {
        number,
        key: Vector::of(places[number].1),
        descriptor: single(akey, 0),
        list: ScatterGather { count: 1, count_out: 0, vectors: std::ptr::null_mut() },
        vector: Vector::of(&[]),
        bytes: vec![0; room],
    };
    let start = |value: &mut Value, event| {
        let object = places[value.number].0;
        let Value { key, descriptor, list, vector, bytes, .. } = value;
        *vector = Vector::into(bytes);
        list.vectors = vector;
        let (handle, seen, maps) = (object.handle(), object.seen(), std::ptr::null_mut());
        // SAFETY: all that it leads to stays where it is until the event has completed, and the keys are the caller's for as long.
        let result = unsafe { daos()?.fetch(handle, seen, 0, key, 1, descriptor, list, maps, event) };
        check("cannot read a value", result)
    };
    let mut values = vec![None; places.len()];
    let land = |value: Value, error| {
        let Value { number, descriptor, mut bytes, .. } = value;
        let size = usize::try_from(descriptor.size).unwrap_or(usize::MAX);
        values[number] = if error == number::RECORD_TOO_BIG || size > bytes.len() {
            // A longer one is fetched again by itself.
            let (object, dkey) = places[number];
            object.fetch(dkey, akey)?
        } else {
            check("cannot read a value", error)?;
            bytes.truncate(size);
            (size > 0).then_some(bytes)
        };
        Ok(())
    };
    fly(places.len(), load, start, land)?;
    Ok(values)
}

/// Removes objects. What is not there needs no removing.
pub fn punch_each(objects: &[Object]) -> Result<()> {
    let start = |number: &mut usize, event| {
        // SAFETY: takes no pointer but the event, which stays where it is until it has completed.
        let result = unsafe { daos()?.object_punch(objects[*number].handle(), Handle::NONE, 0, event) };
        check("cannot remove an object", result)
    };
    let land = |_, error| if error == number::NOT_EXISTENT { Ok(()) } else { check("cannot remove an object", error) };
    fly(objects.len(), |number| number, start, land)
}
