//! `daos_version.h`: versions of the API and of its wire protocol.

use core::ffi::c_int;

pub const DAOS_API_VERSION_FIX: c_int = 0;
pub const DAOS_API_VERSION_MAJOR: c_int = 2;
pub const DAOS_API_VERSION_MINOR: c_int = 8;
pub const DAOS_VERSION_FIX: c_int = 100;
pub const DAOS_VERSION_MAJOR: c_int = 2;
pub const DAOS_VERSION_MINOR: c_int = 9;
pub const DAOS_VERSION_PROTOCAL: c_int = 1;

/// A version, as one number or by its parts.
#[repr(C)]
#[derive(Clone, Copy)]
pub union daos_version_t {
    pub raw: u32,
    pub anonymous: AnonymousVersionParts,
}

/// The parts of a version.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AnonymousVersionParts {
    pub protocol: u8,
    pub patch: u8,
    pub minor: u8,
    pub major: u8,
}
