//! What properties of a container say about its checksums.

use daos_checksum::ChecksumKind;
use daos_status::{Code, Result, fail};
use daos_wire::Properties;

/// `DAOS_PROP_CO_CSUM`: the kind, by its `DAOS_PROP_CO_CSUM_*` number.
pub const PROPERTY_CHECKSUM: u32 = 0x1004;
/// `DAOS_PROP_CO_CSUM_CHUNK_SIZE`: bytes under one checksum.
pub const PROPERTY_CHUNK: u32 = 0x1005;
/// `DAOS_PROP_CO_CSUM_SERVER_VERIFY`: 1 to verify updates.
pub const PROPERTY_VERIFY: u32 = 0x1006;

/// Bytes under one checksum of who does not say otherwise; as upstream's.
const CHUNK_BYTES_DEFAULT: u32 = 32 * 1024;
/// The most that can be asked for.
const CHUNK_BYTES_MAX: u64 = 1 << 30;

/// How the values of a container are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerChecksums {
    /// The kind.
    pub kind: ChecksumKind,
    /// Bytes under one checksum.
    pub chunk_bytes: u32,
    /// Whether updates are verified when they come.
    pub verify_on_update: bool,
}

impl ContainerChecksums {
    /// What properties say. Checksums are on by default: upstream's are not.
    pub fn of(properties: &Properties) -> Result<ContainerChecksums> {
        let number =
            |wanted: u32| properties.numbers.iter().find(|(kind, _)| *kind == wanted).map(|(_, number)| *number);
        let kind = match number(PROPERTY_CHECKSUM) {
            None => ChecksumKind::default(),
            Some(number) => match ChecksumKind::from_number(number) {
                Some(kind) => kind,
                None => fail!(Code::Inval, "{number} is no kind of checksum (DAOS_PROP_CO_CSUM_*)"),
            },
        };
        let chunk_bytes = match number(PROPERTY_CHUNK) {
            None | Some(0) => CHUNK_BYTES_DEFAULT,
            Some(bytes) if bytes <= CHUNK_BYTES_MAX => bytes as u32,
            Some(bytes) => fail!(Code::Inval, "{bytes} bytes under one checksum; at most {CHUNK_BYTES_MAX}"),
        };
        let verify_on_update = match number(PROPERTY_VERIFY) {
            None | Some(0) => false,
            Some(1) => true,
            Some(other) => fail!(Code::Inval, "DAOS_PROP_CO_CSUM_SERVER_VERIFY is 0 or 1, not {other}"),
        };
        Ok(ContainerChecksums { kind, chunk_bytes, verify_on_update })
    }

    /// Properties that say so, too, so that whoever asks for them is told.
    pub(crate) fn fill(self, properties: &mut Properties) {
        let numbers = [
            (PROPERTY_CHECKSUM, u64::from(self.kind.number())),
            (PROPERTY_CHUNK, u64::from(self.chunk_bytes)),
            (PROPERTY_VERIFY, u64::from(self.verify_on_update)),
        ];
        properties.numbers.retain(|(kind, _)| numbers.iter().all(|(known, _)| known != kind));
        properties.numbers.extend(numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(numbers: &[(u32, u64)]) -> Properties {
        Properties { label: String::new(), kind: 0, numbers: numbers.to_vec(), texts: vec![] }
    }

    #[test]
    fn properties_say_which_checksums_are_kept() {
        let default = ContainerChecksums { kind: ChecksumKind::Crc64, chunk_bytes: 32 << 10, verify_on_update: false };
        assert_eq!(ContainerChecksums::of(&properties(&[])), Ok(default));
        let chosen = properties(&[(7, 7), (PROPERTY_CHECKSUM, 5), (PROPERTY_CHUNK, 4096), (PROPERTY_VERIFY, 1)]);
        let checksums = ContainerChecksums::of(&chosen).expect("valid");
        let expected = ContainerChecksums { kind: ChecksumKind::Sha256, chunk_bytes: 4096, verify_on_update: true };
        assert_eq!(checksums, expected);
        for damaged in
            [(PROPERTY_CHECKSUM, 8), (PROPERTY_CHUNK, u64::MAX), (PROPERTY_CHUNK, (1 << 30) + 1), (PROPERTY_VERIFY, 2)]
        {
            let status = ContainerChecksums::of(&properties(&[damaged])).expect_err("out of range");
            assert_eq!(status.code(), Code::Inval);
        }
    }

    #[test]
    fn filled_properties_say_the_same() {
        let mut filled = properties(&[(PROPERTY_CHUNK, 0), (7, 7)]);
        let checksums = ContainerChecksums::of(&filled).expect("valid");
        checksums.fill(&mut filled);
        assert_eq!(ContainerChecksums::of(&filled), Ok(checksums));
        assert_eq!(filled.numbers, [(7, 7), (PROPERTY_CHECKSUM, 3), (PROPERTY_CHUNK, 32 << 10), (PROPERTY_VERIFY, 0)]);
    }
}
