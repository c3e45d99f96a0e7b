//! Doors for fuzz targets to decoders of this crate that nobody else has a use for.

use crate::global::{Kind, open, seal};
use daos_wire::Blob;

/// The bytes of a handle that another process gave.
pub fn global_handle(bytes: &[u8]) {
    for kind in [Kind::Pool, Kind::Container] {
        if let Ok(content) = open::<Blob>(kind, bytes) {
            let sealed = seal(kind, &content);
            assert_eq!(sealed, bytes[..sealed.len()]);
        }
    }
}

/// The bytes of a handle.
pub fn handle() -> Vec<u8> {
    seal(Kind::Container, &Blob(vec![1; 40]))
}
