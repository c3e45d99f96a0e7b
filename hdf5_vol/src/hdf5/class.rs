//! The tables of functions that make a connector (`H5VL_class_t` and its parts), VOL version 3.

use super::arguments::{
    AttributeGet, AttributeSpecific, BlobSpecific, DatasetGet, DatasetSpecific, DatatypeGet, DatatypeSpecific, FileGet,
    FileSpecific, GroupGet, GroupSpecific, LinkCreate, LinkGet, LinkSpecific, Location, ObjectGet, ObjectSpecific,
    OptionalArguments, RequestSpecific,
};
use super::types::{Herr, Hid, TokenBytes};
use std::ffi::{c_char, c_int, c_uint, c_void};

/// The version of these tables (`H5VL_VERSION`).
pub const VERSION: c_uint = 3;

/// An object of the connector, which HDF5 does not look into.
pub type Object = *mut c_void;
/// Where an asynchronous operation puts its request; null for one that is waited for.
pub type Request = *mut *mut c_void;

/// What a connector can do (`H5VL_CAP_FLAG_*`).
pub mod capability {
    pub const ASYNCHRONOUS: u64 = 0x2;
    pub const ATTRIBUTE_BASIC: u64 = 0x8;
    pub const ATTRIBUTE_MORE: u64 = 0x10;
    pub const DATASET_BASIC: u64 = 0x20;
    pub const DATASET_MORE: u64 = 0x40;
    pub const FILE_BASIC: u64 = 0x80;
    pub const FILE_MORE: u64 = 0x100;
    pub const GROUP_BASIC: u64 = 0x200;
    pub const GROUP_MORE: u64 = 0x400;
    pub const LINK_BASIC: u64 = 0x800;
    pub const LINK_MORE: u64 = 0x1000;
    pub const MAP_BASIC: u64 = 0x2000;
    pub const MAP_MORE: u64 = 0x4000;
    pub const OBJECT_BASIC: u64 = 0x8000;
    pub const OBJECT_MORE: u64 = 0x1_0000;
    pub const STORED_DATATYPES: u64 = 0x40_0000;
    pub const CREATION_ORDER: u64 = 0x80_0000;
    pub const ITERATE: u64 = 0x100_0000;
    pub const STORAGE_SIZE: u64 = 0x200_0000;
    pub const BY_INDEX: u64 = 0x400_0000;
    pub const GET_PROPERTY_LIST: u64 = 0x800_0000;
    pub const FLUSH_REFRESH: u64 = 0x1000_0000;
    pub const EXTERNAL_LINKS: u64 = 0x2000_0000;
    pub const HARD_LINKS: u64 = 0x4000_0000;
    pub const SOFT_LINKS: u64 = 0x8000_0000;
    pub const USER_DEFINED_LINKS: u64 = 0x1_0000_0000;
    pub const TRACKED_TIMES: u64 = 0x2_0000_0000;
    pub const MOUNT: u64 = 0x4_0000_0000;
    pub const FILTERS: u64 = 0x8_0000_0000;
    pub const FILL_VALUES: u64 = 0x10_0000_0000;
}

#[repr(C)]
pub struct InformationClass {
    pub size: usize,
    pub copy: Option<unsafe extern "C" fn(*const c_void) -> *mut c_void>,
    pub compare: Option<unsafe extern "C" fn(*mut c_int, *const c_void, *const c_void) -> Herr>,
    pub free: Option<unsafe extern "C" fn(*mut c_void) -> Herr>,
    pub to_text: Option<unsafe extern "C" fn(*const c_void, *mut *mut c_char) -> Herr>,
    pub from_text: Option<unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> Herr>,
}

#[repr(C)]
pub struct WrapClass {
    pub get_object: Option<unsafe extern "C" fn(*const c_void) -> Object>,
    pub get_context: Option<unsafe extern "C" fn(*const c_void, *mut *mut c_void) -> Herr>,
    pub wrap: Option<unsafe extern "C" fn(Object, c_int, *mut c_void) -> Object>,
    pub unwrap: Option<unsafe extern "C" fn(Object) -> Object>,
    pub free_context: Option<unsafe extern "C" fn(*mut c_void) -> Herr>,
}

type Get<T> = Option<unsafe extern "C" fn(Object, *mut T, Hid, Request) -> Herr>;
type LocatedGet<T> = Option<unsafe extern "C" fn(Object, *const Location, *mut T, Hid, Request) -> Herr>;
type Optional = Option<unsafe extern "C" fn(Object, *mut OptionalArguments, Hid, Request) -> Herr>;
type LocatedOptional =
    Option<unsafe extern "C" fn(Object, *const Location, *mut OptionalArguments, Hid, Request) -> Herr>;
type Close = Option<unsafe extern "C" fn(Object, Hid, Request) -> Herr>;
type OpenByName = Option<unsafe extern "C" fn(Object, *const Location, *const c_char, Hid, Hid, Request) -> Object>;

#[repr(C)]
pub struct AttributeClass {
    pub create: Option<
        unsafe extern "C" fn(Object, *const Location, *const c_char, Hid, Hid, Hid, Hid, Hid, Request) -> Object,
    >,
    pub open: OpenByName,
    pub read: Option<unsafe extern "C" fn(Object, Hid, *mut c_void, Hid, Request) -> Herr>,
    pub write: Option<unsafe extern "C" fn(Object, Hid, *const c_void, Hid, Request) -> Herr>,
    pub get: Get<AttributeGet>,
    pub specific: LocatedGet<AttributeSpecific>,
    pub optional: Optional,
    pub close: Close,
}

#[repr(C)]
pub struct DatasetClass {
    pub create: Option<
        unsafe extern "C" fn(Object, *const Location, *const c_char, Hid, Hid, Hid, Hid, Hid, Hid, Request) -> Object,
    >,
    pub open: OpenByName,
    pub read: Option<
        unsafe extern "C" fn(
            usize,
            *const Object,
            *const Hid,
            *const Hid,
            *const Hid,
            Hid,
            *const *mut c_void,
            Request,
        ) -> Herr,
    >,
    pub write: Option<
        unsafe extern "C" fn(
            usize,
            *const Object,
            *const Hid,
            *const Hid,
            *const Hid,
            Hid,
            *const *const c_void,
            Request,
        ) -> Herr,
    >,
    pub get: Get<DatasetGet>,
    pub specific: Get<DatasetSpecific>,
    pub optional: Optional,
    pub close: Close,
}

#[repr(C)]
pub struct DatatypeClass {
    pub commit: Option<
        unsafe extern "C" fn(Object, *const Location, *const c_char, Hid, Hid, Hid, Hid, Hid, Request) -> Object,
    >,
    pub open: OpenByName,
    pub get: Get<DatatypeGet>,
    pub specific: Get<DatatypeSpecific>,
    pub optional: Optional,
    pub close: Close,
}

#[repr(C)]
pub struct FileClass {
    pub create: Option<unsafe extern "C" fn(*const c_char, c_uint, Hid, Hid, Hid, Request) -> Object>,
    pub open: Option<unsafe extern "C" fn(*const c_char, c_uint, Hid, Hid, Request) -> Object>,
    pub get: Get<FileGet>,
    pub specific: Get<FileSpecific>,
    pub optional: Optional,
    pub close: Close,
}

#[repr(C)]
pub struct GroupClass {
    pub create:
        Option<unsafe extern "C" fn(Object, *const Location, *const c_char, Hid, Hid, Hid, Hid, Request) -> Object>,
    pub open: OpenByName,
    pub get: Get<GroupGet>,
    pub specific: Get<GroupSpecific>,
    pub optional: Optional,
    pub close: Close,
}

type CopyLink =
    Option<unsafe extern "C" fn(Object, *const Location, Object, *const Location, Hid, Hid, Hid, Request) -> Herr>;

#[repr(C)]
pub struct LinkClass {
    pub create: Option<unsafe extern "C" fn(*mut LinkCreate, Object, *const Location, Hid, Hid, Hid, Request) -> Herr>,
    pub copy: CopyLink,
    pub rename: CopyLink,
    pub get: LocatedGet<LinkGet>,
    pub specific: LocatedGet<LinkSpecific>,
    pub optional: LocatedOptional,
}

#[repr(C)]
pub struct ObjectClass {
    pub open: Option<unsafe extern "C" fn(Object, *const Location, *mut c_int, Hid, Request) -> Object>,
    pub copy: Option<
        unsafe extern "C" fn(
            Object,
            *const Location,
            *const c_char,
            Object,
            *const Location,
            *const c_char,
            Hid,
            Hid,
            Hid,
            Request,
        ) -> Herr,
    >,
    pub get: LocatedGet<ObjectGet>,
    pub specific: LocatedGet<ObjectSpecific>,
    pub optional: LocatedOptional,
}

#[repr(C)]
pub struct IntrospectionClass {
    pub get_class: Option<unsafe extern "C" fn(Object, c_int, *mut *const Class) -> Herr>,
    pub get_capabilities: Option<unsafe extern "C" fn(*const c_void, *mut u64) -> Herr>,
    pub query_optional: Option<unsafe extern "C" fn(Object, c_int, c_int, *mut u64) -> Herr>,
}

#[repr(C)]
pub struct RequestClass {
    pub wait: Option<unsafe extern "C" fn(Object, u64, *mut c_int) -> Herr>,
    pub notify: Option<
        unsafe extern "C" fn(Object, Option<unsafe extern "C" fn(*mut c_void, c_int) -> Herr>, *mut c_void) -> Herr,
    >,
    pub cancel: Option<unsafe extern "C" fn(Object, *mut c_int) -> Herr>,
    pub specific: Option<unsafe extern "C" fn(Object, *mut RequestSpecific) -> Herr>,
    pub optional: Option<unsafe extern "C" fn(Object, *mut OptionalArguments) -> Herr>,
    pub free: Option<unsafe extern "C" fn(Object) -> Herr>,
}

#[repr(C)]
pub struct BlobClass {
    pub put: Option<unsafe extern "C" fn(Object, *const c_void, usize, *mut c_void, *mut c_void) -> Herr>,
    pub get: Option<unsafe extern "C" fn(Object, *const c_void, *mut c_void, usize, *mut c_void) -> Herr>,
    pub specific: Option<unsafe extern "C" fn(Object, *mut c_void, *mut BlobSpecific) -> Herr>,
    pub optional: Option<unsafe extern "C" fn(Object, *mut c_void, *mut OptionalArguments) -> Herr>,
}

#[repr(C)]
pub struct TokenClass {
    pub compare: Option<unsafe extern "C" fn(Object, *const TokenBytes, *const TokenBytes, *mut c_int) -> Herr>,
    pub to_text: Option<unsafe extern "C" fn(Object, c_int, *const TokenBytes, *mut *mut c_char) -> Herr>,
    pub from_text: Option<unsafe extern "C" fn(Object, c_int, *const c_char, *mut TokenBytes) -> Herr>,
}

/// The whole connector (`H5VL_class_t`).
#[repr(C)]
pub struct Class {
    pub version: c_uint,
    pub value: c_int,
    pub name: *const c_char,
    pub connector_version: c_uint,
    pub capabilities: u64,
    pub initialize: Option<unsafe extern "C" fn(Hid) -> Herr>,
    pub terminate: Option<unsafe extern "C" fn() -> Herr>,
    pub information: InformationClass,
    pub wrap: WrapClass,
    pub attribute: AttributeClass,
    pub dataset: DatasetClass,
    pub datatype: DatatypeClass,
    pub file: FileClass,
    pub group: GroupClass,
    pub link: LinkClass,
    pub object: ObjectClass,
    pub introspection: IntrospectionClass,
    pub request: RequestClass,
    pub blob: BlobClass,
    pub token: TokenClass,
    pub optional: Optional,
}

// SAFETY: the table is written once, at compile time; its one pointer leads to constant text.
unsafe impl Sync for Class {}
