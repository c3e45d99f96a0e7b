//! What comes out of a ring.

use super::MESSAGE_SIZE_MAX;
use super::connection::Connection;
use super::handshake::{READY_BYTES, Ready};
use super::layout::Side;
use super::lent::Range;
use super::link::Link;
use super::outgoing::Stream;
use super::record::{
    COPY, ENDED, MESSAGE, MESSAGE_BEGINS, MESSAGE_GOES_ON, PIECE, PUT, READY, SEND_ME, VERDICT, from_words,
};
use super::ring::Record;
use super::transport::{SharedMemoryTransport, broken};
use crate::Receiver;
use daos_status::{Code, Result, fail};
use std::ptr::NonNull;
use std::rc::Rc;

/// Records taken out of one ring in a round, so that a flood of them does not starve others.
const RECORDS_PER_ROUND: usize = 64;

const WORD: usize = 8;

impl SharedMemoryTransport {
    /// Takes what has come on a connection; `true` when that was anything.
    pub(super) fn take_in(&self, connection: &Rc<Connection>) -> bool {
        // Held through the round: what comes in may end the connection.
        let link = match &*connection.link.borrow() {
            Some(link) if !link.receiver.is_empty() => link.clone(),
            _ => return false,
        };
        let receiver = self.receiver();
        let mut taken = 0;
        while taken < RECORDS_PER_ROUND && !connection.ended.get() {
            let record = match link.receiver.next() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(violation) => {
                    self.end(connection, &broken(format_args!("{violation:?}")), true);
                    return true;
                }
            };
            match self.take_record(connection, &link, record, receiver.as_ref()) {
                Ok(true) => taken += 1,
                // It waits for somebody who wants it.
                Ok(false) => break,
                Err(status) => {
                    self.end(connection, &status, true);
                    return true;
                }
            }
        }
        if taken > 0 && link.receiver.publish() {
            connection.socket.ring();
        }
        taken > 0
    }

    fn take_record(
        &self,
        connection: &Rc<Connection>,
        link: &Link,
        record: Record,
        receiver: Option<&Rc<dyn Receiver>>,
    ) -> Result<bool> {
        match record.kind {
            MESSAGE | MESSAGE_BEGINS | MESSAGE_GOES_ON => {
                let Some(receiver) = receiver else { return Ok(false) };
                let message = take_message(connection, link, record);
                link.receiver.advance(record);
                if let Some(message) = message? {
                    receiver.frame(message);
                }
                return Ok(true);
            }
            READY => match link.receiver.head_of::<READY_BYTES>(record) {
                Some(ready) if connection.side == Side::Accepting => {
                    self.take_ready(connection, &Ready::decode(&ready))
                }
                _ => return Err(broken(format_args!("a side is ready that cannot be"))),
            },
            VERDICT => match link.receiver.head_of::<2>(record) {
                Some(verdict) if connection.side == Side::Connecting => self.take_verdict(connection, verdict),
                _ => return Err(broken(format_args!("a side judges that may not"))),
            },
            SEND_ME => {
                let [number, key, offset, length] = head(link, record)?;
                let range = Range { key, offset, length };
                let stream = self.state.lent.range(&range, false).map(|_| Stream::Lent { number, range });
                let mut outgoing = connection.outgoing.borrow_mut();
                match stream {
                    Ok(stream) if length > 0 => outgoing.stream(stream),
                    other => outgoing.ended(number, &other.map(|_| ())),
                }
            }
            PIECE => {
                let [number] = head(link, record)?;
                connection.transfers.fill(number, record.length - WORD, |place| {
                    // SAFETY: the place has as many bytes as the record has behind its head.
                    unsafe { link.receiver.copy(record, WORD, place.len(), NonNull::from(place).cast()) };
                });
            }
            COPY => self.copy(connection, link, record)?,
            PUT => self.put(connection, link, record)?,
            ENDED => {
                let [number, code] = head(link, record)?;
                connection.transfers.end_by_peer(number, code as i32);
            }
            kind => return Err(broken(format_args!("a record of kind {kind}"))),
        }
        link.receiver.advance(record);
        if connection.outgoing.borrow().is_flooded() {
            fail!(Code::Busy, "the peer asks for more than it takes");
        }
        Ok(true)
    }

    /// Fetches what the peer wants to have in memory that is lent to it.
    fn copy(&self, connection: &Connection, link: &Link, record: Record) -> Result<()> {
        let [number, key, offset, length, address] = head(link, record)?;
        let process = connection.process.borrow().clone().filter(|_| connection.reads_peer.get());
        let copy = || {
            let memory = self.state.lent.range(&Range { key, offset, length }, true)?;
            let Some(process) = process else { fail!(Code::NoPerm, "the peer's memory cannot be read") };
            // SAFETY: the range was checked: it lies in memory that is lent for writing, which nobody else uses.
            unsafe { process.read(address, memory, length as usize) }
        };
        connection.outgoing.borrow_mut().ended(number, &copy());
        Ok(())
    }

    /// Puts bytes that came into memory that is lent.
    fn put(&self, connection: &Connection, link: &Link, record: Record) -> Result<()> {
        const HEAD: usize = 4 * WORD;
        let [number, key, offset, is_last] = head(link, record)?;
        let length = record.length - HEAD;
        let memory = self.state.lent.range(&Range { key, offset, length: length as u64 }, true);
        // SAFETY: as for a copy.
        let result = memory.map(|memory| unsafe { link.receiver.copy(record, HEAD, length, memory) });
        if is_last != 0 || result.is_err() {
            connection.outgoing.borrow_mut().ended(number, &result);
        }
        Ok(())
    }
}

/// The words that a record begins with.
fn head<const N: usize>(link: &Link, record: Record) -> Result<[u64; N]> {
    if record.length < N * WORD {
        return Err(broken(format_args!("a record of kind {} with {} bytes", record.kind, record.length)));
    }
    let mut bytes = [[0u8; WORD]; N];
    // SAFETY: the array has as many bytes.
    unsafe { link.receiver.copy(record, 0, N * WORD, NonNull::from(&mut bytes).cast()) };
    Ok(from_words(bytes.as_flattened()))
}

/// A message that is complete with this record.
fn take_message(connection: &Connection, link: &Link, record: Record) -> Result<Option<Vec<u8>>> {
    if record.kind == MESSAGE {
        if connection.assembling.borrow().is_some() {
            fail!(Code::Proto, "a message within another");
        }
        return Ok(Some(link.receiver.bytes(record, 0)));
    }
    if record.kind == MESSAGE_BEGINS {
        let [total] = head(link, record)?;
        connection.begin_message(total, MESSAGE_SIZE_MAX, link.receiver.bytes(record, WORD))?;
        return Ok(None);
    }
    let mut assembling = connection.assembling.borrow_mut();
    let Some((total, bytes)) = assembling.as_mut() else {
        fail!(Code::Proto, "the end of a message that did not begin")
    };
    if record.length > total.saturating_sub(bytes.len()) {
        fail!(Code::Proto, "a message is longer than its beginning said");
    }
    link.receiver.append(record, 0, bytes);
    if bytes.len() < *total {
        return Ok(None);
    }
    Ok(assembling.take().map(|(_, bytes)| bytes))
}
