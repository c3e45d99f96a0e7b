//! Writes that lie one behind the other become one operation of the kernel: a disk does so many operations a second, whatever their
//! size.

use daos_env::IoBuffer;
use daos_env::sync::Sender;
use std::fs::File;
use std::ops::Range;
use std::rc::Rc;

use super::Completion;

/// Bytes of one operation: about what a disk moves while it does the work for a small one ten times.
const BYTES_MAX: usize = 1 << 20;

/// Writes in one operation, well below the kernel's 1024.
const COUNT_MAX: usize = 256;

/// A write that has not gone to the kernel yet.
pub(super) struct Write {
    pub file: Rc<File>,
    /// Where the first byte of `part` goes.
    pub position: u64,
    pub buffer: IoBuffer,
    /// The part of the padded buffer that is written.
    pub part: Range<usize>,
    pub sender: Sender<Completion>,
    /// It has failed as a part of a longer one: only by itself it says why.
    pub is_alone: bool,
}

impl Write {
    fn end(&self) -> u64 {
        self.position + self.part.len() as u64
    }

    /// Whether `next` can be written in the same operation, which has so many writes and bytes by now.
    fn is_continued_by(&self, next: &Write, count: usize, bytes: usize) -> bool {
        let follows = Rc::ptr_eq(&self.file, &next.file) && self.end() == next.position;
        let fits = count < COUNT_MAX && bytes + next.part.len() <= BYTES_MAX;
        follows && fits && !self.is_alone && !next.is_alone
    }
}

/// Divides writes into runs that lie one behind the other.
pub(super) fn runs(mut writes: Vec<Write>) -> Vec<Vec<Write>> {
    writes.sort_by_key(|write| (Rc::as_ptr(&write.file), write.position));
    let mut runs: Vec<Vec<Write>> = Vec::new();
    let mut bytes = 0;
    for write in writes {
        let run =
            runs.last_mut().filter(|run| run.last().is_some_and(|last| last.is_continued_by(&write, run.len(), bytes)));
        match run {
            Some(run) => {
                bytes += write.part.len();
                run.push(write);
            }
            None => {
                bytes = write.part.len();
                runs.push(vec![write]);
            }
        }
    }
    runs
}

/// Tells the writes of a run how far each came; gives back those that must be tried again by themselves.
pub(super) fn complete(run: Vec<Write>, result: i32) -> Vec<Write> {
    let is_refused = result <= 0 && run.len() > 1;
    if is_refused {
        return run.into_iter().map(|write| Write { is_alone: true, ..write }).collect();
    }
    let mut written = usize::try_from(result).unwrap_or(0);
    let is_first = |index: usize| index == 0;
    for (index, write) in run.into_iter().enumerate() {
        let count = written.min(write.part.len());
        written -= count;
        // At most MAX_TRANSFER, which fits. What was not reached by a short operation goes on from its start.
        let own = if count > 0 {
            count as i32
        } else if is_first(index) {
            result
        } else {
            -libc::EAGAIN
        };
        write.sender.send(Completion { result: own, buffer: Some(write.buffer) });
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::sync::{Receiver, oneshot};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    fn write(file: &Rc<File>, block: u64, blocks: usize) -> (Write, Receiver<Completion>) {
        let (sender, receiver) = oneshot();
        let buffer = IoBuffer::zeroed(blocks * 4096);
        let (position, part) = (block * 4096, 0..blocks * 4096);
        (Write { file: file.clone(), position, buffer, part, sender, is_alone: false }, receiver)
    }

    fn file() -> Rc<File> {
        Rc::new(tempfile::tempfile().unwrap())
    }

    fn result_of(mut receiver: Receiver<Completion>) -> i32 {
        match Pin::new(&mut receiver).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(completion)) => completion.result,
            _ => panic!("it was not told"),
        }
    }

    /// Where each run starts, in blocks, and how many writes it has.
    fn shape(runs: &[Vec<Write>]) -> Vec<(u64, usize)> {
        let mut shape: Vec<_> = runs.iter().map(|run| (run[0].position / 4096, run.len())).collect();
        shape.sort_unstable();
        shape
    }

    #[test]
    fn neighbours_are_gathered_within_bounds() {
        let (one, other) = (file(), file());
        let places = [(&one, 7, 1), (&one, 4, 2), (&other, 8, 1), (&one, 6, 1), (&one, 9, 1)];
        let writes = places.map(|(file, block, blocks)| write(file, block, blocks).0);
        assert_eq!(shape(&runs(writes.into())), [(4, 3), (8, 1), (9, 1)]);
        let many: Vec<_> = (0..600).map(|block| write(&one, block, 1).0).collect();
        assert_eq!(shape(&runs(many)), [(0, 256), (256, 256), (512, 88)]);
        let long: Vec<_> = (0..10).map(|number| write(&one, number * 100, 100).0).collect();
        assert_eq!(shape(&runs(long)).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2; 5]);
        let mut writes: Vec<_> = (0..3).map(|block| write(&one, block, 1).0).collect();
        writes[1].is_alone = true;
        assert_eq!(shape(&runs(writes)), [(0, 1), (1, 1), (2, 1)]);
    }

    #[test]
    fn each_write_learns_how_far_it_came() {
        let file = file();
        let cases: [(i32, [i32; 3]); 3] = [
            (3 * 8192, [8192, 8192, 8192]),
            (8192 + 4096, [8192, 4096, -libc::EAGAIN]),
            (4096, [4096, -libc::EAGAIN, -libc::EAGAIN]),
        ];
        for (result, expected) in cases {
            let (writes, receivers): (Vec<_>, Vec<_>) = (0..3).map(|number| write(&file, number * 2, 2)).unzip();
            assert!(complete(writes, result).is_empty());
            for (receiver, expected) in receivers.into_iter().zip(expected) {
                assert_eq!(result_of(receiver), expected, "of {result}");
            }
        }
    }

    #[test]
    fn a_run_that_fails_is_tried_one_by_one() {
        let file = file();
        for result in [0, -libc::EIO] {
            let (writes, receivers): (Vec<_>, Vec<_>) = (0..3).map(|number| write(&file, number, 1)).unzip();
            let again = runs(complete(writes, result));
            assert_eq!(again.len(), 3);
            for (run, receiver) in again.into_iter().zip(receivers) {
                assert!(complete(run, result).is_empty());
                assert_eq!(result_of(receiver), result);
            }
        }
    }
}
