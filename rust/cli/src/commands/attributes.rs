//! User attributes of pools and containers.

use crate::arguments::pair;
use crate::base64;
use crate::failure::{Failure, Result};
use crate::reply::{Reply, table};
use crate::session::{Session, with_container, with_pool};
use crate::units::count;
use daos_client::{Client, Container, Pool, PoolFlags};
use daos_status::Code;
use serde_json::{Value, json};
use std::fmt;

/// What has attributes.
#[derive(Clone, Debug)]
pub enum Owner {
    /// A pool.
    Pool(String),
    /// A container of a pool.
    Container(String, String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Pool(pool) => write!(f, "pool '{pool}'"),
            Owner::Container(pool, container) => write!(f, "container '{container}' of pool '{pool}'"),
        }
    }
}

/// An open owner.
enum Open<'a> {
    Pool(&'a Pool),
    Container(&'a Container),
}

impl Open<'_> {
    async fn set(&self, client: &Client, attributes: Vec<(String, Vec<u8>)>) -> Result<()> {
        let done = match self {
            Open::Pool(pool) => pool.set_attributes(client, attributes).await,
            Open::Container(container) => container.set_attributes(client, attributes).await,
        };
        Ok(done?)
    }

    async fn get(&self, client: &Client, names: Vec<String>) -> Result<Vec<Option<Vec<u8>>>> {
        Ok(match self {
            Open::Pool(pool) => pool.get_attributes(client, names).await?,
            Open::Container(container) => container.get_attributes(client, names).await?,
        })
    }

    async fn names(&self, client: &Client) -> Result<Vec<String>> {
        let mut names = match self {
            Open::Pool(pool) => pool.list_attributes(client).await?,
            Open::Container(container) => container.list_attributes(client).await?,
        };
        names.sort();
        Ok(names)
    }

    async fn delete(&self, client: &Client, names: Vec<String>) -> Result<()> {
        let done = match self {
            Open::Pool(pool) => pool.delete_attributes(client, names).await,
            Open::Container(container) => container.delete_attributes(client, names).await,
        };
        Ok(done?)
    }

    /// Names and values; all attributes when no names are given, and an error for a name that is not there.
    async fn values(&self, client: &Client, names: Vec<String>) -> Result<Vec<(String, Vec<u8>)>> {
        let names = if names.is_empty() { self.names(client).await? } else { names };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.get(client, names.clone()).await?;
        let mut found = Vec::new();
        for (name, value) in names.into_iter().zip(values) {
            let Some(value) = value else {
                let sentence = format!("there is no attribute '{name}'; 'list-attr' shows those there are");
                return Err(Failure::new(Code::Nonexist, sentence));
            };
            found.push((name, value));
        }
        Ok(found)
    }
}

async fn with_owner<T>(
    client: &Client,
    owner: &Owner,
    writes: bool,
    work: impl AsyncFnOnce(Open<'_>) -> Result<T>,
) -> Result<T> {
    match owner {
        Owner::Pool(pool) => {
            let flags = if writes { PoolFlags::READ_WRITE } else { PoolFlags::READ_ONLY };
            with_pool(client, pool, flags, async |pool| work(Open::Pool(pool)).await).await
        }
        Owner::Container(pool, container) => {
            with_container(client, (pool, container), writes, async |container| work(Open::Container(container)).await)
                .await
        }
    }
}

/// `NAME VALUE`, or pairs.
fn parse(words: &[String]) -> Result<Vec<(String, Vec<u8>)>> {
    if let [name, value] = words {
        return Ok(vec![(name.clone(), value.clone().into_bytes())]);
    }
    let pairs = words.iter().flat_map(|words| words.split(',')).map(pair);
    let pairs: Vec<(String, String)> =
        pairs.collect::<Result<_, _>>().map_err(|sentence| Failure::new(Code::Inval, sentence))?;
    Ok(pairs.into_iter().map(|(name, value)| (name, value.into_bytes())).collect())
}

/// Sets attributes.
pub fn set(session: &Session, owner: Owner, words: Vec<String>) -> Result<Reply> {
    let doing = format!("set attributes of {owner}");
    let attributes = parse(&words).map_err(|error| error.doing(&doing))?;
    let text = format!("{} of {owner} set", count(attributes.len() as u64, "attribute"));
    let done = session.run(move |client| async move {
        with_owner(&client, &owner, true, async |open| open.set(&client, attributes).await).await
    });
    done.map_err(|error| error.doing(doing))?;
    Ok(Reply::new(text, Value::Null))
}

/// Text without the zero at its end that C programs store.
fn as_text(value: &[u8]) -> String {
    let value = value.strip_suffix(&[0]).unwrap_or(value);
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => value.escape_ascii().to_string(),
    }
}

fn as_json((name, value): &(String, Vec<u8>)) -> Value {
    json!({ "name": name, "value": base64::encode(value) })
}

/// Shows attributes.
pub fn get(session: &Session, owner: Owner, names: Vec<String>) -> Result<Reply> {
    let doing = format!("show attributes of {owner}");
    let one = names.len() == 1;
    let found = session.run(move |client| async move {
        with_owner(&client, &owner, false, async |open| open.values(&client, names).await).await
    });
    let found = found.map_err(|error| error.doing(doing))?;
    Ok(values_reply(&found, one))
}

fn values_reply(found: &[(String, Vec<u8>)], one: bool) -> Reply {
    let json = match found {
        [attribute] if one => as_json(attribute),
        _ => found.iter().map(as_json).collect(),
    };
    if found.is_empty() {
        return Reply::new("There are no attributes.", json);
    }
    let rows: Vec<Vec<String>> = found.iter().map(|(name, value)| vec![name.clone(), as_text(value)]).collect();
    Reply::new(table(&["Name", "Value"], &rows), json)
}

/// Lists names, and values when asked for.
pub fn list_names(session: &Session, owner: Owner, with_values: bool) -> Result<Reply> {
    let doing = format!("list attributes of {owner}");
    if with_values {
        return get(session, owner, Vec::new()).map_err(|error| error.doing(doing));
    }
    let found = session.run(move |client| async move {
        with_owner(&client, &owner, false, async |open| open.names(&client).await).await
    });
    let names = found.map_err(|error| error.doing(doing))?;
    let text = if names.is_empty() { "There are no attributes.".to_owned() } else { names.join("\n") };
    Ok(Reply::new(text, json!(names)))
}

/// Deletes attributes.
pub fn delete(session: &Session, owner: Owner, names: Vec<String>) -> Result<Reply> {
    let doing = format!("delete attributes of {owner}");
    let text = format!("{} of {owner} deleted", count(names.len() as u64, "attribute"));
    let done = session.run(move |client| async move {
        with_owner(&client, &owner, true, async |open| {
            // Deleting what is not there is no error of the service; of a person it is a slip of the pen.
            open.values(&client, names.clone()).await?;
            open.delete(&client, names).await
        })
        .await
    });
    done.map_err(|error| error.doing(doing))?;
    Ok(Reply::new(text, Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn attributes_are_two_words_or_pairs() {
        let one = vec![("a".to_owned(), b"1,2:3".to_vec())];
        assert_eq!(parse(&words(&["a", "1,2:3"])), Ok(one));
        let two = vec![("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2:3".to_vec())];
        assert_eq!(parse(&words(&["a:1,b:2:3"])), Ok(two));
        assert!(parse(&words(&["a"])).is_err() && parse(&words(&["a:1,"])).is_err());
    }

    #[test]
    fn values_that_are_no_text_are_escaped() {
        assert_eq!(as_text(b"ann\0"), "ann");
        assert_eq!(as_text(&[0xff, b'a']), "\\xffa");
        assert_eq!(as_text(b"a\nb"), "a\\nb");
    }

    #[test]
    fn one_name_gives_one_object() {
        let found = [("a".to_owned(), b"x".to_vec())];
        assert_eq!(values_reply(&found, true).json, json!({ "name": "a", "value": "eA==" }));
        assert_eq!(values_reply(&found, false).json, json!([{ "name": "a", "value": "eA==" }]));
    }
}
