//! What a walk takes away: what no epoch that can be read needs, or everything of a range of epochs.

use crate::level::{Level, Span};
use crate::visibility::Window;
use daos_media::Arena;
use daos_status::Result;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// For each epoch that is kept, the oldest epoch that it sees at some place, for punches above it.
pub(super) type Hidden = Rc<[u64]>;

/// The epochs whose views are kept: pinned ones, and the bound up to which is aggregated. They cut all epochs up to the bound into
/// intervals, each of which ends with one of them; of what is in an interval, only its last epoch must be answered for.
pub(super) struct Kept {
    epochs: Vec<u64>,
    bound: u64,
    /// What was last touched at or before this was walked over before, with all pinned epochs there are now or more.
    scanned: u64,
}

impl Kept {
    pub(super) fn new(pinned: &[u64], bound: u64, scanned: u64) -> Kept {
        let mut epochs: Vec<u64> = pinned.iter().copied().filter(|epoch| *epoch < bound).collect();
        epochs.push(bound);
        Kept { epochs, bound, scanned }
    }

    pub(super) fn bound(&self) -> u64 {
        self.bound
    }

    /// The interval of an epoch, unless it is above the bound.
    pub(super) fn interval(&self, epoch: u64) -> Option<usize> {
        (epoch <= self.bound).then(|| self.epochs.partition_point(|kept| *kept < epoch))
    }

    /// What can show of an interval below a place.
    pub(super) fn window(&self, interval: usize, hidden: &Hidden) -> Window {
        let before = interval.checked_sub(1).map_or(0, |before| self.epochs[before] + 1);
        Window { from: before.max(hidden[interval]), to: self.epochs[interval] }
    }

    /// The last epoch of an interval.
    pub(super) fn last(&self, interval: usize) -> u64 {
        self.epochs[interval]
    }
}

pub(super) enum Rule {
    Aggregate(Kept),
    Discard(RangeInclusive<u64>),
}

impl Rule {
    /// At the top, nothing is hidden.
    pub(super) fn nothing_hidden(&self) -> Hidden {
        match self {
            Rule::Aggregate(kept) => vec![0; kept.epochs.len()].into(),
            Rule::Discard(_) => Rc::new([]),
        }
    }

    /// What is hidden below a level, beside what is hidden above it.
    pub(super) fn hidden_below(&self, arena: &Arena, level: &Level, above: &Hidden) -> Result<Hidden> {
        let Rule::Aggregate(kept) = self else { return Ok(above.clone()) };
        if level.punches()?.is_none() {
            return Ok(above.clone());
        }
        let below = kept.epochs.iter().zip(above.iter());
        below.map(|(epoch, above)| Ok(level.seen_from(arena, *epoch)?.max(*above))).collect()
    }

    /// Whether nothing below can have to go.
    pub(super) fn skips(&self, span: &Span, above: &Hidden) -> bool {
        match self {
            Rule::Aggregate(kept) => {
                let newest_punch = above.last().copied().unwrap_or(0);
                // What has no epoch at all is empty, and goes.
                span.is_exact && (1..=kept.scanned).contains(&span.touched) && newest_punch <= kept.scanned
            }
            // What is not exact may be too new: walking over it makes it so.
            Rule::Discard(range) => span.is_exact && span.touched < *range.start(),
        }
    }

    /// Whether a version of a single value goes; `next` is the epoch of the next newer one.
    pub(super) fn drops_version(&self, epoch: u64, next: Option<u64>, hidden: &Hidden) -> bool {
        match self {
            Rule::Discard(range) => range.contains(&epoch),
            Rule::Aggregate(kept) => kept.interval(epoch).is_some_and(|interval| {
                hidden[interval] > epoch || next.is_some_and(|next| next <= kept.last(interval))
            }),
        }
    }

    /// Whether a punch of a key goes; `next` is the next newer one, and `oldest` the oldest version left below.
    pub(super) fn drops_punch(&self, (epoch, is_sealed): (u64, bool), next: Option<u64>, oldest: u64) -> bool {
        match self {
            Rule::Discard(range) => range.contains(&epoch),
            Rule::Aggregate(kept) => kept.interval(epoch).is_some_and(|interval| {
                oldest >= epoch.saturating_add(u64::from(is_sealed))
                    || next.is_some_and(|next| next <= kept.last(interval))
            }),
        }
    }

    /// Nothing older goes.
    pub(super) fn oldest(&self) -> u64 {
        match self {
            Rule::Aggregate(_) => 0,
            Rule::Discard(range) => *range.start(),
        }
    }

    /// Nothing newer goes.
    pub(super) fn newest(&self) -> u64 {
        match self {
            Rule::Aggregate(kept) => kept.bound,
            Rule::Discard(range) => *range.end(),
        }
    }
}
