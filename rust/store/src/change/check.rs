//! What is checked before anything is changed: the request itself, its conditions, and the kinds of its akeys.

use super::{Change, Target};
use crate::key_order::KeyProbe;
use crate::level::{Level, ValueKind};
use crate::stored::VALUE_MAX;
use crate::visibility::{Depth, Window};
use crate::{AkeyUpdate, Conditions, UpdateRequest, UpdateValue};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Key};
use std::collections::BTreeSet;

/// Checks what can be checked without looking at the store.
pub(crate) fn check_update(request: &UpdateRequest) -> Result<()> {
    check_epoch(request.epoch)?;
    check_akeys_differ(&request.akeys)?;
    for update in &request.akeys {
        match &update.value {
            UpdateValue::Single(data) => check_length(data.len())?,
            UpdateValue::Array { record_size, pieces } => {
                if *record_size == 0 || u32::try_from(*record_size).is_err() {
                    fail!(Code::Inval, "records of {record_size} bytes: use 1 to {} bytes", u32::MAX);
                }
                for (extent, data) in pieces {
                    check_length(data.len())?;
                    if extent.count().checked_mul(*record_size) != Some(data.len() as u64) {
                        let (count, bytes) = (extent.count(), data.len());
                        fail!(Code::IoInval, "{count} records of {record_size} bytes do not fill {bytes} bytes");
                    }
                }
            }
            UpdateValue::PunchExtents(_) => {}
        }
    }
    Ok(())
}

/// Akeys that are compared one with the other; more are sorted.
const COMPARED_MAX: usize = 8;

/// Of two values of one akey in one request nobody could say which one counts.
fn check_akeys_differ(akeys: &[AkeyUpdate]) -> Result<()> {
    let mut names = akeys.iter().map(|update| &update.akey);
    let is_before = |index: usize| akeys[..index].iter().any(|before| before.akey == akeys[index].akey);
    let same = if akeys.len() <= COMPARED_MAX {
        (1..akeys.len()).find(|index| is_before(*index)).map(|index| &akeys[index].akey)
    } else {
        let mut seen = BTreeSet::new();
        names.find(|akey| !seen.insert(*akey))
    };
    match same {
        None => Ok(()),
        Some(akey) => fail!(Code::NoPerm, "akey {akey:?} is named twice in one update: write it in two operations"),
    }
}

/// Epoch zero stands for "never", and the greatest one for "the newest".
pub(crate) fn check_epoch(epoch: Epoch) -> Result<()> {
    if epoch == Epoch::ZERO || epoch == Epoch::MAX {
        fail!(Code::Inval, "nothing can be written at epoch {}", epoch.0);
    }
    Ok(())
}

fn check_length(length: usize) -> Result<()> {
    if length > VALUE_MAX {
        fail!(Code::RecordTooBig, "a value of {length} bytes: at most {VALUE_MAX} are stored at once");
    }
    Ok(())
}

/// Whether an akey is something else than what a request takes it for.
#[inline]
pub(crate) fn is_other_kind(is: ValueKind, wanted: ValueKind) -> bool {
    matches!((is, wanted), (ValueKind::Single, ValueKind::Array) | (ValueKind::Array, ValueKind::Single))
}

/// A change must treat an akey as what it is.
#[inline]
fn check_kind(is: ValueKind, wanted: ValueKind, akey: &Key) -> Result<()> {
    if is_other_kind(is, wanted) { Err(other_kind(is, akey)) } else { Ok(()) }
}

#[cold]
fn other_kind(is: ValueKind, akey: &Key) -> Status {
    let what = match is {
        ValueKind::Single => "a single value, not an array",
        _ => "an array, not a single value",
    };
    Status::new(Code::NoPerm, format!("akey {akey:?} holds {what}"))
}

impl Change<'_, '_, '_> {
    pub(super) fn check_dkey(&self, request: &UpdateRequest, dkey: Option<&Level>, window: Window) -> Result<()> {
        let conditions = request.conditions;
        if !conditions.has(Conditions::DKEY_INSERT | Conditions::DKEY_UPDATE) {
            return Ok(());
        }
        let exists = self.is_visible(dkey, Depth::Dkey, window)?;
        if exists && conditions.has(Conditions::DKEY_INSERT) {
            fail!(Code::Exist, "object {}, dkey {:?} exists", request.object, request.dkey);
        }
        if !exists && conditions.has(Conditions::DKEY_UPDATE) {
            fail!(Code::Nonexist, "object {}, dkey {:?} does not exist", request.object, request.dkey);
        }
        Ok(())
    }

    /// All conditions of akeys are looked at before any value of this request is written.
    pub(super) fn check_akeys(&self, request: &UpdateRequest, dkey: Option<&Level>, target: &Target) -> Result<()> {
        let per_akey = request.conditions.has(Conditions::PER_AKEY);
        for update in &request.akeys {
            let conditions = if per_akey { update.conditions } else { request.conditions };
            if !conditions.has(Conditions::AKEY_INSERT | Conditions::AKEY_UPDATE) {
                continue;
            }
            let probe = KeyProbe::new(target.akey_kind, &update.akey)?;
            let exists = match dkey {
                None => self.is_visible(None, Depth::Akey, target.window)?,
                Some(dkey) => {
                    let akey = dkey.find_child(self.arena(), &probe)?;
                    self.is_visible(akey.as_ref(), Depth::Akey, target.window.below(self.arena(), dkey)?)?
                }
            };
            let name = || format!("object {}, dkey {:?}, akey {:?}", request.object, request.dkey, update.akey);
            if exists && conditions.has(Conditions::AKEY_INSERT) {
                fail!(Code::Exist, "{} exists", name());
            }
            if !exists && conditions.has(Conditions::AKEY_UPDATE) {
                fail!(Code::Nonexist, "{} does not exist", name());
            }
        }
        Ok(())
    }

    /// An akey is what its first update made it. A record size of zero leaves open which one it will be.
    pub(super) fn set_kind(&mut self, akey: &mut Level, key: &Key, kind: ValueKind, record_size: u32) -> Result<()> {
        let (old_kind, old_size) = (akey.value_kind()?, akey.record_size());
        if old_kind == ValueKind::Unknown || (old_kind == kind && old_size == 0 && record_size != 0) {
            return akey.set_value_kind(self.transaction, kind, record_size);
        }
        check_kind(old_kind, kind, key)?;
        if record_size != 0 && record_size != old_size {
            fail!(Code::RecSize, "akey {key:?} has records of {old_size} bytes, not {record_size}");
        }
        Ok(())
    }
}
