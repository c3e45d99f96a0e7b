//! What can be looked at, and how it looks: in a store, and in what should be there.

use super::part::{Spot, bytes, name, object};
use super::{AKEYS, DKEYS, OBJECTS};
use crate::common::CONTAINER;
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{Epoch, Key, TransactionId};
use std::collections::{BTreeMap, BTreeSet};

const ALL: Limits = Limits { count: usize::MAX, bytes: usize::MAX };

#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Value(Spot),
    DkeyExists(u64, u64),
    Akeys(u64, u64),
    Dkeys(u64),
    Objects,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    Value(Option<u64>),
    Exists(bool),
    Names(BTreeSet<u64>),
}

/// Somebody saw this of what was written at epochs below some bound.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) below: u64,
    pub(super) look: Look,
    pub(super) seen: Seen,
}

fn number_of(fetched: &Fetched) -> Option<u64> {
    match fetched {
        Fetched::Single { data, .. } => {
            let number = u64::from_le_bytes(*data.first_chunk().expect("eight bytes"));
            assert!(data[..] == bytes(number)[..], "value {number} is another");
            Some(number)
        }
        _ => None,
    }
}

pub(super) fn look_at(state: &BTreeMap<Spot, u64>, look: Look) -> Seen {
    match look {
        Look::Value(spot) => Seen::Value(state.get(&spot).copied()),
        Look::DkeyExists(o, d) => Seen::Exists(state.keys().any(|spot| (spot.0, spot.1) == (o, d))),
        Look::Akeys(o, d) => {
            Seen::Names(state.keys().filter(|spot| (spot.0, spot.1) == (o, d)).map(|spot| spot.2).collect())
        }
        Look::Dkeys(o) => Seen::Names(state.keys().filter(|spot| spot.0 == o).map(|spot| spot.1).collect()),
        Look::Objects => Seen::Names(state.keys().map(|spot| spot.0).collect()),
    }
}

pub(super) async fn see(view: View<'_>, look: Look, epoch: Epoch) -> Result<Seen> {
    let number = |key: &Key| u64::from(key[key.len() - 1] - b'0');
    match look {
        Look::Value((o, d, a)) => {
            let none = Conditions::NONE;
            let akeys = vec![AkeyFetch { akey: name(a), what: FetchWhat::Single, conditions: none }];
            let (object, dkey) = (object(o), name(d));
            let request = FetchRequest {
                container: CONTAINER,
                object,
                epoch,
                dkey,
                akeys: akeys.into(),
                size_only: false,
                conditions: none,
            };
            Ok(Seen::Value(number_of(&view.fetch(request).await?.akeys[0])))
        }
        Look::DkeyExists(o, d) => {
            let (object, dkey, conditions) = (object(o), name(d), Conditions::DKEY_FETCH);
            let request = FetchRequest {
                container: CONTAINER,
                object,
                epoch,
                dkey,
                akeys: Vec::new().into(),
                size_only: false,
                conditions,
            };
            match view.fetch(request).await {
                Ok(_) => Ok(Seen::Exists(true)),
                Err(status) if status.code() == Code::Nonexist => Ok(Seen::Exists(false)),
                Err(status) => Err(status),
            }
        }
        Look::Akeys(o, d) => {
            let found = view.list_akeys(CONTAINER, object(o), &name(d), epoch, &Anchor::Start, ALL).await?;
            Ok(Seen::Names(found.entries.iter().map(number).collect()))
        }
        Look::Dkeys(o) => {
            let found = view.list_dkeys(CONTAINER, object(o), epoch, &Anchor::Start, ALL).await?;
            Ok(Seen::Names(found.entries.iter().map(number).collect()))
        }
        Look::Objects => {
            let found = view.list_objects(CONTAINER, epoch, &Anchor::Start, ALL).await?;
            Ok(Seen::Names(found.entries.iter().map(|object| object.lo - 10).collect()))
        }
    }
}

pub(super) async fn compare(store: &Store, state: &BTreeMap<Spot, u64>, epoch: u64) {
    for o in 0..OBJECTS {
        for d in 0..DKEYS {
            for look in (0..AKEYS).map(|a| Look::Value((o, d, a))).chain([Look::Akeys(o, d)]) {
                let found =
                    see(store.as_transaction(TransactionId::default()), look, Epoch(epoch)).await.expect("read");
                assert_eq!(found, look_at(state, look), "{look:?} at {epoch}");
            }
        }
    }
}
