//! Starting a process that outlives its starter and owes it nothing.
#![allow(unsafe_code, reason = "system calls between fork and exec")]

use daos_status::{Result, Status};
use std::io::PipeReader;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The first descriptor after standard input, output and error.
const FIRST_OTHER_DESCRIPTOR: libc::c_int = 3;
/// How many descriptors are looked at on a kernel that cannot mark all of them at once: the usual limit of a process.
const DESCRIPTORS_MAX: libc::c_int = 1024;
/// Signals that a caller may ignore, and the process must not.
const SIGNALS: &[libc::c_int] =
    &[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGCHLD];

/// Starts the command as a process in a session of its own, with the root directory as its working directory, no signal
/// ignored or blocked, no parent that would have to wait for it, and nothing open but the null device and, as standard
/// error, a pipe. Its reading end is returned: it does not block, and ends when the process has closed its standard error,
/// which tells of an end without a word, and brings the words of a program that cannot even be loaded.
///
/// Signals of the caller's terminal do not reach it, a pipe that the caller holds does not stay open because of it, a
/// library that is preloaded into the caller is not loaded into it, and it leaves no dead child behind in a caller that
/// runs for months. The program must be an absolute path.
///
/// # Errors
/// When the program cannot be started.
pub fn spawn_detached(command: &mut Command) -> Result<PipeReader> {
    let program = PathBuf::from(command.get_program());
    let failed =
        |error: std::io::Error| Status::from(error).while_doing(format_args!("starting {}", program.display()));
    let (words, their_end) = std::io::pipe().map_err(failed)?;
    do_not_block(&words).map_err(failed)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(their_end).current_dir("/").env_remove("LD_PRELOAD");
    for (name, value) in daos_rpc::libfabric::PROCESS_ENVIRONMENT {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    // SAFETY: between fork and exec only system calls are made that are allowed there: no memory is allocated, no lock taken.
    unsafe {
        command.pre_exec(detach);
    }
    let spawned = command.spawn();
    // The command holds our copy of the writing end, without which the pipe would never end.
    command.stderr(Stdio::null());
    let mut between = spawned.map_err(failed)?;
    // The process in between ends before the program begins, so this waits for nothing else.
    match between.wait() {
        // A caller that ignores SIGCHLD has its children waited for by the kernel.
        Err(error) if error.raw_os_error() != Some(libc::ECHILD) => Err(failed(error)),
        _ => Ok(words),
    }
}

/// The name under which a program serves a directory; programs of several names go by the first word.
pub const SERVER_NAME: &str = "daos_server";
/// What the kernel calls this program also when its file was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Starts the engine of a local directory, on its own as [`spawn_detached`] has it, from a program that knows
/// `daos_server local`.
///
/// # Errors
/// When the program cannot be started.
pub fn spawn_local_engine(program: &Path, directory: &Path) -> Result<PipeReader> {
    let mut command = Command::new(program);
    command.arg0(SERVER_NAME).args(["local", "--detached", "--local-path"]).arg(directory);
    spawn_detached(&mut command)
        .map_err(|error| error.while_doing(format_args!("starting the engine of {}", directory.display())))
}

/// The file of this program; by its own name where it still has one, so that lists of processes show it.
pub fn own_program() -> PathBuf {
    std::env::current_exe().ok().filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(OWN_PROGRAM))
}

fn do_not_block(pipe: &PipeReader) -> std::io::Result<()> {
    // SAFETY: the descriptor is open, and its flags are ours to change.
    match unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Closes what a detached process still shares with its starter: standard error becomes the null device.
pub(crate) fn let_go_of_starter() -> Result<()> {
    let failed =
        |error: std::io::Error| Status::from(error).while_doing("letting go of the process that started the engine");
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null").map_err(failed)?;
    // SAFETY: both descriptors are open, and nobody else changes standard error.
    match unsafe { libc::dup2(null.as_raw_fd(), libc::STDERR_FILENO) } {
        -1 => Err(failed(std::io::Error::last_os_error())),
        _ => Ok(()),
    }
}

/// Runs in the child before the program: a new session, then a second fork, whose parent ends at once, so that the
/// program is nobody's child and cannot get a terminal. The standard library has emptied the signal mask by then.
fn detach() -> std::io::Result<()> {
    // SAFETY: these calls take no pointers, and the signals exist.
    unsafe {
        for signal in SIGNALS {
            libc::signal(*signal, libc::SIG_DFL);
        }
        if libc::setsid() < 0 {
            return Err(std::io::Error::last_os_error());
        }
        match libc::fork() {
            0 => {}
            child if child < 0 => return Err(std::io::Error::last_os_error()),
            _ => libc::_exit(0),
        }
    }
    close_at_start_of_program();
    Ok(())
}

/// Marks every other descriptor to be closed when the program begins. Until then the standard library needs one of them,
/// to tell the caller that the program could not be started.
fn close_at_start_of_program() {
    let first = FIRST_OTHER_DESCRIPTOR as libc::c_uint;
    // SAFETY: the call takes numbers only.
    let marked = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if marked == 0 {
        return;
    }
    for descriptor in FIRST_OTHER_DESCRIPTOR..DESCRIPTORS_MAX {
        // SAFETY: a descriptor that is not open gives an error, which changes nothing.
        unsafe {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read};

    /// A pipe whose writing end children inherit.
    fn inherited_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
        let (reader, writer) = std::io::pipe().expect("descriptors are left");
        // SAFETY: the descriptor is open, and its flags are ours to change.
        let result = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFD, 0) };
        assert_eq!(result, 0);
        (reader, writer)
    }

    #[test]
    fn the_process_has_its_own_session_and_none_of_our_descriptors() {
        let directory = std::env::temp_dir().join(format!("daos-detach-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let fifo = directory.join("answer");
        let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is there");
        assert!(made.success());
        let (mut reader, writer) = inherited_pipe();
        // It tells what it is, then lives until it is killed: only then can a descriptor that it should not have keep the
        // pipe from ending.
        let script = format!("{{ cat /proc/$$/stat; pwd; }} > '{}'; exec sleep 1000", fifo.display());
        let mut words = spawn_detached(Command::new("/bin/sh").args(["-c", &script])).expect("the shell starts");
        drop(writer);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("the pipe ends though the process lives");
        let answer = std::fs::read_to_string(&fifo).expect("the process answers");
        let (stat, place) = answer.trim_end().rsplit_once('\n').expect("two lines");
        // Process, name, state, parent, group, session.
        let fields: Vec<&str> = stat.split_whitespace().collect();
        Command::new("/bin/sh").args(["-c", &format!("kill -9 {}", fields[0])]).status().expect("it is there");
        std::fs::remove_dir_all(&directory).expect("ours");
        assert_ne!(fields[5], fields[0], "a session leader could get a terminal");
        assert_ne!(fields[3], std::process::id().to_string(), "we are not its parent");
        assert_eq!(place, "/");
        // It is gone or about to be: its standard error ends, and held nothing.
        loop {
            match words.read(&mut [0; 8]) {
                Ok(length) => break assert_eq!(length, 0),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = spawn_detached(&mut Command::new("/no/such/program")).expect_err("there is none");
        assert!(error.context().contains("/no/such/program"), "{error}");
    }
}
