//! Where the targets of pools are, as clients are told.

use super::Service;
use crate::ranks::Known;
use daos_placement::PoolMap;
use daos_status::Result;
use daos_types::PoolId;
use daos_wire::{PoolRoute, ROUTE_BLOCK_TARGETS, RouteKnown, RouteNews, RouteQuery, route_block_checksum};
use std::rc::Rc;

/// Pools whose checksums are kept: those of the largest pool are some kilobytes.
const CHECKSUMS_MAX: usize = 1024;

/// The checksums of all addresses of a pool.
pub(super) struct Checksums {
    map_version: u32,
    table_version: u64,
    blocks: Rc<[u64]>,
}

impl Service {
    /// What is newer than somebody knows who has a handle.
    pub(super) fn route(&self, query: &RouteQuery) -> Result<PoolRoute> {
        let id = self.journal.state().routed_pool(&query.request)?;
        self.route_of(id, &query.known, query.offset, query.block)
    }

    /// A part of what is newer, from an offset of the map and a block of addresses on.
    pub(super) fn route_of(&self, id: PoolId, known: &RouteKnown, offset: u32, block: u32) -> Result<PoolRoute> {
        let map = self.journal.state().pool_map(id)?;
        let table = self.peers.known()?;
        let difference = map.difference_since(known.map_version);
        let is_difference = difference.is_some();
        let bytes = match difference {
            Some(bytes) => bytes,
            None if known.map_version == map.version() => Vec::new(),
            None => map.encode(),
        };
        let checksums = self.checksums_of(id, &map, &table);
        let news = RouteNews { map_version: map.version(), is_difference, map: &bytes, checksums: &checksums };
        Ok(news.part(known, offset, block, |block| addresses(&map, &table, block)))
    }

    fn checksums_of(&self, id: PoolId, map: &PoolMap, table: &Known) -> Rc<[u64]> {
        let mut kept = self.address_checksums.borrow_mut();
        let (map_version, table_version) = (map.version(), table.table.version);
        if let Some(kept) = kept.get(&id)
            && (kept.map_version, kept.table_version) == (map_version, table_version)
        {
            return kept.blocks.clone();
        }
        let count = (map.target_count() as usize).div_ceil(ROUTE_BLOCK_TARGETS);
        let blocks: Rc<[u64]> = (0..count).map(|block| route_block_checksum(&addresses(map, table, block))).collect();
        if kept.len() >= CHECKSUMS_MAX {
            kept.clear();
        }
        kept.insert(id, Checksums { map_version, table_version, blocks: blocks.clone() });
        blocks
    }
}

/// The addresses of a block of targets; nothing for one that is not known.
fn addresses(map: &PoolMap, table: &Known, block: usize) -> Vec<String> {
    let first = block * ROUTE_BLOCK_TARGETS;
    let positions = first..(first + ROUTE_BLOCK_TARGETS).min(map.target_count() as usize);
    let targets = positions.filter_map(|position| map.target(position as u32));
    targets
        .map(|target| table.address((target.rank, target.index)).map(ToString::to_string).unwrap_or_default())
        .collect()
}
