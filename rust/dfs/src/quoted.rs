//! Names and paths in messages.

use std::fmt;

/// More bytes of a name are not shown: a path can fill a screen.
const SHOWN_LENGTH_MAX: usize = 256;

/// A name or path in quotes, without what would confuse a terminal, and cut when it is long.
pub struct Quoted<'a>(&'a [u8]);

/// Shows a name or path in a message.
pub fn quoted(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Quoted<'_> {
    Quoted(bytes.as_ref())
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN_LENGTH_MAX)];
        f.write_str("'")?;
        for chunk in shown.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\'' | '\\' => write!(f, "\\{character}")?,
                    character if character.is_control() => write!(f, "{}", character.escape_default())?,
                    character => write!(f, "{character}")?,
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        f.write_str("'")?;
        if shown.len() < self.0.len() {
            write!(f, " (the first {} of {} bytes)", shown.len(), self.0.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are_unless_they_would_confuse() {
        assert_eq!(quoted("a \u{e9}").to_string(), "'a \u{e9}'");
        assert_eq!(quoted(b"a'\n\x1b\xff").to_string(), "'a\\'\\n\\u{1b}\\xff'");
        let long = quoted(&[b'x'; 300]).to_string();
        assert!(long.ends_with("' (the first 256 of 300 bytes)"), "{long}");
    }
}
