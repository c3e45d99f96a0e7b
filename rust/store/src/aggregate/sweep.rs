//! Where extents of one interval could become fewer or smaller: told from the visible pieces, as they come from left to right.
//!
//! Nothing is looked up here: pieces go in, and what is to be done next comes out, one thing at a time.

use super::extents::Name;
use crate::pieces::Piece;
use daos_media::BLOCK_SIZE;
use daos_types::Extent;

/// The longest extent that joining makes, when steps are large: writing one piece of this size costs little more for each byte than writing
/// longer ones, and a step stays well below a millisecond.
pub(super) const JOINED_MAX: u64 = 1 << 20;

/// What is this long stays as it is: its record costs nothing beside it, and it would be copied for its neighbours' sake.
pub(super) const PIECE_MAX: u64 = JOINED_MAX / 4;

/// Extents that one step joins.
pub(super) const PARTS_MAX: usize = 512;

/// What is joined in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct JoinLimits {
    pub parts: usize,
    pub bytes: u64,
}

/// What the first pass tells about the extents of one interval: where some of them touch or overlap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    /// Where those that touch each other began, and how far they reach.
    run: Option<(u64, u64)>,
    /// From the first place to the last one where something can be done.
    found: Option<(u64, u64)>,
    overlaps: bool,
}

impl Stretch {
    /// Takes the next extent in, by their starts.
    pub fn add(&mut self, extent: Extent) {
        let (start, end) = (extent.start(), extent.end());
        let Some((begin, reach)) = self.run.filter(|(_, reach)| start <= *reach) else {
            self.run = Some((start, end));
            return;
        };
        self.overlaps |= start < reach;
        let reach = reach.max(end);
        self.run = Some((begin, reach));
        self.found = Some((self.found.map_or(begin, |(from, _)| from), reach));
    }

    /// What is to be looked at more closely.
    pub fn sweep(&self, interval: usize) -> Option<Sweep> {
        let (at, end) = self.found?;
        let overlaps = self.overlaps;
        Some(Sweep { interval, at, end, overlaps, part: None, run: None, cut: None, candidate: None, join: None })
    }
}

/// One visible piece, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Part {
    extent: Extent,
    link: u32,
    version: (u64, u32),
    is_data: bool,
    record_size: u32,
}

/// Pieces that follow each other without a gap.
#[derive(Clone, Copy, Debug)]
struct Run {
    extent: Extent,
    parts: usize,
    bytes: u64,
    record_size: u32,
}

/// A visible range below which older extents of its interval end, as far as they can be cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub range: Extent,
    /// What shows there; older ones do not.
    pub version: (u64, u32),
    /// The last of them that is done.
    pub behind: Option<Name>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Sweep {
    pub interval: usize,
    /// Pieces were taken in up to here.
    pub at: u64,
    pub end: u64,
    overlaps: bool,
    part: Option<Part>,
    run: Option<Run>,
    /// What is to be cut first.
    pub cut: Option<Cut>,
    /// What may be worth joining.
    pub candidate: Option<Extent>,
    /// What is to be joined.
    pub join: Option<Extent>,
}

impl Sweep {
    /// Takes a piece in; `false` when something is to be done first.
    pub fn take(&mut self, piece: &Piece, limits: JoinLimits) -> bool {
        let record = &piece.record;
        if let Some(part) = &mut self.part
            && part.link == record.link
            && part.extent.end() == piece.extent.start()
            && let Some(whole) = Extent::from_bounds(part.extent.start(), piece.extent.end())
        {
            part.extent = whole;
        } else {
            if !self.complete(limits) {
                return false;
            }
            let (version, is_data) = (record.version(), !record.is_punch());
            let (extent, link, record_size) = (piece.extent, record.link, record.record_size);
            if !record.is_witness() {
                self.part = Some(Part { extent, link, version, is_data, record_size });
            }
        }
        self.at = piece.extent.end();
        true
    }

    /// Nothing comes any more; `true` when there is nothing left to be done.
    pub fn finish(&mut self, limits: JoinLimits) -> bool {
        self.complete(limits) && {
            self.close();
            self.is_idle()
        }
    }

    fn is_idle(&self) -> bool {
        self.cut.is_none() && self.candidate.is_none() && self.join.is_none()
    }

    /// The last piece ends where it ends; `false` when something is to be done now.
    fn complete(&mut self, limits: JoinLimits) -> bool {
        let Some(part) = self.part.take() else { return self.is_idle() };
        let bytes = part.extent.count().saturating_mul(u64::from(part.record_size.max(1)));
        if self.overlaps && (bytes >= BLOCK_SIZE as u64 || !part.is_data) {
            self.cut = Some(Cut { range: part.extent, version: part.version, behind: None });
        }
        let fits = part.is_data && bytes <= limits.bytes.min(PIECE_MAX);
        match &mut self.run {
            Some(run) if fits && run.goes_on(&part, bytes, limits) => {
                run.extent = Extent::from_bounds(run.extent.start(), part.extent.end()).unwrap_or(run.extent);
                run.parts += 1;
                run.bytes += bytes;
            }
            _ => {
                self.close();
                let Part { extent, record_size, .. } = part;
                self.run = fits.then_some(Run { extent, parts: 1, bytes, record_size });
            }
        }
        self.is_idle()
    }

    fn close(&mut self) {
        let Some(run) = self.run.take() else { return };
        if run.parts > 1 || self.overlaps {
            self.candidate = Some(run.extent);
        }
    }
}

impl Run {
    fn goes_on(&self, part: &Part, bytes: u64, limits: JoinLimits) -> bool {
        let is_next = self.extent.end() == part.extent.start() && self.record_size == part.record_size;
        is_next && self.parts < limits.parts && self.bytes + bytes <= limits.bytes
    }
}
