//! Conformance suites that every implementation of a seam must pass, generators and model stores.

pub mod env_suite;
pub mod media_suite;
pub mod memory_suite;
pub mod seeds;
pub mod transport_suite;
pub mod wire_client;
