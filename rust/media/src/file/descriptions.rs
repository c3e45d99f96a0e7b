//! Open file descriptions for syncs, of which each one under way has one by itself.
//!
//! The kernel tells an error of writing back a file once to each open file description (`errseq_t`). Of two syncs that run at once on
//! one description only one would hear of it, and the other would take for durable what is lost. So a device opens its file several
//! times (a duplicated descriptor would be the same description), and a sync waits when all of them are in use.

use daos_env::sync::Signal;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

/// Syncs of one device that run at once: the batches of a log that are under way, at most four, and a checkpoint's.
pub(super) const SYNCS_MAX: usize = 5;

/// Makes one more description of the same file.
type Open<D> = Box<dyn Fn() -> io::Result<D>>;

/// See the [module](self). `D` is a file, but in tests.
pub(super) struct Descriptions<D> {
    /// The one that was used last is used next: it has seen the most.
    idle: RefCell<Vec<Rc<D>>>,
    given_back: Signal,
    open: Open<D>,
    /// How many syncs have failed, and how the last of them did.
    failures: Cell<u64>,
    last_failure: Cell<i32>,
    /// A failure that was told to a future that is gone. The next sync hears of it.
    untold: Cell<Option<i32>>,
}

/// A description, taken until its sync has ended, whoever waits for that.
pub(super) struct Lease<D> {
    descriptions: Rc<Descriptions<D>>,
    description: Rc<D>,
}

/// How a sync has ended. Dropped without [`SyncOutcome::tell`], a failure is told to the next sync.
pub(super) struct SyncOutcome<D> {
    descriptions: Rc<Descriptions<D>>,
    result: i32,
    is_told: bool,
}

/// Whether a result says that something may be lost. A sync that was interrupted, or canceled before it began, says nothing.
fn is_failure(result: i32) -> bool {
    result < 0 && !matches!(-result, libc::EINTR | libc::EAGAIN | libc::ECANCELED)
}

impl<D> Descriptions<D> {
    /// The first one, and [`SYNCS_MAX`] with those that are opened now.
    pub fn new(first: Rc<D>, open: impl Fn() -> io::Result<D> + 'static) -> io::Result<Rc<Descriptions<D>>> {
        let mut idle = Vec::with_capacity(SYNCS_MAX);
        for _ in 1..SYNCS_MAX {
            idle.push(Rc::new(open()?));
        }
        idle.push(first);
        Ok(Rc::new(Descriptions {
            idle: RefCell::new(idle),
            given_back: Signal::new(),
            open: Box::new(open),
            failures: Cell::new(0),
            last_failure: Cell::new(0),
            untold: Cell::new(None),
        }))
    }

    /// One that no other sync uses.
    pub fn try_take(self: &Rc<Self>) -> Option<Lease<D>> {
        let description = self.idle.borrow_mut().pop()?;
        Some(Lease { descriptions: self.clone(), description })
    }

    /// Waits until there may be one. It is not kept for who waits, since a future that nobody looks at would keep it from the others.
    pub async fn wait(&self) {
        self.given_back.wait_until(|| !self.idle.borrow().is_empty()).await;
    }

    /// How many syncs have failed.
    pub fn failures(&self) -> u64 {
        self.failures.get()
    }

    /// How a sync failed that ended when there had been `failures` already, or of which nobody was told: what began before that is in doubt.
    pub fn failure_since(&self, failures: u64) -> Option<i32> {
        self.untold.take().or((self.failures.get() > failures).then(|| self.last_failure.get()))
    }

    /// Opens those anew that are not in use: they would tell once more what was told, to syncs of what was written since.
    fn renew(&self) {
        for idle in self.idle.borrow_mut().iter_mut() {
            // What cannot be opened stays: to hear of an error twice does no harm but work.
            if let Ok(fresh) = (self.open)() {
                *idle = Rc::new(fresh);
            }
        }
    }
}

impl<D> Lease<D> {
    /// What the sync is for.
    pub fn description(&self) -> &Rc<D> {
        &self.description
    }

    /// The sync has ended with this result: a negative number is an error.
    pub fn end(self, result: i32) -> SyncOutcome<D> {
        let descriptions = self.descriptions.clone();
        if is_failure(result) {
            descriptions.failures.set(descriptions.failures.get() + 1);
            descriptions.last_failure.set(result);
            descriptions.renew();
        }
        SyncOutcome { descriptions, result, is_told: false }
    }
}

impl<D> Drop for Lease<D> {
    fn drop(&mut self) {
        self.descriptions.idle.borrow_mut().push(self.description.clone());
        self.descriptions.given_back.wake_all();
    }
}

impl<D> SyncOutcome<D> {
    /// The result, for who will tell it.
    pub fn tell(mut self) -> i32 {
        self.is_told = true;
        self.result
    }

    /// Whether it says that something may be lost.
    pub fn is_failure(&self) -> bool {
        is_failure(self.result)
    }
}

impl<D> Drop for SyncOutcome<D> {
    fn drop(&mut self) {
        if !self.is_told && is_failure(self.result) {
            self.descriptions.untold.set(Some(self.result));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// As the kernel's `errseq_t`: a count of errors, and whether anybody was told of the last one.
    #[derive(Default)]
    struct Mapping {
        errors: Cell<u64>,
        is_seen: Cell<bool>,
    }

    /// As an open file description.
    struct Description {
        mapping: Rc<Mapping>,
        told: Cell<u64>,
    }

    impl Mapping {
        fn fail(&self) {
            self.errors.set(self.errors.get() + 1);
            self.is_seen.set(false);
        }

        fn open(self: &Rc<Mapping>) -> Description {
            let unseen = u64::from(!self.is_seen.get()).min(self.errors.get());
            Description { mapping: self.clone(), told: Cell::new(self.errors.get() - unseen) }
        }
    }

    impl Description {
        fn sync(&self) -> i32 {
            self.mapping.is_seen.set(true);
            if self.told.replace(self.mapping.errors.get()) == self.mapping.errors.get() { 0 } else { -libc::EIO }
        }
    }

    fn setup() -> (Rc<Mapping>, Rc<Descriptions<Description>>) {
        let mapping = Rc::new(Mapping::default());
        let file = mapping.clone();
        let descriptions = Descriptions::new(Rc::new(mapping.open()), move || Ok(file.open()));
        (mapping, descriptions.expect("it opens"))
    }

    fn sync(descriptions: &Rc<Descriptions<Description>>) -> i32 {
        let lease = descriptions.try_take().expect("one is idle");
        let result = lease.description().sync();
        lease.end(result).tell()
    }

    /// With one description for both, the kernel told one of them only, and the other one's batch of the log was taken for durable.
    #[test]
    fn all_syncs_under_way_hear_of_an_error() {
        let (mapping, descriptions) = setup();
        for under_way in 1..=SYNCS_MAX {
            let leases: Vec<_> = (0..under_way).map(|_| descriptions.try_take().expect("one is idle")).collect();
            mapping.fail();
            for lease in leases {
                let result = lease.description().sync();
                assert_eq!(lease.end(result).tell(), -libc::EIO, "one of {under_way}");
            }
            // What was told to those is not told again to those that begin later.
            let later: Vec<_> = (0..SYNCS_MAX).map(|_| descriptions.try_take().expect("one is idle")).collect();
            assert!(later.iter().all(|lease| lease.description().sync() == 0), "after {under_way}");
        }
    }

    /// An error that nobody was told of is told to the next, whichever description it has.
    #[test]
    fn an_error_between_two_syncs_is_told_once() {
        let (mapping, descriptions) = setup();
        for _ in 0..3 {
            mapping.fail();
            assert_eq!(sync(&descriptions), -libc::EIO);
            assert_eq!((0..SYNCS_MAX).map(|_| sync(&descriptions)).sum::<i32>(), 0);
        }
    }

    /// The description comes back when the sync has ended, not when somebody looks; what was not heard is kept for the next.
    #[test]
    fn a_failure_that_nobody_waited_for_is_told_to_the_next() {
        let (mapping, descriptions) = setup();
        mapping.fail();
        let lease = descriptions.try_take().expect("one is idle");
        let result = lease.description().sync();
        drop(lease.end(result));
        assert_eq!(descriptions.idle.borrow().len(), SYNCS_MAX);
        let began = descriptions.failures();
        assert_eq!(descriptions.failure_since(began), Some(-libc::EIO));
        assert_eq!(descriptions.failure_since(began), None);
        assert_eq!(descriptions.failure_since(began - 1), Some(-libc::EIO), "who began before it");
        for harmless in [0, -libc::ECANCELED, -libc::EINTR, -libc::EAGAIN] {
            drop(descriptions.try_take().expect("one is idle").end(harmless));
            assert_eq!(descriptions.failure_since(began), None, "{harmless}");
        }
    }

    /// Of many who wait, those that are looked at go on, and nothing is kept for the others.
    #[test]
    fn who_waits_and_is_not_looked_at_holds_nobody_up() {
        let (_, descriptions) = setup();
        let mut leases: Vec<_> = (0..SYNCS_MAX).map(|_| descriptions.try_take().expect("one is idle")).collect();
        assert!(descriptions.try_take().is_none());
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(descriptions.wait()), pin!(descriptions.wait()));
        assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
        leases.pop();
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(()), "though the first one was there before");
        assert!(descriptions.try_take().is_some());
    }
}
