//! Filters: compression, checksums, shuffling. HDF5 runs them, over a chunk of a dataset of its own that lies in memory: what is written
//! there as elements is read as the bytes that the filters have made of them, and the other way round. So every filter works that the
//! program's HDF5 has, those of plugins too, with the parameters and errors that HDF5 gives them. `undo` undoes those
//! that HDF5 has always had, and with care.

use crate::convert::Stored;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{
    ACCESS_TRUNCATE, ALLOCATE_INCREMENTALLY, DEFAULT, FILL_NEVER, Hid, Identifier, RANK_MAX, SPACE_ALL, TYPE_OPAQUE,
    Variable, library,
};
use crate::undo::{CHECKSUM, FLETCHER, SHUFFLE, Sizes, undo};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::CString;

/// By how much the memory of the scratch file grows.
const INCREMENT: usize = 1 << 20;

/// A file in memory for scratch datasets.
pub struct Scratch(Identifier);

/// Scratch datasets of one chunk, and what they are made from.
pub struct Pipeline {
    file: Hid,
    datatype: Identifier,
    space: Identifier,
    creation: Identifier,
    access: Identifier,
    encoder: Identifier,
    /// By the filters that were left out. One dataset for each: HDF5 does not read a chunk right that was written directly without a
    /// filter, so such a filter is not among those of the dataset.
    decoders: RefCell<HashMap<u32, Identifier>>,
    /// The numbers that HDF5 has for the filters, in their order.
    filters: Vec<i32>,
    /// Bytes of a chunk before the filters, and of an element.
    size: usize,
    element: usize,
}

fn check(result: i32, what: &str) -> Result<()> {
    if result < 0 { Err(Failure::new(Minor::CannotFilter, what)) } else { Ok(()) }
}

/// A filter of a list: the number that HDF5 has for it, its flags and parameters.
#[derive(PartialEq, Eq)]
struct Filter {
    id: i32,
    flags: u32,
    values: Vec<u32>,
}

impl Filter {
    fn of(list: Hid, number: u32) -> Result<Self> {
        let (mut flags, mut count, mut configuration) = (0, 0, 0);
        let mut values = Vec::new();
        let mut id = 0;
        // How many parameters there are first, and then all of them.
        for _ in 0..2 {
            values.resize(count, 0);
            let name = std::ptr::null_mut();
            // SAFETY: there is as much room as said, and none for the name; the numbers are ours.
            id = unsafe {
                let (flags, configuration) = (&raw mut flags, &raw mut configuration);
                library().list_filter(list, number, flags, &raw mut count, values.as_mut_ptr(), 0, name, configuration)
            };
            check(id, "HDF5 does not tell a filter")?;
        }
        Ok(Self { id, flags, values })
    }

    /// All of a list, in their order.
    fn all(list: Hid) -> Result<Vec<Self>> {
        // SAFETY: takes no pointer.
        let count = u32::try_from(unsafe { library().list_filter_count(list) }).unwrap_or_default();
        (0..count).map(|number| Self::of(list, number)).collect()
    }
}

impl Scratch {
    pub fn new() -> Result<Self> {
        thread_local! { static NUMBER: Cell<u64> = const { Cell::new(0) }; }
        let number = NUMBER.get();
        NUMBER.set(number + 1);
        // No file of this name is ever made; HDF5 tells files in memory from each other by their names.
        let thread = std::thread::current().id();
        let name = CString::new(format!("/daos filters {} {thread:?} {number}", std::process::id()));
        let name = name.map_err(|_| Failure::new(Minor::Internal, "a name has a zero byte"))?;
        let access = super::callbacks::default_list(Variable::FILE_ACCESS)?;
        // SAFETY: the names end with zero; a connector takes no information where there is none.
        unsafe {
            let native = Identifier::new(library().connector_by_name(c"native".as_ptr()), "connector of its own")?;
            check(
                library().list_set_connector(access.get(), native.get(), std::ptr::null()),
                "HDF5 takes no connector",
            )?;
            check(library().list_set_core(access.get(), INCREMENT, false), "HDF5 has no files in memory")?;
            let file = library().file_create(name.as_ptr(), ACCESS_TRUNCATE, DEFAULT, access.get());
            Ok(Self(Identifier::new(file, "file in memory")?))
        }
    }
}

impl Pipeline {
    /// For a dataset with this list of creation.
    ///
    /// # Errors
    /// When a filter that is not optional is not there, or cannot work on the datatype.
    pub fn new(scratch: &Scratch, stored: &Stored, list: Hid, chunk: &[u64]) -> Result<Self> {
        let element = stored.file.size();
        let size = chunk.iter().try_fold(element, |size, count| size.checked_mul(usize::try_from(*count).ok()?));
        let size = size.ok_or_else(|| Failure::new(Minor::BadValue, "a chunk is larger than any memory"))?;
        // SAFETY: lists have as many places as said.
        unsafe {
            let datatype = if stored.leads_elsewhere {
                library().type_create(TYPE_OPAQUE, element)
            } else {
                library().type_copy(stored.memory.get())
            };
            let datatype = Identifier::new(datatype, "datatype")?;
            let rank = chunk.len().min(RANK_MAX);
            let space = library().space_create(rank as i32, chunk.as_ptr(), std::ptr::null());
            let space = Identifier::new(space, "dataspace of a chunk")?;
            let creation = Identifier::new(library().list_copy(list), "copy of a list")?;
            check(library().list_set_fill_time(creation.get(), FILL_NEVER), "HDF5 refuses a list")?;
            check(library().list_set_allocation(creation.get(), ALLOCATE_INCREMENTALLY), "HDF5 refuses a list")?;
            let access = super::callbacks::default_list(Variable::DATASET_ACCESS)?;
            // Nothing is kept: what is written goes through the filters at once.
            check(library().list_set_chunk_cache(access.get(), 1, 0, 1.0), "HDF5 refuses a list")?;
            let file = scratch.0.get();
            let dataset = library().dataset_create(file, datatype.get(), space.get(), creation.get(), access.get());
            if dataset < 0 {
                let sentence = "a filter of this dataset is not there, or cannot work on its datatype";
                return Err(Failure::new(Minor::CannotFilter, sentence));
            }
            let encoder = Identifier::new(dataset, "dataset")?;
            let filters = Filter::all(creation.get())?.iter().map(|filter| filter.id).collect();
            Ok(Self {
                file,
                datatype,
                space,
                creation,
                access,
                encoder,
                decoders: RefCell::default(),
                filters,
                size,
                element,
            })
        }
    }

    /// A list of creation with the parameters that filters work out for a dataset, as a dataset of HDF5's own has them: netCDF looks at
    /// those of szip. None where the list has them.
    pub fn settled(&self, list: Hid) -> Result<Option<Identifier>> {
        // SAFETY: takes no pointer.
        let found = Identifier::new(unsafe { library().dataset_list(self.encoder.get()) }, "list of a dataset")?;
        let (found, known) = (Filter::all(found.get())?, Filter::all(list)?);
        if found == known {
            return Ok(None);
        }
        // SAFETY: the same.
        let settled = Identifier::new(unsafe { library().list_copy(list) }, "copy of a list")?;
        for Filter { id, flags, values } in found {
            // SAFETY: there are as many values as said.
            let result =
                unsafe { library().list_modify_filter(settled.get(), id, flags, values.len(), values.as_ptr()) };
            check(result, "HDF5 refuses a filter's parameters")?;
        }
        Ok(Some(settled))
    }

    /// Bytes of a chunk before the filters.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What the filters make of a chunk, and which of them were left out.
    pub fn encode(&self, chunk: &[u8]) -> Result<(u32, Vec<u8>)> {
        assert_eq!(chunk.len(), self.size, "a chunk is always whole");
        let (origin, id) = ([0; RANK_MAX], self.encoder.get());
        let (mut size, mut mask) = (0, 0);
        // SAFETY: the chunk has the bytes of all elements, the origin at least as many places as dimensions.
        unsafe {
            let (all, kind) = (SPACE_ALL, self.datatype.get());
            let written = library().dataset_write(id, kind, all, all, DEFAULT, chunk.as_ptr().cast());
            check(written, "a filter fails to write a chunk")?;
            let told = library().chunk_size(id, origin.as_ptr(), &raw mut size);
            check(told, "HDF5 does not tell the size of a chunk")?;
            let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
            let read = library().chunk_read(id, DEFAULT, origin.as_ptr(), &raw mut mask, bytes.as_mut_ptr().cast());
            check(read, "HDF5 does not give the bytes of a chunk")?;
            Ok((mask, bytes))
        }
    }

    /// The numbers of the filters that are not left out.
    fn kept(&self, mask: u32) -> impl Iterator<Item = i32> {
        let is_kept = move |place: usize| {
            u32::try_from(place).ok().and_then(|place| mask.checked_shr(place)).unwrap_or(0) & 1 == 0
        };
        self.filters.iter().enumerate().filter(move |(place, _)| is_kept(*place)).map(|(_, filter)| *filter)
    }

    /// The dataset with the filters that are not left out; none when all are.
    fn decoder(&self, mask: u32) -> Result<Option<Hid>> {
        let count = u32::try_from(self.filters.len()).unwrap_or(u32::MAX);
        // Bits of no filter say nothing, and must not each have a dataset: they may come from a damaged chunk.
        let mask = mask & !u32::MAX.checked_shl(count).unwrap_or_default();
        if let Some(decoder) = self.decoders.borrow().get(&mask) {
            return Ok(Some(decoder.get()));
        }
        if self.kept(mask).next().is_none() {
            return Ok(None);
        }
        // SAFETY: takes no pointer.
        let list = Identifier::new(unsafe { library().list_copy(self.creation.get()) }, "copy of a list")?;
        for filter in self.kept(!mask) {
            // SAFETY: takes no pointer.
            let removed = unsafe { library().list_remove_filter(list.get(), filter) };
            check(removed, "HDF5 does not leave out a filter")?;
        }
        // SAFETY: takes no pointer.
        let dataset = unsafe {
            library().dataset_create(self.file, self.datatype.get(), self.space.get(), list.get(), self.access.get())
        };
        let decoder = Identifier::new(dataset, "dataset with these filters")?;
        let id = decoder.get();
        self.decoders.borrow_mut().insert(mask, decoder);
        Ok(Some(id))
    }

    /// Whether filters can have made so many bytes. HDF5 does not ask: its checksum and its copy then read what is not there.
    fn check_size(&self, mask: u32, bytes: usize) -> Result<()> {
        let (mut least, mut is_exact) = (0, true);
        for filter in self.kept(mask) {
            match filter {
                SHUFFLE => {}
                FLETCHER => least += CHECKSUM,
                _ => is_exact = false,
            }
        }
        if if is_exact { bytes == self.size + least } else { bytes > least } {
            return Ok(());
        }
        Err(Failure::new(
            Minor::Damaged,
            format!("a chunk is damaged: its filters cannot have made {bytes} bytes of it"),
        ))
    }

    /// The chunk that filters have made bytes of.
    pub fn decode(&self, mask: u32, bytes: &[u8]) -> Result<Vec<u8>> {
        let (mask, bytes) = undo(&self.filters, mask, bytes, Sizes { chunk: self.size, element: self.element })?;
        let Some(id) = self.decoder(mask)? else {
            if bytes.len() != self.size {
                return Err(Failure::new(Minor::Damaged, "a chunk that went through no filter has not its size"));
            }
            return Ok(bytes.into_owned());
        };
        self.check_size(mask, bytes.len())?;
        let origin = [0; RANK_MAX];
        let mut chunk = vec![0; self.size];
        // SAFETY: HDF5 copies as many bytes as said; the chunk has room for all elements.
        unsafe {
            let (all, kind) = (SPACE_ALL, self.datatype.get());
            let written = library().chunk_write(id, DEFAULT, 0, origin.as_ptr(), bytes.len(), bytes.as_ptr().cast());
            check(written, "HDF5 does not take the bytes of a chunk")?;
            let read = library().dataset_read(id, kind, all, all, DEFAULT, chunk.as_mut_ptr().cast());
            check(read, "a filter fails to read a chunk, whose bytes may be damaged")?;
        }
        Ok(chunk)
    }
}
