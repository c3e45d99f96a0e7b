//! Damaged devices: opening gives an error that names the device and the place, or what was acknowledged; it never panics, never hangs
//! and never loses anything in silence. Only the very last batch of the log cannot be told from one that was torn and never
//! acknowledged.
//!
//! `DAOS_DAMAGE_ROUNDS=n` does n times as much.

mod carried;
mod forge;
mod forged;
mod full_disk;
mod golden;
mod image;
mod memory;
mod random;
mod under_way;
mod values;

fn rounds(default: u64) -> u64 {
    default * std::env::var("DAOS_DAMAGE_ROUNDS").ok().and_then(|value| value.parse().ok()).unwrap_or(1)
}
