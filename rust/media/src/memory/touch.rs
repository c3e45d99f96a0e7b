//! Memory touched ahead, so that a request rarely waits while the kernel finds and clears a huge page.

use super::Plenty;
use super::region::{HUGE_PAGE, Mapping, stand_back};
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::thread::{Builder, JoinHandle};

/// How far ahead of the last byte written memory is touched: a share of what comes before it, within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    /// One byte for so many before.
    pub share: usize,
    pub least: usize,
    pub most: usize,
    /// No more than so much at once, before anything is written: a quarter of what is large.
    pub at_once_most: usize,
    /// All of it, while the machine has plenty of memory.
    pub whole: bool,
}

impl Ahead {
    /// Of a device: a small one takes little more than it needs, a large one has enough for a burst, and for the first one, too: memory that a
    /// virtual machine has never had comes at half a gigabyte a second.
    pub(crate) const DEVICE: Ahead =
        Ahead { share: 1, least: 2 * HUGE_PAGE, most: 1 << 30, at_once_most: 256 << 20, whole: false };
    /// Of a device that is there to be filled: that memory of a virtual machine which the machine below it has to find first takes several times as long
    /// as what is written to it.
    pub(crate) const WHOLE: Ahead = Ahead { whole: true, ..Ahead::DEVICE };
    /// Of an arena, which grows a few hundred bytes at a time and is to take little more than it holds.
    pub(crate) const ARENA: Ahead =
        Ahead { share: 8, least: 2 * HUGE_PAGE, most: 64 << 20, at_once_most: 0, whole: false };
}

/// Up to so many bytes a mapping has no thread at all.
const IGNORED: usize = 2 * HUGE_PAGE;
/// From so many bytes on, some are touched before anything is written.
const LARGE: usize = 256 << 20;

#[derive(Default)]
struct Work {
    /// Touched so far, and up to where it is to be.
    done: usize,
    wanted: usize,
    /// Up to where it may be, if there is plenty of memory.
    spare: usize,
    has_thread: bool,
    is_over: bool,
}

#[derive(Default)]
pub(super) struct Desk {
    work: Mutex<Work>,
    changed: Condvar,
}

/// Decides what is touched ahead, and has a thread do it.
pub(crate) struct Toucher {
    mapping: Arc<Mapping>,
    ahead: Ahead,
    desk: Arc<Desk>,
    /// A write beyond it asks for more.
    limit: Cell<usize>,
    thread: RefCell<Option<JoinHandle<()>>>,
}

impl Toucher {
    pub(crate) fn new(mapping: Arc<Mapping>, ahead: Ahead) -> Toucher {
        let limit = if mapping.length() <= 2 * IGNORED { usize::MAX } else { IGNORED };
        let at_once = if mapping.length() < LARGE { 0 } else { ahead.at_once_most.min(mapping.length() / 4) };
        let toucher =
            Toucher { mapping, ahead, desk: Arc::default(), limit: Cell::new(limit), thread: RefCell::default() };
        let spare = if ahead.whole && toucher.mapping.length() > 2 * IGNORED { toucher.mapping.length() } else { 0 };
        if at_once > 0 || spare > 0 {
            let mut work = toucher.desk.work.lock().unwrap_or_else(PoisonError::into_inner);
            work.spare = spare;
            toucher.want(&mut work, at_once);
        }
        toucher
    }

    /// Something was written that ends here.
    #[inline]
    pub(crate) fn note_write(&self, end: usize) {
        if end > self.limit.get() {
            self.ask(end);
        }
    }

    /// Everything before this byte has memory.
    pub(super) fn note_populated(&self, end: usize) {
        let mut work = self.desk.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.done = work.done.max(end);
        work.wanted = work.wanted.max(work.done);
        drop(work);
        self.limit.set(self.limit.get().max(if end >= self.mapping.length() { usize::MAX } else { end }));
    }

    #[cfg(test)]
    pub(super) fn desk(&self) -> Arc<Desk> {
        self.desk.clone()
    }

    #[cold]
    fn ask(&self, end: usize) {
        let length = self.mapping.length();
        let ahead = (end / self.ahead.share).clamp(self.ahead.least, self.ahead.most);
        let wanted = end.saturating_add(ahead).min(length);
        let mut work = match self.desk.work.try_lock() {
            Ok(work) => work,
            Err(TryLockError::Poisoned(work)) => work.into_inner(),
            // The thread may hold it and have no core to run on: the next write asks again.
            Err(TryLockError::WouldBlock) => return,
        };
        // The next question comes when half of what is ahead was used up.
        self.limit.set(if wanted == length { usize::MAX } else { end + ahead / 2 });
        // What comes before the write is touched already, or will be by the write itself.
        work.done = work.done.max(end);
        self.want(&mut work, wanted);
    }

    /// Has everything before this byte touched.
    fn want(&self, work: &mut Work, wanted: usize) {
        work.wanted = work.wanted.max(wanted);
        if !work.has_thread {
            let (mapping, desk) = (self.mapping.clone(), self.desk.clone());
            let thread = Builder::new().name("daos-memory".to_string()).spawn(move || run(&mapping, &desk)).ok();
            // Without it, writes take their memory themselves.
            work.has_thread = thread.is_some();
            self.thread.replace(thread);
        }
        self.desk.changed.notify_one();
    }
}

impl Drop for Toucher {
    /// Ends the thread, without waiting for it. It must not be the one that gives the memory back, which may be gigabytes: it would do so where a core has
    /// nothing else to do, and meanwhile hold the lock of the address space, behind which everybody waits who wants memory of any kind.
    fn drop(&mut self) {
        self.desk.work.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        self.desk.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let mapping = self.mapping.clone();
            let give_back = move || {
                let _ended = thread.join();
                mapping.give_back();
            };
            // Without another thread, the last one that has the mapping gives it back, whoever that is.
            let _started = Builder::new().name("daos-unmap".to_string()).spawn(give_back);
        }
    }
}

/// The thread: one huge page after the other, until its device is gone. It holds the lock for some instructions only: whoever waits for it waits for a
/// thread that has no core to run on.
fn run(mapping: &Mapping, desk: &Desk) {
    stand_back();
    let plenty = Plenty::default();
    let lock = || desk.work.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut work = lock();
        while !work.is_over && work.done >= work.wanted.max(work.spare) {
            work = desk.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
        if work.is_over {
            return;
        }
        let (from, is_wanted) = (work.done, work.done < work.wanted);
        drop(work);
        if is_wanted || plenty.is_there() {
            let to = (from / HUGE_PAGE + 1) * HUGE_PAGE;
            mapping.touch(from / HUGE_PAGE * HUGE_PAGE, to);
            let mut work = lock();
            work.done = work.done.max(to);
        } else {
            // From here on memory is taken as it is needed.
            lock().spare = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Taking;
    use crate::memory::region::{Region, policy_of_this_thread};

    /// Requests had stopped for milliseconds while the kernel cleared huge pages: the thread took a core from those who spin for each other, and held
    /// the lock of the address space.
    #[test]
    fn the_thread_stands_back_behind_everybody() {
        let policy = std::thread::spawn(|| {
            stand_back();
            policy_of_this_thread()
        });
        assert_eq!(policy.join().unwrap(), libc::SCHED_IDLE);
    }

    #[test]
    fn the_thread_touches_ahead_within_bounds_and_ends_with_its_device() {
        let region = Region::reserve(64 << 20, Taking::AsNeeded).unwrap();
        let desk = region.desk();
        region.write(0, &[1; 4096]).unwrap();
        assert!(!desk.work.lock().unwrap().has_thread, "a small device has none");
        region.write(IGNORED as u64, &[1; 4096]).unwrap();
        let wanted = desk.work.lock().unwrap().wanted;
        assert_eq!(wanted, 2 * (IGNORED + 4096));
        drop(region);
        assert!(desk.work.lock().unwrap().is_over);
    }

    #[test]
    fn a_large_device_has_memory_before_it_is_written() {
        let region = Region::reserve(LARGE as u64, Taking::AsNeeded).unwrap();
        assert_eq!(region.desk().work.lock().unwrap().wanted, LARGE / 4);
        let region = Region::reserve(8 * LARGE as u64, Taking::AsNeeded).unwrap();
        assert_eq!(region.desk().work.lock().unwrap().wanted, Ahead::DEVICE.at_once_most);
        // It ends in mid-work, too.
        let desk = region.desk();
        drop(region);
        assert!(desk.work.lock().unwrap().is_over);
    }

    #[test]
    fn a_device_that_is_there_to_be_filled_takes_all_its_memory_and_keeps_it() {
        let region = std::rc::Rc::new(Region::reserve(64 << 20, Taking::Ahead).unwrap());
        let desk = region.desk();
        let had_plenty = Plenty::default().is_there();
        let is_touched = |work: &Work| work.done >= 64 << 20 || work.spare == 0;
        // The thread works where a core has nothing else to do.
        while !is_touched(&desk.work.lock().unwrap()) {
            std::thread::yield_now();
        }
        let has_plenty = had_plenty && Plenty::default().is_there();
        assert!(desk.work.lock().unwrap().done >= 64 << 20 || !has_plenty);
        region.write(0, &[7; 4096]).unwrap();
        region.discard(0, 4 << 20);
        // On a machine without plenty of memory it is given back.
        let byte = region.read(0, 1, |bytes| bytes[0]).unwrap();
        assert!(byte == 7 || !has_plenty && byte == 0);
        let mapping = region.mapping();
        drop(region);
        while mapping.upgrade().is_some() {
            std::thread::yield_now();
        }
    }
}
