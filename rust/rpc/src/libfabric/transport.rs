//! The transport over a fabric.

use super::domain::Domain;
use super::fragment::{Assembler, FRAGMENT_MAX};
use super::outbox::{Direction, Job, Outbox};
use super::place::address_of;
use super::port::{Completion, Operation, Port, Refusal};
use super::settings::FabricSettings;
use super::wake::Wake;
use crate::settings::MESSAGE_SIZE_DEFAULT;
use crate::{Access, Address, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport};
use daos_env::sync::oneshot;
use daos_env::{Clock, Env, IoBuffer, Source};
use daos_status::{Code, Result, Status, fail};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How often a provider is looked at that has nothing to sleep on.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// An endpoint on a network. See [`super`] for what it relies on.
pub struct FabricTransport {
    address: Address,
    provider: String,
    clock: Arc<dyn Clock>,
    receiver: RefCell<Option<Rc<dyn Receiver>>>,
    open: RefCell<Option<Rc<Open>>>,
}

/// What exists until the transport is shut down. The order is that of dropping: the port ends before its descriptor's
/// watcher, and what waits is given back before.
struct Open {
    outbox: RefCell<Outbox>,
    assembler: RefCell<Assembler>,
    /// Received fragments that wait for a receiver, with their lengths; their buffers are not used meanwhile.
    held: RefCell<VecDeque<(Vec<u8>, usize)>>,
    /// Buffers that the provider had no room for.
    idle: RefCell<Vec<Vec<u8>>>,
    wake: Wake,
    /// The provider has nothing to sleep on.
    must_look: bool,
    port: Port,
}

impl FabricTransport {
    /// Opens an endpoint, which is reached at [`Transport::address`] from now on.
    pub fn open(env: &Env, settings: &FabricSettings) -> Result<Rc<FabricTransport>> {
        let domain = Domain::open(settings, env.random.clone())?;
        let what = |status: Status| {
            let (place, port) = (settings.place(), settings.port);
            let status =
                status.while_doing(format_args!("fabric provider \"{}\" at {place} port {port}", domain.word()));
            match status.code() {
                Code::Exist => {
                    let remedy = "another engine or program has the port: give this one another fabric port";
                    Status::new(Code::Exist, format!("{}; {remedy}", status.context()))
                }
                _ => status,
            }
        };
        let port = Port::open(domain.clone()).map_err(what)?;
        let own = port.name().map_err(what)?;
        let (word, format) = (domain.word(), domain.info().fields().addr_format);
        let outbox = Outbox::new(word, format, own.clone(), settings.connect_limit, domain.random());
        let open = Open {
            outbox: RefCell::new(outbox),
            assembler: RefCell::new(Assembler::new(MESSAGE_SIZE_DEFAULT)),
            held: RefCell::default(),
            idle: RefCell::new((0..settings.receives.max(1)).map(|_| vec![0; FRAGMENT_MAX]).collect()),
            wake: Wake::new(port.descriptor().map_err(what)?)?,
            must_look: !port.can_sleep(),
            port,
        };
        open.post_receives();
        Ok(Rc::new(FabricTransport {
            address: address_of(word, format, &own)?,
            provider: domain.info().provider(),
            clock: env.clock.clone(),
            receiver: RefCell::default(),
            open: RefCell::new(Some(Rc::new(open))),
        }))
    }

    /// The provider's full name, such as `tcp;ofi_rxm`.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    fn state(&self) -> Option<Rc<Open>> {
        self.open.borrow().clone()
    }

    fn check_open(&self) -> Result<Rc<Open>> {
        match self.state() {
            Some(open) => Ok(open),
            None => fail!(Code::Uninit, "endpoint {} was shut down", self.address),
        }
    }

    fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    fn receiver(&self) -> Option<Rc<dyn Receiver>> {
        self.receiver.borrow().clone()
    }

    fn deliver(&self, open: &Open, buffer: Vec<u8>, length: usize) {
        let Some(receiver) = self.receiver() else {
            open.held.borrow_mut().push_back((buffer, length));
            return;
        };
        let fragment = &buffer[..length.min(buffer.len())];
        if let Err(error) = open.assembler.borrow_mut().add(fragment, |message| receiver.frame(message)) {
            receiver.malformed(&error);
        }
        open.post_receive(buffer);
    }

    fn deliver_held(&self, open: &Open) -> bool {
        let mut busy = false;
        while self.receiver.borrow().is_some() {
            let Some((buffer, length)) = open.held.borrow_mut().pop_front() else { break };
            self.deliver(open, buffer, length);
            busy = true;
        }
        busy
    }

    fn complete(&self, open: &Open, completion: Completion) {
        match (completion.operation, completion.result) {
            (Operation::Receive(buffer), Ok(length)) => self.deliver(open, buffer, length),
            // The message that was coming in is lost with its connection.
            (Operation::Receive(buffer), Err(_)) => open.post_receive(buffer),
            (Operation::Part { peer, messages, .. }, result) => {
                open.outbox.borrow_mut().part_ended(self.now(), peer, messages, result);
            }
            (Operation::Transfer { peer, job }, result) => open.outbox.borrow_mut().transfer_ended(peer, job, result),
        }
    }

    fn report_failures(&self, open: &Open) -> bool {
        let failed = open.outbox.borrow_mut().take_failed();
        let busy = !failed.is_empty();
        for failed in failed {
            if let Some(receiver) = self.receiver() {
                receiver.send_failed(failed.peer, failed.frame, failed.status);
            }
        }
        let reconnected = open.outbox.borrow_mut().take_reconnected();
        let busy = busy || !reconnected.is_empty();
        for peer in reconnected {
            if let Some(receiver) = self.receiver() {
                let sentence = "the network to the peer was cut, and is whole again";
                receiver.reconnected(peer, Status::new(Code::Unreach, sentence));
            }
        }
        busy
    }

    fn transfer(
        &self,
        direction: Direction,
        peer: PeerIndex,
        remote: RemoteRegion,
        offset: u64,
        buffer: IoBuffer,
    ) -> Transfer {
        let open = match self.check_open() {
            Ok(open) => open,
            Err(status) => return Box::pin(std::future::ready((buffer, Err(status)))),
        };
        let length = buffer.len();
        let (sender, receiver) = oneshot();
        let job = Job { direction, remote, offset, buffer, sender };
        open.outbox.borrow_mut().transfer(&open.port, self.now(), peer, job);
        Box::pin(async move {
            let gone = || (IoBuffer::zeroed(length), Err(super::outbox::shut_down()));
            receiver.await.unwrap_or_else(gone)
        })
    }
}

impl Open {
    fn post_receive(&self, buffer: Vec<u8>) {
        // Without room the buffer waits for the next round.
        if let Err(Refusal::Later(Operation::Receive(buffer)) | Refusal::Failed(Operation::Receive(buffer), _)) =
            self.port.receive(buffer)
        {
            self.idle.borrow_mut().push(buffer);
        }
    }

    fn post_receives(&self) {
        let buffers = std::mem::take(&mut *self.idle.borrow_mut());
        buffers.into_iter().for_each(|buffer| self.post_receive(buffer));
    }
}

impl Source for FabricTransport {
    fn progress(&self) -> bool {
        let Some(open) = self.state() else { return false };
        open.wake.quiet();
        let mut busy = open.outbox.borrow_mut().flush(&open.port, self.now());
        busy |= self.deliver_held(&open);
        let mut batch = Vec::new();
        // One look in a round: what has come is worked on before the provider is asked, by system calls, whether there is more.
        if open.port.completions(&mut batch) {
            busy = true;
            for completion in batch.drain(..) {
                self.complete(&open, completion);
            }
        }
        open.post_receives();
        let retried = open.outbox.borrow_mut().retry(&open.port, self.now(), busy);
        self.report_failures(&open) | retried | busy
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.state().map(|open| open.wake.descriptor())
    }

    fn prepare_sleep(&self) -> bool {
        let Some(open) = self.state() else { return true };
        let mut outbox = open.outbox.borrow_mut();
        outbox.flush(&open.port, self.now());
        if outbox.has_reports() || (!open.held.borrow().is_empty() && self.receiver.borrow().is_some()) {
            return false;
        }
        let retry = outbox.next_retry().map(|retry| retry.saturating_sub(self.now()));
        let look = open.must_look.then_some(LOOK_INTERVAL);
        if let Some(delay) = retry.into_iter().chain(look).min() {
            open.wake.ring_after(delay);
        }
        open.must_look || open.port.may_sleep()
    }
}

impl Transport for FabricTransport {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn resolve(&self, address: &Address) -> Result<PeerIndex> {
        self.check_open()?.outbox.borrow_mut().resolve(address)
    }

    fn forget(&self, peer: PeerIndex) {
        if let Some(open) = self.state() {
            open.outbox.borrow_mut().forget(&open.port, peer);
        }
    }

    fn doubt(&self, peer: PeerIndex) {
        if let Some(open) = self.state() {
            open.outbox.borrow_mut().doubt(self.now(), peer);
        }
    }

    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        let open = self.check_open()?;
        if frame.len() > MESSAGE_SIZE_DEFAULT {
            fail!(Code::Overflow, "a message of {} bytes exceeds {MESSAGE_SIZE_DEFAULT}", frame.len());
        }
        open.outbox.borrow_mut().send(&open.port, self.now(), peer, frame)
    }

    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>) {
        // The old one is dropped outside the borrow: its end may call back.
        let _old = self.receiver.replace(receiver);
    }

    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration> {
        let open = self.check_open()?;
        // SAFETY: the contract is the caller's, word for word.
        unsafe { open.port.domain().register(memory, length, access) }
    }

    fn read(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        self.transfer(Direction::Read, peer, remote, offset, buffer)
    }

    fn write(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        self.transfer(Direction::Write, peer, remote, offset, buffer)
    }

    fn max_message_size(&self) -> usize {
        MESSAGE_SIZE_DEFAULT
    }

    fn shutdown(&self) {
        // A round that is under way holds the state until it ends.
        if let Some(open) = self.open.take() {
            open.outbox.borrow_mut().flush(&open.port, self.now());
        }
        self.set_receiver(None);
    }
}

impl Drop for FabricTransport {
    fn drop(&mut self) {
        self.shutdown();
    }
}
