//! References of HDF5's second kind (`H5R_ref_t`), in memory. Only HDF5 looks into them: they are asked and made by its functions.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{DEFAULT, Hid, Identifier, library};
use std::ffi::{c_char, c_int, c_void};

/// Bytes of one (`H5R_REF_BUF_SIZE`).
pub const SIZE: usize = 64;

/// `H5R_type_t`.
const OBJECT: c_int = 2;
const REGION: c_int = 3;
const ATTRIBUTE: c_int = 4;

/// Longer names of attributes HDF5 does not make.
const NAME_ROOM: usize = 1 << 16;

/// A reference with the alignment that HDF5's functions want.
#[repr(C, align(8))]
pub struct Reference([u8; SIZE]);

fn made(result: c_int) -> Result<()> {
    if result < 0 { Err(Failure::new(Minor::CannotGet, "HDF5 cannot make a reference")) } else { Ok(()) }
}

impl Reference {
    /// One that lies in memory, for as long as that is not changed.
    pub fn of(bytes: &[u8; SIZE]) -> Self {
        Self(*bytes)
    }

    pub fn bytes(&self) -> [u8; SIZE] {
        self.0
    }

    fn pointer(&self) -> *const c_void {
        self.0.as_ptr().cast()
    }

    fn pointer_mut(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    /// The object that it leads to; none when it leads nowhere.
    pub fn object(&mut self) -> Option<Identifier> {
        let pointer = self.pointer_mut();
        // SAFETY: the reference is one of HDF5's.
        let found = library().quietly(|| unsafe { library().reference_object(pointer, DEFAULT, DEFAULT) });
        Identifier::new(found, "object").ok()
    }

    /// One of the same kind, with the same region or attribute, to another object.
    pub fn to(&mut self, object: Hid) -> Result<Self> {
        let mut other = Self([0; SIZE]);
        let (here, place) = (c".".as_ptr(), other.pointer_mut());
        // SAFETY: the references are HDF5's and ours, names end with zero.
        unsafe {
            match library().reference_kind(self.pointer()) {
                OBJECT => made(library().reference_to_object(object, here, DEFAULT, place))?,
                REGION => {
                    let space = library().reference_region(self.pointer_mut(), DEFAULT, DEFAULT);
                    let space = Identifier::new(space, "region of a reference")?;
                    made(library().reference_to_region(object, here, space.get(), DEFAULT, place))?;
                }
                ATTRIBUTE => {
                    let mut name = vec![0_u8; NAME_ROOM];
                    let room: *mut c_char = name.as_mut_ptr().cast();
                    let length = library().reference_attribute(self.pointer(), room, NAME_ROOM);
                    if usize::try_from(length).map_or(true, |length| length >= NAME_ROOM) {
                        return Err(Failure::new(
                            Minor::CannotGet,
                            "HDF5 does not tell which attribute a reference means",
                        ));
                    }
                    made(library().reference_to_attribute(object, here, room, DEFAULT, place))?;
                }
                _ => return Err(Failure::new(Minor::BadType, "a reference is of no known kind")),
            }
        }
        Ok(other)
    }

    /// Ends it: nobody has its bytes any more.
    pub fn end(mut self) {
        let pointer = self.pointer_mut();
        // SAFETY: the reference is one of HDF5's.
        unsafe { library().reference_end(pointer) };
    }
}
