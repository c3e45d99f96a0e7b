//! Where an endpoint can be reached.

use daos_checksum::crc32c;
use daos_status::{Code, Result, Status};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The address of an endpoint in its text form, `scheme://place`: `tcp://127.0.0.1:4567`, `inproc://3`.
///
/// An endpoint that is reached in several ways has the addresses of all, with commas between, the best one first.
///
/// Only the transport of the scheme knows what the place means. The text is printable ASCII of at most
/// [`Address::LENGTH_MAX`] bytes, so that an address from the network can be stored, logged and compared as it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(Arc<str>);

impl Address {
    /// The longest address; it fits one byte on the wire, and an IPv6 socket address with a scope many times.
    pub const LENGTH_MAX: usize = 128;

    /// Checks and takes over the text form.
    pub fn parse(text: &str) -> Result<Address> {
        check(text)?;
        Ok(Address(text.into()))
    }

    /// The address in bytes that came from the network.
    pub fn from_bytes(bytes: &[u8]) -> Result<Address> {
        Ok(Address(check_bytes(bytes)?.into()))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mark of the address.
    pub(crate) fn mark(&self) -> Mark {
        let sum = crc32c(self.0.as_bytes()).to_le_bytes();
        Mark([sum[0], sum[1], sum[2]])
    }

    /// The address of an endpoint that nobody reaches.
    pub(crate) fn nowhere() -> Address {
        Address("none://none".into())
    }

    /// The address of an endpoint that is also reached at another one.
    pub fn or(&self, other: &Address) -> Result<Address> {
        Address::parse(&format!("{self},{other}"))
    }

    /// The ways to the endpoint, one by one.
    pub fn alternatives(&self) -> impl Iterator<Item = Address> {
        // What stands between commas may be no address of its own: then it names no way.
        self.0.split(',').filter_map(|text| Address::parse(text).ok())
    }

    /// What stands before `://`.
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// What stands behind `://`, if the address is of this scheme.
    pub fn place(&self, scheme: &str) -> Result<&str> {
        match self.0.split_once("://") {
            Some((found, place)) if found == scheme => Ok(place),
            _ => Err(Status::new(Code::Inval, format!("address {self} is not of the transport \"{scheme}\""))),
        }
    }
}

/// A short name of an address, which a request has of the one that it is for: three bytes of the CRC-32C of its text. A port of the network that an
/// endpoint had is given to another one after its end, and who has not heard of that would ask there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark([u8; 3]);

impl Mark {
    /// Of what is no request.
    pub const NONE: Mark = Mark([0; 3]);

    /// As it is in a frame.
    pub const fn from_bytes(bytes: [u8; 3]) -> Mark {
        Mark(bytes)
    }

    /// As it is in a frame.
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }
}

/// The text in bytes that came from the network, if it is an address.
pub(crate) fn check_bytes(bytes: &[u8]) -> Result<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => check(text).map(|()| text),
        Err(_) => Err(Status::new(Code::Inval, "an address must be ASCII text")),
    }
}

fn check(text: &str) -> Result<()> {
    let refuse = |why: &str| Err(Status::new(Code::Inval, format!("address {:.160?} {why}", text)));
    if text.len() > Address::LENGTH_MAX {
        return Err(Status::new(Code::Inval, format!("an address of {} bytes is too long", text.len())));
    }
    // Each message has an address: all of its bytes are looked at, without a branch for each.
    if !text.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic()) {
        return refuse("has characters that are not printable ASCII");
    }
    match text.as_bytes().windows(3).position(|three| three == b"://") {
        Some(start) if start > 0 && start + 3 < text.len() => Ok(()),
        _ => refuse("is not of the form scheme://place"),
    }
}

impl FromStr for Address {
    type Err = Status;
    fn from_str(text: &str) -> Result<Address> {
        Address::parse(text)
    }
}

impl Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let address = Address::parse("tcp://127.0.0.1:4567").unwrap();
        assert_eq!((address.scheme(), address.place("tcp").unwrap()), ("tcp", "127.0.0.1:4567"));
        assert_eq!(address.place("inproc").unwrap_err().code(), Code::Inval);
        assert_eq!(Address::from_bytes(address.as_str().as_bytes()).unwrap(), address);
        let long = format!("tcp://{}", "x".repeat(Address::LENGTH_MAX));
        for bad in ["", "tcp", "tcp://", "://x", "tcp://a b", "tcp://\u{e4}", "tcp://\n", long.as_str()] {
            assert_eq!(Address::parse(bad).unwrap_err().code(), Code::Inval, "{bad:?}");
        }
        assert!(Address::from_bytes(&[0xff, 0xfe]).is_err());
        let both = Address::parse("shm://x").unwrap().or(&address).unwrap();
        assert_eq!((both.scheme(), both.as_str()), ("shm", "shm://x,tcp://127.0.0.1:4567"));
        let ways = |text: &str| Address::parse(text).unwrap().alternatives().collect::<Vec<_>>();
        assert_eq!(ways("shm://x,tcp://127.0.0.1:4567"), [Address::parse("shm://x").unwrap(), address.clone()]);
        assert_eq!(ways("tcp://127.0.0.1:4567"), [address]);
        assert_eq!(ways("a://b,,c,"), [Address::parse("a://b").unwrap()]);
    }
}
