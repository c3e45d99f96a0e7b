//! What a local engine says to a client that attaches through its Unix socket.

use crate::header::{HEADER_LENGTH, Header, HeaderError, Kind, open_plain, seal};
use crate::macros::wire_structs;
use crate::{decode, encode};
use daos_status::{Code, Result, Status, fail};

/// The longest greeting: thousands of target addresses.
pub const HELLO_LENGTH_MAX: usize = 1 << 20;

wire_structs! {
    /// A greeting. The connection on which it came is the client's lease: when it ends, so do the client's handles.
    Hello {
        /// Token that goes with every request of this client.
        session: u64,
        /// Process id of the engine.
        process: u32,
        /// Name of the system.
        system: String,
        /// Provider of the fabric.
        provider: String,
        /// Addresses of the targets; the first one is the pool service's.
        targets: Vec<String>,
    }
}

impl Hello {
    /// The greeting with its header.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(Header::of(Kind::Greeting), &[], &encode(self))
    }

    /// How many bytes follow a header.
    pub fn rest_length(header: &[u8; HEADER_LENGTH]) -> Result<usize> {
        let header = Header::read(header).map_err(refused)?;
        match usize::try_from(header.rest_length()) {
            Ok(length) if length <= HELLO_LENGTH_MAX => Ok(length),
            _ => {
                header.expect(&[Kind::Greeting]).map_err(refused)?;
                fail!(Code::Proto, "the engine's greeting is {} bytes long", header.rest_length())
            }
        }
    }

    /// The greeting of bytes with their header.
    pub fn from_bytes(bytes: &[u8]) -> Result<Hello> {
        let hello: Hello = decode(open_plain(bytes, Kind::Greeting).map_err(refused)?)?;
        if hello.targets.is_empty() {
            fail!(Code::Proto, "the engine has no targets");
        }
        Ok(hello)
    }
}

fn refused(error: HeaderError) -> Status {
    let status = error.status("this client", "the engine of this directory");
    Status::new(status.code(), format!("{}; stop it, and let this release start its own", status.context()))
}
