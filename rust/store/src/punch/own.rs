//! What a list of changes has written itself, by name: so that a punch in a transaction finds what has its own epoch without looking for it.

use crate::array::{self, Record};
use crate::level::{Children, Level};
use crate::single;
use crate::value_space::ValueSpace;
use crate::{UpdateRequest, UpdateValue};
use daos_media::Transaction;
use daos_status::Result;
use daos_types::{ContainerId, Extent, Key, ObjectId};
use std::collections::BTreeMap;

type Akeys<'a> = BTreeMap<&'a Key, Vec<&'a UpdateValue>>;
type Dkeys<'a> = BTreeMap<&'a Key, Akeys<'a>>;

/// The updates that were made so far and that nothing has removed since.
#[derive(Default)]
pub(crate) struct OwnWrites<'a> {
    objects: BTreeMap<(ContainerId, ObjectId), Dkeys<'a>>,
}

impl<'a> OwnWrites<'a> {
    pub(crate) fn note(&mut self, update: &'a UpdateRequest) {
        let dkey = self.objects.entry((update.container, update.object)).or_default().entry(&update.dkey).or_default();
        for akey in &update.akeys {
            dkey.entry(&akey.akey).or_default().push(&akey.value);
        }
    }

    /// What was written below an object, a dkey or an akey; it is forgotten here.
    pub(crate) fn take(
        &mut self,
        object: (ContainerId, ObjectId),
        dkey: Option<&Key>,
        akey: Option<&Key>,
    ) -> Vec<(&'a Key, &'a Key, Vec<&'a UpdateValue>)> {
        let Some(dkey) = dkey else {
            let dkeys = self.objects.remove(&object).unwrap_or_default().into_iter();
            let flat =
                |(dkey, akeys): (&'a Key, Akeys<'a>)| akeys.into_iter().map(move |(akey, values)| (dkey, akey, values));
            return dkeys.flat_map(flat).collect();
        };
        let Some(dkeys) = self.objects.get_mut(&object) else { return Vec::new() };
        let Some((dkey, akeys)) =
            dkeys.get_key_value(dkey).map(|(dkey, _)| *dkey).and_then(|key| Some((key, dkeys.get_mut(key)?)))
        else {
            return Vec::new();
        };
        match akey {
            None => std::mem::take(akeys).into_iter().map(|(akey, values)| (dkey, akey, values)).collect(),
            Some(akey) => akeys.remove_entry(akey).map(|(akey, values)| (dkey, akey, values)).into_iter().collect(),
        }
    }
}

/// Removes what these values have put under an akey at an epoch; whether anything was there.
pub(crate) fn remove_values(
    (transaction, space): (&mut Transaction<'_>, &ValueSpace),
    akey: &mut Level,
    values: &[&UpdateValue],
    epoch: u64,
) -> Result<bool> {
    let mut removed = false;
    for value in values {
        match value {
            UpdateValue::Single(_) => removed |= single::remove_at(transaction, space, akey, epoch)?,
            UpdateValue::Array { pieces, .. } => {
                for (extent, _) in pieces {
                    removed |= remove_extents(transaction, space, akey, *extent, epoch)?;
                }
            }
            UpdateValue::PunchExtents(extents) => {
                for extent in extents {
                    removed |= remove_extents(transaction, space, akey, *extent, epoch)?;
                }
            }
        }
    }
    if removed && let Children::Tree(tree) = akey.children()? {
        tree.note_removal(transaction)?;
    }
    Ok(removed)
}

fn remove_extents(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    extent: Extent,
    epoch: u64,
) -> Result<bool> {
    let mut found: Vec<Record> = Vec::new();
    array::for_each_overlapping(transaction.arena(), akey, extent, |record| {
        if record.epoch == epoch {
            found.push(record);
        }
        Ok(())
    })?;
    for record in &found {
        array::remove(transaction, space, akey, record)?;
    }
    Ok(!found.is_empty())
}
