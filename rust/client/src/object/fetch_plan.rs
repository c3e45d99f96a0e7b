//! What a fetch asks for, and how its answer is put into place.

use super::{AkeyFetch, AkeyFetched, FetchKind, MapPiece, PieceState};
use crate::{Destination, ScatterList};
use daos_status::{Code, Result, fail};
use daos_types::{Extent, Key};
use daos_wire::{self as wire, AkeyReply, FetchReply, TRANSFER_BYTES_MAX};
use std::ops::Range;

/// Where the bytes of one akey go.
pub(super) struct Landing<'a> {
    /// Room for so many.
    pub capacity: u64,
    /// The caller's memory; `None` when the bytes are collected here, or none are wanted.
    list: Option<&'a ScatterList>,
    owned: Vec<u8>,
}

impl<'a> Landing<'a> {
    pub fn new(akey: &'a AkeyFetch) -> Result<Landing<'a>> {
        let list = match &akey.destination {
            Some(Destination::Memory(list)) => Some(list),
            _ => None,
        };
        match akey.destination.as_ref().map_or(Some(0), Destination::capacity) {
            Some(capacity) => Ok(Landing { capacity, list, owned: Vec::new() }),
            None => fail!(Code::IoInval, "the buffers of a fetch exceed 2^64 bytes"),
        }
    }

    /// The memory that a target may write to; collected bytes start as zeros.
    pub fn stream(&mut self) -> ScatterList {
        if let Some(list) = self.list {
            return list.clone();
        }
        self.owned = vec![0; self.capacity as usize];
        // SAFETY: the vector is neither touched nor dropped before the fetch has ended.
        unsafe { ScatterList::new(vec![(self.owned.as_mut_ptr(), self.owned.len())]) }
    }

    /// Puts bytes that came with the reply into place.
    fn write(&mut self, run: Range<u64>, bytes: &[u8]) {
        match &self.list {
            Some(list) => {
                list.write_at(run.start, bytes);
            }
            None => {
                let end = run.end as usize;
                // Nearly always: nothing is cleared first.
                if self.owned.len() as u64 == run.start && bytes.len() as u64 == run.end - run.start {
                    self.owned.extend_from_slice(bytes);
                    return;
                }
                if self.owned.len() < end {
                    self.owned.resize(end, 0);
                }
                self.owned[run.start as usize..end].copy_from_slice(bytes);
            }
        }
    }

    fn into_owned(mut self, length: u64) -> Vec<u8> {
        self.owned.truncate(length as usize);
        self.owned
    }
}

/// An akey as it is asked for.
pub(super) fn request_of(akey: &AkeyFetch) -> wire::AkeyFetch {
    let kind = match &akey.kind {
        FetchKind::Single => wire::FetchKind::Single,
        FetchKind::Array(extents) => wire::FetchKind::Array(extents.clone()),
    };
    let capacity = akey.destination.as_ref().and_then(Destination::capacity);
    wire::AkeyFetch { akey: akey.akey.clone(), conditions: 0, kind, capacity }
}

/// The same akey, of which only sizes and map are wanted.
pub(super) fn without_destination(akey: &AkeyFetch) -> AkeyFetch {
    let kind = match &akey.kind {
        FetchKind::Single => FetchKind::Single,
        FetchKind::Array(extents) => FetchKind::Array(extents.clone()),
    };
    AkeyFetch { akey: akey.akey.clone(), kind, destination: None }
}

/// How many bytes the records asked for, or the single value, would take.
fn needed(kind: &FetchKind, size: u64) -> Option<u64> {
    match kind {
        FetchKind::Single => Some(size),
        FetchKind::Array(extents) => {
            extents.iter().try_fold(0u64, |sum, extent| sum.checked_add(extent.count()))?.checked_mul(size)
        }
    }
}

/// The parts of an akey's stream that hold data; none when it does not fit.
pub(super) fn data_runs(reply: &AkeyReply, kind: &FetchKind, capacity: u64) -> Vec<Range<u64>> {
    if reply.size == 0 || needed(kind, reply.size).is_none_or(|needed| needed > capacity) {
        return Vec::new();
    }
    if matches!(kind, FetchKind::Single) {
        return std::iter::once(0..reply.size).collect();
    }
    let mut position = 0u64;
    let mut runs = Vec::new();
    for piece in &reply.pieces {
        let end = piece.extent.count().saturating_mul(reply.size).saturating_add(position).min(capacity);
        if piece.state == 0 && position < end {
            runs.push(position..end);
        }
        position = end;
    }
    runs
}

/// The first akey whose bytes were not sent because there was too little room for them.
pub(super) fn too_large<'a>(akeys: &'a [AkeyFetch], landings: &[Landing<'_>], reply: &FetchReply) -> Option<&'a Key> {
    let mut all = akeys.iter().zip(landings).zip(&reply.akeys);
    let large = all.find(|((akey, landing), reply)| {
        let fits = needed(&akey.kind, reply.size).is_some_and(|needed| needed <= landing.capacity);
        akey.destination.is_some() && !fits
    });
    large.map(|((akey, _), _)| &akey.akey)
}

/// The results of a fetch; bytes that came inline, which the reply itself has not, are put into place.
pub(super) fn fetched(
    akeys: &[AkeyFetch],
    landings: Vec<Landing<'_>>,
    reply: &FetchReply,
    mut inline: &[u8],
) -> Result<Vec<AkeyFetched>> {
    if reply.akeys.len() != akeys.len() {
        fail!(Code::Proto, "{} akeys were asked for, and {} answered", akeys.len(), reply.akeys.len());
    }
    let is_inline = !inline.is_empty();
    let mut results = Vec::with_capacity(akeys.len());
    for ((akey, mut landing), found) in akeys.iter().zip(landings).zip(&reply.akeys) {
        check_cover(&akey.kind, found)?;
        let runs = data_runs(found, &akey.kind, landing.capacity);
        let length = runs.last().map_or(0, |run| run.end);
        if is_inline {
            for run in runs {
                let Some((bytes, rest)) = inline.split_at_checked((run.end - run.start) as usize) else {
                    fail!(Code::Proto, "the reply has fewer bytes than it says");
                };
                landing.write(run, bytes);
                inline = rest;
            }
        }
        let map = found.pieces.iter().map(map_piece).collect::<Result<_>>()?;
        results.push(AkeyFetched { size: found.size, map, bytes: landing.into_owned(length), length });
    }
    if !inline.is_empty() {
        fail!(Code::Proto, "the reply has {} bytes more than it says", inline.len());
    }
    Ok(results)
}

/// The pieces of an array must cover the extents that were asked for, in their order.
fn check_cover(kind: &FetchKind, reply: &AkeyReply) -> Result<()> {
    let FetchKind::Array(extents) = kind else {
        if reply.pieces.is_empty() {
            return Ok(());
        }
        fail!(Code::Proto, "the reply has a map of a single value");
    };
    let mut pieces = reply.pieces.iter().map(|piece| piece.extent);
    for extent in joined(extents) {
        let mut start = extent.start();
        while start < extent.end() {
            match pieces.next() {
                Some(piece) if piece.start() == start && piece.end() <= extent.end() => start = piece.end(),
                _ => fail!(Code::Proto, "the reply does not cover the records asked for"),
            }
        }
    }
    if pieces.next().is_some() {
        fail!(Code::Proto, "the reply has more records than were asked for");
    }
    Ok(())
}

/// Extents with those joined that follow each other, as replies may join their pieces.
fn joined(extents: &[Extent]) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::with_capacity(extents.len());
    for extent in extents {
        match joined.last_mut() {
            Some(last) if last.end() == extent.start() => {
                *last = Extent::from_bounds(last.start(), extent.end()).unwrap_or(*last);
            }
            _ => joined.push(*extent),
        }
    }
    joined
}

fn map_piece(piece: &wire::Piece) -> Result<MapPiece> {
    let state = match piece.state {
        0 => PieceState::Data,
        1 => PieceState::Hole,
        2 => PieceState::Punched,
        other => fail!(Code::Proto, "a piece of an array cannot be in state {other}"),
    };
    Ok(MapPiece { extent: piece.extent, state })
}

/// Cuts an akey of known size into fetches that are each small enough; `None` when the destination is too small.
pub(super) fn parts(akey: AkeyFetch, size: &AkeyFetched) -> Option<Vec<AkeyFetch>> {
    let AkeyFetch { akey, kind, destination } = akey;
    let Some(destination) = destination.filter(|_| size.size > 0) else {
        return Some(vec![AkeyFetch { akey, kind, destination: None }]);
    };
    needed(&kind, size.size).filter(|needed| destination.capacity().is_none_or(|capacity| *needed <= capacity))?;
    let room = |position: u64, bytes: u64| match &destination {
        Destination::Owned(_) => Destination::Owned(bytes),
        Destination::Memory(list) => Destination::Memory(list.slice(position, bytes)),
    };
    let FetchKind::Array(extents) = kind else {
        let destination = Some(room(0, size.size));
        return Some(vec![AkeyFetch { akey, kind: FetchKind::Single, destination }]);
    };
    let most = Some(TRANSFER_BYTES_MAX / size.size).filter(|most| *most > 0)?;
    let (mut parts, mut part, mut count, mut position) = (Vec::new(), Vec::new(), 0, 0);
    let mut cut = |part: &mut Vec<Extent>, count: &mut u64| {
        let bytes = *count * size.size;
        let kind = FetchKind::Array(std::mem::take(part));
        parts.push(AkeyFetch { akey: akey.clone(), kind, destination: Some(room(position, bytes)) });
        position += bytes;
        *count = 0;
    };
    for extent in extents {
        let mut start = extent.start();
        while let Some(piece) = Extent::from_bounds(start, extent.end().min(start.saturating_add(most - count))) {
            part.push(piece);
            count += piece.count();
            start = piece.end();
            if count == most {
                cut(&mut part, &mut count);
            }
        }
    }
    if count > 0 {
        cut(&mut part, &mut count);
    }
    Some(parts)
}

/// Adds the result of the next part of an akey; `position` is where it begins in the whole.
pub(super) fn append(whole: &mut AkeyFetched, position: u64, part: AkeyFetched) {
    whole.size = part.size;
    if part.length > 0 {
        whole.length = position + part.length;
    }
    if !part.bytes.is_empty() {
        whole.bytes.resize(position as usize, 0);
        whole.bytes.extend_from_slice(&part.bytes);
    }
    for piece in part.map {
        let last = whole.map.last_mut().filter(|last| last.state == piece.state);
        match last.filter(|last| last.extent.end() == piece.extent.start()) {
            Some(last) => {
                last.extent = Extent::from_bounds(last.extent.start(), piece.extent.end()).unwrap_or(last.extent)
            }
            None => whole.map.push(piece),
        }
    }
}

#[cfg(test)]
mod tests;
