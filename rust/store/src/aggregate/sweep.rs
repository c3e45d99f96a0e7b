//! Where extents of one interval could become fewer or smaller: told from the visible pieces, as they come from left to right.
//!
//! Nothing is looked up here: pieces go in, and what is to be done next comes out, one thing at a time.

use super::extents::Name;
use crate::array::Record;
use crate::pieces::Piece;
use daos_media::BLOCK_SIZE;
use daos_types::Extent;

/// The longest extent that joining makes, when steps are large: writing one piece of this size costs little more for each byte than writing
/// longer ones, and a step stays well below a millisecond.
pub(super) const JOINED_MAX: u64 = 1 << 20;

/// What is this long stays as it is, unless it is part of something mostly hidden: its record costs nothing beside it, and it would be
/// copied for its neighbours' sake.
pub(super) const PIECE_MAX: u64 = JOINED_MAX / 4;

/// Extents of which is known whether they are mostly hidden.
const VERDICTS: usize = 8;

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
        let (part, run, cut, candidate, join, question) = (None, None, None, None, None, None);
        let verdicts = Vec::new();
        Some(Sweep { interval, at, end, overlaps, part, run, cut, candidate, join, question, verdicts })
    }
}

/// One visible piece, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Part {
    extent: Extent,
    record: Record,
}

/// What tells one extent from any other of its array. Its link does not: that of one that was freed is used again.
type Identity = (Extent, (u64, u32));

fn identity(record: &Record) -> Identity {
    (record.extent, record.version())
}

/// Pieces that follow each other without a gap.
#[derive(Clone, Copy, Debug)]
struct Run {
    extent: Extent,
    parts: usize,
    bytes: u64,
    record_size: u32,
    /// Something of it is part of an extent that takes too much for what shows of it: that goes only when all that shows is copied.
    is_wanted: bool,
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
    /// What may be worth joining, and whether it is in any case.
    pub candidate: Option<(Extent, bool)>,
    /// What is to be joined.
    pub join: Option<Extent>,
    /// Whether this takes too much for what shows of it is to be told.
    pub question: Option<Record>,
    /// The last answers.
    verdicts: Vec<(Identity, bool)>,
}

impl Sweep {
    /// Takes a piece in; `false` when something is to be done first.
    pub fn take(&mut self, piece: &Piece, limits: JoinLimits) -> bool {
        let record = &piece.record;
        if let Some(part) = &mut self.part
            && identity(&part.record) == identity(record)
            && part.extent.end() == piece.extent.start()
            && let Some(whole) = Extent::from_bounds(part.extent.start(), piece.extent.end())
        {
            part.extent = whole;
        } else {
            if !self.complete(limits) {
                return false;
            }
            if !record.is_witness() {
                self.part = Some(Part { extent: piece.extent, record: *record });
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

    /// Extents were joined: what they cover is to be cut, and hides more than before.
    pub fn note_joined(&mut self, cut: Cut) {
        self.cut = Some(cut);
        self.verdicts.clear();
    }

    /// Answers the question.
    pub fn answer(&mut self, is_wasteful: bool) {
        let Some(record) = self.question.take() else { return };
        if self.verdicts.len() >= VERDICTS {
            self.verdicts.remove(0);
        }
        self.verdicts.push((identity(&record), is_wasteful));
    }

    fn is_idle(&self) -> bool {
        self.cut.is_none() && self.candidate.is_none() && self.join.is_none() && self.question.is_none()
    }

    /// The last piece ends where it ends; `false` when something is to be done now.
    fn complete(&mut self, limits: JoinLimits) -> bool {
        let Some(part) = self.part.take() else { return self.is_idle() };
        let record = part.record;
        if record.is_punch() {
            self.close();
            self.cut_below(&part);
            return self.is_idle();
        }
        let mut is_wanted = false;
        if self.overlaps && part.extent != record.extent {
            let verdict = self.verdicts.iter().find(|(other, _)| *other == identity(&record));
            let Some((_, is_wasteful)) = verdict else {
                (self.part, self.question) = (Some(part), Some(record));
                return false;
            };
            is_wanted = *is_wasteful;
        }
        let record_size = u64::from(record.record_size.max(1));
        let bytes = part.extent.count().saturating_mul(record_size);
        if is_wanted && bytes > limits.bytes {
            // What comes first may change the extent: the rest is looked at anew.
            self.close();
            self.at = part.extent.start();
            if self.candidate.is_none() {
                self.at = self.at.saturating_add((limits.bytes / record_size).max(1));
                let first = Extent::from_bounds(part.extent.start(), self.at).unwrap_or(part.extent);
                self.candidate = Some((first, true));
                self.cut_below(&Part { extent: first, record });
            }
            return false;
        }
        if bytes >= BLOCK_SIZE as u64 {
            self.cut_below(&part);
        }
        let fits = is_wanted || bytes <= limits.bytes.min(PIECE_MAX);
        match &mut self.run {
            Some(run) if fits && run.goes_on(&part, bytes, limits) => {
                run.extent = Extent::from_bounds(run.extent.start(), part.extent.end()).unwrap_or(run.extent);
                run.parts += 1;
                run.bytes += bytes;
                run.is_wanted |= is_wanted;
            }
            _ => {
                self.close();
                let (extent, record_size) = (part.extent, record.record_size);
                self.run = fits.then_some(Run { extent, parts: 1, bytes, record_size, is_wanted });
            }
        }
        self.is_idle()
    }

    fn cut_below(&mut self, part: &Part) {
        if self.overlaps {
            self.cut = Some(Cut { range: part.extent, version: part.record.version(), behind: None });
        }
    }

    fn close(&mut self) {
        let Some(run) = self.run.take() else { return };
        if run.parts > 1 || self.overlaps {
            self.candidate = Some((run.extent, run.is_wanted));
        }
    }
}

impl Run {
    fn goes_on(&self, part: &Part, bytes: u64, limits: JoinLimits) -> bool {
        let is_next = self.extent.end() == part.extent.start() && self.record_size == part.record.record_size;
        is_next && self.parts < limits.parts && self.bytes + bytes <= limits.bytes
    }
}
