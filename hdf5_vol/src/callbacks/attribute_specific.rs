//! Attributes of an object: removing, renaming, going through them.

use super::attribute::{information_of, nth};
use super::unknown;
use crate::attributes::BATCH;
use crate::failure::{Failure, Minor, Result};
use crate::format::AttributeRecord;
use crate::guard;
use crate::handle::{Handle, Located, locate, name};
use crate::hdf5::arguments::{AttributeIterate, AttributeSpecific, Location, attribute_specific};
use crate::hdf5::class::{Object, Request};
use crate::hdf5::{Herr, Hid, index_type, order};
use std::ffi::CString;

pub unsafe extern "C" fn specific(
    object: Object,
    location: *const Location,
    arguments: *mut AttributeSpecific,
    _: Hid,
    _: Request,
) -> Herr {
    guard::number(c"H5Aspecific", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let values = &mut arguments.arguments;
            match arguments.operation {
                attribute_specific::DELETE => {
                    let name = name(values.name)?;
                    change(handle, location, |parent| parent.node.remove_attribute(name))?;
                }
                attribute_specific::DELETE_BY_INDEX => {
                    let wanted = values.by_index;
                    change(handle, location, |parent| {
                        parent.node.remove_attribute(&nth(parent, wanted.index, wanted.order, wanted.number)?)
                    })?;
                }
                attribute_specific::EXISTS => {
                    let asked = values.exists;
                    *asked.exists = locate(handle, location)?.node.attribute(name(asked.name)?)?.is_some();
                }
                attribute_specific::ITERATE => return iterate(locate(handle, location)?, &values.iterate),
                attribute_specific::RENAME => {
                    let names = values.rename;
                    let (old, new) = (name(names.old)?, name(names.new)?);
                    change(handle, location, |parent| rename(parent, old, new))?;
                }
                _ => return unknown("this operation on an attribute"),
            }
        }
        Ok(0)
    })
}

/// Changes attributes of the object that is meant, for all ranks that there are.
///
/// # Safety
/// The location is one that HDF5 gives.
unsafe fn change(
    handle: &Handle,
    location: *const Location,
    change: impl FnOnce(&Located) -> Result<()>,
) -> Result<()> {
    let file = handle.file()?;
    let parent = || {
        // SAFETY: as the caller promises.
        let parent = unsafe { locate(handle, location)? };
        file.require_own(&parent.node)?;
        Ok(parent)
    };
    let hear = |parent: &Located, _: &[u8]| {
        parent.node.know_attribute_change();
        Ok(())
    };
    file.together_with(parent, change, |()| Ok(Vec::new()), hear)
}

fn rename(parent: &Located, old: &[u8], new: &[u8]) -> Result<()> {
    parent.node.file.require_writable()?;
    let record = parent.node.require_attribute(old)?;
    if old == new {
        return Ok(());
    }
    if parent.node.attribute(new)?.is_some() {
        let sentence = format!("the attribute {} is there already", String::from_utf8_lossy(new));
        return Err(Failure::new(Minor::Exists, sentence));
    }
    // The new name first: what fails between the two leaves the attribute twice, and not nowhere.
    parent.node.put_attribute(new, &record)?;
    parent.node.remove_attribute_name(old)
}

/// Attributes that were read together, as long as none has changed.
#[derive(Default)]
struct Batch {
    first: usize,
    records: Vec<Option<AttributeRecord>>,
    changes: u64,
}

impl Batch {
    /// The attribute at a place among the names, for the first time.
    fn get(&mut self, parent: &Located, names: &[Vec<u8>], place: usize) -> Result<Option<AttributeRecord>> {
        let changes = parent.node.attribute_changes.get();
        if place - self.first >= self.records.len() || self.changes != changes {
            // A function that changes them each time has nothing of those behind.
            let count = if self.changes == changes || self.records.is_empty() { BATCH } else { 1 };
            let names = &names[place..names.len().min(place + count)];
            *self = Self { first: place, records: parent.node.attribute_records(names)?, changes };
        }
        Ok(self.records[place - self.first].take())
    }
}

/// Calls the program's function for each attribute. What it gives ends the iteration unless it is zero.
unsafe fn iterate(parent: Located, iterate: &AttributeIterate) -> Result<Herr> {
    let by_creation = iterate.index == index_type::CREATION_ORDER;
    let names = parent.node.ordered_attribute_names(by_creation, iterate.order == order::DECREASING)?;
    // SAFETY: null, or a number of the program's.
    let position = unsafe { iterate.position.as_mut() };
    let first = position.as_ref().map_or(0, |position| usize::try_from(**position).unwrap_or(usize::MAX));
    if first > 0 && first >= names.len() {
        return Err(Failure::new(Minor::BadValue, "an iteration begins behind the last attribute"));
    }
    let object = Handle::open(parent.clone())?.register()?;
    let mut done = first;
    let mut result = 0;
    let mut batch = Batch::default();
    for (place, name) in names.iter().enumerate().skip(first) {
        done += 1;
        // The program's function may have removed it.
        let Some(record) = batch.get(&parent, &names, place)? else { continue };
        let information = information_of(&parent, &record)?;
        // It may open it, too.
        let _when_there_is_room = parent.node.keep_attribute(name, record);
        let text = CString::new(name.as_slice());
        let text = text.map_err(|_| Failure::new(Minor::Damaged, "an attribute's name has a zero byte in it"))?;
        // SAFETY: the function is the program's, which gets what HDF5's documentation says.
        result = unsafe { (iterate.visitor)(object.get(), text.as_ptr(), &raw const information, iterate.data) };
        if result != 0 {
            break;
        }
    }
    if let Some(position) = position {
        *position = done as u64;
    }
    Ok(result)
}
