//! Messages and bytes of a request, counted, with 1, 2 and 4 engines: they must not grow with the system.

use super::case;
use super::metrics::Metrics;
use super::processes::Engines;
use super::work::{self, Work};
use crate::measure::{Figures, Plan};
use crate::report::{Case, Limit, Report};
use daos_client::{Context, TransportChoice};
use daos_status::Result;
use daos_types::ContainerId;
use std::collections::BTreeMap;
use std::path::Path;

const ENGINES: [usize; 3] = [1, 2, 4];
const CLASSES: [&str; 2] = ["S1", "SX"];
const SIZES: [usize; 3] = [64, 4096, 64 << 10];
const POOL_BYTES: u64 = 512 << 20;
/// Requests that are counted: with dkeys enough for every shard of every class.
const REQUESTS: u64 = 512;
const DEPTH: usize = 8;
/// Operations of the object service, as the metrics call them.
const OPERATIONS: [&str; 2] = ["op=\"Update\"", "op=\"Fetch\""];

/// What one request came to.
#[derive(Clone, Copy)]
struct Cost {
    /// Messages that the client sent and received.
    messages: f64,
    /// Bytes in them, and those that engines moved to and from its memory.
    bytes: f64,
    /// Requests that engines carried out.
    served: f64,
}

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    // The costs with one engine are what those with more are compared with.
    let mut first: BTreeMap<(&str, usize, bool), Cost> = BTreeMap::new();
    let (engines, sizes) = if plan.is_smoke() { (&ENGINES[..2], &SIZES[..1]) } else { (&ENGINES[..], &SIZES[..]) };
    for count in engines {
        let system = Engines::start(directory, *count, 1)?;
        let context = system.client(TransportChoice::Automatic)?;
        let container = context.block_on(|client| async move { work::make(&client, "ram", POOL_BYTES).await })?;
        for class in CLASSES {
            for size in sizes {
                for writes in [true, false] {
                    let cost = measure(&system, &context, container, (class, *size, writes))?;
                    let with_one = *first.entry((class, *size, writes)).or_insert(cost);
                    add(report, (*count, class, *size, writes), cost, with_one);
                }
            }
        }
        context.stop();
    }
    report.note(
        "messages, bytes, served: of one request, counted by the endpoints; depth is the number of engines; bytes are those of the client's \
         messages with headers, and those that engines move to and from its memory; served are the updates or fetches that engines carried out",
    );
    Ok(())
}

fn measure(
    system: &Engines,
    context: &Context,
    container: ContainerId,
    (class, size, writes): (&'static str, usize, bool),
) -> Result<Cost> {
    let work = Work { writes, size, depth: DEPTH };
    let before = system.all_metrics()?;
    let (messages, bytes) = context.block_on(move |client| async move {
        let container = work::open(&client, container).await?;
        let object = work::object(&container, class)?;
        // Every target has been talked to before anything is counted, and the records are there.
        Work { writes: true, ..work }.run(&client, &object, 0..REQUESTS).await?;
        let before = client.traffic().unwrap_or_default();
        work.run(&client, &object, 0..REQUESTS).await?;
        let after = client.traffic().unwrap_or_default();
        let messages = after.sent_messages + after.received_messages - before.sent_messages - before.received_messages;
        let bytes = after.sent_bytes + after.received_bytes - before.sent_bytes - before.received_bytes;
        Ok::<_, daos_status::Status>((messages, bytes))
    })?;
    let after = system.all_metrics()?;
    let difference = |get: &dyn Fn(&Metrics) -> f64| get(&after) - get(&before);
    // The first writing is counted by the engines too.
    let rounds = if writes { 2.0 } else { 1.0 };
    let moved = match writes {
        true => difference(&|metrics| metrics.get("engine_net_pulled_bytes_total", "")) / rounds,
        false => difference(&|metrics| metrics.get("engine_net_pushed_bytes_total", "")),
    };
    let operation = OPERATIONS[usize::from(!writes)];
    let served = difference(&|metrics| metrics.get("engine_requests_total", operation)) / rounds;
    let each = |count: f64| count / REQUESTS as f64;
    Ok(Cost { messages: each(messages as f64), bytes: each(bytes as f64 + moved), served: each(served) })
}

fn add(
    report: &mut Report,
    (engines, class, size, writes): (usize, &'static str, usize, bool),
    cost: Cost,
    with_one: Cost,
) {
    let figures: [(&'static str, f64, f64); 3] = match writes {
        true => [
            ("update, messages", cost.messages, with_one.messages),
            ("update, bytes", cost.bytes, with_one.bytes),
            ("update, served", cost.served, with_one.served),
        ],
        false => [
            ("fetch, messages", cost.messages, with_one.messages),
            ("fetch, bytes", cost.bytes, with_one.bytes),
            ("fetch, served", cost.served, with_one.served),
        ],
    };
    for (name, value, reference) in figures {
        let line = Case {
            layout: class,
            size: size as u64,
            class: Some("ram"),
            transport: Some("shared_memory"),
            depth: engines as u64,
            checksum: Some("crc64"),
            ..case(name, if name.ends_with("bytes") { "B" } else { "per op" })
        };
        report.add(line, Figures::of(vec![value]), Some(Limit { name: "one engine", value: reference }));
    }
}
