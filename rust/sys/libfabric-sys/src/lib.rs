//! libfabric as C declares it, and nothing else.
//!
//! The declarations were generated once from the headers of libfabric 1.17 (`generate.sh`); the functions that those headers
//! define as `static inline` are in [`inline`], and those that the library exports in [`library`]. Names and meanings are libfabric's:
//! see its manual pages.
//!
//! Nothing is linked: [`load`] looks for the library when it is needed for the first time. Building needs neither library nor headers.
#![allow(unsafe_code, reason = "this crate declares a C library")]

#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, reason = "C names, generated")]
#[allow(clippy::all, clippy::undocumented_unsafe_blocks, reason = "generated")]
#[allow(clippy::allow_attributes_without_reason, reason = "generated")]
mod generated;
pub mod inline;
pub mod library;
mod signals;

pub use generated::*;
pub use inline::*;
pub use library::*;

/// The version of the API that these declarations describe, as `fi_getinfo` wants it.
pub const API_VERSION: u32 = (FI_MAJOR_VERSION << 16) | FI_MINOR_VERSION;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_can_be_allocated_and_freed() {
        load().expect("libfabric is installed where its tests run");
        // SAFETY: a null pointer asks for a new structure, which is freed once.
        unsafe {
            let info = fi_allocinfo();
            assert!(!info.is_null() && !(*info).ep_attr.is_null());
            fi_freeinfo(info);
        }
    }
}
