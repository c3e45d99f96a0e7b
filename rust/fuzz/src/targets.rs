//! Everything that takes in bytes of others.

mod messages;
mod more;

use crate::target::Target;

/// Every target.
pub fn all() -> Vec<Target> {
    messages::targets().into_iter().chain(more::targets()).collect()
}
