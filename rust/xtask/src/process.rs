//! Child processes: every command line is shown, no child gets our input, every failure names what failed.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Variables that `cargo run` sets for us and that would change what our children do.
const VARIABLES_OF_CARGO_RUN: &[&str] = &["LD_LIBRARY_PATH", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"];

/// The most that is kept of a captured output: enough for `cargo metadata` of a workspace many times this one's size.
const CAPTURE_BYTES_MAX: u64 = 64 << 20;

/// How much of what a command said in silence is shown when it failed.
const LINES_SHOWN: usize = 30;

/// The command line as one would type it.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%{}".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            text.push_str(&format!(" {argument}"));
        } else {
            text.push_str(&format!(" '{argument}'"));
        }
    }
    text
}

/// Says on standard error what runs next.
pub fn announce(command: &Command) {
    eprintln!("  > {}", line(command));
}

fn prepared(command: &mut Command) -> &mut Command {
    for name in VARIABLES_OF_CARGO_RUN {
        let set_by_caller = command.get_envs().any(|(key, _)| key == *name);
        if !set_by_caller {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null())
}

fn cannot_start(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    format!("`{program}` cannot be started; `cargo xtask setup` installs what the core needs")
}

/// Runs the command with its output passed through; its exit status is the caller's to judge.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    announce(command);
    prepared(command).status().with_context(|| cannot_start(command))
}

/// Starts the command with its output passed through and does not wait for it.
pub fn spawn(command: &mut Command) -> Result<Child> {
    announce(command);
    prepared(command).spawn().with_context(|| cannot_start(command))
}

/// Runs the command with its output passed through; anything but success is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status}); its output is above", line(command));
    }
    Ok(())
}

/// Runs the command and returns its standard output; its standard error is passed through.
pub fn capture(command: &mut Command) -> Result<String> {
    let mut child = prepared(command).stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        output
            .take(CAPTURE_BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(|| format!("the output of `{}` is not text", line(command)))?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status}); its output is above", line(command));
    }
    Ok(text)
}

/// Runs the command, passes both its outputs through line by line, and shows each line to `look`.
pub fn watch(command: &mut Command, mut look: impl FnMut(&str)) -> Result<ExitStatus> {
    announce(command);
    let (reader, writer) = std::io::pipe().context("no pipe for the output of a child")?;
    let second = writer.try_clone().context("no pipe for the output of a child")?;
    let mut child = prepared(command).stdout(writer).stderr(second).spawn().with_context(|| cannot_start(command))?;
    // The command holds the write ends; the reader sees the end only after they are gone here too.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut out = std::io::stderr().lock();
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        out.write_all(&bytes)?;
        look(&without_colours(&String::from_utf8_lossy(&bytes)));
        bytes.clear();
    }
    Ok(child.wait()?)
}

/// Runs the command with its outputs gathered; for a child whose output matters only when it fails.
///
/// They go through a file, because an engine that the child starts may hold a pipe open long after the child is gone.
pub fn gather(command: &mut Command) -> Result<(ExitStatus, String)> {
    let mut output = nameless_file().context("no temporary file for the output of a child")?;
    let status = prepared(command)
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .status()
        .with_context(|| cannot_start(command))?;
    output.rewind()?;
    let mut bytes = Vec::new();
    output.take(CAPTURE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Runs the command in silence and gives what it said; anything but success is an error with the last lines of that.
pub fn succeed(command: &mut Command) -> Result<String> {
    let (status, text) = gather(command)?;
    if status.success() {
        return Ok(text);
    }
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
    bail!("`{}` failed ({status}); its last lines:\n{}", line(command), last.join("\n"));
}

/// An empty file that is gone when it is closed.
fn nameless_file() -> std::io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("xtask-output-{}-{number}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Whether our messages go to a person, so that children may colour theirs.
pub fn colours() -> &'static str {
    if std::io::stderr().is_terminal() { "always" } else { "never" }
}

/// The text without terminal control sequences.
pub fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            // A control sequence ends at its first letter.
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Whether this process is root's.
pub fn is_root() -> Result<bool> {
    let own = std::fs::metadata("/proc/self").context("/proc is not mounted")?;
    Ok(own.uid() == 0)
}

/// Where a program stands on the search path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_quotes_what_a_shell_would_split() {
        let mut command = Command::new("/usr/bin/gcc");
        command.args(["-o", "a b", ""]);
        assert_eq!(line(&command), "gcc -o 'a b' ''");
    }

    #[test]
    fn colours_are_removed() {
        assert_eq!(without_colours("\u{1b}[32;1m3 passed\u{1b}[0m"), "3 passed");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).expect_err("there is no such program");
        assert!(format!("{error:#}").contains("no-such-program-here"));
    }

    #[test]
    fn every_line_of_both_outputs_is_seen() {
        let mut seen = Vec::new();
        let status =
            watch(Command::new("sh").args(["-c", "echo one; echo two >&2"]), |line| seen.push(line.trim().to_owned()));
        assert!(status.expect("sh is there").success());
        seen.sort();
        assert_eq!(seen, ["one", "two"]);
    }

    #[test]
    fn a_grandchild_that_stays_does_not_hold_us_up() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo said; exec 9>&1; (sleep 600 >&9 2>&9 & echo $!)"]);
        let (status, text) = gather(&mut command).expect("sh is there");
        let mut lines = text.lines();
        assert!(status.success());
        assert_eq!(lines.next(), Some("said"));
        let pid = lines.next().expect("the second line is the process id");
        gather(Command::new("sh").args(["-c", &format!("kill {pid}")])).expect("it still runs");
    }
}
