//! Damage in the log: each once, and a bounded number of them.

use daos_checksum::crc64;
use daos_status::Status;
use std::collections::HashSet;

/// Damages that are told apart: a device that fails gives thousands, of which the first ones say enough.
const NAMED_MAX: usize = 1024;

/// The damages that were logged.
#[derive(Default)]
pub(crate) struct DamageLog {
    named: HashSet<u64>,
    is_full: bool,
}

impl DamageLog {
    /// Logs a damage that was not logged before; `true` when it did.
    pub(crate) fn note(&mut self, damage: &Status) -> bool {
        if self.is_full || self.named.contains(&crc64(damage.context().as_bytes())) {
            return false;
        }
        if self.named.len() >= NAMED_MAX {
            self.is_full = true;
            daos_env::log!(Error, "store", "{NAMED_MAX} values are damaged; further ones are counted, not named");
            return false;
        }
        self.named.insert(crc64(damage.context().as_bytes()));
        daos_env::log!(Error, "store", "{damage}");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_status::Code;

    #[test]
    fn each_damage_is_named_once_and_their_number_is_bounded() {
        let mut log = DamageLog::default();
        let damage = |number: usize| Status::new(Code::Csum, format!("value {number}"));
        for number in 0..NAMED_MAX {
            assert!(log.note(&damage(number)));
            assert!(!log.note(&damage(number)));
        }
        assert!(!log.note(&damage(NAMED_MAX)));
        assert!(!log.note(&damage(NAMED_MAX)));
        assert_eq!(log.named.len(), NAMED_MAX);
    }
}
