//! Identifiers of HDF5 that close themselves, and what dataspaces and datatypes are asked.

use super::library::library;
use super::predefined;
use super::stand_in::has_old_references;
use super::types::{DEFAULT, Hid, Hsize, RANK_MAX, identifier_type, space_class, type_class};
use crate::failure::{Failure, Minor, Result};
use std::ffi::{c_int, c_void};

/// An identifier that is ours to close.
#[derive(Debug)]
pub struct Identifier(Hid);

impl Identifier {
    /// Takes what a function of HDF5 gave; `what` names it when it is none.
    pub fn new(id: Hid, what: &str) -> Result<Self> {
        if id < 0 { Err(Failure::new(Minor::CannotGet, format!("HDF5 gives no {what}"))) } else { Ok(Self(id)) }
    }

    pub fn get(&self) -> Hid {
        self.0
    }

    /// Gives it away, to who closes it.
    pub fn release(self) -> Hid {
        let id = self.0;
        std::mem::forget(self);
        id
    }
}

impl Drop for Identifier {
    fn drop(&mut self) {
        // SAFETY: takes no pointer.
        unsafe { library().close(self.0) };
    }
}

fn check(result: c_int, what: &str) -> Result<()> {
    if result < 0 { Err(Failure::new(Minor::CannotGet, format!("HDF5 refuses to {what}"))) } else { Ok(()) }
}

/// A selection that replaces the one before (`H5S_SELECT_SET`).
const SELECT_SET: c_int = 0;

/// Calls an encoder twice: for the size, and for the bytes.
fn encoded(what: &str, mut encode: impl FnMut(*mut c_void, &mut usize) -> c_int) -> Result<Vec<u8>> {
    let mut size = 0;
    check(encode(std::ptr::null_mut(), &mut size), what)?;
    let mut bytes = vec![0; size];
    check(encode(bytes.as_mut_ptr().cast(), &mut size), what)?;
    bytes.truncate(size);
    Ok(bytes)
}

/// The bytes of a property list.
pub fn encode_property_list(id: Hid) -> Result<Vec<u8>> {
    encoded("encode a property list", |buffer, size| {
        // SAFETY: the buffer is null or has as many bytes.
        unsafe { library().list_encode(id, buffer, size, DEFAULT) }
    })
}

/// Refuses what a program gives as a property list and is none.
pub fn require_list(id: Hid) -> Result<()> {
    // SAFETY: takes no pointer.
    if id == DEFAULT || unsafe { library().kind_of(id) } == identifier_type::PROPERTY_LIST {
        return Ok(());
    }
    Err(Failure::new(Minor::BadValue, "what should be a property list is none"))
}

/// A dataspace.
pub struct Space(Identifier);

impl Space {
    pub fn new(id: Hid) -> Result<Self> {
        Ok(Self(Identifier::new(id, "dataspace")?))
    }

    pub fn copy_of(id: Hid) -> Result<Self> {
        // SAFETY: takes no pointer.
        Self::new(unsafe { library().space_copy(id) })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        // SAFETY: the bytes are what `H5Sencode2` has written, which says how many they are; checksums guard them.
        Self::new(unsafe { library().space_decode(bytes.as_ptr().cast()) })
    }

    pub fn encode(&self) -> Result<Vec<u8>> {
        encoded("encode a dataspace", |buffer, size| {
            // SAFETY: the buffer is null or has as many bytes.
            unsafe { library().space_encode(self.get(), buffer, size, DEFAULT) }
        })
    }

    pub fn get(&self) -> Hid {
        self.0.get()
    }

    pub fn copy(&self) -> Result<Self> {
        Self::copy_of(self.get())
    }

    /// Selects one box and nothing else. Both have a number for each dimension.
    pub fn select(&self, start: &[Hsize], count: &[Hsize]) -> Result<()> {
        let none = std::ptr::null();
        // SAFETY: both arrays have as many elements as the dataspace has dimensions.
        let result =
            unsafe { library().space_select(self.get(), SELECT_SET, start.as_ptr(), none, count.as_ptr(), none) };
        check(result, "select a part of a dataspace")
    }

    pub fn release(self) -> Hid {
        self.0.release()
    }

    pub fn is_null(&self) -> bool {
        // SAFETY: takes no pointer.
        unsafe { library().space_class(self.get()) == space_class::NULL }
    }

    /// How many elements its extent has.
    pub fn count(&self) -> Result<u64> {
        // SAFETY: takes no pointer.
        let count = unsafe { library().space_count(self.get()) };
        u64::try_from(count).map_err(|_| Failure::new(Minor::CannotGet, "HDF5 cannot count a dataspace"))
    }

    /// Its dimensions, none for a scalar.
    pub fn dimensions(&self) -> Result<Vec<Hsize>> {
        Ok(self.both()?.0)
    }

    /// Its dimensions and how far they may grow.
    pub fn both(&self) -> Result<(Vec<Hsize>, Vec<Hsize>)> {
        let (mut dimensions, mut maximum) = ([0; RANK_MAX], [0; RANK_MAX]);
        // SAFETY: no dataspace has more dimensions than these arrays.
        let rank = unsafe { library().space_dimensions(self.get(), dimensions.as_mut_ptr(), maximum.as_mut_ptr()) };
        let rank = usize::try_from(rank)
            .map_err(|_| Failure::new(Minor::CannotGet, "HDF5 does not tell the extent of a dataspace"))?;
        Ok((dimensions[..rank].to_vec(), maximum[..rank].to_vec()))
    }

    /// Gives it other dimensions, with the limits that it has.
    pub fn set_dimensions(&self, dimensions: &[Hsize]) -> Result<()> {
        let (_, maximum) = self.both()?;
        if maximum.len() != dimensions.len() {
            return Err(Failure::new(Minor::BadValue, "the number of dimensions cannot change"));
        }
        let rank =
            c_int::try_from(dimensions.len()).map_err(|_| Failure::new(Minor::BadValue, "too many dimensions"))?;
        // SAFETY: both arrays have as many elements as said.
        let result = unsafe { library().space_set_dimensions(self.get(), rank, dimensions.as_ptr(), maximum.as_ptr()) };
        check(result, "set the extent of a dataspace")
    }
}

/// A datatype.
pub enum Type {
    /// One that was made for this.
    Made(Identifier),
    /// One that HDF5 has itself, and never changes.
    Predefined(Hid),
}

impl Type {
    pub fn new(id: Hid) -> Result<Self> {
        Ok(Self::Made(Identifier::new(id, "datatype")?))
    }

    pub fn copy_of(id: Hid) -> Result<Self> {
        // SAFETY: takes no pointer.
        Self::new(unsafe { library().type_copy(id) })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        match predefined::find(bytes) {
            Some(id) => Ok(Self::Predefined(id)),
            None => Self::new(library().type_decode(bytes)),
        }
    }

    pub fn encode_id(id: Hid) -> Result<Vec<u8>> {
        encoded("encode a datatype", |buffer, size| {
            // SAFETY: the buffer is null or has as many bytes.
            unsafe { library().type_encode(id, buffer, size) }
        })
    }

    pub fn get(&self) -> Hid {
        match self {
            Self::Made(id) => id.get(),
            Self::Predefined(id) => *id,
        }
    }

    pub fn copy(&self) -> Result<Self> {
        Self::copy_of(self.get())
    }

    /// The same for another place here: what HDF5 has itself is not copied.
    pub fn again(&self) -> Result<Self> {
        match self {
            Self::Made(_) => self.copy(),
            Self::Predefined(id) => Ok(Self::Predefined(*id)),
        }
    }

    /// A copy for a program, which closes it.
    pub fn give(&self) -> Result<Hid> {
        match self.copy()? {
            Self::Made(id) => Ok(id.release()),
            Self::Predefined(id) => Ok(id),
        }
    }

    pub fn size(&self) -> usize {
        size_of_type(self.get())
    }
}

/// Bytes of an element.
pub fn size_of_type(id: Hid) -> usize {
    // SAFETY: takes no pointer.
    unsafe { library().type_size(id) }
}

/// Whether elements lead to more bytes elsewhere, or to objects: such are always converted.
pub fn leads_elsewhere(id: Hid) -> Result<bool> {
    // SAFETY: takes no pointer.
    let (class, is_text) = unsafe { (library().type_class(id), library().type_is_text(id)) };
    match class {
        type_class::VARIABLE_LENGTH => Ok(true),
        // Those of the first kind are plain bytes.
        type_class::REFERENCE => has_old_references(id).map(|is_plain| !is_plain),
        type_class::ARRAY => {
            // SAFETY: takes no pointer.
            let inner = Type::new(unsafe { library().type_super(id) })?;
            leads_elsewhere(inner.get())
        }
        type_class::COMPOUND => {
            // SAFETY: takes no pointer.
            let count = unsafe { library().type_member_count(id) };
            for number in 0..u32::try_from(count).unwrap_or_default() {
                // SAFETY: takes no pointer.
                let member = Type::new(unsafe { library().type_member(id, number) })?;
                if leads_elsewhere(member.get())? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(is_text > 0),
    }
}

/// A compound type's member of a number.
pub fn member(id: Hid, number: u32) -> Result<Type> {
    // SAFETY: takes no pointer.
    Type::new(unsafe { library().type_member(id, number) })
}

pub fn member_count(id: Hid) -> u32 {
    // SAFETY: takes no pointer.
    u32::try_from(unsafe { library().type_member_count(id) }).unwrap_or_default()
}

pub fn class(id: Hid) -> c_int {
    // SAFETY: takes no pointer.
    unsafe { library().type_class(id) }
}

/// What an array, an enumeration or a sequence consists of.
pub fn base(id: Hid) -> Result<Type> {
    // SAFETY: takes no pointer.
    Type::new(unsafe { library().type_super(id) })
}

/// Whether elements are structs with members, or arrays of such. Sequences of variable length are replaced as a whole.
pub fn has_members(id: Hid) -> Result<bool> {
    match class(id) {
        type_class::COMPOUND => Ok(true),
        type_class::ARRAY => has_members(base(id)?.get()),
        _ => Ok(false),
    }
}

/// Whether a datatype has all members that another one has, so that writing by it leaves nothing as it was.
pub fn covers(source: Hid, target: Hid) -> Result<bool> {
    match (class(source), class(target)) {
        (type_class::COMPOUND, type_class::COMPOUND) => {
            for number in 0..member_count(target) {
                // SAFETY: takes no pointer; the name is HDF5's to free, which is done here.
                let found = unsafe {
                    let name = library().type_member_name(target, number);
                    let found = if name.is_null() { -1 } else { library().type_member_number(source, name) };
                    library().free(name.cast());
                    found
                };
                let Ok(found) = u32::try_from(found) else { return Ok(false) };
                if !covers(member(source, found)?.get(), member(target, number)?.get())? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (type_class::ARRAY, type_class::ARRAY) => covers(base(source)?.get(), base(target)?.get()),
        // Sequences are replaced as a whole.
        (_, other) => Ok(other != type_class::COMPOUND),
    }
}

/// Whether two datatypes are the same, so that nothing is to be converted.
pub fn are_equal(one: Hid, other: Hid) -> bool {
    // SAFETY: takes no pointer.
    unsafe { library().type_equal(one, other) > 0 }
}
