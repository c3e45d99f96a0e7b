//! Containers of a pool by conditions. A filter holds copies of its conditions, in memory of libc's.

use core::ffi::c_int;

use daos_client::{ContainerCondition, ContainerInfo};
use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::completion::run;
use crate::guard::{guard, guard_call, guard_value};
use crate::handle_table;
use crate::pointer::{Caller, fill_text};
use crate::pool::OpenPool;

/// The most conditions that a filter may have when it is used.
const PARTS_MAX: u32 = DAOS_POOL_CONT_FILTER_MAX_NPARTS as u32;

/// Room for conditions. Programs may add more than a filter can have, and are told so by the function that it is given to; what no
/// program needs is refused at once.
const ROOM: u32 = 8 * PARTS_MAX;

/// Prepares a filter without conditions: it lets all containers through.
///
/// @filt [out] the filter; daos_pool_cont_filter_fini frees what it holds
/// @combine_func whether all conditions have to hold (PCF_COMBINE_LOGICAL_AND) or one is enough (PCF_COMBINE_LOGICAL_OR)
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_cont_filter_init(filt: *mut daos_pool_cont_filter_t, combine_func: u32) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_pool_cont_filter_init", |caller| {
            let place = caller.out(filt, "filt")?;
            if combine_func > PCF_COMBINE_LOGICAL_OR {
                fail!(Code::Inval, "combine_func is {combine_func}; PCF_COMBINE_LOGICAL_AND or _OR is wanted");
            }
            let parts = libc::calloc(ROOM as usize, size_of::<*mut daos_pool_cont_filter_part_t>());
            if parts.is_null() {
                fail!(Code::Nomem, "no memory for a filter");
            }
            place.set(daos_pool_cont_filter_t {
                pcf_combine_func: combine_func,
                pcf_nparts: 0,
                pcf_parts: parts.cast(),
            });
            Ok(())
        })
    }
}

/// Adds a condition to a filter.
///
/// @part what is compared (PCF_KEY_*), how (PCF_FUNC_*), and the number with which; copied
///
/// @return zero, -DER_INVAL, -DER_NOMEM. That a filter has more than DAOS_POOL_CONT_FILTER_MAX_NPARTS conditions is told by
///         daos_pool_filter_cont
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_cont_filter_add(
    filt: *mut daos_pool_cont_filter_t,
    part: *mut daos_pool_cont_filter_part_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_pool_cont_filter_add", |caller| {
            let place = caller.out(filt, "filt")?;
            let (mut filter, part) = (place.get(), caller.read(part.cast_const(), "part")?);
            check(&part)?;
            if filter.pcf_nparts >= ROOM || filter.pcf_parts.is_null() {
                fail!(Code::Inval, "filt has {} conditions, or was not prepared", filter.pcf_nparts);
            }
            let copy = libc::malloc(size_of::<daos_pool_cont_filter_part_t>()).cast::<daos_pool_cont_filter_part_t>();
            if copy.is_null() {
                fail!(Code::Nomem, "no memory for a condition of a filter");
            }
            copy.write(part);
            // The array was made with room for the most conditions.
            filter.pcf_parts.add(filter.pcf_nparts as usize).write(copy);
            filter.pcf_nparts += 1;
            place.set(filter);
            Ok(())
        })
    }
}

fn check(part: &daos_pool_cont_filter_part_t) -> Result<()> {
    if part.pcfp_func >= PCF_FUNC_MAX || part.pcfp_key >= PCF_KEY_MAX {
        fail!(Code::Inval, "a filter has no comparison {} of {}", part.pcfp_func, part.pcfp_key);
    }
    Ok(())
}

/// Frees what a filter holds; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_cont_filter_fini(filt: *mut daos_pool_cont_filter_t) {
    // SAFETY: the caller promises a filter that was prepared here.
    unsafe {
        guard_value("daos_pool_cont_filter_fini", (), |caller| {
            if filt.is_null() {
                return Ok(());
            }
            let place = caller.out(filt, "filt")?;
            let filter = place.get();
            if !filter.pcf_parts.is_null() {
                for number in 0..filter.pcf_nparts.min(ROOM) {
                    libc::free((*filter.pcf_parts.add(number as usize)).cast());
                }
                libc::free(filter.pcf_parts.cast());
            }
            place.set(daos_pool_cont_filter_t {
                pcf_combine_func: filter.pcf_combine_func,
                pcf_nparts: 0,
                pcf_parts: core::ptr::null_mut(),
            });
            Ok(())
        });
    }
}

/// Whether one condition is enough, and the conditions.
fn conditions(caller: Caller, filter: *const daos_pool_cont_filter_t) -> Result<(bool, Vec<ContainerCondition>)> {
    let Some(filter) = caller.read_optional(filter, "filter")? else { return Ok((false, Vec::new())) };
    if filter.pcf_combine_func > PCF_COMBINE_LOGICAL_OR || filter.pcf_nparts > PARTS_MAX {
        fail!(Code::Inval, "filter has {} conditions, combined by {}", filter.pcf_nparts, filter.pcf_combine_func);
    }
    let parts = match filter.pcf_nparts {
        0 => Vec::new(),
        count => caller.array(filter.pcf_parts.cast_const(), u64::from(count), "pcf_parts")?,
    };
    let mut all = Vec::new();
    for part in parts {
        let part = caller.read(part.cast_const(), "pcf_parts")?;
        check(&part)?;
        // SAFETY: all that is compared is a number in this release of the API.
        let value = unsafe { part.anonymous.pcfp_val64 };
        all.push(ContainerCondition { key: part.pcfp_key, comparison: part.pcfp_func, value });
    }
    Ok((filter.pcf_combine_func == PCF_COMBINE_LOGICAL_OR, all))
}

fn entry(found: &ContainerInfo) -> daos_pool_cont_info2 {
    let (pci_uuid, pci_label) = (found.id.to_bytes(), fill_text(&found.properties.label));
    daos_pool_cont_info2 {
        pci_id: daos_pool_cont_info { pci_uuid, pci_label },
        pci_cinfo: crate::container::info_of(found),
        pci_reserved: [core::ptr::null_mut(); 2],
    }
}

/// Lists the containers of a pool that a filter lets through.
///
/// @filter which are wanted; NULL for all
/// @ncont [in,out] length of cbuf; how many containers there are
/// @cbuf [out] what they are; NULL to get the count alone
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_TRUNC when cbuf is too short
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_filter_cont(
    poh: daos_handle_t,
    filter: *mut daos_pool_cont_filter_t,
    ncont: *mut daos_size_t,
    cbuf: *mut daos_pool_cont_info2,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_filter_cont", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let (any, conditions) = conditions(caller, filter.cast_const())?;
            let count = caller.out(ncont, "ncont")?;
            let room = if cbuf.is_null() { 0 } else { count.get() };
            let entries = caller.out_array(cbuf, room, "cbuf")?;
            // Room for none asks for the count alone, as no room does.
            let wanted = room > 0;
            run(caller, "daos_pool_filter_cont", ev, move |client| async move {
                let found = open.pool.filter_containers(&client, any, conditions).await?;
                count.set(found.len() as u64);
                if wanted && found.len() > entries.count() {
                    let (number, room) = (found.len(), entries.count());
                    fail!(Code::Trunc, "the filter lets {number} containers through; there is room for {room}");
                }
                if wanted {
                    found.iter().enumerate().for_each(|(index, found)| entries.set(index, entry(found)));
                }
                Ok(())
            })
        })
    }
}
