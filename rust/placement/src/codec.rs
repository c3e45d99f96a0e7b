//! The bytes of a pool map, and of the difference between two versions of one.
//!
//! ```text
//! "DPMP"  format: u16 (1)  kind: u8 (0 whole map, 1 difference)  0: u8
//! numbers, each in groups of 7 bits, the lowest first, with a bit that says that more follow
//! CRC-64/NVME of everything before it: u64
//! ```
//!
//! Numbers of a whole map: its version; how many domains, and of each how far before it its parent stands (0: at the top), its
//! number, and how many versions after the one before it it came; how many ranks, and of each its number, its domain and its
//! version, as differences to the rank before, and how many targets; then runs of equal targets: length, state, version of the
//! last change, version of the failure.
//!
//! Numbers of a difference: the version that it starts from, then those of a whole map, of which domains and ranks begin with how
//! many there were and hold only new ones; runs of targets begin with how many stay as they are. At its end is the CRC of the
//! whole new map, by which the receiver sees that it has the same.

use crate::pool_map::{Domain, Draft, PoolMap, ROOT, RankEntry, TARGETS_MAX, TARGETS_PER_RANK_MAX, TargetEntry};
use crate::state::TargetState;
use daos_checksum::crc64;
use daos_status::{Code, Result, fail};
use daos_types::Rank;
use std::collections::BTreeSet;

const MAGIC: [u8; 4] = *b"DPMP";
const FORMAT: u16 = 1;
const HEADER_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 8;
/// Added to the number of a state.
const DRAINED: u64 = 0x80;

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Whole = 0,
    Difference = 1,
}

impl PoolMap {
    /// The map as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Kind::Whole);
        writer.number(u64::from(self.version));
        writer.domains(&self.domains, 0);
        writer.ranks(&self.ranks, 0);
        writer.targets(&self.targets, 0, None);
        writer.finish()
    }

    /// A map from bytes, which are damaged or hostile unless proven otherwise.
    pub fn decode(bytes: &[u8]) -> Result<PoolMap> {
        let mut reader = Reader::open(bytes, Kind::Whole)?;
        let mut draft = Draft { version: reader.version()?, ..Draft::default() };
        reader.domains(&mut draft)?;
        reader.ranks(&mut draft)?;
        let unknown = TargetEntry { rank: 0, changed: 0, failed: 0, state: TargetState::UpIn, drained: false };
        draft.targets = vec![unknown; target_count(&draft.ranks)?];
        reader.targets(&mut draft, 0, false)?;
        reader.end()?;
        draft.finish(None)
    }

    /// What somebody needs who has the map of an older version; `None` when there is no such version, or it is not older.
    pub fn difference_since(&self, version: u32) -> Option<Vec<u8>> {
        if version == 0 || version >= self.version {
            return None;
        }
        let mut writer = Writer::new(Kind::Difference);
        writer.number(u64::from(version));
        writer.number(u64::from(self.version));
        let domains = self.domains.partition_point(|domain| domain.joined <= version);
        let ranks = self.ranks.partition_point(|rank| rank.joined <= version);
        if domains == 0 && !self.domains.is_empty() || ranks == 0 {
            return None;
        }
        writer.domains(&self.domains, domains);
        writer.ranks(&self.ranks, ranks);
        let old = &self.ranks[ranks - 1];
        writer.targets(&self.targets, (old.first + old.targets) as usize, Some(version));
        writer.bytes.extend(checksum_of(&self.encode()).to_le_bytes());
        Some(writer.finish())
    }

    /// The newer map, by what [`PoolMap::difference_since`] gave for the version of this one.
    ///
    /// # Errors
    /// [`Code::Stale`] when it is the difference to another version: the whole map is to be asked for.
    pub fn apply(&self, difference: &[u8]) -> Result<PoolMap> {
        let mut reader = Reader::open(difference, Kind::Difference)?;
        let from = reader.version()?;
        if from != self.version {
            fail!(Code::Stale, "this is what changed since version {from} of the pool map, not {}", self.version);
        }
        let version = reader.version()?;
        if version <= from {
            fail!(Code::Proto, "version {version} of the pool map does not follow {from}");
        }
        let mut draft = Draft {
            version,
            domains: self.domains.to_vec(),
            ranks: self.ranks.to_vec(),
            targets: self.targets.to_vec(),
        };
        reader.domains(&mut draft)?;
        reader.ranks(&mut draft)?;
        let grew = draft.ranks.len() > self.ranks.len();
        let old = draft.targets.len();
        let unknown = TargetEntry { rank: 0, changed: 0, failed: 0, state: TargetState::UpIn, drained: false };
        draft.targets.resize(target_count(&draft.ranks)?, unknown);
        reader.targets(&mut draft, old, true)?;
        let expected = reader.fixed()?;
        reader.end()?;
        let map = draft.finish((!grew).then_some(&self.tables))?;
        if checksum_of(&map.encode()) != expected {
            fail!(Code::Stale, "version {version} of the pool map by this difference is not what its sender has");
        }
        Ok(map)
    }
}

/// What a map's bytes end with.
fn checksum_of(encoded: &[u8]) -> u64 {
    encoded.last_chunk::<CHECKSUM_BYTES>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn target_count(ranks: &[RankEntry]) -> Result<usize> {
    let total: u64 = ranks.iter().map(|rank| u64::from(rank.targets)).sum();
    if total == 0 || total > u64::from(TARGETS_MAX) {
        fail!(Code::Proto, "a pool map has 1 to {TARGETS_MAX} targets, not {total}");
    }
    Ok(total as usize)
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn new(kind: Kind) -> Writer {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend([kind as u8, 0]);
        Writer { bytes }
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// A difference, which may be negative.
    fn step(&mut self, from: u32, to: u32) {
        let step = i64::from(to) - i64::from(from);
        self.number(((step << 1) ^ (step >> 63)) as u64);
    }

    fn domains(&mut self, domains: &[Domain], known: usize) {
        self.number(known as u64);
        self.number((domains.len() - known) as u64);
        let mut joined = 0;
        for (domain, at) in domains.iter().zip(0u32..).skip(known) {
            self.number(if domain.parent == ROOT { 0 } else { u64::from(at - domain.parent) });
            self.number(u64::from(domain.id));
            self.step(joined, domain.joined);
            joined = domain.joined;
        }
    }

    fn ranks(&mut self, ranks: &[RankEntry], known: usize) {
        self.number(known as u64);
        self.number((ranks.len() - known) as u64);
        let (mut number, mut domain, mut joined) = (0, 0, 0);
        for rank in &ranks[known..] {
            self.step(number, rank.rank.0);
            self.step(domain, rank.domain.wrapping_add(1));
            self.step(joined, rank.joined);
            self.number(u64::from(rank.targets));
            (number, domain, joined) = (rank.rank.0, rank.domain.wrapping_add(1), rank.joined);
        }
    }

    /// Runs of equal targets; of a difference, those that are new from a position on, or have changed since a version.
    fn targets(&mut self, targets: &[TargetEntry], known: usize, since: Option<u32>) {
        let told = |target: &TargetEntry| (target.state, target.drained, target.changed, target.failed);
        let stays = |at: usize| at < known && since.is_some_and(|version| targets[at].changed <= version);
        let mut at = 0;
        while at < targets.len() {
            if since.is_some() {
                let skipped = (at..targets.len()).take_while(|at| stays(*at)).count();
                self.number(skipped as u64);
                at += skipped;
                if at == targets.len() {
                    break;
                }
            }
            let first = &targets[at];
            let equal = (at..targets.len()).take_while(|at| told(&targets[*at]) == told(first) && !stays(*at)).count();
            self.number(equal as u64);
            self.number(first.state as u64 + if first.drained { DRAINED } else { 0 });
            self.number(u64::from(first.changed));
            self.number(u64::from(first.failed));
            at += equal;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.extend(crc64(&self.bytes).to_le_bytes());
        self.bytes
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8], kind: Kind) -> Result<Reader<'a>> {
        let Some((rest, checksum)) =
            bytes.split_last_chunk::<CHECKSUM_BYTES>().filter(|(rest, _)| rest.len() >= HEADER_BYTES)
        else {
            fail!(Code::Proto, "{} bytes are too few for a pool map", bytes.len());
        };
        if rest[..4] != MAGIC {
            fail!(Code::Proto, "these bytes are no pool map");
        }
        let format = u16::from_le_bytes([rest[4], rest[5]]);
        if format != FORMAT {
            fail!(Code::Proto, "a pool map of format {format}; this release reads format {FORMAT}");
        }
        if u64::from_le_bytes(*checksum) != crc64(rest) {
            fail!(Code::Csum, "a pool map arrived damaged: its checksum does not match");
        }
        if rest[6] != kind as u8 || rest[7] != 0 {
            fail!(Code::Proto, "kind {} of a pool map was not asked for", rest[6]);
        }
        Ok(Reader { rest: &rest[HEADER_BYTES..] })
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else {
                fail!(Code::Proto, "a pool map ends within a number");
            };
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        fail!(Code::Proto, "a pool map has a number of more than 64 bits");
    }

    fn small(&mut self) -> Result<u32> {
        let number = self.number()?;
        match u32::try_from(number) {
            Ok(number) => Ok(number),
            Err(_) => fail!(Code::Proto, "a pool map has the number {number}, which is too large"),
        }
    }

    fn version(&mut self) -> Result<u32> {
        match self.small()? {
            0 => fail!(Code::Proto, "a pool map has no version 0"),
            version => Ok(version),
        }
    }

    fn step(&mut self, from: u32) -> Result<u32> {
        let number = self.number()?;
        let step = (number >> 1) as i64 ^ -((number & 1) as i64);
        match i64::from(from).checked_add(step).and_then(|to| u32::try_from(to).ok()) {
            Some(to) => Ok(to),
            None => fail!(Code::Proto, "a pool map has a number beyond 32 bits"),
        }
    }

    /// How many entries follow, each of some bytes at least: so many that they are there.
    fn count(&mut self, known: usize, bytes: usize) -> Result<usize> {
        let (has, more) = (self.number()?, self.number()?);
        if has != known as u64 {
            fail!(Code::Stale, "a change of a pool map begins with {has} entries, where {known} are known");
        }
        if more > self.rest.len() as u64 / bytes as u64 || has + more > u64::from(TARGETS_MAX) {
            fail!(Code::Proto, "a pool map says that {more} entries follow, and has {} bytes", self.rest.len());
        }
        Ok(more as usize)
    }

    fn domains(&mut self, draft: &mut Draft) -> Result<()> {
        let count = self.count(draft.domains.len(), 3)?;
        let mut known: BTreeSet<(u32, u32)> = draft.domains.iter().map(|domain| (domain.parent, domain.id)).collect();
        let oldest = draft.domains.last().map_or(1, |domain| domain.joined);
        let mut before = 0;
        for _ in 0..count {
            let (back, id, joined) = (self.small()?, self.small()?, self.step(before)?);
            let at = draft.domains.len() as u32;
            let parent = match back {
                0 => ROOT,
                back if back <= at => at - back,
                _ => fail!(Code::Proto, "domain {at} of the pool map is in one that does not stand before it"),
            };
            check_joined(joined, before.max(oldest), draft.version)?;
            before = joined;
            if !known.insert((parent, id)) {
                fail!(Code::Proto, "the pool map has fault domain {id} twice in one place");
            }
            draft.domains.push(Domain { parent, id, joined });
        }
        Ok(())
    }

    fn ranks(&mut self, draft: &mut Draft) -> Result<()> {
        let count = self.count(draft.ranks.len(), 4)?;
        let mut known: BTreeSet<Rank> = draft.ranks.iter().map(|entry| entry.rank).collect();
        let oldest = draft.ranks.last().map_or(1, |rank| rank.joined);
        let mut first = draft.ranks.last().map_or(0, |rank| rank.first + rank.targets);
        let (mut number, mut domain, mut before) = (0, 0, 0);
        for _ in 0..count {
            number = self.step(number)?;
            domain = self.step(domain)?;
            let joined = self.step(before)?;
            let targets = self.small()?;
            check_joined(joined, before.max(oldest), draft.version)?;
            before = joined;
            if targets == 0
                || targets > TARGETS_PER_RANK_MAX
                || u64::from(first) + u64::from(targets) > u64::from(TARGETS_MAX)
            {
                fail!(Code::Proto, "a pool map gives {targets} targets to rank {number}");
            }
            if !known.insert(Rank(number)) {
                fail!(Code::Proto, "a pool map has rank {number} twice");
            }
            draft.ranks.push(RankEntry { rank: Rank(number), domain: domain.wrapping_sub(1), joined, first, targets });
            first += targets;
        }
        Ok(())
    }

    fn targets(&mut self, draft: &mut Draft, known: usize, is_difference: bool) -> Result<()> {
        let mut ranks = draft.ranks.iter().zip(0..);
        let mut own = ranks.next();
        let total = draft.targets.len();
        let mut at = 0;
        while at < total {
            if is_difference {
                let skipped = self.number()?;
                if skipped > known.saturating_sub(at) as u64 {
                    fail!(Code::Proto, "a change of a pool map leaves out targets that are new");
                }
                at += skipped as usize;
                if at == total {
                    break;
                }
            }
            let length = self.number()?;
            if length == 0 || length > (total - at) as u64 {
                fail!(Code::Proto, "a pool map tells of {length} targets at position {at} of {total}");
            }
            let (state, changed, failed) = (self.number()?, self.small()?, self.small()?);
            let drained = state & DRAINED != 0;
            let state = u8::try_from(state & !DRAINED).ok().and_then(TargetState::from_number);
            let may_be_drained =
                |state: &TargetState| matches!(state, TargetState::Down | TargetState::DownOut | TargetState::Up);
            let Some(state) = state.filter(|state| !drained || may_be_drained(state)) else {
                fail!(Code::Proto, "a pool map has a target in an unknown state");
            };
            let was_lost = !matches!(state, TargetState::UpIn | TargetState::New);
            if changed == 0 || changed > draft.version || failed > changed || (failed > 0) != was_lost {
                fail!(Code::Proto, "a pool map has a target that changed in version {changed} and failed in {failed}");
            }
            for target in &mut draft.targets[at..at + length as usize] {
                *target = TargetEntry { rank: target.rank, changed, failed, state, drained };
            }
            at += length as usize;
        }
        for (target, position) in draft.targets.iter_mut().zip(0u32..) {
            while own.is_some_and(|(rank, _)| position >= rank.first + rank.targets) {
                own = ranks.next();
            }
            target.rank = own.map_or(0, |(_, number)| number);
        }
        Ok(())
    }

    fn fixed(&mut self) -> Result<u64> {
        match self.rest.split_first_chunk::<8>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => fail!(Code::Proto, "a change of a pool map ends too early"),
        }
    }

    fn end(&self) -> Result<()> {
        if !self.rest.is_empty() {
            fail!(Code::Proto, "{} bytes follow a pool map", self.rest.len());
        }
        Ok(())
    }
}

/// Entries stand in the order in which they came.
fn check_joined(joined: u32, before: u32, version: u32) -> Result<()> {
    if joined < before || joined > version {
        fail!(Code::Proto, "a pool map of version {version} has an entry of version {joined} behind one of {before}");
    }
    Ok(())
}
