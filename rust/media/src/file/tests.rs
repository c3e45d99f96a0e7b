//! Syncs of one file that are wanted at once.

use super::descriptions::{Lease, SYNCS_MAX};
use super::device::FileDevice;
use super::*;
use daos_env::{Executor, SystemClock};
use std::io::Seek;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

struct Setup {
    executor: Executor,
    directory: tempfile::TempDir,
    device: FileDevice,
}

fn setup(engine: IoEngine) -> Option<Setup> {
    let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).expect("eventfd");
    let Ok(engine) = Engine::new(engine, executor.spawner()) else {
        println!("left out: there is no io_uring here, and blocking calls are one at a time by themselves");
        return None;
    };
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("device");
    std::fs::write(&path, vec![0; 64 * BLOCK_SIZE]).expect("file");
    let file = Rc::new(open_direct(&path).expect("open"));
    let descriptions = open_for_syncs(&path, &file).expect("open");
    let (name, capacity) = (path.display().to_string().into(), 64 * BLOCK_SIZE as u64);
    let lock = file.clone();
    let device = FileDevice { name, capacity, file, descriptions, engine: Rc::new(engine), _lock: lock };
    Some(Setup { executor, directory, device })
}

fn take_all(device: &FileDevice) -> Vec<Lease<File>> {
    std::iter::from_fn(|| device.descriptions.try_take()).collect()
}

/// A duplicated descriptor has the offset of the other one, and hears of an error together with it.
#[test]
fn descriptions_of_a_device_are_open_by_themselves() {
    let Some(Setup { device, .. }) = setup(IoEngine::Blocking) else { return };
    let leases = take_all(&device);
    assert_eq!(leases.len(), SYNCS_MAX);
    for (number, lease) in leases.iter().enumerate() {
        (&**lease.description()).seek(io::SeekFrom::Start(1 + number as u64)).expect("seek");
    }
    for (number, lease) in leases.iter().enumerate() {
        assert_eq!((&**lease.description()).stream_position().expect("position"), 1 + number as u64);
    }
}

/// The kernel has a description for each sync at once, not one for all; more than there are wait, and all end in any order, though
/// nobody looks at the others meanwhile.
#[test]
fn syncs_at_once_have_a_description_each() {
    let Some(Setup { executor, device, .. }) = setup(IoEngine::Ring) else { return };
    let mut syncs: Vec<_> = (0..2 * SYNCS_MAX + 3).map(|_| device.sync()).collect();
    let mut context = Context::from_waker(Waker::noop());
    for (number, sync) in syncs.iter_mut().enumerate() {
        assert!(sync.as_mut().poll(&mut context).is_pending());
        assert_eq!(take_all(&device).len(), SYNCS_MAX.saturating_sub(number + 1), "sync {number}");
    }
    let mut write = device.write_durable(0, IoBuffer::zeroed(BLOCK_SIZE));
    assert!(write.as_mut().poll(&mut context).is_pending());
    let ends = executor.block_on(async move {
        let (_, written) = write.await;
        let mut ends = vec![written];
        // From the last one on: those that have descriptions are not looked at before the end.
        while let Some(sync) = syncs.pop() {
            ends.push(sync.await);
        }
        ends
    });
    let ends = ends.expect("it ends");
    assert!(ends.len() == 2 * SYNCS_MAX + 4 && ends.iter().all(Result::is_ok), "{ends:?}");
    assert_eq!(take_all(&device).len(), SYNCS_MAX);
}

/// A description is in use until the kernel is done with it, and is given back then, though the future is gone.
#[test]
fn dropped_syncs_give_their_descriptions_back_when_the_kernel_is_done() {
    let Some(Setup { executor, device, .. }) = setup(IoEngine::Ring) else { return };
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..SYNCS_MAX {
        assert!(device.sync().as_mut().poll(&mut context).is_pending());
    }
    assert!(device.descriptions.try_take().is_none(), "the kernel has all of them");
    let after = device.write_durable(0, IoBuffer::zeroed(BLOCK_SIZE));
    executor.block_on(async move { after.await.1 }).expect("it ends").expect("it works");
    assert!(device.descriptions.try_take().is_some());
}

/// Who waits when a sync fails may be given a description that was opened since, and would not hear of it.
#[test]
fn who_began_before_a_failure_hears_of_it() {
    for engine in [IoEngine::Ring, IoEngine::Blocking] {
        let Some(Setup { executor, device, .. }) = setup(engine) else { continue };
        let mut leases = take_all(&device);
        let (mut waits, mut writes) = (device.sync(), device.write_durable(0, IoBuffer::zeroed(BLOCK_SIZE)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waits.as_mut().poll(&mut context).is_pending() && writes.as_mut().poll(&mut context).is_pending());
        let failed = leases.pop().expect("there are some");
        assert_eq!(failed.end(-libc::EIO).tell(), -libc::EIO);
        drop(leases);
        let later = device.sync();
        let ends = executor.block_on(async move { (waits.await, writes.await.1, later.await) }).expect("it ends");
        assert_eq!(ends.0.map_err(|status| status.code()), Err(Code::Io));
        assert_eq!(ends.1.map_err(|status| status.code()), Err(Code::Io));
        assert!(ends.2.is_ok(), "it covers what is written from now on: {:?}", ends.2);
    }
}

/// After a failure descriptions are opened anew, but never those of another file that has the name by then.
#[test]
fn a_removed_device_keeps_its_descriptions() {
    let Some(Setup { executor, directory, device }) = setup(IoEngine::Ring) else { return };
    let path = directory.path().join("device");
    std::fs::remove_file(&path).expect("remove");
    std::fs::write(&path, b"another one").expect("file");
    let lease = device.descriptions.try_take().expect("one is idle");
    assert_eq!(lease.end(-libc::EIO).tell(), -libc::EIO);
    for lease in take_all(&device) {
        assert_eq!(lease.description().metadata().expect("metadata").len(), device.capacity);
    }
    let sync = device.sync();
    executor.block_on(sync).expect("it ends").expect("it works");
}
