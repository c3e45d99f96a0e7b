//! What waits for room in a ring.

use super::layout::RECORD_BYTES_MAX;
use super::lent::{Lent, Range};
use super::link::Link;
use super::record::{ENDED, MESSAGE, MESSAGE_BEGINS, MESSAGE_GOES_ON, PIECE, PUT, words};
use super::ring::Violation;
use super::transfers::Transfers;
use daos_status::{Code, Result, Status, fail};
use std::collections::VecDeque;

/// Messages that wait before senders are told to wait.
const MESSAGES_MAX: usize = 8192;
/// Bytes of messages that wait before senders are told to wait.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Short records and streams that wait for a peer who asks for them, and does not take them: more than any has under way.
const ASKED_MAX: usize = 1 << 16;
/// Bytes of a stream in one record, so that messages come between.
const STREAM_BYTES: usize = RECORD_BYTES_MAX - 64;

/// Lent memory on its way to a peer, or bytes on their way into memory that the peer lent.
pub(super) enum Stream {
    /// Our memory, under the peer's number.
    Lent { number: u64, range: Range },
    /// The buffer of a transfer of ours, from a position on.
    Put { number: u64, range: Range, done: usize },
}

/// Queues before the ring of one connection.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Kind and bytes of short records.
    short: VecDeque<(u8, Vec<u8>)>,
    messages: VecDeque<Vec<u8>>,
    /// Bytes of the first message that are gone.
    sent: usize,
    message_bytes: usize,
    streams: VecDeque<Stream>,
}

impl Outgoing {
    pub fn is_empty(&self) -> bool {
        self.short.is_empty() && self.messages.is_empty() && self.streams.is_empty()
    }

    /// Queues a message.
    pub fn message(&mut self, message: Vec<u8>) -> Result<()> {
        if self.messages.len() >= MESSAGES_MAX || self.message_bytes + message.len() > MESSAGE_BYTES_MAX {
            fail!(Code::Busy, "too many messages wait for the peer");
        }
        self.message_bytes += message.len();
        self.messages.push_back(message);
        Ok(())
    }

    /// Queues a short record.
    pub fn short(&mut self, kind: u8, bytes: Vec<u8>) {
        self.short.push_back((kind, bytes));
    }

    /// Tells the peer that its transfer has ended.
    pub fn ended(&mut self, number: u64, result: &Result<()>) {
        let code = result.as_ref().map_or_else(Status::to_der, |()| 0);
        self.short(ENDED, words([number, i64::from(code) as u64]));
    }

    /// Queues a stream.
    pub fn stream(&mut self, stream: Stream) {
        self.streams.push_back(stream);
    }

    /// Whether a peer asks for more than it takes.
    pub fn is_flooded(&self) -> bool {
        self.short.len() + self.streams.len() > ASKED_MAX
    }

    /// The messages that wait, which will not be sent.
    pub fn take_messages(&mut self) -> VecDeque<Vec<u8>> {
        (self.message_bytes, self.sent) = (0, 0);
        std::mem::take(&mut self.messages)
    }

    /// Puts into the ring what there is room for; `true` when that was anything.
    pub fn flush(&mut self, link: &Link, lent: &Lent, transfers: &Transfers) -> Result<bool, Violation> {
        let mut moved = false;
        loop {
            let goes_on = if let Some((kind, bytes)) = self.short.front() {
                let sent = link.sender.push(*kind, &[bytes])?;
                if sent {
                    self.short.pop_front();
                }
                sent
            } else if !self.messages.is_empty() {
                self.message_part(link)?
            } else if let Some(stream) = self.streams.pop_front() {
                self.stream_part(stream, link, lent, transfers)?
            } else {
                return Ok(moved);
            };
            if !goes_on {
                return Ok(moved);
            }
            moved = true;
        }
    }

    fn message_part(&mut self, link: &Link) -> Result<bool, Violation> {
        let Some(message) = self.messages.front() else { return Ok(false) };
        let (length, sent) = (message.len(), self.sent);
        let (went, count) = if sent > 0 {
            let count = (length - sent).min(RECORD_BYTES_MAX);
            (link.sender.push(MESSAGE_GOES_ON, &[&message[sent..sent + count]])?, count)
        } else if length <= RECORD_BYTES_MAX {
            (link.sender.push(MESSAGE, &[message])?, length)
        } else {
            let total = (length as u64).to_le_bytes();
            let count = RECORD_BYTES_MAX - total.len();
            (link.sender.push(MESSAGE_BEGINS, &[&total, &message[..count]])?, count)
        };
        if went {
            self.sent += count;
            if self.sent == length {
                self.sent = 0;
                self.message_bytes -= length;
                self.messages.pop_front();
            }
        }
        Ok(went)
    }

    fn stream_part(
        &mut self,
        stream: Stream,
        link: &Link,
        lent: &Lent,
        transfers: &Transfers,
    ) -> Result<bool, Violation> {
        match stream {
            Stream::Lent { number, range } => {
                let count = range.length.min(STREAM_BYTES as u64);
                let part = Range { length: count, ..range };
                // Each piece anew: the memory may have been taken back since the last one.
                let memory = match lent.range(&part, false) {
                    Ok(memory) => memory,
                    Err(status) => {
                        self.ended(number, &Err(status));
                        return Ok(true);
                    }
                };
                // SAFETY: the range was checked, and the memory is lent for reading while nothing else of this thread runs.
                let bytes = unsafe { std::slice::from_raw_parts(memory.as_ptr(), count as usize) };
                if !link.sender.push(PIECE, &[&number.to_le_bytes(), bytes])? {
                    self.streams.push_front(Stream::Lent { number, range });
                    return Ok(false);
                }
                let left = Range { offset: range.offset + count, length: range.length - count, ..range };
                if left.length > 0 {
                    self.streams.push_back(Stream::Lent { number, range: left });
                }
            }
            Stream::Put { number, range, done } => {
                let went = transfers.with_buffer(number, |bytes| {
                    let count = (bytes.len() - done).min(STREAM_BYTES);
                    let is_last = done + count == bytes.len();
                    let head = [number, range.key, range.offset + done as u64, is_last.into()].map(u64::to_le_bytes);
                    let went = link.sender.push(PUT, &[head.as_flattened(), &bytes[done..done + count]]);
                    went.map(|went| went.then_some((done + count, is_last)))
                });
                // A transfer that has ended is not streamed any further.
                match went.transpose()? {
                    Some(None) => {
                        self.streams.push_front(Stream::Put { number, range, done });
                        return Ok(false);
                    }
                    Some(Some((done, false))) => self.streams.push_back(Stream::Put { number, range, done }),
                    Some(Some((_, true))) | None => {}
                }
            }
        }
        Ok(true)
    }
}
