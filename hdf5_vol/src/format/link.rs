//! A link: one value under its name.
//!
//! ```text
//!  1  version
//!  1  kind: 0 hard, 1 soft, 64 and above user-defined, as HDF5 counts them
//!  1  character set of the name: 0 ASCII, 1 UTF-8
//!  1  whether the group tracks creation order
//!  8  number in creation order
//!  n  hard: token; soft: path; others: the value of the link
//! ```

use super::bytes::{Reader, Writer};
use super::{Token, VERSION};
use crate::failure::Result;

const HARD: u8 = 0;
const SOFT: u8 = 1;

/// What it leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkTarget {
    Hard(Token),
    Soft(Vec<u8>),
    UserDefined { kind: u8, value: Vec<u8> },
}

/// The record of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkRecord {
    pub character_set: u8,
    /// None where the group does not track it.
    pub creation_order: Option<u64>,
    pub target: LinkTarget,
}

impl LinkRecord {
    pub fn encode(&self) -> Vec<u8> {
        let kind = match &self.target {
            LinkTarget::Hard(_) => HARD,
            LinkTarget::Soft(_) => SOFT,
            LinkTarget::UserDefined { kind, .. } => *kind,
        };
        let writer = Writer::new(VERSION).byte(kind).byte(self.character_set);
        let writer = writer.byte(u8::from(self.creation_order.is_some())).wide(self.creation_order.unwrap_or_default());
        match &self.target {
            LinkTarget::Hard(token) => writer.wide(token.bits()),
            LinkTarget::Soft(path) => writer.rest(path),
            LinkTarget::UserDefined { value, .. } => writer.rest(value),
        }
        .finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (mut reader, _) = Reader::new("a link", bytes, VERSION)?;
        let (kind, character_set, tracks) = (reader.byte()?, reader.byte()?, reader.byte()?);
        let number = reader.wide()?;
        let target = match kind {
            HARD => {
                let token = Token::from_bits(reader.wide()?)?;
                reader.end()?;
                LinkTarget::Hard(token)
            }
            SOFT => LinkTarget::Soft(reader.rest().to_vec()),
            _ => LinkTarget::UserDefined { kind, value: reader.rest().to_vec() },
        };
        Ok(Self { character_set, creation_order: (tracks != 0).then_some(number), target })
    }
}
