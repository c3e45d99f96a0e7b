//! Simulated media, fabric and clock: one seed decides everything.

pub mod fabric;
pub mod life;
pub mod media;
