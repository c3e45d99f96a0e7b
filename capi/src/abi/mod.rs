//! The types and constants of the C API, one module per header of upstream's.
//!
//! These modules are the one source of what `include/` declares: `daos-headers` reads them (it does not compile them)
//! and writes C. What the generator understands, and so what may stand here: `pub const`, `pub type`, `#[repr(C)]`
//! structures and unions, and enumerations in `c_enum!`. A type whose name starts with `Anonymous` is printed inside
//! the structure that has it as a field; a field called `anonymous` has no name in C. Names that end in `_t` are a tag
//! and a type name in C, all others are a tag alone. The facts in `tests/abi` are checked against the result, by C.
#![allow(missing_docs, reason = "fields and enumerators carry the C API's names and are explained at their type")]
#![allow(non_camel_case_types, reason = "names are the C API's")]

/// A C enumeration: constants and a name for their integer type. C callers can pass any number, so that it is no Rust
/// enumeration. `anonymous` declares an enumeration without a name.
macro_rules! c_enum {
    ($(#[$attribute:meta])* pub enum anonymous: $integer:ident { $($(#[$doc:meta])* $name:ident = $value:expr,)* }) => {
        $($(#[$doc])* pub const $name: $integer = $value;)*
    };
    ($(#[$attribute:meta])* pub enum $type:ident: $integer:ident { $($(#[$doc:meta])* $name:ident = $value:expr,)* }) => {
        $(#[$attribute])*
        pub type $type = $integer;
        $($(#[$doc])* pub const $name: $integer = $value;)*
    };
}

mod daos_api;
mod daos_array;
mod daos_cont;
mod daos_events;
mod daos_fs;
mod daos_fs_sys;
mod daos_kv;
mod daos_mgmt;
mod daos_obj;
mod daos_obj_class;
mod daos_pipeline;
mod daos_pool;
mod daos_prop;
mod daos_s3;
mod daos_security;
mod daos_task;
mod daos_task_container;
mod daos_task_object;
mod daos_tse;
mod daos_types;
mod daos_uns;
mod daos_version;
mod gurt_fault;
mod gurt_hash;
mod gurt_hash_lock;
mod gurt_list;
mod gurt_log;
mod gurt_telemetry;
mod gurt_types;

pub use daos_api::*;
pub use daos_array::*;
pub use daos_cont::*;
pub use daos_events::*;
pub use daos_fs::*;
pub use daos_fs_sys::*;
pub use daos_kv::*;
pub use daos_mgmt::*;
pub use daos_obj::*;
pub use daos_obj_class::*;
pub use daos_pipeline::*;
pub use daos_pool::*;
pub use daos_prop::*;
pub use daos_s3::*;
pub use daos_security::*;
pub use daos_task::*;
pub use daos_task_container::*;
pub use daos_task_object::*;
pub use daos_tse::*;
pub use daos_types::*;
pub use daos_uns::*;
pub use daos_version::*;
pub use gurt_fault::*;
pub use gurt_hash::*;
pub use gurt_hash_lock::*;
pub use gurt_list::*;
pub use gurt_log::*;
pub use gurt_telemetry::*;
pub use gurt_types::*;
