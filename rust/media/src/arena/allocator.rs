//! Slabs of equal slots in runs of pages; runs are halved and joined in fours (see the crate's design notes).
//!
//! What a run is, and which of its slots are taken, stands in the arena and is changed through the transaction only.
//! Everything in [`Allocator`] can be rebuilt from that by [`Allocator::rebuild`], which is how a recovered arena, and one
//! whose transaction was rolled back in the middle of cutting a run, gets its state.

use super::size_class::{CLASS_COUNT, CLASSES, SLAB_HEADER, SizeClass};
use super::{Arena, CHUNK_PAGES, HEADER_CHUNKS, PAGE_SIZE};
use crate::transaction::Transaction;
use daos_status::{Code, Result, Status, fail};
use std::collections::BTreeSet;

/// Runs are of `1 << order` pages, for orders 0, 2, 4 and 6.
const ORDER_STEP: u8 = 2;
const ORDERS: usize = 4;
const RUN_MAGIC: u8 = 0xa5;
const NOT_LISTED: u8 = u8::MAX;

/// A class with so many slabs takes runs of the next order, and makes all of it slabs: what is alike lies side by side then, and the
/// processor needs fewer entries of page tables to reach it. Slabs that are still empty count as free, and are given back when pages are
/// needed for something else.
const SLABS_PER_ORDER: [(u32, u8); 2] = [(64, 4), (16, 2)];
const _: () = assert!(CHUNK_PAGES == 1 << (ORDER_STEP * (ORDERS as u8 - 1)));
const _: () = assert!(CLASS_COUNT < NOT_LISTED as usize);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    /// Inside a run, or the arena's header.
    #[default]
    Inner,
    Free,
    Slab,
}

/// What the first page of a run is known to be.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    kind: Kind,
    order: u8,
    class: u8,
    listed: u8,
    free_slots: u16,
    /// The first word of the bitmap that may have a free slot.
    hint: u16,
}

/// The volatile half of the allocator.
pub(super) struct Allocator {
    runs: Vec<Run>,
    free_runs: [BTreeSet<u32>; ORDERS],
    free_pages: u64,
    partial: Vec<Vec<u32>>,
    /// Slabs of each class.
    slabs: Vec<u32>,
    used: u64,
    stale: bool,
}

/// A slot so far behind one that is given out is likely to be given out soon: its lines are asked for, so that what is written there does not
/// wait for them. Of large slots only a part would come in time.
const SLOTS_AHEAD: u64 = 3;
const AHEAD_SLOT_MAX: u32 = 256;

fn position_of(page: u32) -> u64 {
    u64::from(page) * PAGE_SIZE as u64
}

fn bitmap_word(page: u32, word: usize) -> u64 {
    position_of(page) + (SLAB_HEADER + word * 8) as u64
}

fn run_header(kind: u8, class: u8, order: u8) -> [u8; 8] {
    [RUN_MAGIC, kind, class, order, 0, 0, 0, 0]
}

/// Where a slot lies.
#[derive(Clone, Copy)]
struct Slot {
    page: u32,
    word: usize,
    bit: u32,
}

impl Allocator {
    pub(super) fn new() -> Allocator {
        Allocator {
            runs: Vec::new(),
            free_runs: Default::default(),
            free_pages: 0,
            partial: vec![Vec::new(); CLASS_COUNT],
            slabs: vec![0; CLASS_COUNT],
            used: 0,
            stale: true,
        }
    }

    /// Forgets everything; the next use rebuilds it.
    pub(super) fn invalidate(&mut self) {
        self.stale = true;
    }

    /// Bytes of slots in use, as rounded to their class.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// Pages that hold nothing, without those that no chunk has been made of: a class keeps an empty slab until its pages are needed.
    pub(super) fn free_pages(&self) -> u64 {
        let empty = self.empty_slabs().map(|page| 1u64 << self.runs[page as usize].order);
        self.free_pages + empty.sum::<u64>()
    }

    fn empty_slabs(&self) -> impl Iterator<Item = u32> {
        self.partial.iter().flatten().copied().filter(|page| {
            let run = &self.runs[*page as usize];
            run.kind == Kind::Slab && run.free_slots == CLASSES[usize::from(run.class)].slots
        })
    }

    /// Reads the state from the arena when it is not known.
    #[inline]
    pub(super) fn refresh(&mut self, arena: &Arena) -> Result<()> {
        if self.stale { self.rebuild(arena) } else { Ok(()) }
    }

    #[cold]
    fn rebuild(&mut self, arena: &Arena) -> Result<()> {
        let mut fresh = Allocator::new();
        let chunks = arena.check_header()?;
        let pages = chunks * CHUNK_PAGES;
        fresh.runs.resize(pages as usize, Run::default());
        let mut page = 1;
        while page < pages {
            page += fresh.read_run(arena, page)?;
        }
        // Slabs are filled from the first one on.
        fresh.partial.iter_mut().for_each(|pages| pages.reverse());
        fresh.stale = false;
        *self = fresh;
        Ok(())
    }

    /// Takes one run into account; gives its length in pages.
    fn read_run(&mut self, arena: &Arena, page: u32) -> Result<u32> {
        let [magic, kind, class, order, ..] = arena.read_value::<[u8; 8]>(position_of(page))?;
        let valid_order = order % ORDER_STEP == 0 && usize::from(order / ORDER_STEP) < ORDERS;
        if magic != RUN_MAGIC || !valid_order || !page.is_multiple_of(1 << order) {
            fail!(Code::DfInval, "page {page} of the arena does not start a run");
        }
        let pages = 1u32 << order;
        match kind {
            1 => self.put_free(page, order),
            2 => {
                let Some(shape) = CLASSES.get(usize::from(class)).filter(|shape| shape.order == order) else {
                    fail!(Code::DfInval, "page {page} of the arena is a slab of unknown class {class}");
                };
                let mut taken = 0;
                for word in 0..words(shape) {
                    let bits: u64 = arena.read_value(bitmap_word(page, word))?;
                    if bits & !valid_bits(shape, word) != 0 {
                        fail!(Code::DfInval, "the slab at page {page} of the arena has slots beyond its end taken");
                    }
                    taken += bits.count_ones() as u16;
                }
                let free_slots = shape.slots - taken;
                self.used += u64::from(taken) * u64::from(shape.slot);
                self.note_slab(page, class, free_slots);
            }
            _ => fail!(Code::DfInval, "page {page} of the arena starts a run of unknown kind {kind}"),
        }
        Ok(pages)
    }

    fn put_free(&mut self, page: u32, order: u8) {
        self.runs[page as usize] = Run { kind: Kind::Free, order, listed: NOT_LISTED, ..Run::default() };
        self.free_runs[usize::from(order / ORDER_STEP)].insert(page);
        self.free_pages += 1 << order;
    }

    fn take_free(&mut self, page: u32, order: u8) {
        self.free_runs[usize::from(order / ORDER_STEP)].remove(&page);
        self.runs[page as usize].kind = Kind::Inner;
        self.free_pages -= 1 << order;
    }

    /// Takes a slab into account.
    fn note_slab(&mut self, page: u32, class: u8, free_slots: u16) {
        let order = CLASSES[usize::from(class)].order;
        self.runs[page as usize] = Run { kind: Kind::Slab, order, class, listed: NOT_LISTED, free_slots, hint: 0 };
        self.slabs[usize::from(class)] += 1;
        self.list(page);
    }

    /// Makes a slab with free slots known to its class.
    fn list(&mut self, page: u32) {
        let run = &mut self.runs[page as usize];
        if run.free_slots > 0 && run.listed != run.class {
            run.listed = run.class;
            self.partial[usize::from(run.class)].push(page);
        }
    }

    /// Takes a slot of a class.
    #[inline]
    pub(super) fn allocate(&mut self, class: usize, transaction: &mut Transaction<'_>) -> Result<u64> {
        let shape = &CLASSES[class];
        let page = loop {
            let Some(&page) = self.partial[class].last() else {
                break self.new_slab(class, transaction)?;
            };
            if self.runs[page as usize].free_slots > 0 {
                break page;
            }
            self.partial[class].pop();
            self.runs[page as usize].listed = NOT_LISTED;
        };
        let run = &mut self.runs[page as usize];
        for word in usize::from(run.hint)..words(shape) {
            let position = bitmap_word(page, word);
            let bits: u64 = transaction.arena().read_value(position)?;
            let free = !bits & valid_bits(shape, word);
            if free == 0 {
                continue;
            }
            let bit = free.trailing_zeros();
            transaction.write(position, &(bits | 1 << bit).to_le_bytes())?;
            run.hint = word as u16;
            run.free_slots -= 1;
            self.used += u64::from(shape.slot);
            let index = word as u64 * 64 + u64::from(bit);
            let position = position_of(page) + u64::from(shape.first) + index * u64::from(shape.slot);
            if shape.slot <= AHEAD_SLOT_MAX {
                transaction.arena().prefetch(position + SLOTS_AHEAD * u64::from(shape.slot), shape.slot as usize);
            }
            return Ok(position);
        }
        self.stale = true;
        fail!(Code::DfInval, "the slab at page {page} of the arena has no free slot where one was counted")
    }

    /// Checks that a slot is taken, so that it can be freed.
    pub(super) fn check_taken(&self, class: usize, position: u64, arena: &Arena) -> Result<()> {
        let slot = self.slot(class, position)?;
        let bits: u64 = arena.read_value(bitmap_word(slot.page, slot.word))?;
        if bits & (1 << slot.bit) == 0 {
            return Err(not_a_slot(position));
        }
        Ok(())
    }

    fn slot(&self, class: usize, position: u64) -> Result<Slot> {
        let shape = &CLASSES[class];
        let page = (position / PAGE_SIZE as u64) as u32 & !((1 << shape.order) - 1);
        let within = position.wrapping_sub(position_of(page)).wrapping_sub(u64::from(shape.first));
        let index = within / u64::from(shape.slot);
        let is_slab =
            self.runs.get(page as usize).is_some_and(|r| r.kind == Kind::Slab && usize::from(r.class) == class);
        if !is_slab || within % u64::from(shape.slot) != 0 || index >= u64::from(shape.slots) {
            return Err(not_a_slot(position));
        }
        Ok(Slot { page, word: (index / 64) as usize, bit: (index % 64) as u32 })
    }

    /// Gives a slot back, and its slab with it when that is the last one taken and others have room.
    pub(super) fn free(&mut self, class: usize, position: u64, transaction: &mut Transaction<'_>) -> Result<()> {
        let slot = self.slot(class, position)?;
        let at = bitmap_word(slot.page, slot.word);
        let bits: u64 = transaction.arena().read_value(at)?;
        if bits & (1 << slot.bit) == 0 {
            return Err(not_a_slot(position));
        }
        transaction.write(at, &(bits & !(1 << slot.bit)).to_le_bytes())?;
        self.note_free(class, slot);
        let run = self.runs[slot.page as usize];
        if run.free_slots == CLASSES[class].slots && self.partial[class].len() > 1 {
            self.release_slab(slot.page, transaction)?;
        }
        Ok(())
    }

    fn note_free(&mut self, class: usize, slot: Slot) {
        let run = &mut self.runs[slot.page as usize];
        run.free_slots += 1;
        run.hint = run.hint.min(slot.word as u16);
        self.used -= u64::from(CLASSES[class].slot);
        self.list(slot.page);
    }

    /// Forgets an allocation whose bitmap was put back by a rollback.
    pub(super) fn undo_allocate(&mut self, class: usize, position: u64) {
        if self.stale {
            return;
        }
        match self.slot(class, position) {
            Ok(slot) => self.note_free(class, slot),
            Err(_) => self.stale = true,
        }
    }

    #[cold]
    fn new_slab(&mut self, class: usize, transaction: &mut Transaction<'_>) -> Result<u32> {
        let shape = &CLASSES[class];
        let arena = transaction.arena();
        let reserve = if transaction.is_privileged() { 0 } else { arena.reserve_pages() };
        let outside = arena.pages_not_in_chunks(self.runs.len() as u64);
        let fits = |free: u64, order: u8| free + outside >= (1u64 << order) + reserve;
        if !fits(self.free_pages, shape.order) {
            // Looked at before anything is given back: a full arena must not do that for every change that it refuses.
            if !fits(self.free_pages(), shape.order) {
                fail!(Code::Nospace, "the arena of {} bytes is full ({} in use)", arena.capacity(), self.used);
            }
            self.release_empty_slabs(transaction)?;
        }
        transaction.note_structural();
        let order = self.order_of_run(class);
        let order = if fits(self.free_pages, order) { order } else { shape.order };
        let run = match self.take_run(order, transaction) {
            Err(_) if order > shape.order => self.take_run(shape.order, transaction).map(|run| (run, shape.order))?,
            run => (run?, order),
        };
        let (first, order) = run;
        // The first of them is listed last, and so filled first.
        for page in (first..first + (1 << order)).step_by(1 << shape.order).rev() {
            transaction.write(position_of(page), &run_header(2, class as u8, shape.order))?;
            for word in 0..words(shape) {
                transaction.write(bitmap_word(page, word), &[0; 8])?;
            }
            self.note_slab(page, class as u8, shape.slots);
        }
        Ok(first)
    }

    /// How long a run a class takes at once.
    fn order_of_run(&self, class: usize) -> u8 {
        let slabs = self.slabs[class];
        let order = SLABS_PER_ORDER.iter().find(|(least, _)| slabs >= *least).map_or(0, |(_, order)| *order);
        order.max(CLASSES[class].order)
    }

    /// Takes a free run, cutting a larger one, or a new chunk, in four when needed.
    fn take_run(&mut self, order: u8, transaction: &mut Transaction<'_>) -> Result<u32> {
        let found = (usize::from(order / ORDER_STEP)..ORDERS)
            .find_map(|index| self.free_runs[index].first().map(|page| (index as u8 * ORDER_STEP, *page)));
        let (mut have, page) = match found {
            Some(found) => found,
            None => (ORDER_STEP * (ORDERS as u8 - 1), self.new_chunk(transaction)?),
        };
        self.take_free(page, have);
        while have > order {
            have -= ORDER_STEP;
            for part in 1..4u32 {
                let part = page + (part << have);
                transaction.write(position_of(part), &run_header(1, 0, have))?;
                self.put_free(part, have);
            }
        }
        Ok(page)
    }

    fn new_chunk(&mut self, transaction: &mut Transaction<'_>) -> Result<u32> {
        let page = self.runs.len() as u32;
        if transaction.arena().pages_not_in_chunks(u64::from(page)) < u64::from(CHUNK_PAGES) {
            fail!(Code::Nospace, "no run of pages in the arena is long enough ({} bytes in use)", self.used);
        }
        transaction.write(position_of(page), &run_header(1, 0, ORDER_STEP * (ORDERS as u8 - 1)))?;
        transaction.write(HEADER_CHUNKS, &(page / CHUNK_PAGES + 1).to_le_bytes())?;
        transaction.arena().memory.note_use(position_of(page + CHUNK_PAGES));
        self.runs.resize(self.runs.len() + CHUNK_PAGES as usize, Run::default());
        self.put_free(page, ORDER_STEP * (ORDERS as u8 - 1));
        Ok(page)
    }

    /// Gives back the slabs that classes keep for their next allocation.
    #[cold]
    fn release_empty_slabs(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        let empty: Vec<u32> = self.empty_slabs().collect();
        empty.into_iter().try_for_each(|page| self.release_slab(page, transaction))
    }

    /// Makes an empty slab a free run and joins it with its free neighbours.
    #[cold]
    fn release_slab(&mut self, page: u32, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.note_structural();
        let run = self.runs[page as usize];
        self.slabs[usize::from(run.class)] -= 1;
        self.partial[usize::from(run.class)].retain(|listed| *listed != page);
        let (mut page, mut order) = (page, run.order);
        self.runs[page as usize] = Run::default();
        while usize::from(order / ORDER_STEP) + 1 < ORDERS {
            let first = page & !((4 << order) - 1);
            let is_free = |part: u32| {
                let part = first + (part << order);
                let run = self.runs[part as usize];
                part == page || (run.kind == Kind::Free && run.order == order)
            };
            if !(0..4).all(is_free) {
                break;
            }
            for part in (0..4).map(|part| first + (part << order)).filter(|part| *part != page) {
                self.take_free(part, order);
            }
            page = first;
            order += ORDER_STEP;
        }
        transaction.write(position_of(page), &run_header(1, 0, order))?;
        self.put_free(page, order);
        Ok(())
    }
}

fn words(shape: &SizeClass) -> usize {
    usize::from(shape.slots).div_ceil(64)
}

fn valid_bits(shape: &SizeClass, word: usize) -> u64 {
    match usize::from(shape.slots) - word * 64 {
        left @ 0..64 => (1 << left) - 1,
        _ => u64::MAX,
    }
}

/// The run headers of a fresh arena's first chunk: page 0 is the arena's header.
pub(super) fn first_chunk() -> impl Iterator<Item = (u64, [u8; 8])> {
    (0..ORDERS as u8 - 1).flat_map(|index| {
        let order = index * ORDER_STEP;
        (1..4u32).map(move |part| (position_of(part << order), run_header(1, 0, order)))
    })
}

#[cold]
fn not_a_slot(position: u64) -> Status {
    Status::new(Code::DfInval, format!("offset {position} of the arena is not an allocation of this size"))
}
