//! The table and the JSON lines.

use crate::measure::Figures;
use daos_status::Result;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// What was measured, and under which conditions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case {
    /// The layer.
    pub bench: &'static str,
    /// `update`, `overwrite`, `fetch`, `read`, `write`, `create` and the like.
    pub case: &'static str,
    /// How the records lie: `single`, `sequential`, `random`; empty where that means nothing.
    pub layout: &'static str,
    /// Bytes of one operation.
    pub size: u64,
    /// Durability class, where something is stored.
    pub class: Option<&'static str>,
    /// Transport, where something is sent.
    pub transport: Option<&'static str>,
    /// Requests under way at a time.
    pub depth: u64,
    /// Checksum kept beside values, where something is stored.
    pub checksum: Option<&'static str>,
    /// Records in the store.
    pub records: Option<u64>,
    /// `op/s`, `us`, `ms`, `B/s`, `B`, `per op` or `count`.
    pub unit: &'static str,
    /// Instructions of one operation, where they were counted.
    pub instructions: Option<f64>,
}

/// The limit that a figure is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What it is the speed of.
    pub name: &'static str,
    /// In the unit of the case.
    pub value: f64,
}

/// One row.
pub struct Line {
    /// What was measured.
    pub case: Case,
    /// What it came to.
    pub figures: Figures,
    /// What it is compared with.
    pub limit: Option<Limit>,
}

impl Line {
    /// The median as a share of the limit.
    pub fn ratio(&self) -> Option<f64> {
        self.limit.filter(|limit| limit.value > 0.0).map(|limit| self.figures.median / limit.value)
    }
}

#[derive(Serialize)]
struct JsonLine {
    bench: &'static str,
    case: &'static str,
    layout: Option<&'static str>,
    size: u64,
    class: Option<&'static str>,
    transport: Option<&'static str>,
    depth: u64,
    checksum: Option<&'static str>,
    records: Option<u64>,
    unit: &'static str,
    median: f64,
    min: f64,
    max: f64,
    reference: Option<f64>,
    ratio: Option<f64>,
    reference_name: Option<&'static str>,
    instructions: Option<f64>,
}

impl From<&Line> for JsonLine {
    fn from(line: &Line) -> JsonLine {
        let Line { case, figures, limit } = line;
        JsonLine {
            bench: case.bench,
            case: case.case,
            layout: Some(case.layout).filter(|layout| !layout.is_empty()),
            size: case.size,
            class: case.class,
            transport: case.transport,
            depth: case.depth,
            checksum: case.checksum,
            records: case.records,
            unit: case.unit,
            median: figures.median,
            min: figures.min,
            max: figures.max,
            reference: limit.map(|limit| limit.value),
            ratio: line.ratio(),
            reference_name: limit.map(|limit| limit.name),
            instructions: case.instructions,
        }
    }
}

/// Everything that one run measured.
pub struct Report {
    lines: Vec<Line>,
    notes: Vec<String>,
}

impl Report {
    /// Nothing yet.
    pub fn new() -> Report {
        Report { lines: Vec::new(), notes: Vec::new() }
    }

    /// Takes in a figure. The ratio is that of the median to the limit.
    pub fn add(&mut self, case: Case, figures: Figures, limit: Option<Limit>) {
        eprint!(".");
        self.lines.push(Line { case, figures, limit });
    }

    /// The rows so far.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// Says something below the table: what was left out and why, what a figure is made of. Once is enough.
    pub fn note(&mut self, text: &str) {
        if !self.notes.iter().any(|note| note == text) {
            self.notes.push(text.to_owned());
        }
    }

    /// Prints the table.
    pub fn print(&self) {
        eprintln!();
        let head = [
            "case",
            "size",
            "class",
            "transport",
            "depth",
            "checksum",
            "records",
            "median",
            "min",
            "max",
            "unit",
            "limit",
            "ratio",
            "instr/op",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.lines.iter().map(cells));
        let widths: Vec<usize> = (0..head.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        for row in &rows {
            let line: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
            println!("{}", line.join("  ").trim_end());
        }
        for note in &self.notes {
            println!("note: {note}");
        }
    }

    /// Writes one JSON object per case, each on a line.
    pub fn write_json(&self, path: &Path) -> Result<()> {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        for line in &self.lines {
            serde_json::to_writer(&mut file, &JsonLine::from(line)).map_err(std::io::Error::from)?;
            file.write_all(b"\n")?;
        }
        Ok(file.flush()?)
    }
}

fn cells(line: &Line) -> [String; 14] {
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let Line { case, figures, limit } = line;
    let name = if case.layout.is_empty() { case.case.to_owned() } else { format!("{} {}", case.case, case.layout) };
    [
        name,
        bytes(case.size),
        or_dash(case.class),
        or_dash(case.transport),
        case.depth.to_string(),
        or_dash(case.checksum),
        case.records.map_or("-".to_owned(), |records| records.to_string()),
        short(figures.median),
        short(figures.min),
        short(figures.max),
        case.unit.to_owned(),
        limit.map_or("-".to_owned(), |limit| format!("{} {}", limit.name, short(limit.value))),
        line.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
        case.instructions.map_or("-".to_owned(), |count| format!("{count:.0}")),
    ]
}

fn bytes(size: u64) -> String {
    match size {
        0 => "-".to_owned(),
        size if size.is_multiple_of(1 << 20) => format!("{} MiB", size >> 20),
        size if size.is_multiple_of(1 << 10) => format!("{} KiB", size >> 10),
        size => format!("{size} B"),
    }
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.2} G", value / 1e9),
        value if value >= 1e6 => format!("{:.2} M", value / 1e6),
        value if value >= 1e4 => format!("{:.1} k", value / 1e3),
        value => format!("{value:.1}"),
    }
}
