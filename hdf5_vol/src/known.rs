//! Links and headers that this program has written or read, of a file that it alone writes: a path is followed without asking for what is
//! known of it.
//!
//! A header never changes, and a link only through this file: it has one writer at a time. Files of several ranks, files with readers beside
//! the writer, and those that are only read keep nothing, nor does one that only another file leads to, or leads to still, before it is changed. Nor does one that
//! has lost a change: what it has written may not be there.

use crate::format::{Header, LinkRecord, LinkTarget, Token};
use std::collections::HashMap;

/// Links, and headers, that are kept; with more, all are forgotten.
const COUNT_MAX: usize = 1 << 16;
/// Bytes of a header that is kept: those of large property lists are rare.
const HEADER_MAX: usize = 4 << 10;

/// What is known.
#[derive(Default)]
pub struct Known {
    links: HashMap<Token, HashMap<Box<[u8]>, LinkRecord>>,
    count: usize,
    headers: HashMap<Token, Header>,
}

impl Known {
    /// A group's link.
    pub fn link(&self, group: Token, name: &[u8]) -> Option<&LinkRecord> {
        self.links.get(&group)?.get(name)
    }

    /// Keeps a link. One with a value is rare, may be long, and is left out.
    pub fn keep_link(&mut self, group: Token, name: &[u8], link: &LinkRecord) {
        if !matches!(link.target, LinkTarget::Hard(_)) {
            return self.forget_link(group, name);
        }
        if self.count == COUNT_MAX {
            (self.links, self.count) = (HashMap::new(), 0);
        }
        let before = self.links.entry(group).or_default().insert(name.into(), link.clone());
        self.count += usize::from(before.is_none());
    }

    /// A link is gone, or is another one.
    pub fn forget_link(&mut self, group: Token, name: &[u8]) {
        let before = self.links.get_mut(&group).and_then(|links| links.remove(name));
        self.count -= usize::from(before.is_some());
    }

    /// All links of a group may be others.
    pub fn forget_links(&mut self, group: Token) {
        self.count -= self.links.remove(&group).map_or(0, |links| links.len());
    }

    /// An object's header.
    pub fn header(&self, token: Token) -> Option<&Header> {
        self.headers.get(&token)
    }

    /// Keeps the header of an object that is closed.
    pub fn keep_header(&mut self, token: Token, header: Header) {
        if header.encode().len() > HEADER_MAX {
            return;
        }
        if self.headers.len() == COUNT_MAX {
            self.headers = HashMap::new();
        }
        self.headers.insert(token, header);
    }

    /// An object is gone.
    pub fn forget_header(&mut self, token: Token) {
        self.headers.remove(&token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Kind;

    fn token(number: u64) -> Token {
        Token::new(number, Kind::Group).expect("a number that objects have")
    }

    fn hard(number: u64) -> LinkRecord {
        LinkRecord { character_set: 0, creation_order: None, target: LinkTarget::Hard(token(number)) }
    }

    #[test]
    fn links_are_known_until_they_change() {
        let mut known = Known::default();
        known.keep_link(token(1), b"a", &hard(2));
        known.keep_link(token(1), b"b", &hard(3));
        known.keep_link(token(1), b"a", &hard(4));
        assert_eq!((known.link(token(1), b"a"), known.count), (Some(&hard(4)), 2));
        assert_eq!((known.link(token(1), b"c"), known.link(token(2), b"a")), (None, None));
        let soft = LinkRecord { target: LinkTarget::Soft(b"/b".to_vec()), ..hard(2) };
        known.keep_link(token(1), b"a", &soft);
        assert_eq!((known.link(token(1), b"a"), known.count), (None, 1));
        known.forget_link(token(1), b"b");
        known.forget_link(token(1), b"b");
        known.keep_link(token(5), b"b", &hard(3));
        known.forget_links(token(5));
        known.forget_links(token(6));
        assert_eq!((known.link(token(5), b"b"), known.count), (None, 0));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut known = Known::default();
        let list = |length| Header::Group { list: vec![0; length] };
        for number in 0..=COUNT_MAX as u64 {
            known.keep_link(token(1), &number.to_le_bytes(), &hard(2));
            known.keep_header(token(number + 1), list(0));
        }
        assert_eq!((known.count, known.headers.len()), (1, 1));
        let last = token(COUNT_MAX as u64 + 1);
        assert!(known.header(last).is_some());
        known.forget_header(last);
        known.keep_header(token(1), list(HEADER_MAX + 1));
        assert!(known.headers.is_empty());
    }
}
