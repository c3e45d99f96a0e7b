//! Scalars, enumerations and structs of HDF5's public headers.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

/// An identifier of HDF5 (`hid_t`); negative ones are none.
pub type Hid = i64;
/// What most functions return (`herr_t`): negative for an error.
pub type Herr = c_int;
/// A size or a count of elements (`hsize_t`).
pub type Hsize = u64;

/// No error.
pub const SUCCEED: Herr = 0;
/// An error, which lies on the error stack.
pub const FAIL: Herr = -1;
/// Property lists, error stacks and connectors: the library's own choice (`H5P_DEFAULT`, `H5E_DEFAULT`).
pub const DEFAULT: Hid = 0;

/// A selection of all elements (`H5S_ALL`).
pub const SPACE_ALL: Hid = 0;
/// Memory without gaps, as many elements as the file's selection has (`H5S_BLOCK`).
pub const SPACE_BLOCK: Hid = 1;
/// The selection of the transfer property list (`H5S_PLIST`).
pub const SPACE_PROPERTY_LIST: Hid = 2;

/// As many as there are, and no limit (`H5S_UNLIMITED`; also `H5O_EFL_UNLIMITED`).
pub const UNLIMITED: Hsize = Hsize::MAX;

/// Most dimensions of a dataspace (`H5S_MAX_RANK`).
pub const RANK_MAX: usize = 32;

/// Open for reading and writing (`H5F_ACC_RDWR`).
pub const ACCESS_WRITE: c_uint = 1;
/// One program writes while others read (`H5F_ACC_SWMR_WRITE`, `H5F_ACC_SWMR_READ`).
pub const ACCESS_WITH_READERS: c_uint = 0x20;
pub const ACCESS_WITH_WRITER: c_uint = 0x40;
/// Replace what is there (`H5F_ACC_TRUNC`).
pub const ACCESS_TRUNCATE: c_uint = 2;

/// What the file that has an external link is open for (`H5F_ACC_DEFAULT`).
pub const ACCESS_DEFAULT: c_uint = 0xffff;

/// `H5T_OPAQUE`.
pub const TYPE_OPAQUE: c_int = 5;
/// `H5D_FILL_TIME_NEVER`.
pub const FILL_NEVER: c_int = 1;
/// `H5D_ALLOC_TIME_EARLY`.
pub const ALLOCATE_EARLY: c_int = 1;
/// `H5D_ALLOC_TIME_INCR`.
pub const ALLOCATE_INCREMENTALLY: c_int = 3;

/// `H5I_type_t`.
pub mod identifier_type {
    use std::ffi::c_int;
    /// No identifier (`H5I_BADID`).
    pub const NONE: c_int = -1;
    pub const FILE: c_int = 1;
    pub const GROUP: c_int = 2;
    pub const DATATYPE: c_int = 3;
    pub const DATASET: c_int = 5;
    pub const MAP: c_int = 6;
    pub const ATTRIBUTE: c_int = 7;
    pub const PROPERTY_LIST: c_int = 11;
}

/// How objects are copied (`H5O_COPY_*`).
pub mod copy_flags {
    use std::ffi::c_uint;
    pub const SHALLOW: c_uint = 1;
    pub const EXPAND_SOFT_LINKS: c_uint = 2;
    pub const EXPAND_EXTERNAL_LINKS: c_uint = 4;
    pub const EXPAND_REFERENCES: c_uint = 8;
    pub const WITHOUT_ATTRIBUTES: c_uint = 0x10;
    pub const MERGE_DATATYPES: c_uint = 0x40;
}

/// `H5O_type_t`.
pub mod object_type {
    use std::ffi::c_int;
    pub const GROUP: c_int = 0;
    pub const DATASET: c_int = 1;
    pub const DATATYPE: c_int = 2;
    pub const MAP: c_int = 3;
}

/// `H5L_type_t`.
pub mod link_type {
    use std::ffi::c_int;
    pub const HARD: c_int = 0;
    pub const SOFT: c_int = 1;
    pub const EXTERNAL: c_int = 64;
}

/// `H5_index_t`.
pub mod index_type {
    use std::ffi::c_int;
    pub const CREATION_ORDER: c_int = 1;
}

/// `H5_iter_order_t`.
pub mod order {
    use std::ffi::c_int;
    pub const DECREASING: c_int = 1;
}

/// `H5T_class_t`.
pub mod type_class {
    use std::ffi::c_int;
    pub const INTEGER: c_int = 0;
    pub const FLOAT: c_int = 1;
    pub const STRING: c_int = 3;
    pub const BITFIELD: c_int = 4;
    pub const OPAQUE: c_int = 5;
    pub const COMPOUND: c_int = 6;
    pub const REFERENCE: c_int = 7;
    pub const ENUMERATION: c_int = 8;
    pub const VARIABLE_LENGTH: c_int = 9;
    pub const ARRAY: c_int = 10;
}

/// `H5S_class_t`.
pub mod space_class {
    use std::ffi::c_int;
    pub const NULL: c_int = 2;
}

/// `H5D_layout_t`.
pub mod layout {
    use std::ffi::c_int;
    pub const COMPACT: c_int = 0;
    pub const CONTIGUOUS: c_int = 1;
    pub const CHUNKED: c_int = 2;
    pub const VIRTUAL: c_int = 3;
}

/// `H5S_sel_type`.
pub mod selection_kind {
    use std::ffi::c_int;
    pub const NONE: c_int = 0;
    pub const POINTS: c_int = 1;
    pub const SLABS: c_int = 2;
    pub const ALL: c_int = 3;
}

/// `H5D_VDS_FIRST_MISSING`: a virtual dataset ends where the first of its sources does.
pub const VIEW_FIRST_MISSING: c_int = 0;

/// Which members of [`ObjectInformation`] are wanted (`H5O_INFO_*`).
pub mod object_fields {
    use std::ffi::c_uint;
    pub const TIME: c_uint = 2;
    pub const ATTRIBUTE_COUNT: c_uint = 4;
}

/// The kinds of objects that `H5VL_FILE_GET_OBJ_COUNT` counts (`H5F_OBJ_*`).
pub mod open_objects {
    use std::ffi::c_uint;
    pub const FILE: c_uint = 1;
    pub const DATASET: c_uint = 2;
    pub const GROUP: c_uint = 4;
    pub const DATATYPE: c_uint = 8;
    pub const ATTRIBUTE: c_uint = 16;
    /// Only what was opened by the same opening of the file.
    pub const LOCAL: c_uint = 32;
}

/// Names an object within its file (`H5O_token_t`).
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenBytes(pub [u8; 16]);

/// `H5O_info2_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectInformation {
    pub file_number: c_ulong,
    pub token: TokenBytes,
    pub kind: c_int,
    pub reference_count: c_uint,
    pub access_time: i64,
    pub modification_time: i64,
    pub change_time: i64,
    pub birth_time: i64,
    pub attribute_count: Hsize,
}

/// What a link leads to: a token, or a value of some size.
#[repr(C)]
#[derive(Clone, Copy)]
pub union LinkTarget {
    pub token: TokenBytes,
    pub value_size: usize,
}

/// `H5L_info2_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkInformation {
    pub kind: c_int,
    pub has_creation_order: bool,
    pub creation_order: i64,
    pub character_set: c_int,
    pub target: LinkTarget,
}

/// `H5A_info_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeInformation {
    pub has_creation_order: bool,
    pub creation_order: u32,
    pub character_set: c_int,
    pub data_size: Hsize,
}

/// `H5G_info_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GroupInformation {
    pub storage: c_int,
    pub link_count: Hsize,
    pub creation_order_max: i64,
    pub is_mounted: bool,
}

/// Called for each link (`H5L_iterate2_t`).
pub type LinkVisitor = unsafe extern "C" fn(Hid, *const c_char, *const LinkInformation, *mut c_void) -> Herr;
/// Called for each object (`H5O_iterate2_t`).
pub type ObjectVisitor = unsafe extern "C" fn(Hid, *const c_char, *const ObjectInformation, *mut c_void) -> Herr;
/// Called for each attribute (`H5A_operator2_t`).
pub type AttributeVisitor = unsafe extern "C" fn(Hid, *const c_char, *const AttributeInformation, *mut c_void) -> Herr;
/// Called before an external link is followed (`H5L_elink_traverse_t`).
pub type ExternalCallback = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
    *mut c_uint,
    Hid,
    *mut c_void,
) -> Herr;
/// Called with a stack of errors (`H5E_auto2_t`).
pub type ErrorVisitor = unsafe extern "C" fn(Hid, *mut c_void) -> Herr;
/// Called before a file is searched for committed datatypes (`H5O_mcdt_search_cb_t`).
pub type MergeCallback = unsafe extern "C" fn(*mut c_void) -> c_int;
/// Called for each identifier (`H5I_iterate_func_t`).
pub type IdentifierVisitor = unsafe extern "C" fn(Hid, *mut c_void) -> Herr;
