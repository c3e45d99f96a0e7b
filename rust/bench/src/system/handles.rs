//! What clients and open handles cost an engine.

use super::metrics::Usage;
use super::processes::Engines;
use super::work::{self, Work};
use super::{at_most, case};
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Report};
use daos_client::{Container, Context, Pool, PoolFlags, TransportChoice};
use daos_env::sync::join_all;
use daos_status::Result;
use daos_types::ContainerId;
use std::path::Path;

const POOL_BYTES: u64 = 256 << 20;
/// The goal: what a connection may cost the engine.
const CONNECTION_BYTES_MAX: f64 = 65536.0;
/// Clients, and open handles.
const CLIENTS: usize = 256;
/// Of this process, which holds all clients, no more memory than this is used: over `tcp` the fabric gives each of them its own buffers.
const CLIENTS_BYTES_MAX: f64 = (4u64 << 30) as f64;
const HANDLES: usize = 10_000;
/// Handles that are opened at a time.
const DEPTH: usize = 16;

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let (clients, handles) = if plan.is_smoke() { (8, 64) } else { (CLIENTS, HANDLES) };
    raise_descriptor_limit();
    for (transport, choice) in [("shared_memory", TransportChoice::SharedMemory), ("tcp", TransportChoice::Network)] {
        let system = Engines::start(directory, 1, 1)?;
        let first = system.client(choice)?;
        let container = first.block_on(|client| async move { work::make(&client, "ram", POOL_BYTES).await })?;
        connections(&system, (transport, choice), container, clients, report)?;
        if choice == TransportChoice::SharedMemory {
            open_handles(&system, &first, container, handles, report)?;
        }
        first.stop();
    }
    report.note(
        "per connection, per handle: memory that the engine's process has touched, with what it shares with the client, before and after; \
         a connection is that of a client which has connected the pool, opened the container, and updated and fetched a record of 4 KiB; depth is how many there are",
    );
    Ok(())
}

/// Lets this process have as many descriptors as the kernel allows: hundreds of clients need some each.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid structure for the calls to fill and to read.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Uses the container as a client does.
async fn use_once(client: daos_client::Client, container: ContainerId) -> Result<(Container, Pool)> {
    let container = work::open(&client, container).await?;
    let object = work::object(&container, "S1")?;
    for writes in [true, false] {
        Work { writes, size: 4096, depth: 1 }.run(&client, &object, 0..1).await?;
    }
    let pool = container.pool().clone();
    Ok((container, pool))
}

fn connections(
    system: &Engines,
    (transport, choice): (&'static str, TransportChoice),
    container: ContainerId,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let process = system.process(0)?;
    let attach = || -> Result<(Context, f64)> {
        let watch = Watch::start();
        let context = system.client(choice)?;
        context.block_on(move |client| use_once(client, container))?;
        Ok((context, watch.elapsed().as_secs_f64() * 1e3))
    };
    // What the engine allocates once, for the first of them, is not counted.
    let mut kept = vec![attach()?.0];
    let (before, own) = (Usage::of(process)?, Usage::of(std::process::id())?);
    let mut times = Vec::new();
    for number in 0..count {
        let (context, time) = attach()?;
        kept.push(context);
        times.push(time);
        if number % 16 == 0 && Usage::of(std::process::id())?.memory_bytes > CLIENTS_BYTES_MAX {
            report.note("memory per connection: fewer clients, since those of this process use more than 4 GiB");
            break;
        }
    }
    let (after, own_after) = (Usage::of(process)?, Usage::of(std::process::id())?);
    let count = times.len();
    let each = |before: f64, after: f64| Figures::of(vec![(after - before).max(0.0) / count as f64]);
    let line = |name, unit| Case { transport: Some(transport), depth: count as u64, ..case(name, unit) };
    report.add(line("memory of a client", "B"), each(own.memory_bytes, own_after.memory_bytes), None);
    report.add(
        line("memory per connection", "B"),
        each(before.memory_bytes, after.memory_bytes),
        Some(at_most(CONNECTION_BYTES_MAX)),
    );
    report.add(line("descriptors per connection", "count"), each(before.descriptors, after.descriptors), None);
    report.add(line("attach, open, update, fetch", "ms"), Figures::of(times), None);
    kept.into_iter().for_each(Context::stop);
    Ok(())
}

fn open_handles(
    system: &Engines,
    context: &Context,
    container: ContainerId,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let process = system.process(0)?;
    let before = Usage::of(process)?;
    let watch = Watch::start();
    let handles = context.block_on(move |client| async move {
        let pool = Pool::connect(&client, &work::pool_reference()?, PoolFlags::READ_WRITE).await?;
        let mut handles = Vec::with_capacity(count);
        while handles.len() < count {
            let several = (0..DEPTH.min(count - handles.len())).map(|_| work::open_in(&client, &pool, container));
            handles.extend(join_all(several).await.into_iter().collect::<Result<Vec<Container>>>()?);
        }
        Ok::<_, daos_status::Status>(handles)
    })?;
    let opening = watch.elapsed().as_secs_f64() * 1e6 / count as f64;
    let after = Usage::of(process)?;
    let watch = Watch::start();
    context.block_on(move |client| async move {
        for several in handles.chunks(DEPTH) {
            let closed = join_all(several.iter().map(|handle| handle.close(&client))).await;
            closed.into_iter().collect::<Result<()>>()?;
        }
        Ok::<_, daos_status::Status>(())
    })?;
    let closing = watch.elapsed().as_secs_f64() * 1e6 / count as f64;
    let line = |name, unit| Case { transport: Some("shared_memory"), depth: count as u64, ..case(name, unit) };
    let bytes = (after.memory_bytes - before.memory_bytes).max(0.0) / count as f64;
    report.add(line("memory per open handle", "B"), Figures::of(vec![bytes]), None);
    report.add(line("open a handle, 16 at a time", "us"), Figures::of(vec![opening]), None);
    report.add(line("close a handle, 16 at a time", "us"), Figures::of(vec![closing]), None);
    Ok(())
}
