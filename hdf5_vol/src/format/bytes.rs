//! Reading and writing records.

use super::{Kind, Token};
use crate::failure::{Failure, Minor, Result};

/// Writes a record; the first byte is the version.
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn new(version: u8) -> Self {
        Self(vec![version])
    }

    pub fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub fn number(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn wide(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// The token of a committed datatype, where there is one.
    pub fn committed(self, token: Option<Token>) -> Self {
        match token {
            Some(token) => self.wide(token.bits()),
            None => self,
        }
    }

    /// Bytes with their length before them.
    pub fn sized(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("HDF5 encodes no type, space or list of 4 GiB");
        self.number(length).rest(bytes)
    }

    /// Bytes up to the end.
    pub fn rest(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a record.
pub struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the version, which is one of 1 to the newest, and gives it.
    pub fn new(what: &'static str, bytes: &'a [u8], newest: u8) -> Result<(Self, u8)> {
        let mut reader = Self { what, rest: bytes };
        let version = reader.byte()?;
        if version == 0 || version > newest {
            return Err(Failure::new(
                Minor::Damaged,
                format!("{what} has version {version}; this connector knows versions up to {newest}: update it"),
            ));
        }
        Ok((reader, version))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.damaged("it is too short"));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.damaged("it is too short"))
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.fixed::<1>()?[0])
    }

    pub fn number(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    pub fn wide(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    /// The token of a committed datatype.
    pub fn committed(&mut self) -> Result<Token> {
        let token = Token::from_bits(self.wide()?)?;
        if token.kind() == Kind::Datatype { Ok(token) } else { Err(self.damaged("its datatype is another object")) }
    }

    pub fn sized(&mut self) -> Result<&'a [u8]> {
        let length = self.number()?;
        self.take(length as usize)
    }

    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.damaged("it is too long")) }
    }

    pub fn damaged(&self, why: &str) -> Failure {
        Failure::new(Minor::Damaged, format!("{} is damaged: {why}", self.what))
    }
}
