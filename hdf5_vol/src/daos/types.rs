//! Structs of `include/daos*.h`; a test compares them with the headers.

use std::ffi::{c_int, c_void};

/// `daos_handle_t`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Handle(pub u64);

impl Handle {
    /// No handle, also no transaction.
    pub const NONE: Self = Self(0);
}

/// `daos_obj_id_t`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct ObjectId {
    pub low: u64,
    pub high: u64,
}

/// `daos_otype_t`.
pub mod object_type {
    /// Dkeys and akeys are bytes.
    pub const HASHED: u32 = 0;
    /// Dkeys are numbers.
    pub const NUMBERED: u32 = 2;
}

/// `d_iov_t`, also a key.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Vector {
    pub buffer: *mut c_void,
    pub room: usize,
    pub length: usize,
}

impl Vector {
    /// Bytes that are read, whatever the type says.
    pub fn of(bytes: &[u8]) -> Self {
        Self { buffer: bytes.as_ptr().cast_mut().cast(), room: bytes.len(), length: bytes.len() }
    }

    /// Bytes that are written.
    pub fn into(bytes: &mut [u8]) -> Self {
        Self { buffer: bytes.as_mut_ptr().cast(), room: bytes.len(), length: bytes.len() }
    }
}

/// `d_sg_list_t`.
#[repr(C)]
pub struct ScatterGather {
    pub count: u32,
    pub count_out: u32,
    pub vectors: *mut Vector,
}

/// `daos_recx_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub index: u64,
    pub count: u64,
}

/// `daos_iod_t`.
#[repr(C)]
pub struct Descriptor {
    pub name: Vector,
    pub kind: c_int,
    pub size: u64,
    pub flags: u64,
    pub count: u32,
    pub extents: *mut Extent,
}

/// `daos_iom_t`.
#[repr(C)]
pub struct ExtentMap {
    pub kind: c_int,
    pub count: u32,
    pub count_out: u32,
    pub flags: u32,
    pub size: u64,
    pub lowest: Extent,
    pub highest: Extent,
    pub extents: *mut Extent,
}

impl ExtentMap {
    /// Asks for nothing.
    pub const EMPTY: Self = Self {
        kind: ARRAY,
        count: 0,
        count_out: 0,
        flags: 0,
        size: 0,
        lowest: Extent { index: 0, count: 0 },
        highest: Extent { index: 0, count: 0 },
        extents: std::ptr::null_mut(),
    };
    /// `DAOS_IOMF_DETAIL`.
    const DETAIL: u32 = 1;

    /// Asks for all extents, into a list.
    pub fn into(list: &mut [Extent]) -> Self {
        let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
        Self { count, flags: Self::DETAIL, extents: list.as_mut_ptr(), ..Self::EMPTY }
    }
}

/// `DAOS_IOD_SINGLE` and `DAOS_IOD_ARRAY`.
pub const SINGLE: c_int = 1;
pub const ARRAY: c_int = 2;

/// `daos_key_desc_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct KeyDescriptor {
    pub length: u64,
    pub kind: u32,
}

/// `daos_anchor_t`.
#[repr(C)]
pub struct Anchor {
    pub kind: u16,
    pub shard: u16,
    pub flags: u32,
    pub sub_anchors: u64,
    pub buffer: [u8; 104],
}

impl Anchor {
    /// At the beginning.
    pub const START: Self = Self { kind: 0, shard: 0, flags: 0, sub_anchors: 0, buffer: [0; 104] };
    const END: u16 = 3;

    pub fn is_at_end(&self) -> bool {
        self.kind == Self::END
    }
}

/// `daos_event_t`.
#[repr(C)]
pub struct Event {
    pub error: c_int,
    pub space: [u64; 20],
    pub debug: u64,
}

impl Event {
    /// Before it is prepared.
    pub const EMPTY: Self = Self { error: 0, space: [0; 20], debug: 0 };
}

/// `daos_cont_info_t`.
#[repr(C)]
#[derive(Default)]
pub struct ContainerInformation {
    pub uuid: [u8; 16],
    pub last_snapshot: u64,
    pub handles: u32,
    pub snapshots: u32,
    pub open_time: u64,
    pub modification_time: u64,
}

/// `duns_attr_t`.
#[repr(C)]
pub struct UnifiedName {
    pub kind: c_int,
    pub class: u32,
    pub chunk_size: u64,
    pub properties: *mut c_void,
    pub flags: u32,
    pub pool: [u8; 128],
    pub container: [u8; 128],
    pub system: *mut std::ffi::c_char,
    pub path: *mut std::ffi::c_char,
    pub is_on_lustre: bool,
    pub has_no_prefix: bool,
    pub pool_uuid: [u8; 16],
    pub container_uuid: [u8; 16],
    pub directory_class: u32,
    pub file_class: u32,
    pub hints: [u8; 128],
}

/// A piece of one value: where it lies in the value, and in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First byte within the value.
    pub offset: u64,
    /// Its bytes in memory.
    pub memory: *mut u8,
    /// How many.
    pub length: usize,
}
