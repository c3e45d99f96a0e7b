//! Messages that are too long for one request go in parts.

use daos_status::{Code, Result, fail};
use daos_wire::replicated::{REPLICA_MESSAGE_BYTES_MAX, ReplicaId, ReplicaPart};
use daos_wire::{Blob, decode, encode};
use std::collections::BTreeMap;

/// What a part takes besides its bytes.
pub const PART_OVERHEAD: usize = 64;
/// Senders whose unfinished messages are kept: all members of a group.
const SENDERS_MAX: usize = crate::MEMBERS_MAX;

/// The requests of a message, none longer than `request_bytes`.
pub fn split(from: ReplicaId, number: u64, message: &[u8], request_bytes: usize) -> Vec<Vec<u8>> {
    let length = message.len() as u32;
    let size = request_bytes.saturating_sub(PART_OVERHEAD).max(1);
    let part = |(index, bytes): (usize, &[u8])| {
        let offset = (index * size) as u32;
        encode(&ReplicaPart { from, number, length, offset, bytes: Blob(bytes.to_vec()) })
    };
    message.chunks(size).enumerate().map(part).collect()
}

/// Puts messages together again. Of each sender, one message at a time: the parts of one come in order.
#[derive(Default, Debug)]
pub struct Assembler {
    unfinished: BTreeMap<ReplicaId, (u64, u32, Vec<u8>)>,
}

impl Assembler {
    /// Takes a request; gives the message that it completes. A part that does not continue is dropped, and with it its
    /// message, as any message may be lost.
    pub fn take(&mut self, request: &[u8]) -> Result<Option<Vec<u8>>> {
        let ReplicaPart { from, number, length, offset, bytes } = decode(request)?;
        if length as usize > REPLICA_MESSAGE_BYTES_MAX || bytes.0.len() > length as usize {
            fail!(Code::Proto, "a message of {length} bytes of replica {from} exceeds {REPLICA_MESSAGE_BYTES_MAX}");
        }
        if offset == 0 {
            if bytes.0.len() == length as usize {
                return Ok(Some(bytes.0));
            }
            if self.unfinished.len() >= SENDERS_MAX && !self.unfinished.contains_key(&from) {
                self.unfinished.clear();
            }
            self.unfinished.insert(from, (number, length, bytes.0));
            return Ok(None);
        }
        let Some((known, whole, so_far)) = self.unfinished.get_mut(&from) else { return Ok(None) };
        let fits = *known == number && *whole == length && so_far.len() == offset as usize;
        if !fits || so_far.len() + bytes.0.len() > length as usize {
            self.unfinished.remove(&from);
            return Ok(None);
        }
        so_far.extend_from_slice(&bytes.0);
        if so_far.len() < length as usize {
            return Ok(None);
        }
        Ok(self.unfinished.remove(&from).map(|(_, _, message)| message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut assembler = Assembler::default();
        for (number, length) in [1, 99, 100, 101, 5000].into_iter().enumerate() {
            let message: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let parts = split(ReplicaId(1), number as u64, &message, 100 + PART_OVERHEAD);
            assert_eq!(parts.len(), message.len().div_ceil(100));
            let mut whole = None;
            for part in &parts {
                assert!(part.len() <= 100 + PART_OVERHEAD && whole.is_none());
                whole = assembler.take(part).expect("a part");
            }
            assert_eq!(whole, Some(message));
        }
        assert!(assembler.unfinished.is_empty());
    }

    #[test]
    fn a_part_that_is_missing_loses_its_message_only() {
        let mut assembler = Assembler::default();
        let parts = split(ReplicaId(1), 1, &[7; 300], 100 + PART_OVERHEAD);
        assert_eq!(assembler.take(&parts[0]), Ok(None));
        assert_eq!(assembler.take(&parts[2]), Ok(None));
        let parts = split(ReplicaId(1), 2, &[8; 150], 100 + PART_OVERHEAD);
        assert_eq!(assembler.take(&parts[0]), Ok(None));
        assert_eq!(assembler.take(&parts[1]), Ok(Some(vec![8; 150])));
    }

    #[test]
    fn what_is_kept_is_bounded_and_garbage_is_an_error() {
        let mut assembler = Assembler::default();
        for sender in 0..1000 {
            let parts = split(ReplicaId(sender), 1, &[7; 300], 100 + PART_OVERHEAD);
            assert_eq!(assembler.take(&parts[0]), Ok(None));
            assert!(assembler.unfinished.len() <= SENDERS_MAX);
        }
        assert!(assembler.take(&[0; 3]).is_err());
        let huge = ReplicaPart { from: ReplicaId(1), number: 1, length: u32::MAX, offset: 0, bytes: Blob(vec![1]) };
        assert!(assembler.take(&encode(&huge)).is_err());
    }
}
