//! Which cases of the store are measured: all of them, or those that the command line names.

use super::setup::{Checksum, Class, Layout};
use crate::measure::Plan;
use clap::ValueEnum;

const SIZES: [usize; 3] = [64, 4096, 64 * 1024];
const LAYOUTS: [Layout; 3] = [Layout::Single, Layout::Sequential, Layout::Random];
/// Requests under way in class `log`, besides one: what group commit is for.
const DEEP: u64 = 64;

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
    /// As update, with bytes in aligned buffers that the store may keep
    Handover,
}

/// Narrows the benchmark of the store down; what is not named is measured as in the whole table.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Only some cases of the store")]
pub struct Selection {
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
    /// Records in the store
    #[arg(long = "records", value_name = "COUNT", value_delimiter = ',')]
    records: Vec<u64>,
    /// The checksum kept beside every value
    #[arg(long, value_enum, default_value = "crc64")]
    pub checksum: Checksum,
    /// So many operations of each case, once, instead of as many as fit a time: to count instructions
    #[arg(long, value_name = "COUNT")]
    pub operations: Option<u64>,
}

fn or_all<T: Clone>(named: &[T], all: &[T]) -> Vec<T> {
    if named.is_empty() { all.to_vec() } else { named.to_vec() }
}

impl Selection {
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
        or_all(&self.classes, &[Class::Ram, Class::Log])
    }

    /// How the records lie.
    pub fn layouts(&self) -> Vec<Layout> {
        or_all(&self.layouts, &LAYOUTS)
    }

    /// Bytes of a value.
    pub fn sizes(&self) -> Vec<usize> {
        or_all(&self.sizes, &SIZES)
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
