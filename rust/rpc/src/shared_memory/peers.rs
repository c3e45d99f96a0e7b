//! The peers that a transport knows, and the connections to each.

use super::connection::Connection;
use super::layout::Side;
use crate::{Address, PeerIndex};
use std::collections::HashMap;
use std::rc::Rc;

/// The lower bits of a number are the place in the table; what is above them is not given twice.
const PLACE_BITS: u32 = 20;
const PLACES_MAX: usize = 1 << PLACE_BITS;

/// A peer.
pub(super) struct Peer {
    number: u64,
    pub address: Address,
    /// By the side that we have: at most one that we made and one that it made.
    connections: [Option<Rc<Connection>>; 2],
}

impl Peer {
    /// Where to send: rather on what we made.
    pub fn connection(&self) -> Option<&Rc<Connection>> {
        self.connections.iter().flatten().find(|connection| !connection.ended.get())
    }

    pub fn of_side(&self, side: Side) -> Option<Rc<Connection>> {
        self.connections[side as usize].clone()
    }

    pub fn set(&mut self, connection: Rc<Connection>) {
        let side = connection.side as usize;
        self.connections[side] = Some(connection);
    }
}

/// Peers by number, and by address.
#[derive(Default)]
pub(super) struct Peers {
    places: Vec<Option<Peer>>,
    free: Vec<usize>,
    by_address: HashMap<Address, u64>,
    serial: u64,
}

fn place_of(number: u64) -> usize {
    number as usize & (PLACES_MAX - 1)
}

impl Peers {
    pub fn get(&self, number: u64) -> Option<&Peer> {
        self.places.get(place_of(number))?.as_ref().filter(|peer| peer.number == number)
    }

    pub fn get_mut(&mut self, number: u64) -> Option<&mut Peer> {
        self.places.get_mut(place_of(number))?.as_mut().filter(|peer| peer.number == number)
    }

    pub fn find(&self, address: &str) -> Option<u64> {
        self.by_address.get(address).copied()
    }

    /// The number of an address, which is new if it has none; `None` when there are too many.
    pub fn add(&mut self, address: &Address) -> Option<u64> {
        if let Some(number) = self.find(address.as_str()) {
            return Some(number);
        }
        let place = self.free.pop().unwrap_or(self.places.len());
        if place >= PLACES_MAX {
            return None;
        }
        self.serial += 1;
        let number = self.serial << PLACE_BITS | place as u64;
        let peer = Peer { number, address: address.clone(), connections: [None, None] };
        match self.places.get_mut(place) {
            Some(free) => *free = Some(peer),
            None => self.places.push(Some(peer)),
        }
        self.by_address.insert(address.clone(), number);
        Some(number)
    }

    /// Forgets a connection that has ended.
    pub fn remove_connection(&mut self, number: u64, connection: &Rc<Connection>) {
        if let Some(peer) = self.get_mut(number) {
            peer.connections[connection.side as usize].take_if(|known| Rc::ptr_eq(known, connection));
        }
    }

    /// Forgets a peer, and gives its connections.
    pub fn remove(&mut self, index: PeerIndex) -> Vec<Rc<Connection>> {
        let place = place_of(index.0);
        let Some(peer) = self.places.get_mut(place).and_then(|peer| peer.take_if(|peer| peer.number == index.0)) else {
            return Vec::new();
        };
        self.free.push(place);
        self.by_address.remove(peer.address.as_str());
        peer.connections.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_given_twice() {
        let mut peers = Peers::default();
        let [first, second] = ["shm://1", "shm://2"].map(|text| Address::parse(text).unwrap());
        let one = peers.add(&first).unwrap();
        let two = peers.add(&second).unwrap();
        assert!(one != two && peers.add(&first) == Some(one) && peers.find("shm://1") == Some(one));
        peers.remove(PeerIndex(one));
        peers.remove(PeerIndex(one));
        peers.remove(PeerIndex(u64::MAX));
        let again = peers.add(&first).unwrap();
        assert!(again != one && peers.get(one).is_none() && peers.get(again).is_some());
        assert_eq!(place_of(again), place_of(one));
        assert!(peers.get(two).is_some_and(|peer| peer.address == second && peer.connection().is_none()));
    }
}
