//! Names of sources, in which `%b` stands for the number of a block and `%%` for a percent sign. Pure.

use crate::failure::{Failure, Minor, Result};

/// A name, or many that differ in a number.
#[derive(PartialEq, Eq, Debug)]
pub struct Pattern {
    /// What stands between the numbers: one part more than there are numbers.
    parts: Vec<Vec<u8>>,
}

impl Pattern {
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut parts = vec![Vec::new()];
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            let last = parts.len() - 1;
            match (byte, if *byte == b'%' { bytes.next() } else { None }) {
                (b'%', Some(b'b')) => parts.push(Vec::new()),
                (b'%', Some(b'%')) => parts[last].push(b'%'),
                (b'%', _) => {
                    let name = String::from_utf8_lossy(text);
                    let sentence = format!("\"{name}\" is no name of a source: behind % stands b or another %");
                    return Err(Failure::new(Minor::BadValue, sentence));
                }
                (other, _) => parts[last].push(*other),
            }
        }
        Ok(Self { parts })
    }

    /// Whether a number is in it.
    pub fn is_numbered(&self) -> bool {
        self.parts.len() > 1
    }

    /// Whether only directories have a number, so that all are the same without these.
    pub fn is_numbered_by_directory(&self) -> bool {
        self.is_numbered() && self.parts.last().is_some_and(|last| last.contains(&b'/'))
    }

    /// The name with a number.
    pub fn name(&self, number: u64) -> Vec<u8> {
        self.parts.join(number.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_where_they_are_wanted() {
        let name = |text: &str, number| {
            let pattern = Pattern::parse(text.as_bytes()).expect("a name");
            (pattern.is_numbered(), String::from_utf8(pattern.name(number)).expect("text"))
        };
        assert_eq!(name("plain", 7), (false, "plain".to_owned()));
        assert_eq!(name("", 7), (false, String::new()));
        assert_eq!(name("f_%b.h5", 12), (true, "f_12.h5".to_owned()));
        assert_eq!(name("%b%b", 3), (true, "33".to_owned()));
        assert_eq!(name("50%%b", 3), (false, "50%b".to_owned()));
        assert_eq!(name("%%%b%%", 0), (true, "%0%".to_owned()));
        let by_directory =
            |text: &str| Pattern::parse(text.as_bytes()).is_ok_and(|name| name.is_numbered_by_directory());
        assert!(by_directory("/a%b/f.h5") && !by_directory("/a%b/f%b.h5") && !by_directory("/a/f.h5"));
        for wrong in ["%", "a%", "%d", "%b%"] {
            assert!(Pattern::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
