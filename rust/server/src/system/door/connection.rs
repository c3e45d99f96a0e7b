//! One connection at the control port.

use super::Role;
use crate::local::Wanted;
use daos_rpc::ControlStream;
use daos_status::{Result, Status};
use daos_wire::header::HEADER_LENGTH;
use daos_wire::{
    CONTROL_LENGTH_MAX, CONTROL_REQUEST_LENGTH_MAX, ControlReply, ControlRequest, control_frame, control_message,
    control_rest_length,
};
use std::io::ErrorKind;
use std::time::Duration;

/// What may wait to be sent on one connection; who does not read is cut off beyond it.
const UNSENT_MAX: usize = 2 * CONTROL_LENGTH_MAX;

pub(super) struct Connection {
    pub stream: Box<dyn ControlStream>,
    pub from: String,
    pub role: Role,
    pub received: Vec<u8>,
    pub unsent: Vec<u8>,
    /// A request is being answered: nothing is read meanwhile.
    pub is_asking: bool,
    /// Until when a stranger has to have said or taken something.
    pub deadline: Option<Duration>,
}

/// Why a connection ends.
pub(super) enum End {
    Gone,
    Misbehaved(Status),
}

impl Connection {
    pub fn wanted(&self) -> Wanted {
        Wanted { descriptor: self.stream.descriptor(), write: !self.unsent.is_empty() }
    }

    /// Queues bytes and sends what the kernel takes; one that does not read shows at the next look.
    pub fn say(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        // Its end shows when it is looked at.
        let _shows_later = self.send();
    }

    fn send(&mut self) -> Result<(), End> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(End::Gone),
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(End::Gone),
            }
        }
        if self.unsent.len() > UNSENT_MAX {
            let sentence = format!("it does not read, and {} bytes wait for it", self.unsent.len());
            return Err(End::Misbehaved(Status::new(daos_status::Code::Busy, sentence)));
        }
        Ok(())
    }

    /// Looks at a socket on which something happened; gives a request when one is complete.
    pub fn look(&mut self) -> Result<Option<ControlRequest>, End> {
        self.send()?;
        let mut bytes = [0; 4096];
        let mut has_ended = false;
        loop {
            if self.received.len() > HEADER_LENGTH + CONTROL_REQUEST_LENGTH_MAX {
                break;
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => {
                    has_ended = true;
                    break;
                }
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(End::Gone),
            }
        }
        // Its last words count.
        if has_ended && !self.has_request() {
            return Err(End::Gone);
        }
        self.take_request().map_err(|status| {
            // It hears why, as far as it listens.
            self.say(&control_frame(&ControlReply::failure(&status)));
            End::Misbehaved(status)
        })
    }

    /// Who is at the other end, for sentences.
    fn peer(&self) -> String {
        match self.role {
            Role::Stranger | Role::Client(_) => format!("the client at {}", self.from),
            Role::Engine(rank) => format!("rank {}", rank.0),
        }
    }

    /// Where the request ends that waits to be taken, once its header is there.
    fn request_end(&self) -> Result<Option<usize>> {
        let Some(header) = self.received.first_chunk::<HEADER_LENGTH>() else { return Ok(None) };
        let rest = control_rest_length::<ControlRequest>(header, CONTROL_REQUEST_LENGTH_MAX, &self.peer())?;
        Ok(Some(HEADER_LENGTH + rest))
    }

    /// Whether a request waits to be taken.
    pub fn has_request(&self) -> bool {
        !self.is_asking && self.request_end().is_ok_and(|end| end.is_some_and(|end| self.received.len() >= end))
    }

    fn take_request(&mut self) -> Result<Option<ControlRequest>> {
        let Some(end) = self.request_end()? else { return Ok(None) };
        if matches!(self.role, Role::Client(_)) || self.is_asking {
            daos_status::fail!(daos_status::Code::Proto, "it speaks when it is not its turn");
        }
        let Some(bytes) = self.received.get(..end) else { return Ok(None) };
        let request = control_message(bytes, &self.peer());
        self.received.drain(..end);
        match request {
            Ok(request) => {
                self.is_asking = true;
                self.deadline = None;
                Ok(Some(request))
            }
            Err(status) if status.code() == daos_status::Code::Nosys => {
                daos_env::log!(Warn, "control", "{status}");
                if self.role == Role::Stranger {
                    self.say(&control_frame(&ControlReply::failure(&status)));
                }
                Ok(None)
            }
            Err(status) => Err(status),
        }
    }
}
