//! Messages between clients and engines, and how they are written as bytes.
//!
//! Integers are little-endian and of fixed width; lists and texts begin with their length. Decoding trusts nothing: every
//! length is checked against the bytes that are there before anything is allocated, and bytes left over are an error.
//! Before every message on every channel stands the same [`header`], with its version and checksum.

mod access;
mod apart;
mod codec;
mod container;
mod engine;
pub mod header;
mod hello;
pub mod local_directory;
mod macros;
mod object;
mod object_names;
mod opcode;
mod page;
mod pool;
pub mod replicated;
mod request_id;
mod route;
mod snapshot;
mod system;
mod target;
mod transaction;

pub use access::*;
pub use codec::{Blob, Reader, Variants, Wire, Writer, decode, decode_content, encode, encode_content};
pub use container::*;
pub use engine::*;
pub use hello::*;
pub use object::*;
pub use object_names::*;
pub use opcode::Opcode;
pub use page::*;
pub use pool::*;
pub use request_id::RequestId;
pub use route::*;
pub use snapshot::*;
pub use system::*;
pub use target::*;
pub use transaction::*;

#[cfg(test)]
mod tests;
