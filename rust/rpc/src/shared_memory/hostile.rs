//! Doors for fuzz targets.

use super::handshake::{Welcome, hello, read_hello, read_welcome, refusal};
use crate::Address;
use daos_status::{Code, Status};

/// Bytes that come first on the socket of a connection.
pub(crate) fn handshake(bytes: &[u8]) {
    if let Ok(address) = read_hello(bytes) {
        assert_eq!(hello(&address), bytes);
    }
    if let Ok(welcome) = read_welcome(bytes) {
        assert_eq!(welcome.encode(), bytes);
    }
}

/// Good ones.
pub(crate) fn handshakes() -> Vec<Vec<u8>> {
    let address = Address::nowhere();
    let welcome = Welcome { challenge: [9; 16], proof_at: 77 };
    vec![hello(&address), welcome.encode(), refusal(&Status::new(Code::NoPerm, "not here"))]
}
