//! An endpoint of a simulated fabric.
#![expect(unsafe_code, reason = "memory is lent to peers")]

use super::memory::{Direction, Region, Transfer as UnderWay};
use super::world::{Inbox, World};
use super::{SCHEME, number_of};
use daos_env::sync::oneshot;
use daos_env::{IoBuffer, Source};
use daos_rpc::{
    Access, Address, MESSAGE_SIZE_DEFAULT, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport,
};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::rc::Rc;

/// Messages handed up in one round, as transports for the outside bound them.
const MESSAGES_PER_ROUND: usize = 64;

/// One endpoint of a [`SimFabric`](super::SimFabric).
pub struct SimTransport {
    world: Rc<RefCell<World>>,
    number: u64,
    life: u64,
    address: Address,
    receiver: RefCell<Option<Rc<dyn Receiver>>>,
    peers: RefCell<BTreeMap<PeerIndex, u64>>,
    next_peer: Cell<u64>,
}

struct Guard {
    world: Rc<RefCell<World>>,
    number: u64,
    key: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.world.borrow_mut().deregister(self.number, self.key);
    }
}

impl SimTransport {
    pub(super) fn new(world: Rc<RefCell<World>>, number: u64, life: u64) -> Result<Rc<SimTransport>> {
        Ok(Rc::new(SimTransport {
            world,
            number,
            life,
            address: Address::parse(&format!("{SCHEME}://{number}"))?,
            receiver: RefCell::default(),
            peers: RefCell::default(),
            next_peer: Cell::new(0),
        }))
    }

    fn number_of_peer(&self, peer: PeerIndex) -> Result<u64> {
        if !self.world.borrow().lives_on(self.number, self.life) {
            fail!(Code::Uninit, "endpoint {} was shut down", self.address);
        }
        match self.peers.borrow().get(&peer) {
            Some(number) => Ok(*number),
            None => fail!(Code::Unreach, "peer {} is not known", peer.0),
        }
    }

    fn transfer(
        &self,
        direction: Direction,
        peer: PeerIndex,
        remote: RemoteRegion,
        offset: u64,
        buffer: IoBuffer,
    ) -> Transfer {
        let to = match self.number_of_peer(peer) {
            Ok(to) => to,
            Err(status) => return Box::pin(std::future::ready((buffer, Err(status)))),
        };
        let length = buffer.len();
        let (sender, receiver) = oneshot();
        let from = self.number;
        let transfer =
            UnderWay { direction, from, to, generation: 0, remote, offset, buffer, done: 0, pieces: 1, sender };
        self.world.borrow_mut().begin(transfer);
        Box::pin(async move {
            let gone = || (IoBuffer::zeroed(length), Err(Status::new(Code::Canceled, "the fabric is gone")));
            receiver.await.unwrap_or_else(gone)
        })
    }
}

impl Source for SimTransport {
    fn progress(&self) -> bool {
        self.world.borrow_mut().advance();
        let mut busy = false;
        for _ in 0..MESSAGES_PER_ROUND {
            let Some(receiver) = self.receiver.borrow().clone() else { break };
            let Some(item) = self.world.borrow_mut().take(self.number, self.life) else { break };
            busy = true;
            match item {
                Inbox::Frame(frame) => receiver.frame(frame),
                Inbox::SendFailed { peer, frame, status } => receiver.send_failed(peer, frame, status),
            }
        }
        busy
    }

    fn descriptor(&self) -> Option<RawFd> {
        None
    }
}

impl Transport for SimTransport {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn resolve(&self, address: &Address) -> Result<PeerIndex> {
        let number = number_of(address)?;
        let mut peers = self.peers.borrow_mut();
        if let Some((index, _)) = peers.iter().find(|(_, known)| **known == number) {
            return Ok(*index);
        }
        let index = PeerIndex(self.next_peer.get());
        self.next_peer.set(index.0 + 1);
        peers.insert(index, number);
        Ok(index)
    }

    fn forget(&self, peer: PeerIndex) {
        if let Some(number) = self.peers.borrow_mut().remove(&peer) {
            self.world.borrow_mut().forget(self.number, number);
        }
    }

    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        if frame.len() > MESSAGE_SIZE_DEFAULT {
            fail!(Code::Overflow, "a message of {} bytes exceeds {MESSAGE_SIZE_DEFAULT}", frame.len());
        }
        let to = self.number_of_peer(peer)?;
        self.world.borrow_mut().send(self.number, to, peer, frame)
    }

    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>) {
        // The old one is dropped outside the borrow: its end may call back.
        let _old = self.receiver.replace(receiver);
    }

    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration> {
        // SAFETY: the caller keeps the contract until the guard in the registration removes the region.
        let region = unsafe { Region::new(memory, length, access) };
        let key = self.world.borrow_mut().register(self.number, self.life, region)?;
        let guard = Guard { world: self.world.clone(), number: self.number, key };
        Ok(Registration::new(RemoteRegion { key, base: 0, length: length as u64 }, Box::new(guard)))
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
        self.world.borrow_mut().close(self.number, Some(self.life));
        self.set_receiver(None);
    }
}

impl Drop for SimTransport {
    fn drop(&mut self) {
        self.shutdown();
    }
}
