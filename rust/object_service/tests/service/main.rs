//! The service of one target, by its messages.

mod bounds;
mod grants;
mod harness;
mod hostile;
mod values;
