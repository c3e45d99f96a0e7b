//! What a directory was made with: a small text file that is written once.
//!
//! ```text
//! daos local engine, format 1
//! targets 2
//! ```
//! Where objects are placed depends on the number of targets, so a directory keeps it for its life.

use super::Directory;
use daos_status::{Code, Result, Status, fail};

/// The file.
const FILE: &str = "engine.format";
/// What its first line begins with.
const TITLE: &str = "daos local engine, format ";
/// The format that this release writes and reads.
const VERSION: u32 = 1;
/// The most targets of a local engine: each is a thread.
const TARGETS_MAX: u32 = 64;
/// The most that are chosen without being asked.
const TARGETS_DEFAULT_MAX: u32 = 4;
/// Tells how many targets a new directory of a local engine gets.
const TARGETS_VARIABLE: &str = "DAOS_LOCAL_TARGETS";

/// As many targets as suit an engine that has the machine for itself: one a processor.
pub(crate) fn targets_of_server() -> u32 {
    processors().min(TARGETS_DEFAULT_MAX)
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// As many as suit an engine beside the programs that use it: `DAOS_LOCAL_TARGETS`, else one for two processors. A target and a client that wait
/// for each other spin, each on a processor, or sleep at each request, which takes several times as long.
pub(crate) fn targets_beside_programs() -> Result<u32> {
    match std::env::var(TARGETS_VARIABLE) {
        Ok(text) if !text.is_empty() => match text.parse() {
            Ok(targets) => Ok(targets),
            Err(_) => fail!(Code::Inval, "{TARGETS_VARIABLE} is '{text}'; it must be a number from 1 to {TARGETS_MAX}"),
        },
        _ => Ok((processors() / 2).clamp(1, TARGETS_DEFAULT_MAX)),
    }
}

/// What a directory was made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DirectoryFormat {
    /// How many targets it has.
    pub targets: u32,
    /// Nothing says yet that the directory was used: see [`DirectoryFormat::write`].
    pub is_new: bool,
}

impl DirectoryFormat {
    /// What the directory was made with; a new one is to be made with `wanted` targets, or as many as suit it otherwise.
    pub fn read_or_choose(directory: &Directory, wanted: Option<u32>, suiting: u32) -> Result<DirectoryFormat> {
        if let Some(text) = directory.read(FILE)? {
            let format = parse(&text).map_err(|status| {
                status.while_doing(format_args!("reading {}", directory.path().join(FILE).display()))
            })?;
            if let Some(wanted) = wanted.filter(|wanted| *wanted != format.targets) {
                let (path, has) = (directory.path().display(), format.targets);
                fail!(
                    Code::Inval,
                    "{path} was made with {has} targets and cannot be used with {wanted}; leave the number out, or use \
                     another directory"
                );
            }
            return Ok(format);
        }
        let targets = wanted.unwrap_or(suiting);
        if !(1..=TARGETS_MAX).contains(&targets) {
            fail!(Code::Inval, "a local engine has 1 to {TARGETS_MAX} targets, not {targets}");
        }
        Ok(DirectoryFormat { targets, is_new: true })
    }

    /// Says what the directory was made with, once everything in it is made and before anybody stores anything: from then on
    /// nothing of it may be missing.
    pub fn write(&self, directory: &Directory) -> Result<()> {
        if self.is_new {
            directory.replace_durably(FILE, &format!("{TITLE}{VERSION}\ntargets {}\n", self.targets))?;
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<DirectoryFormat> {
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix(TITLE)?.parse::<u32>().ok());
    match version {
        Some(VERSION) => {}
        Some(other) => return Err(Status::unknown_format("the directory", other, VERSION..=VERSION)),
        None => fail!(
            Code::DfInval,
            "it does not begin with \"{TITLE}\": it is damaged, or the directory is another program's"
        ),
    }
    let targets = lines.next().and_then(|line| line.strip_prefix("targets ")?.parse::<u32>().ok());
    match targets {
        Some(targets) if (1..=TARGETS_MAX).contains(&targets) && lines.next().is_none() => {
            Ok(DirectoryFormat { targets, is_new: false })
        }
        _ => fail!(Code::DfInval, "it is damaged: its second and last line must say 'targets' and a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_number_of_targets() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::create(place.path()).expect("exists");
        let chosen = DirectoryFormat::read_or_choose(&directory, Some(3), 1).expect("chooses");
        assert_eq!(chosen, DirectoryFormat { targets: 3, is_new: true });
        assert!(DirectoryFormat::read_or_choose(&directory, Some(2), 1).expect("chooses").is_new, "not written yet");
        chosen.write(&directory).expect("writes");
        let kept = DirectoryFormat { targets: 3, is_new: false };
        assert_eq!(DirectoryFormat::read_or_choose(&directory, None, 1), Ok(kept));
        kept.write(&directory).expect("writes nothing");
        assert_eq!(DirectoryFormat::read_or_choose(&directory, Some(2), 1).map_err(|e| e.code()), Err(Code::Inval));
        let file = directory.read(FILE).expect("reads").expect("is there");
        assert_eq!(file, "daos local engine, format 1\ntargets 3\n", "part of the format");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let cases = [
            ("", Code::DfInval),
            ("hello\n", Code::DfInval),
            ("daos local engine, format 2\ntargets 2\n", Code::DfIncompt),
            ("daos local engine, format 1\n", Code::DfInval),
            ("daos local engine, format 1\ntargets 0\n", Code::DfInval),
            ("daos local engine, format 1\ntargets 65\n", Code::DfInval),
            ("daos local engine, format 1\ntargets 2\nmore\n", Code::DfInval),
        ];
        for (text, code) in cases {
            assert_eq!(parse(text).map_err(|error| error.code()), Err(code), "{text:?}");
        }
    }

    #[test]
    fn numbers_of_targets_have_bounds() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::create(place.path()).expect("exists");
        for targets in [0, TARGETS_MAX + 1, u32::MAX] {
            assert!(DirectoryFormat::read_or_choose(&directory, Some(targets), 1).is_err());
        }
        assert!(DirectoryFormat::read_or_choose(&directory, None, 0).is_err());
        assert!((1..=TARGETS_DEFAULT_MAX).contains(&targets_of_server()));
        assert!((1..=TARGETS_DEFAULT_MAX).contains(&targets_beside_programs().expect("nothing is set")));
    }
}
