//! Doors for fuzz targets.

use super::fragment::{Assembler, NOTHING, fragment_at, fragment_of};

/// Puts fragments together.
pub(crate) struct Fragments(Assembler);

impl Fragments {
    pub fn new(message_max: usize) -> Fragments {
        Fragments(Assembler::new(message_max))
    }

    /// Takes a fragment; what is none is refused.
    pub fn add(&mut self, bytes: &[u8], mut deliver: impl FnMut(&[u8])) {
        let _refused = self.0.add(bytes, |message| deliver(&message)).map_err(|error| error.to_string());
    }

    /// The fragments of some messages.
    pub fn samples() -> Vec<Vec<Vec<u8>>> {
        let long = vec![7; 20_000];
        let (first, next) = fragment_at(&long, 5, 0);
        let second = next.map(|offset| fragment_at(&long, 5, offset).0);
        let several = fragment_of([&b"one"[..], b"", b"three"].into_iter());
        // Parts of a short message, as nobody sends them, but may.
        let mut short = first[..24 + 8].to_vec();
        short[4..8].copy_from_slice(&16u32.to_le_bytes());
        let mut end = short.clone();
        end[16..20].copy_from_slice(&8u32.to_le_bytes());
        let whole = [first].into_iter().chain(second).collect();
        vec![whole, vec![several], vec![NOTHING.to_vec(), fragment_at(b"short", 1, 0).0], vec![short, end]]
    }
}
