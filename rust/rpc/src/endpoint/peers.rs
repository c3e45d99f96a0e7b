//! The peers that an endpoint knows.

use super::seen::Seen;
use crate::{Address, PeerIndex, Transport};
use daos_status::{Code, Result, fail};
use std::collections::HashMap;

struct Peer {
    index: Option<PeerIndex>,
    session: u64,
    last_used: u64,
    /// Its requests.
    seen: Seen,
}

/// Peers by address: what the transport calls them, and the session token that goes with requests to them.
pub(super) struct Peers {
    table: HashMap<Address, Peer>,
    bound: usize,
    ticks: u64,
}

impl Peers {
    pub fn new(bound: usize) -> Peers {
        Peers { table: HashMap::new(), bound: bound.max(1), ticks: 0 }
    }

    /// The peer of an address in text form, if it is known and resolved: its address, number and session.
    pub fn find(&mut self, address: &str) -> Option<(Address, PeerIndex, u64)> {
        // Two look-ups instead of `get_key_value_mut`, which does not exist: the key is cloned, not the text.
        let (key, _) = self.table.get_key_value(address)?;
        let key = key.clone();
        self.ticks += 1;
        let peer = self.table.get_mut(address)?;
        peer.last_used = self.ticks;
        Some((key, peer.index?, peer.session))
    }

    /// Resolves a peer and remembers it. `is_busy` names peers that must not be forgotten for it.
    pub fn resolve(
        &mut self,
        transport: &dyn Transport,
        address: &Address,
        is_busy: impl Fn(&Address) -> bool,
    ) -> Result<(PeerIndex, u64)> {
        if let Some((_, index, session)) = self.find(address.as_str()) {
            return Ok((index, session));
        }
        self.make_room(transport, address, is_busy)?;
        let index = transport.resolve(address)?;
        let ticks = self.ticks;
        let peer = self.table.entry(address.clone()).or_insert(Peer {
            index: None,
            session: 0,
            last_used: ticks,
            seen: Seen::new(),
        });
        peer.index = Some(index);
        Ok((index, peer.session))
    }

    fn make_room(
        &mut self,
        transport: &dyn Transport,
        address: &Address,
        is_busy: impl Fn(&Address) -> bool,
    ) -> Result<()> {
        if self.table.len() < self.bound || self.table.contains_key(address) {
            return Ok(());
        }
        let idle = |(address, peer): &(&Address, &Peer)| peer.session == 0 && !is_busy(address);
        let mut quiet: Vec<_> =
            self.table.iter().filter(idle).map(|(address, peer)| (peer.last_used, address.clone())).collect();
        quiet.sort_unstable_by_key(|(last_used, _)| *last_used);
        // A part at a time, so that a flood of new peers does not search the table for each of them.
        quiet.truncate(self.bound / 8 + 1);
        if quiet.is_empty() {
            fail!(Code::Busy, "all {} peers that the endpoint may know are in use", self.bound);
        }
        for (_, address) in quiet {
            if let Some(index) = self.table.remove(&address).and_then(|peer| peer.index) {
                transport.forget(index);
            }
        }
        Ok(())
    }

    /// Ends the connection to a peer; its session stays.
    pub fn disconnect(&mut self, transport: &dyn Transport, address: &Address) {
        if let Some(index) = self.table.get_mut(address).and_then(|peer| peer.index.take()) {
            transport.forget(index);
        }
    }

    /// Whether a request of a peer that was resolved comes for the first time.
    pub fn is_first(&mut self, address: &Address, call: u64) -> bool {
        self.table.get_mut(address).is_none_or(|peer| peer.seen.add(call))
    }

    /// What the transport calls a peer at the moment.
    pub fn index(&self, address: &Address) -> Option<PeerIndex> {
        self.table.get(address)?.index
    }

    /// Sets the token of a peer that was resolved.
    pub fn set_session(&mut self, address: &Address, session: u64) {
        if let Some(peer) = self.table.get_mut(address) {
            peer.session = session;
        }
    }
}
