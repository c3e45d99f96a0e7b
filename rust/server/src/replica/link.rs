//! Messages of the replica, over the fabric.

use crate::Ranks;
use crate::target::{Inner, SERVICE_TARGET};
use daos_env::Spawner;
use daos_replicated::{Link, ReplicaId, parts};
use daos_rpc::{Address, Endpoint};
use daos_types::Rank;
use daos_wire::Opcode;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Messages under way to one address; one more is dropped, as any may be lost.
const UNDER_WAY_MAX: usize = 64;
/// How long a message may take: later ones say the same and more.
const LIMIT: Duration = Duration::from_secs(3);

/// Where a message goes, and how many do.
type UnderWay = Rc<RefCell<BTreeMap<Address, usize>>>;

/// The way to other replicas.
pub(super) struct FabricLink {
    own: ReplicaId,
    endpoint: Endpoint,
    spawner: Spawner,
    ranks: Arc<Ranks>,
    /// Where replicas were heard from last: they may have started anew, and no table says so yet.
    heard: RefCell<BTreeMap<u32, Address>>,
    under_way: UnderWay,
    number: Cell<u64>,
}

impl FabricLink {
    pub fn new(target: &Inner, own: ReplicaId) -> FabricLink {
        FabricLink {
            own,
            endpoint: target.endpoint.clone(),
            spawner: target.spawner.clone(),
            ranks: target.peers.ranks().clone(),
            heard: RefCell::default(),
            under_way: Rc::default(),
            number: Cell::new(target.env.random.next_u64() >> 1),
        }
    }

    /// A replica was heard from there.
    pub fn heard(&self, from: ReplicaId, address: &Address) {
        let mut heard = self.heard.borrow_mut();
        if heard.get(&from.rank()) != Some(address) {
            if heard.len() >= daos_replicated::MEMBERS_MAX {
                heard.clear();
            }
            heard.insert(from.rank(), address.clone());
        }
    }

    /// Where a replica may be.
    fn addresses(&self, rank: u32) -> Vec<Address> {
        let table = self.ranks.known().ok().and_then(|known| known.address((Rank(rank), SERVICE_TARGET)).cloned());
        let hint = self.ranks.hint(Rank(rank));
        let mut addresses: Vec<Address> =
            [self.heard.borrow().get(&rank).cloned(), table, hint].into_iter().flatten().collect();
        addresses.dedup();
        addresses
    }
}

impl Link for FabricLink {
    fn send(&self, to: ReplicaId, _address: &str, message: Vec<u8>) {
        let number = self.number.get() + 1;
        self.number.set(number);
        for address in self.addresses(to.rank()) {
            let mut under_way = self.under_way.borrow_mut();
            let count = under_way.entry(address.clone()).or_default();
            if *count >= UNDER_WAY_MAX {
                continue;
            }
            *count += 1;
            drop(under_way);
            let requests = parts::split(self.own, number, &message, self.endpoint.max_body_size());
            let (endpoint, under_way) = (self.endpoint.clone(), self.under_way.clone());
            self.spawner.spawn(async move {
                for request in requests {
                    if endpoint.call(&address, Opcode::ReplicaMessage as u16, request, LIMIT).await.is_err() {
                        break;
                    }
                }
                let mut under_way = under_way.borrow_mut();
                let count = under_way.get(&address).copied().unwrap_or(1);
                if count <= 1 {
                    under_way.remove(&address);
                } else {
                    under_way.insert(address, count - 1);
                }
            });
        }
    }
}
