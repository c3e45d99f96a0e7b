//! What the system is, and its pools.

use core::ffi::{c_char, c_int};

use daos_client::{PoolListEntry, SystemInfo};
use daos_status::{Code, Result, Status, fail};

use crate::abi::*;
use crate::completion::{run, value_of};
use crate::guard::{guard, guard_call, guard_value};
use crate::gurt::memory::{duplicate, rank_list};
use crate::handle_table;
use crate::pointer::fill_text;
use crate::pool::{OpenPool, check_system_name};

/// Lists the pools of a system.
///
/// @group name of the system, NULL for the default one
/// @npools [in,out] length of pools; how many pools there are
/// @pools [out] their UUIDs, labels and ranks; mgpi_label is freed by free, mgpi_svc by d_rank_list_free. NULL to get the
///        count alone
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_INVAL, -DER_OVERFLOW when pools is too short (npools is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_mgmt_list_pools(
    group: *const c_char,
    npools: *mut daos_size_t,
    pools: *mut daos_mgmt_pool_info_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_mgmt_list_pools", ev, |caller| {
            check_system_name(caller, group)?;
            let count = caller.out(npools, "npools")?;
            let room = if pools.is_null() { 0 } else { count.get() };
            let entries = caller.out_array(pools, room, "pools")?;
            // Room for none asks for the count alone, as no room does.
            let wanted = room > 0;
            run(caller, "daos_mgmt_list_pools", ev, move |client| async move {
                let found = client.pool_list().await?;
                count.set(found.len() as u64);
                if wanted && found.len() > entries.count() {
                    fail!(Code::Overflow, "there are {} pools; there is room for {}", found.len(), entries.count());
                }
                if wanted {
                    for (index, entry) in found.iter().map(pool_entry).collect::<Result<Vec<_>>>()?.iter().enumerate() {
                        entries.set(index, *entry);
                    }
                }
                Ok(())
            })
        })
    }
}

/// Has the service of a pool stop where it leads, for tests of what follows: another engine leads it soon afterwards. One service keeps the
/// metadata of all pools. Calls that are under way wait for the next leader; where no other engine keeps the metadata, nothing changes.
///
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_stop_svc(poh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_stop_svc", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            run(caller, "daos_pool_stop_svc", ev, move |client| async move { open.pool.stop_service(&client).await })
        })
    }
}

fn pool_entry(entry: &PoolListEntry) -> Result<daos_mgmt_pool_info_t> {
    let label = if entry.label.is_empty() { core::ptr::null_mut() } else { duplicate(entry.label.as_bytes()) };
    let leader = entry.service_ranks.first().copied().unwrap_or(0);
    Ok(daos_mgmt_pool_info_t {
        mgpi_uuid: entry.id.to_bytes(),
        mgpi_label: label,
        mgpi_svc: rank_list(&entry.service_ranks)?,
        mgpi_ldr: leader,
    })
}

/// What C makes of an argument of the array type `uuid_t`; the header says `uuid_t`.
#[expect(non_camel_case_types, reason = "stands for a name of the C API")]
type uuid_pointer = *mut u8;

/// Tells the state of a blobstore of SPDK. Engines keep their data in files or on devices without one, so that no UUID is that of a blobstore.
///
/// @group name of the system, NULL for the default one
/// @blobstore_uuid its UUID, not all zeros
/// @blobstore_state [out] its state
/// @ev completion event; NULL to wait
///
/// @return -DER_NONEXIST, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_mgmt_get_bs_state(
    group: *const c_char,
    blobstore_uuid: uuid_pointer,
    blobstore_state: *mut c_int,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_mgmt_get_bs_state", ev, |caller| {
            check_system_name(caller, group)?;
            let _state = caller.out(blobstore_state, "blobstore_state")?;
            let uuid = caller.read(blobstore_uuid.cast::<uuid_t>().cast_const(), "blobstore_uuid")?;
            if uuid == [0; 16] {
                fail!(Code::Inval, "the UUID of a blobstore is all zeros");
            }
            run(caller, "daos_mgmt_get_bs_state", ev, |_| async {
                fail!(Code::Nonexist, "no engine has such a blobstore: they keep their data without one")
            })
        })
    }
}

/// Tells the release of the engine that leads the metadata service.
///
/// @major [out]
/// @minor [out]
/// @patch [out]
/// @tag [out] what else distinguishes it: an empty text, which is not freed
///
/// @return zero, -DER_INVAL, -DER_UNREACH
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dc_mgmt_srv_version(
    major: *mut u32,
    minor: *mut u32,
    patch: *mut u32,
    tag: *mut *mut c_char,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("dc_mgmt_srv_version", |caller| {
            let (major, minor) = (caller.out(major, "major")?, caller.out(minor, "minor")?);
            let (patch, tag) = (caller.out(patch, "patch")?, caller.out(tag, "tag")?);
            let found = value_of("dc_mgmt_srv_version", |client| async move { client.system_version().await })?;
            major.set(found.0);
            minor.set(found.1);
            patch.set(found.2);
            tag.set(c"".as_ptr().cast_mut());
            Ok(())
        })
    }
}

/// Tells what a system is.
///
/// @sys its name, NULL for the default one
/// @info [out] freed by daos_mgmt_put_sys_info
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_mgmt_get_sys_info(sys: *const c_char, info: *mut *mut daos_sys_info) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_mgmt_get_sys_info", |caller| {
            check_system_name(caller, sys)?;
            let place = caller.out(info, "info")?;
            let (info, (addresses, leader)) = value_of("daos_mgmt_get_sys_info", move |client| async move {
                Ok::<_, Status>((client.system_info().await?, client.system_addresses().await?))
            })?;
            place.set(system(&info, &addresses, leader)?);
            Ok(())
        })
    }
}

/// Memory of libc's for `count` zeroed elements.
///
/// # Safety
/// Zero bytes are a value of the type.
unsafe fn zeroed<T>(count: usize) -> *mut T {
    // SAFETY: any size may be asked for.
    unsafe { libc::calloc(count.max(1), size_of::<T>()).cast() }
}

/// The system in memory of libc.
fn system(found: &SystemInfo, addresses: &[(u32, String)], leader: u32) -> Result<*mut daos_sys_info> {
    // SAFETY: the memory is checked and as long as what is written to it; zeroed bytes are a value of the structures, so that what is
    // not filled can be freed.
    unsafe {
        let info = zeroed::<daos_sys_info>(1);
        let ranks = zeroed::<daos_rank_uri>(addresses.len());
        let leaders = zeroed::<u32>(1);
        if info.is_null() || ranks.is_null() || leaders.is_null() {
            for memory in [info.cast(), ranks.cast(), leaders.cast()] {
                libc::free(memory);
            }
            fail!(Code::Nomem, "no memory for what the system is");
        }
        leaders.write(leader);
        info.write(daos_sys_info {
            dsi_system_name: fill_text(&found.name),
            dsi_fabric_provider: fill_text(&found.provider),
            dsi_agent_path: fill_text(&found.directory),
            dsi_nr_ranks: addresses.len() as u32,
            dsi_ranks: ranks,
            dsi_nr_ms_ranks: 1,
            dsi_ms_ranks: leaders,
        });
        for (index, (rank, address)) in addresses.iter().enumerate() {
            let dru_uri = duplicate(address.as_bytes());
            ranks.add(index).write(daos_rank_uri { dru_rank: *rank, dru_uri });
            if dru_uri.is_null() {
                daos_mgmt_put_sys_info(info);
                fail!(Code::Nomem, "no memory for the address of rank {rank}");
            }
        }
        Ok(info)
    }
}

/// Frees what daos_mgmt_get_sys_info gave; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_mgmt_put_sys_info(info: *mut daos_sys_info) {
    // SAFETY: the caller promises that it came from daos_mgmt_get_sys_info and is not used afterwards.
    unsafe {
        guard_value("daos_mgmt_put_sys_info", (), |caller| {
            let Some(content) = caller.read_optional(info.cast_const(), "info")? else { return Ok(()) };
            for rank in caller.array(content.dsi_ranks.cast_const(), u64::from(content.dsi_nr_ranks), "dsi_ranks")? {
                libc::free(rank.dru_uri.cast());
            }
            for memory in [content.dsi_ranks.cast(), content.dsi_ms_ranks.cast(), info.cast()] {
                libc::free(memory);
            }
            Ok(())
        });
    }
}
