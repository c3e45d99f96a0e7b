//! How far a copy is, on standard error: a line that changes on a terminal, else a line every few seconds.

use crate::units::{count, size};
use daos_dfs::CopyProgress;
use daos_env::Clock;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks on a terminal: often enough to seem continuous.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(200);
/// Between two lines elsewhere: seldom enough for a log.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Takes the cursor to the beginning of the line and clears it.
const CLEAR_LINE: &str = "\r\x1b[K";

/// Shows progress until it is dropped.
pub struct ProgressDisplay {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressDisplay {
    /// Begins to show it.
    pub fn start(progress: Arc<CopyProgress>, clock: Arc<dyn Clock>) -> ProgressDisplay {
        let terminal = std::io::stderr().is_terminal();
        let interval = if terminal { TERMINAL_INTERVAL } else { LINE_INTERVAL };
        let (end, ended) = channel();
        let began = clock.monotonic();
        let thread = std::thread::spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let line = line(&progress, clock.monotonic().saturating_sub(began));
                show(&if terminal { format!("{CLEAR_LINE}{line}") } else { format!("{line}\n") });
            }
            if terminal {
                show(CLEAR_LINE);
            }
        });
        ProgressDisplay { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A display that failed has nothing to say that matters more than the copy's own result.
            let _ignored = thread.join();
        }
    }
}

fn show(text: &str) {
    // A copy goes on when nobody can see how far it is.
    let _ignored = std::io::stderr().write_all(text.as_bytes());
}

fn line(progress: &CopyProgress, elapsed: Duration) -> String {
    let files = progress.files.load(Ordering::Relaxed);
    let bytes = progress.bytes.load(Ordering::Relaxed);
    let found = progress.files_found.load(Ordering::Relaxed).max(files);
    let all = progress.bytes_found.load(Ordering::Relaxed).max(bytes);
    format!("{files} of {}, {} of {}, {}", count(found, "file"), size(bytes), size(all), rate(files, bytes, elapsed))
}

/// Bytes and files per second.
pub fn rate(files: u64, bytes: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    format!("{}/s, {:.0} files/s", size((bytes as f64 / seconds) as u64), files as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_of_how_much_and_how_fast() {
        let progress = CopyProgress::default();
        progress.files.store(10, Ordering::Relaxed);
        progress.bytes.store(2_000_000, Ordering::Relaxed);
        progress.files_found.store(40, Ordering::Relaxed);
        progress.bytes_found.store(8_000_000, Ordering::Relaxed);
        let expected = "10 of 40 files, 2.00 MB of 8.00 MB, 1.00 MB/s, 5 files/s";
        assert_eq!(line(&progress, Duration::from_secs(2)), expected);
    }
}
