//! The arguments of the callbacks: each is a number that says what is asked, and a union of what goes with it.

use super::types::{
    AttributeInformation, AttributeVisitor, GroupInformation, Hid, Hsize, LinkInformation, LinkVisitor,
    ObjectInformation, ObjectVisitor, TokenBytes,
};
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

/// How a location is given (`H5VL_loc_type_t`).
pub mod by {
    use std::ffi::c_int;
    pub const SELF: c_int = 0;
    pub const NAME: c_int = 1;
    pub const INDEX: c_int = 2;
    pub const TOKEN: c_int = 3;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByName {
    pub name: *const c_char,
    pub access_list: Hid,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByIndex {
    pub name: *const c_char,
    pub index: c_int,
    pub order: c_int,
    pub number: Hsize,
    pub access_list: Hid,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union LocationData {
    pub token: *const TokenBytes,
    pub name: ByName,
    pub index: ByIndex,
}

/// Which object is meant, seen from another one (`H5VL_loc_params_t`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Location {
    pub object_type: c_int,
    pub kind: c_int,
    pub data: LocationData,
}

/// `H5VL_optional_args_t`.
#[repr(C)]
pub struct OptionalArguments {
    pub operation: c_int,
    pub arguments: *mut c_void,
}

/// A place for one identifier that is asked for.
pub type OutIdentifier = Hid;

/// `H5VL_attr_get_t`.
pub mod attribute_get {
    use std::ffi::c_int;
    pub const CREATION_LIST: c_int = 0;
    pub const INFORMATION: c_int = 1;
    pub const NAME: c_int = 2;
    pub const SPACE: c_int = 3;
    pub const STORAGE_SIZE: c_int = 4;
    pub const TYPE: c_int = 5;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeGetName {
    pub location: Location,
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeGetInformation {
    pub location: Location,
    pub name: *const c_char,
    pub information: *mut AttributeInformation,
}

#[repr(C)]
pub union AttributeGetUnion {
    pub identifier: OutIdentifier,
    pub information: AttributeGetInformation,
    pub name: AttributeGetName,
    pub size: *mut Hsize,
}

/// `H5VL_attr_get_args_t`.
#[repr(C)]
pub struct AttributeGet {
    pub operation: c_int,
    pub arguments: AttributeGetUnion,
}

/// `H5VL_attr_specific_t`.
pub mod attribute_specific {
    use std::ffi::c_int;
    pub const DELETE: c_int = 0;
    pub const DELETE_BY_INDEX: c_int = 1;
    pub const EXISTS: c_int = 2;
    pub const ITERATE: c_int = 3;
    pub const RENAME: c_int = 4;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeIterate {
    pub index: c_int,
    pub order: c_int,
    pub position: *mut Hsize,
    pub visitor: AttributeVisitor,
    pub data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeleteByIndex {
    pub index: c_int,
    pub order: c_int,
    pub number: Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Exists {
    pub name: *const c_char,
    pub exists: *mut bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Rename {
    pub old: *const c_char,
    pub new: *const c_char,
}

#[repr(C)]
pub union AttributeSpecificUnion {
    pub name: *const c_char,
    pub by_index: DeleteByIndex,
    pub exists: Exists,
    pub iterate: AttributeIterate,
    pub rename: Rename,
}

/// `H5VL_attr_specific_args_t`.
#[repr(C)]
pub struct AttributeSpecific {
    pub operation: c_int,
    pub arguments: AttributeSpecificUnion,
}

/// `H5VL_dataset_get_t`.
pub mod dataset_get {
    use std::ffi::c_int;
    pub const ACCESS_LIST: c_int = 0;
    pub const CREATION_LIST: c_int = 1;
    pub const SPACE: c_int = 2;
    pub const SPACE_STATUS: c_int = 3;
    pub const STORAGE_SIZE: c_int = 4;
    pub const TYPE: c_int = 5;
}

#[repr(C)]
pub union DatasetGetUnion {
    pub identifier: OutIdentifier,
    pub status: *mut c_int,
    pub size: *mut Hsize,
}

/// `H5VL_dataset_get_args_t`.
#[repr(C)]
pub struct DatasetGet {
    pub operation: c_int,
    pub arguments: DatasetGetUnion,
}

/// What HDF5's own datasets can do besides, and ours too (`H5VL_NATIVE_DATASET_*`).
pub mod dataset_optional {
    use std::ffi::c_int;
    pub const CHUNK_SIZE: c_int = 2;
    pub const CHUNK_COUNT: c_int = 3;
    pub const CHUNK_BY_INDEX: c_int = 4;
    pub const CHUNK_BY_COORDINATES: c_int = 5;
    pub const CHUNK_READ: c_int = 6;
    pub const CHUNK_WRITE: c_int = 7;
    pub const CHUNK_ITERATE: c_int = 10;
}

/// Called for each chunk (`H5D_chunk_iter_op_t`).
pub type ChunkVisitor = unsafe extern "C" fn(*const Hsize, c_uint, u64, Hsize, *mut c_void) -> c_int;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkRead {
    pub offset: *const Hsize,
    pub mask: u32,
    pub buffer: *mut c_void,
    /// How many bytes the buffer has, and the chunk. Only HDF5 2 has it.
    pub size: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkWrite {
    pub offset: *const Hsize,
    pub mask: u32,
    pub size: u32,
    pub buffer: *const c_void,
}

/// The same since HDF5 2.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkWriteWide {
    pub offset: *const Hsize,
    pub mask: u32,
    pub size: usize,
    pub buffer: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkSize {
    pub offset: *const Hsize,
    pub size: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkCount {
    pub space: Hid,
    pub count: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkByIndex {
    pub space: Hid,
    pub index: Hsize,
    pub offset: *mut Hsize,
    pub mask: *mut c_uint,
    pub address: *mut u64,
    pub size: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkByCoordinates {
    pub offset: *const Hsize,
    pub mask: *mut c_uint,
    pub address: *mut u64,
    pub size: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkIterate {
    pub visitor: ChunkVisitor,
    pub data: *mut c_void,
}

/// `H5VL_native_dataset_optional_args_t`, as far as it concerns us.
#[repr(C)]
pub union DatasetOptional {
    pub size: ChunkSize,
    pub count: ChunkCount,
    pub by_index: ChunkByIndex,
    pub by_coordinates: ChunkByCoordinates,
    pub read: ChunkRead,
    pub write: ChunkWrite,
    pub write_wide: ChunkWriteWide,
    pub iterate: ChunkIterate,
}

/// `H5VL_dataset_specific_t`.
pub mod dataset_specific {
    use std::ffi::c_int;
    pub const SET_EXTENT: c_int = 0;
    pub const FLUSH: c_int = 1;
    pub const REFRESH: c_int = 2;
}

#[repr(C)]
pub union DatasetSpecificUnion {
    pub size: *const Hsize,
    pub identifier: Hid,
}

/// `H5VL_dataset_specific_args_t`.
#[repr(C)]
pub struct DatasetSpecific {
    pub operation: c_int,
    pub arguments: DatasetSpecificUnion,
}

/// `H5VL_datatype_get_t`.
pub mod datatype_get {
    use std::ffi::c_int;
    pub const BINARY_SIZE: c_int = 0;
    pub const BINARY: c_int = 1;
    pub const CREATION_LIST: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Binary {
    pub buffer: *mut c_void,
    pub size: usize,
}

#[repr(C)]
pub union DatatypeGetUnion {
    pub size: *mut usize,
    pub binary: Binary,
    pub identifier: OutIdentifier,
}

/// `H5VL_datatype_get_args_t`.
#[repr(C)]
pub struct DatatypeGet {
    pub operation: c_int,
    pub arguments: DatatypeGetUnion,
}

/// `H5VL_datatype_specific_args_t`: flush (0) or refresh (1) of an identifier.
#[repr(C)]
pub struct DatatypeSpecific {
    pub operation: c_int,
    pub identifier: Hid,
}

/// `H5VL_file_get_t`.
pub mod file_get {
    use std::ffi::c_int;
    pub const CONTAINER_INFORMATION: c_int = 0;
    pub const ACCESS_LIST: c_int = 1;
    pub const CREATION_LIST: c_int = 2;
    pub const NUMBER: c_int = 3;
    pub const INTENT: c_int = 4;
    pub const NAME: c_int = 5;
    pub const OBJECT_COUNT: c_int = 6;
    pub const OBJECTS: c_int = 7;
}

/// `H5VL_file_cont_info_t`.
#[repr(C)]
pub struct ContainerInformation {
    pub version: c_uint,
    pub feature_flags: u64,
    pub token_size: usize,
    pub blob_size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct FileGetName {
    pub object_type: c_int,
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectCount {
    pub types: c_uint,
    pub count: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectList {
    pub types: c_uint,
    pub count_max: usize,
    pub list: *mut Hid,
    pub count: *mut usize,
}

#[repr(C)]
pub union FileGetUnion {
    pub container: *mut ContainerInformation,
    pub identifier: OutIdentifier,
    pub number: *mut c_ulong,
    pub flags: *mut c_uint,
    pub name: FileGetName,
    pub count: ObjectCount,
    pub objects: ObjectList,
}

/// `H5VL_file_get_args_t`.
#[repr(C)]
pub struct FileGet {
    pub operation: c_int,
    pub arguments: FileGetUnion,
}

/// `H5VL_file_specific_t`.
pub mod file_specific {
    use std::ffi::c_int;
    pub const FLUSH: c_int = 0;
    pub const REOPEN: c_int = 1;
    pub const IS_ACCESSIBLE: c_int = 2;
    pub const DELETE: c_int = 3;
    pub const IS_EQUAL: c_int = 4;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Flush {
    pub object_type: c_int,
    pub scope: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct IsAccessible {
    pub name: *const c_char,
    pub access_list: Hid,
    pub accessible: *mut bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeleteFile {
    pub name: *const c_char,
    pub access_list: Hid,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct IsEqual {
    pub other: *mut c_void,
    pub same: *mut bool,
}

#[repr(C)]
pub union FileSpecificUnion {
    pub flush: Flush,
    pub reopen: *mut *mut c_void,
    pub is_accessible: IsAccessible,
    pub delete: DeleteFile,
    pub is_equal: IsEqual,
}

/// `H5VL_file_specific_args_t`.
#[repr(C)]
pub struct FileSpecific {
    pub operation: c_int,
    pub arguments: FileSpecificUnion,
}

/// `H5VL_group_get_t`.
pub mod group_get {
    use std::ffi::c_int;
    pub const CREATION_LIST: c_int = 0;
    pub const INFORMATION: c_int = 1;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct GroupGetInformation {
    pub location: Location,
    pub information: *mut GroupInformation,
}

#[repr(C)]
pub union GroupGetUnion {
    pub identifier: OutIdentifier,
    pub information: GroupGetInformation,
}

/// `H5VL_group_get_args_t`.
#[repr(C)]
pub struct GroupGet {
    pub operation: c_int,
    pub arguments: GroupGetUnion,
}

/// `H5VL_group_specific_t`.
pub mod group_specific {
    use std::ffi::c_int;
    pub const MOUNT: c_int = 0;
    pub const FLUSH: c_int = 2;
    pub const REFRESH: c_int = 3;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mount {
    pub name: *const c_char,
    pub child: *mut c_void,
    pub list: Hid,
}

#[repr(C)]
pub union GroupSpecificUnion {
    pub mount: Mount,
    pub identifier: Hid,
}

/// `H5VL_group_specific_args_t`.
#[repr(C)]
pub struct GroupSpecific {
    pub operation: c_int,
    pub arguments: GroupSpecificUnion,
}

/// `H5VL_link_create_t`.
pub mod link_create {
    use std::ffi::c_int;
    pub const HARD: c_int = 0;
    pub const SOFT: c_int = 1;
    pub const USER_DEFINED: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct HardLink {
    pub object: *mut c_void,
    pub location: Location,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct UserDefinedLink {
    pub kind: c_int,
    pub buffer: *const c_void,
    pub size: usize,
}

#[repr(C)]
pub union LinkCreateUnion {
    pub hard: HardLink,
    pub soft: *const c_char,
    pub user_defined: UserDefinedLink,
}

/// `H5VL_link_create_args_t`.
#[repr(C)]
pub struct LinkCreate {
    pub operation: c_int,
    pub arguments: LinkCreateUnion,
}

/// `H5VL_link_get_t`.
pub mod link_get {
    use std::ffi::c_int;
    pub const INFORMATION: c_int = 0;
    pub const NAME: c_int = 1;
    pub const VALUE: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkGetName {
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkGetValue {
    pub size: usize,
    pub buffer: *mut c_void,
}

#[repr(C)]
pub union LinkGetUnion {
    pub information: *mut LinkInformation,
    pub name: LinkGetName,
    pub value: LinkGetValue,
}

/// `H5VL_link_get_args_t`.
#[repr(C)]
pub struct LinkGet {
    pub operation: c_int,
    pub arguments: LinkGetUnion,
}

/// `H5VL_link_specific_t`.
pub mod link_specific {
    use std::ffi::c_int;
    pub const DELETE: c_int = 0;
    pub const EXISTS: c_int = 1;
    pub const ITERATE: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkIterate {
    pub is_recursive: bool,
    pub index: c_int,
    pub order: c_int,
    pub position: *mut Hsize,
    pub visitor: LinkVisitor,
    pub data: *mut c_void,
}

#[repr(C)]
pub union LinkSpecificUnion {
    pub exists: *mut bool,
    pub iterate: LinkIterate,
}

/// `H5VL_link_specific_args_t`.
#[repr(C)]
pub struct LinkSpecific {
    pub operation: c_int,
    pub arguments: LinkSpecificUnion,
}

/// `H5VL_object_get_t`.
pub mod object_get {
    use std::ffi::c_int;
    pub const FILE: c_int = 0;
    pub const NAME: c_int = 1;
    pub const TYPE: c_int = 2;
    pub const INFORMATION: c_int = 3;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectGetName {
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectGetInformation {
    pub fields: c_uint,
    pub information: *mut ObjectInformation,
}

#[repr(C)]
pub union ObjectGetUnion {
    pub file: *mut *mut c_void,
    pub name: ObjectGetName,
    pub kind: *mut c_int,
    pub information: ObjectGetInformation,
}

/// `H5VL_object_get_args_t`.
#[repr(C)]
pub struct ObjectGet {
    pub operation: c_int,
    pub arguments: ObjectGetUnion,
}

/// `H5VL_object_specific_t`.
pub mod object_specific {
    use std::ffi::c_int;
    pub const CHANGE_REFERENCE_COUNT: c_int = 0;
    pub const EXISTS: c_int = 1;
    pub const LOOKUP: c_int = 2;
    pub const VISIT: c_int = 3;
    pub const FLUSH: c_int = 4;
    pub const REFRESH: c_int = 5;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectVisit {
    pub index: c_int,
    pub order: c_int,
    pub fields: c_uint,
    pub visitor: ObjectVisitor,
    pub data: *mut c_void,
}

#[repr(C)]
pub union ObjectSpecificUnion {
    pub delta: c_int,
    pub exists: *mut bool,
    pub token: *mut TokenBytes,
    pub visit: ObjectVisit,
    pub identifier: Hid,
}

/// `H5VL_object_specific_args_t`.
#[repr(C)]
pub struct ObjectSpecific {
    pub operation: c_int,
    pub arguments: ObjectSpecificUnion,
}

/// `H5VL_request_specific_args_t`, which nothing here looks into.
#[repr(C)]
pub struct RequestSpecific {
    pub operation: c_int,
    pub arguments: [u64; 2],
}

/// `H5VL_blob_specific_t`.
pub mod blob_specific {
    use std::ffi::c_int;
    pub const DELETE: c_int = 0;
    pub const IS_NULL: c_int = 1;
    pub const SET_NULL: c_int = 2;
}

/// `H5VL_blob_specific_args_t`.
#[repr(C)]
pub struct BlobSpecific {
    pub operation: c_int,
    pub is_null: *mut bool,
}
