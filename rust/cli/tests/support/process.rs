//! Processes, as the kernel shows them.

use super::LIMIT;
use daos_env::{Clock, SystemClock};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Between two looks at what is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(3);

/// Waits until the condition holds; fails when it never does.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = SystemClock.monotonic() + LIMIT;
    // Nobody sends: receiving is a pause between two looks, not a time by which something must have happened.
    let (_sender, receiver) = channel::<()>();
    while !condition() {
        assert!(SystemClock.monotonic() < deadline, "this did not come about: {what}");
        let _pause = receiver.recv_timeout(LOOK_INTERVAL);
    }
}

/// Fields of /proc/PID/stat from the third on: state, parent, ...
fn stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Whether the process exists, and is not only waiting for its parent to notice its end.
pub fn is_running(process: u32) -> bool {
    stat(process).is_some_and(|fields| !fields[0].starts_with(['Z', 'X']))
}

/// Processor time of all threads of the process so far, in ticks of 10 ms; the process must run.
pub fn cpu_ticks(process: u32) -> u64 {
    let fields = stat(process).expect("it runs");
    let number = |index: usize| fields[index].parse::<u64>().expect("a number");
    number(11) + number(12)
}

/// Whether the process has a file below the path open.
pub fn has_open_below(process: u32, path: &Path) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let mut targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.any(|target| target.starts_with(path))
}
