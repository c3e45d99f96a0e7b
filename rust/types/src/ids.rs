//! Identifiers of pools, containers, handles, ranks and targets, and the epoch.

use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The identifier of sixteen bytes in the order of the text form.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes in the order of the text form.
            pub const fn to_bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A pool.
    PoolId
);
uuid_id!(
    /// A container.
    ContainerId
);
uuid_id!(
    /// An open pool or container handle, as the services know it.
    HandleId
);

uuid_id!(
    /// A system: chosen at random when its first engine makes it.
    SystemId
);
uuid_id!(
    /// An engine, by its directory: what it stores belongs to this identifier, and its rank goes with it.
    EngineId
);

uuid_id!(
    /// A client process, as the holder of open handles: chosen at random by the process, and the same on every connection
    /// that it makes.
    HolderId
);

uuid_id!(
    /// A transaction: chosen at random by whoever starts it, and never used for another one.
    TransactionId
);

/// An engine of the system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Rank(pub u32);

/// A target, counted from zero within its engine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct TargetIndex(pub u32);

/// A version number of stored records: a reading of a 64-bit hybrid logical clock.
///
/// Only `daos_env::HybridClock` gives meaning to the bits; everything else compares epochs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Before every record.
    pub const ZERO: Epoch = Epoch(0);
    /// After every record: a fetch at this epoch sees the newest.
    pub const MAX: Epoch = Epoch(u64::MAX);
}
