//! Names of links that are gone since a file was opened: a path with none of them still leads to what it was recorded for.

use std::collections::HashSet;

/// Names that are remembered; with more, any may be gone.
const NAMES_MAX: usize = 1 << 12;

/// Names that are gone, without the groups that had them.
#[derive(Default)]
pub struct Removed {
    names: HashSet<Box<[u8]>>,
    is_full: bool,
}

impl Removed {
    pub fn add(&mut self, name: &[u8]) {
        if self.names.len() == NAMES_MAX {
            self.is_full = true;
            self.names.clear();
        }
        if !self.is_full {
            self.names.insert(name.into());
        }
    }

    /// Whether a path may lead to something else than before, or to nothing.
    pub fn may_have(&self, path: &[u8]) -> bool {
        self.is_full || !self.names.is_empty() && path.split(|byte| *byte == b'/').any(|name| self.names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_name_that_is_gone_is_not_trusted() {
        let mut removed = Removed::default();
        assert!(!removed.may_have(b"/a/b"));
        removed.add(b"b");
        assert!(removed.may_have(b"/a/b") && removed.may_have(b"/b/c") && !removed.may_have(b"/a/bc"));
        for number in 0..NAMES_MAX {
            removed.add(number.to_string().as_bytes());
        }
        assert!(removed.may_have(b"/a/bc"));
    }
}
