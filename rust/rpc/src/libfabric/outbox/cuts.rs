//! Peers that the network may have cut off: see [`super::super::watch`].

use super::super::listener;
use super::super::port::Port;
use super::super::watch::{Finding, Watch};
use super::Outbox;
use crate::PeerIndex;
use std::time::Duration;

/// A peer that takes nothing for so long is doubted.
const BLOCKED_LONG: Duration = Duration::from_secs(1);

/// Peers that are watched at a time; others are when these are not any more.
const WATCHES_MAX: usize = 256;

impl Outbox {
    /// Begins to find out whether a peer is cut off, or goes on with it.
    pub fn doubt(&mut self, now: Duration, index: PeerIndex) {
        if let Some(watch) = self.watches.get_mut(&index) {
            return watch.renew(now);
        }
        if self.watches.len() >= WATCHES_MAX {
            return;
        }
        let watch = self.peers.get(&index).and_then(|peer| Watch::start(&peer.bytes, now));
        self.watches.extend(watch.map(|watch| (index, watch)));
    }

    /// Begins connections anew to peers that were cut off and can be reached again; `true` when there were some.
    pub(super) fn look_for_cuts(&mut self, port: &Port, now: Duration) -> bool {
        if self.watches.is_empty() {
            return false;
        }
        let (mut whole, peers) = (Vec::new(), &self.peers);
        self.watches.retain(|index, watch| {
            let Some(peer) = peers.get(index) else { return false };
            let finding = watch.look(&peer.bytes, now);
            if finding == Finding::Whole
                || (finding == Finding::There && listener::has_stale_connection_to(&peer.bytes))
            {
                whole.push(*index);
            }
            finding == Finding::Nothing
        });
        whole.iter().for_each(|index| self.reconnect(port, now, *index));
        !whole.is_empty()
    }

    /// Doubts a peer that takes nothing.
    pub(super) fn doubt_blocked(&mut self, now: Duration, index: PeerIndex) {
        let blocked = self.peers.get(&index).and_then(|peer| peer.blocked.as_ref());
        if blocked.is_some_and(|blocked| blocked.age(now) >= BLOCKED_LONG) {
            self.doubt(now, index);
        }
    }

    /// Ends the connection to a peer; what waits to be sent goes over a new one.
    fn reconnect(&mut self, port: &Port, now: Duration, index: PeerIndex) {
        let Some(mut peer) = self.peers.remove(&index) else { return };
        daos_env::log!(Info, "rpc", "the network to {} was cut, and is whole again: connecting anew", peer.address);
        // Connections that are being made are given up with the address; others the provider keeps then.
        if peer.blocked.is_some() {
            self.hang_up(port, &mut peer);
        }
        listener::end_connections_to(&peer.bytes);
        peer.blocked = None;
        self.peers.insert(index, peer);
        self.reconnected.push(index);
        self.push(port, now, index);
    }

    /// Peers whose connections were begun anew since this was called last.
    pub fn take_reconnected(&mut self) -> Vec<PeerIndex> {
        std::mem::take(&mut self.reconnected)
    }
}
