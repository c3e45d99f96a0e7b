//! Which cases of the store are measured: all of them, or those that the command line names.

use super::instructions::can_count;
use super::setup::{Checksum, Class, Layout, Setup};
use crate::measure::Plan;
use clap::ValueEnum;

const SIZES: [usize; 3] = [64, 4096, 64 * 1024];
const LAYOUTS: [Layout; 3] = [Layout::Single, Layout::Sequential, Layout::Random];
/// Requests under way in class `log`, besides one: what group commit is for.
const DEEP: u64 = 64;
/// Bytes of a small file.
const FILE_SIZE: usize = 4096;
/// Under valgrind all takes fifty times as long.
const COUNTED_RECORDS_MAX: u64 = 10_000;

/// What is done with the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Operation {
    /// Each record for the first time
    Update,
    /// Each record once more, in an order without pattern
    Overwrite,
    /// Records without pattern
    Fetch,
    /// Memory that the records take
    Memory,
    /// As fetch, without a copy, in class ram at 4 KiB and more
    InPlace,
    /// As update, with bytes in aligned buffers that the store may keep
    Handover,
}

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Part {
    /// Operations a second, and memory, of every layout, size and class
    Throughput,
    /// Class log: updates that share a flush, and the peers beside it
    Flushes,
    /// How long single requests take, also during checkpoints
    Latency,
    /// Destroying a container of many objects, and requests to another one beside it
    Destruction,
    /// Opening after a crash
    Recovery,
}

/// Narrows the benchmark of the store down; what is not named is measured as in the whole table.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Only some cases of the store, or (by size, class, depth and transport) of the client")]
pub struct Selection {
    /// Parts of the benchmark; with any of the options below, throughput alone
    #[arg(long = "part", value_enum, value_name = "PART", value_delimiter = ',')]
    parts: Vec<Part>,
    /// What is done
    #[arg(long = "case", value_enum, value_name = "CASE", value_delimiter = ',')]
    cases: Vec<Operation>,
    /// How the records lie
    #[arg(long = "layout", value_enum, value_name = "LAYOUT", value_delimiter = ',')]
    layouts: Vec<Layout>,
    /// Bytes of a value
    #[arg(long = "size", value_name = "BYTES", value_delimiter = ',')]
    sizes: Vec<usize>,
    /// Durability class
    #[arg(long = "class", value_enum, value_name = "CLASS", value_delimiter = ',')]
    classes: Vec<Class>,
    /// Requests under way at a time
    #[arg(long = "depth", value_name = "COUNT", value_delimiter = ',')]
    depths: Vec<u64>,
    /// The way between client and engine, as the table of that layer names it
    #[arg(long = "transport", value_name = "WORD", value_delimiter = ',')]
    transports: Vec<String>,
    /// Records in the store
    #[arg(long = "records", value_name = "COUNT", value_delimiter = ',')]
    records: Vec<u64>,
    /// The checksum kept beside every value
    #[arg(long, value_enum, default_value = "crc64")]
    pub checksum: Checksum,
    /// Count the instructions of one operation with valgrind, in class ram; the whole benchmark does where it is installed
    #[arg(long)]
    instructions: bool,
    /// So many operations of each case, once, and no table: for a profiler
    #[arg(long, value_name = "COUNT")]
    pub operations: Option<u64>,
}

fn or_all<T: Clone>(named: &[T], all: &[T]) -> Vec<T> {
    if named.is_empty() { all.to_vec() } else { named.to_vec() }
}

impl Selection {
    /// Whether a part was asked for.
    pub fn has_part(&self, part: Part) -> bool {
        match (&self.parts[..], self.is_narrow()) {
            ([], true) => part == Part::Throughput,
            ([], false) => true,
            (parts, _) => parts.contains(&part),
        }
    }

    /// Whether the instructions of a setup's operations are to be counted: under valgrind, large stores take too long.
    pub fn counts_instructions(&self, plan: &Plan, setup: &Setup) -> bool {
        let is_wanted = self.instructions || (plan.is_full && can_count());
        is_wanted && setup.records <= COUNTED_RECORDS_MAX
    }

    /// Whether some of the throughput's cases were named.
    fn is_narrow(&self) -> bool {
        let named = !self.cases.is_empty() || !self.layouts.is_empty() || !self.sizes.is_empty();
        named || !self.classes.is_empty() || !self.depths.is_empty() || self.has_records() || self.operations.is_some()
    }

    /// Whether a case was asked for.
    pub fn has(&self, case: Operation) -> bool {
        self.cases.is_empty() || self.cases.contains(&case)
    }

    /// As this one, but for nothing but updates.
    pub fn only_updates(&self) -> Selection {
        Selection { cases: vec![Operation::Update], ..self.clone() }
    }

    /// The classes.
    pub fn classes(&self) -> Vec<Class> {
        or_all(&self.classes, &[Class::Ram, Class::Pmem, Class::Log])
    }

    /// How the records lie. Objects of one extent are files, and therefore measured at one size.
    pub fn layouts(&self, plan: &Plan, class: Class, size: usize) -> Vec<Layout> {
        // What the disk has to do for it is much the same for all layouts.
        let mut all = if class == Class::Ram || plan.is_full { LAYOUTS.to_vec() } else { vec![Layout::Single] };
        if class == Class::Ram && size == FILE_SIZE {
            all.push(Layout::Object);
        }
        or_all(&self.layouts, &all)
    }

    /// Bytes of a value.
    pub fn sizes(&self) -> Vec<usize> {
        or_all(&self.sizes, &SIZES)
    }

    /// Whether a size, a class and a depth belong to what was named, for layers that have these only.
    pub fn includes(&self, size: usize, class: Option<&str>, depth: u64) -> bool {
        let has_class = |class: &str| self.classes.iter().any(|named| named.word() == class);
        (self.sizes.is_empty() || self.sizes.contains(&size))
            && class.is_none_or(|class| self.classes.is_empty() || has_class(class))
            && (self.depths.is_empty() || self.depths.contains(&depth))
    }

    /// Whether a way between client and engine was asked for.
    pub fn has_transport(&self, transport: &str) -> bool {
        self.transports.is_empty() || self.transports.iter().any(|named| named == transport)
    }

    /// Requests under way at a time.
    pub fn depths(&self, class: Class) -> Vec<u64> {
        let all: &[u64] = if class == Class::Log { &[1, DEEP] } else { &[1] };
        or_all(&self.depths, all).into_iter().map(|depth| depth.max(1)).collect()
    }

    /// Records in the store.
    pub fn records(&self, plan: &Plan) -> Vec<u64> {
        or_all(&self.records, &plan.records).into_iter().map(|records| records.max(1)).collect()
    }

    /// Whether the number of records was named, and is therefore meant.
    pub fn has_records(&self) -> bool {
        !self.records.is_empty()
    }
}
