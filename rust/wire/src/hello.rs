//! What a local engine says to a client that attaches through its Unix socket.

use crate::macros::wire_structs;
use crate::{decode, encode};
use daos_status::{Code, Result, fail};

/// First bytes of a greeting: name and version of the protocol.
const MAGIC: [u8; 8] = *b"DAOShi02";
/// The longest greeting: thousands of target addresses.
pub const HELLO_LENGTH_MAX: usize = 1 << 20;
/// Bytes before the greeting itself: magic and length.
pub const HELLO_HEADER_LENGTH: usize = MAGIC.len() + 4;

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
        let body = encode(self);
        [&MAGIC[..], &(body.len() as u32).to_le_bytes(), &body].concat()
    }

    /// How many bytes follow a header.
    pub fn body_length(header: &[u8; HELLO_HEADER_LENGTH]) -> Result<usize> {
        let (magic, length) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            fail!(Code::Proto, "the engine speaks another protocol; stop it, and let this release start its own");
        }
        let length = decode::<u32>(length)? as usize;
        if length > HELLO_LENGTH_MAX {
            fail!(Code::Proto, "the engine's greeting is {length} bytes long");
        }
        Ok(length)
    }

    /// The greeting of the bytes behind a header.
    pub fn from_body(body: &[u8]) -> Result<Hello> {
        let hello: Hello = decode(body)?;
        if hello.targets.is_empty() {
            fail!(Code::Proto, "the engine has no targets");
        }
        Ok(hello)
    }
}
