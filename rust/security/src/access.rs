//! What a list permits a user.

use crate::{AccessList, Permissions, Principal};

/// Whom something belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ownership {
    /// The user, as `name@`.
    pub user: String,
    /// The group, as `name@`.
    pub group: String,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Credentials {
    /// The user, as `name@`.
    pub user: String,
    /// The user's first group.
    pub group: String,
    /// All other groups.
    pub groups: Vec<String>,
}

impl Credentials {
    /// Whom something belongs to that this user makes.
    pub fn ownership(&self) -> Ownership {
        Ownership { user: self.user.clone(), group: self.group.clone() }
    }

    fn is_in(&self, group: &str) -> bool {
        !group.is_empty() && (self.group == group || self.groups.iter().any(|known| known == group))
    }
}

/// What the owner may in any case: `least`.
pub fn permissions_of_user(
    list: &AccessList,
    owner: &Ownership,
    user: &Credentials,
    least: Permissions,
) -> Permissions {
    let is_owner = !user.user.is_empty() && owner.user == user.user;
    let kept = if is_owner { least } else { Permissions::NONE };
    kept | matching(list, owner, user, is_owner)
}

fn matching(list: &AccessList, owner: &Ownership, user: &Credentials, is_owner: bool) -> Permissions {
    let entries = list.entries();
    let of = |principal: &Principal| list.entry(principal).map(|entry| entry.allow);
    if is_owner && let Some(permissions) = of(&Principal::Owner) {
        return permissions;
    }
    if let Some(entry) =
        entries.iter().find(|entry| matches!(&entry.principal, Principal::User(name) if *name == user.user))
    {
        return entry.allow;
    }
    let groups = entries.iter().filter(|entry| match &entry.principal {
        Principal::OwnerGroup => user.is_in(&owner.group),
        Principal::Group(name) => user.is_in(name),
        _ => false,
    });
    let united = groups.map(|entry| entry.allow).reduce(|a, b| a | b);
    united.or_else(|| of(&Principal::Everyone)).unwrap_or_default()
}
