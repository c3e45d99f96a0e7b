//! Who may do what with pools and containers: access control lists, their text and their bytes, and what they permit.
//!
//! A list has entries about principals: the owner, users, the owner's group, groups, everyone. The permissions of a user
//! are those of the first of these that matches: the owner's entry, the entry of the user's name, the union of the entries
//! of all groups that the user is in, the entry about everyone. An owner without an entry is a user like any other; the
//! owner of a container may always read and change its list.
//!
//! Text: `A:G:GROUP@:rw`, that is kinds of access (`A` allow, `U` audit, `L` alarm), flags (`G` group, `P` inherited by the
//! pool's containers, `F` failures, `S` successes), the principal, and permissions:
//!
//! | letter | permission | letter | permission | letter | permission |
//! |---|---|---|---|---|---|
//! | `r` | read | `d` | delete containers | `a` | read the list |
//! | `w` | write | `t` | read properties | `A` | change the list |
//! | `c` | create containers | `T` | change properties | `o` | change the owner |
//!
//! Bytes: as the C structures `daos_acl` and `daos_ace`, little-endian: a head of 8 bytes (version 1, zero, length of what
//! follows), and per entry 32 bytes and the zero-terminated name, padded to a multiple of 8.

mod access;
mod bytes;
mod capability;
mod entry;
mod file;
mod list;
mod names;
mod permissions;
mod principal;

pub use access::{Credentials, Ownership, permissions_of_user};
pub use bytes::{ENTRY_HEAD_LENGTH, LIST_HEAD_LENGTH};
pub use capability::{
    container_capabilities, container_permissions, pool_capabilities, pool_handle_may_delete, pool_permissions,
};
pub use entry::{Entry, EntryFlags, Kinds};
pub use file::{list_from_text, list_to_text};
pub use list::{ACCESS_LIST_BYTES_MAX, AccessList};
pub use names::{group_of_number, number_of_group, number_of_user, user_of_number};
pub use permissions::Permissions;
pub use principal::{PRINCIPAL_LENGTH_MAX, Principal, check_name, is_valid_name};

#[cfg(test)]
mod tests;
