//! `daos_api.h`: transactions and anchors.

use core::ffi::c_uint;

c_enum! {
    /// Flags of `daos_tx_open`.
    pub enum anonymous: c_uint {
        DAOS_TF_RDONLY = 1,
        DAOS_TF_ZERO_COPY = 2,
    }
}
