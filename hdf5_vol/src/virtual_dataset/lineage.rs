//! Virtual datasets may be sources of others. A circle of such, and too long a chain, is an error.

use crate::failure::{Failure, Minor, Result};
use crate::format::Token;
use crate::node::Node;
use std::cell::Cell;
use std::rc::Rc;

/// Virtual datasets in a chain: as many as links in a path.
const DEPTH_MAX: usize = 16;
/// Sources of sources that are open for one virtual dataset: few bytes can describe a chain in which each has many of the next, which would
/// take all memory.
const NESTED_MAX: u32 = 1 << 16;

/// What tells a dataset from others: container, file and object.
type Identity = ([u8; 16], u64, Token);

/// The virtual datasets that a dataset is opened for, as a source.
#[derive(Clone, Default)]
pub struct Lineage {
    chain: Vec<Identity>,
    nested: Rc<Cell<u32>>,
}

impl Lineage {
    /// That of the sources of a virtual dataset.
    pub fn with(&self, node: &Node) -> Result<Self> {
        self.extended((node.file.entry.container, node.file.entry.root.bits(), node.token))
    }

    fn extended(&self, identity: Identity) -> Result<Self> {
        if self.chain.contains(&identity) {
            return Err(Failure::new(Minor::BadValue, "a virtual dataset is a source of itself"));
        }
        if self.chain.len() == DEPTH_MAX {
            let sentence = format!("more than {DEPTH_MAX} virtual datasets are sources of each other");
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        let mut longer = self.clone();
        longer.chain.push(identity);
        Ok(longer)
    }

    /// Counts one more source of a source.
    pub fn count(&self) -> Result<()> {
        if self.chain.len() > 1 {
            if self.nested.get() == NESTED_MAX {
                let sentence =
                    format!("the sources of a virtual dataset have more than {NESTED_MAX} sources themselves");
                return Err(Failure::new(Minor::BadValue, sentence));
            }
            self.nested.set(self.nested.get() + 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Kind;

    fn identity(number: u64) -> Identity {
        ([1; 16], 7, Token::new(number, Kind::Dataset).expect("a number that objects have"))
    }

    #[test]
    fn circles_and_long_chains_end() {
        let mut chain = Lineage::default();
        for number in 1..=DEPTH_MAX as u64 {
            chain = chain.extended(identity(number)).expect("it is no circle");
            assert!(chain.extended(identity(1)).is_err());
        }
        assert!(chain.extended(identity(99)).is_err());
    }

    #[test]
    fn only_sources_of_sources_are_counted() {
        let first = Lineage::default().extended(identity(1)).expect("the first");
        let second = first.extended(identity(2)).expect("the second");
        for _ in 0..NESTED_MAX {
            first.count().expect("as many as there are");
            second.count().expect("not too many");
        }
        assert!(second.count().is_err() && first.count().is_ok());
        assert!(Lineage::default().count().is_ok());
    }
}
