//! Labels of pools and containers, and the text by which callers name one: a label or a UUID.

use daos_status::{Code, Result, fail};
use std::fmt;
use uuid::Uuid;

/// The longest label, in bytes (`DAOS_PROP_LABEL_MAX_LEN`).
pub const LABEL_LENGTH_MAX: usize = 127;

/// Accepts a label: 1 to 127 of letters, digits, `_`, `-`, `:` and `.`, and not the text form of a UUID.
pub fn check_label(label: &str) -> Result<()> {
    if label.is_empty() || label.len() > LABEL_LENGTH_MAX {
        fail!(Code::Inval, "a label has 1 to {LABEL_LENGTH_MAX} characters, not {}", label.len());
    }
    if let Some(bad) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-:.".contains(*c))) {
        fail!(Code::Inval, "label '{label}' has {bad:?}; letters, digits, '_', '-', ':' and '.' are allowed");
    }
    if Uuid::try_parse(label).is_ok() {
        fail!(Code::Inval, "label '{label}' reads as a UUID; choose another");
    }
    Ok(())
}

/// How callers name a pool or a container.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reference {
    /// By its identifier.
    Id(Uuid),
    /// By its label.
    Label(String),
}

impl Reference {
    /// Reads a label or a UUID in text form.
    pub fn parse(text: &str) -> Result<Reference> {
        match Uuid::try_parse(text) {
            Ok(id) => Ok(Reference::Id(id)),
            Err(_) => {
                check_label(text)?;
                Ok(Reference::Label(text.to_owned()))
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Id(id) => id.fmt(f),
            Reference::Label(label) => f.write_str(label),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_checked() {
        for good in ["a", "run_42-x.y:z", &"x".repeat(127)] {
            check_label(good).expect(good);
        }
        for bad in ["", "a b", "a/b", "\u{e9}", &"x".repeat(128), "5d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3e"] {
            assert_eq!(check_label(bad).map_err(|e| e.code()), Err(Code::Inval), "{bad}");
        }
        assert!(matches!(Reference::parse("5d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3e"), Ok(Reference::Id(_))));
    }
}
