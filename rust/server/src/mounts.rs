//! Which file system a directory is on.

use std::fs;
use std::path::{Path, PathBuf};

/// What the kernel knows of the mounts that a process sees.
const TABLE: &str = "/proc/self/mountinfo";

/// A mount, as far as people ask about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mount {
    /// What is mounted: a device, or another word for it.
    pub device: String,
    /// The kind of the file system.
    pub kind: String,
}

/// The mount that a directory is on; nothing is known of it where the kernel does not say.
pub(crate) fn mount_of(directory: &Path) -> Mount {
    let real = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    fs::read_to_string(TABLE).ok().and_then(|table| find(&table, &real)).unwrap_or_default()
}

/// The last mount at the longest path that the directory is below: a later one hides an earlier one.
fn find(table: &str, directory: &Path) -> Option<Mount> {
    let mounts = table.lines().filter_map(read).filter(|(at, _)| directory.starts_with(at));
    mounts.max_by_key(|(at, _)| at.as_os_str().len()).map(|(_, mount)| mount)
}

/// A line: number, number of the mount above, device numbers, root, mount point, options, optional fields, `-`, kind, device, options.
fn read(line: &str) -> Option<(PathBuf, Mount)> {
    let (mount, file_system) = line.split_once(" - ")?;
    let at = plain(mount.split(' ').nth(4)?);
    let mut words = file_system.split(' ');
    let (kind, device) = (plain(words.next()?), plain(words.next()?));
    Some((PathBuf::from(at), Mount { device, kind }))
}

/// The kernel writes spaces, tabs, line ends and backslashes of names as `\` and three octal digits.
fn plain(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let number = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match number {
            Some(number) if number.is_ascii() => {
                text.push(char::from(number));
                rest = &after[3..];
            }
            _ => {
                text.push('\\');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                        30 22 0:30 / /scratch rw - xfs /dev/nvme0n1 rw\n\
                        31 22 0:31 / /scratch/my\\040disk rw shared:7 master:2 - tmpfs tmpfs rw,size=1k\n\
                        32 30 0:32 /a /scratch rw - btrfs /dev/b\\134c rw\nnonsense\n";

    #[test]
    fn the_longest_and_last_mount_above_a_directory_is_its_own() {
        let of = |path: &str| find(TEXT, Path::new(path)).map(|mount| (mount.device, mount.kind));
        let mount = |device: &str, kind: &str| Some((device.to_owned(), kind.to_owned()));
        assert_eq!(of("/home"), mount("/dev/sda1", "ext4"));
        assert_eq!(of("/scratch/0"), mount("/dev/b\\c", "btrfs"));
        assert_eq!(of("/scratchy"), mount("/dev/sda1", "ext4"));
        assert_eq!(of("/scratch/my disk/1"), mount("tmpfs", "tmpfs"));
        assert_eq!(find("", Path::new("/")), None);
        assert_eq!((plain("a\\09"), plain("\\777"), plain("\\")), ("a\\09".into(), "\\777".into(), "\\".into()));
    }

    #[test]
    fn the_root_of_this_machine_is_on_something() {
        assert!(!mount_of(Path::new("/")).kind.is_empty());
    }
}
