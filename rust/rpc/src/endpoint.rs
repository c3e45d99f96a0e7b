//! Calls on top of a transport.

mod call;
mod control;
mod exposures;
mod history;
mod inner;
mod peers;
mod request;
mod timer;
mod transfer;
mod versions;
mod waits;

pub use request::Request;
pub use transfer::Exposed;

use crate::address::Mark;
use crate::frame::Frame;
use crate::{Access, Address, BulkDescriptor, EndpointSettings, Parts, Statistics, Transport};
use call::{Call, Waiter};
use daos_env::{IoBuffer, Random, Source, Spawner};
use daos_status::{Code, Result, Status};
use inner::{Inner, Intake};
use peers::Peers;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Duration;
use transfer::{Direction, transfer};
use waits::Waits;

/// Makes calls and serves requests over one transport, on one thread. Clones are the same endpoint.
///
/// A handler that holds a clone keeps the endpoint alive: end it with [`Endpoint::close`].
#[derive(Clone)]
pub struct Endpoint(Rc<Inner>);

/// The marks of an address: of the whole, and of each way to the endpoint.
fn marks(address: &Address) -> Vec<Mark> {
    std::iter::once(address.mark()).chain(address.alternatives().map(|way| way.mark())).collect()
}

/// The answer to a call: dereferences to its bytes.
pub struct ReplyBody(Frame);

impl Deref for ReplyBody {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.0.body()
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyBody({} bytes)", self.len())
    }
}

impl Endpoint {
    /// An endpoint on a transport, which becomes a source of the spawner's executor.
    pub fn new(
        spawner: &Spawner,
        random: &dyn Random,
        transport: Rc<dyn Transport>,
        settings: EndpointSettings,
    ) -> Endpoint {
        let inner = Rc::new(Inner {
            address: transport.address(),
            marks: marks(&transport.address()),
            spawner: spawner.clone(),
            peers: RefCell::new(Peers::new(settings.peers_max, settings.calls_per_peer_max)),
            waits: Waits::new(settings.outstanding_max, settings.ask_interval, random.next_u64()),
            settings,
            handler: RefCell::default(),
            load: Default::default(),
            next_token: Cell::new(random.next_u64()),
            counters: Default::default(),
            exposures: Default::default(),
            closed: Cell::new(false),
            transport,
        });
        inner.transport.set_receiver(Some(Rc::new(Intake(Rc::downgrade(&inner)))));
        spawner.add_source(inner.transport.clone());
        spawner.spawn(timer::run(Rc::downgrade(&inner), spawner.clone()));
        Endpoint(inner)
    }

    /// Where peers reach this endpoint.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// The largest body of a request or reply; what is larger goes as bulk.
    pub fn max_body_size(&self) -> usize {
        self.0.max_body_size()
    }

    /// Sets the token that goes with every later request to a peer.
    pub fn set_session(&self, peer: &Address, session: u64) -> Result<()> {
        self.0.check_open()?;
        self.0.peer(peer)?.0.session.set(session);
        Ok(())
    }

    /// Asks a peer, and waits for its answer for at most `timeout`. The request is sent when the future is first polled;
    /// dropping the future forgets the call (the peer may still execute it).
    ///
    /// A request that was lost is sent again while its time lasts, and is carried out at most once. When that cannot be known (the peer was
    /// restarted, say), the call fails with `DER_HG`.
    ///
    /// An error of the peer's handler comes back as the handler gave it. The endpoint's own errors name peer and
    /// operation: `DER_TIMEDOUT`, `DER_UNREACH`, `DER_HG`, `DER_BUSY` (a bound was reached, try later), `DER_OVERFLOW`
    /// (the body is too large for a message), or what [`Endpoint::fail_peer`] said.
    pub async fn call(&self, peer: &Address, opcode: u16, body: Vec<u8>, timeout: Duration) -> Result<ReplyBody> {
        self.call_lending(peer, opcode, body, [], timeout).await
    }

    /// As [`Endpoint::call`], with a request that carries the descriptors of `memory`.
    pub async fn call_lending(
        &self,
        peer: &Address,
        opcode: u16,
        body: Vec<u8>,
        memory: impl IntoIterator<Item = &Exposed>,
        timeout: Duration,
    ) -> Result<ReplyBody> {
        self.call_in_parts(peer, opcode, Parts::one(&body), memory, false, timeout).await
    }

    /// As [`Endpoint::call_lending`], with a request that the peer may carry out twice: it is sent again also when nobody knows whether it was.
    pub async fn call_repeatable(
        &self,
        peer: &Address,
        opcode: u16,
        body: Vec<u8>,
        memory: impl IntoIterator<Item = &Exposed>,
        timeout: Duration,
    ) -> Result<ReplyBody> {
        self.call_in_parts(peer, opcode, Parts::one(&body), memory, true, timeout).await
    }

    /// As [`Endpoint::call_lending`] or, if it `is_repeatable`, [`Endpoint::call_repeatable`], with a body that lies in parts: they are
    /// copied once, to where the transport has them.
    pub async fn call_in_parts(
        &self,
        peer: &Address,
        opcode: u16,
        body: Parts<'_>,
        memory: impl IntoIterator<Item = &Exposed>,
        is_repeatable: bool,
        timeout: Duration,
    ) -> Result<ReplyBody> {
        let memory = memory.into_iter().map(Exposed::number).collect();
        let call = Call { opcode, body, memory, is_repeatable, timeout };
        let name = |status: Status| status.while_doing(format_args!("call of operation {opcode:#x} to {peer}"));
        let frame = call.run(&self.0, peer).await.map_err(name)?;
        if frame.head.status == 0 {
            return Ok(ReplyBody(frame));
        }
        let sentence = String::from_utf8_lossy(frame.body()).into_owned();
        Err(Status::from_der(frame.head.status, sentence).unwrap_or_else(|| Code::Unknown.into()))
    }

    /// Says who answers requests. The handler must not block: what takes time belongs into a task.
    pub fn serve(&self, handler: impl Fn(Request) + 'static) {
        let _old = self.0.handler.replace(Some(Rc::new(handler)));
    }

    /// Ends all calls and transfers that wait for a peer, and the connection to it: its process died.
    pub fn fail_peer(&self, peer: &Address, status: Status) {
        self.0.fail_peer(peer, &status);
    }

    /// Lets servers reach memory: put the descriptor into the request of an [`Endpoint::call_lending`], and keep the result
    /// until the call ended.
    ///
    /// # Safety
    /// Until the result is dropped, the memory stays allocated, and the process reads it only where `access` is not for
    /// writing, and writes it only where `access` is not for reading. The descriptor goes into requests that lend the
    /// result, and the result is dropped only after those calls ended or were dropped: what a peer does to the memory
    /// after that is stopped only then.
    pub unsafe fn expose(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Exposed> {
        // SAFETY: the contract is the caller's, word for word.
        unsafe { Exposed::new(&self.0, memory, length, access) }
    }

    /// Fills `buffer` from memory that any peer exposed; see [`Request::pull`] for that of a caller.
    pub async fn pull(
        &self,
        peer: &Address,
        remote: &BulkDescriptor,
        offset: u64,
        buffer: IoBuffer,
    ) -> (IoBuffer, Result<()>) {
        transfer(&self.0, peer, Direction::Pull, remote, offset, buffer).await
    }

    /// Writes `buffer` to memory that any peer exposed; see [`Request::push`] for that of a caller.
    pub async fn push(
        &self,
        peer: &Address,
        remote: &BulkDescriptor,
        offset: u64,
        buffer: IoBuffer,
    ) -> (IoBuffer, Result<()>) {
        transfer(&self.0, peer, Direction::Push, remote, offset, buffer).await
    }

    /// What was counted since the endpoint was opened.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            outstanding: self.0.waits.count(),
            requests: self.0.load.requests.get(),
            exposures: self.0.exposures.count(),
            ..self.0.counters.read()
        }
    }

    /// The errors that requests were answered with since the endpoint was opened, and how many were.
    pub fn failures(&self) -> Vec<(Code, u64)> {
        self.0.counters.failures()
    }

    /// Ends everything: calls under way fail with `DER_CANCELED`, later ones with `DER_UNINIT`, and the handler is dropped.
    pub fn close(&self) {
        let source: Rc<dyn Source> = self.0.transport.clone();
        self.0.close(&source);
    }
}

#[cfg(test)]
mod tests;
