//! HDF5 as this connector sees it: types, the tables that a connector fills, and the functions of the library that loaded it.
//!
//! Names are ours, layouts and values are those of VOL version 3 (HDF5 1.14 and 2.x). `tests/layout.rs` compares them with HDF5's
//! own headers where `cargo xtask setup hdf5` has fetched them.

pub mod arguments;
pub mod class;
mod identifier;
mod library;
mod predefined;
mod selected;
mod stand_in;
pub mod types;

pub use identifier::{
    Identifier, Space, Type, are_equal, covers, encode_property_list, has_members, leads_elsewhere, require_list,
    size_of_type,
};
pub use identifier::{base as base_type, class as class_of_type, member as member_type, member_count};
pub use library::{Variable, find, function, library, load};
pub use selected::Slab;
pub use stand_in::{has_old_references, stand_in};
pub use types::*;
