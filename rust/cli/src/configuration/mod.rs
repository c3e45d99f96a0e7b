//! Configuration files, in upstream's words.

mod control;
mod server;

pub use control::ControlFile;
pub use server::{EngineSection, ServerFile, TEMPLATE};

use crate::failure::{Failure, Result};
use daos_status::{Code, Status};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::path::Path;

/// The longest configuration file.
const LENGTH_MAX: u64 = 1 << 20;
/// Characters of a wrong line that are shown.
const LINE_SHOWN_MAX: usize = 60;

/// Reads a file; what is wrong in it is said with its line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let doing = format!("read {}", path.display());
    let open = std::fs::File::open(path).map_err(|error| Failure::from(Status::from(error)).doing(&doing))?;
    let mut text = String::new();
    let count = open.take(LENGTH_MAX + 1).read_to_string(&mut text);
    let count = count.map_err(|error| Failure::from(Status::from(error)).doing(&doing))?;
    if count as u64 > LENGTH_MAX {
        return Err(Failure::new(Code::Inval, format!("it is longer than {LENGTH_MAX} bytes")).doing(doing));
    }
    parse(&text).map_err(|sentence| Failure::new(Code::Inval, format!("{}, {sentence}", path.display())))
}

/// The contents of a text, or `line 3: what is wrong there`.
fn parse<T: DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    // A file of comments only is one with nothing set.
    let text = if is_empty(text) { "{}" } else { text };
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let sentence = error.to_string();
        let sentence = sentence.lines().next().unwrap_or_default().trim().trim_end_matches('.');
        match error.location() {
            Some(place) => {
                let mark = format!(" at line {}, column {}", place.line(), place.column());
                let sentence = plain(&sentence.replace(&mark, ""));
                let line = text.lines().nth((place.line() as usize).saturating_sub(1)).unwrap_or_default();
                let line: String = line.trim().chars().take(LINE_SHOWN_MAX).collect();
                format!("line {}, '{line}': {sentence}; correct it, or remove it", place.line())
            }
            None => format!("{sentence}; correct it"),
        }
    })
}

/// The words of a decoder as people say them.
fn plain(sentence: &str) -> String {
    match sentence {
        "invalid u16" => "a number from 0 to 65535 must stand there".to_owned(),
        "invalid u32" | "invalid usize" => "a number must stand there".to_owned(),
        other => other.to_owned(),
    }
}

fn is_empty(text: &str) -> bool {
    text.lines().all(|line| matches!(line.trim(), "" | "---") || line.trim().starts_with('#'))
}

/// What a key that means nothing here holds: anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unused(bool);

impl Unused {
    /// Whether the file has it.
    pub fn is_there(&self) -> bool {
        self.0
    }
}

impl<'de> serde::Deserialize<'de> for Unused {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Unused(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_give_errors_and_nothing_worse() {
        let target = daos_fuzz::Target::of_text("cli/configuration", |text| {
            if let Ok(file) = parse::<ServerFile>(text) {
                let _named = file.unused();
            }
            if let Ok(file) = parse::<ControlFile>(text) {
                let _listed = file.places();
            }
        });
        let words: &[&[u8]] =
            &[b": ", b"- ", b"\n  ", b"[", b"]", b"{", b"}", b"&a", b"*a", b"'", b"\"", b"|", b"!!", b"---", b"#"];
        let file = "name: daos_server\nengines:\n- targets: 8\n  storage:\n  - class: ram\n    scm_size: 16\n";
        let control = "name: a\nport: 1\nhostlist: ['b', 'c:2']\n";
        daos_fuzz::round(target.seeded([TEMPLATE, file, control]).with_words(words).allocating(16 << 20));
    }
}
