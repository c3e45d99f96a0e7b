//! Owners and access control lists of pools and containers, and who asks.

use crate::codec::{Blob, Reader, Wire, Writer};
use crate::macros::{wire_enums, wire_structs};
use daos_security::{AccessList, Credentials};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, HandleId, PoolId, Reference};

wire_structs! {
    /// Owner and access control list of something new. What is empty is chosen by who asks.
    NewAccess {
        /// The owner.
        user: String,
        /// The owner's group.
        group: String,
        /// Bytes of an `AccessList`.
        list: Blob,
    }
    /// Owner and access control list.
    Access {
        /// The owner.
        user: String,
        /// The owner's group.
        group: String,
        /// Bytes of an `AccessList`; none for who may not read it.
        list: Blob,
    }
    /// An open container handle.
    ContainerHandle {
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// The handle.
        handle: HandleId,
    }
    /// Asks for owner and access control list.
    AccessGet {
        /// Of what.
        of: AccessOf,
    }
    /// Changes owner or access control list.
    AccessSet {
        /// Of what.
        of: AccessOf,
        /// How.
        change: AccessChange,
    }
    /// A principal, by `DAOS_ACL_*` and name.
    WirePrincipal {
        /// Its kind.
        kind: u8,
        /// Its name, if the kind has one.
        name: Option<String>,
    }
    /// A new owner; what is empty stays.
    NewOwner {
        /// The owner.
        user: String,
        /// The owner's group.
        group: String,
    }
}

wire_enums! {
    /// What has an owner and an access control list.
    AccessOf {
        /// A pool, for its administrator.
        Pool(Reference) = 0,
        /// A container, by an open handle.
        Container(ContainerHandle) = 1,
    }
    /// What is changed about it.
    AccessChange {
        /// A new list: the bytes of an `AccessList`.
        Overwrite(Blob) = 0,
        /// Entries that are added, or take the place of those about the same principals: the bytes of an `AccessList`.
        Update(Blob) = 1,
        /// The entry about a principal is removed.
        Delete(WirePrincipal) = 2,
        /// A new owner.
        Owner(NewOwner) = 3,
    }
}

impl NewAccess {
    /// All is chosen by who asks.
    pub fn by_default() -> NewAccess {
        NewAccess { user: String::new(), group: String::new(), list: Blob::default() }
    }
}

/// The most groups of a user that a message carries: as many as Linux allows, with long names, fit no message.
const GROUPS_MAX: usize = 1024;

impl Wire for Credentials {
    fn encode(&self, writer: &mut Writer) {
        self.user.encode(writer);
        self.group.encode(writer);
        self.groups.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let credentials =
            Credentials { user: Wire::decode(reader)?, group: Wire::decode(reader)?, groups: Wire::decode(reader)? };
        if credentials.groups.len() > GROUPS_MAX {
            fail!(Code::Proto, "a user in {} groups; {GROUPS_MAX} are known at most", credentials.groups.len());
        }
        Ok(credentials)
    }
}

impl Access {
    /// The list, as far as it may be read.
    pub fn access_list(&self) -> Result<Option<AccessList>> {
        if self.list.0.is_empty() { Ok(None) } else { AccessList::from_bytes(&self.list.0).map(Some) }
    }
}
