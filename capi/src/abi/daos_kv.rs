//! `daos_kv.h`: the flat key-value view of an object.

use super::*;
use core::ffi::c_uint;

pub const DAOS_COND_KEY_GET: c_uint = DAOS_COND_DKEY_FETCH;
pub const DAOS_COND_KEY_INSERT: c_uint = DAOS_COND_DKEY_INSERT;
pub const DAOS_COND_KEY_REMOVE: c_uint = DAOS_COND_PUNCH;
pub const DAOS_COND_KEY_UPDATE: c_uint = DAOS_COND_DKEY_UPDATE;
