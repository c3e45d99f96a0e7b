//! Owners and access control lists.

use crate::handles::Caller;
use crate::rows::{AccessRow, Row, RowKey};
use crate::state::{Decision, Guarded, PoolService};
use daos_security::{AccessList, Credentials, Permissions, Principal, check_name};
use daos_status::{Code, Result, fail};
use daos_wire::{Access, AccessChange, AccessGet, AccessOf, AccessSet, Blob, ContainerHandle, NewAccess};

/// What an access control list is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Pool,
    Container,
}

impl Kind {
    fn check(self, list: &AccessList) -> Result<()> {
        match self {
            Kind::Pool => list.check_permissions(Permissions::POOL, "a pool"),
            Kind::Container => list.check_permissions(Permissions::CONTAINER, "a container"),
        }
    }

    fn default_list(self) -> AccessList {
        match self {
            Kind::Pool => AccessList::default_of_pool(),
            Kind::Container => AccessList::default_of_container(),
        }
    }
}

/// The row of something new: what its creator did not choose is his own, with upstream's list.
pub(crate) fn new_row(kind: Kind, new: &NewAccess, creator: &Credentials) -> Result<AccessRow> {
    let list = if new.list.0.is_empty() { kind.default_list() } else { AccessList::from_bytes(&new.list.0)? };
    kind.check(&list)?;
    let choose = |given: &str, own: &str| -> Result<String> {
        if given.is_empty() {
            return Ok(own.to_owned());
        }
        check_name(given)?;
        Ok(given.to_owned())
    };
    let (user, group) = (choose(&new.user, &creator.user)?, choose(&new.group, &creator.group)?);
    Ok(AccessRow { user, group, list: Blob(list.to_bytes()) })
}

/// What is told about owner and list.
pub(crate) fn told(guarded: Option<&Guarded>, with_list: bool) -> Access {
    match guarded {
        Some(Guarded { owner, list }) => {
            let list = if with_list { list.to_bytes() } else { Vec::new() };
            Access { user: owner.user.clone(), group: owner.group.clone(), list: Blob(list) }
        }
        None => Access { user: String::new(), group: String::new(), list: Blob::default() },
    }
}

pub(crate) fn check_admin(caller: &Caller) -> Result<()> {
    if !caller.is_admin {
        let user = &caller.credentials.user;
        fail!(Code::NoPerm, "user '{user}' does not administrate this system: its engine runs for another user");
    }
    Ok(())
}

impl PoolService {
    /// Owner and access control list.
    pub fn access(&self, request: &AccessGet, caller: &Caller) -> Result<Access> {
        match &request.of {
            AccessOf::Pool(pool) => {
                check_admin(caller)?;
                let id = self.find_pool(pool)?;
                Ok(told(self.ready_pool(id)?.access.as_ref(), true))
            }
            AccessOf::Container(ContainerHandle { pool, container, handle }) => {
                let entry = self.check_container(*pool, *container, *handle, Permissions::GET_LIST)?;
                Ok(told(entry.access.as_ref(), true))
            }
        }
    }

    /// Changes owner or access control list. Handles that are open stay as they are.
    pub fn set_access(&self, request: &AccessSet, caller: &Caller) -> Result<Decision<()>> {
        let permission = match request.change {
            AccessChange::Owner(_) => Permissions::SET_OWNER,
            _ => Permissions::SET_LIST,
        };
        let (key, kind, guarded) = match &request.of {
            AccessOf::Pool(pool) => {
                check_admin(caller)?;
                let id = self.find_pool(pool)?;
                (RowKey::PoolAccess(id), Kind::Pool, self.ready_pool(id)?.access.clone())
            }
            AccessOf::Container(ContainerHandle { pool, container, handle }) => {
                let entry = self.check_container(*pool, *container, *handle, permission)?;
                (RowKey::ContainerAccess(*pool, *container), Kind::Container, entry.access.clone())
            }
        };
        let before = guarded.clone();
        let guarded =
            guarded.unwrap_or_else(|| Guarded { owner: caller.credentials.ownership(), list: kind.default_list() });
        let guarded = changed(guarded, &request.change)?;
        kind.check(&guarded.list)?;
        if before.as_ref() == Some(&guarded) {
            return Ok(Decision::nothing(()));
        }
        let Guarded { owner, list } = guarded;
        let row = AccessRow { user: owner.user, group: owner.group, list: Blob(list.to_bytes()) };
        Ok(Decision { rows: vec![Row::put(key, &row)], reply: () })
    }
}

fn changed(mut guarded: Guarded, change: &AccessChange) -> Result<Guarded> {
    match change {
        AccessChange::Overwrite(bytes) => guarded.list = AccessList::from_bytes(&bytes.0)?,
        AccessChange::Update(bytes) => guarded.list.update(&AccessList::from_bytes(&bytes.0)?)?,
        AccessChange::Delete(principal) => {
            guarded.list.remove(&Principal::from_kind(principal.kind.into(), principal.name.as_deref())?)?;
        }
        AccessChange::Owner(new) => {
            if new.user.is_empty() && new.group.is_empty() {
                fail!(Code::Inval, "a new owner needs a user or a group");
            }
            for (name, place) in [(&new.user, &mut guarded.owner.user), (&new.group, &mut guarded.owner.group)] {
                if !name.is_empty() {
                    check_name(name)?;
                    place.clone_from(name);
                }
            }
        }
    }
    Ok(guarded)
}
