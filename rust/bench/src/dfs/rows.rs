//! The rows, what upstream did in them, and what is wanted here.

/// A row of mdtest or IOR.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Bytes of one operation, or of a file.
    pub bytes: u64,
    /// It makes, looks at or removes files, each once.
    pub is_metadata: bool,
    /// The figure is in operations, not bytes.
    pub counts_operations: bool,
    /// What upstream did, in words.
    pub upstream: &'static str,
    /// What is wanted.
    pub goal: f64,
}

impl Row {
    /// What one operation adds to the figure.
    pub fn bytes_or_one(&self) -> f64 {
        if self.is_metadata || self.counts_operations { 1.0 } else { self.bytes as f64 }
    }
}

/// Bytes of a file of mdtest's hard rows.
pub const HARD_BYTES: u64 = 3901;

const fn metadata(name: &'static str, bytes: u64, upstream: &'static str, goal: f64) -> Row {
    Row { name, bytes, is_metadata: true, counts_operations: false, upstream, goal }
}

const fn data(name: &'static str, bytes: u64, upstream: &'static str, goal: f64) -> Row {
    Row { name, bytes, is_metadata: false, counts_operations: false, upstream, goal }
}

const fn random(name: &'static str, upstream: &'static str, goal: f64) -> Row {
    Row { name, bytes: 4096, is_metadata: false, counts_operations: true, upstream, goal }
}

/// All rows, in the order in which they can be done.
pub const ROWS: [Row; 14] = [
    metadata("easy create", 0, "4 * 23.8 k,", 95_200.0),
    metadata("easy stat", 0, "4 * 18.6 k,", 74_400.0),
    metadata("easy read", 0, "4 * 32.5 k,", 130_000.0),
    metadata("easy remove", 0, "4 * 11.5 k,", 46_000.0),
    metadata("hard create", HARD_BYTES, "4 * 11.3 k,", 45_200.0),
    metadata("hard stat", HARD_BYTES, "4 * 18.2 k,", 72_800.0),
    metadata("hard read", HARD_BYTES, "4 * 15.4 k,", 61_600.0),
    metadata("hard remove", HARD_BYTES, "4 * 11.1 k,", 44_400.0),
    data("large write", 1 << 20, "2.5 * 1.1 G,", 2.75e9),
    data("large read", 1 << 20, "1.5 * 1.5 G,", 2.25e9),
    data("ior-hard write", 47008, "3 * 0.47 G,", 1.41e9),
    data("ior-hard read", 47008, "3 * 0.57 G,", 1.71e9),
    random("random write", "3 * 29 k,", 87_000.0),
    random("random read", "3 * 31 k,", 93_000.0),
];
