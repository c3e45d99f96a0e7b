//! Where the targets of a pool are: its map, and their addresses. A client says what it knows, and is told what is newer, in parts that
//! fit any message: of the map what changed since, or the whole; of the addresses those blocks that are others.

use crate::macros::wire_structs;
use crate::{Blob, PAGE_BYTES, PoolRequest, encode};
use daos_checksum::Crc64;
use daos_status::{Code, Result, fail};

/// Targets whose addresses travel together: a block fits a message many times, and the checksums of all blocks of 100 000 targets are
/// 6 KiB.
pub const ROUTE_BLOCK_TARGETS: usize = 128;
/// The most blocks: as many as the largest map has.
const BLOCKS_MAX: u32 = (1 << 20) / ROUTE_BLOCK_TARGETS as u32;
/// The longest map: 16 bytes for each target of the largest, many times what one takes.
const MAP_BYTES_MAX: u32 = 16 << 20;

wire_structs! {
    /// What a client knows of where the targets of a pool are.
    #[derive(Default)]
    RouteKnown {
        /// The version of its map; 0 for none.
        map_version: u32,
        /// The checksum of each block of addresses.
        blocks: Vec<u64>,
    }
    /// Asks for what is newer, or for another part of it.
    RouteQuery {
        /// The pool, by an open handle.
        request: PoolRequest,
        /// What is known.
        known: RouteKnown,
        /// Bytes of the map that came with earlier parts.
        offset: u32,
        /// The first block that no part has been about.
        block: u32,
    }
    /// A part of what is newer.
    PoolRoute {
        /// The version of the pool map.
        map_version: u32,
        /// The map is told as what changed since the version that is known.
        is_difference: bool,
        /// Bytes by which it is told; none when the version is known.
        length: u32,
        /// Some of these, from the offset on that was asked for.
        map: Blob,
        /// Blocks of addresses that are others than those that are known, by their numbers.
        blocks: Vec<(u32, Vec<String>)>,
        /// The first block that the next part is about.
        next_block: u32,
        /// How many blocks there are: when the next one is none of them, this was the last part.
        block_count: u32,
    }
}

/// The checksum of a block of addresses.
pub fn route_block_checksum(addresses: &[String]) -> u64 {
    let mut checksum = Crc64::new();
    for address in addresses {
        checksum.update(&(address.len() as u64).to_le_bytes());
        checksum.update(address.as_bytes());
    }
    checksum.finish()
}

/// What is told of a route to somebody who knows another one.
pub struct RouteNews<'a> {
    /// The version of the pool map.
    pub map_version: u32,
    /// Whether the bytes tell what changed since the version that is known.
    pub is_difference: bool,
    /// The map, or what changed in it.
    pub map: &'a [u8],
    /// The checksums of all blocks of addresses.
    pub checksums: &'a [u64],
}

impl RouteNews<'_> {
    /// A part of it, from an offset of the map and a block on; `addresses` gives those of a block.
    pub fn part(
        &self,
        known: &RouteKnown,
        offset: u32,
        first_block: u32,
        addresses: impl Fn(usize) -> Vec<String>,
    ) -> PoolRoute {
        let rest = self.map.get(offset as usize..).unwrap_or(&[]);
        let map = &rest[..rest.len().min(PAGE_BYTES)];
        let mut bytes = map.len();
        let mut block = first_block as usize;
        let mut blocks = Vec::new();
        while map.len() == rest.len() && block < self.checksums.len() {
            if known.blocks.get(block) != Some(&self.checksums[block]) {
                let list = addresses(block);
                let length = encode(&list).len();
                if bytes > 0 && bytes + length > PAGE_BYTES {
                    break;
                }
                bytes += length;
                blocks.push((block as u32, list));
            }
            block += 1;
        }
        PoolRoute {
            map_version: self.map_version,
            is_difference: self.is_difference,
            length: self.map.len() as u32,
            map: Blob(map.to_vec()),
            blocks,
            next_block: block as u32,
            block_count: self.checksums.len() as u32,
        }
    }
}

/// Puts the parts together.
#[derive(Default)]
pub struct RouteParts {
    /// The version of the pool map.
    pub map_version: u32,
    /// Whether [`RouteParts::map`] tells what changed since the version that was known.
    pub is_difference: bool,
    /// The map, or what changed in it; nothing when its version was known.
    pub map: Vec<u8>,
    /// Blocks of addresses that are others than those that were known.
    pub blocks: Vec<(u32, Vec<String>)>,
    length: u32,
    next_block: u32,
}

impl RouteParts {
    /// Where the next part begins: offset and block.
    pub fn next(&self) -> (u32, u32) {
        (self.map.len() as u32, self.next_block)
    }

    /// Takes a part; tells whether it was the last one.
    ///
    /// # Errors
    /// [`Code::Again`]: the pool has changed since the first part came; begin anew. [`Code::Proto`]: it is no next part.
    pub fn take(&mut self, part: PoolRoute) -> Result<bool> {
        let PoolRoute { map_version, is_difference, length, map, blocks, next_block, block_count } = part;
        let is_first = self.map_version == 0;
        if map_version == 0 || length > MAP_BYTES_MAX || block_count > BLOCKS_MAX {
            fail!(
                Code::Proto,
                "a pool map of version {map_version}, {length} bytes, {block_count} blocks of addresses"
            );
        }
        if !is_first && (map_version, is_difference, length) != (self.map_version, self.is_difference, self.length) {
            fail!(Code::Again, "the pool has changed while its map was read");
        }
        let has_all = self.map.len() + map.0.len() == length as usize;
        let is_progress = !map.0.is_empty() || next_block > self.next_block || (has_all && next_block == block_count);
        let in_order = blocks.iter().is_sorted_by(|one, next| one.0 < next.0)
            && blocks.iter().all(|(block, _)| (self.next_block..next_block).contains(block))
            && blocks.iter().all(|(_, addresses)| addresses.len() <= ROUTE_BLOCK_TARGETS);
        if !is_progress
            || !in_order
            || self.map.len() + map.0.len() > length as usize
            || next_block < self.next_block
            || next_block > block_count
            || (!has_all && next_block > 0)
        {
            fail!(Code::Proto, "a part of a pool map does not follow the one before");
        }
        (self.map_version, self.is_difference, self.length, self.next_block) =
            (map_version, is_difference, length, next_block);
        self.map.extend(map.0);
        self.blocks.extend(blocks);
        Ok(has_all && next_block == block_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(block: usize, salt: usize, long: usize) -> Vec<String> {
        (0..ROUTE_BLOCK_TARGETS).map(|at| format!("tcp://{block}-{at}-{}-{}", salt, "x".repeat(long))).collect()
    }

    /// All parts, each of which fits a message, and how many there were.
    fn read(
        news: &RouteNews<'_>,
        known: &RouteKnown,
        list: impl Fn(usize) -> Vec<String> + Copy,
    ) -> (RouteParts, usize) {
        let (mut parts, mut count) = (RouteParts::default(), 0);
        loop {
            let (offset, block) = parts.next();
            let part = news.part(known, offset, block, list);
            assert!(encode(&part).len() <= PAGE_BYTES + 16 * 1024, "{}", encode(&part).len());
            count += 1;
            if parts.take(part).expect("the next part") {
                return (parts, count);
            }
        }
    }

    proptest! {
        #[test]
        fn parts_make_the_whole(length in 0usize..200_000, blocks in 0usize..40, same in any::<u64>(), long in 0usize..60) {
            let map: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let list = |block: usize| addresses(block, 1, long);
            let checksums: Vec<u64> = (0..blocks).map(|block| route_block_checksum(&list(block))).collect();
            let is_known = |block: usize| same >> (block % 64) & 1 == 1;
            let of_known = |block: usize| if is_known(block) { checksums[block] } else { checksums[block] ^ 1 };
            let known = RouteKnown { map_version: 3, blocks: (0..blocks).map(of_known).collect() };
            let news = RouteNews { map_version: 4, is_difference: true, map: &map, checksums: &checksums };
            let (parts, _) = read(&news, &known, list);
            prop_assert_eq!(&parts.map, &map);
            let expected: Vec<_> = (0..blocks).filter(|block| !is_known(*block)).map(|block| (block as u32, list(block))).collect();
            prop_assert_eq!(&parts.blocks, &expected);
        }

        #[test]
        fn strange_parts_are_errors(
            version in 0u32..3, difference in any::<bool>(), length in any::<u32>(), bytes in 0usize..9, block in any::<u32>(),
            next in any::<u32>(), count in any::<u32>(),
        ) {
            let mut parts = RouteParts::default();
            let part = || PoolRoute {
                map_version: version, is_difference: difference, length, map: Blob(vec![1; bytes]),
                blocks: vec![(block, vec!["a".into()])], next_block: next, block_count: count,
            };
            // Whatever is taken leads on, or ends.
            for _ in 0..3 {
                let before = parts.next();
                match parts.take(part()) {
                    Ok(false) => prop_assert!(parts.next() > before),
                    Ok(true) | Err(_) => break,
                }
            }
        }
    }

    #[test]
    fn who_knows_everything_is_told_nothing() {
        let checksums: Vec<u64> = (0..800).map(|block| route_block_checksum(&addresses(block, 1, 0))).collect();
        let known = RouteKnown { map_version: 4, blocks: checksums.clone() };
        let news = RouteNews { map_version: 4, is_difference: true, map: &[], checksums: &checksums };
        let (parts, count) = read(&news, &known, |_| unreachable!("none is asked for"));
        assert_eq!((parts.map.len(), parts.blocks.len(), count), (0, 0, 1));
        assert!(encode(&known).len() < 7 << 10, "what 100 000 targets cost to name");
    }
}
