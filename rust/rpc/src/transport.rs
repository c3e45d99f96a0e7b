//! What a fabric must do for an endpoint.

use crate::{Address, Parts};
use daos_env::{IoBuffer, Source};
use daos_status::{Result, Status};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;

/// A peer that a transport has resolved. Numbers are not given twice by one transport, so that a stale one names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PeerIndex(pub u64);

daos_types::numbered! {
    /// What peers may do to memory.
    pub enum Access: u8 {
        /// Peers read it: what a client wants to store.
        Read = 1,
        /// Peers write it: where a client wants its data.
        Write = 2,
        /// Peers read and write it.
        ReadWrite = 3,
    }
}

impl Access {
    /// Whether peers may read.
    pub const fn may_read(self) -> bool {
        self as u8 & 1 != 0
    }

    /// Whether peers may write.
    pub const fn may_write(self) -> bool {
        self as u8 & 2 != 0
    }
}

/// Memory of a peer as its transport names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoteRegion {
    /// The key that the owner's transport gave.
    pub key: u64,
    /// Where the region begins, in the address space of its transport (zero where offsets are used).
    pub base: u64,
    /// Its length.
    pub length: u64,
}

/// Memory that peers can reach until this is dropped.
pub struct Registration {
    region: RemoteRegion,
    _guard: Box<dyn Any>,
}

impl Registration {
    /// A registration that ends when `guard` is dropped.
    pub fn new(region: RemoteRegion, guard: Box<dyn Any>) -> Registration {
        Registration { region, _guard: guard }
    }

    /// How peers name the memory.
    pub fn region(&self) -> RemoteRegion {
        self.region
    }
}

/// A read or write of remote memory under way: it gives the buffer back. Dropping it does not stop the operation,
/// which keeps its buffer until the fabric is done with it.
pub type Transfer = Pin<Box<dyn Future<Output = (IoBuffer, Result<()>)>>>;

/// Who gets what a transport receives. Called from [`Source::progress`] and, by some transports, from
/// [`Transport::send`]; it may call the transport.
pub trait Receiver {
    /// A message came in. Its bytes are hostile.
    fn frame(&self, frame: Vec<u8>);

    /// Bytes came in that are no message: why.
    fn malformed(&self, why: &dyn fmt::Display) {
        let _uncounted = why;
    }

    /// A message that was accepted for sending could not be delivered.
    fn send_failed(&self, peer: PeerIndex, frame: Vec<u8>, status: Status);

    /// The connection to a peer has ended, and with it whatever was under way on it. Not every transport notices.
    fn peer_lost(&self, peer: PeerIndex, status: Status) {
        let _unnoticed = (peer, status);
    }

    /// The connection to a peer was begun anew, since the network to it had been cut: what was under way on it may be lost. What waited to be
    /// sent goes on.
    fn reconnected(&self, peer: PeerIndex, status: Status) {
        let _unnoticed = (peer, status);
    }
}

/// One endpoint of a message fabric, used by one thread.
///
/// Messages to one peer arrive whole and in order while the connection lasts; a peer that dies, or a bad network, may
/// lose messages, and a transport may deliver one twice. Every queue is bounded: a full one gives
/// [`Code::Busy`](daos_status::Code::Busy).
pub trait Transport: Source {
    /// Where peers reach this endpoint.
    fn address(&self) -> Address;

    /// Where a peer reaches this endpoint, by the way on which the two talk.
    fn source(&self, _peer: PeerIndex) -> Address {
        self.address()
    }

    /// Whether messages to this peer go through memory of the machine, and no network could damage them: then only their heads
    /// have a checksum.
    fn is_memory(&self, _peer: PeerIndex) -> bool {
        false
    }

    /// Finds a peer. That it is resolved says nothing about its being alive.
    fn resolve(&self, address: &Address) -> Result<PeerIndex>;

    /// Frees what is kept about a peer and ends its connection: nothing it sends afterwards touches memory that was
    /// registered before. Operations under way to it fail.
    fn forget(&self, peer: PeerIndex);

    /// A peer does not answer as soon as it should. A transport whose connections may outlast a cut of the network without noticing finds out
    /// whether there is one; when it is over, the connection is begun anew, and [`Receiver::reconnected`] says so.
    fn doubt(&self, _peer: PeerIndex) {}

    /// Queues a message of at most [`Transport::max_message_size`] bytes.
    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()>;

    /// As [`Transport::send`], with a message that lies in parts, which are copied before this returns.
    fn send_parts(&self, peer: PeerIndex, before: &[u8], body: Parts<'_>) -> Result<()> {
        self.send(peer, body.behind(before))
    }

    /// Says who gets what comes in; before that, incoming messages wait. `None` cuts the tie.
    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>);

    /// Lets peers reach memory.
    ///
    /// # Safety
    /// Until the registration is dropped, the memory stays allocated, and the process reads it only where `access`
    /// is not for writing, and writes it only where `access` is not for reading. Peers decide when they access it.
    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration>;

    /// Fills `buffer` from `offset` of a peer's memory.
    fn read(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer;

    /// Writes `buffer` to `offset` of a peer's memory.
    fn write(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer;

    /// The largest message.
    fn max_message_size(&self) -> usize;

    /// Stops: nothing is received any more, what is queued is dropped, further calls fail.
    fn shutdown(&self);
}
