//! Calls that have no function of their own in the C API: they are made as tasks only.

use core::ffi::{c_char, c_int};
use std::collections::BTreeMap;

use daos_client::PoolTargetsAction;
use daos_status::{Code, Result, fail};
use daos_types::{PoolId, Reference};

use crate::abi::*;
use crate::completion::run;
use crate::guard::guard_call;
use crate::handle_table;
use crate::object::OpenObject;
use crate::pointer::Caller;
use crate::pool::check_system_name;

/// The targets of a list by their ranks; no target stands for all of a rank.
fn targets_of(caller: Caller, list: *const d_tgt_list) -> Result<BTreeMap<d_rank_t, Vec<u32>>> {
    let list = caller.read(list, "tgts")?;
    if list.tl_nr == 0 {
        fail!(Code::Inval, "no targets are named");
    }
    let ranks = caller.array(list.tl_ranks, u64::from(list.tl_nr), "tl_ranks")?;
    let targets = caller.array(list.tl_tgts, u64::from(list.tl_nr), "tl_tgts")?;
    let mut of_ranks: BTreeMap<d_rank_t, Option<Vec<u32>>> = BTreeMap::new();
    for (rank, target) in ranks.into_iter().zip(targets) {
        let own = of_ranks.entry(rank).or_insert_with(|| Some(Vec::new()));
        match u32::try_from(target) {
            Ok(target) => own.iter_mut().for_each(|own| own.push(target)),
            // A negative number means the whole rank, also beside others.
            Err(_) => *own = None,
        }
    }
    Ok(of_ranks.into_iter().map(|(rank, own)| (rank, own.unwrap_or_default())).collect())
}

/// Takes targets of a pool out of use, or into use again.
///
/// # Safety
/// The pointers of the arguments are as for a function of the C API, and the event is initialised.
pub(super) unsafe fn change_targets(
    function: &'static str,
    action: PoolTargetsAction,
    given: daos_pool_update_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        guard_call(function, ev, |caller| {
            check_system_name(caller, given.grp.cast::<c_char>())?;
            let of_ranks = targets_of(caller, given.tgts)?;
            let pool = Reference::Id(PoolId::from_bytes(given.uuid).0);
            run(caller, function, ev, move |client| async move {
                for (rank, targets) in of_ranks {
                    client.pool_change_targets(&pool, action, &[rank], &targets).await?;
                }
                Ok(())
            })
        })
    }
}

/// Tells up to which epoch everything of an object is committed, for each of its groups: what was acknowledged is, so that this is the
/// newest change of the object, or the epoch that is asked for. The array is freed by the caller.
///
/// # Safety
/// As for [`change_targets`].
pub(super) unsafe fn sync_object(given: daos_obj_sync_args, ev: *mut daos_event_t) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        guard_call("daos_obj_sync", ev, |caller| {
            let open = handle_table::get::<OpenObject>(given.oh)?;
            let (place, count) = (caller.out(given.epochs_p, "epochs_p")?, caller.out(given.nr, "nr")?);
            run(caller, "daos_obj_sync", ev, move |client| async move {
                let groups = open.object.group_count(&client).await?;
                let reached = match given.epoch {
                    0 | DAOS_EPOCH_MAX => open.object.max_epoch(&client).await?.0,
                    asked => asked,
                };
                let epochs = vec![reached; groups as usize];
                place.set(duplicate_epochs(&epochs)?);
                count.set(groups as c_int);
                Ok(())
            })
        })
    }
}

/// Memory of libc's with epochs in it.
fn duplicate_epochs(epochs: &[daos_epoch_t]) -> Result<*mut daos_epoch_t> {
    // SAFETY: what calloc gives is ours, and as long as is written.
    unsafe {
        let copy = libc::calloc(epochs.len().max(1), size_of::<daos_epoch_t>()).cast::<daos_epoch_t>();
        if copy.is_null() {
            fail!(Code::Nomem, "there is no memory for {} epochs", epochs.len());
        }
        copy.copy_from_nonoverlapping(epochs.as_ptr(), epochs.len());
        Ok(copy)
    }
}
