//! Names and paths.

use crate::error::{Result, fail};
use crate::quoted::quoted;
use std::collections::VecDeque;

/// The longest name of an entry, in bytes.
pub const NAME_LENGTH_MAX: usize = 255;
/// The longest path and the longest target of a symbolic link, in bytes: what `PATH_MAX` leaves for them beside a zero.
pub const PATH_LENGTH_MAX: usize = 4095;

/// Accepts a name of an entry.
pub fn check_name(name: &[u8]) -> Result<()> {
    if name.len() > NAME_LENGTH_MAX {
        fail!(libc::ENAMETOOLONG, "a name of {} bytes is longer than {NAME_LENGTH_MAX}", name.len());
    }
    if name.is_empty() || name == b"." || name == b".." || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        fail!(libc::EINVAL, "{} cannot be the name of an entry", quoted(&name));
    }
    Ok(())
}

/// Accepts the target of a symbolic link.
pub(crate) fn check_target(target: &[u8]) -> Result<()> {
    if target.len() > PATH_LENGTH_MAX {
        fail!(libc::ENAMETOOLONG, "a link's target of {} bytes is longer than {PATH_LENGTH_MAX}", target.len());
    }
    if target.is_empty() {
        fail!(libc::ENOENT, "a symbolic link needs a target");
    }
    if target.contains(&0) {
        fail!(libc::EINVAL, "{} cannot be the target of a link", quoted(&target));
    }
    Ok(())
}

/// A step of a walk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// To the directory above.
    Up,
    /// To the entry of this name.
    Down(Vec<u8>),
}

/// The steps that are still to be made.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    steps: VecDeque<Step>,
    /// The last entry must be a directory, because a slash or a dot follows its name.
    pub must_be_directory: bool,
}

impl Steps {
    /// The steps of a path.
    pub fn of(path: &[u8]) -> Result<Steps> {
        let mut steps = Steps::default();
        steps.put_in_front(path)?;
        Ok(steps)
    }

    /// Puts the steps of a path before those that are left: the walk has met a symbolic link.
    pub fn put_in_front(&mut self, path: &[u8]) -> Result<()> {
        if path.len() > PATH_LENGTH_MAX {
            fail!(libc::ENAMETOOLONG, "a path of {} bytes is longer than {PATH_LENGTH_MAX}", path.len());
        }
        if path.contains(&0) {
            fail!(libc::EINVAL, "{} is not a path", quoted(&path));
        }
        let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if self.steps.is_empty() {
            self.must_be_directory |= matches!(last, b"" | b"." | b"..");
        }
        for name in path.split(|byte| *byte == b'/').rev() {
            match name {
                b"" | b"." => {}
                b".." => self.steps.push_front(Step::Up),
                name => {
                    check_name(name)?;
                    self.steps.push_front(Step::Down(name.to_vec()));
                }
            }
        }
        Ok(())
    }

    /// Takes the next step.
    pub fn next(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Whether no step is left.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Cuts a path into the one of the directory and the name in it; `None` for a path without a name at its end.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = path.iter().rposition(|byte| *byte != b'/')? + 1;
    let path = &path[..end];
    let (directory, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..=slash], &path[slash + 1..]),
        None => (&b""[..], path),
    };
    (name != b"." && name != b"..").then_some((directory, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn errno<T>(result: Result<T>) -> Option<i32> {
        result.err().map(|error| error.errno)
    }

    #[test]
    fn names_are_checked() {
        for good in [&b"a"[..], b"...", b"with space", &[0xff], &[b'x'; 255]] {
            check_name(good).expect("a good name");
        }
        for bad in [&b""[..], b".", b"..", b"a/b", b"a\0b"] {
            assert_eq!(errno(check_name(bad)), Some(libc::EINVAL));
        }
        assert_eq!(errno(check_name(&[b'x'; 256])), Some(libc::ENAMETOOLONG));
    }

    #[test]
    fn targets_are_checked() {
        check_target(&[b'x'; PATH_LENGTH_MAX]).expect("as long as a target may be");
        assert_eq!(errno(check_target(&[b'x'; PATH_LENGTH_MAX + 1])), Some(libc::ENAMETOOLONG));
        assert_eq!(errno(check_target(b"")), Some(libc::ENOENT));
        assert_eq!(errno(check_target(b"a\0")), Some(libc::EINVAL));
    }

    #[test]
    fn paths_become_steps() {
        let mut steps = Steps::of(b"//a/./../b").expect("a path");
        assert!(!steps.must_be_directory);
        let down = |name: &[u8]| Some(Step::Down(name.to_vec()));
        assert_eq!([steps.next(), steps.next(), steps.next()], [down(b"a"), Some(Step::Up), down(b"b")]);
        assert!(steps.is_empty());
        for path in [&b"a/"[..], b"a/.", b"a/..", b"/"] {
            assert!(Steps::of(path).expect("a path").must_be_directory, "{}", path.escape_ascii());
        }
        assert_eq!(errno(Steps::of(&[b'/'; PATH_LENGTH_MAX + 1])), Some(libc::ENAMETOOLONG));
        assert_eq!(errno(Steps::of(&[b'a'; NAME_LENGTH_MAX + 1])), Some(libc::ENAMETOOLONG));
    }

    #[test]
    fn a_slash_behind_a_link_in_the_middle_is_none_at_the_end() {
        let mut steps = Steps::of(b"link/file").expect("a path");
        assert_eq!(steps.next(), Some(Step::Down(b"link".to_vec())));
        steps.put_in_front(b"/directory/").expect("a target");
        assert!(!steps.must_be_directory);
        assert_eq!(steps.next(), Some(Step::Down(b"directory".to_vec())));
    }

    #[test]
    fn paths_are_cut_before_their_last_name() {
        assert_eq!(split(b"/a/b"), Some((&b"/a/"[..], &b"b"[..])));
        assert_eq!(split(b"b//"), Some((&b""[..], &b"b"[..])));
        assert_eq!(split(b"/b"), Some((&b"/"[..], &b"b"[..])));
        for none in [&b""[..], b"/", b"//", b"a/.", b".."] {
            assert_eq!(split(none), None, "{}", none.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_path_or_an_error(path in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut count = 0;
            if let Ok(mut steps) = Steps::of(&path) {
                while let Some(step) = steps.next() {
                    count += 1;
                    if let Step::Down(name) = step {
                        prop_assert!(check_name(&name).is_ok());
                    }
                }
            }
            prop_assert!(count <= path.len());
            if let Some((directory, name)) = split(&path) {
                prop_assert!(path.starts_with(directory));
                prop_assert!(!name.contains(&b'/'));
            }
        }
    }
}
