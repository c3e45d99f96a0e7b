//! `libduns`: paths that stand for containers. Functions return zero or a positive errno.
//!
//! A path stands for a container when it names pool and container itself (`daos://POOL/CONTAINER/rest`), or when it, or a
//! directory above it, has the extended attribute `user.daos`.

pub mod destroy;
pub mod link;
pub mod resolve;
