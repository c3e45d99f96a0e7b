//! The metrics as text.

use crate::target::{LATENCY_BOUNDS, Latency, Measures, PoolMeasures};
use daos_types::Rank;
use std::fmt::Write as _;

/// What is known about the engine beside what its targets measure.
pub(super) struct About {
    pub rank: Rank,
    pub started: u64,
    pub clients: usize,
    pub serving: bool,
    pub table_version: u64,
    pub ranks: Vec<(Rank, &'static str)>,
}

/// Name, kind, help, and where the value is.
type Kind<T> = (&'static str, &'static str, &'static str, fn(&T) -> u64);

/// Of each target.
const KINDS: [Kind<Measures>; 17] = [
    ("engine_requests_active", "gauge", "Requests under way", |m| m.running),
    ("engine_net_malformed_total", "counter", "Messages that were not valid", |m| m.statistics.malformed_frames),
    ("engine_net_late_replies_total", "counter", "Replies that nobody waited for", |m| m.statistics.late_replies),
    ("engine_net_lost_replies_total", "counter", "Replies that could not be sent", |m| m.statistics.lost_replies),
    ("engine_net_refused_total", "counter", "Requests beyond a bound", |m| m.statistics.refused_requests),
    ("engine_net_stray_total", "counter", "Requests for an endpoint that was at this place before", |m| {
        m.statistics.stray_requests
    }),
    ("engine_net_doubled_total", "counter", "Requests that came twice", |m| m.statistics.doubled_requests),
    ("engine_net_outstanding", "gauge", "Calls to others under way", |m| m.statistics.outstanding as u64),
    ("engine_net_exposed_regions", "gauge", "Pieces of memory lent to others", |m| m.statistics.exposures as u64),
    ("engine_net_sent_messages_total", "counter", "Messages sent", |m| m.statistics.traffic.sent_messages),
    ("engine_net_sent_bytes_total", "counter", "Bytes in them", |m| m.statistics.traffic.sent_bytes),
    ("engine_net_received_messages_total", "counter", "Messages received", |m| m.statistics.traffic.received_messages),
    ("engine_net_received_bytes_total", "counter", "Bytes in them", |m| m.statistics.traffic.received_bytes),
    ("engine_net_transfers_total", "counter", "Transfers to and from memory of others", |m| {
        m.statistics.traffic.transfers
    }),
    ("engine_net_pulled_bytes_total", "counter", "Bytes taken from memory of others", |m| {
        m.statistics.traffic.pulled_bytes
    }),
    ("engine_net_pushed_bytes_total", "counter", "Bytes put into memory of others", |m| {
        m.statistics.traffic.pushed_bytes
    }),
    ("engine_pools", "gauge", "Pools that the target has a part of", |m| m.pools.len() as u64),
];

/// Of each target's part of a pool.
const POOL_KINDS: [Kind<PoolMeasures>; 16] = [
    ("engine_pool_meta_total_bytes", "gauge", "Room for metadata and small values", |m| m.space.meta.total),
    ("engine_pool_meta_free_bytes", "gauge", "Of it, what can be written", |m| m.space.meta.free),
    ("engine_pool_data_total_bytes", "gauge", "Room for large values", |m| m.space.data.total),
    ("engine_pool_data_free_bytes", "gauge", "Of it, what can be written", |m| m.space.data.free),
    ("engine_pool_log_flushes_total", "counter", "Writes to the log, each made durable", |m| m.media.log_batches),
    ("engine_pool_log_changes_total", "counter", "Changes in them", |m| m.media.log_records),
    ("engine_pool_log_bytes_total", "counter", "Bytes in them", |m| m.media.log_bytes),
    ("engine_pool_log_used_bytes", "gauge", "Bytes of the log that no checkpoint covers", |m| m.media.log_used),
    ("engine_pool_checkpoints_total", "counter", "Checkpoints written", |m| m.media.checkpoints),
    ("engine_pool_checkpoint_pages_total", "counter", "Pages written for them", |m| m.media.checkpoint_pages),
    ("engine_pool_scrubber_scans_total", "counter", "How often scrubbing has looked at everything", |m| {
        m.work.scrub_passes
    }),
    ("engine_pool_scrubber_csums_total", "counter", "Values whose checksums it has verified", |m| m.work.scrub.values),
    ("engine_pool_scrubber_bytes_scrubbed_total", "counter", "Their bytes", |m| m.work.scrub.bytes),
    ("engine_pool_scrubber_corruption_total", "counter", "Damage that it has found", |m| m.work.scrub.errors),
    ("engine_pool_aggregation_rounds_total", "counter", "How often old versions were given back", |m| {
        m.work.aggregation_rounds
    }),
    ("engine_pool_rebuild_objects_total", "counter", "Objects rebuilt: none in this release", |_| 0),
];

/// Metrics under construction.
struct Text(String);

impl Text {
    fn title(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _never_fails = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let _never_fails = match labels.as_slice() {
            [] => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }
}

/// All metrics. Labels hold words of ours, numbers and identifiers, which need no escaping.
pub(super) fn text(about: &About, targets: &[Measures]) -> String {
    let mut text = Text(String::new());
    let rank = about.rank.0.to_string();
    let one = |text: &mut Text, name: &str, help: &str, value: u64| {
        text.title(name, "gauge", help);
        text.value(name, &[("rank", &rank)], value);
    };
    one(&mut text, "engine_up", "1 when the targets serve, 0 when they are stopped or starting", about.serving.into());
    one(&mut text, "engine_rank", "Rank of the engine", about.rank.0.into());
    one(&mut text, "engine_started_at_seconds", "When its process started, in seconds since 1970", about.started);
    one(
        &mut text,
        "engine_clients",
        "Attached clients; 0 where the metadata service does not lead",
        about.clients as u64,
    );
    one(&mut text, "engine_rank_table_version", "Version of the table of engines that it knows", about.table_version);
    text.title("engine_system_ranks", "gauge", "Ranks of the system by state, as this engine knows them");
    for state in ["joined", "stopped", "excluded", "adminexcluded", "unresponsive"] {
        let count = about.ranks.iter().filter(|(_, word)| *word == state).count();
        text.value("engine_system_ranks", &[("rank", &rank), ("state", state)], count as u64);
    }
    for (name, kind, help, get) in KINDS {
        text.title(name, kind, help);
        for target in targets {
            text.value(name, &[("rank", &rank), ("target", &target.target.to_string())], get(target));
        }
    }
    text.title("engine_requests_total", "counter", "Requests that came, by what they ask for");
    for target in targets {
        for (name, count) in &target.requests {
            let labels = [("rank", rank.as_str()), ("target", &target.target.to_string()), ("op", name)];
            text.value("engine_requests_total", &labels, *count);
        }
    }
    text.title("engine_request_errors_total", "counter", "Requests that were answered with an error, by its name");
    for target in targets {
        for (name, count) in &target.failures {
            let labels = [("rank", rank.as_str()), ("target", &target.target.to_string()), ("error", name)];
            text.value("engine_request_errors_total", &labels, *count);
        }
    }
    latencies(&mut text, &rank, targets);
    pool_operations(&mut text, &rank, targets);
    for (name, kind, help, get) in POOL_KINDS {
        text.title(name, kind, help);
        for target in targets {
            for measures in &target.pools {
                let (index, pool) = (target.target.to_string(), measures.pool.to_string());
                text.value(name, &[("rank", &rank), ("target", &index), ("pool", &pool)], get(measures));
            }
        }
    }
    text.0
}

/// A histogram of every operation, and of fetches and updates the figures that upstream has, in microseconds.
fn latencies(text: &mut Text, rank: &str, targets: &[Measures]) {
    let name = "engine_request_latency_seconds";
    text.title(name, "histogram", "Time from a request to its reply, by what it asks for");
    for target in targets {
        let index = target.target.to_string();
        for (operation, latency) in &target.latencies {
            let labels = format!("rank=\"{rank}\",target=\"{index}\",op=\"{operation}\"");
            let mut count = 0;
            for (bound, of_it) in latency.counts.iter().take(LATENCY_BOUNDS).enumerate() {
                count += of_it;
                let seconds = (1u64 << bound) as f64 / 1e6;
                text.line(&format!("{name}_bucket{{{labels},le=\"{seconds}\"}} {count}"));
            }
            let all = latency.count();
            text.line(&format!("{name}_bucket{{{labels},le=\"+Inf\"}} {all}"));
            text.line(&format!("{name}_sum{{{labels}}} {}", latency.sum as f64 / 1e9));
            text.line(&format!("{name}_count{{{labels}}} {all}"));
        }
    }
    type Figure = (&'static str, &'static str, fn(&Latency) -> u64);
    let figures: [Figure; 5] = [
        ("", "Time of the last one, in microseconds", |latency| latency.last / 1000),
        ("_min", "The shortest time, in microseconds", |latency| latency.least / 1000),
        ("_max", "The longest time, in microseconds", |latency| latency.most / 1000),
        ("_mean", "The mean, in microseconds", |latency| latency.mean() / 1000),
        ("_stddev", "The standard deviation, in microseconds", |latency| latency.deviation() as u64),
    ];
    for (operation, word) in [("Fetch", "fetch"), ("Update", "update")] {
        for (suffix, help, get) in figures {
            let name = format!("engine_io_latency_{word}{suffix}");
            text.title(&name, "gauge", help);
            for target in targets {
                let found = target.latencies.iter().find(|(name, _)| name == operation);
                if let Some((_, latency)) = found {
                    text.value(&name, &[("rank", rank), ("target", &target.target.to_string())], get(latency));
                }
            }
        }
    }
}

/// Requests about objects of each pool, by upstream's names where it has one for what is asked.
fn pool_operations(text: &mut Text, rank: &str, targets: &[Measures]) {
    for (operation, word, help) in [
        ("Fetch", "fetch", "Fetches"),
        ("Update", "update", "Updates"),
        ("Punch", "punch", "Punches of objects and keys"),
        ("ListKeys", "key_enum", "Lists of keys"),
        ("ListExtents", "recx_enum", "Lists of extents"),
        ("QueryKey", "key_query", "Queries of keys"),
    ] {
        let name = format!("engine_pool_ops_{word}");
        text.title(&name, "counter", help);
        for target in targets {
            for measures in &target.pools {
                let count =
                    measures.work.requests.iter().find(|(name, _)| name == operation).map_or(0, |(_, count)| *count);
                let (index, pool) = (target.target.to_string(), measures.pool.to_string());
                text.value(&name, &[("rank", rank), ("target", &index), ("pool", &pool)], count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let about = About {
            rank: Rank(3),
            started: 1,
            clients: 2,
            serving: true,
            table_version: 4,
            ranks: vec![(Rank(0), "joined"), (Rank(3), "joined")],
        };
        let mut latency = Latency::default();
        [900, 3000].into_iter().for_each(|time| latency.add(time));
        let measures = Measures {
            target: 1,
            running: 5,
            requests: vec![("Fetch".to_owned(), 6)],
            latencies: vec![("Fetch".to_owned(), latency)],
            failures: vec![("DER_NOSPACE", 2)],
            statistics: Default::default(),
            pools: Vec::new(),
        };
        let text = text(&about, &[measures]);
        assert!(text.contains("# TYPE engine_clients gauge\nengine_clients{rank=\"3\"} 2\n"), "{text}");
        assert!(text.contains("engine_requests_total{rank=\"3\",target=\"1\",op=\"Fetch\"} 6\n"), "{text}");
        assert!(
            text.contains("engine_request_errors_total{rank=\"3\",target=\"1\",error=\"DER_NOSPACE\"} 2\n"),
            "{text}"
        );
        assert!(text.contains("engine_system_ranks{rank=\"3\",state=\"joined\"} 2\n"), "{text}");
        for line in [
            "engine_request_latency_seconds_bucket{rank=\"3\",target=\"1\",op=\"Fetch\",le=\"0.000001\"} 1\n",
            "engine_request_latency_seconds_bucket{rank=\"3\",target=\"1\",op=\"Fetch\",le=\"0.000002\"} 1\n",
            "engine_request_latency_seconds_bucket{rank=\"3\",target=\"1\",op=\"Fetch\",le=\"0.000004\"} 2\n",
            "engine_request_latency_seconds_bucket{rank=\"3\",target=\"1\",op=\"Fetch\",le=\"+Inf\"} 2\n",
            "engine_request_latency_seconds_sum{rank=\"3\",target=\"1\",op=\"Fetch\"} 0.0000039\n",
            "engine_io_latency_fetch_max{rank=\"3\",target=\"1\"} 3\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(value.parse::<f64>().is_ok() && name.starts_with("engine_"), "{line}");
        }
    }
}
