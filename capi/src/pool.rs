//! Pools.

use core::ffi::{c_char, c_int, c_uint};

use daos_client::{Client, ContainerProperties, Pool, PoolFlags, PoolInfo};
use daos_status::{Code, Result, fail};
use daos_types::{PoolId, Reference};

use crate::abi::*;
use crate::completion::{Call, run, value_of};
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::pointer::{Caller, Out, fill_text};
use crate::property;

/// What a pool handle stands for.
pub struct OpenPool {
    /// The connected pool.
    pub pool: Pool,
}

/// What a pool handle stands for that was closed before this process opened it from bytes. No call takes it but the one that closes it.
pub struct ClosedPool;

/// Connects to a pool.
///
/// @pool its label or UUID, as text
/// @sys name of the system, NULL for the default one
/// @flags DAOS_PC_RO, DAOS_PC_RW or DAOS_PC_EX
/// @poh [out] the handle, closed by daos_pool_disconnect
/// @info [in,out] what the pool is, see daos_pool_query; NULL when not wanted
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_INVAL, -DER_NONEXIST, -DER_NO_PERM, -DER_BUSY, -DER_UNREACH, -DER_NO_SERVICE when no engine can be had
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_connect2(
    pool: *const c_char,
    sys: *const c_char,
    flags: c_uint,
    poh: *mut daos_handle_t,
    info: *mut daos_pool_info_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_pool_connect", |caller| {
            let reference = Reference::parse(&caller.text(pool, "pool")?)?;
            check_system_name(caller, sys)?;
            if !matches!(flags, DAOS_PC_RO | DAOS_PC_RW | DAOS_PC_EX) {
                fail!(Code::Inval, "flags are {flags:#x}; one of DAOS_PC_RO, DAOS_PC_RW, DAOS_PC_EX is wanted");
            }
            let handle = caller.out(poh, "poh")?;
            let info = caller.out_optional(info, "info")?;
            run(caller, "daos_pool_connect", ev, move |client| async move {
                let pool = Pool::connect(&client, &reference, PoolFlags(flags)).await?;
                if let Some(info) = info {
                    tell(info, &pool.query(&client).await?);
                }
                handle.set(handle_table::insert(OpenPool { pool })?);
                Ok(())
            })
        })
    }
}

/// The name of daos_pool_connect2 for programs that look it up.
#[unsafe(export_name = "daos_pool_connect")]
pub unsafe extern "C" fn daos_pool_connect_plain(
    pool: *const c_char,
    sys: *const c_char,
    flags: c_uint,
    poh: *mut daos_handle_t,
    info: *mut daos_pool_info_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the same promises.
    unsafe { daos_pool_connect2(pool, sys, flags, poh, info, ev) }
}

/// Closes a pool handle, and the containers that were opened through it.
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_disconnect(poh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_disconnect", ev, |caller| {
            if handle_table::get::<ClosedPool>(poh).is_ok() {
                let (call, _closed) = Call::closing::<ClosedPool>(caller, "daos_pool_disconnect", ev, poh)?;
                return call.run(move |_client| async move { Ok(()) });
            }
            let (call, open) = Call::closing::<OpenPool>(caller, "daos_pool_disconnect", ev, poh)?;
            call.run(move |client| async move { open.pool.disconnect(&client).await })
        })
    }
}

/// Tells what a pool is and how much space it has.
///
/// @ranks [out] list of ranks, in memory of the library's that daos_rank_list_free frees; NULL when not wanted. Those that have a target
///        in use, or, with DPI_ENGINES_DISABLED and without DPI_ENGINES_ENABLED in pi_bits, that have one out of use
/// @info [in,out] set pi_bits to the DPI_* parts that are wanted; NULL when not wanted. Sizes are in bytes
/// @pool_prop [in,out] properties that are wanted; all of them, in entries made here, when it has no entries (daos_prop_alloc(0)). NULL when
///            none are wanted
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_UNREACH
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_query(
    poh: daos_handle_t,
    ranks: *mut *mut d_rank_list_t,
    info: *mut daos_pool_info_t,
    pool_prop: *mut daos_prop_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_query", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let ranks = caller.out_optional(ranks, "ranks")?;
            let info = caller.out_optional(info, "info")?;
            let bits = if ranks.is_some() { info.as_ref().map_or(0, |info| info.get().pi_bits) } else { 0 };
            let only_disabled =
                bits & u64::from(DPI_ENGINES_DISABLED as u32) != 0 && bits & u64::from(DPI_ENGINES_ENABLED as u32) == 0;
            let properties = caller.out_optional(pool_prop, "pool_prop")?;
            run(caller, "daos_pool_query", ev, move |client| async move {
                let found = open.pool.query(&client).await?;
                if let Some(properties) = properties {
                    property::ask_for_all(&properties, (DAOS_PROP_PO_MIN, DAOS_PROP_PO_MAX))?;
                    let replicas = replicas_of(&client, properties.get(), found.id).await?;
                    answer_properties(properties.get(), &found, &replicas)?;
                }
                if let Some(info) = info {
                    tell(info, &found);
                }
                if let Some(ranks) = ranks {
                    let wanted = if only_disabled { &found.ranks_disabled } else { &found.ranks };
                    ranks.set(crate::gurt::memory::rank_list(wanted)?);
                }
                Ok(())
            })
        })
    }
}

/// Lists the containers of a pool.
///
/// @ncont [in,out] length of cbuf; how many containers there are
/// @cbuf [out] their UUIDs and labels; NULL to get the count alone
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_TRUNC when cbuf is too short
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_list_cont(
    poh: daos_handle_t,
    ncont: *mut daos_size_t,
    cbuf: *mut daos_pool_cont_info,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_pool_list_cont", ev, |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let count = caller.out(ncont, "ncont")?;
            let room = if cbuf.is_null() { 0 } else { count.get() };
            let entries = caller.out_array(cbuf, room, "cbuf")?;
            // Room for none asks for the count alone, as no room does.
            let wanted = room > 0;
            run(caller, "daos_pool_list_cont", ev, move |client| async move {
                let found = open.pool.list_containers(&client).await?;
                count.set(found.len() as u64);
                if wanted && found.len() > entries.count() {
                    fail!(
                        Code::Trunc,
                        "the pool has {} containers; there is room for {}",
                        found.len(),
                        entries.count()
                    );
                }
                for (index, entry) in found.iter().enumerate() {
                    let (pci_uuid, pci_label) = (entry.id.to_bytes(), fill_text(&entry.label));
                    entries.set(index, daos_pool_cont_info { pci_uuid, pci_label });
                }
                Ok(())
            })
        })
    }
}

/// Writes a pool handle as bytes that other processes can open with daos_pool_global2local.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_TRUNC when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_local2global(poh: daos_handle_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_pool_local2global", |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            give_global(caller, glob, &open.pool.to_global())
        })
    }
}

/// Opens a pool handle that another process wrote with daos_pool_local2global. When it was closed meanwhile, the calls with it give -DER_NO_HDL, as
/// for upstream, and daos_pool_disconnect takes it.
///
/// @return zero, -DER_INVAL when the bytes are no pool handle
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_global2local(glob: d_iov_t, poh: *mut daos_handle_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_pool_global2local", |caller| {
            let handle = caller.out(poh, "poh")?;
            let bytes = caller.bytes(glob.iov_buf, glob.iov_len.min(glob.iov_buf_len), "glob")?;
            let opened: Result<Pool> =
                value_of(
                    "daos_pool_global2local",
                    move |client| async move { Pool::from_global(&client, &bytes).await },
                );
            handle.set(match opened {
                Err(status) if status.code() == Code::NoHdl => handle_table::insert(ClosedPool)?,
                opened => handle_table::insert(OpenPool { pool: opened? })?,
            });
            Ok(())
        })
    }
}

/// Gives a handle as bytes to the caller's buffer.
pub(crate) fn give_global(caller: Caller, glob: *mut d_iov_t, bytes: &[u8]) -> Result<()> {
    let place = caller.out(glob, "glob")?;
    let mut iov = place.get();
    let room = iov.iov_buf_len;
    iov.iov_buf_len = bytes.len();
    if iov.iov_buf.is_null() {
        place.set(iov);
        return Ok(());
    }
    if room < bytes.len() {
        place.set(iov);
        fail!(Code::Trunc, "the handle needs {} bytes; there is room for {room}", bytes.len());
    }
    let buffer = caller.out_array(iov.iov_buf.cast::<u8>(), bytes.len() as u64, "iov_buf")?;
    for (index, byte) in bytes.iter().enumerate() {
        buffer.set(index, *byte);
    }
    iov.iov_buf_len = room;
    iov.iov_len = bytes.len();
    place.set(iov);
    Ok(())
}

/// Accepts the name of a system: there is one.
pub(crate) fn check_system_name(caller: Caller, sys: *const c_char) -> Result<()> {
    if let Some(name) = caller.text_optional(sys, "sys")?
        && name.len() > DAOS_SYS_NAME_MAX as usize
    {
        fail!(Code::Inval, "the name of a system has at most {DAOS_SYS_NAME_MAX} characters, not {}", name.len());
    }
    Ok(())
}

fn tell(place: Out<daos_pool_info_t>, found: &PoolInfo) {
    // SAFETY: all members are numbers, for which zero is a value.
    let mut info: daos_pool_info_t = unsafe { core::mem::zeroed() };
    info.pi_uuid = found.id.to_bytes();
    info.pi_ntargets = found.targets;
    info.pi_nnodes = found.engines;
    info.pi_ndisabled = found.targets_disabled;
    info.pi_map_ver = found.map_version;
    // The member may be unset before the call: the bits are for what is wanted, and all of it is given.
    info.pi_bits = u64::from(DPI_SPACE as u32 | DPI_REBUILD_STATUS as u32);
    let (meta, data) = (found.meta, found.data);
    info.pi_space.ps_space = daos_space { s_total: [meta.total, data.total], s_free: [meta.free, data.free] };
    let targets = u64::from(found.targets.max(1));
    let mean = [meta.free / targets, data.free / targets];
    info.pi_space.ps_free_min = mean;
    info.pi_space.ps_free_max = mean;
    info.pi_space.ps_free_mean = mean;
    info.pi_space.ps_ntargets = found.targets;
    info.pi_rebuild_st.anonymous = AnonymousRebuildState { rs_state: DRS_NOT_STARTED as i32 };
    place.set(info);
}

/// The ranks that keep the metadata of a pool, if a list of properties asks for them.
async fn replicas_of(client: &Client, list: daos_prop_t, pool: PoolId) -> Result<Vec<u32>> {
    if !property::asks_for(list, DAOS_PROP_PO_SVC_LIST) {
        return Ok(Vec::new());
    }
    let mut ranks: Vec<u32> = (client.pool_list().await?.into_iter())
        .find(|entry| entry.id == pool)
        .map(|entry| entry.service_ranks)
        .unwrap_or_default();
    ranks.sort_unstable();
    Ok(ranks)
}

fn answer_properties(list: daos_prop_t, found: &PoolInfo, replicas: &[u32]) -> Result<()> {
    let (label, numbers, access) = (found.label.clone(), found.numbers.clone(), found.access.clone());
    let known = ContainerProperties { label, numbers, access, ..ContainerProperties::default() };
    property::answer(list, DAOS_PROP_PO_LABEL, &known, replicas)
}
