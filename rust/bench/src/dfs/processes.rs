//! The processes that do the work, and how they are told.
//!
//! A process reads the names of rows from its standard input, one a line, and answers each with a line: operations,
//! nanoseconds, messages. Its input's end ends it.

use super::work::{Place, Work};
use crate::engine::{self, Bench};
use daos_client::TransportChoice;
use daos_status::{Code, Result, Status, fail};
use daos_types::ContainerId;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The word that makes this program a worker; directory, pool, container, number, files and bytes follow.
const WORK: &str = "work-on-files";

/// What one process did in a row.
pub struct Outcome {
    pub operations: u64,
    pub nanoseconds: u64,
    pub messages: u64,
}

/// Works for another process, when the command line says so.
pub fn work_if_asked() -> Option<Result<()>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != WORK {
        return None;
    }
    let directory = PathBuf::from(arguments.next()?);
    let pool = arguments.next()?;
    let container = arguments.next()?;
    let number = arguments.next()?.parse().ok()?;
    let files = arguments.next()?.parse().ok()?;
    let bytes = arguments.next()?.parse().ok()?;
    Some(serve(directory, Place { pool, container, number, files, bytes }))
}

fn serve(directory: PathBuf, place: Place) -> Result<()> {
    let bench = Bench::attach(directory, TransportChoice::Automatic)?;
    let mut work = Work::start(bench.context(), place)?;
    answer("ready")?;
    for line in std::io::stdin().lock().lines() {
        let Outcome { operations, nanoseconds, messages } = work.row(bench.context(), line?.trim())?;
        answer(&format!("{operations} {nanoseconds} {messages}"))?;
    }
    work.end(bench.context())
}

fn answer(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            fail!(Code::Misc, "a process of the benchmark has ended before its time");
        }
        Ok(line)
    }

    fn outcome(&mut self) -> Result<Outcome> {
        let line = self.line()?;
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [operations, nanoseconds, messages] => Ok(Outcome { operations, nanoseconds, messages }),
            _ => fail!(Code::Misc, "a process of the benchmark said '{}'", line.trim()),
        }
    }
}

/// Processes that work at the same time.
pub struct Processes(Vec<Worker>);

impl Processes {
    /// Starts so many of them; each has so many files, and a large one of so many bytes.
    pub fn start(
        bench: &Bench,
        pool: &str,
        container: ContainerId,
        (count, files, bytes): (u64, u64, u64),
    ) -> Result<Processes> {
        let start = |number: u64| -> Result<Worker> {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(WORK).arg(bench.directory()).args([pool, &container.to_string()]);
            command.args([number, files, bytes].map(|figure| figure.to_string()));
            engine::end_with_parent(&mut command);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            let missing = || Status::new(Code::Misc, "a process of the benchmark has no pipe");
            let input = child.stdin.take().ok_or_else(missing)?;
            let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
            Ok(Worker { child, input, output })
        };
        let mut workers = (0..count).map(start).collect::<Result<Vec<_>>>()?;
        for worker in &mut workers {
            worker.line()?;
        }
        Ok(Processes(workers))
    }

    /// Has all of them do a row.
    pub fn row(&mut self, name: &str) -> Result<Vec<Outcome>> {
        for worker in &mut self.0 {
            writeln!(worker.input, "{name}")?;
            worker.input.flush()?;
        }
        self.0.iter_mut().map(Worker::outcome).collect()
    }

    /// Waits until they have ended.
    pub fn end(self) -> Result<()> {
        for Worker { mut child, input, .. } in self.0 {
            drop(input);
            let status = child.wait()?;
            if !status.success() {
                fail!(Code::Misc, "a process of the benchmark failed: {status}");
            }
        }
        Ok(())
    }
}
