#![doc = include_str!("../docs/design.md")]

mod class;
mod codec;
mod group_table;
mod hash;
mod layout;
mod place;
mod pool_map;
mod ring;
mod spare;
mod state;
mod tables;
mod view;

pub use class::{Classes, GROUP_SIZE_MAX, Shape};
pub use hash::dkey_hash;
pub use layout::{Layout, Shard, ShardState};
pub use place::{place, place_into};
pub use pool_map::{DEPTH_MAX, GENERATIONS_MAX, NewRank, PoolMap, PoolTarget, TARGETS_MAX, TARGETS_PER_RANK_MAX};
pub use state::{TargetEvent, TargetState};
pub use view::{Runs, View, is_in, runs_of};
