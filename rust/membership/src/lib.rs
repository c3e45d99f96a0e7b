#![doc = include_str!("../docs/design.md")]

mod codec;
mod exclusion;
mod lives;
mod member;
mod membership;
mod random;
mod settings;

pub use exclusion::{Exclusions, SystemView, Verdict};
pub use member::Member;
pub use membership::{Event, Membership, Message};
pub use settings::{ExclusionSettings, MembershipSettings};
