//! The tools: `daos`, `dmg`, `daos_server`, `daos_agent` and `dfuse`, one program whose name decides.
//!
//! `arguments` holds the command lines and their manual, `commands` what they do, `reply` how the outcome is written.
//! `daos_server local` is the engine process of a local directory; the other commands start it through `launcher`.

mod arguments;
mod base64;
mod commands;
mod configuration;
mod container_line;
mod elsewhere;
mod failure;
mod hosts;
mod interrupt;
mod launcher;
mod place;
mod progress;
mod reply;
mod session;
mod stand_in;
mod system_calls;
mod units;

use arguments::{AgentArguments, DaosArguments, DmgArguments, GlobalOptions, ServerArguments};
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use container_line::Refusal;
use failure::Failure;
use reply::Reply;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Exit status of a wrong command line.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(run(&words))
}

/// Runs the program whose name is the first word; gives the exit status.
fn run(words: &[OsString]) -> u8 {
    match program_name(words) {
        "dfuse" => daos_fuse::run(words),
        "dmg" => parse_and("dmg", words, |line: &DmgArguments| line.global.clone(), commands::dmg),
        "daos_server" => {
            parse_and("daos_server", words, |line: &ServerArguments| line.global.clone(), commands::server)
        }
        "daos_agent" => {
            parse_and("daos_agent", words, |line: &AgentArguments| line.global.clone(), |line| commands::agent(&line))
        }
        _ => parse_and("daos", words, |line: &DaosArguments| line.global.clone(), commands::daos),
    }
}

/// The last part of the first word; a program that is called by a strange name is `daos`.
fn program_name(words: &[OsString]) -> &str {
    words.first().and_then(|word| Path::new(word).file_name()).and_then(|name| name.to_str()).unwrap_or("daos")
}

fn parse_and<P: Parser>(
    program: &str,
    words: &[OsString],
    global: impl Fn(&P) -> GlobalOptions,
    work: impl Fn(P) -> Result<Reply, Failure>,
) -> u8 {
    let line = match container_line::parse::<P>(words) {
        Ok(line) => line,
        Err(Refusal::Path(failure)) => return reply::print(program, wants_json(words), Err(failure)),
        Err(Refusal::Usage(error)) => {
            let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return match elsewhere::explain(program, words).filter(|_| !is_answer) {
                Some(failure) => reply::print(program, wants_json(words), Err(failure)),
                None => refuse(with_tip(error), wants_json(words)),
            };
        }
    };
    let GlobalOptions { json, verbose, .. } = global(&line);
    // An engine logs to a file of its directory, and says so itself.
    if program != "daos_server" {
        session::set_log(verbose);
    }
    reply::print(program, json, work(line))
}

/// What used to be called by a name that means something else now is told by its new one.
fn with_tip(mut error: clap::Error) -> clap::Error {
    if error.get(ContextKind::InvalidArg) == Some(&ContextValue::String("--path".to_owned())) {
        let tip = "the directory of a local engine is named by '--local-path DIR'; '--path' names a container by a path that stands for \
                   it, with commands on containers";
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Shows the help that was asked for, or what is wrong with the command line.
fn refuse(error: clap::Error, as_json: bool) -> u8 {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_answer || !as_json {
        // A reader that has gone away has seen enough.
        let _ignored = error.print();
        return if is_answer { 0 } else { EXIT_USAGE };
    }
    let _ignored = writeln!(std::io::stdout(), "{}", reply::usage_object(&error.to_string()));
    EXIT_USAGE
}

/// Whether the words ask for JSON, although they are no command line.
fn wants_json(words: &[OsString]) -> bool {
    words.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json" || word == "-j")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_name_is_the_last_part_of_the_first_word() {
        assert_eq!(program_name(&words(&["/usr/bin/dmg", "x"])), "dmg");
        assert_eq!(program_name(&words(&["daos_server"])), "daos_server");
        assert_eq!(program_name(&[]), "daos");
    }

    #[test]
    fn json_is_recognised_before_the_line_is_understood() {
        assert!(wants_json(&words(&["daos", "pool", "nonsense", "-j"])));
        assert!(!wants_json(&words(&["--json", "pool", "--", "--json"])));
    }
}
