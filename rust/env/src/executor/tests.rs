use super::*;
use crate::sync::{Signal, join_all, yield_now};
use crate::{ManualClock, SystemClock, WAKE_COST};

fn executor() -> Executor {
    Executor::new(Arc::new(SystemClock), Duration::ZERO).expect("eventfd")
}

#[test]
fn tasks_run_and_give_results() {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let sum = executor.block_on(async move {
        let handles = (0..200).map(|n| {
            spawner.spawn(async move {
                yield_now().await;
                n
            })
        });
        join_all(handles.collect::<Vec<_>>()).await.into_iter().flatten().sum::<u64>()
    });
    assert_eq!(sum, Some(199 * 200 / 2));
}

#[test]
fn another_thread_wakes_a_sleeping_executor() {
    let executor = executor();
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(None::<Waker>)));
    let theirs = shared.clone();
    let thread = std::thread::spawn(move || {
        let waker = loop {
            if let Some(waker) = theirs.1.lock().expect("lock").take() {
                break waker;
            }
            std::thread::yield_now();
        };
        theirs.0.store(true, Ordering::SeqCst);
        waker.wake();
    });
    executor.block_on(std::future::poll_fn(move |context| {
        if shared.0.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        *shared.1.lock().expect("lock") = Some(context.waker().clone());
        Poll::Pending
    }));
    thread.join().expect("thread");
}

#[test]
fn timers_follow_the_clock_they_are_given() {
    let clock = Arc::new(ManualClock::default());
    let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
    let order = Rc::new(RefCell::new(Vec::new()));
    for seconds in [3, 1, 2] {
        let (spawner, order) = (executor.spawner().clone(), order.clone());
        executor.spawner().spawn(async move {
            spawner.sleep(Duration::from_secs(seconds)).await;
            order.borrow_mut().push(seconds);
        });
    }
    executor.run_until_stalled();
    assert_eq!(executor.next_timer(), Some(Duration::from_secs(1)));
    clock.advance(Duration::from_secs(2));
    executor.run_until_stalled();
    assert_eq!(*order.borrow(), [1, 2]);
    let spawner = executor.spawner().clone();
    let late = executor
        .spawner()
        .spawn(async move { spawner.timeout(Duration::from_secs(5), std::future::pending::<()>()).await });
    executor.run_until_stalled();
    clock.advance(Duration::from_secs(5));
    assert_eq!(executor.block_on(late), Some(Some(None)));
}

#[test]
fn a_dropped_executor_drops_its_tasks() {
    let marker = Rc::new(());
    {
        let executor = executor();
        let (held, spawner) = (marker.clone(), executor.spawner().clone());
        executor.spawner().spawn(async move {
            spawner.sleep(Duration::from_secs(3600)).await;
            drop(held);
        });
        executor.run_until_stalled();
        assert_eq!(Rc::strong_count(&marker), 2);
    }
    assert_eq!(Rc::strong_count(&marker), 1);
}

#[test]
fn signals_let_every_waiter_look_again() {
    let executor = executor();
    let (signal, level) = (Rc::new(Signal::new()), Rc::new(Cell::new(0)));
    let waiters: Vec<_> = (1..=3)
        .map(|wanted| {
            let (signal, level) = (signal.clone(), level.clone());
            executor.spawner().spawn(async move { signal.wait_until(|| level.get() >= wanted).await })
        })
        .collect();
    for reached in 1..=3 {
        executor.run_until_stalled();
        level.set(reached);
        signal.wake_all();
    }
    assert_eq!(executor.block_on(join_all(waiters)).map(|all| all.len()), Some(3));
}

/// A source that has something to do every so often, by the clock of the test; each round and each sleep takes time.
struct Ticker {
    clock: Arc<ManualClock>,
    interval: Duration,
    next: Cell<Duration>,
}

const ROUND: Duration = Duration::from_nanos(500);

impl Source for Ticker {
    fn progress(&self) -> bool {
        self.clock.advance(ROUND);
        let now = self.clock.monotonic();
        if now < self.next.get() {
            return false;
        }
        self.next.set(now + self.interval);
        true
    }
    fn descriptor(&self) -> Option<RawFd> {
        None
    }
    fn prepare_sleep(&self) -> bool {
        self.clock.advance(self.next.get().saturating_sub(self.clock.monotonic()) + WAKE_COST);
        false
    }
}

fn waits_of(interval: Duration, rounds: u32, wake_cost: Duration) -> WaitStatistics {
    let clock = Arc::new(ManualClock::default());
    let mut executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
    // Also on a machine of one core, where an executor would not spin.
    executor.waiting = RefCell::new(Waiting::new(wake_cost));
    executor.spawner().add_source(Rc::new(Ticker { clock, interval, next: Cell::new(interval) }));
    for _ in 0..rounds {
        executor.rest(executor.run_once(), None);
    }
    executor.wait_statistics()
}

#[test]
fn a_busy_thread_does_not_sleep_and_an_idle_one_does_not_spin() {
    let busy = waits_of(Duration::from_micros(20), 100_000, WAKE_COST);
    assert_eq!(busy.sleeps, 0);
    let idle = waits_of(Duration::from_millis(1), 100_000, WAKE_COST);
    // Some spins in the beginning, then one round before each sleep.
    assert!(idle.spins + idle.yields < 10_000 && idle.sleeps > 40_000, "{idle:?}");
    let alone = waits_of(Duration::from_micros(20), 1_000, Duration::ZERO);
    assert_eq!((alone.spins, alone.yields), (0, 0));
}
