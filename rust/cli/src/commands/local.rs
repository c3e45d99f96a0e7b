//! The engine process of a local directory: serving it, and looking at it from outside.

use crate::arguments::{GlobalOptions, LocalCommand, ServeOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list};
use crate::session;
use crate::system_calls::{ProcessHandle, peer_process};
use daos_client::LocalDirectory;
use daos_env::{Clock, SystemClock};
use daos_server::{LocalEngine, LocalEngineSettings};
use daos_status::{Code, Status};
use serde_json::json;
use std::io::ErrorKind;
use std::time::Duration;

/// How long an engine may take to end: it writes a checkpoint, which may be gigabytes.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// How long it may take to take somebody in: many others may have come before.
const TAKEN_IN_LIMIT: Duration = Duration::from_secs(5);
/// How often that is tried.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// `daos_server local`.
pub fn serve(global: &GlobalOptions, options: &ServeOptions) -> Result<Reply> {
    let settings = session::settings(global)?;
    LocalEngine::serve(LocalEngineSettings {
        directory: settings.local_directory.clone(),
        idle: options.idle.map(Duration::from_secs),
        targets: options.targets,
        detached: options.detached,
    })
    .map_err(|error| Failure::from(error).doing(format_args!("serve {}", settings.local_directory.display())))?;
    Ok(Reply::default())
}

/// Runs a command of `daos local`.
pub fn run(global: &GlobalOptions, command: &LocalCommand) -> Result<Reply> {
    let (path, directory) = session::directory(global)?;
    match command {
        LocalCommand::Status => {
            let doing = format!("look at the engine of {}", path.display());
            let process = running(directory.as_ref()).map_err(|error| error.doing(doing))?;
            let log = directory.as_ref().map(LocalDirectory::log_file).filter(|log| log.exists());
            let log = log.map(|log| log.display().to_string());
            let text = list(&[
                ("Directory", path.display().to_string()),
                ("Engine", process.map_or("none runs".to_owned(), |process| format!("process {process}"))),
                ("Log", log.clone().unwrap_or_else(|| "none".to_owned())),
            ]);
            let json = json!({
                "directory": path.display().to_string(),
                "running": process.is_some(),
                "process": process,
                "log": log,
            });
            Ok(Reply::new(text, json))
        }
        LocalCommand::Stop => {
            let doing = format!("stop the engine of {}", path.display());
            let stopped = stop(directory.as_ref()).map_err(|error| error.doing(doing))?;
            let text = match stopped {
                Some(process) => format!("Engine {process} of {} stopped", path.display()),
                None => format!("No engine runs for {}", path.display()),
            };
            Ok(Reply::new(text, json!({ "stopped": stopped.is_some(), "process": stopped })))
        }
    }
}

/// The process that listens on the directory's socket.
fn running(directory: Option<&LocalDirectory>) -> Result<Option<u32>> {
    running_within(directory, TAKEN_IN_LIMIT)
}

/// The same; an engine has so long to take somebody in.
fn running_within(directory: Option<&LocalDirectory>, limit: Duration) -> Result<Option<u32>> {
    let Some(directory) = directory else { return Ok(None) };
    let deadline = SystemClock.monotonic() + limit;
    let connected = loop {
        match directory.connect() {
            // Others come at once, and the engine goes through them.
            Err(error) if error.kind() == ErrorKind::WouldBlock && SystemClock.monotonic() < deadline => {
                std::thread::park_timeout(LOOK_INTERVAL);
            }
            connected => break connected,
        }
    };
    match connected {
        Ok(stream) => Ok(Some(peer_process(&stream).map_err(Status::from)?)),
        // No socket, or one that a killed engine left behind.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            let sentence = format!(
                "the engine took nobody in for {} s: it may serve as many clients as it can, which is over when some end, or have been \
                 stopped in its tracks: then 'kill -CONT' of the process in {} lets it go on, and 'kill -9' loses nothing acknowledged",
                limit.as_secs(),
                directory.process_file().display()
            );
            Err(Failure::new(Code::Busy, sentence))
        }
        Err(error) => Err(Status::from(error).into()),
    }
}

fn stop(directory: Option<&LocalDirectory>) -> Result<Option<u32>> {
    let Some(process) = running(directory)? else { return Ok(None) };
    let gone = |error: &std::io::Error| error.raw_os_error() == Some(libc::ESRCH);
    let handle = match ProcessHandle::open(process) {
        Ok(handle) => handle,
        // It ended by itself meanwhile.
        Err(error) if gone(&error) => return Ok(Some(process)),
        Err(error) => return Err(Status::from(error).into()),
    };
    // The number may have passed to another process before it was held; then somebody else answers now, or nobody.
    if running(directory)? != Some(process) {
        return Ok(None);
    }
    match handle.terminate() {
        Err(error) if !gone(&error) => return Err(Status::from(error).into()),
        _ => {}
    }
    if handle.wait(STOP_LIMIT).map_err(Status::from)? {
        return Ok(Some(process));
    }
    let sentence = format!(
        "process {process} did not end within {} s; its log says why, and 'kill -9 {process}' loses nothing acknowledged",
        STOP_LIMIT.as_secs()
    );
    Err(Failure::new(Code::Timedout, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// Who wanted to know waited for as long as the engine did not go on, once so many had asked that no more connections fit.
    #[test]
    fn an_engine_that_takes_nobody_in_is_an_error() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let directory = LocalDirectory::create(place.path()).expect("it is ours");
        assert_eq!(running(Some(&directory)).expect("nobody is there"), None);
        let listener = UnixListener::bind(directory.socket()).expect("a short path");
        let failure = loop {
            match running_within(Some(&directory), Duration::ZERO) {
                Ok(process) => assert_eq!(process, Some(std::process::id())),
                Err(failure) => break failure,
            }
        };
        assert!(failure.code() == Code::Busy && failure.sentence().contains("engine.pid"), "{failure}");
        // One that has much to do takes them in soon.
        let engine = std::thread::spawn(move || listener.accept().map(|_| listener));
        let process = running_within(Some(&directory), Duration::from_secs(60)).expect("there is room again");
        assert_eq!(process, Some(std::process::id()));
        engine.join().expect("no panic").expect("it was waited for");
    }
}
