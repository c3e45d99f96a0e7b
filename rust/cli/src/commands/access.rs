//! Owners and access control lists of pools and containers.

use crate::arguments::{ContainerOf, ListChange, ListOutput, OwnerOptions};
use crate::failure::{Failure, Result};
use crate::reply::Reply;
use crate::session::{Session, reference, with_pool};
use daos_client::{
    AccessChange, AccessInfo, Client, Container, ContainerFlags, PoolFlags, change_owner, delete_access,
    overwrite_access, update_access,
};
use daos_security::{AccessList, Entry, Principal, list_from_text, list_to_text};
use daos_status::Code;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// The longest file that is read as a list.
const FILE_LENGTH_MAX: u64 = 1 << 20;

/// What has a list.
#[derive(Clone)]
pub enum Of {
    /// A pool.
    Pool(String),
    /// A container.
    Container(ContainerOf),
}

impl Of {
    fn name(&self) -> String {
        match self {
            Of::Pool(pool) => format!("pool '{pool}'"),
            Of::Container(of) => format!("container '{}' of pool '{}'", of.container, of.pool),
        }
    }

    async fn read(&self, client: &Client) -> Result<AccessInfo> {
        match self {
            Of::Pool(pool) => Ok(client.pool_access(&reference(pool)?).await?),
            Of::Container(of) => {
                with_pool(client, &of.pool, PoolFlags::READ_ONLY, async |pool| {
                    let name = reference(&of.container)?;
                    let container = Container::open(client, pool, &name, ContainerFlags::READ_ONLY).await?;
                    let access = container.access(client).await;
                    container.close(client).await?;
                    Ok(access?)
                })
                .await
            }
        }
    }

    async fn change(&self, client: &Client, change: AccessChange) -> Result<()> {
        match self {
            Of::Pool(pool) => Ok(client.pool_change_access(&reference(pool)?, change).await?),
            Of::Container(of) => {
                with_pool(client, &of.pool, PoolFlags::READ_WRITE, async |pool| {
                    let name = reference(&of.container)?;
                    let container = Container::open(client, pool, &name, ContainerFlags::READ_WRITE).await?;
                    let changed = container.change_access(client, change).await;
                    container.close(client).await?;
                    Ok(changed?)
                })
                .await
            }
        }
    }
}

/// The list of a file.
pub fn list_of_file(path: &Path) -> Result<AccessList> {
    let failed = |error: std::io::Error| {
        Failure::from(daos_status::Status::from(error).while_doing(format_args!("reading {}", path.display())))
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_LENGTH_MAX + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if text.len() as u64 > FILE_LENGTH_MAX {
        return Err(Failure::new(Code::Inval, format!("{} is too long for a list", path.display())));
    }
    list_from_text(&text).map_err(|status| status.while_doing(format_args!("reading {}", path.display())).into())
}

fn list_of(change: &ListChange) -> Result<AccessList> {
    match (&change.acl_file, &change.entry) {
        (Some(path), _) => list_of_file(path),
        (None, Some(entry)) => Ok(AccessList::new(vec![Entry::parse(entry)?])?),
        (None, None) => Ok(AccessList::default()),
    }
}

fn json_of(of: &Of, access: &AccessInfo) -> Value {
    let entries: Vec<String> = access.list.iter().flat_map(AccessList::entries).map(ToString::to_string).collect();
    let list = json!({ "entries": entries, "owner_user": access.owner.user, "owner_group": access.owner.group });
    match of {
        Of::Pool(_) => json!({ "ACL": list }),
        Of::Container(_) => list,
    }
}

fn write_file(path: &Path, text: &str, force: bool) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).truncate(force).create(force).create_new(!force);
    match options.open(path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::new(
            Code::Exist,
            format!("{} is there already; give --force, or another name", path.display()),
        )),
        Err(error) => {
            Err(daos_status::Status::from(error).while_doing(format_args!("writing {}", path.display())).into())
        }
    }
}

/// Shows owner and list, or writes them to a file.
pub fn get(session: &Session, of: Of, output: &ListOutput, verbose: bool) -> Result<Reply> {
    let doing = format!("show the access control list of {}", of.name());
    let asked = of.clone();
    let found = session.run(move |client| async move { asked.read(&client).await });
    let access = found.map_err(|error| error.doing(&doing))?;
    let json = json_of(&of, &access);
    let list = access.list.unwrap_or_default();
    let text = list_to_text(&list, Some(&access.owner), verbose);
    match &output.file {
        None => Ok(Reply::new(text.trim_end(), json)),
        Some(path) => {
            write_file(path, &text, output.force).map_err(|error| error.doing(doing))?;
            Ok(Reply::new(format!("Access control list written to {}", path.display()), json))
        }
    }
}

fn change(session: &Session, of: Of, doing: &str, change: AccessChange) -> Result<Reply> {
    let doing = format!("{doing} of {}", of.name());
    let asked = of.clone();
    let done = session.run(move |client| async move {
        asked.change(&client, change).await?;
        // Who takes the permission from himself is not told what is there now.
        Ok(asked.read(&client).await.ok())
    });
    let access = done.map_err(|error| error.doing(&doing))?;
    let Some(access) = access else { return Ok(Reply::new("Done", Value::Null)) };
    let text = list_to_text(&access.list.clone().unwrap_or_default(), Some(&access.owner), false);
    Ok(Reply::new(text.trim_end(), json_of(&of, &access)))
}

/// Replaces the list.
pub fn overwrite(session: &Session, of: Of, list: &ListChange) -> Result<Reply> {
    let doing = "replace the access control list";
    let list = list_of(list).map_err(|error| error.doing(doing))?;
    change(session, of, doing, overwrite_access(&list))
}

/// Adds entries, or changes them.
pub fn update(session: &Session, of: Of, list: &ListChange) -> Result<Reply> {
    let doing = "change the access control list";
    let list = list_of(list).map_err(|error| error.doing(doing))?;
    change(session, of, doing, update_access(&list))
}

/// Removes an entry.
pub fn delete(session: &Session, of: Of, principal: &Principal) -> Result<Reply> {
    change(session, of, "remove an entry of the access control list", delete_access(principal))
}

/// Changes the owner.
pub fn set_owner(session: &Session, of: Of, owner: &OwnerOptions) -> Result<Reply> {
    let (user, group) = (owner.user.as_deref().unwrap_or_default(), owner.group.as_deref().unwrap_or_default());
    change(session, of, "change the owner", change_owner(user, group))
}

/// What something new is to have.
pub fn chosen(user: Option<String>, group: Option<String>, acl_file: Option<&Path>) -> Result<AccessInfo> {
    let list = acl_file.map(list_of_file).transpose()?;
    let owner = daos_security::Ownership { user: user.unwrap_or_default(), group: group.unwrap_or_default() };
    Ok(AccessInfo { owner, list })
}
