use super::*;
use crate::{EngineLauncher, InsideEngine, LocalMode, TransportChoice};
use std::io::PipeReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32};

struct NoEngine;

impl EngineLauncher for NoEngine {
    fn launch_process(&self, _: &Path) -> Result<PipeReader> {
        Err(Code::Nosys.into())
    }

    fn start_inside(&self, _: &Path, _: &Env) -> Result<Box<dyn InsideEngine>> {
        Err(Code::Nosys.into())
    }
}

fn context() -> Arc<Context> {
    let settings = ClientSettings {
        local_directory: PathBuf::from("/nonexistent"),
        local_mode: LocalMode::Process,
        system: None,
        transport: TransportChoice::default(),
        call_timeout: Duration::from_secs(60),
    };
    Arc::new(Context::start(settings, Env::system(), Arc::new(NoEngine)).unwrap())
}

/// Work that takes several rounds, and now and then a timer.
async fn some_work(client: Client, number: u64) -> u64 {
    for step in 0..number % 7 {
        daos_env::sync::yield_now().await;
        if step == 3 {
            client.spawner().sleep(Duration::from_micros(number % 200)).await;
        }
    }
    number
}

#[test]
fn many_threads_get_their_results() {
    let context = context();
    let threads: Vec<_> = (0..64)
        .map(|thread| {
            let context = context.clone();
            thread::spawn(move || {
                for call in 0..200 {
                    let number = thread * 1000 + call;
                    assert_eq!(context.block_on(move |client| some_work(client, number)), number);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Once, a thread that only started work held the world for an instant; another one found it taken, went to sleep, and was
/// woken by nobody, since who starts work does not drive.
#[test]
fn threads_that_only_start_work_leave_nobody_asleep() {
    let context = context();
    let stop = Arc::new(AtomicBool::new(false));
    let running = Arc::new(AtomicU32::new(0));
    let starters: Vec<_> = (0..2)
        .map(|_| {
            let (context, stop, running) = (context.clone(), stop.clone(), running.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if running.fetch_add(1, Ordering::Relaxed) > 64 {
                        running.fetch_sub(1, Ordering::Relaxed);
                        thread::yield_now();
                        continue;
                    }
                    let running = running.clone();
                    context.spawn(move |_| async move {
                        running.fetch_sub(1, Ordering::Relaxed);
                    });
                }
            })
        })
        .collect();
    for number in 0..2000 {
        assert_eq!(context.block_on(move |client| some_work(client, number)), number);
    }
    stop.store(true, Ordering::Relaxed);
    starters.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_thread_with_a_limit_leaves_the_driving_to_one_without() {
    let context = context();
    let (waits, ready) = (context.clone(), Arc::new(AtomicBool::new(false)));
    let flag = ready.clone();
    let id = context.spawn(move |client| async move {
        client.spawner().sleep(Duration::from_millis(30)).await;
        flag.store(true, Ordering::SeqCst);
    });
    // Drives first, and leaves by its limit; the other one has to go on.
    let first = thread::spawn({
        let context = context.clone();
        move || context.drive(Some(Duration::from_millis(5)), || false)
    });
    let second = thread::spawn(move || waits.drive_for(id, None, || ready.load(Ordering::SeqCst)));
    assert!(!first.join().unwrap());
    assert!(second.join().unwrap());
}

#[test]
fn a_panic_comes_back_to_who_asked_and_to_nobody_else() {
    let context = context();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let context = context.clone();
            thread::spawn(move || {
                for call in 0..50u64 {
                    let panics = (call + thread) % 3 == 0;
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        context.block_on(move |client| async move {
                            let number = some_work(client, call).await;
                            assert!(!panics, "asked for");
                            number
                        })
                    }));
                    assert_eq!(result.ok(), (!panics).then_some(call));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn detached_work_goes_on_while_others_drive() {
    let (context, count) = (context(), Arc::new(AtomicU32::new(0)));
    for number in 0..100 {
        let count = count.clone();
        context.spawn(move |client| async move {
            some_work(client, number).await;
            count.fetch_add(1, Ordering::SeqCst);
        });
    }
    assert!(context.drive(None, || count.load(Ordering::SeqCst) == 100));
    assert!(!context.drive(Some(Duration::ZERO), || false));
}

#[test]
fn stopping_cancels_and_tells() {
    let context = Arc::into_inner(context()).unwrap();
    let told = Arc::new(AtomicBool::new(false));
    let theirs = told.clone();
    context.spawn(move |client| async move {
        assert!(client.connection().await.is_err());
        theirs.store(true, Ordering::SeqCst);
    });
    context.stop();
    assert!(told.load(Ordering::SeqCst));
}
