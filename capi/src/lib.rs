//! `libdaos.so.2`: the C API. Pointers in, calls out, no logic, and no panic crosses it.
//!
//! * [`abi`]: types and constants, the source of the headers in `include/`.
//! * [`guard`]: every exported function is a closure given to [`guard::guard`], which catches panics, logs the sentence of
//!   an error once and returns its number.
//! * [`mod@pointer`]: what may be done with a caller's pointer; NULL and misaligned ones are errors.
//! * [`handle_table`]: handles are numbers in a table; a wrong, closed or foreign one is an error.
//! * [`process`]: the one client context of the process.
//! * [`completion`]: how a call runs to its end: on the calling thread, or later with an event.
//! * [`progress`]: threads that wait drive the client, and run the callbacks of events.
//!
//! The other modules are the functions, one module per subject; `daos-headers` prints their prototypes and comments.
#![allow(unsafe_code, reason = "the C API: pointers of callers are read and written")]
#![allow(clippy::missing_safety_doc, reason = "the documentation is for C; what it says of pointers is the promise")]
#![allow(rustdoc::broken_intra_doc_links, reason = "documentation for C: what says [out] is no link")]
#![allow(clippy::too_many_arguments, reason = "signatures are the C API's")]

pub mod abi;
pub mod absent;
pub mod anchor;
pub mod array;
pub mod array_share;
pub mod attributes;
pub mod completion;
pub mod container;
pub mod container_attributes;
pub mod container_security;
pub mod debug;
pub mod dfs;
pub mod duns;
pub mod errno;
pub mod event;
pub mod event_queue;
pub mod event_run;
pub mod event_state;
pub mod fork;
pub mod guard;
pub mod gurt;
pub mod handle_table;
pub mod io;
pub mod kv;
pub mod launcher;
pub mod library;
pub mod management;
pub mod object;
pub mod object_class;
pub mod object_io;
pub mod object_list;
pub mod object_registry;
pub mod object_table;
pub mod object_view;
pub mod pointer;
pub mod pool;
pub mod pool_attributes;
pub mod pool_filter;
pub mod pool_permissions;
pub mod pool_target;
pub mod process;
pub mod progress;
pub mod prop;
pub mod prop_bytes;
pub mod prop_copy;
pub mod prop_text;
pub mod property;
pub mod rank_list;
pub mod security;
pub mod security_list;
pub mod snapshot;
pub mod task;
pub mod time;
pub mod transaction;
pub mod tse;
