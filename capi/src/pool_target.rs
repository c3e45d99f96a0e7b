//! Single targets of a pool.

use core::ffi::c_int;

use crate::abi::*;
use crate::completion::run;
use crate::guard::guard_call;
use crate::handle_table;
use crate::pool::OpenPool;

/// The state of a number; unknown for one that is none.
fn state_of(number: u8) -> daos_target_state_t {
    match u32::from(number) {
        state @ DAOS_TS_DOWN_OUT..=DAOS_TS_DRAIN => state,
        _ => DAOS_TS_UNKNOWN,
    }
}

/// Tells the state and the space of one target.
///
/// @tgt its number within the engine
/// @rank the engine
/// @info [out] its state, and bytes in all and free; none of a target whose engine does not serve
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when the pool has no such target
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_query_target(
    poh: daos_handle_t,
    tgt: u32,
    rank: d_rank_t,
    info: *mut daos_target_info_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_query_target", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let place = caller.out(info, "info")?;
            run(caller, "daos_pool_query_target", ev, move |client| async move {
                let found = open.pool.query_target(&client, rank, tgt).await?;
                let (meta, data) = (found.meta, found.data);
                place.set(daos_target_info_t {
                    ta_padding: 0,
                    ta_state: state_of(found.state),
                    ta_perf: daos_target_perf_t { foo: 0 },
                    ta_space: daos_space { s_total: [meta.total, data.total], s_free: [meta.free, data.free] },
                });
                Ok(())
            })
        })
    }
}
