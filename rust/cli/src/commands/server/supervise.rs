//! Several engines of one file: each is a process, which is started again when it was killed.

use crate::failure::{Failure, Result};
use crate::reply::Reply;
use crate::system_calls::{ProcessHandle, StopSignals, end_with_parent, terminate};
use daos_env::{Clock, SystemClock};
use daos_status::{Code, Status};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long an engine that was killed is left alone, at first and at most.
const DELAYS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// An engine that lived for so long is started again as if it were the first time.
const LIFE: Duration = Duration::from_secs(60);
/// How long engines may take to end: they write checkpoints, which may be gigabytes.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// How often the children are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

struct Engine {
    number: usize,
    child: Option<Child>,
    started: Duration,
    delay: Duration,
    /// When it is started again.
    again_at: Option<Duration>,
    failed: bool,
}

/// Serves until a signal comes, or no engine is left.
pub fn run(count: usize) -> Result<Reply> {
    let signals = StopSignals::block().map_err(Status::from)?;
    let mut engines = Vec::new();
    for number in 0..count {
        let child = Some(spawn(number)?);
        let started = SystemClock.monotonic();
        engines.push(Engine { number, child, started, delay: DELAYS.0, again_at: None, failed: false });
    }
    loop {
        if signals.wait(LOOK_INTERVAL) {
            return stop(&mut engines, STOP_LIMIT);
        }
        for engine in &mut engines {
            look(engine)?;
        }
        if engines.iter().all(|engine| engine.child.is_none() && engine.again_at.is_none()) {
            let failed = engines.iter().filter(|engine| engine.failed).count();
            let sentence = format!("no engine is left; {failed} of {count} could not serve, see the sentences above");
            return Err(Failure::new(Code::Shutdown, sentence).doing("serve"));
        }
    }
}

fn spawn(number: usize) -> Result<Child> {
    let mut command = Command::new(daos_server::own_program());
    // The same line, and which engine of the file is meant.
    command.arg0("daos_server").args(std::env::args_os().skip(1));
    command.arg("--engine").arg(number.to_string()).stdin(Stdio::null());
    end_with_parent(&mut command);
    let failed = |error: std::io::Error| Failure::from(Status::from(error)).doing(format!("start engine {number}"));
    command.spawn().map_err(failed)
}

/// Notices the end of an engine, and starts it again when it is time.
fn look(engine: &mut Engine) -> Result<()> {
    let now = SystemClock.monotonic();
    if let Some(child) = &mut engine.child
        && let Some(status) = child.try_wait().map_err(Status::from)?
    {
        let process = child.id();
        engine.child = None;
        ended(engine, process, status, now);
    }
    if engine.again_at.is_some_and(|at| at <= now) {
        engine.again_at = None;
        engine.started = now;
        engine.child = Some(spawn(engine.number)?);
    }
    Ok(())
}

/// One that was killed is started again; one that ended by itself has said why.
fn ended(engine: &mut Engine, process: u32, status: ExitStatus, now: Duration) {
    let number = engine.number;
    let Some(signal) = status.signal() else {
        engine.failed = !status.success();
        return say(&format!("engine {number} (process {process}) has ended: {status}"));
    };
    if now.saturating_sub(engine.started) >= LIFE {
        engine.delay = DELAYS.0;
    }
    let seconds = engine.delay.as_secs();
    say(&format!(
        "engine {number} (process {process}) was ended by signal {signal}; it is started again in {seconds} s"
    ));
    engine.again_at = Some(now + engine.delay);
    engine.delay = (2 * engine.delay).min(DELAYS.1);
}

fn say(sentence: &str) {
    // Whoever does not read misses it; the logs have it, too.
    let _unread = writeln!(std::io::stderr(), "daos_server: {sentence}");
}

/// Whether a child ends until the deadline. Without a handle of its process, as when no descriptor is left, it is looked at again and again:
/// giving up would kill all engines.
fn has_ended(child: &mut Child, handle: std::io::Result<ProcessHandle>, deadline: Duration) -> std::io::Result<bool> {
    let left = || deadline.saturating_sub(SystemClock.monotonic());
    if let Ok(ended) = handle.and_then(|handle| handle.wait(left())) {
        return Ok(ended);
    }
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if left().is_zero() {
            return Ok(false);
        }
        std::thread::park_timeout(LOOK_INTERVAL.min(left()));
    }
}

/// Ends every engine in good order; one that does not end in time is killed.
fn stop(engines: &mut [Engine], limit: Duration) -> Result<Reply> {
    let deadline = SystemClock.monotonic() + limit;
    for child in engines.iter().filter_map(|engine| engine.child.as_ref()) {
        // One that has ended already needs no signal.
        let _ended = terminate(child.id());
    }
    let (mut failed, mut late) = (0, Vec::new());
    for engine in engines {
        let Some(child) = &mut engine.child else { continue };
        let process = child.id();
        // A child keeps its number until it is waited for.
        if !has_ended(child, ProcessHandle::open(process), deadline).map_err(Status::from)? {
            late.push(format!("engine {} (process {process})", engine.number));
            child.kill().map_err(Status::from)?;
        }
        failed += usize::from(!child.wait().map_err(Status::from)?.success());
    }
    if !late.is_empty() {
        let sentence = format!(
            "{} did not end within {} s and was killed, which loses nothing acknowledged; was it stopped in its tracks? Its log may say more",
            late.join(", "),
            limit.as_secs()
        );
        return Err(Failure::new(Code::Timedout, sentence).doing("end all engines"));
    }
    if failed > 0 {
        return Err(Failure::new(
            Code::Misc,
            format!("{failed} engines did not end in good order; their logs say why"),
        ));
    }
    Ok(Reply::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn engine(number: usize, script: &str) -> Engine {
        let mut command = Command::new("/bin/sh");
        let mut child =
            command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        child.stdout.as_mut().expect("a pipe").read_exact(&mut [0]).expect("it has begun");
        Engine { number, child: Some(child), started: Duration::ZERO, delay: DELAYS.0, again_at: None, failed: false }
    }

    /// Where no descriptor was left, the one that looks after the engines ended, and with it all of them.
    #[test]
    fn an_engine_without_a_handle_is_waited_for() {
        let mut engine = engine(0, "trap 'exit 0' TERM; echo; read x");
        let child = engine.child.as_mut().expect("it runs");
        let no_handle = || Err(std::io::Error::from_raw_os_error(libc::EMFILE));
        assert!(!has_ended(child, no_handle(), Duration::ZERO).expect("it is ours"));
        terminate(child.id()).expect("it is ours");
        drop(child.stdin.take());
        let deadline = SystemClock.monotonic() + Duration::from_secs(60);
        assert!(has_ended(child, no_handle(), deadline).expect("it is ours"));
        assert!(child.wait().expect("it is ours").success());
    }

    /// An engine that did not end was waited for without an end.
    #[test]
    fn an_engine_that_does_not_end_is_killed_after_a_while() {
        let mut engines =
            [engine(0, "trap 'exit 0' TERM; echo; read x"), engine(1, "trap '' TERM; echo; read x; read x")];
        let process = engines[1].child.as_ref().expect("it runs").id();
        // The first one has ended before.
        let mut first = engines[0].child.take().expect("it runs");
        terminate(first.id()).expect("it is ours");
        drop(first.stdin.take());
        first.wait().expect("it is ours");
        let failure = stop(&mut engines, Duration::ZERO).expect_err("one does not end");
        assert!(failure.sentence().starts_with(&format!("engine 1 (process {process}) did not end")), "{failure}");
        assert!(ProcessHandle::open(process).is_err(), "it was killed, and waited for");
        let mut others = [engine(2, "trap 'exit 0' TERM; echo; read x; exit 0")];
        drop(others[0].child.as_mut().and_then(|child| child.stdin.take()));
        assert!(stop(&mut others, STOP_LIMIT).is_ok());
    }
}
