//! Where the targets of a pool are, by one connection, and how that is kept up to date.

use crate::Client;
use crate::attach::Connection;
use daos_placement::{PoolMap, View};
use daos_rpc::Address;
use daos_status::{Code, Result, Status, fail};
use daos_types::{Rank, TargetIndex};
use daos_wire::{
    ContainerPlacement, Opcode, PoolRequest, PoolRoute, ROUTE_BLOCK_TARGETS, RouteKnown, RouteParts, RouteQuery,
    route_block_checksum,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often reading begins anew because the pool changed meanwhile.
const READS_MAX: usize = 16;

/// The map of a pool and the addresses of its targets.
#[derive(Debug)]
pub(crate) struct Route {
    /// The connection by which it was read.
    generation: u64,
    map: PoolMap,
    /// `None` for a target that the service does not know the address of.
    addresses: Vec<Option<Address>>,
    /// The checksum of each block of addresses.
    blocks: Vec<u64>,
    /// Something has changed since.
    is_behind: AtomicBool,
}

impl Route {
    /// Whether it is what this connection said last, as far as anybody knows.
    pub fn is_current(&self, connection: &Connection) -> bool {
        self.generation == connection.generation() && !self.is_behind.load(Ordering::Acquire)
    }

    /// Whether the pool handle is open on a connection.
    pub fn is_of(&self, connection: &Connection) -> bool {
        self.generation == connection.generation()
    }

    /// Notes that something has changed.
    pub fn set_behind(&self) {
        self.is_behind.store(true, Ordering::Release);
    }

    /// What the service need not tell again.
    pub fn known(&self) -> RouteKnown {
        RouteKnown { map_version: self.map.version(), blocks: self.blocks.clone() }
    }

    /// The pool as a container sees it.
    pub fn view(&self, placement: &ContainerPlacement) -> Result<View> {
        if self.version() < placement.version {
            fail!(Code::Again, "the map of the pool is older than the container");
        }
        self.map.view(placement.version, &placement.avoided)
    }

    /// The version of the pool map.
    pub fn version(&self) -> u32 {
        self.map.version()
    }

    /// Whether everything in the pool is at one target.
    pub fn has_one_target(&self) -> bool {
        self.map.target_count() == 1
    }

    /// In how many fault domains the pool has engines; an engine of which nothing is known is one of its own.
    pub fn fault_domains(&self) -> u32 {
        let of_ranks = self.map.ranks().map(|rank| match self.map.domains_of(rank) {
            Some(domains) if !domains.is_empty() => (domains, None),
            _ => (Vec::new(), Some(rank)),
        });
        of_ranks.collect::<BTreeSet<_>>().len() as u32
    }

    /// Rank and index of a target, by its position in the pool map.
    pub fn name(&self, target: u32) -> Option<(Rank, TargetIndex)> {
        self.map.target(target).map(|target| (target.rank, target.index))
    }

    /// The address of a target, by its position in the pool map.
    pub fn address(&self, target: u32) -> Result<&Address> {
        let address = self.addresses.get(target as usize).and_then(Option::as_ref);
        address.ok_or_else(|| Status::new(Code::BadTarget, format!("the pool has no target {target}")))
    }

    /// The newer one, by what the service told who knew the older.
    fn next(known: Option<&Route>, generation: u64, parts: RouteParts) -> Result<Route> {
        let map = match (known, parts.map.is_empty(), parts.is_difference) {
            (Some(known), true, _) if known.version() == parts.map_version => known.map.clone(),
            (Some(known), false, true) => known.map.apply(&parts.map)?,
            (_, false, false) => PoolMap::decode(&parts.map)?,
            _ => fail!(Code::Stale, "the service told what is newer than an unknown map"),
        };
        if map.version() != parts.map_version {
            fail!(Code::Proto, "version {} of a pool map came as version {}", map.version(), parts.map_version);
        }
        let count = map.target_count() as usize;
        let (mut addresses, mut blocks) =
            known.map(|known| (known.addresses.clone(), known.blocks.clone())).unwrap_or_default();
        addresses.resize(count, None);
        blocks.resize(count.div_ceil(ROUTE_BLOCK_TARGETS), 0);
        for (block, texts) in &parts.blocks {
            let first = *block as usize * ROUTE_BLOCK_TARGETS;
            let expected = count.saturating_sub(first).min(ROUTE_BLOCK_TARGETS);
            let (Some(place), true) = (blocks.get_mut(*block as usize), texts.len() == expected) else {
                fail!(Code::Proto, "{} addresses came for block {block} of a pool of {count} targets", texts.len());
            };
            *place = route_block_checksum(texts);
            for (text, address) in texts.iter().zip(&mut addresses[first..]) {
                *address = if text.is_empty() { None } else { Some(Address::parse(text)?) };
            }
        }
        Ok(Route { generation, map, addresses, blocks, is_behind: AtomicBool::new(false) })
    }
}

/// The route on a connection: the first part may have come already.
pub(crate) async fn read(
    client: &Client,
    connection: &Connection,
    request: &PoolRequest,
    known: Option<&Route>,
    mut first: Option<PoolRoute>,
) -> Result<Arc<Route>> {
    let mut known = known;
    for _ in 0..READS_MAX {
        let mut parts = RouteParts::default();
        let done = loop {
            let part = match first.take() {
                Some(part) => part,
                None => {
                    let (offset, block) = parts.next();
                    let known = known.map(Route::known).unwrap_or_default();
                    let query = RouteQuery { request: request.clone(), known, offset, block };
                    client.call_service_at(connection, Opcode::PoolRoute, &query, None).await?
                }
            };
            match parts.take(part) {
                Ok(false) => {}
                Ok(true) => break true,
                Err(status) if status.code() == Code::Again => break false,
                Err(status) => return Err(status),
            }
        };
        if !done {
            continue;
        }
        match Route::next(known, connection.generation(), parts) {
            // It is no change of the map that is known: the whole is asked for.
            Err(status) if status.code() == Code::Stale && known.is_some() => known = None,
            route => return route.map(Arc::new),
        }
    }
    fail!(Code::Again, "pool {} changes faster than its map can be read", request.pool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_placement::{NewRank, TargetEvent, TargetState};
    use daos_wire::{PAGE_BYTES, RouteNews, encode};

    /// A service with a map, and addresses that have a text of their own.
    struct Service {
        map: PoolMap,
        address: fn(u32) -> String,
    }

    impl Service {
        fn block(&self, block: usize) -> Vec<String> {
            let first = block * ROUTE_BLOCK_TARGETS;
            let last = (first + ROUTE_BLOCK_TARGETS).min(self.map.target_count() as usize);
            (first..last).map(|target| (self.address)(target as u32)).collect()
        }

        /// What somebody reads who knows a route, and how many bytes and parts that takes.
        fn read(&self, known: Option<&Route>) -> (Route, usize, usize) {
            let named = known.map(Route::known).unwrap_or_default();
            let difference = self.map.difference_since(named.map_version);
            let is_difference = difference.is_some();
            let same = named.map_version == self.map.version();
            let bytes = difference.unwrap_or_else(|| if same { Vec::new() } else { self.map.encode() });
            let blocks = (self.map.target_count() as usize).div_ceil(ROUTE_BLOCK_TARGETS);
            let checksums: Vec<u64> = (0..blocks).map(|block| route_block_checksum(&self.block(block))).collect();
            let news = RouteNews { map_version: self.map.version(), is_difference, map: &bytes, checksums: &checksums };
            let (mut parts, mut length, mut count) = (RouteParts::default(), 0, 0);
            loop {
                let (offset, block) = parts.next();
                let part = news.part(&named, offset, block, |block| self.block(block));
                let part_length = encode(&part).len();
                assert!(part_length < PAGE_BYTES + (16 << 10), "{part_length}");
                (length, count) = (length + part_length, count + 1);
                if parts.take(part).expect("the next part") {
                    break;
                }
            }
            (Route::next(known, 1, parts).expect("a route"), length, count)
        }
    }

    fn first(target: u32) -> String {
        format!("tcp://10.{}.{}.{}:{}", target >> 16, target >> 8 & 255, target & 255, 20000 + target % 16)
    }

    fn moved(target: u32) -> String {
        if target / 16 == 7 { format!("tcp://192.168.0.1:{target}") } else { first(target) }
    }

    fn check(service: &Service, route: &Route) {
        assert_eq!(route.map, service.map);
        for target in 0..service.map.target_count() {
            assert_eq!(route.address(target).expect("known").to_string(), (service.address)(target));
        }
        assert!(route.address(service.map.target_count()).is_err());
    }

    /// What a client reads of a pool of a hundred thousand targets: the figures of the documentation.
    #[test]
    fn a_client_behind_reads_what_is_newer() {
        let ranks: Vec<NewRank> = (0..6250).map(|rank| NewRank::alone(Rank(rank), 16)).collect();
        let mut service = Service { map: PoolMap::create(&ranks).expect("a map"), address: first };
        let (route, bytes, parts) = service.read(None);
        check(&service, &route);
        assert!(bytes < 3 << 20 && parts < 64, "{bytes} bytes in {parts} parts");
        let (same, bytes, parts) = service.read(Some(&route));
        check(&service, &same);
        assert!(bytes < 64 && parts == 1, "{bytes} bytes in {parts} parts");
        service.map = service.map.change(&[5, 99_999], TargetEvent::Exclude).expect("allowed").expect("a change");
        let (behind, bytes, parts) = service.read(Some(&route));
        check(&service, &behind);
        assert!(bytes < 128 && parts == 1, "{bytes} bytes in {parts} parts");
        service.address = moved;
        let (elsewhere, bytes, parts) = service.read(Some(&behind));
        check(&service, &elsewhere);
        assert!(bytes < 8 << 10 && parts == 1, "{bytes} bytes in {parts} parts");
        service.map = service.map.extend(&[NewRank::alone(Rank(6250), 16)], TargetState::UpIn).expect("grows");
        let (grown, bytes, parts) = service.read(Some(&elsewhere));
        check(&service, &grown);
        assert!(bytes < 8 << 10 && parts == 1, "{bytes} bytes in {parts} parts");
        // Who knew the first map is told all changes at once.
        let (last, ..) = service.read(Some(&route));
        check(&service, &last);
    }

    #[test]
    fn a_change_of_another_map_is_noticed() {
        let one = Service { map: PoolMap::create(&[NewRank::alone(Rank(0), 4)]).expect("a map"), address: first };
        let other = PoolMap::create(&[NewRank::alone(Rank(1), 4)]).expect("a map");
        let (route, ..) = one.read(None);
        let map = other.change(&[1], TargetEvent::Exclude).expect("allowed").expect("a change");
        let difference = map.difference_since(1).expect("newer");
        let news = RouteNews { map_version: 2, is_difference: true, map: &difference, checksums: &route.blocks };
        let mut parts = RouteParts::default();
        assert_eq!(parts.take(news.part(&route.known(), 0, 0, |_| Vec::new())), Ok(true));
        assert_eq!(Route::next(Some(&route), 1, parts).map_err(|status| status.code()).err(), Some(Code::Stale));
    }
}
