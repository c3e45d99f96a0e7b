//! What went wrong, as it lies on HDF5's error stack.

use crate::detour::Detour;
use crate::hdf5::{Variable, library};
use std::ffi::{CStr, CString};
use std::rc::Rc;

/// A result of anything in this connector.
pub type Result<T> = std::result::Result<T, Failure>;

/// HDF5's word for the kind of an error; programs look at it, as h5py does to choose an exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Minor {
    /// Nothing has this name.
    NotFound,
    /// Something has this name already.
    Exists,
    /// This version does not do that.
    Unsupported,
    /// An argument that makes no sense.
    BadValue,
    /// An object of another kind.
    BadType,
    /// A file that cannot be opened.
    CannotOpenFile,
    /// What the user may not do.
    NotAllowed,
    /// An entry that is no HDF5 file of a container.
    NotHdf5,
    /// HDF5 itself does not give what it was asked.
    CannotGet,
    /// Types that cannot be converted.
    CannotConvert,
    /// A filter that is not there or fails.
    CannotFilter,
    /// Bytes that cannot be read.
    ReadError,
    /// Bytes that cannot be written.
    WriteError,
    /// The pool is full.
    NoSpace,
    /// Bytes in the container that make no sense.
    Damaged,
    /// A path has led out of the containers.
    Elsewhere,
    /// A fault of this connector.
    Internal,
}

impl Minor {
    const ALL: [Self; 16] = [
        Self::NotFound,
        Self::Exists,
        Self::Unsupported,
        Self::BadValue,
        Self::BadType,
        Self::CannotOpenFile,
        Self::NotHdf5,
        Self::CannotGet,
        Self::CannotConvert,
        Self::CannotFilter,
        Self::ReadError,
        Self::WriteError,
        Self::NoSpace,
        Self::Damaged,
        Self::Internal,
        Self::NotAllowed,
    ];

    /// HDF5's number for it.
    pub fn variable(self) -> Variable {
        Variable(match self {
            Self::NotFound => c"H5E_NOTFOUND_g",
            Self::Exists => c"H5E_EXISTS_g",
            Self::Unsupported | Self::Elsewhere => c"H5E_UNSUPPORTED_g",
            Self::BadValue => c"H5E_BADVALUE_g",
            Self::BadType => c"H5E_BADTYPE_g",
            Self::CannotOpenFile | Self::NotAllowed => c"H5E_CANTOPENFILE_g",
            Self::NotHdf5 => c"H5E_NOTHDF5_g",
            Self::CannotGet => c"H5E_CANTGET_g",
            Self::CannotConvert => c"H5E_CANTCONVERT_g",
            Self::CannotFilter => c"H5E_CANTFILTER_g",
            Self::ReadError => c"H5E_READERROR_g",
            Self::WriteError => c"H5E_WRITEERROR_g",
            Self::NoSpace => c"H5E_NOSPACE_g",
            Self::Damaged => c"H5E_CANTDECODE_g",
            Self::Internal => c"H5E_INTERNAL_g",
        })
    }
}

/// A kind and a sentence.
#[derive(Clone, Debug)]
pub struct Failure {
    pub minor: Minor,
    pub text: String,
    /// Where the path goes on that has led out of the containers.
    pub detour: Option<Rc<Detour>>,
}

impl Failure {
    pub fn new(minor: Minor, text: impl Into<String>) -> Self {
        Self { minor, text: text.into(), detour: None }
    }

    /// What is planned and not there yet.
    pub fn not_yet(what: &str) -> Self {
        Self::new(Minor::Unsupported, format!("{what}: not in this version of the DAOS connector"))
    }

    /// As bytes, for another process of the same program.
    pub fn to_bytes(&self) -> Vec<u8> {
        let place = Minor::ALL.iter().position(|minor| *minor == self.minor);
        let mut bytes = vec![place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)];
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }

    /// From such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (place, text) = bytes.split_first().unwrap_or((&u8::MAX, &[]));
        let minor = Minor::ALL.get(usize::from(*place)).copied().unwrap_or(Minor::Internal);
        Self::new(minor, String::from_utf8_lossy(text))
    }

    /// Says what was being done when it happened.
    pub fn while_doing(self, what: &str) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }

    /// Says what to do where something is missing.
    pub fn advise_if_missing(self, advice: &str) -> Self {
        if self.minor == Minor::NotFound { Self { text: format!("{}; {advice}", self.text), ..self } } else { self }
    }

    /// Puts it on HDF5's stack. Any other call to HDF5 clears the stack, so this is the last thing that a callback does.
    pub fn push(&self, function: &CStr) {
        let text = CString::new(self.text.replace('\0', " ")).unwrap_or_default();
        library().push_error(function, self.minor.variable(), &text);
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Minor};

    #[test]
    fn a_failure_is_the_same_in_another_process() {
        for minor in Minor::ALL {
            let failure = Failure::new(minor, "it is so");
            let other = Failure::from_bytes(&failure.to_bytes());
            assert_eq!((other.minor, other.text.as_str()), (minor, "it is so"));
        }
        assert_eq!(Failure::from_bytes(&[]).minor, Minor::Internal);
    }
}
