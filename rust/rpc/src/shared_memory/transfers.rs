//! Transfers of remote memory that wait for the peer.

use crate::Transfer;
use daos_env::IoBuffer;
use daos_env::sync::{Sender, oneshot};
use daos_status::{Code, Result, Status};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

type Outcome = (IoBuffer, Result<()>);

struct Waiting {
    buffer: IoBuffer,
    /// How much of it came in, for memory that is sent to us.
    filled: Option<usize>,
    sender: Sender<Outcome>,
}

/// By number.
#[derive(Default)]
pub(super) struct Transfers {
    waiting: RefCell<HashMap<u64, Waiting>>,
    next: Cell<u64>,
}

/// A transfer that has ended.
pub(super) fn ended(buffer: IoBuffer, result: Result<()>) -> Transfer {
    Box::pin(std::future::ready((buffer, result)))
}

impl Transfers {
    /// Keeps the buffer of a transfer until the peer is done, and gives its number. `fills`: the peer sends what goes into it.
    pub fn add(&self, buffer: IoBuffer, fills: bool) -> (u64, Transfer) {
        let number = self.next.replace(self.next.get() + 1);
        let length = buffer.len();
        let (sender, receiver) = oneshot();
        self.waiting.borrow_mut().insert(number, Waiting { buffer, filled: fills.then_some(0), sender });
        let transfer = Box::pin(async move {
            let gone = || (IoBuffer::zeroed(length), Err(Status::new(Code::Canceled, "the endpoint is gone")));
            receiver.await.unwrap_or_else(gone)
        });
        (number, transfer)
    }

    /// Where the buffer of a transfer lies.
    pub fn address(&self, number: u64) -> u64 {
        self.waiting.borrow().get(&number).map_or(0, |waiting| waiting.buffer.as_ptr() as u64)
    }

    /// Looks at the buffer of a transfer that has not ended.
    pub fn with_buffer<T>(&self, number: u64, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.waiting.borrow().get(&number).map(|waiting| look(&waiting.buffer))
    }

    /// Takes a piece of a peer's memory; `copy` writes it. More than was asked for ends the transfer.
    pub fn fill(&self, number: u64, length: usize, copy: impl FnOnce(&mut [u8])) {
        let mut waiting = self.waiting.borrow_mut();
        // A peer may be late, or wrong.
        let Some(Waiting { buffer, filled: Some(filled), .. }) = waiting.get_mut(&number) else { return };
        let end = *filled + length;
        let result = match buffer.get_mut(*filled..end) {
            Some(place) => {
                copy(place);
                *filled = end;
                if end < buffer.len() {
                    return;
                }
                Ok(())
            }
            None => Err(Status::new(Code::Proto, "the peer sent more than was asked for")),
        };
        drop(waiting);
        self.end(number, result);
    }

    /// The peer says that a transfer has ended.
    pub fn end_by_peer(&self, number: u64, code: i32) {
        let is_filled = self.waiting.borrow().get(&number).is_some_and(|waiting| waiting.filled.is_some());
        let sentence = "the peer could not move the memory that it lent";
        let result = match code {
            // What is sent to us ends with its last byte.
            0 if is_filled => Err(Status::new(Code::Proto, "the peer sent less than was asked for")),
            0 => Ok(()),
            code => Err(Status::from_der(code, sentence).unwrap_or_else(|| Status::new(Code::Unknown, sentence))),
        };
        self.end(number, result);
    }

    fn end(&self, number: u64, result: Result<()>) {
        let waiting = self.waiting.borrow_mut().remove(&number);
        if let Some(Waiting { buffer, sender, .. }) = waiting {
            sender.send((buffer, result));
        }
    }

    /// Ends all.
    pub fn fail_all(&self, status: &Status) {
        let mut numbers: Vec<u64> = self.waiting.borrow().keys().copied().collect();
        numbers.sort_unstable();
        numbers.into_iter().for_each(|number| self.end(number, Err(status.clone())));
    }
}
