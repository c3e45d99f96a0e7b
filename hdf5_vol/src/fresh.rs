//! Names of what this program has made itself: it need not ask the container whether a new object has a name.
//!
//! An object that was made since the file was opened has the links and attributes that were added through this file, and no others: a file
//! has one writer at a time. So making a thousand groups in a new one asks nothing, and waits for nothing.

use crate::format::Token;
use std::collections::{HashMap, HashSet};

/// Names that are remembered in all; with more, nothing is known any more, and the container is asked as for other objects.
const NAMES_MAX: usize = 1 << 20;

/// Whether names are those of links or of attributes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Of {
    Links,
    Attributes,
}

/// All names of objects that are new.
pub struct Fresh {
    names: HashMap<(Token, Of), HashSet<Box<[u8]>>>,
    count: usize,
    count_max: usize,
}

impl Default for Fresh {
    fn default() -> Self {
        Self::new(NAMES_MAX)
    }
}

impl Fresh {
    /// What knows nothing: others make names, too.
    pub fn ignorant() -> Self {
        Self::new(0)
    }

    fn new(count_max: usize) -> Self {
        Self { names: HashMap::new(), count: 0, count_max }
    }

    /// Others may make names from now on.
    pub fn forget(&mut self) {
        *self = Self::new(self.count_max);
    }

    /// An object is made: it has no names yet.
    pub fn make(&mut self, token: Token) {
        for of in [Of::Links, Of::Attributes] {
            self.names.insert((token, of), HashSet::new());
            self.count += 1;
        }
        self.limit();
    }

    /// Whether it is certain that an object does not have a name.
    pub fn lacks(&self, token: Token, of: Of, name: &[u8]) -> bool {
        self.names.get(&(token, of)).is_some_and(|names| !names.contains(name))
    }

    /// All names of an object, in no order; none where they are not known.
    pub fn all(&self, token: Token, of: Of) -> Option<Vec<Vec<u8>>> {
        Some(self.names.get(&(token, of))?.iter().map(|name| name.to_vec()).collect())
    }

    /// An object gets a name.
    pub fn add(&mut self, token: Token, of: Of, name: &[u8]) {
        if let Some(names) = self.names.get_mut(&(token, of)) {
            self.count += usize::from(names.insert(name.into()));
            self.limit();
        }
    }

    /// An object loses a name.
    pub fn remove(&mut self, token: Token, of: Of, name: &[u8]) {
        if let Some(names) = self.names.get_mut(&(token, of)) {
            self.count -= usize::from(names.remove(name));
        }
    }

    fn limit(&mut self) {
        if self.count > self.count_max {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Kind;

    #[test]
    fn only_new_objects_are_known_to_lack_a_name() {
        let token = |number| Token::new(number, Kind::Group).expect("a number that objects have");
        let mut fresh = Fresh::default();
        assert!(!fresh.lacks(token(1), Of::Links, b"a"));
        fresh.make(token(1));
        assert!(fresh.lacks(token(1), Of::Links, b"a"));
        fresh.add(token(1), Of::Links, b"a");
        assert!(!fresh.lacks(token(1), Of::Links, b"a") && fresh.lacks(token(1), Of::Attributes, b"a"));
        assert_eq!(fresh.all(token(1), Of::Links), Some(vec![b"a".to_vec()]));
        assert_eq!(fresh.all(token(1), Of::Attributes), Some(Vec::new()));
        assert_eq!(fresh.all(token(2), Of::Links), None);
        fresh.remove(token(1), Of::Links, b"a");
        assert!(fresh.lacks(token(1), Of::Links, b"a"));
        fresh.add(token(2), Of::Links, b"a");
        assert!(!fresh.lacks(token(2), Of::Links, b"b"));
        fresh.forget();
        assert!(!fresh.lacks(token(1), Of::Links, b"a"));
    }

    #[test]
    fn with_too_many_names_nothing_is_known() {
        let token = Token::new(1, Kind::Group).expect("a number that objects have");
        let mut fresh = Fresh::new(100);
        fresh.make(token);
        assert!(fresh.lacks(token, Of::Links, b"new"));
        let mut ignorant = Fresh::ignorant();
        ignorant.make(token);
        assert!(!ignorant.lacks(token, Of::Links, b"new"));
        for number in 0..100_u32 {
            fresh.add(token, Of::Links, &number.to_le_bytes());
        }
        assert!(!fresh.lacks(token, Of::Links, b"new"));
    }
}
