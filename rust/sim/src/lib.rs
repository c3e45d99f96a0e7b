//! Simulated media, fabric and clock: one seed decides everything.

pub mod control;
pub mod fabric;
pub mod life;
pub mod linear;
pub mod media;
