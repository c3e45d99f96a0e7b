//! S3 buckets and objects over containers: declared for programs that are linked with libds3, and not there yet.

use core::ffi::{c_char, c_int, c_void};

use crate::abi::*;
use crate::guard::guard_errno;
use daos_dfs::DfsError;

/// What such a function gives: libds3 returns the negative of an errno.
fn not_there(function: &str) -> c_int {
    // SAFETY: there is no pointer that is followed.
    -unsafe { guard_errno(function, |_| Err(DfsError::new(libc::ENOSYS, "S3 is not there yet"))) }
}

/// Closes a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_close(_ds3b: *mut ds3_bucket_t, _ev: *mut daos_event_t) -> c_int {
    not_there("ds3_bucket_close")
}

/// Makes a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_create(
    _name: *const c_char,
    _info: *mut ds3_bucket_info,
    _attr: *mut dfs_attr_t,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_bucket_create")
}

/// Removes a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_destroy(
    _name: *const c_char,
    _force: bool,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_bucket_destroy")
}

/// Tells what is kept about a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_get_info(
    _info: *mut ds3_bucket_info,
    _ds3b: *mut ds3_bucket_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_bucket_get_info")
}

/// Lists buckets.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_list(
    _nbuck: *mut daos_size_t,
    _buf: *mut ds3_bucket_info,
    _marker: *mut c_char,
    _is_truncated: *mut bool,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_bucket_list")
}

/// Lists uploads in parts that have not ended.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_list_multipart(
    _bucket_name: *const c_char,
    _nmp: *mut u32,
    _mps: *mut ds3_multipart_upload_info,
    _ncp: *mut u32,
    _cps: *mut ds3_common_prefix_info,
    _prefix: *const c_char,
    _delim: *const c_char,
    _marker: *mut c_char,
    _is_truncated: *mut bool,
    _ds3: *mut ds3_t,
) -> c_int {
    not_there("ds3_bucket_list_multipart")
}

/// Lists objects of a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_list_obj(
    _nobj: *mut u32,
    _objs: *mut ds3_object_info,
    _ncp: *mut u32,
    _cps: *mut ds3_common_prefix_info,
    _prefix: *const c_char,
    _delim: *const c_char,
    _marker: *mut c_char,
    _list_versions: bool,
    _is_truncated: *mut bool,
    _ds3b: *mut ds3_bucket_t,
) -> c_int {
    not_there("ds3_bucket_list_obj")
}

/// Opens a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_open(
    _name: *const c_char,
    _ds3b: *mut *mut ds3_bucket_t,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_bucket_open")
}

/// Keeps something about a bucket.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_bucket_set_info(
    _info: *mut ds3_bucket_info,
    _ds3b: *mut ds3_bucket_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_bucket_set_info")
}

/// Connects to a pool that holds buckets.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_connect(
    _pool: *const c_char,
    _sys: *const c_char,
    _ds3: *mut *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_connect")
}

/// Ends a connection.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_disconnect(_ds3: *mut ds3_t, _ev: *mut daos_event_t) -> c_int {
    not_there("ds3_disconnect")
}

/// Ends the library.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_fini() -> c_int {
    not_there("ds3_fini")
}

/// Starts the library.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_init() -> c_int {
    not_there("ds3_init")
}

/// Closes an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_close(_ds3o: *mut ds3_obj_t) -> c_int {
    not_there("ds3_obj_close")
}

/// Makes an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_create(
    _key: *const c_char,
    _ds3o: *mut *mut ds3_obj_t,
    _ds3b: *mut ds3_bucket_t,
) -> c_int {
    not_there("ds3_obj_create")
}

/// Removes an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_destroy(_key: *const c_char, _ds3b: *mut ds3_bucket_t) -> c_int {
    not_there("ds3_obj_destroy")
}

/// Tells what is kept about an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_get_info(
    _info: *mut ds3_object_info,
    _ds3b: *mut ds3_bucket_t,
    _ds3o: *mut ds3_obj_t,
) -> c_int {
    not_there("ds3_obj_get_info")
}

/// Makes a version of an object the latest.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_mark_latest(_key: *const c_char, _ds3b: *mut ds3_bucket_t) -> c_int {
    not_there("ds3_obj_mark_latest")
}

/// Opens an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_open(
    _key: *const c_char,
    _ds3o: *mut *mut ds3_obj_t,
    _ds3b: *mut ds3_bucket_t,
) -> c_int {
    not_there("ds3_obj_open")
}

/// Reads from an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_read(
    _buf: *mut c_void,
    _off: daos_off_t,
    _size: *mut daos_size_t,
    _ds3b: *mut ds3_bucket_t,
    _ds3o: *mut ds3_obj_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_obj_read")
}

/// Keeps something about an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_set_info(
    _info: *mut ds3_object_info,
    _ds3b: *mut ds3_bucket_t,
    _ds3o: *mut ds3_obj_t,
) -> c_int {
    not_there("ds3_obj_set_info")
}

/// Writes to an object.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_obj_write(
    _buf: *mut c_void,
    _off: daos_off_t,
    _size: *mut daos_size_t,
    _ds3b: *mut ds3_bucket_t,
    _ds3o: *mut ds3_obj_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_obj_write")
}

/// Closes a part.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_part_close(_ds3p: *mut ds3_part_t) -> c_int {
    not_there("ds3_part_close")
}

/// Opens a part of an upload.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_part_open(
    _bucket_name: *const c_char,
    _upload_id: *const c_char,
    _part_num: u64,
    _truncate: bool,
    _ds3p: *mut *mut ds3_part_t,
    _ds3: *mut ds3_t,
) -> c_int {
    not_there("ds3_part_open")
}

/// Reads from a part.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_part_read(
    _buf: *mut c_void,
    _off: daos_off_t,
    _size: *mut daos_size_t,
    _ds3p: *mut ds3_part_t,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_part_read")
}

/// Keeps something about a part.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_part_set_info(
    _info: *mut ds3_multipart_part_info,
    _ds3p: *mut ds3_part_t,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_part_set_info")
}

/// Writes to a part.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_part_write(
    _buf: *mut c_void,
    _off: daos_off_t,
    _size: *mut daos_size_t,
    _ds3p: *mut ds3_part_t,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_part_write")
}

/// Tells what is kept about an upload in parts.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_upload_get_info(
    _info: *mut ds3_multipart_upload_info,
    _bucket_name: *const c_char,
    _upload_id: *const c_char,
    _ds3: *mut ds3_t,
) -> c_int {
    not_there("ds3_upload_get_info")
}

/// Begins an upload in parts.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_upload_init(
    _info: *mut ds3_multipart_upload_info,
    _bucket_name: *const c_char,
    _ds3: *mut ds3_t,
) -> c_int {
    not_there("ds3_upload_init")
}

/// Lists the parts of an upload.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_upload_list_parts(
    _bucket_name: *const c_char,
    _upload_id: *const c_char,
    _npart: *mut u32,
    _parts: *mut ds3_multipart_part_info,
    _marker: *mut u32,
    _is_truncated: *mut bool,
    _ds3: *mut ds3_t,
) -> c_int {
    not_there("ds3_upload_list_parts")
}

/// Gives an upload in parts up.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_upload_remove(
    _bucket_name: *const c_char,
    _upload_id: *const c_char,
    _ds3: *mut ds3_t,
) -> c_int {
    not_there("ds3_upload_remove")
}

/// Looks a user up by name.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_user_get(
    _name: *const c_char,
    _info: *mut ds3_user_info,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_user_get")
}

/// Looks a user up by electronic mail address.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_user_get_by_email(
    _email: *const c_char,
    _info: *mut ds3_user_info,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_user_get_by_email")
}

/// Looks a user up by an access key.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_user_get_by_key(
    _key: *const c_char,
    _info: *mut ds3_user_info,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_user_get_by_key")
}

/// Removes a user.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_user_remove(
    _name: *const c_char,
    _info: *mut ds3_user_info,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_user_remove")
}

/// Adds, changes or renames a user.
///
/// @return -ENOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds3_user_set(
    _name: *const c_char,
    _info: *mut ds3_user_info,
    _old_info: *mut ds3_user_info,
    _ds3: *mut ds3_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("ds3_user_set")
}
