//! `daos_security.h`: access control lists.

use core::ffi::{c_char, c_int, c_uint};

pub const DAOS_ACL_ACCESS_ALL: c_uint = DAOS_ACL_ACCESS_ALLOW | DAOS_ACL_ACCESS_AUDIT | DAOS_ACL_ACCESS_ALARM;
pub const DAOS_ACL_FLAG_ALL: c_uint =
    DAOS_ACL_FLAG_GROUP | DAOS_ACL_FLAG_POOL_INHERIT | DAOS_ACL_FLAG_ACCESS_FAIL | DAOS_ACL_FLAG_ACCESS_SUCCESS;
pub const DAOS_ACL_MAX_ACE_LEN: c_int = 65536;
pub const DAOS_ACL_MAX_ACE_STR_LEN: c_int = DAOS_ACL_MAX_PRINCIPAL_LEN + 64;
pub const DAOS_ACL_MAX_PRINCIPAL_BUF_LEN: c_int = DAOS_ACL_MAX_PRINCIPAL_LEN + 1;
pub const DAOS_ACL_MAX_PRINCIPAL_LEN: c_int = 255;
pub const DAOS_ACL_PERM_ALL: c_uint = DAOS_ACL_PERM_POOL_ALL | DAOS_ACL_PERM_CONT_ALL;
pub const DAOS_ACL_PERM_CONT_ALL: c_uint = DAOS_ACL_PERM_READ
    | DAOS_ACL_PERM_WRITE
    | DAOS_ACL_PERM_DEL_CONT
    | DAOS_ACL_PERM_GET_PROP
    | DAOS_ACL_PERM_SET_PROP
    | DAOS_ACL_PERM_GET_ACL
    | DAOS_ACL_PERM_SET_ACL
    | DAOS_ACL_PERM_SET_OWNER;
pub const DAOS_ACL_PERM_POOL_ALL: c_uint = DAOS_ACL_PERM_READ
    | DAOS_ACL_PERM_GET_PROP
    | DAOS_ACL_PERM_WRITE
    | DAOS_ACL_PERM_CREATE_CONT
    | DAOS_ACL_PERM_DEL_CONT;
pub const DAOS_ACL_VERSION: c_int = 1;

c_enum! {
    /// Who an entry of an access control list is about.
    pub enum daos_acl_principal_type: c_uint {
        DAOS_ACL_OWNER = 0,
        DAOS_ACL_USER = 1,
        DAOS_ACL_OWNER_GROUP = 2,
        DAOS_ACL_GROUP = 3,
        DAOS_ACL_EVERYONE = 4,
        NUM_DAOS_ACL_TYPES = 5,
    }
}

c_enum! {
    /// What an entry of an access control list does.
    pub enum daos_acl_access_type: c_uint {
        DAOS_ACL_ACCESS_ALLOW = 1,
        DAOS_ACL_ACCESS_AUDIT = 2,
        DAOS_ACL_ACCESS_ALARM = 4,
    }
}

c_enum! {
    /// Flags of an entry of an access control list.
    pub enum daos_acl_flags: c_uint {
        DAOS_ACL_FLAG_GROUP = 1,
        DAOS_ACL_FLAG_POOL_INHERIT = 2,
        DAOS_ACL_FLAG_ACCESS_FAIL = 4,
        DAOS_ACL_FLAG_ACCESS_SUCCESS = 8,
    }
}

c_enum! {
    /// Permissions.
    pub enum daos_acl_perm: c_uint {
        DAOS_ACL_PERM_READ = 1,
        DAOS_ACL_PERM_WRITE = 2,
        DAOS_ACL_PERM_CREATE_CONT = 4,
        DAOS_ACL_PERM_DEL_CONT = 8,
        DAOS_ACL_PERM_GET_PROP = 16,
        DAOS_ACL_PERM_SET_PROP = 32,
        DAOS_ACL_PERM_GET_ACL = 64,
        DAOS_ACL_PERM_SET_ACL = 128,
        DAOS_ACL_PERM_SET_OWNER = 256,
    }
}

/// An access control list: entries of variable length, `dal_len` bytes in all.
#[repr(C)]
pub struct daos_acl {
    pub dal_ver: u16,
    pub dal_reserv: u16,
    pub dal_len: u32,
    pub dal_ace: [u8; 0],
}

/// One entry of an access control list; its size is a multiple of 8 bytes.
#[repr(C)]
pub struct daos_ace {
    pub dae_access_types: u8,
    pub dae_principal_type: u8,
    pub dae_principal_len: u16,
    pub dae_access_flags: u16,
    pub dae_reserv: u16,
    pub dae_allow_perms: u64,
    pub dae_audit_perms: u64,
    pub dae_alarm_perms: u64,
    pub dae_principal: [c_char; 0],
}
