//! The versioned object store of one target: its part of one pool.
//!
//! A [`Store`] belongs to one thread. Calls that may wait for a device are `async`; a call that returns has made its change durable in
//! the class that the store was created with.
//!
#![doc = include_str!("../docs/design.md")]
//!
#![doc = include_str!("../docs/semantics.md")]

mod aggregate;
mod array;
#[cfg(test)]
mod bound_tests;
mod calls;
mod change;
mod changes;
#[cfg(test)]
mod checksum_tests;
mod checksums;
mod commit;
mod conditions;
mod conflicts;
mod container_state;
mod containers;
mod damage;
#[cfg(test)]
mod damage_tests;
mod data;
mod ends;
mod enumerate;
mod extremes;
mod fetch;
mod fetch_request;
mod few;
#[cfg(test)]
mod format_tests;
mod key_order;
mod key_scan;
mod level;
mod listing;
mod pace;
mod pieces;
mod place;
mod prepare;
mod prepared;
mod punch;
mod query;
#[cfg(test)]
mod query_tests;
mod recent;
mod reclaim;
mod request;
#[cfg(test)]
mod room_tests;
mod scrub;
mod settings;
mod single;
mod snapshots;
mod space;
mod store;
mod stored;
mod superblock;
mod timestamps;
mod transact;
mod transaction_request;
mod tree;
mod tree_listing;
mod tree_request;
#[cfg(test)]
mod upgrade_tests;
mod upkeep;
mod value_space;
mod view;
mod visibility;

pub use aggregate::{AggregationRun, Reclaimer, StepBudget};
pub use changes::ChangeName;
pub use conditions::Conditions;
pub use daos_checksum::ChecksumKind;
pub use daos_media::Durability;
pub use data::{Data, ShortBytes, ValueView};
pub use fetch::Fetch;
pub use fetch_request::{AkeyFetch, Content, FetchReply, FetchRequest, FetchWhat, Fetched, FetchedPiece};
pub use few::{Few, FewIntoIter};
pub use listing::{
    ANCHOR_LENGTH_MAX, Anchor, Direction, ExtentListing, KeyListing, Limits, ListedExtent, Listing, ObjectListing,
    Position,
};
pub use query::{End, KeyChoice, QueryReply, QueryRequest};
pub use request::{AkeyUpdate, GivenChecksums, Operation, PunchRequest, PunchTarget, UpdateRequest, UpdateValue};
pub use scrub::{Scrub, ScrubLimits, ScrubProgress};
pub use settings::{CHUNK_BYTES_DEFAULT, CHUNK_BYTES_MAX, ContainerSettings, StoreSettings};
pub use space::{Statistics, StoreSpace, TierSpace};
pub use store::Store;
pub use transaction_request::{PreparedTransaction, TransactionOutcome, TransactionRead, TransactionRequest};
pub use tree_request::{TreeAnchor, TreeEntry, TreeListing, TreeRequest};
pub use view::View;
