//! `object` commands.

use crate::arguments::{ContainerOf, ObjectCommand};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list};
use crate::session::{Session, with_container};
use daos_client::{Anchor, Client, Container, ListLimits, Object, ObjectAnchor, ObjectFlags, ObjectTable};
use daos_status::Code;
use daos_types::{Epoch, KEY_LENGTH_MAX, Key, KeyKind, ObjectId};
use serde_json::json;

/// How many keys are shown: enough to recognise an object by.
const KEYS_SHOWN_MAX: u32 = 16;

/// How many objects are asked for at once.
const OBJECTS_AT_ONCE: u32 = 1024;

/// Runs a command.
pub fn run(session: &Session, command: ObjectCommand) -> Result<Reply> {
    match command {
        ObjectCommand::Query { of, object } => query(session, of.pool, of.container, object),
    }
}

/// Lists the objects of a container, as of an epoch.
pub fn list_all(session: &Session, of: ContainerOf, epoch: Option<Epoch>) -> Result<Reply> {
    let ContainerOf { pool, container, .. } = of;
    let doing = format!("list the objects of container '{container}' of pool '{pool}'");
    let found = session.run(move |client| async move {
        with_container(&client, (&pool, &container), false, async |container| {
            let table = ObjectTable::open(container, epoch.unwrap_or(Epoch::MAX))?;
            let (mut anchor, mut objects) = (ObjectAnchor::default(), Vec::new());
            while !anchor.end {
                objects.extend(table.list(&client, &mut anchor, OBJECTS_AT_ONCE).await?);
            }
            Ok(objects)
        })
        .await
    });
    let objects = found.map_err(|error| error.doing(&doing))?;
    let ids: Vec<String> = objects.iter().map(|id| format!("{}.{}", id.hi, id.lo)).collect();
    Ok(Reply::new(ids.join("\n"), json!(ids)))
}

fn query(session: &Session, pool: String, container: String, id: ObjectId) -> Result<Reply> {
    let doing = format!("query object {id} of container '{container}' of pool '{pool}'");
    if id.class().groups().is_none() || !id.object_type().is_valid() {
        let sentence = "its upper bits hold no object class and type; see the program that made the id";
        return Err(Failure::new(Code::Inval, sentence).doing(doing));
    }
    let found = session.run(move |client| async move {
        with_container(&client, (&pool, &container), false, async |container| keys(&client, container, id).await).await
    });
    let (keys, more) = found.map_err(|error| error.doing(doing))?;
    let kind = id.object_type();
    let keys: Vec<String> = keys.iter().map(|key| key_text(key, kind.dkey_kind())).collect();
    let dots = if more { ", ..." } else { "" };
    let shown = if keys.is_empty() { "none: nothing was written".to_owned() } else { keys.join(", ") + dots };
    let text = list(&[
        ("Object", id.to_string()),
        ("Type", kind.0.to_string()),
        ("Class", id.class().to_string()),
        ("dkeys", shown),
    ]);
    let json = json!({
        "oid": id.to_string(),
        "type": kind.0,
        "class": id.class().to_string(),
        "dkeys": keys,
        "more_dkeys": more,
    });
    Ok(Reply::new(text, json))
}

/// The first keys, and whether there are more.
async fn keys(client: &Client, container: &Container, id: ObjectId) -> Result<(Vec<Key>, bool)> {
    let object = Object::open(container, id, ObjectFlags::READ_ONLY)?;
    let mut anchor = Anchor::default();
    let mut keys = Vec::new();
    while !anchor.end && (keys.len() as u32) < KEYS_SHOWN_MAX {
        let count = KEYS_SHOWN_MAX - keys.len() as u32;
        let limits = ListLimits { count, bytes: (KEY_LENGTH_MAX as u64) * u64::from(count) };
        keys.extend(object.list_dkeys(client, Epoch::MAX, &mut anchor, limits).await?);
    }
    Ok((keys, !anchor.end))
}

fn key_text(key: &Key, kind: KeyKind) -> String {
    match (kind, key.to_u64()) {
        (KeyKind::Integer, Some(number)) => number.to_string(),
        _ => key.as_bytes().escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_what_they_are() {
        assert_eq!(key_text(&Key::from_u64(7), KeyKind::Integer), "7");
        assert_eq!(key_text(&Key::new(b"a\0").expect("short"), KeyKind::Hashed), "a\\x00");
        assert_eq!(key_text(&Key::new(b"a").expect("short"), KeyKind::Integer), "a");
    }
}
