//! Conformance suites that every implementation of a seam must pass, generators and model stores.

pub mod transport_suite;
