//! The transport between endpoints of one process.

use super::mailbox::Mailbox;
use super::network::{InProcessNetwork, number_of};
use super::{MESSAGE_SIZE_MAX, SCHEME};
use crate::{Access, Address, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport};
use daos_env::{IoBuffer, Source};
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

/// Messages handed up in one round, so that a flood of them does not starve tasks.
const MESSAGES_PER_ROUND: usize = 64;

/// An endpoint of an [`InProcessNetwork`].
pub struct InProcessTransport {
    network: InProcessNetwork,
    address: Address,
    number: u64,
    mailbox: Arc<Mailbox>,
    receiver: RefCell<Option<Rc<dyn Receiver>>>,
    peers: RefCell<HashMap<u64, Arc<Mailbox>>>,
    closed: Cell<bool>,
}

struct Guard {
    mailbox: Arc<Mailbox>,
    key: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.mailbox.regions.close(self.key);
    }
}

impl InProcessTransport {
    pub(super) fn new(network: InProcessNetwork, address: Address, number: u64, mailbox: Arc<Mailbox>) -> Self {
        InProcessTransport {
            network,
            address,
            number,
            mailbox,
            receiver: RefCell::default(),
            peers: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    /// The mailbox of a peer; one that came back at the same address is found again.
    fn mailbox_of(&self, peer: PeerIndex) -> Result<Arc<Mailbox>> {
        if self.closed.get() {
            fail!(Code::Uninit, "endpoint {} was shut down", self.address);
        }
        let mut peers = self.peers.borrow_mut();
        if let Some(mailbox) = peers.get(&peer.0).filter(|mailbox| !mailbox.is_closed()) {
            return Ok(mailbox.clone());
        }
        peers.remove(&peer.0);
        match self.network.find(peer.0) {
            Some(mailbox) => Ok(peers.entry(peer.0).or_insert(mailbox).clone()),
            None => fail!(Code::Unreach, "no endpoint at {SCHEME}://{}", peer.0),
        }
    }
}

impl Source for InProcessTransport {
    fn progress(&self) -> bool {
        self.mailbox.awake();
        let Some(receiver) = self.receiver.borrow().clone() else { return false };
        let mut busy = false;
        for _ in 0..MESSAGES_PER_ROUND {
            let Some(frame) = self.mailbox.pop() else { break };
            receiver.frame(frame);
            busy = true;
        }
        busy
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.mailbox.descriptor())
    }

    fn prepare_sleep(&self) -> bool {
        self.mailbox.prepare_sleep() || self.receiver.borrow().is_none()
    }
}

impl Transport for InProcessTransport {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn is_memory(&self, _peer: PeerIndex) -> bool {
        true
    }

    fn resolve(&self, address: &Address) -> Result<PeerIndex> {
        number_of(address).map(PeerIndex)
    }

    fn forget(&self, peer: PeerIndex) {
        self.peers.borrow_mut().remove(&peer.0);
    }

    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        if frame.len() > MESSAGE_SIZE_MAX {
            fail!(Code::Overflow, "a message of {} bytes exceeds {MESSAGE_SIZE_MAX}", frame.len());
        }
        self.mailbox_of(peer)?.push(frame)
    }

    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>) {
        // The old one is dropped outside the borrow: its end may call back.
        let _old = self.receiver.replace(receiver);
    }

    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration> {
        // SAFETY: the caller keeps the contract until the guard in the registration closes the region.
        let key = unsafe { self.mailbox.regions.open(memory, length, access)? };
        let region = RemoteRegion { key, base: 0, length: length as u64 };
        Ok(Registration::new(region, Box::new(Guard { mailbox: self.mailbox.clone(), key })))
    }

    fn read(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, mut buffer: IoBuffer) -> Transfer {
        let result = self.mailbox_of(peer).and_then(|mailbox| mailbox.regions.read(remote, offset, &mut buffer));
        Box::pin(std::future::ready((buffer, result)))
    }

    fn write(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        let result = self.mailbox_of(peer).and_then(|mailbox| mailbox.regions.write(remote, offset, &buffer));
        Box::pin(std::future::ready((buffer, result)))
    }

    fn max_message_size(&self) -> usize {
        MESSAGE_SIZE_MAX
    }

    fn shutdown(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.network.remove(self.number, &self.mailbox);
        self.mailbox.close();
        self.peers.borrow_mut().clear();
        self.set_receiver(None);
    }
}

impl Drop for InProcessTransport {
    fn drop(&mut self) {
        self.shutdown();
    }
}
