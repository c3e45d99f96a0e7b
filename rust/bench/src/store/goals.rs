//! What the store is to reach, and what it has reached in this run.

use super::growth::extreme;
use crate::measure::Figures;
use crate::report::{Case, Report};

/// Upstream in its fastest class (nothing durable, no checksums), one thread, measured on a quiet machine of this kind: the upper end.
const UPSTREAM: [(&str, u64, f64, f64); 4] =
    [("update", 64, 192e3, 5.0), ("update", 4096, 133e3, 4.0), ("fetch", 64, 710e3, 4.0), ("fetch", 4096, 552e3, 2.5)];
/// Of a copy of 64 KiB.
const COPY_SHARE: f64 = 0.85;
/// Of plain writes with the same flushes.
const STREAM_SHARE: f64 = 0.6;
const PAIR_BYTES: f64 = 100.0;
const FILE_BYTES: f64 = 300.0;
const GROWTH_SHARE: f64 = 0.5;
const LATENCY_FACTOR: f64 = 5.0;

type Value = fn(&Figures, Option<f64>) -> Option<f64>;

/// Adds a line for each goal that this run has figures for; the worst of them counts.
pub fn add(report: &mut Report) {
    let mut notes = Vec::new();
    let median: Value = |figures, _| Some(figures.median);
    let ratio: Value = |_, ratio| ratio;
    for (name, size, upstream, factor) in UPSTREAM {
        let in_ram = |case: &Case| case.class == Some("ram") && case.size == size;
        let least = report.lines().filter(|line| in_ram(&line.case)).filter_map(|line| line.case.records).min();
        let fits = |case: &Case| {
            let is_object = case.layout == "object";
            case.case == name && in_ram(case) && case.unit == "op/s" && !is_object && case.records == least
        };
        let found = extreme(report, fits, median, true).map(|rate| rate / upstream);
        let text =
            format!("{name} {size} B, ram: times upstream's {:.0} k/s (measured earlier, elsewhere)", upstream / 1e3);
        at_least(&mut notes, &text, found, factor);
    }
    for name in ["update", "fetch"] {
        let fits = |case: &Case| case.case == name && case.size == 65536 && case.class == Some("ram");
        at_least(&mut notes, &format!("{name} 64 KiB, ram: of memcpy"), extreme(report, fits, ratio, true), COPY_SHARE);
    }
    for (peer, share) in [("write+fdatasync", STREAM_SHARE), ("fio", STREAM_SHARE), ("RocksDB", 1.0), ("LMDB", 1.0)] {
        for size in [64, 4096, 65536] {
            let found = report
                .lines()
                .filter(|line| line.case.class == Some("log") && line.case.case == "update")
                .filter(|line| (line.case.size, line.case.depth, line.case.layout) == (size, 64, "single"))
                .filter(|line| line.limit.is_some_and(|limit| limit.name.starts_with(peer)))
                .filter_map(|line| line.ratio())
                .min_by(f64::total_cmp);
            at_least(&mut notes, &format!("update {size} B, log, 64 in flight: of {peer}"), found, share);
        }
    }
    let memory = |layout: &'static str, size: u64| {
        move |case: &Case| case.case == "metadata per record" && case.layout == layout && case.size == size
    };
    at_most(
        &mut notes,
        "metadata of a small pair, 16 B key: bytes",
        extreme(report, memory("single", 64), median, false),
        PAIR_BYTES,
    );
    at_most(
        &mut notes,
        "metadata of an object with one 4 KiB extent: bytes",
        extreme(report, memory("object", 4096), median, false),
        FILE_BYTES,
    );
    let growth = |case: &Case| case.case.ends_with(", growth");
    at_least(
        &mut notes,
        "throughput with most records: of that with least",
        extreme(report, growth, ratio, true),
        GROWTH_SHARE,
    );
    for beside in ["checkpoint", "aggregation"] {
        let fits = |case: &Case| case.case.contains("p99.9,") && case.case.ends_with(beside);
        at_most(
            &mut notes,
            &format!("p99.9 during {beside}: times the median without"),
            extreme(report, fits, ratio, false),
            LATENCY_FACTOR,
        );
    }
    notes.iter().for_each(|note| report.note(note));
}

fn at_least(notes: &mut Vec<String>, text: &str, found: Option<f64>, goal: f64) {
    if let Some(found) = found {
        notes.push(line(text, found, ">=", goal, found >= goal));
    }
}

fn at_most(notes: &mut Vec<String>, text: &str, found: Option<f64>, goal: f64) {
    if let Some(found) = found {
        notes.push(line(text, found, "<=", goal, found <= goal));
    }
}

fn line(text: &str, found: f64, sign: &str, goal: f64, is_met: bool) -> String {
    format!("goal {}: {text}: {found:.2} (goal {sign} {goal})", if is_met { "met   " } else { "missed" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_missed_by_its_worst_row_and_silent_without_one() {
        let mut notes = Vec::new();
        at_least(&mut notes, "a", Some(0.9), 0.85);
        at_most(&mut notes, "b", Some(6.0), 5.0);
        at_least(&mut notes, "c", None, 1.0);
        assert_eq!(notes, ["goal met   : a: 0.90 (goal >= 0.85)", "goal missed: b: 6.00 (goal <= 5)"]);
    }
}
