//! `daos_s3.h`: S3 buckets and objects over containers.

use core::ffi::{c_char, c_int, c_void};

pub const DS3_MAX_UPLOAD_ID: c_int = 35;

/// A connection to a pool that holds buckets.
#[repr(C)]
pub struct ds3 {
    _private: [u8; 0],
}
/// A connection to a pool that holds buckets.
pub type ds3_t = ds3;
/// An open bucket.
#[repr(C)]
pub struct ds3_bucket {
    _private: [u8; 0],
}
/// An open bucket.
pub type ds3_bucket_t = ds3_bucket;
/// An open object.
#[repr(C)]
pub struct ds3_obj {
    _private: [u8; 0],
}
/// An open object.
pub type ds3_obj_t = ds3_obj;
/// An open part of an upload.
#[repr(C)]
pub struct ds3_part {
    _private: [u8; 0],
}
/// An open part of an upload.
pub type ds3_part_t = ds3_part;

/// A user, with access keys and bytes of the caller.
#[repr(C)]
pub struct ds3_user_info {
    pub name: *const c_char,
    pub email: *const c_char,
    pub access_ids: *mut *const c_char,
    pub access_ids_nr: usize,
    pub encoded: *mut c_void,
    pub encoded_length: usize,
}

/// A bucket, with bytes of the caller.
#[repr(C)]
pub struct ds3_bucket_info {
    pub name: [c_char; 128],
    pub encoded: *mut c_void,
    pub encoded_length: usize,
}

/// An object, with bytes of the caller.
#[repr(C)]
pub struct ds3_object_info {
    pub key: [c_char; 4096],
    pub encoded: *mut c_void,
    pub encoded_length: usize,
}

/// What several keys begin with.
#[repr(C)]
pub struct ds3_common_prefix_info {
    pub prefix: [c_char; 4096],
}

/// An upload in parts, with bytes of the caller.
#[repr(C)]
pub struct ds3_multipart_upload_info {
    pub upload_id: [c_char; 35],
    pub key: [c_char; 4096],
    pub encoded: *mut c_void,
    pub encoded_length: usize,
}

/// A part of an upload, with bytes of the caller.
#[repr(C)]
pub struct ds3_multipart_part_info {
    pub part_num: u64,
    pub encoded: *mut c_void,
    pub encoded_length: usize,
}
