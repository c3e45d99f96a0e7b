//! What two processes say to each other before they share memory.
//!
//! One message each, on the socket: the side that connected says who it is; the other one hands out the memory, or refuses.
//! Then each side finds out, by a number that the other one chose, whether it may read the other's memory.

use crate::Address;
use crate::address::check_bytes;
use daos_status::{Code, Result, Status, fail};
use daos_wire::header::{Header, Kind, open, open_plain, seal};

/// Longest sentence of a refusal.
const SENTENCE_MAX: usize = 200;

/// Room for any message.
pub(super) const MESSAGE_BYTES_MAX: usize = 256;

/// A number that only who reads it in the memory of its owner can know.
pub(super) type Secret = [u8; 16];

/// The first message: the address of the side that connects.
pub(super) fn hello(address: &Address) -> Vec<u8> {
    seal(Header::of(Kind::MemoryHello), &[], address.as_str().as_bytes())
}

/// Who connects.
pub(super) fn read_hello(message: &[u8]) -> Result<Address> {
    let opened = open_plain(message, Kind::MemoryHello);
    let address = opened.map_err(|error| error.status("this endpoint", "the peer"))?;
    Address::parse(check_bytes(address)?)
}

/// What comes with the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Welcome {
    /// What the side that connected is to put into its memory.
    pub challenge: Secret,
    /// Where the side that accepted has a number of its own.
    pub proof_at: u64,
}

impl Welcome {
    pub fn encode(&self) -> Vec<u8> {
        let body = [&self.challenge[..], &self.proof_at.to_le_bytes()].concat();
        seal(Header::of(Kind::MemoryWelcome), &[], &body)
    }
}

/// A refusal instead.
pub(super) fn refusal(status: &Status) -> Vec<u8> {
    let sentence: String = status.context().chars().take(SENTENCE_MAX / 4).collect();
    seal(Header { status: status.to_der(), ..Header::of(Kind::MemoryRefusal) }, &[], sentence.as_bytes())
}

/// The answer of the side that accepted.
pub(super) fn read_welcome(message: &[u8]) -> Result<Welcome> {
    let (header, body) = open(message, &[Kind::MemoryWelcome, Kind::MemoryRefusal])
        .map_err(|error| error.status("this endpoint", "the peer"))?;
    if header.kind == Kind::MemoryRefusal.number() {
        let sentence = format!("the peer refused: {}", String::from_utf8_lossy(body));
        return Err(Status::from_der(header.status, sentence).unwrap_or_else(|| Code::Unknown.into()));
    }
    match body.split_first_chunk().and_then(|(challenge, rest)| Some((*challenge, <[u8; 8]>::try_from(rest).ok()?))) {
        Some((challenge, proof_at)) if header.status == 0 && header.opcode == 0 => {
            Ok(Welcome { challenge, proof_at: u64::from_le_bytes(proof_at) })
        }
        _ => fail!(Code::Proto, "the peer answered with something else than a welcome"),
    }
}

/// The first record of the side that connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ready {
    /// Where the challenge lies in its memory.
    pub challenge_at: u64,
    /// What it has read at the peer's place; anything when it could not.
    pub proof: Secret,
}

/// Length of [`Ready`].
pub(super) const READY_BYTES: usize = 24;

impl Ready {
    pub fn encode(&self) -> [u8; READY_BYTES] {
        let mut bytes = [0; READY_BYTES];
        bytes[..8].copy_from_slice(&self.challenge_at.to_le_bytes());
        bytes[8..].copy_from_slice(&self.proof);
        bytes
    }

    pub fn decode(bytes: &[u8; READY_BYTES]) -> Ready {
        let (mut at, mut proof) = ([0; 8], Secret::default());
        at.copy_from_slice(&bytes[..8]);
        proof.copy_from_slice(&bytes[8..]);
        Ready { challenge_at: u64::from_le_bytes(at), proof }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_go_both_ways_and_fit() {
        let address = Address::parse(&format!("shm://{}", "x".repeat(Address::LENGTH_MAX - 6))).unwrap();
        let hello = hello(&address);
        assert!(read_hello(&hello).unwrap() == address && hello.len() <= MESSAGE_BYTES_MAX);
        let welcome = Welcome { challenge: [9; 16], proof_at: 77 };
        assert_eq!(read_welcome(&welcome.encode()).unwrap(), welcome);
        let refused = refusal(&Status::new(Code::NoPerm, "\u{1f600}".repeat(1000)));
        assert!(refused.len() <= MESSAGE_BYTES_MAX);
        assert_eq!(read_welcome(&refused).unwrap_err().code(), Code::NoPerm);
        let ready = Ready { challenge_at: 5, proof: [7; 16] };
        assert_eq!(Ready::decode(&ready.encode()), ready);
        assert!(read_hello(&welcome.encode()).is_err() && read_welcome(&hello).is_err());
    }

    proptest! {
        #[test]
        fn hostile_bytes_give_errors(bytes in proptest::collection::vec(any::<u8>(), 0..80), which in 0usize..4) {
            let kind = [Kind::MemoryHello, Kind::MemoryWelcome, Kind::MemoryRefusal, Kind::Reply][which];
            for message in [seal(Header::of(kind), &[], &bytes), bytes] {
                let _address = read_hello(&message);
                if let Ok(welcome) = read_welcome(&message) {
                    prop_assert_eq!(welcome.encode(), message);
                }
            }
        }
    }

    #[test]
    fn another_version_is_named_by_both_sides() {
        let address = Address::parse("shm://x").unwrap();
        let mut message =
            seal(Header { version: 10, ..Header::of(Kind::MemoryHello) }, &[], address.as_str().as_bytes());
        let status = read_hello(&message).unwrap_err();
        assert!(status.code() == Code::Proto && status.context().contains("version 10"), "{status}");
        message = seal(Header { version: 10, ..Header::of(Kind::MemoryWelcome) }, &[], b"whatever");
        assert!(read_welcome(&message).unwrap_err().context().contains("version 10"));
    }
}
