//! Elements between memory and the container: as they are where the datatypes are the same, else by HDF5's conversion.

use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::hdf5::{
    Hid, Identifier, Type, are_equal, covers, has_members, has_old_references, leads_elsewhere, library, size_of_type,
    stand_in,
};
use std::rc::Rc;

/// What a conversion gets of what lies at the place that it writes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Background {
    None,
    /// Room for it, which all members are written to.
    Zeros,
    Stored,
}

/// A datatype as it is stored, in both forms that HDF5 knows.
pub struct Stored {
    /// As programs see it.
    pub memory: Type,
    /// As elements lie in the container: values of variable length are the names of blobs.
    pub file: Type,
    /// References of HDF5's first kind are in it, for which others stand in.
    has_old_references: bool,
    /// Whether elements lead to something else, so that they are never copied as they are.
    pub leads_elsewhere: bool,
}

impl Stored {
    /// From the bytes that HDF5 has encoded.
    pub fn decode(file: &Rc<File>, bytes: &[u8]) -> Result<Self> {
        let memory = Type::decode(bytes)?;
        let leads_elsewhere = leads_elsewhere(memory.get())?;
        let has_old_references = has_old_references(memory.get())?;
        if !leads_elsewhere {
            // The bytes of memory are those of the container.
            let file = if has_old_references { stand_in(memory.get())? } else { memory.again()? };
            return Ok(Self { memory, file, has_old_references, leads_elsewhere });
        }
        let plain = stand_in(memory.get())?;
        // SAFETY: the name ends with zero.
        let connector = Identifier::new(
            unsafe { library().connector_by_name(crate::plugin::NAME.as_ptr()) },
            "connector of our name",
        )?;
        // SAFETY: the anchor lives as long as the file, which whoever has this holds.
        let file = Type::new(unsafe { library().file_type(file.anchor(), connector.get(), plain.get()) })?;
        Ok(Self { memory, file, has_old_references, leads_elsewhere })
    }

    /// Whether elements of a type in memory are the bytes of the container.
    pub fn is_same(&self, memory: Hid) -> bool {
        !self.leads_elsewhere && are_equal(memory, self.memory.get())
    }

    /// Whether reading needs what lies in memory: members that the container does not have stay what they are.
    pub fn needs_background_in(&self, memory: Hid) -> Result<bool> {
        has_members(memory)
    }

    /// What writing needs of what lies in the container.
    pub fn background_in_file(&self, memory: Hid) -> Result<Background> {
        Ok(if !has_members(self.memory.get())? {
            Background::None
        } else if covers(memory, self.memory.get())? {
            Background::Zeros
        } else {
            Background::Stored
        })
    }

    /// What stands in for a type of memory, where that is needed.
    fn plain(&self, memory: Hid) -> Result<Option<Type>> {
        self.has_old_references.then(|| stand_in(memory)).transpose()
    }

    /// Converts elements that were read. `background` is what lies at their place in memory.
    pub fn to_memory(
        &self,
        bytes: Vec<u8>,
        count: usize,
        memory: Hid,
        background: Option<Vec<u8>>,
        list: Hid,
    ) -> Result<Vec<u8>> {
        let plain = self.plain(memory)?;
        let memory = plain.as_ref().map_or(memory, Type::get);
        convert(self.file.get(), memory, bytes, count, background, list)
    }

    /// Converts elements that are to be written. `background` is what lies at their place in the container.
    pub fn to_file(
        &self,
        bytes: Vec<u8>,
        count: usize,
        memory: Hid,
        background: Option<Vec<u8>>,
        list: Hid,
    ) -> Result<Vec<u8>> {
        let plain = self.plain(memory)?;
        let memory = plain.as_ref().map_or(memory, Type::get);
        convert(memory, self.file.get(), bytes, count, background, list)
    }
}

fn convert(
    from: Hid,
    to: Hid,
    mut bytes: Vec<u8>,
    count: usize,
    mut background: Option<Vec<u8>>,
    list: Hid,
) -> Result<Vec<u8>> {
    let (from_size, to_size) = (size_of_type(from), size_of_type(to));
    let room = count.checked_mul(from_size.max(to_size));
    let room = room.ok_or_else(|| Failure::new(Minor::BadValue, "there are too many elements for memory"))?;
    bytes.resize(room, 0);
    if let Some(background) = &mut background {
        background.resize(room, 0);
    }
    let background = background.as_mut().map_or(std::ptr::null_mut(), |bytes| bytes.as_mut_ptr());
    // SAFETY: both buffers have room for as many elements of the larger type, and where no type has members the second may be none.
    let result = unsafe { library().type_convert(from, to, count, bytes.as_mut_ptr().cast(), background.cast(), list) };
    if result < 0 {
        return Err(Failure::new(Minor::CannotConvert, "HDF5 cannot convert between the datatypes of memory and file"));
    }
    bytes.truncate(count * to_size);
    Ok(bytes)
}
