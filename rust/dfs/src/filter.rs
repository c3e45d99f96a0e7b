//! Listing the entries of a directory that meet a condition.
//!
//! The condition is looked at here, at the client, entry by entry: engines tell names only. What a filter saves is memory and
//! copying of the caller, not messages.

use crate::entry_store::StoredEntry;
use crate::error::{Result, fail};
use crate::listing::{Listing, Remainders};
use crate::node::Node;
use crate::path::NAME_LENGTH_MAX;
use daos_client::Client;
use daos_types::ObjectId;

/// A pattern of names, by the rules of SQL's `LIKE`: `%` stands for any bytes, `_` for any one, a backslash takes the meaning
/// from what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamePattern(Vec<Piece>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    Byte(u8),
    AnyByte,
    AnyBytes,
}

impl NamePattern {
    /// Reads a pattern; it is at most as long as a name.
    pub fn new(text: &[u8]) -> Result<NamePattern> {
        if text.len() > NAME_LENGTH_MAX {
            fail!(libc::ENAMETOOLONG, "a pattern of {} bytes is longer than {NAME_LENGTH_MAX}", text.len());
        }
        let mut pieces = Vec::new();
        let mut bytes = text.iter().copied();
        while let Some(byte) = bytes.next() {
            pieces.push(match byte {
                b'%' => Piece::AnyBytes,
                b'_' => Piece::AnyByte,
                b'\\' => match bytes.next() {
                    Some(escaped) => Piece::Byte(escaped),
                    None => fail!(libc::EINVAL, "a pattern of names ends in a backslash that escapes nothing"),
                },
                byte => Piece::Byte(byte),
            });
        }
        Ok(NamePattern(pieces))
    }

    /// Whether a name fits. Takes at most as many steps as pattern and name have bytes, multiplied.
    pub fn matches(&self, name: &[u8]) -> bool {
        let (mut piece, mut at) = (0, 0);
        // Where the last `%` stands, and how much of the name it was tried with.
        let mut retry: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.0.get(piece) {
                Some(Piece::AnyBytes) => {
                    piece += 1;
                    retry = Some((piece, at));
                    continue;
                }
                Some(Piece::AnyByte) => {
                    (piece, at) = (piece + 1, at + 1);
                    continue;
                }
                Some(Piece::Byte(byte)) if *byte == name[at] => {
                    (piece, at) = (piece + 1, at + 1);
                    continue;
                }
                _ => {}
            }
            let Some((behind, tried)) = retry else { return false };
            (piece, at) = (behind, tried + 1);
            retry = Some((behind, tried + 1));
        }
        self.0[piece.min(self.0.len())..].iter().all(|piece| *piece == Piece::AnyBytes)
    }
}

/// Which entries a listing gives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The name fits.
    pub name: Option<NamePattern>,
    /// The record was changed after this second.
    pub newer_than: Option<i64>,
    /// Directories must meet the conditions as well; without it all are given, so that a search can go on in them.
    pub tests_directories: bool,
}

impl Filter {
    fn lets_through(&self, name: &[u8], entry: &StoredEntry) -> bool {
        if entry.inode.is_directory() && !self.tests_directories {
            return true;
        }
        self.name.as_ref().is_none_or(|pattern| pattern.matches(name))
            && self.newer_than.is_none_or(|second| entry.inode.ctime.seconds > second)
    }
}

/// An entry that a filter has let through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilteredEntry {
    /// Its name.
    pub name: Vec<u8>,
    /// Type and permission bits.
    pub mode: u32,
    /// The identifier of its object.
    pub id: ObjectId,
    /// Bytes per chunk of a file; of a directory those of files made in it, 0 for the namespace's.
    pub chunk_size: u64,
}

impl Node {
    /// Looks at the next entries of a directory, at most `count`, and gives those that a filter lets through, and how many it
    /// has looked at.
    pub async fn list_filtered(
        &self,
        client: &Client,
        listing: &mut Listing,
        count: u32,
        filter: &Filter,
    ) -> Result<(Vec<FilteredEntry>, u64)> {
        let entries =
            self.file_system().list_entries(client, self.directory()?, (listing, count), Remainders::Skipped).await?;
        let looked_at = entries.len() as u64;
        let through = entries.into_iter().filter(|(name, entry)| filter.lets_through(name, entry));
        let given = through.map(|(name, entry)| {
            let inode = entry.inode;
            FilteredEntry { name, mode: inode.mode, id: inode.id, chunk_size: inode.chunk_size }
        });
        Ok((given.collect(), looked_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inode::{Inode, Timestamp};
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        NamePattern::new(pattern.as_bytes()).expect("a pattern").matches(name.as_bytes())
    }

    #[test]
    fn patterns_are_those_of_like() {
        for (pattern, name) in [
            ("%", "anything"),
            ("", ""),
            ("abc", "abc"),
            ("%.6%", "file.67"),
            ("%a%b", "xaxbxab"),
            ("_b%", "ab"),
            ("50\\%", "50%"),
            ("%%", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("", "a"), ("abc", "abcd"), ("_", ""), ("%.6%", "file.7"), ("50\\%", "500"), ("a_", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(NamePattern::new(b"a\\").is_err());
        assert!(NamePattern::new(&[b'%'; 256]).is_err());
    }

    #[test]
    fn directories_pass_unless_they_are_tested() {
        let entry = |mode, seconds| StoredEntry {
            inode: Inode { mode, ctime: Timestamp { seconds, nanoseconds: 0 }, ..Inode::default() },
            ..StoredEntry::default()
        };
        let pattern = NamePattern::new(b"f%").expect("a pattern");
        let mut filter = Filter { name: Some(pattern), newer_than: Some(10), tests_directories: false };
        assert!(filter.lets_through(b"file", &entry(libc::S_IFREG, 11)));
        assert!(!filter.lets_through(b"file", &entry(libc::S_IFREG, 10)));
        assert!(!filter.lets_through(b"other", &entry(libc::S_IFREG, 11)));
        assert!(filter.lets_through(b"other", &entry(libc::S_IFDIR, 0)));
        filter.tests_directories = true;
        assert!(!filter.lets_through(b"other", &entry(libc::S_IFDIR, 0)));
    }

    /// The rules in their shortest form, which takes exponential time.
    fn plain(pattern: &[Piece], name: &[u8]) -> bool {
        match (pattern.first(), name.first()) {
            (None, first) => first.is_none(),
            (Some(Piece::AnyBytes), _) => {
                plain(&pattern[1..], name) || (!name.is_empty() && plain(pattern, &name[1..]))
            }
            (Some(_), None) => false,
            (Some(Piece::AnyByte), Some(_)) => plain(&pattern[1..], &name[1..]),
            (Some(Piece::Byte(byte)), Some(first)) => byte == first && plain(&pattern[1..], &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_match_what_the_rules_say(pattern in "[ab%_]{0,8}", name in "[ab]{0,8}") {
            let pattern = NamePattern::new(pattern.as_bytes()).expect("nothing is escaped");
            prop_assert_eq!(pattern.matches(name.as_bytes()), plain(&pattern.0, name.as_bytes()));
        }
    }
}
