//! What a handle may be used for, decided once, when it is opened.

use crate::access::permissions_of_user;
use crate::{AccessList, Credentials, Ownership, Permissions};

/// What the owner of a container may in any case: repair its list.
const CONTAINER_OWNER: Permissions = Permissions(Permissions::GET_LIST.0 | Permissions::SET_LIST.0);
/// What makes a pool handle one for reading.
const POOL_READ: Permissions = Permissions(Permissions::READ.0 | Permissions::GET_PROPERTIES.0);
/// What makes a container handle one for reading.
const CONTAINER_READ: Permissions =
    Permissions(Permissions::READ.0 | Permissions::GET_PROPERTIES.0 | Permissions::GET_LIST.0);
/// What makes a container handle one for changes. To destroy the container, no handle of it is needed.
const CONTAINER_CHANGE: Permissions = Permissions(
    Permissions::WRITE.0 | Permissions::SET_PROPERTIES.0 | Permissions::SET_LIST.0 | Permissions::SET_OWNER.0,
);

/// What a user may do with a pool.
pub fn pool_permissions(list: &AccessList, owner: &Ownership, user: &Credentials) -> Permissions {
    permissions_of_user(list, owner, user, Permissions::NONE) & Permissions::POOL
}

/// What a user may do with a container.
pub fn container_permissions(list: &AccessList, owner: &Ownership, user: &Credentials) -> Permissions {
    permissions_of_user(list, owner, user, CONTAINER_OWNER) & Permissions::CONTAINER
}

/// What a pool handle may be used for; nothing when the pool cannot be connected to in this way: a handle for writing is
/// not given to who may only read.
pub fn pool_capabilities(list: &AccessList, owner: &Ownership, user: &Credentials, read_only: bool) -> Permissions {
    let mut all = pool_permissions(list, owner, user);
    if all.intersects(Permissions::READ) {
        all |= Permissions::GET_PROPERTIES;
    }
    if all.intersects(Permissions::WRITE) {
        all |= Permissions::CREATE_CONTAINER | Permissions::DELETE_CONTAINER;
    }
    let changes = all & !POOL_READ;
    if !all.intersects(POOL_READ) || (!read_only && changes == Permissions::NONE) {
        return Permissions::NONE;
    }
    if read_only { all & POOL_READ } else { all }
}

/// What a container handle may be used for; nothing when the container cannot be opened in this way: a handle for changes is
/// given to who may read something of it and change something of it.
pub fn container_capabilities(
    list: &AccessList,
    owner: &Ownership,
    user: &Credentials,
    read_only: bool,
) -> Permissions {
    let all = container_permissions(list, owner, user);
    match read_only {
        true => all & CONTAINER_READ,
        false if all.intersects(CONTAINER_READ) && all.intersects(CONTAINER_CHANGE) => all,
        false => Permissions::NONE,
    }
}

/// Whether a container may be destroyed through a pool handle: when the pool permits it for all, or the container for this
/// one.
pub fn pool_handle_may_delete(pool: Permissions, list: &AccessList, owner: &Ownership, user: &Credentials) -> bool {
    pool.intersects(Permissions::DELETE_CONTAINER)
        || permissions_of_user(list, owner, user, Permissions::NONE).intersects(Permissions::DELETE_CONTAINER)
}
