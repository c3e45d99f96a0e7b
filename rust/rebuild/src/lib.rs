//! Background work of an engine over the stores of its targets.
//!
//! * [`Scrubber`]: verifies what one store holds, when the pool's properties say so.
//!
//! * [`Aggregator`]: gets the space back of what was overwritten and deleted, when the pool's properties say so.
//!
//! When work is done is decided by pure functions of the time and of what was seen ([`ScrubPlan`]); the work itself is done by the store, in
//! bounded steps, and requests run between any two of them.

mod aggregator;
mod reclaim_plan;
mod reclaim_settings;
mod scrub_plan;
mod scrub_settings;
mod scrubber;

pub use aggregator::{Aggregator, Permit};
pub use reclaim_settings::{PROPERTY_RECLAIM, ReclaimMode, ReclaimSettings};
pub use scrub_plan::ScrubPlan;
pub use scrub_settings::{
    PROPERTY_SCRUB_FREQUENCY, PROPERTY_SCRUB_MODE, PROPERTY_SCRUB_THRESHOLD, ScrubMode, ScrubSettings,
};
pub use scrubber::Scrubber;
