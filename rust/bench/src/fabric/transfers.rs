//! Reads and writes of remote memory alone, as the limit of bulk transfer: what a loop of `fi_read` or `fi_write` gives over the same provider.

use crate::measure::{Plan, rate_async};
use crate::report::Limit;
use daos_env::sync::join_all;
use daos_env::{Env, Executor, IoBuffer, WAKE_COST};
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::{Access, Address, RemoteRegion, Transport};
use daos_status::{Code, Result, Status};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Transfers of one worker between two looks at the clock.
const BATCH: u64 = 16;

/// Transfers a second of `size` bytes, `depth` at a time, in the direction that is named as libfabric does.
pub fn rate_of(plan: &Plan, size: usize, depth: u64, is_read: bool) -> Result<Limit> {
    let owner = Owner::start(size)?;
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), WAKE_COST)?;
    let transport = FabricTransport::open(&env, &FabricSettings::new("tcp"))?;
    executor.spawner().add_source(transport.clone());
    let (plan, region, address, used) = (plan.clone(), owner.region, owner.address.clone(), transport.clone());
    let outcome = executor.block_on(async move {
        let peer = used.resolve(&address)?;
        rate_async(&plan, async || {
            let workers = (0..depth).map(|_| async {
                let mut buffer = IoBuffer::copy_of(&vec![1; size]);
                for _ in 0..BATCH {
                    let transfer = match is_read {
                        true => used.read(peer, region, 0, buffer),
                        false => used.write(peer, region, 0, buffer),
                    };
                    let (back, result) = transfer.await;
                    result?;
                    buffer = back;
                }
                Ok(())
            });
            join_all(workers).await.into_iter().collect::<Result<()>>()?;
            Ok(depth * BATCH)
        })
        .await
    });
    transport.shutdown();
    drop(owner);
    let figures = outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "the benchmark's task is gone")))?;
    Ok(Limit { name: if is_read { "fi_read" } else { "fi_write" }, value: figures.median })
}

/// A thread that owns the memory, and does nothing but let the provider work.
struct Owner {
    address: Address,
    region: RemoteRegion,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Owner {
    fn start(size: usize) -> Result<Owner> {
        let (sender, receiver) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            if let Err(error) = own(size, &told, &sender) {
                // The other side may have stopped listening after the address.
                let _gone = sender.send(Err(error));
            }
        });
        let (address, region) =
            receiver.recv().map_err(|_| Status::new(Code::Misc, "the owner's thread is gone"))??;
        Ok(Owner { address, region, stop, thread: Some(thread) })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn own(size: usize, stop: &AtomicBool, ready: &mpsc::Sender<Result<(Address, RemoteRegion)>>) -> Result<()> {
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), WAKE_COST)?;
    let transport = FabricTransport::open(&env, &FabricSettings::new("tcp"))?;
    let source: Rc<FabricTransport> = transport.clone();
    executor.spawner().add_source(source);
    let mut memory = vec![2u8; size];
    // SAFETY: the memory outlives the registration, and is not looked at meanwhile.
    let registration = unsafe { transport.register(NonNull::from(&mut memory[..]).cast(), size, Access::ReadWrite)? };
    let _gone = ready.send(Ok((transport.address(), registration.region())));
    while !stop.load(Ordering::Acquire) {
        let busy = executor.run_once();
        // A bound, so that the order to stop is seen.
        let bound = env.clock.monotonic() + Duration::from_millis(50);
        executor.rest(busy, Some(bound));
    }
    transport.shutdown();
    drop(registration);
    Ok(())
}
