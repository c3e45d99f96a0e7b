//! Every kind against published values, and against its definition.

use crate::*;
use proptest::prelude::*;

#[test]
fn golden_values() {
    // The check values of the published CRC catalogue, and RFC 3720's 32 zero bytes.
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc64(b"123456789"), 0xae8b_1486_0a79_9888);
    assert_eq!(crc16(b"123456789"), 0xd0db);
    assert_eq!((crc16(b""), crc32c(b""), crc64(b"")), (0, 0, 0));
    // RFC 1950, and the example that everybody knows.
    assert_eq!((adler32(b""), adler32(b"Wikipedia")), (1, 0x11e6_0398));
}

#[test]
fn parts_have_the_checksum_of_the_whole() {
    let bytes: Vec<u8> = (0..9000u32).map(|number| (number * 7) as u8).collect();
    for length in [0, 1, 5, 15, 100, 4096, 9000] {
        for first in [0, 1, 64, length] {
            let mut parts = Crc64::new();
            let (head, tail) = bytes[..length].split_at(first.min(length));
            parts.update(head);
            parts.update(tail);
            assert_eq!(parts.finish(), crc64(&bytes[..length]), "{first} of {length}");
        }
    }
}

#[test]
fn golden_digests() {
    // FIPS 180: "abc", and nothing.
    let text = |kind: ChecksumKind, bytes: &[u8]| format!("{:?}", kind.checksum(bytes));
    assert_eq!(text(ChecksumKind::Sha1, b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(text(ChecksumKind::Sha1, b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(text(ChecksumKind::Sha256, b"abc"), sha256);
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let sha256 = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
    assert_eq!(text(ChecksumKind::Sha256, two_blocks), sha256);
    assert_eq!(text(ChecksumKind::Sha1, two_blocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    let sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                  2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    assert_eq!(text(ChecksumKind::Sha512, b"abc"), sha512);
}

#[test]
fn numbers_and_names_lead_back() {
    for (index, kind) in ChecksumKind::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(kind.number()), index);
        assert_eq!(ChecksumKind::from_number(index as u64), Some(kind));
        assert_eq!(ChecksumKind::from_name(&kind.to_string().to_uppercase()), Some(kind));
        assert_eq!(kind.checksum(b"x").as_bytes().len(), kind.length());
        assert!(kind.length() <= CHECKSUM_BYTES_MAX);
    }
    assert_eq!(ChecksumKind::from_number(8), None);
    assert_eq!(ChecksumKind::from_name("md5"), None);
}

/// Bit by bit, from the definition of a reflected CRC with all ones in and out.
fn reflected_crc(polynomial: u64, ones: u64, bytes: &[u8]) -> u64 {
    let mut crc = ones;
    for byte in bytes {
        crc ^= u64::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
        }
    }
    crc ^ ones
}

fn crc16_by_definition(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x8bb7 } else { crc << 1 };
        }
    }
    crc
}

fn adler32_by_definition(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

fn check_definitions(part: &[u8], what: &str) {
    let ones32 = u64::from(u32::MAX);
    assert_eq!(u64::from(crc32c(part)), reflected_crc(0x82f6_3b78, ones32, part), "crc32c of {what}");
    assert_eq!(crc64(part), reflected_crc(0x9a6c_9329_ac4b_c9b5, u64::MAX, part), "crc64 of {what}");
    assert_eq!(crc16(part), crc16_by_definition(part), "crc16 of {what}");
    assert_eq!(adler32(part), adler32_by_definition(part), "adler32 of {what}");
}

#[test]
fn every_length_and_alignment_follows_the_definition() {
    let bytes: Vec<u8> = (0u32..9000).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    for length in (0..300).chain([511, 512, 513, 1023, 4095, 4096, 4097, 8192]) {
        for start in [0, 1, 7, 16, 63] {
            check_definitions(&bytes[start..start + length], &format!("length {length} from {start}"));
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_follow_the_definition(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        check_definitions(&bytes, "random bytes");
    }

    #[test]
    fn one_flipped_bit_changes_every_kind(
        bytes in proptest::collection::vec(any::<u8>(), 1..2000),
        bit in any::<proptest::sample::Index>(),
    ) {
        let bit = bit.index(bytes.len() * 8);
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        for kind in ChecksumKind::ALL.into_iter().filter(|kind| *kind != ChecksumKind::Off) {
            prop_assert_ne!(kind.checksum(&bytes), kind.checksum(&damaged));
            if kind.fits_word() {
                let (word, checksum) = (kind.word(&bytes).to_le_bytes(), kind.checksum(&bytes));
                prop_assert_eq!(&word[..kind.length()], checksum.as_bytes());
                prop_assert!(word[kind.length()..].iter().all(|byte| *byte == 0));
            }
        }
    }
}
