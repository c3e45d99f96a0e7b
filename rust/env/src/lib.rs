//! The only door to time, randomness and threads of execution.
//!
//! Everything above this crate takes its clock and its random numbers from an [`Env`], and runs as tasks of an
//! [`Executor`]: one thread, its tasks, its timers and its [`Source`]s of completions. The simulator implements the same
//! traits, so that one seed decides everything.
#![allow(unsafe_code, reason = "system calls: eventfd, poll, getrandom, clock_gettime, pthread_sigmask")]

mod buffer_pool;
mod clock;
mod doorbell;
mod executor;
mod hybrid_clock;
mod io_buffer;
mod log;
mod own_ids;
mod random;
mod signal_mask;
pub mod sync;
mod timers;
pub mod waiting;

pub use buffer_pool::{BufferPool, PooledBuffer};
pub use clock::{Clock, ManualClock, SystemClock};
pub use doorbell::{Doorbell, RingAtEnd};
pub use executor::{Executor, JoinHandle, Source, Spawner};
pub use hybrid_clock::HybridClock;
pub use io_buffer::{IO_ALIGNMENT, IoBuffer};
pub use log::{LogLevel, log_event, set_log_sink};
pub use own_ids::{OwnIds, Spread};
pub use random::{Random, SeededRandom, SystemRandom};
pub use signal_mask::SignalMask;
pub use waiting::WAKE_COST;

use std::sync::Arc;

/// The clock and the random numbers that a component is built with.
#[derive(Clone)]
pub struct Env {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's own clock and random numbers.
    pub fn system() -> Env {
        Env { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }
}
