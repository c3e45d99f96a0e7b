//! Lines in which a path stands for a container: `daos container get-attr --path /mnt/home owner`.
//!
//! The path takes the place of two words, so that the words behind them move forward. A line that may have one is therefore read in
//! a second shape, in which pool and container are options that nobody types; the names found at the path then fill these. What
//! the commands get is the same as from a line with names.

use crate::failure::Failure;
use crate::stand_in;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Why a line is not run.
#[derive(Debug)]
pub enum Refusal {
    /// It is no command line.
    Usage(clap::Error),
    /// Its path stands for no container.
    Path(Failure),
}

/// The words of the second shape that stand for pool and container.
const NAMES: [(&str, &str); 2] = [("pool", "pool-of-path"), ("container", "container-of-path")];

/// Options of the same commands that a path excludes, as it says what they say.
const EXCLUDED: &[&str] = &["dfs_path", "dfs_prefix"];

/// Reads a command line.
///
/// # Errors
/// What clap says of it, or that no container is found at its path.
pub fn parse<P: CommandFactory + FromArgMatches>(words: &[OsString]) -> Result<P, Refusal> {
    let plain = P::command().try_get_matches_from(words);
    let names_itself = plain.as_ref().is_ok_and(|matches| path_of(matches).is_none());
    if names_itself || !words.iter().skip(1).any(|word| may_name_path(word)) {
        return plain.and_then(filled::<P>).map_err(Refusal::Usage);
    }
    let mut command = in_second_shape(P::command());
    let matches = match command.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        // It has path and names.
        Err(_) if plain.is_ok() => return Err(Refusal::Usage(both(&mut command))),
        Err(error) => {
            return Err(Refusal::Usage(if is_spelt_out(words) { error } else { plain.err().unwrap_or(error) }));
        }
    };
    let Some(path) = path_of(&matches) else {
        let error = plain.err().unwrap_or_else(|| both(&mut command));
        return Err(Refusal::Usage(error));
    };
    let leaf = leaf(&matches);
    let is_given =
        |id: &str| leaf.try_contains_id(id).is_ok() && leaf.value_source(id) == Some(ValueSource::CommandLine);
    if EXCLUDED.iter().any(|id| is_given(id)) {
        return Err(Refusal::Usage(both(&mut command)));
    }
    let found = stand_in::find(&path).map_err(Refusal::Path)?;
    let mut more: Vec<OsString> = Vec::new();
    for ((_, option), name) in NAMES.iter().zip([&found.pool, &found.container]) {
        more.push(format!("--{option}={name}").into());
    }
    if let Some(rest) = stand_in::rest_of(&found).filter(|_| leaf.try_contains_id("dfs_path").is_ok()) {
        let mut word = OsString::from("--dfs-path=");
        word.push(rest);
        more.push(word);
    }
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let all = words[..end].iter().chain(&more).chain(&words[end..]);
    in_second_shape(P::command()).try_get_matches_from(all).and_then(filled::<P>).map_err(Refusal::Usage)
}

/// The line that matches make.
fn filled<P: CommandFactory + FromArgMatches>(mut matches: ArgMatches) -> Result<P, clap::Error> {
    P::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut P::command()))
}

/// Whether a word may be the option: also a cluster of letters.
fn may_name_path(word: &OsStr) -> bool {
    let word = word.as_encoded_bytes();
    match word.strip_prefix(b"--") {
        Some(long) => long == b"path" || long.starts_with(b"path="),
        None => word.starts_with(b"-") && word.contains(&b'p'),
    }
}

fn is_spelt_out(words: &[OsString]) -> bool {
    words.iter().any(|word| word == "-p" || word.as_encoded_bytes().starts_with(b"--path"))
}

/// The matches of the command itself, behind those of the groups that it is in.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| leaf(below))
}

/// The path in place of pool and container.
fn path_of(matches: &ArgMatches) -> Option<PathBuf> {
    leaf(matches).try_get_one::<PathBuf>("path").ok().flatten().cloned()
}

/// Pool and container are options wherever a path can take their place.
fn in_second_shape(mut command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, in_second_shape);
    }
    let has = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
    if has("path") && NAMES.iter().all(|(id, _)| has(id)) {
        for (id, option) in NAMES {
            command = command.mut_arg(id, |argument| argument.long(option).hide(true).required(false));
        }
    }
    command
}

fn both(command: &mut Command) -> clap::Error {
    let sentence = "--path names a container by a path that stands for it, so that pool, container and path in the container are not \
                    given as well; '--dfs-path PATH' names a file of a container that is named";
    command.error(ErrorKind::ArgumentConflict, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{ContainerCommand, DaosArguments, DaosCommand, DmgArguments, FilesystemCommand};

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn read(line: &str) -> Result<DaosCommand, Refusal> {
        parse::<DaosArguments>(&words(line)).map(|line| line.command)
    }

    fn kind(line: &str) -> Option<ErrorKind> {
        match read(line) {
            Err(Refusal::Usage(error)) => Some(error.kind()),
            _ => None,
        }
    }

    #[test]
    fn a_path_takes_the_place_of_two_words() {
        for line in [
            "daos cont get-attr --path daos://tank/home owner,group",
            "daos cont get-attr owner,group -p daos://tank/home",
            "daos -j container getattr --path=daos://tank/home owner,group",
            "daos cont get-attr -jp daos://tank/home -- owner,group",
            "daos cont get-attr tank home owner,group",
        ] {
            let Ok(DaosCommand::Container(ContainerCommand::GetAttr { of, names })) = read(line) else {
                panic!("{line}")
            };
            assert_eq!((of.pool.as_str(), of.container.as_str()), ("tank", "home"), "{line}");
            assert_eq!(names, ["owner", "group"], "{line}");
        }
        let Ok(DaosCommand::Container(ContainerCommand::SetAttr { of, attribute })) =
            read("daos cont set-attr --path daos://tank/home owner ann")
        else {
            panic!("a valid line")
        };
        assert_eq!((of.container.as_str(), attribute), ("home", vec!["owner".to_owned(), "ann".to_owned()]));
    }

    #[test]
    fn a_path_says_where_in_the_container_it_is() {
        for (line, path) in [
            ("daos fs get-attr --path daos://tank/home/a/b", "/a/b"),
            ("daos fs get-attr --path daos://tank/home", "/"),
            ("daos fs get-attr tank home --dfs-path /a/b", "/a/b"),
        ] {
            let Ok(DaosCommand::Filesystem(FilesystemCommand::GetAttr(file))) = read(line) else { panic!("{line}") };
            assert_eq!((file.of.container.as_str(), file.dfs_path.as_str()), ("home", path), "{line}");
        }
        // Others are about the container.
        assert!(read("daos cont query --path daos://tank/home/a/b").is_ok());
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        for line in [
            "daos cont query tank home --path daos://tank/home",
            "daos fs get-attr tank home --path /documents",
            "daos fs get-attr --path daos://tank/home --dfs-path /a",
            "daos fs get-attr --path daos://tank/home --dfs-prefix /a",
        ] {
            assert_eq!(kind(line), Some(ErrorKind::ArgumentConflict), "{line}");
        }
        assert_eq!(kind("daos --path /scratch pool list"), Some(ErrorKind::UnknownArgument));
        assert_eq!(kind("daos pool list --path /scratch"), Some(ErrorKind::UnknownArgument));
        assert_eq!(kind("daos cont query"), Some(ErrorKind::MissingRequiredArgument));
        assert_eq!(kind("daos cont get-attr --path"), Some(ErrorKind::InvalidValue));
        assert!(matches!(read("daos cont query --path /no/such/path"), Err(Refusal::Path(_))));
    }

    #[test]
    fn letters_that_are_no_path_stay_what_they_are() {
        assert!(parse::<DmgArguments>(&words("dmg pool delete-acl tank -p u:ann")).is_ok());
        assert!(read("daos cont delete-acl tank home -P u:ann").is_ok());
        assert!(read("daos cont set-attr tank home owner -- -p").is_ok());
    }

    #[test]
    fn a_command_for_which_the_container_is_optional_takes_a_path_too() {
        let names = |line: &str| match read(line).unwrap() {
            DaosCommand::Hdf5Env { pool, container, .. } => pool.zip(container),
            other => panic!("{other:?}"),
        };
        let home = Some(("tank".to_owned(), "home".to_owned()));
        assert_eq!(names("daos hdf5-env"), None);
        assert_eq!(names("daos hdf5-env tank home"), home);
        assert_eq!(names("daos hdf5-env --path daos://tank/home"), home);
        assert!(read("daos hdf5-env tank home --path daos://tank/home").is_err());
    }

    /// Wherever a container is named a path can take its place, in the real commands.
    #[test]
    fn every_command_that_names_a_container_takes_a_path() {
        fn check(command: &Command, line: &str, found: &mut usize) {
            let has = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
            if has("pool") && has("container") && command.get_name() != "link" {
                assert!(has("path"), "{line}");
                *found += 1;
            }
            for below in command.get_subcommands() {
                check(below, &format!("{line} {}", below.get_name()), found);
            }
        }
        let mut found = 0;
        check(&DaosArguments::command(), "daos", &mut found);
        assert!(found > 20, "{found}");
        in_second_shape(DaosArguments::command()).debug_assert();
        in_second_shape(DmgArguments::command()).debug_assert();
    }
}
