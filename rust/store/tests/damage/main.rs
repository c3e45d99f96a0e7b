//! Damaged devices under a store: whatever bit of log, checkpoint or data is flipped, each answer is the right one, or an error.
//!
//! `DAOS_STORE_FLIPS=n` tries n flips per device (0: one in every byte that is written), `DAOS_STORE_FIRST_FLIP=n` starts at a seed.

mod dump;
mod flips;
mod golden;
mod image;
mod memory;
mod sample;
mod spoil;
mod upgrade;
