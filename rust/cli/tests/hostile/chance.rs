//! Chance that a seed decides.

/// Numbers that look random and are the same in every run (xorshift).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// What becomes of bytes on a bad way: changed, cut off, with something behind them, with a length in them that is huge, or others.
    pub fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self.below(6) {
            0 => bytes.truncate(self.below(bytes.len() + 1)),
            1 => {
                let more = self.below(40);
                bytes.extend(self.bytes(more));
            }
            2 => {
                let length = self.below(300);
                bytes = self.bytes(length);
            }
            3 if bytes.len() >= 4 => {
                let at = self.below(bytes.len() - 3);
                let value = *self.one_of(&[u32::MAX, u32::MAX / 2, 1 << 20, 0]);
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            _ if bytes.is_empty() => bytes.push(self.next() as u8),
            _ => {
                for _ in 0..=self.below(4) {
                    let at = self.below(bytes.len());
                    bytes[at] ^= 1 << self.below(8);
                }
            }
        }
        bytes
    }
}
