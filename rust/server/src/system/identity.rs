//! What an engine of a system is: a small text file in its directory.
//!
//! ```text
//! daos engine, format 1
//! engine 0b8a9c4e-...
//! name daos_server
//! system 7d1f...
//! rank 2
//! ```
//! The first two lines are written before the engine joins for the first time, so that a join that was cut off is recognised when
//! it is tried again; the others when it has joined.

use crate::local::Directory;
use daos_status::{Code, Result, Status, fail};
use daos_types::{EngineId, Rank, SystemId};
use uuid::Uuid;

/// The file.
pub(crate) const FILE: &str = "engine.system";
/// What its first line begins with.
const TITLE: &str = "daos engine, format ";
/// The format that this release writes and reads.
const VERSION: u32 = 1;

/// Where an engine belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Membership {
    /// The system's name.
    pub name: String,
    /// The system.
    pub system: SystemId,
    /// The engine's rank.
    pub rank: Rank,
}

/// What an engine is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// Chosen at random when the directory was made.
    pub engine: EngineId,
    /// Once it has joined.
    pub member: Option<Membership>,
}

impl Identity {
    /// What the directory says; `None` when no engine of a system has used it.
    pub fn read(directory: &Directory) -> Result<Option<Identity>> {
        let Some(text) = directory.read(FILE)? else { return Ok(None) };
        let path = directory.path().join(FILE);
        parse(&text).map(Some).map_err(|status| status.while_doing(format_args!("reading {}", path.display())))
    }

    /// Writes it; durable when it returns.
    pub fn write(&self, directory: &Directory) -> Result<()> {
        directory.replace_durably(FILE, &self.text())
    }

    fn text(&self) -> String {
        let mut text = format!("{TITLE}{VERSION}\nengine {}\n", self.engine);
        if let Some(Membership { name, system, rank }) = &self.member {
            text.push_str(&format!("name {name}\nsystem {system}\nrank {}\n", rank.0));
        }
        text
    }
}

fn parse(text: &str) -> Result<Identity> {
    let mut lines = text.lines();
    match lines.next().and_then(|line| line.strip_prefix(TITLE)?.parse::<u32>().ok()) {
        Some(VERSION) => {}
        Some(other) => return Err(Status::unknown_format("the directory", other, VERSION..=VERSION)),
        None => fail!(Code::DfInval, "it does not begin with \"{TITLE}\": it is damaged, or another program's"),
    }
    let mut value = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let uuid = |text: Option<&str>| text.and_then(|text| Uuid::try_parse(text).ok());
    let engine = uuid(value("engine")).map(EngineId);
    let (name, system) = (value("name"), uuid(value("system")).map(SystemId));
    let rank = value("rank").and_then(|text| text.parse().ok()).map(Rank);
    // A number whose last digits are missing would be another one.
    let count = if text.ends_with('\n') { text.lines().count() } else { 0 };
    match (engine, name, system, rank, count) {
        (Some(engine), None, None, None, 2) => Ok(Identity { engine, member: None }),
        (Some(engine), Some(name), Some(system), Some(rank), 5) => {
            Ok(Identity { engine, member: Some(Membership { name: name.to_owned(), system, rank }) })
        }
        _ => {
            fail!(Code::DfInval, "it is damaged: the lines engine, name, system and rank are not as they were written")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_and_damage_is_refused() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let directory = Directory::create(place.path()).expect("is made");
        assert_eq!(Identity::read(&directory), Ok(None));
        let engine = EngineId::from_bytes([7; 16]);
        let member = Membership { name: "a b".to_owned(), system: SystemId::from_bytes([8; 16]), rank: Rank(3) };
        for identity in [Identity { engine, member: None }, Identity { engine, member: Some(member) }] {
            identity.write(&directory).expect("writes");
            assert_eq!(Identity::read(&directory), Ok(Some(identity.clone())));
            let text = identity.text();
            for (index, _) in text.char_indices().skip(1) {
                let is_first_half = text[..index].lines().count() == 2 && text[..index].ends_with('\n');
                assert_eq!(parse(&text[..index]).is_ok(), is_first_half, "{:?}", &text[..index]);
            }
        }
        assert_eq!(parse("daos engine, format 9\n").map_err(|status| status.code()), Err(Code::DfIncompt));
        assert_eq!(parse("").map_err(|status| status.code()), Err(Code::DfInval));
    }
}
