//! Transactions: what they change is there in the order of their epochs, or they are told to begin again.

#[path = "../common/mod.rs"]
mod common;

mod prepared;
mod rules;
mod serial;
mod table;
mod world;
