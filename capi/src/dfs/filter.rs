//! Listing entries of a directory that a filter lets through.

use core::ffi::c_int;

use daos_dfs::{DfsError, Filter, FilteredEntry, Listing, NamePattern, Result};
use libc::dirent;

use super::mounted::{entry_of, fail, get, insert, mounted, parent, remove};
use crate::abi::*;
use crate::anchor;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::{Caller, OutArray};

/// Entries looked at in one step.
const STEP_MAX: u32 = 4096;
/// The conditions that there are.
const FLAGS: u64 = (DFS_FILTER_NAME | DFS_FILTER_NEWER | DFS_FILTER_INCLUDE_DIRS) as u64;

/// What a filter's pointer stands for.
pub struct OpenFilter(Filter);

/// Makes a filter over the entries of a directory. Its conditions are looked at in the calling process, while
/// dfs_readdir_with_filter lists: the engines do not know of them.
///
/// @pred what is compared with: dp_name is a pattern as of SQL's LIKE (% for any bytes, _ for any one, a backslash before what
///   is meant as it stands), dp_newer a second after which the entry itself was changed (its ctime as it is stored); dp_size
///   has no condition yet
/// @flags which conditions count: DFS_FILTER_NAME, DFS_FILTER_NEWER; directories are let through whatever they are called, so
///   that a search can go on in them, but with DFS_FILTER_INCLUDE_DIRS
/// @dpipe [out] the filter, freed by dfs_pipeline_destroy
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_pipeline_create(
    dfs: *mut dfs_t,
    pred: dfs_predicate_t,
    flags: u64,
    dpipe: *mut *mut dfs_pipeline_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_pipeline_create", |caller| {
            mounted(dfs)?;
            let place = caller.out(dpipe, "dpipe")?;
            if flags & !FLAGS != 0 {
                fail!(libc::EINVAL, "the flags {flags:#x} ask for conditions that are not known");
            }
            let asks = |flag: i64| flags & flag as u64 != 0;
            let mut filter =
                Filter { tests_directories: asks(i64::from(DFS_FILTER_INCLUDE_DIRS)), ..Filter::default() };
            if asks(i64::from(DFS_FILTER_NAME)) {
                let text: Vec<u8> = pred.dp_name.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
                filter.name = Some(NamePattern::new(&text)?);
            }
            if asks(i64::from(DFS_FILTER_NEWER)) {
                filter.newer_than = Some(pred.dp_newer);
            }
            place.set(insert(OpenFilter(filter))?);
            Ok(())
        })
    }
}

/// Frees a filter.
///
/// @dpipe NULL is fine
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_pipeline_destroy(dpipe: *mut dfs_pipeline_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_pipeline_destroy", |_| {
            if dpipe.is_null() { Ok(()) } else { remove::<OpenFilter, _>(dpipe).map(drop) }
        })
    }
}

/// Lists the entries of a directory that a filter lets through. Every entry is looked at, with a request of its own.
///
/// @obj an open directory; NULL for the root
/// @dpipe the filter
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @nr [in,out] length of the arrays; how many entries were given
/// @dirs [out] of each only d_name and d_type have a meaning
/// @oids [out] the ids of their objects; NULL when not wanted
/// @csizes [out] their chunk sizes; NULL when not wanted
/// @nr_scanned [out] entries that were looked at; NULL when not wanted
///
/// @return zero, EINVAL, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_readdir_with_filter(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    dpipe: *mut dfs_pipeline_t,
    anchor: *mut daos_anchor_t,
    nr: *mut u32,
    dirs: *mut dirent,
    oids: *mut daos_obj_id_t,
    csizes: *mut daos_size_t,
    nr_scanned: *mut u64,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_readdir_with_filter", |caller| {
            let directory = parent(&*mounted(dfs)?, obj)?;
            let filter: std::sync::Arc<OpenFilter> = get(dpipe)?;
            let (anchor, count) = (caller.out(anchor, "anchor")?, caller.out(nr, "nr")?);
            let scanned_place = caller.out_optional(nr_scanned, "nr_scanned")?;
            let wanted = count.get();
            let arrays = Arrays::read(caller, wanted, dirs, oids, csizes)?;
            let mut listing = Listing { anchor: anchor::read(anchor)? };
            let (mut given, mut scanned) = (0, 0);
            while given < wanted && !listing.is_at_end() {
                let step = (wanted - given).min(STEP_MAX);
                let (node, mut position, filter) = (directory.clone(), listing.clone(), filter.0.clone());
                let (found, looked_at, position) = value_of("dfs_readdir_with_filter", move |client| async move {
                    let (found, looked_at) = node.list_filtered(&client, &mut position, step, &filter).await?;
                    Ok::<_, DfsError>((found, looked_at, position))
                })?;
                listing = position;
                scanned += looked_at;
                for entry in found {
                    arrays.set(given as usize, &entry);
                    given += 1;
                }
            }
            anchor::store(anchor, &listing.anchor)?;
            count.set(given);
            if let Some(place) = scanned_place {
                place.set(scanned);
            }
            Ok(())
        })
    }
}

/// The caller's arrays for entries.
struct Arrays {
    dirs: OutArray<dirent>,
    oids: Option<OutArray<daos_obj_id_t>>,
    chunk_sizes: Option<OutArray<daos_size_t>>,
}

impl Arrays {
    fn read(
        caller: Caller,
        count: u32,
        dirs: *mut dirent,
        oids: *mut daos_obj_id_t,
        csizes: *mut daos_size_t,
    ) -> Result<Arrays> {
        let count = u64::from(count);
        let dirs = caller.out_array(dirs, count, "dirs")?;
        let oids = if oids.is_null() { None } else { Some(caller.out_array(oids, count, "oids")?) };
        let chunk_sizes = if csizes.is_null() { None } else { Some(caller.out_array(csizes, count, "csizes")?) };
        Ok(Arrays { dirs, oids, chunk_sizes })
    }

    fn set(&self, index: usize, found: &FilteredEntry) {
        let mut entry = entry_of(&found.name);
        entry.d_type = match found.mode & libc::S_IFMT {
            libc::S_IFDIR => libc::DT_DIR,
            libc::S_IFLNK => libc::DT_LNK,
            _ => libc::DT_REG,
        };
        self.dirs.set(index, entry);
        if let Some(oids) = &self.oids {
            oids.set(index, daos_obj_id_t { lo: found.id.lo, hi: found.id.hi });
        }
        if let Some(chunk_sizes) = &self.chunk_sizes {
            chunk_sizes.set(index, found.chunk_size);
        }
    }
}
