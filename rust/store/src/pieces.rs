//! What an epoch sees of an array: the visible pieces, from left to right or from right to left.

use crate::array::{ExtentProbe, Record};
use crate::level::{Children, Level};
use crate::tree::{Cursor, Tree, damaged};
use crate::visibility::Window;
use daos_media::Arena;
use daos_status::Result;
use daos_types::Extent;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Records that one step to the left takes in.
const RECORDS_PER_STEP: usize = 32;

/// A run of records of an array that one recorded extent shows in. What lies between pieces are holes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// The visible part.
    pub extent: Extent,
    /// What shows.
    pub record: Record,
}

/// The recorded extents that may show in a range, by their start. Of those with the same start only the newest one, and older
/// ones that reach further, are visited: versions that were overwritten cost nothing.
struct Feed<'a> {
    arena: &'a Arena,
    tree: Tree,
    cursor: Option<Cursor>,
    window: Window,
    range: Extent,
    /// Where the cursor came from, to notice a damaged tree that would lead in circles.
    last: Option<(u64, u64, u32)>,
    /// The start that was visited last, and how far the extents from there reach.
    group: Option<(u64, u64)>,
    /// Entries that may still be visited.
    looks: usize,
    /// Where the visit has ended before the range did: what begins before it is known.
    frontier: Option<u64>,
}

impl Feed<'_> {
    fn next(&mut self) -> Result<Option<Record>> {
        while let Some(cursor) = &mut self.cursor {
            let entry = cursor.entry(self.arena)?;
            if entry.order >= self.range.end() {
                break;
            }
            // Those that begin before the range are looked at in any case, so that a visit gets on.
            if self.looks == 0 && entry.order > self.range.start() {
                self.frontier = Some(entry.order);
                break;
            }
            self.looks = self.looks.saturating_sub(1);
            let record = Record::load(self.arena, entry.link)?;
            let bounds = (record.extent.start(), record.extent.end());
            let place = (record.extent.start(), !record.epoch, !record.minor);
            if bounds != (entry.order, entry.end) || self.last.is_some_and(|last| last >= place) {
                return Err(damaged("an extent that its tree describes otherwise", u64::from(entry.link) * 8));
            }
            self.last = Some(place);
            let start = record.extent.start();
            if record.epoch > self.window.to {
                self.go_to(start, self.window.to, u32::MAX)?;
                continue;
            }
            if record.epoch < self.window.from {
                self.leave_group(start)?;
                continue;
            }
            let reach = self.group.filter(|group| group.0 == start).map_or(0, |group| group.1);
            self.group = Some((start, reach.max(record.extent.end())));
            self.advance(start, reach.max(record.extent.end()))?;
            if record.extent.end() > reach {
                return Ok(Some(record));
            }
        }
        self.cursor = None;
        Ok(None)
    }

    /// Goes to the next entry that may show: one of another start, or an older one of the same start that reaches further.
    fn advance(&mut self, start: u64, reach: u64) -> Result<()> {
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        if !cursor.next_with_end_behind(self.arena, self.range.start())? {
            self.cursor = None;
            return Ok(());
        }
        let entry = cursor.entry(self.arena)?;
        if entry.order != start || entry.end > reach {
            return Ok(());
        }
        if cursor.next_with_end_behind(self.arena, reach)? && cursor.entry(self.arena)?.order == start {
            return Ok(());
        }
        self.leave_group(start)
    }

    /// Goes behind all entries of a start.
    fn leave_group(&mut self, start: u64) -> Result<()> {
        match start.checked_add(1) {
            Some(next) => self.go_to(next, u64::MAX, u32::MAX),
            None => {
                self.cursor = None;
                Ok(())
            }
        }
    }

    /// Goes to the first entry of a start that is not newer, or behind all of them.
    fn go_to(&mut self, start: u64, epoch: u64, minor: u32) -> Result<()> {
        self.cursor = self.tree.seek(self.arena, &ExtentProbe { start, epoch, minor }, false)?;
        if let Some(cursor) = &mut self.cursor
            && !cursor.skip_to_end_behind(self.arena, self.range.start())?
        {
            self.cursor = None;
        }
        Ok(())
    }
}

enum Source<'a> {
    Nothing,
    Only(Record),
    Tree(Box<Feed<'a>>),
}

impl Source<'_> {
    fn next(&mut self) -> Result<Option<Record>> {
        match self {
            Source::Tree(feed) => feed.next(),
            Source::Nothing => Ok(None),
            Source::Only(record) => {
                let record = *record;
                *self = Source::Nothing;
                Ok(Some(record))
            }
        }
    }
}

/// A record in the heap: the newest comes first.
struct Candidate(Record);

impl Candidate {
    fn version(&self) -> (u64, u32) {
        (self.0.epoch, self.0.minor)
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.version() == other.version()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        self.version().cmp(&other.version())
    }
}

/// The visible pieces in a range, by their start. Nothing is gathered but what overlaps at one place.
pub(crate) struct Pieces<'a> {
    source: Source<'a>,
    ahead: Option<Record>,
    /// Records that reach beyond `at`, or that a newer one has hidden so far.
    open: BinaryHeap<Candidate>,
    at: u64,
    end: u64,
}

impl<'a> Pieces<'a> {
    /// The pieces of an akey in a range. The window is the one below the akey.
    pub(crate) fn new(arena: &'a Arena, akey: &Level, window: Window, range: Extent) -> Result<Pieces<'a>> {
        Pieces::within(arena, akey, window, range, usize::MAX)
    }

    /// As [`Pieces::new`], but visits a bounded number of extents: the last piece may then end too early, at [`Pieces::frontier`].
    pub(crate) fn within(
        arena: &'a Arena,
        akey: &Level,
        window: Window,
        range: Extent,
        looks: usize,
    ) -> Result<Pieces<'a>> {
        let mut source = match akey.children()? {
            Children::None => Source::Nothing,
            Children::Direct(link) => {
                let record = Record::load(arena, link)?;
                let shows = window.has(record.epoch) && record.extent.intersect(range).is_some();
                if shows { Source::Only(record) } else { Source::Nothing }
            }
            Children::Tree(tree) => {
                let cursor = tree.first_with_end_behind(arena, range.start())?;
                let (last, group, frontier) = (None, None, None);
                Source::Tree(Box::new(Feed { arena, tree, cursor, window, range, last, group, looks, frontier }))
            }
        };
        let ahead = source.next()?;
        let mut pieces = Pieces { source, ahead, open: BinaryHeap::new(), at: range.start(), end: range.end() };
        pieces.end = pieces.frontier().unwrap_or(pieces.end);
        Ok(pieces)
    }

    /// Where the pieces end before their range does, because as many extents were visited as was allowed: they go on from there.
    pub(crate) fn frontier(&self) -> Option<u64> {
        match &self.source {
            Source::Tree(feed) => feed.frontier,
            _ => None,
        }
    }

    /// How many extents may still be visited.
    pub(crate) fn looks(&self) -> usize {
        match &self.source {
            Source::Tree(feed) => feed.looks,
            _ => usize::MAX,
        }
    }

    fn look_ahead(&mut self) -> Result<()> {
        self.ahead = self.source.next()?;
        self.end = self.end.min(self.frontier().unwrap_or(u64::MAX));
        Ok(())
    }

    fn take_ahead(&mut self) -> Result<()> {
        if let Some(record) = self.ahead.take() {
            self.open.push(Candidate(record));
        }
        self.look_ahead()
    }

    /// The next piece.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        while self.at < self.end {
            while let Some(record) = &self.ahead
                && record.extent.start() <= self.at
            {
                self.take_ahead()?;
            }
            let Some(Candidate(top)) = self.open.peek() else {
                let Some(record) = &self.ahead else { break };
                self.at = record.extent.start();
                continue;
            };
            let top = *top;
            if top.extent.end() <= self.at {
                self.open.pop();
                continue;
            }
            let mut cut = top.extent.end().min(self.end);
            while let Some(record) = &self.ahead
                && record.extent.start() < cut
            {
                if (record.epoch, record.minor) > (top.epoch, top.minor) {
                    cut = record.extent.start();
                } else if record.extent.end() > top.extent.end() {
                    self.take_ahead()?;
                } else {
                    // Hidden from its start to its end.
                    self.look_ahead()?;
                }
            }
            cut = cut.min(self.end);
            let extent = Extent::from_bounds(self.at, cut);
            self.at = cut;
            if let Some(extent) = extent {
                return Ok(Some(Piece { extent, record: top }));
            }
        }
        Ok(None)
    }
}

/// The visible pieces before a place, from right to left.
pub(crate) struct PiecesBackward<'a> {
    arena: &'a Arena,
    akey: Level,
    window: Window,
    /// What lies from here on was given or is in `ready`.
    end: u64,
    /// Pieces of the last step; the first of them may go on to the left.
    ready: Vec<Piece>,
}

impl<'a> PiecesBackward<'a> {
    /// The pieces of an akey that begin before `end`.
    pub(crate) fn new(arena: &'a Arena, akey: &Level, window: Window, end: u64) -> PiecesBackward<'a> {
        PiecesBackward { arena, akey: *akey, window, end, ready: Vec::new() }
    }

    /// The next piece to the left.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        while self.ready.len() < 2 && self.end > 0 {
            if !self.step()? {
                self.end = 0;
            }
        }
        Ok(self.ready.pop())
    }

    /// What lies from here on has been given or passed over.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The next piece to the left that is no punched range, without what is right of it; `None` when so many records were taken in before it was
    /// found, and there is nothing from [`PiecesBackward::end`] on.
    pub(crate) fn next_with_data(&mut self, budget: &mut usize) -> Result<Option<Option<Piece>>> {
        loop {
            while self.ready.pop_if(|piece| piece.record.is_punch()).is_some() {}
            if self.ready.len() > 1 || self.end == 0 {
                return Ok(Some(self.ready.pop()));
            }
            if *budget == 0 && self.ready.is_empty() {
                return Ok(None);
            }
            *budget = budget.saturating_sub(RECORDS_PER_STEP);
            if !self.step()? {
                self.end = 0;
            }
        }
    }

    /// Takes in the extents that start before the end: from the start of one of the last of them.
    fn step(&mut self) -> Result<bool> {
        let Some(start) = self.start_before(self.end)? else { return Ok(false) };
        let Some(range) = Extent::from_bounds(start, self.end) else { return Ok(false) };
        let mut found = Vec::new();
        let mut pieces = Pieces::new(self.arena, &self.akey, self.window, range)?;
        while let Some(piece) = pieces.next()? {
            found.push(piece);
        }
        self.end = start;
        if let (Some(left), Some(right)) = (found.last_mut(), self.ready.first())
            && left.record.link == right.record.link
            && left.extent.end() == right.extent.start()
            && let Some(whole) = Extent::from_bounds(left.extent.start(), right.extent.end())
        {
            left.extent = whole;
            self.ready.remove(0);
        }
        found.append(&mut self.ready);
        self.ready = found;
        Ok(true)
    }

    /// The start of an extent that begins before `end`, a few to the left of the last one; `None` when there is none.
    fn start_before(&self, end: u64) -> Result<Option<u64>> {
        match self.akey.children()? {
            Children::None => Ok(None),
            Children::Direct(link) => {
                let record = Record::load(self.arena, link)?;
                Ok(Some(record.extent.start()).filter(|start| *start < end))
            }
            Children::Tree(tree) => {
                let Some(last) = end.checked_sub(1) else { return Ok(None) };
                // Behind all versions of the last start that counts.
                let probe = ExtentProbe { start: last, epoch: 0, minor: 0 };
                let Some(mut cursor) = tree.seek_last(self.arena, &probe)? else { return Ok(None) };
                let mut start = cursor.entry(self.arena)?.order;
                for _ in 0..RECORDS_PER_STEP {
                    if !cursor.previous(self.arena)? {
                        break;
                    }
                    start = cursor.entry(self.arena)?.order;
                }
                if start < end { Ok(Some(start)) } else { Err(damaged("the order of a tree of extents", 0)) }
            }
        }
    }
}
