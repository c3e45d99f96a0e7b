use super::*;
use crate::sync::{Signal, join_all, yield_now};
use crate::{ManualClock, SystemClock};

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

/// A source whose sleeps take as long as they are told, by the clock of the test.
struct Sleeper {
    clock: Arc<ManualClock>,
    sleep: Cell<Duration>,
    sleeps: Cell<u32>,
}

impl Source for Sleeper {
    fn progress(&self) -> bool {
        false
    }
    fn descriptor(&self) -> Option<RawFd> {
        None
    }
    fn prepare_sleep(&self) -> bool {
        self.clock.advance(self.sleep.get());
        self.sleeps.set(self.sleeps.get() + 1);
        false
    }
}

#[test]
fn who_is_woken_soon_polls_for_longer_and_who_is_not_does_not() {
    let clock = Arc::new(ManualClock::default());
    let spin = Duration::from_micros(20);
    let executor = Executor::new(clock.clone(), spin).expect("eventfd");
    let sleeper = Rc::new(Sleeper { clock: clock.clone(), sleep: Cell::new(spin), sleeps: Cell::new(0) });
    executor.spawner().add_source(sleeper.clone());
    // Rounds of a microsecond each before the next sleep.
    let rounds = |sleep: Duration| {
        sleeper.sleep.set(sleep);
        let (mut since, mut rounds) = (None, 0);
        let before = sleeper.sleeps.get();
        while sleeper.sleeps.get() == before {
            executor.rest(false, &mut since, None);
            clock.advance(Duration::from_micros(1));
            rounds += 1;
        }
        rounds - 1
    };
    let (soon, late) = (Duration::from_micros(30), Duration::from_millis(5));
    assert_eq!([rounds(late), rounds(soon), rounds(soon), rounds(late), rounds(late)], [20, 20, 100, 100, 20]);
}
