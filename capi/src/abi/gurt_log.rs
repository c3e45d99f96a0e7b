//! `gurt/dlog.h`: the log of programs.

/// Kinds and severities of messages, as a mask.
pub type d_dbug_t = u64;

/// Tells the numbers of the caller's stream and task for the lines of the log's file; never called.
pub type d_log_id_cb_t = Option<unsafe extern "C" fn(xs_id: *mut u32, ult_id: *mut u64)>;

c_enum! {
    /// For d_log_dbg_grp_alloc().
    pub enum d_log_flag_bits: u32 {
        /// The group is the mask that counts.
        D_LOG_SET_AS_DEFAULT = 1,
    }
}
