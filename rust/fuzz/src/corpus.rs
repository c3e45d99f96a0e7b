//! Inputs worth changing.

use crate::random::Numbers;

/// Inputs that are kept; when there are more, an old one that was drawn by chance goes, never a seed.
const INPUTS_MAX: usize = 4096;

/// The seeds of a target, and what reached something new.
pub struct Corpus {
    inputs: Vec<Vec<u8>>,
    seeds: usize,
}

impl Corpus {
    pub fn new(seeds: Vec<Vec<u8>>) -> Corpus {
        let seeds = if seeds.is_empty() { vec![Vec::new()] } else { seeds };
        Corpus { seeds: seeds.len(), inputs: seeds }
    }

    pub fn inputs(&self) -> &[Vec<u8>] {
        &self.inputs
    }

    /// One to change: newer ones more often.
    pub fn draw(&self, random: &mut Numbers) -> &[u8] {
        let count = self.inputs.len();
        let recent = count.min(16);
        let index = if random.once_in(3) { count - 1 - random.below(recent) } else { random.below(count) };
        &self.inputs[index]
    }

    pub fn add(&mut self, input: Vec<u8>, random: &mut Numbers) {
        if self.inputs.len() >= INPUTS_MAX.max(self.seeds + 1) {
            let index = self.seeds + random.below(self.inputs.len() - self.seeds);
            self.inputs.remove(index);
        }
        self.inputs.push(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_bounded_and_keeps_its_seeds() {
        let mut random = Numbers::new(1);
        let mut corpus = Corpus::new(vec![vec![1], vec![2]]);
        for number in 0..2 * INPUTS_MAX {
            corpus.add(number.to_le_bytes().to_vec(), &mut random);
        }
        assert_eq!(corpus.inputs().len(), INPUTS_MAX);
        assert_eq!(corpus.inputs()[..2], [vec![1], vec![2]]);
        assert_eq!(Corpus::new(Vec::new()).draw(&mut random), b"");
    }
}
