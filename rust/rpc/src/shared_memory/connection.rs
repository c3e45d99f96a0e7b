//! One connection to another process.

use super::handshake::Secret;
use super::layout::Side;
use super::link::Link;
use super::outgoing::Outgoing;
use super::process::Process;
use super::socket::{Credentials, Socket};
use super::transfers::Transfers;
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What is known of a connection; it is open when it has a link.
pub(super) struct Connection {
    /// Names it among the events of the kernel.
    pub token: u64,
    pub side: Side,
    pub socket: Socket,
    pub credentials: Credentials,
    /// The number of the peer; a side that accepted learns it by the hello.
    pub peer: Cell<Option<u64>>,
    pub link: RefCell<Option<Rc<Link>>>,
    pub outgoing: RefCell<Outgoing>,
    pub transfers: Transfers,
    /// A message of which not everything has come: its length, and what there is.
    pub assembling: RefCell<Option<(usize, Vec<u8>)>>,
    /// The peer's process, if its memory may be readable.
    pub process: RefCell<Option<Rc<Process>>>,
    /// Whether we may read the peer's memory.
    pub reads_peer: Cell<bool>,
    /// Whether the peer may read ours.
    pub peer_reads: Cell<bool>,
    /// The number that the side which accepted chose; the other one shows it in its memory.
    pub challenge: ShownSecret,
    /// The number of the side that accepted, in its memory.
    pub proof: ShownSecret,
    pub ended: Cell<bool>,
    /// Rounds in which nothing happened.
    pub quiet: Cell<u32>,
}

impl Connection {
    pub fn new(token: u64, side: Side, socket: Socket) -> Connection {
        Connection {
            token,
            side,
            credentials: socket.peer(),
            socket,
            peer: Cell::new(None),
            link: RefCell::default(),
            outgoing: RefCell::default(),
            transfers: Transfers::default(),
            assembling: RefCell::default(),
            process: RefCell::default(),
            reads_peer: Cell::new(false),
            peer_reads: Cell::new(false),
            challenge: ShownSecret::default(),
            proof: ShownSecret::default(),
            ended: Cell::new(false),
            quiet: Cell::new(0),
        }
    }

    /// The link of a connection that is open.
    pub fn link(&self) -> Option<Rc<Link>> {
        self.link.borrow().clone()
    }

    /// Rings when the peer sleeps.
    pub fn wake_peer(&self, link: &Link) {
        if link.sender.is_to_be_woken() {
            self.socket.ring();
        }
    }

    /// Says that this side is awake.
    pub fn awake(&self) {
        if let Some(link) = &*self.link.borrow() {
            link.receiver.awake();
            link.sender.set_starved(false);
        }
    }

    /// Asks for the bell; `false` when there is something to do.
    pub fn prepare_sleep(&self, takes_messages: bool) -> bool {
        let Some(link) = self.link() else { return true };
        let quiet = link.receiver.prepare_sleep() || !takes_messages;
        if !quiet || self.outgoing.borrow().is_empty() {
            return quiet;
        }
        link.sender.set_starved(true);
        // A peer that broke the rules is found out by the next round.
        !link.sender.has_room().unwrap_or(true)
    }

    /// The message whose first part came.
    pub fn begin_message(&self, total: u64, max: usize, first: Vec<u8>) -> Result<()> {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        if total > max || self.assembling.borrow().is_some() {
            fail!(Code::Proto, "a message of {total} bytes, or within another");
        }
        self.assembling.replace(Some((total, first)));
        Ok(())
    }
}

/// A number in memory of its own that stays where it is, to be read by another process.
#[derive(Default)]
pub(super) struct ShownSecret(Box<Cell<Secret>>);

impl ShownSecret {
    pub fn set(&self, secret: Secret) {
        // SAFETY: the cell is ours; volatile because others read it whom the compiler does not know.
        unsafe { self.0.as_ptr().write_volatile(secret) };
    }

    pub fn get(&self) -> Secret {
        self.0.get()
    }

    pub fn address(&self) -> u64 {
        self.0.as_ptr() as u64
    }
}
