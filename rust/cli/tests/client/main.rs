//! The client with a real engine: within this process, and as a process of its own that is killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod arrays;
mod engine_ends;
mod handles;
mod harness;
mod key_values;
mod large_requests;
mod many_threads;
mod objects;
mod refusals;
mod transports;
