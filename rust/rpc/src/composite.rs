//! An endpoint that is reached in two ways: through shared memory by processes of the machine, and over a network by all.
//!
//! Its address lists both. Who resolves such an address takes the first way that works: shared memory has names that nobody
//! on another machine answers to, so there is nothing to configure. The network is opened when it is first needed, which for
//! a client whose engines are all on its machine is never.

mod ways;

use crate::settings::MESSAGE_SIZE_DEFAULT;
use crate::shared_memory::SharedMemoryTransport;
use crate::{Access, Address, Parts, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport};
use daos_env::{IoBuffer, Source};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::rc::Rc;
use ways::{Both, Translated, Way, inner_of, outer_of};

/// Rounds without a message between two looks at the network, when the last message came through shared memory: asking a network costs as much
/// as a message there, which would wait for it.
const QUIET_ROUNDS: u32 = 64;
/// A round with messages takes as long as so many without, and more.
const BUSY_ROUND: u32 = 4;

/// Opens the network.
pub type Opener = Box<dyn Fn() -> Result<Rc<dyn Transport>>>;

/// Shared memory first, the network otherwise.
pub struct CompositeTransport {
    /// Nothing when only the network is wanted.
    shared: Option<Rc<SharedMemoryTransport>>,
    network: OnceCell<Rc<dyn Transport>>,
    opener: Opener,
    receiver: RefCell<Option<Rc<dyn Receiver>>>,
    descriptors: Both,
    /// Rounds until the network is looked at again.
    quiet: Cell<u32>,
    /// Whether the last message came through shared memory.
    is_shared: Cell<bool>,
    closed: Cell<bool>,
}

impl CompositeTransport {
    /// An endpoint of shared memory (or without, for who wants none) that opens a network when a peer needs it.
    pub fn new(shared: Option<Rc<SharedMemoryTransport>>, opener: Opener) -> Result<Rc<CompositeTransport>> {
        let descriptors = Both::new()?;
        if let Some(descriptor) = shared.as_ref().and_then(|shared| shared.descriptor()) {
            descriptors.add(descriptor)?;
        }
        Ok(Rc::new(CompositeTransport {
            shared,
            network: OnceCell::new(),
            opener,
            receiver: RefCell::default(),
            descriptors,
            quiet: Cell::new(0),
            is_shared: Cell::new(false),
            closed: Cell::new(false),
        }))
    }

    /// Opens the network now, as an endpoint does that wants to be reached by it.
    pub fn open_network(&self) -> Result<&Rc<dyn Transport>> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        if self.closed.get() {
            fail!(Code::Uninit, "the endpoint was shut down");
        }
        let network = (self.opener)()?;
        if let Some(descriptor) = network.descriptor() {
            self.descriptors.add(descriptor)?;
        }
        network.set_receiver(self.translated(Way::Network));
        Ok(self.network.get_or_init(|| network))
    }

    /// Waits until the connections through shared memory that are being made were made or refused.
    pub async fn settled(&self) {
        if let Some(shared) = &self.shared {
            shared.settled().await;
        }
    }

    fn knew(&self, way: Way, place: &Address) -> bool {
        way == Way::Shared && self.shared.as_ref().is_some_and(|shared| shared.knew(place))
    }

    fn translated(&self, way: Way) -> Option<Rc<dyn Receiver>> {
        let receiver = self.receiver.borrow().clone()?;
        Some(Rc::new(Translated { receiver, way }))
    }

    fn of(&self, peer: PeerIndex) -> Result<(&dyn Transport, PeerIndex)> {
        match inner_of(peer) {
            (Way::Shared, inner) => self.shared.as_ref().map(|shared| (&**shared as &dyn Transport, inner)),
            (Way::Network, inner) => self.network.get().map(|network| (&**network, inner)),
        }
        .ok_or_else(|| Status::new(Code::Unreach, "the peer was forgotten"))
    }
}

impl Source for CompositeTransport {
    fn progress(&self) -> bool {
        let busy = self.shared.as_ref().is_some_and(|shared| shared.progress());
        let Some(network) = self.network.get() else { return busy };
        if busy {
            self.is_shared.set(true);
        }
        match self.quiet.get().checked_sub(if busy { BUSY_ROUND } else { 1 }) {
            Some(left) => {
                self.quiet.set(left);
                busy
            }
            None if network.progress() => {
                self.is_shared.set(false);
                true
            }
            None => {
                self.quiet.set(if self.is_shared.get() { QUIET_ROUNDS } else { 0 });
                busy
            }
        }
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.descriptors.descriptor())
    }

    fn prepare_sleep(&self) -> bool {
        self.quiet.set(0);
        self.shared.as_ref().is_none_or(|shared| shared.prepare_sleep())
            && self.network.get().is_none_or(|network| network.prepare_sleep())
    }
}

impl Transport for CompositeTransport {
    fn address(&self) -> Address {
        let shared = self.shared.as_ref().map(|shared| shared.address());
        let network = self.network.get().map(|network| network.address());
        match (shared, network) {
            // Two that are too long for one text leave the one that everybody can use.
            (Some(shared), Some(network)) => shared.or(&network).unwrap_or(network),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Address::nowhere(),
        }
    }

    fn source(&self, peer: PeerIndex) -> Address {
        self.of(peer).map_or_else(|_| self.address(), |(transport, inner)| transport.source(inner))
    }

    fn is_memory(&self, peer: PeerIndex) -> bool {
        inner_of(peer).0 == Way::Shared
    }

    fn resolve(&self, address: &Address) -> Result<PeerIndex> {
        let mut failure = None;
        for place in address.alternatives() {
            let way = if place.scheme() == crate::shared_memory::SCHEME { Way::Shared } else { Way::Network };
            let resolved = match (way, &self.shared) {
                (Way::Shared, None) => continue,
                (Way::Shared, Some(shared)) => shared.resolve(&place),
                (Way::Network, _) => self.open_network().and_then(|network| network.resolve(&place)),
            };
            match resolved {
                Ok(inner) => return Ok(outer_of(way, inner)),
                // Names end with their owner: whoever had this one is on no network either.
                Err(status) if status.code() == Code::Unreach && self.knew(way, &place) => return Err(status),
                Err(status) => failure = Some(status),
            }
        }
        Err(failure.unwrap_or_else(|| Status::new(Code::Inval, format!("{address} names no place"))))
    }

    fn forget(&self, peer: PeerIndex) {
        if let Ok((transport, inner)) = self.of(peer) {
            transport.forget(inner);
        }
    }

    fn doubt(&self, peer: PeerIndex) {
        if let Ok((transport, inner)) = self.of(peer) {
            transport.doubt(inner);
        }
    }

    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        let (transport, inner) = self.of(peer)?;
        if inner_of(peer).0 == Way::Network {
            self.quiet.set(0);
        }
        transport.send(inner, frame)
    }

    fn send_parts(&self, peer: PeerIndex, before: &[u8], body: Parts<'_>) -> Result<()> {
        let (transport, inner) = self.of(peer)?;
        if inner_of(peer).0 == Way::Network {
            self.quiet.set(0);
        }
        transport.send_parts(inner, before, body)
    }

    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>) {
        // The old one is dropped outside the borrow: its end may call back.
        let _old = self.receiver.replace(receiver);
        if let Some(shared) = &self.shared {
            shared.set_receiver(self.translated(Way::Shared));
        }
        if let Some(network) = self.network.get() {
            network.set_receiver(self.translated(Way::Network));
        }
    }

    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration> {
        // SAFETY: the contract is the caller's, word for word, for each of them.
        unsafe {
            let (shared, network) = match (&self.shared, self.network.get()) {
                (Some(shared), None) => return shared.register(memory, length, access),
                (None, Some(network)) => return network.register(memory, length, access),
                (Some(shared), Some(network)) => (shared, network),
                (None, None) => fail!(Code::Uninit, "no peer was resolved yet"),
            };
            let outside = network.register(memory, length, access)?;
            let region = outside.region();
            // Under the same name, so that a request can go either way.
            let inside = shared.register_as(memory, length, access, region.key)?;
            Ok(Registration::new(region, Box::new((inside, outside))))
        }
    }

    fn read(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        match self.of(peer) {
            Ok((transport, inner)) => {
                self.quiet.set(0);
                transport.read(inner, remote, offset, buffer)
            }
            Err(status) => Box::pin(std::future::ready((buffer, Err(status)))),
        }
    }

    fn write(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        match self.of(peer) {
            Ok((transport, inner)) => {
                self.quiet.set(0);
                transport.write(inner, remote, offset, buffer)
            }
            Err(status) => Box::pin(std::future::ready((buffer, Err(status)))),
        }
    }

    fn max_message_size(&self) -> usize {
        let shared = self.shared.as_ref().map(|shared| shared.max_message_size());
        let network = self.network.get().map(|network| network.max_message_size());
        shared.into_iter().chain(network).min().unwrap_or(MESSAGE_SIZE_DEFAULT)
    }

    fn shutdown(&self) {
        self.closed.set(true);
        if let Some(shared) = &self.shared {
            shared.shutdown();
        }
        if let Some(network) = self.network.get() {
            network.shutdown();
        }
    }
}
