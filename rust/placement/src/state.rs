//! States of targets, and what changes them.

use daos_status::{Code, Result, fail};

daos_types::numbered! {
    /// What a target of a pool is good for. The numbers are those of upstream's `daos_target_state_t`.
    pub enum TargetState: u8 {
        /// Out of use, and what it held has another place.
        DownOut = 1,
        /// Out of use; what it held is being rebuilt elsewhere.
        Down = 2,
        /// Coming back: it gets what it is to hold, but cannot be read yet.
        Up = 3,
        /// In use.
        UpIn = 4,
        /// New in the pool: it gets its share, but cannot be read yet.
        New = 5,
        /// Still in use, and being emptied.
        Drain = 6,
    }
}

impl TargetState {
    /// Whether requests reach it: it holds what it held, or is being filled.
    pub fn is_reachable(self) -> bool {
        !matches!(self, Self::Down | Self::DownOut)
    }
}

/// What happens to targets of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetEvent {
    /// It failed or was taken out by an administrator.
    Exclude,
    /// It is to be emptied, and taken out then.
    Drain,
    /// One that was taken out comes back.
    Reintegrate,
    /// What had to be moved for the last event was moved.
    Finish,
}

impl TargetState {
    /// The state after an event; `None` when the event changes nothing, because it has happened already.
    pub fn after(self, event: TargetEvent) -> Result<Option<TargetState>> {
        use TargetState::{Down, DownOut, Drain, New, Up, UpIn};
        Ok(Some(match (self, event) {
            (UpIn | Up | New | Drain, TargetEvent::Exclude) => Down,
            (UpIn, TargetEvent::Drain) => Drain,
            (Down | DownOut, TargetEvent::Reintegrate) => Up,
            (Down | Drain, TargetEvent::Finish) => DownOut,
            (Up | New, TargetEvent::Finish) => UpIn,
            (Down | DownOut, TargetEvent::Exclude)
            | (Drain | DownOut, TargetEvent::Drain)
            | (Up | UpIn | New, TargetEvent::Reintegrate)
            | (UpIn | DownOut, TargetEvent::Finish) => return Ok(None),
            (Down | Up | New, TargetEvent::Drain) => fail!(
                Code::Busy,
                "a target in state {self:?} cannot be drained; wait until it is in use, or exclude it"
            ),
            (Drain, TargetEvent::Reintegrate) => {
                fail!(Code::Busy, "a target that is being drained comes back when that has ended")
            }
        }))
    }
}
