//! Requests for values, and what they give.

use crate::{Conditions, Data, Few};
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};

/// Asks for values of akeys of one dkey, as they stood at an epoch.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// The container; it must exist.
    pub container: ContainerId,
    /// The object.
    pub object: ObjectId,
    /// Nothing newer is seen.
    pub epoch: Epoch,
    /// The dkey.
    pub dkey: Key,
    /// The akeys.
    pub akeys: Few<AkeyFetch>,
    /// Only sizes and extents are wanted: [`Fetched::Single`] and [`Content::Data`] come with empty bytes.
    pub size_only: bool,
    /// What must hold.
    pub conditions: Conditions,
}

/// One akey of a [`FetchRequest`].
#[derive(Clone, Debug)]
pub struct AkeyFetch {
    /// The akey.
    pub akey: Key,
    /// Which part of it.
    pub what: FetchWhat,
    /// What must hold for this akey, when the request has [`Conditions::PER_AKEY`].
    pub conditions: Conditions,
}

/// What is wanted of an akey.
#[derive(Clone, Debug)]
pub enum FetchWhat {
    /// The single value.
    Single,
    /// Ranges of the array.
    Array(Few<Extent>),
}

/// What a [`FetchRequest`] gives.
#[derive(Debug, PartialEq, Eq)]
pub struct FetchReply {
    /// One answer per akey, in the order of the request.
    pub akeys: Few<Fetched>,
}

/// What was found under one akey.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing is visible at this epoch.
    Missing,
    /// A single value.
    Single {
        /// Its bytes in number, also when only the size was asked for.
        size: u64,
        /// Its bytes.
        data: Data,
    },
    /// Ranges of an array.
    Array {
        /// Bytes of one record.
        record_size: u64,
        /// What lies in the ranges asked for: in their order, each covered exactly.
        pieces: Few<FetchedPiece>,
    },
}

/// A run of records with the same origin.
#[derive(Debug, PartialEq, Eq)]
pub struct FetchedPiece {
    /// The records.
    pub extent: Extent,
    /// The newest epoch visible here; zero for a hole.
    pub epoch: Epoch,
    /// What they hold.
    pub content: Content,
}

/// What records hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// They were never written, or went with their key.
    Hole,
    /// They were punched.
    Punched,
    /// These bytes.
    Data(Data),
}
