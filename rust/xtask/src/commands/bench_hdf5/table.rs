//! The figures of a benchmark of HDF5: by case and place, with what they are compared with.

use crate::table::Table;
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Where files are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a container, whose pool has this durability class.
    Container(&'static str),
    /// HDF5's own, in a file system in memory.
    Memory,
    /// HDF5's own, on the disk that the engine has its data on.
    Disk,
}

impl Place {
    /// As progress and the table have it.
    pub fn name(self) -> String {
        match self {
            Self::Container(class) => format!("container, {class}"),
            Self::Memory => "HDF5's own, tmpfs".to_owned(),
            Self::Disk => "HDF5's own, disk".to_owned(),
        }
    }
}

/// The columns, in their order.
const PLACES: [Place; 4] = [Place::Container("ram"), Place::Container("log"), Place::Memory, Place::Disk];

/// How many times as fast as HDF5's own files cases are to be: begin of the name, ranks or one process, in memory and on the disk.
const GOALS: &[(&str, bool, Option<f64>, Option<f64>)] = &[
    ("write floats", false, Some(1.0), None),
    ("read floats", false, Some(1.0), None),
    ("read pieces", false, Some(1.0), Some(2.0)),
    ("create and write small datasets", false, Some(1.0), Some(2.0)),
    ("list small datasets", false, Some(1.0), Some(2.0)),
    ("open and read small datasets", false, Some(1.0), Some(2.0)),
    ("create attributes", false, Some(1.0), Some(2.0)),
    ("open and read attributes", false, Some(1.0), Some(2.0)),
    ("write contiguous", true, Some(1.0), None),
    ("write strided", true, Some(1.5), None),
];

/// What the connector may add to the calls of libdaos, in microseconds, and how the cases are named that tell.
const OVERHEAD: f64 = 3.0;
const DIRECTLY: &str = ", directly";

/// What a program has told: case, bytes of one operation, unit, figure.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    case: String,
    bytes: u64,
    unit: String,
    value: f64,
}

impl Figure {
    /// Reads a line, whose parts are divided by tabs.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let (case, bytes, unit, value) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let figure = Self {
            case: case.to_owned(),
            bytes: bytes.parse().ok()?,
            unit: unit.to_owned(),
            value: value.parse().ok()?,
        };
        (parts.next().is_none() && figure.value > 0.0).then_some(figure)
    }
}

/// A row: a case, of so many ranks or of one process (0).
struct Row {
    case: String,
    ranks: u32,
    bytes: u64,
    unit: String,
    values: [Vec<f64>; PLACES.len()],
}

impl Row {
    /// Median, least and most of a place, where it was measured.
    fn spread(&self, place: Place) -> Option<(f64, f64, f64)> {
        let index = PLACES.iter().position(|other| *other == place)?;
        let mut values = self.values[index].clone();
        values.sort_by(f64::total_cmp);
        Some((*values.get(values.len() / 2)?, *values.first()?, *values.last()?))
    }

    fn median(&self, place: Place) -> Option<f64> {
        self.spread(place).map(|(median, ..)| median)
    }

    /// How many times as fast as the other one a place is.
    fn ratio(&self, place: Place, other: Place) -> Option<f64> {
        let ratio = self.median(place)? / self.median(other)?;
        Some(if self.unit == "us" { 1.0 / ratio } else { ratio })
    }

    fn goal(&self, other: Place) -> Option<f64> {
        let is_its = |goal: &&(&str, bool, _, _)| self.case.starts_with(goal.0) && goal.1 == (self.ranks > 1);
        let (_, _, memory, disk) = GOALS.iter().find(is_its)?;
        if other == Place::Memory { *memory } else { *disk }
    }

    fn compared(&self, place: Place, other: Place) -> String {
        let Some(ratio) = self.ratio(place, other) else { return String::new() };
        self.goal(other).map_or(format!("{ratio:.2}"), |goal| format!("{ratio:.2} ({goal})"))
    }
}

/// All that was measured.
#[derive(Default)]
pub struct Figures {
    rows: Vec<Row>,
}

impl Figures {
    /// Takes a figure in, of so many ranks or of one process (0).
    pub fn add(&mut self, place: Place, ranks: u32, figure: Figure) {
        let is_its = |row: &Row| row.case == figure.case && row.ranks == ranks;
        let index = self.rows.iter().position(is_its).unwrap_or_else(|| {
            let Figure { case, bytes, unit, .. } = figure;
            self.rows.push(Row { case, ranks, bytes, unit, values: Default::default() });
            self.rows.len() - 1
        });
        if let Some(place) = PLACES.iter().position(|other| *other == place) {
            self.rows[index].values[place].push(figure.value);
        }
    }

    /// The table, and what the connector adds to a call.
    pub fn render(&self) -> String {
        let names = PLACES.map(Place::name);
        let mut titles = vec!["case", "ranks", "bytes", "unit"];
        titles.extend(names.iter().map(String::as_str));
        titles.extend(["ram/tmpfs (goal)", "ram/disk (goal)", "log/disk (goal)"]);
        let mut table = Table::new(&titles);
        for row in &self.rows {
            let ranks = if row.ranks == 0 { "-".to_owned() } else { row.ranks.to_string() };
            let mut cells = vec![row.case.clone(), ranks, row.bytes.to_string(), row.unit.clone()];
            cells.extend(PLACES.map(|place| row.spread(place).map_or("-".to_owned(), shown)));
            let [ram, log, memory, disk] = PLACES;
            cells.extend([row.compared(ram, memory), row.compared(ram, disk), row.compared(log, disk)]);
            table.row(cells);
        }
        let mut text = format!(
            "medians, least and most in brackets; checksums crc64, as containers have them\n{}",
            table.render()
        );
        for (case, place, added) in self.overheads() {
            let _ = writeln!(text, "{case}, {}: {added:.1} us more than directly, of {OVERHEAD} allowed", place.name());
        }
        text
    }

    /// What the connector adds to calls that were made directly, too.
    fn overheads(&self) -> Vec<(&str, Place, f64)> {
        let mut found = Vec::new();
        for direct in &self.rows {
            let Some(case) = direct.case.strip_suffix(DIRECTLY) else { continue };
            let whole = self.rows.iter().find(|row| row.case == case);
            for place in PLACES {
                if let (Some(whole), Some(direct)) = (whole.and_then(|row| row.median(place)), direct.median(place)) {
                    found.push((case, place, whole - direct));
                }
            }
        }
        found
    }

    /// Writes one object per case and place, each on a line.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_json(&self, file: &Path) -> Result<()> {
        let mut text = String::new();
        for row in &self.rows {
            for place in PLACES {
                let Some((median, min, max)) = row.spread(place) else { continue };
                let class = if let Place::Container(class) = place { Some(class) } else { None };
                let other = if class == Some("ram") { Place::Memory } else { Place::Disk };
                let reference = class.and_then(|_| row.median(other));
                let line = json!({
                    "bench": "hdf5", "case": row.case, "size": row.bytes, "class": class, "place": place.name(),
                    "transport": class.map(|_| "shared_memory"), "depth": 1, "checksum": class.map(|_| "crc64"),
                    "records": null, "ranks": row.ranks, "unit": row.unit, "median": median, "min": min, "max": max,
                    "reference": reference, "ratio": reference.and_then(|_| row.ratio(place, other)),
                });
                let _ = writeln!(text, "{line}");
            }
        }
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn shown((median, least, most): (f64, f64, f64)) -> String {
    if least == most {
        return short(median);
    }
    format!("{} ({}, {})", short(median), short(least), short(most))
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.2} G", value / 1e9),
        value if value >= 1e6 => format!("{:.1} M", value / 1e6),
        value if value >= 1e4 => format!("{:.1} k", value / 1e3),
        value => format!("{value:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(case: &str, unit: &str, value: f64) -> Figure {
        Figure::parse(&format!("{case}\t8\t{unit}\t{value}")).expect("a figure")
    }

    #[test]
    fn figures_have_four_parts_and_are_positive() {
        assert_eq!(Figure::parse("read\t4096\tus\t1.5").map(|figure| figure.value), Some(1.5));
        for line in ["", "read\t4096\tus", "read\tmany\tus\t1", "read\t1\tus\t0", "read\t1\tus\t1\t2"] {
            assert_eq!(Figure::parse(line), None, "{line}");
        }
    }

    #[test]
    fn medians_are_compared_the_faster_the_larger() {
        let mut figures = Figures::default();
        for value in [30.0, 10.0, 20.0] {
            figures.add(Place::Container("ram"), 2, figure("write strided", "op/s", value));
        }
        figures.add(Place::Memory, 2, figure("write strided", "op/s", 10.0));
        figures.add(Place::Container("log"), 0, figure("one call", "us", 20.0));
        figures.add(Place::Disk, 0, figure("one call", "us", 10.0));
        let [strided, call] = &figures.rows[..] else { panic!("two rows") };
        assert_eq!(strided.spread(Place::Container("ram")), Some((20.0, 10.0, 30.0)));
        assert_eq!(strided.compared(Place::Container("ram"), Place::Memory), "2.00 (1.5)");
        assert_eq!(strided.ratio(Place::Container("log"), Place::Disk), None);
        assert_eq!(call.ratio(Place::Container("log"), Place::Disk), Some(0.5));
    }

    #[test]
    fn what_the_connector_adds_is_told_for_each_class() {
        let mut figures = Figures::default();
        for (case, value) in [("one H5Dread", 9.0), ("one H5Dread, directly", 7.5)] {
            figures.add(Place::Container("ram"), 0, figure(case, "us", value));
        }
        assert_eq!(figures.overheads(), [("one H5Dread", Place::Container("ram"), 1.5)]);
        assert!(figures.render().contains("1.5 us more than directly, of 3 allowed"));
    }
}
