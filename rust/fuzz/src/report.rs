//! What failed, in words: also when nothing can be allocated any more.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// The input under way, for last words.
static CURRENT: Mutex<(String, Vec<u8>)> = Mutex::new((String::new(), Vec::new()));

/// Says which input is tried next.
pub fn begin(target: &str, input: &[u8]) {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if current.0 != target {
        current.0 = target.to_owned();
    }
    current.1.clear();
    current.1.extend_from_slice(input);
}

/// Says, without allocating, that the input under way asked for more memory than anything may.
pub fn last_words() {
    let Ok(current) = CURRENT.try_lock() else { return };
    let mut stderr = std::io::stderr().lock();
    // Nobody is left to be told of a failure.
    let _unsaid = write!(stderr, "\n{} asks for more than a gigabyte with the input ", current.0);
    for byte in &current.1 {
        let _unsaid = write!(stderr, "{byte:02x}");
    }
    let _unsaid = writeln!(stderr);
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
