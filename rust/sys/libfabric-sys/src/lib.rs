//! libfabric as C declares it, and nothing else.
//!
//! The declarations were generated once from the headers of libfabric 1.17 (`generate.sh`); the functions that those headers
//! define as `static inline` are in [`inline`]. Names and meanings are libfabric's: see its manual pages.
#![allow(unsafe_code, reason = "this crate declares a C library")]

#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, reason = "C names, generated")]
#[allow(clippy::all, clippy::undocumented_unsafe_blocks, reason = "generated")]
#[allow(clippy::allow_attributes_without_reason, reason = "generated")]
mod generated;
pub mod inline;

pub use generated::*;
pub use inline::*;

/// The version of the API that these declarations describe, as `fi_getinfo` wants it.
pub const API_VERSION: u32 = (FI_MAJOR_VERSION << 16) | FI_MINOR_VERSION;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_at_least_as_new_as_the_declarations() {
        // SAFETY: the function has no preconditions.
        assert!(unsafe { fi_version() } >= API_VERSION);
    }

    #[test]
    fn an_info_can_be_allocated_and_freed() {
        // SAFETY: a null pointer asks for a new structure, which is freed once.
        unsafe {
            let info = fi_allocinfo();
            assert!(!info.is_null() && !(*info).ep_attr.is_null());
            fi_freeinfo(info);
        }
    }
}
