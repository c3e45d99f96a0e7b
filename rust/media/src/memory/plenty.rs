//! How much memory the machine has left, and the control group that this process is in.

use std::cell::Cell;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// One part in so many of the whole is left to others.
const LEFT_SHARE: u64 = 4;

/// So many times an answer holds: asking takes some files to be read.
const FRESH: u32 = 32;

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// What can be had, and of how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Room {
    available: u64,
    total: u64,
}

impl Room {
    fn is_plenty(self) -> bool {
        self.available > self.total / LEFT_SHARE
    }
}

/// Whether there is plenty of memory, for somebody who asks once for each huge page: so 64 MiB are taken or kept on one answer.
#[derive(Default)]
pub(crate) struct Plenty {
    left: Cell<u32>,
    answer: Cell<bool>,
}

impl Plenty {
    /// Whether more than a quarter of the memory of the machine, and of each control group with a limit, could be had now, without keeping others from
    /// theirs. Where nothing says so, there is none to spare.
    pub(crate) fn is_there(&self) -> bool {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(FRESH - 1);
                self.answer.set(ask());
            }
        }
        self.answer.get()
    }
}

fn ask() -> bool {
    has_fine_locks() && has_room()
}

/// Whether memory that is touched locks its mapping only, as it does since Linux 6.4. Before, a thread that finds no core to run on while it touches
/// memory keeps everybody from getting any.
fn has_fine_locks() -> bool {
    let text = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release_of(&text).is_some_and(|release| release >= (6, 4))
}

/// The first two numbers of a kernel's release.
fn release_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split(|letter: char| !letter.is_ascii_digit()).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn has_room() -> bool {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| room_of_machine(&text));
    machine.is_some_and(Room::is_plenty) && {
        let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
        folders_of_groups(&groups).iter().filter_map(|folder| room_of_group(folder)).all(Room::is_plenty)
    }
}

/// From `/proc/meminfo`, proc(5).
fn room_of_machine(text: &str) -> Option<Room> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Room { available: field("MemAvailable:")?, total: field("MemTotal:")? })
}

/// The folders of the groups that limit this process, from `/proc/self/cgroup`, cgroups(7): in version 2 its own and all above it. In version 1,
/// and in a container that sees itself at the root, what is at the root counts.
fn folders_of_groups(text: &str) -> Vec<PathBuf> {
    let root = Path::new(GROUPS);
    let mut folders = vec![root.to_path_buf(), root.join("memory")];
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("0::/") {
            let own = root.join(path);
            folders.extend(own.ancestors().take_while(|folder| *folder != root).map(Path::to_path_buf));
        } else if let Some((_, path)) = line.split_once(":memory:/") {
            folders.push(root.join("memory").join(path));
        }
    }
    folders
}

/// What a group's limit leaves; `None` where it has none. Pages of files that nobody used lately are the kernel's to take.
fn room_of_group(folder: &Path) -> Option<Room> {
    let number = |name: &str| read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    // Beyond `memory.high` a group is slowed down.
    let limits = ["memory.max", "memory.high", "memory.limit_in_bytes"];
    let total = limits.into_iter().filter_map(number).min()?;
    let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
    let statistics = read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let files = statistics.lines().find_map(|line| line.strip_prefix("inactive_file "));
    let files = files.and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0);
    Some(Room { available: total.saturating_sub(used.saturating_sub(files)), total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_words_are_understood() {
        let text = "MemTotal:       24684412 kB\nMemFree:         100 kB\nMemAvailable:   20000000 kB\n";
        let room = Room { available: 20_000_000 << 10, total: 24_684_412 << 10 };
        assert_eq!(room_of_machine(text), Some(room));
        assert!(room.is_plenty());
        assert!(!Room { available: room.total / 4, ..room }.is_plenty());
        assert_eq!(room_of_machine("MemTotal: 5 kB\n"), None);
        assert_eq!(room_of_machine("MemTotal: 5 kB\nMemAvailable: many kB\n"), None);
    }

    #[test]
    fn releases_are_compared_by_their_numbers() {
        assert_eq!(release_of("6.1.0-44-amd64\n"), Some((6, 1)));
        assert_eq!(release_of("6.18.44-fc\n"), Some((6, 18)));
        assert!(release_of("5.15.0").unwrap() < (6, 4) && release_of("6.12-rc1").unwrap() >= (6, 4));
        assert_eq!(release_of("linux"), None);
    }

    #[test]
    fn every_group_above_counts() {
        let root = Path::new(GROUPS);
        let folders = folders_of_groups("0::/user.slice/job\n");
        assert!(["", "user.slice", "user.slice/job"].iter().all(|path| folders.contains(&root.join(path))));
        assert!(folders_of_groups("9:memory:/docker/1\n0::/\n").contains(&root.join("memory/docker/1")));
    }

    #[test]
    fn a_limit_leaves_what_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(room_of_group(folder.path()), None);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("memory.max", "max\n");
        write("memory.high", "max\n");
        write("memory.current", "900\n");
        assert_eq!(room_of_group(folder.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(room_of_group(folder.path()), Some(Room { available: 100, total: 1000 }));
        write("memory.high", "950\n");
        assert_eq!(room_of_group(folder.path()), Some(Room { available: 50, total: 950 }));
        write("memory.high", "2000\n");
        write("memory.stat", "anon 300\ninactive_file 600\n");
        assert_eq!(room_of_group(folder.path()), Some(Room { available: 700, total: 1000 }));
    }
}
