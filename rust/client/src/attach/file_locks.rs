//! Looking at who holds a lock on a file, without trying to take it: that could keep the owner from getting it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The kernel's list of locks.
const LIST: &str = "/proc/locks";
/// The longest list that is read: more than ten thousand locks.
const LIST_LENGTH_MAX: u64 = 1 << 20;

/// Whether somebody holds a `flock` on the file; `None` when the kernel does not tell.
pub(super) fn is_locked(path: &Path) -> Option<bool> {
    let mut list = String::new();
    File::open(LIST).ok()?.take(LIST_LENGTH_MAX).read_to_string(&mut list).ok()?;
    match std::fs::metadata(path) {
        Ok(metadata) => Some(names(&list, metadata.ino())),
        Err(_) => Some(false),
    }
}

/// Whether the list names a `flock` that is held on a file of this number, whatever its device: some file systems show other
/// numbers of devices than the kernel's own.
fn names(list: &str, inode: u64) -> bool {
    list.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        // Behind an arrow stands who waits.
        words.next() == Some("FLOCK")
            && words.nth(3).and_then(|place| place.rsplit(':').next()?.parse().ok()) == Some(inode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "1: FLOCK  ADVISORY  WRITE 4711 08:01:131073 0 EOF\n\
                          1: -> FLOCK  ADVISORY  WRITE 4712 08:01:131074 0 EOF\n\
                          2: POSIX  ADVISORY  READ 99 00:1b:77 0 EOF\nnonsense\n";

    #[test]
    fn only_locks_of_this_kind_that_are_held_count() {
        assert!(names(SAMPLE, 131_073));
        for other in [131_074, 77, 0, 1] {
            assert!(!names(SAMPLE, other));
        }
    }

    #[test]
    fn the_kernel_tells_about_our_own_lock() {
        let path = std::env::temp_dir().join(format!("daos-lock-{}", std::process::id()));
        let file = File::create(&path).expect("a file of its own");
        if let Some(locked) = is_locked(&path) {
            assert!(!locked);
            file.try_lock().expect("nobody else has it");
            // Where the numbers of a file system mean nothing, the list is of no use, and it is not relied on.
            let shown = is_locked(&path) == Some(true);
            drop(file);
            assert!(!shown || is_locked(&path) == Some(false));
        }
        std::fs::remove_file(&path).expect("removed");
        assert!(is_locked(&path) != Some(true));
    }
}
