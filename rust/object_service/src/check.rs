//! What a request must fulfil before anything is done for it.

use daos_status::{Code, Result, fail};
use daos_store::{ChangeName, Conditions};
use daos_types::{Extent, Key, KeyKind, ObjectId};
use daos_wire::{EXTENTS_MAX, KEYS_MAX, TRANSFER_BYTES_MAX};

/// Every condition that there is.
const CONDITIONS_KNOWN: u64 = 2 * Conditions::PER_AKEY.0 - 1;

/// Conditions that came with a request.
pub(crate) fn conditions(bits: u64) -> Result<Conditions> {
    if bits & !CONDITIONS_KNOWN != 0 {
        fail!(Code::Inval, "conditions {bits:#x} are not known");
    }
    Ok(Conditions(bits))
}

/// The name of a change, as the store knows it.
pub(crate) fn name(name: daos_wire::ChangeName) -> ChangeName {
    ChangeName { client: name.client, sequence: name.sequence, is_repeat: name.is_repeat }
}

/// Keys of the kinds that the type of the object says: integer keys have eight bytes.
pub(crate) fn key_kinds<'a>(object: ObjectId, dkey: Option<&Key>, akeys: impl Iterator<Item = &'a Key>) -> Result<()> {
    let kind = object.object_type();
    let fits = |kind: KeyKind, key: &Key| kind != KeyKind::Integer || key.to_u64().is_some();
    let dkeys_fit = dkey.is_none_or(|dkey| fits(kind.dkey_kind(), dkey));
    if !dkeys_fit || !{ akeys }.all(|akey| fits(kind.akey_kind(), akey)) {
        fail!(Code::Inval, "an integer key must have 8 bytes");
    }
    Ok(())
}

/// At least one key, and not too many.
pub(crate) fn key_count(count: usize) -> Result<()> {
    if count == 0 || count > KEYS_MAX {
        fail!(Code::Inval, "a request must name 1 to {KEYS_MAX} keys, not {count}");
    }
    Ok(())
}

/// At least one extent per akey, and not too many for the request.
pub(crate) fn extent_counts(counts: impl Iterator<Item = usize>) -> Result<()> {
    let mut sum = 0;
    for count in counts {
        if count == 0 {
            fail!(Code::Inval, "a request names an akey without extents");
        }
        sum += count;
    }
    if sum > EXTENTS_MAX {
        fail!(Code::Inval, "a request names {sum} extents, more than {EXTENTS_MAX}");
    }
    Ok(())
}

/// Bytes of records, unless they do not fit 64 bits.
pub(crate) fn extent_bytes(record_size: u64, extents: &[Extent]) -> Option<u64> {
    let count = extents.iter().try_fold(0u64, |sum, extent| sum.checked_add(extent.count()))?;
    count.checked_mul(record_size)
}

/// Adds up the bytes of the values of a request.
pub(crate) fn total_bytes(bytes: impl Iterator<Item = Option<u64>>) -> Result<u64> {
    match { bytes }.try_fold(0u64, |sum, bytes| sum.checked_add(bytes?)) {
        Some(total) if total <= TRANSFER_BYTES_MAX => Ok(total),
        Some(total) => {
            fail!(Code::RecordTooBig, "a request has {total} bytes of values, more than {TRANSFER_BYTES_MAX}")
        }
        None => fail!(Code::Overflow, "the values of a request have more than 2^64 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T>) -> Option<Code> {
        result.err().map(|status| status.code())
    }

    #[test]
    fn sizes_are_summed_without_overflow() {
        let extent = |start, count| Extent::new(start, count).unwrap();
        assert_eq!(extent_bytes(8, &[extent(0, 2), extent(9, 1)]), Some(24));
        assert_eq!(extent_bytes(u64::MAX, &[extent(0, 2)]), None);
        assert_eq!(extent_bytes(1, &[extent(0, u64::MAX), extent(0, 1)]), None);
        assert_eq!(total_bytes([Some(1), Some(2)].into_iter()).ok(), Some(3));
        assert_eq!(code(total_bytes([Some(1), None].into_iter())), Some(Code::Overflow));
        assert_eq!(code(total_bytes([Some(u64::MAX), Some(1)].into_iter())), Some(Code::Overflow));
        assert_eq!(code(total_bytes([Some(TRANSFER_BYTES_MAX), Some(1)].into_iter())), Some(Code::RecordTooBig));
    }

    #[test]
    fn counts_and_conditions_are_bounded() {
        assert!(key_count(1).is_ok() && key_count(KEYS_MAX).is_ok());
        assert!(key_count(0).is_err() && key_count(KEYS_MAX + 1).is_err());
        assert!(extent_counts([1, EXTENTS_MAX - 1].into_iter()).is_ok());
        assert!(extent_counts([1, EXTENTS_MAX].into_iter()).is_err());
        assert!(extent_counts([1, 0].into_iter()).is_err());
        assert!(conditions(255).is_ok() && conditions(256).is_err());
    }
}
