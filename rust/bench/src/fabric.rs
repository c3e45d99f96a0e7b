//! Calls and bulk transfers between two endpoints, each on a thread of its own.

mod transfers;

use crate::limits;
use crate::measure::{Figures, Plan, rate_async};
use crate::ping;
use crate::report::{Case, Limit, Report};
use daos_env::sync::join_all;
use daos_env::{Env, Executor, IoBuffer, WAKE_COST};
use daos_rpc::in_process::InProcessNetwork;
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::{Access, Address, Endpoint, EndpointSettings, Transport};
use daos_status::{Code, Result, Status};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Bodies of calls; a larger one does not fit a message.
const CALL_SIZES: [usize; 2] = [64, 4096];
const BULK_SIZES: [usize; 2] = [64 * 1024, 1 << 20];
const DEPTHS: [u64; 2] = [1, 16];
const BATCH: u64 = 16;
const LIMIT: Duration = Duration::from_secs(10);
const ECHO: u16 = 1;
/// The body is a descriptor; the server fills the memory behind it.
const PUSH: u16 = 2;
/// The body is a descriptor; the server reads the memory behind it.
const PULL: u16 = 3;

type Opener = Arc<dyn Fn() -> Result<Rc<dyn Transport>> + Send + Sync>;

/// Runs the cases.
pub fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let network = InProcessNetwork::new();
    let in_process: Opener = Arc::new(move || Ok(network.open()? as Rc<dyn Transport>));
    transport(plan, report, "in_process", in_process)?;
    let tcp: Opener =
        Arc::new(|| Ok(FabricTransport::open(&Env::system(), &FabricSettings::new("tcp"))? as Rc<dyn Transport>));
    transport(plan, report, "tcp", tcp)
}

fn transport(plan: &Plan, report: &mut Report, name: &'static str, open: Opener) -> Result<()> {
    let server = Server::start(open.clone())?;
    for (case, opcode, sizes) in
        [("call", ECHO, CALL_SIZES), ("bulk read", PUSH, BULK_SIZES), ("bulk write", PULL, BULK_SIZES)]
    {
        for size in sizes {
            for depth in DEPTHS {
                let limit = limit(plan, name, (opcode, size, depth))?;
                let figures = calls(plan, &open, &server.address, (opcode, size, depth))?;
                let line = Case {
                    bench: "fabric",
                    case,
                    size: size as u64,
                    transport: Some(name),
                    depth,
                    unit: "op/s",
                    ..Case::default()
                };
                report.add(line, figures, limit);
            }
        }
    }
    Ok(())
}

fn limit(plan: &Plan, transport: &str, (opcode, size, depth): (u16, usize, u64)) -> Result<Option<Limit>> {
    if transport == "in_process" {
        return limits::memory_copies(plan, size).map(Some);
    }
    if opcode != ECHO {
        // What a client reads, the server writes.
        return transfers::rate_of(plan, size, depth, opcode == PULL).map(Some);
    }
    let round_trip = ping::microseconds_per_transfer(size).map(|microseconds| 2.0 * microseconds);
    Ok(round_trip.map(|microseconds| Limit { name: "fi_pingpong", value: 1e6 / microseconds }))
}

/// A thread that answers until it is told to stop.
struct Server {
    address: Address,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(open: Opener) -> Result<Server> {
        let (sender, receiver) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let outcome = serve(open, &told, &sender);
            if let Err(error) = outcome {
                // The other side may have stopped listening after the address.
                let _gone = sender.send(Err(error));
            }
        });
        let address = receiver.recv().map_err(|_| Status::new(Code::Misc, "the server's thread is gone"))??;
        Ok(Server { address, stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn serve(open: Opener, stop: &AtomicBool, ready: &mpsc::Sender<Result<Address>>) -> Result<()> {
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), WAKE_COST)?;
    let endpoint = Endpoint::new(executor.spawner(), &*env.random, open()?, EndpointSettings::default());
    let (spawner, buffers) = (executor.spawner().clone(), Buffers::default());
    endpoint.serve(move |request| {
        if request.opcode() == ECHO {
            let body = request.body().to_vec();
            request.reply(Ok(body));
            return;
        }
        let buffers = buffers.clone();
        spawner.spawn(async move {
            let result = bulk(&request, &buffers).await;
            request.reply(result.map(|()| Vec::new()));
        });
    });
    let _gone = ready.send(Ok(endpoint.address().clone()));
    while !stop.load(Ordering::Acquire) {
        let busy = executor.run_once();
        // A bound, so that the order to stop is seen.
        let bound = env.clock.monotonic() + Duration::from_millis(50);
        executor.rest(busy, Some(bound));
    }
    endpoint.close();
    Ok(())
}

/// Buffers that are used again, as an engine's are.
type Buffers = Rc<RefCell<Vec<IoBuffer>>>;

async fn bulk(request: &daos_rpc::Request, buffers: &Buffers) -> Result<()> {
    let descriptor = daos_rpc::BulkDescriptor::decode(request.body())?;
    let length = descriptor.length() as usize;
    let used = buffers.borrow_mut().pop().filter(|buffer| buffer.len() == length);
    let buffer = used.unwrap_or_else(|| IoBuffer::zeroed(length));
    let (buffer, result) = match request.opcode() {
        PUSH => request.push(&descriptor, 0, buffer).await,
        _ => request.pull(&descriptor, 0, buffer).await,
    };
    buffers.borrow_mut().push(buffer);
    result
}

fn calls(plan: &Plan, open: &Opener, server: &Address, (opcode, size, depth): (u16, usize, u64)) -> Result<Figures> {
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), WAKE_COST)?;
    let endpoint = Endpoint::new(executor.spawner(), &*env.random, open()?, EndpointSettings::default());
    let (plan, server, used) = (plan.clone(), server.clone(), endpoint.clone());
    let outcome = executor.block_on(async move {
        rate_async(&plan, async || {
            let workers = (0..depth).map(|_| worker(&used, &server, opcode, size));
            join_all(workers).await.into_iter().collect::<Result<()>>()?;
            Ok(depth * BATCH)
        })
        .await
    });
    endpoint.close();
    outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "the benchmark's task is gone")))
}

async fn worker(endpoint: &Endpoint, server: &Address, opcode: u16, size: usize) -> Result<()> {
    let mut memory = vec![1u8; size];
    let pointer = NonNull::from(&mut memory[..]).cast();
    let access = if opcode == PUSH { Access::Write } else { Access::Read };
    for _ in 0..BATCH {
        if opcode == ECHO {
            std::hint::black_box(endpoint.call(server, ECHO, memory.clone(), LIMIT).await?);
            continue;
        }
        // SAFETY: the memory outlives the exposure, and nothing else uses it meanwhile.
        let exposed = unsafe { endpoint.expose(pointer, size, access)? };
        endpoint.call(server, opcode, exposed.descriptor().encode().to_vec(), LIMIT).await?;
    }
    Ok(())
}
