//! What is fuzzed.

/// What a decoder may allocate beside what its input is worth: error sentences, small tables.
const BASE_BYTES: usize = 64 << 10;
/// What it may allocate for each byte of input: the largest element of a list (a Rust struct of some hundred bytes) may stand for one byte, a
/// list grows by doubling, and targets decode, encode, and decode again.
const BYTES_PER_BYTE: usize = 2048;

/// What must hold for any bytes: it panics when it does not.
pub type Property = Box<dyn FnMut(&[u8])>;

/// A decoder with what must be true of it.
pub struct Target {
    /// Its name: crate, slash, what is decoded.
    pub name: String,
    /// Inputs to begin with.
    pub seeds: Vec<Vec<u8>>,
    /// Words of its format.
    pub words: &'static [&'static [u8]],
    /// The longest input that is tried.
    pub length_max: usize,
    /// What it may allocate at a time, beside what the input is worth.
    pub base_bytes: usize,
    /// Takes any bytes; panics when something is not true that must be.
    pub run: Property,
}

impl Target {
    /// A target that takes bytes.
    pub fn new(name: &str, run: impl FnMut(&[u8]) + 'static) -> Target {
        Target {
            name: name.to_owned(),
            seeds: Vec::new(),
            words: &[],
            length_max: 4096,
            base_bytes: BASE_BYTES,
            run: Box::new(run),
        }
    }

    /// A target that takes texts; bytes that are none are not tried.
    pub fn of_text(name: &str, mut run: impl FnMut(&str) + 'static) -> Target {
        Target::new(name, move |bytes| {
            if let Ok(text) = std::str::from_utf8(bytes) {
                run(text);
            }
        })
    }

    /// With inputs to begin with.
    pub fn seeded<S: Into<Vec<u8>>>(mut self, seeds: impl IntoIterator<Item = S>) -> Target {
        self.seeds.extend(seeds.into_iter().map(Into::into));
        self
    }

    /// With words of its format.
    pub fn with_words(self, words: &'static [&'static [u8]]) -> Target {
        Target { words, ..self }
    }

    /// With longer or shorter inputs.
    pub fn up_to(self, length_max: usize) -> Target {
        Target { length_max, ..self }
    }

    /// With more memory than usual.
    pub fn allocating(self, base_bytes: usize) -> Target {
        Target { base_bytes, ..self }
    }

    /// How much may be allocated for an input.
    pub fn allowance(&self, input: &[u8]) -> usize {
        self.base_bytes + BYTES_PER_BYTE * input.len()
    }
}
