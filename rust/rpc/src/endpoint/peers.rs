//! The peers that an endpoint knows.

use super::history::History;
use crate::address::Mark;
use crate::{Address, PeerIndex, Transport};
use daos_env::sync::Budget;
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// A call that so many later ones have overtaken is asked for, and again after as many more: the peer keeps its answer for some hundreds of
/// calls, and may be done with them long before the time comes to ask. Half as many calls under way do not make it ask.
const OVERTAKEN_BY: u32 = 128;

/// What an endpoint knows of one peer.
pub(super) struct Peer {
    pub address: Address,
    /// Goes with requests to it.
    pub mark: Mark,
    /// What the transport calls it; nothing while there is no connection.
    pub index: Cell<Option<PeerIndex>>,
    /// Goes with requests to it.
    pub session: Cell<u64>,
    /// The token of its memory of us, as it said last; zero before.
    pub token: Cell<u64>,
    /// Calls and transfers that wait for it.
    pub waits: RefCell<BTreeSet<u64>>,
    /// How many calls it may have to answer at a time.
    pub credits: Rc<Budget>,
    /// Its requests.
    pub history: RefCell<History>,
    last_used: Cell<u64>,
    /// How far the oldest call lies below a new one when it is asked for.
    ask_behind: Cell<u32>,
}

impl Peer {
    /// How far the oldest call lies below one that is added.
    pub fn behind(&self, call: u64) -> u32 {
        let oldest = self.waits.borrow().first().copied().unwrap_or(call);
        u32::try_from(call.saturating_sub(oldest)).unwrap_or(u32::MAX)
    }

    /// Whether it is time to ask for calls that others have overtaken, the oldest of which lies so far below a new one.
    pub fn is_overtaken(&self, behind: u32) -> bool {
        if behind < self.ask_behind.get() {
            if behind < OVERTAKEN_BY / 4 {
                self.ask_behind.set(OVERTAKEN_BY);
            }
            return false;
        }
        self.ask_behind.set(behind.saturating_add(OVERTAKEN_BY));
        true
    }

    fn is_quiet(&self) -> bool {
        self.session.get() == 0 && self.waits.borrow().is_empty() && !self.history.borrow().is_busy()
    }
}

/// Peers by address.
pub(super) struct Peers {
    table: HashMap<Address, Rc<Peer>>,
    /// The one that was found last: it is often the next, too, and comparing is cheaper than hashing.
    last: Option<Rc<Peer>>,
    bound: usize,
    credits: u64,
    ticks: u64,
}

impl Peers {
    /// At most `bound` peers, with `credits` calls to each at a time.
    pub fn new(bound: usize, credits: usize) -> Peers {
        Peers { table: HashMap::new(), last: None, bound: bound.max(1), credits: credits.max(1) as u64, ticks: 0 }
    }

    /// The peer of an address in text form, if it is known.
    pub fn find(&mut self, address: &str) -> Option<Rc<Peer>> {
        self.ticks += 1;
        if let Some(last) = self.last.as_ref().filter(|last| last.address.as_str() == address) {
            last.last_used.set(self.ticks);
            return Some(last.clone());
        }
        let peer = self.table.get(address)?;
        peer.last_used.set(self.ticks);
        self.last = Some(peer.clone());
        Some(peer.clone())
    }

    /// Resolves a peer and remembers it. `token` is the number of the memory of its requests, if it is new.
    pub fn resolve(
        &mut self,
        transport: &dyn Transport,
        address: &Address,
        token: impl FnOnce() -> u64,
    ) -> Result<(Rc<Peer>, PeerIndex)> {
        if let Some(peer) = self.find(address.as_str()) {
            let index = match peer.index.get() {
                Some(index) => index,
                None => transport.resolve(address)?,
            };
            peer.index.set(Some(index));
            return Ok((peer, index));
        }
        self.make_room(transport)?;
        let index = transport.resolve(address)?;
        self.ticks += 1;
        let peer = Rc::new(Peer {
            address: address.clone(),
            mark: address.mark(),
            index: Cell::new(Some(index)),
            session: Cell::new(0),
            token: Cell::new(0),
            waits: RefCell::default(),
            credits: Budget::new(self.credits),
            history: RefCell::new(History::new(token())),
            last_used: Cell::new(self.ticks),
            ask_behind: Cell::new(OVERTAKEN_BY),
        });
        self.table.insert(address.clone(), peer.clone());
        Ok((peer, index))
    }

    fn make_room(&mut self, transport: &dyn Transport) -> Result<()> {
        if self.table.len() < self.bound {
            return Ok(());
        }
        let quiet = self.table.values().filter(|peer| peer.is_quiet());
        let mut quiet: Vec<_> = quiet.map(|peer| (peer.last_used.get(), peer.address.clone())).collect();
        quiet.sort_unstable_by_key(|(last_used, _)| *last_used);
        // A part at a time, so that a flood of new peers does not search the table for each of them.
        quiet.truncate(self.bound / 8 + 1);
        if quiet.is_empty() {
            fail!(Code::Busy, "all {} peers that the endpoint may know are in use", self.bound);
        }
        self.last = None;
        let gone: Vec<_> = quiet.into_iter().filter_map(|(_, address)| self.table.remove(&address)).collect();
        let kept: HashSet<_> = self.table.values().filter_map(|peer| peer.index.get()).collect();
        let ended: HashSet<_> = gone.iter().filter_map(|peer| peer.index.take()).collect();
        ended.difference(&kept).for_each(|index| transport.forget(*index));
        Ok(())
    }

    /// Ends the connection to a peer; its session and what is remembered of its requests stay. It ends for all names of the peer: its
    /// requests come from one of the places that the address names by which it is called.
    pub fn disconnect(&mut self, transport: &dyn Transport, address: &Address) {
        let Some(index) = self.table.get(address).and_then(|peer| peer.index.take()) else { return };
        self.by_index(index).for_each(|peer| peer.index.set(None));
        transport.forget(index);
    }

    /// The names of the peer that the transport calls by a number. It looks at all of them.
    pub fn by_index(&self, index: PeerIndex) -> impl Iterator<Item = &Rc<Peer>> {
        self.table.values().filter(move |peer| peer.index.get() == Some(index))
    }

    /// What the transport calls a peer at the moment.
    pub fn index(&self, address: &Address) -> Option<PeerIndex> {
        self.table.get(address)?.index.get()
    }
}
