//! Keys and values of maps between memory and the container.
//!
//! ```text
//! key, fixed length      the element, without gaps between members
//! key, variable length   bytes of the text or elements of the sequence, and a zero byte, as no key of DAOS is empty; 1 alone for a text that is none
//! value, fixed length    the element
//! value, variable length 0 for a text that is none, else 1 and its bytes, or the elements of the sequence
//! value, others          the element, in which 16 bytes name each value of variable length in the file's heap
//! ```
//! Elements are of the datatypes that the map was made with.

use super::sameness::Sameness;
use crate::convert::{Background, Stored};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::hdf5::{
    DEFAULT, Hid, Type, base_type, class_of_type, has_members, leads_elsewhere, library, size_of_type, type_class,
};
use crate::references::{Sequence, has_references};
use std::ffi::{c_char, c_void};
use std::rc::Rc;

/// How a key or a value lies in the container.
pub enum Form {
    /// One element, also one with values of variable length within.
    Element(Stored),
    /// A text of variable length.
    Text,
    /// A sequence of variable length of such elements.
    Sequence(Stored),
}

/// How keys lie in the container.
pub struct Key {
    form: Form,
    /// None of texts of variable length, whose bytes all mean something.
    sameness: Option<Sameness>,
}

/// What is before the bytes of a value of variable length; what a key of variable length ends with, and what stands for one that is none.
const NONE: u8 = 0;
const SOME: u8 = 1;

fn is_text(kind: Hid) -> bool {
    // SAFETY: takes no pointer.
    unsafe { library().type_is_text(kind) > 0 }
}

fn cannot_convert() -> Failure {
    Failure::new(Minor::CannotConvert, "HDF5 cannot convert between the datatypes of memory and map")
}

impl Form {
    /// Of a value of this datatype, which HDF5 has encoded.
    pub fn of_value(file: &Rc<File>, encoded: &[u8]) -> Result<Self> {
        Self::of(file, &Type::decode(encoded)?, encoded)
    }

    fn of(file: &Rc<File>, kind: &Type, encoded: &[u8]) -> Result<Self> {
        if is_text(kind.get()) {
            return Ok(Self::Text);
        }
        if class_of_type(kind.get()) == type_class::VARIABLE_LENGTH {
            let base = base_type(kind.get())?;
            if !leads_elsewhere(base.get())? {
                return Ok(Self::Sequence(Stored::decode(file, &Type::encode_id(base.get())?)?));
            }
        }
        Ok(Self::Element(Stored::decode(file, encoded)?))
    }

    /// Of a key, with what makes equal ones the same bytes. Nothing in it may lead elsewhere.
    pub fn of_key(file: &Rc<File>, encoded: &[u8]) -> Result<Key> {
        let kind = Type::decode(encoded)?;
        let packed = packed(&kind)?;
        let kind = packed.as_ref().unwrap_or(&kind);
        let form = Self::of(file, kind, &Type::encode_id(kind.get())?)?;
        let is_plain = match &form {
            Self::Element(stored) => !stored.leads_elsewhere,
            Self::Text | Self::Sequence(_) => true,
        };
        if !is_plain || has_references(kind.get())? {
            let sentence = "a key is one element without references, and with variable length only as a whole: a text, or a sequence of \
                            elements of fixed length";
            return Err(Failure::new(Minor::BadType, sentence));
        }
        let sameness = match &form {
            Self::Element(stored) | Self::Sequence(stored) => Some(Sameness::of(stored.file.get())?),
            Self::Text => None,
        };
        Ok(Key { form, sameness })
    }

    /// Whether the bytes of a value mean something in this file alone.
    pub fn leads_elsewhere(&self) -> bool {
        matches!(self, Self::Element(stored) if stored.leads_elsewhere)
    }

    /// The value that lies in memory, as it is stored. `before` gives what is stored already, of which members may stay.
    ///
    /// # Safety
    /// As for [`Key::stored`].
    pub unsafe fn value(
        &self,
        kind: Hid,
        memory: *const c_void,
        list: Hid,
        before: impl FnOnce(usize) -> Result<Option<Vec<u8>>>,
    ) -> Result<Vec<u8>> {
        // SAFETY: as the caller promises.
        let bytes = unsafe { self.bytes(kind, memory, list, before)? };
        Ok(match (self, bytes) {
            (Self::Element(_), bytes) => bytes.unwrap_or_default(),
            (_, None) => vec![NONE],
            (_, Some(mut bytes)) => {
                bytes.insert(0, SOME);
                bytes
            }
        })
    }

    unsafe fn bytes(
        &self,
        kind: Hid,
        memory: *const c_void,
        list: Hid,
        before: impl FnOnce(usize) -> Result<Option<Vec<u8>>>,
    ) -> Result<Option<Vec<u8>>> {
        if memory.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no memory with a key or a value"));
        }
        match self {
            Self::Element(stored) => {
                // SAFETY: as the caller promises.
                let bytes = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), size_of_type(kind)) }.to_vec();
                if stored.is_same(kind) {
                    return Ok(Some(bytes));
                }
                let size = stored.file.size();
                let background = match stored.background_in_file(kind)? {
                    Background::None => None,
                    Background::Zeros => Some(vec![0; size]),
                    Background::Stored => Some(before(size)?.unwrap_or_else(|| vec![0; size])),
                };
                stored.to_file(bytes, 1, kind, background, list).map(Some)
            }
            Self::Text => {
                if !is_text(kind) {
                    return Err(cannot_convert());
                }
                // SAFETY: the memory has a pointer to text, or null.
                unsafe {
                    let text = memory.cast::<*const c_char>().read_unaligned();
                    Ok((!text.is_null()).then(|| std::ffi::CStr::from_ptr(text).to_bytes().to_vec()))
                }
            }
            Self::Sequence(stored) => {
                let base = sequence_base(kind)?;
                // SAFETY: the memory has a sequence.
                let sequence = unsafe { memory.cast::<Sequence>().read_unaligned() };
                if sequence.count == 0 {
                    return Ok(Some(Vec::new()));
                }
                let size = sequence.count.checked_mul(base.size()).filter(|_| !sequence.elements.is_null());
                let size = size.ok_or_else(|| Failure::new(Minor::BadValue, "a sequence has no elements in memory"))?;
                // SAFETY: the sequence has as many elements.
                let bytes = unsafe { std::slice::from_raw_parts(sequence.elements.cast::<u8>(), size) }.to_vec();
                if stored.is_same(base.get()) {
                    return Ok(Some(bytes));
                }
                let room = sequence.count * stored.file.size();
                let background = has_members(stored.memory.get())?.then(|| vec![0; room]);
                stored.to_file(bytes, sequence.count, base.get(), background, list).map(Some)
            }
        }
    }

    /// Puts a value into memory. What it leads to there is the program's to free.
    ///
    /// # Safety
    /// The same, and the memory has an element of the datatype where that has members.
    pub unsafe fn value_to_memory(&self, bytes: &[u8], kind: Hid, memory: *mut c_void, list: Hid) -> Result<()> {
        let bytes = match (self, bytes.split_first()) {
            (Self::Element(_), _) => Some(bytes),
            (_, Some((&SOME, rest))) => Some(rest),
            (_, Some((&NONE, []))) => None,
            _ => return Err(damaged()),
        };
        // SAFETY: as the caller promises.
        unsafe { self.to_memory(bytes, kind, memory, &Allocator::of(list)?, list) }
    }

    unsafe fn to_memory(
        &self,
        bytes: Option<&[u8]>,
        kind: Hid,
        memory: *mut c_void,
        allocator: &Allocator,
        list: Hid,
    ) -> Result<()> {
        if memory.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no memory for a key or a value"));
        }
        let text = bytes;
        let bytes = bytes.unwrap_or_default();
        match self {
            Self::Element(stored) => {
                let size = size_of_type(kind);
                if bytes.len() != stored.file.size() {
                    return Err(damaged());
                }
                // SAFETY: as the caller promises.
                let place = unsafe { std::slice::from_raw_parts_mut(memory.cast::<u8>(), size) };
                let converted = if stored.is_same(kind) {
                    bytes.to_vec()
                } else {
                    let background = stored.needs_background_in(kind)?.then(|| place.to_vec());
                    stored.to_memory(bytes.to_vec(), 1, kind, background, list)?
                };
                place.copy_from_slice(&converted);
                Ok(())
            }
            Self::Text => {
                if !is_text(kind) {
                    return Err(cannot_convert());
                }
                let text = text.map_or(Ok(std::ptr::null_mut()), |text| allocator.copy(text, 1))?;
                // SAFETY: the memory has room for a pointer.
                unsafe { memory.cast::<*mut c_void>().write_unaligned(text) };
                Ok(())
            }
            Self::Sequence(stored) => {
                let base = sequence_base(kind)?;
                let size = stored.file.size();
                if !bytes.len().is_multiple_of(size) {
                    return Err(damaged());
                }
                let count = bytes.len() / size;
                let converted = if stored.is_same(base.get()) {
                    bytes.to_vec()
                } else {
                    let background = has_members(base.get())?.then(|| vec![0; count * base.size()]);
                    stored.to_memory(bytes.to_vec(), count, base.get(), background, list)?
                };
                let elements = if count == 0 { std::ptr::null_mut() } else { allocator.copy(&converted, 0)? };
                // SAFETY: the memory has room for a sequence.
                unsafe { memory.cast::<Sequence>().write_unaligned(Sequence { count, elements }) };
                Ok(())
            }
        }
    }
}

impl Key {
    /// The key that lies in memory.
    ///
    /// # Safety
    /// The memory has an element of the datatype.
    pub unsafe fn stored(&self, kind: Hid, memory: *const c_void, list: Hid) -> Result<Vec<u8>> {
        // SAFETY: as the caller promises.
        let mut bytes = unsafe { self.form.bytes(kind, memory, list, |_| Ok(None))? };
        if let (Some(sameness), Some(elements)) = (&self.sameness, &mut bytes) {
            sameness.settle(elements);
        }
        Ok(match (&self.form, bytes) {
            (_, None) => vec![SOME],
            (Form::Element(_), Some(bytes)) => bytes,
            (_, Some(mut bytes)) => {
                bytes.push(NONE);
                bytes
            }
        })
    }

    /// Puts a key into memory. What it leads to there is the caller's to free, by [`Allocator::ours`].
    ///
    /// # Safety
    /// The memory has room for an element of the datatype.
    pub unsafe fn to_memory(&self, bytes: &[u8], kind: Hid, memory: *mut c_void, list: Hid) -> Result<()> {
        let bytes = match (&self.form, bytes) {
            (Form::Element(_), _) => Some(bytes),
            (Form::Text, [SOME]) => None,
            _ => Some(bytes.strip_suffix(&[NONE]).ok_or_else(damaged)?),
        };
        // SAFETY: as the caller promises.
        unsafe { self.form.to_memory(bytes, kind, memory, &Allocator::ours(), list) }
    }
}

/// The datatype without gaps between members, where it has members.
fn packed(kind: &Type) -> Result<Option<Type>> {
    if !has_members(kind.get())? {
        return Ok(None);
    }
    let copy = kind.copy()?;
    // SAFETY: takes no pointer.
    if unsafe { library().type_pack(copy.get()) } < 0 {
        return Err(Failure::new(Minor::BadType, "HDF5 cannot pack the datatype of keys"));
    }
    Ok(Some(copy))
}

/// What a sequence in memory consists of.
fn sequence_base(kind: Hid) -> Result<Type> {
    if class_of_type(kind) != type_class::VARIABLE_LENGTH || is_text(kind) {
        return Err(cannot_convert());
    }
    base_type(kind)
}

fn damaged() -> Failure {
    Failure::new(Minor::Damaged, "a key or a value of a map is damaged: it has not the bytes that its datatype has")
}

/// Called for memory, and to free it (`H5MM_allocate_t`, `H5MM_free_t`).
pub type Allocate = unsafe extern "C" fn(usize, *mut c_void) -> *mut c_void;
pub type Free = unsafe extern "C" fn(*mut c_void, *mut c_void);

/// Where values of variable length get memory from.
pub struct Allocator {
    /// The program's own, with what goes with it.
    chosen: Option<(Allocate, *mut c_void)>,
}

impl Allocator {
    /// The C library's.
    pub fn ours() -> Self {
        Self { chosen: None }
    }

    /// What a list for transfers says.
    fn of(list: Hid) -> Result<Self> {
        if list == DEFAULT {
            return Ok(Self::ours());
        }
        let (mut allocate, mut allocate_data) = (None, std::ptr::null_mut());
        let (mut free, mut free_data) = (None, std::ptr::null_mut());
        // SAFETY: all places are ours.
        let result = unsafe {
            library().list_memory(list, &raw mut allocate, &raw mut allocate_data, &raw mut free, &raw mut free_data)
        };
        if result < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell where memory comes from"));
        }
        let _the_programs: Option<Free> = free;
        Ok(Self { chosen: allocate.map(|allocate: Allocate| (allocate, allocate_data)) })
    }

    /// Memory with these bytes, and so many zero ones behind.
    fn copy(&self, bytes: &[u8], zeros: usize) -> Result<*mut c_void> {
        let size = bytes.len() + zeros;
        // SAFETY: the program's function gets what it was set with; the memory has room for the bytes.
        unsafe {
            let memory = match self.chosen {
                Some((allocate, data)) => allocate(size, data),
                None => libc::malloc(size),
            };
            if memory.is_null() {
                return Err(Failure::new(Minor::NoSpace, format!("there is no memory for {size} bytes")));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.cast(), bytes.len());
            std::ptr::write_bytes(memory.cast::<u8>().add(bytes.len()), 0, zeros);
            Ok(memory)
        }
    }
}
