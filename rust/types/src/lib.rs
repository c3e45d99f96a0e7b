//! Vocabulary of the system: identifiers, epochs, keys, extents and object classes.
//!
//! Nothing here does I/O. Sizes and counts are fixed-width because they go on the wire and on media.

mod extent;
mod ids;
mod key;
mod label;
mod numbered;
mod object_class;
mod object_id;

pub use extent::{Extent, extents_overlap};
pub use ids::{ContainerId, EngineId, Epoch, HandleId, HolderId, PoolId, Rank, SystemId, TargetIndex, TransactionId};
pub use key::{KEY_LENGTH_MAX, Key};
pub use label::{LABEL_LENGTH_MAX, Reference, check_label};
pub use object_class::{GroupCount, ObjectClass, Redundancy};
pub use object_id::{KeyKind, ObjectId, ObjectType};
