//! Extended attributes: akeys of an entry, beside its record.

use crate::entry_store::{self, ATTRIBUTE_PREFIX};
use crate::error::{DfsError, Result, fail};
use crate::inode::InodeChange;
use crate::node::{Location, Node};
use crate::quoted::quoted;
use daos_client::{AkeyFetch, AkeyUpdate, Client, Conditions, Destination, FetchKind, Source, UpdateValue};
use daos_types::Key;

/// The longest name of an extended attribute, in bytes.
pub const ATTRIBUTE_NAME_LENGTH_MAX: usize = 255;
/// The longest value of an extended attribute, in bytes.
pub const ATTRIBUTE_LENGTH_MAX: usize = 65536;
/// The most extended attributes of an entry.
pub(crate) const ATTRIBUTES_MAX: usize = 4096;

/// What must hold when an extended attribute is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SetAttribute {
    /// Nothing.
    #[default]
    Always,
    /// It is not there yet.
    Create,
    /// It is there.
    Replace,
}

fn akey(name: &[u8]) -> Result<Key> {
    if name.is_empty() || name.contains(&0) {
        fail!(libc::EINVAL, "{} cannot be the name of an extended attribute", quoted(&name));
    }
    if name.len() > ATTRIBUTE_NAME_LENGTH_MAX {
        fail!(libc::ERANGE, "an extended attribute's name of {} bytes is too long", name.len());
    }
    Ok(Key::new(&[ATTRIBUTE_PREFIX, name].concat())?)
}

impl Node {
    /// Sets an extended attribute. Durable when it returns.
    pub async fn set_attribute(&self, client: &Client, name: &[u8], value: Vec<u8>, set: SetAttribute) -> Result<()> {
        let file_system = self.file_system();
        file_system.check_writable()?;
        let akey = akey(name)?;
        if value.len() > ATTRIBUTE_LENGTH_MAX {
            fail!(libc::E2BIG, "extended attribute {} of {} bytes is too long", quoted(&name), value.len());
        }
        let location = self.location();
        let (holder, entry) = file_system.holder(&location);
        let dkey = Key::new(entry)?;
        let value = AkeyUpdate { akey, value: UpdateValue::Single(Source::Owned(value)) };
        let changed = InodeChange { ctime: Some(file_system.now(client)), ..InodeChange::default() };
        let mut updates = vec![value];
        let condition = match set {
            SetAttribute::Create => Conditions::AKEY_INSERT.0,
            SetAttribute::Replace => Conditions::AKEY_UPDATE.0,
            SetAttribute::Always => 0,
        };
        // The condition holds for every akey of an update, and the record is always there.
        let together = set != SetAttribute::Create;
        if together {
            updates.push(entry_store::change_of(&changed)?);
        }
        let conditions = Conditions(Conditions::DKEY_UPDATE.0 | condition);
        let written = holder.update(client, conditions, dkey, updates).await;
        match written.map_err(DfsError::from) {
            Err(error) if error.errno == libc::ENOENT && set == SetAttribute::Replace => {
                fail!(libc::ENODATA, "{self:?} has no extended attribute {}", quoted(&name));
            }
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        if !together {
            entry_store::change(client, holder, entry, &changed).await?;
        }
        Ok(())
    }

    /// Reads an extended attribute; `ENODATA` when it is not there.
    pub async fn attribute(&self, client: &Client, name: &[u8]) -> Result<Vec<u8>> {
        self.fetch_attribute(client, &self.location(), akey(name)?).await
    }

    async fn fetch_attribute(&self, client: &Client, location: &Location, akey: Key) -> Result<Vec<u8>> {
        let (holder, entry) = self.file_system().holder(location);
        let destination = Some(Destination::Owned(ATTRIBUTE_LENGTH_MAX as u64));
        let fetch = AkeyFetch { akey: akey.clone(), kind: FetchKind::Single, destination };
        let epoch = self.file_system().epoch();
        let found = holder.fetch(client, epoch, Conditions::AKEY_FETCH, Key::new(entry)?, vec![fetch]).await;
        match found.map_err(DfsError::from) {
            Ok(found) => Ok(found.into_iter().next().unwrap_or_default().bytes),
            Err(error) if error.errno == libc::ENOENT => {
                let name = &akey[ATTRIBUTE_PREFIX.len()..];
                fail!(libc::ENODATA, "{self:?} has no extended attribute {}", quoted(&name));
            }
            Err(error) => Err(error),
        }
    }

    /// The names of the extended attributes.
    pub async fn attribute_names(&self, client: &Client) -> Result<Vec<Vec<u8>>> {
        let akeys = self.attribute_akeys(client, &self.location()).await?;
        Ok(akeys.into_iter().map(|akey| akey[ATTRIBUTE_PREFIX.len()..].to_vec()).collect())
    }

    async fn attribute_akeys(&self, client: &Client, location: &Location) -> Result<Vec<Key>> {
        let (holder, entry) = self.file_system().holder(location);
        let epoch = self.file_system().epoch();
        let others = entry_store::other_akeys(client, holder, epoch, entry, &Default::default()).await?;
        Ok(others.into_iter().filter(|akey| akey.starts_with(ATTRIBUTE_PREFIX)).collect())
    }

    /// Every extended attribute, as akey and value.
    pub(crate) async fn all_attributes(&self, client: &Client) -> Result<Vec<(Key, Vec<u8>)>> {
        let location = self.location();
        let mut attributes = Vec::new();
        for akey in self.attribute_akeys(client, &location).await? {
            match self.fetch_attribute(client, &location, akey.clone()).await {
                Ok(value) => attributes.push((akey, value)),
                // Removed since the listing.
                Err(error) if error.errno == libc::ENODATA => {}
                Err(error) => return Err(error),
            }
        }
        Ok(attributes)
    }

    /// Removes an extended attribute; `ENODATA` when it is not there.
    pub async fn remove_attribute(&self, client: &Client, name: &[u8]) -> Result<()> {
        let file_system = self.file_system();
        file_system.check_writable()?;
        let akey = akey(name)?;
        let location = self.location();
        let (holder, entry) = file_system.holder(&location);
        let removed = holder.punch_akeys(client, Conditions::PUNCH, Key::new(entry)?, vec![akey]).await;
        match removed.map_err(DfsError::from) {
            Err(error) if error.errno == libc::ENOENT => {
                fail!(libc::ENODATA, "{self:?} has no extended attribute {}", quoted(&name));
            }
            Err(error) => Err(error),
            Ok(()) => {
                let changed = InodeChange { ctime: Some(file_system.now(client)), ..InodeChange::default() };
                entry_store::change(client, holder, entry, &changed).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_prefixed() {
        assert_eq!(akey(b"user.a").map(|akey| akey.to_vec()), Ok(b"x:user.a".to_vec()));
        for bad in [&b""[..], b"a\0", &[b'x'; 256]] {
            assert!(akey(bad).is_err());
        }
    }
}
