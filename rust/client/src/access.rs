//! Owners and access control lists of pools and containers.

use daos_security::{AccessList, Ownership, Principal};
use daos_status::Result;
use daos_wire::{Access, AccessChange, Blob, NewAccess, NewOwner, WirePrincipal};

/// Owner and access control list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessInfo {
    /// The owner, and the owner's group. Empty for what was made before there were owners.
    pub owner: Ownership,
    /// The list; `None` when it may not be read, or there is none.
    pub list: Option<AccessList>,
}

impl AccessInfo {
    pub(crate) fn from_wire(access: Access) -> Result<AccessInfo> {
        let list = access.access_list()?;
        Ok(AccessInfo { owner: Ownership { user: access.user, group: access.group }, list })
    }
}

/// A new access control list.
pub fn overwrite_access(list: &AccessList) -> AccessChange {
    AccessChange::Overwrite(Blob(list.to_bytes()))
}

/// Entries that are added to a list, or take the place of those about the same principals.
pub fn update_access(list: &AccessList) -> AccessChange {
    AccessChange::Update(Blob(list.to_bytes()))
}

/// The removal of the entry about a principal.
pub fn delete_access(principal: &Principal) -> AccessChange {
    AccessChange::Delete(WirePrincipal { kind: principal.kind(), name: principal.name().map(str::to_owned) })
}

/// A new owner, group, or both; what is empty stays.
pub fn change_owner(user: &str, group: &str) -> AccessChange {
    AccessChange::Owner(NewOwner { user: user.to_owned(), group: group.to_owned() })
}

pub(crate) fn new_access(user: &str, group: &str, list: Option<&AccessList>) -> NewAccess {
    let list = Blob(list.map(AccessList::to_bytes).unwrap_or_default());
    NewAccess { user: user.to_owned(), group: group.to_owned(), list }
}
