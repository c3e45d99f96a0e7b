//! Arrays of fixed-size cells.

use core::ffi::{c_int, c_uint};

use daos_client::array::{Array, ArrayAttributes};
use daos_client::{Container, Destination, Source, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::{Extent, ObjectType};

use crate::abi::*;
use crate::completion::{Call, run};
use crate::container::OpenContainer;
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::io::{self, List, Tally, Use};
use crate::object::{object_id, open_flags};
use crate::pointer::{Caller, Out};
use crate::transaction::{self, Transactional};

/// What a handle of an array stands for.
pub struct OpenArray {
    /// The open array.
    pub array: Array,
}

impl Transactional for OpenArray {
    fn within(&self, transaction: &Transaction) -> OpenArray {
        OpenArray { array: self.array.within(transaction) }
    }
    fn container(&self) -> &Container {
        self.array.object().container()
    }
}

/// Makes an array and opens it; its cell and chunk size are stored in it.
///
/// @oid its id, made by daos_array_generate_oid
/// @th transaction, or DAOS_TX_NONE
/// @cell_size bytes per cell
/// @chunk_size cells per dkey
/// @oh [out] the handle, closed by daos_array_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_EXIST, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_create(
    coh: daos_handle_t,
    oid: daos_obj_id_t,
    th: daos_handle_t,
    cell_size: daos_size_t,
    chunk_size: daos_size_t,
    oh: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_create", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let within = transaction::writing_in(th, &open.container)?;
            let handle = caller.out(oh, "oh")?;
            let attributes = ArrayAttributes { cell_size, chunk_size };
            run(caller, "daos_array_create", ev, move |client| async move {
                open.container.know_class(&client, object_id(oid)).await?;
                let (container, id) = (&open.container, object_id(oid));
                let array = Array::create_within(&client, container, id, attributes, within.as_ref()).await?;
                handle.set(handle_table::insert(OpenArray { array })?);
                Ok(())
            })
        })
    }
}

/// Opens an array that stores its cell and chunk size.
///
/// @mode DAOS_OO_RO or DAOS_OO_RW
/// @cell_size [out] bytes per cell
/// @chunk_size [out] cells per dkey
/// @oh [out] the handle, closed by daos_array_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when it was not created
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_open(
    coh: daos_handle_t,
    oid: daos_obj_id_t,
    th: daos_handle_t,
    mode: c_uint,
    cell_size: *mut daos_size_t,
    chunk_size: *mut daos_size_t,
    oh: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_open", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let (within, epoch) = transaction::seen_by(th, &open.container)?;
            let flags = open_flags(mode)?;
            let (cell, chunk) = (caller.out(cell_size, "cell_size")?, caller.out(chunk_size, "chunk_size")?);
            let handle = caller.out(oh, "oh")?;
            run(caller, "daos_array_open", ev, move |client| async move {
                open.container.know_class(&client, object_id(oid)).await?;
                let (container, id) = (&open.container, object_id(oid));
                let array = match within {
                    None => Array::open_at(&client, container, id, flags, epoch).await?,
                    Some(transaction) => Array::open_within(&client, container, id, flags, &transaction).await?,
                };
                let attributes = array.attributes();
                cell.set(attributes.cell_size);
                chunk.set(attributes.chunk_size);
                handle.set(handle_table::insert(OpenArray { array })?);
                Ok(())
            })
        })
    }
}

/// Opens an array whose cell and chunk size the caller keeps: nothing is looked up.
///
/// @mode DAOS_OO_RO or DAOS_OO_RW
/// @cell_size bytes per cell
/// @chunk_size cells per dkey
/// @oh [out] the handle, closed by daos_array_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_open_with_attr(
    coh: daos_handle_t,
    oid: daos_obj_id_t,
    th: daos_handle_t,
    mode: c_uint,
    cell_size: daos_size_t,
    chunk_size: daos_size_t,
    oh: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_open_with_attr", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            transaction::read_epoch(th, &open.container)?;
            let handle = caller.out(oh, "oh")?;
            let attributes = ArrayAttributes { cell_size, chunk_size };
            let flags = open_flags(mode)?;
            if object_id(oid).object_type() == ObjectType::ARRAY {
                fail!(Code::Inval, "array {} stores its attributes; daos_array_open reads them", object_id(oid));
            }
            run(caller, "daos_array_open_with_attr", ev, move |client| async move {
                open.container.know_class(&client, object_id(oid)).await?;
                let array = Array::open_with_attributes(&open.container, object_id(oid), flags, attributes)?;
                handle.set(handle_table::insert(OpenArray { array })?);
                Ok(())
            })
        })
    }
}

/// Tells the chunk and cell size of an open array.
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_get_attr(
    oh: daos_handle_t,
    chunk_size: *mut daos_size_t,
    cell_size: *mut daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_array_get_attr", |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let (cell, chunk) = (caller.out(cell_size, "cell_size")?, caller.out(chunk_size, "chunk_size")?);
            cell.set(open.array.attributes().cell_size);
            chunk.set(open.array.attributes().chunk_size);
            Ok(())
        })
    }
}

/// Takes another chunk size for the calls by this handle from now on. What is stored does not change, so that it is for arrays that are
/// empty yet, and for callers who keep the chunk size themselves.
///
/// @chunk_size cells per dkey
///
/// @return zero, -DER_NO_HDL, -DER_INVAL for zero
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_update_chunk_size(oh: daos_handle_t, chunk_size: daos_size_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_array_update_chunk_size", |_caller| {
            handle_table::get::<OpenArray>(oh)?.array.set_chunk_size(chunk_size)
        })
    }
}

/// Closes the handle of an array.
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_close(oh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_close", ev, |caller| {
            let (call, _open) = Call::closing::<OpenArray>(caller, "daos_array_close", ev, oh)?;
            call.run(move |_client| async move { Ok(()) })
        })
    }
}

/// The ranges of an array call; empty ones are left out.
struct Ranges {
    place: Out<daos_array_iod_t>,
    extents: Vec<Extent>,
}

impl Ranges {
    fn read(caller: Caller, iod: *mut daos_array_iod_t) -> Result<Ranges> {
        let place = caller.out(iod, "iod")?;
        let iod = place.get();
        let mut extents = Vec::new();
        for range in caller.array(iod.arr_rgs, iod.arr_nr, "arr_rgs")? {
            match Extent::new(range.rg_idx, range.rg_len) {
                Some(extent) => extents.push(extent),
                None if range.rg_len == 0 => {}
                None => fail!(Code::IoInval, "cells {} and {} more are no range", range.rg_idx, range.rg_len),
            }
        }
        Ok(Ranges { place, extents })
    }

    fn bytes(&self, array: &Array) -> Result<u64> {
        io::bytes_of(&self.extents, array.attributes().cell_size, Code::IoInval)
    }
}

/// Reads cells; cells that were never written are zero.
///
/// @iod [in,out] the ranges, in cells; arr_nr_read is set to how many were there, arr_nr_short_read to how many
///      at the end were not, because they lie behind the end of the array
/// @sgl where the cells of all ranges go, in their order; its iov_buf_len must add up to them at least
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_IO_INVAL when ranges and buffers do not match, -DER_CSUM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_read(
    oh: daos_handle_t,
    th: daos_handle_t,
    iod: *mut daos_array_iod_t,
    sgl: *mut d_sg_list_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_read", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let ranges = Ranges::read(caller, iod)?;
            let total = ranges.bytes(&open.array)?;
            let list = List::read(caller, &mut Tally::default(), sgl, Use::Room)?;
            if list.length < total {
                fail!(Code::IoInval, "the ranges have {total} bytes, and the buffers room for {}", list.length);
            }
            let filled = list.filled();
            let destination = Destination::Memory(list.cut(total));
            run(caller, "daos_array_read", ev, move |client| async move {
                let found = open.array.read(&client, epoch, &ranges.extents, destination).await?;
                filled.set(found.length);
                let mut iod = ranges.place.get();
                iod.arr_nr_read = found.length / open.array.attributes().cell_size.max(1);
                iod.arr_nr_short_read = found.short_cells;
                ranges.place.set(iod);
                Ok(())
            })
        })
    }
}

/// Writes cells; durable when it has completed. Each chunk is written as a whole or not at all.
///
/// @iod the ranges, in cells; they must not overlap
/// @sgl the cells of all ranges, in their order; its iov_len must add up to them at least
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_IO_INVAL when ranges and buffers do not match, -DER_NO_PERM, -DER_NOSPACE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_write(
    oh: daos_handle_t,
    th: daos_handle_t,
    iod: *mut daos_array_iod_t,
    sgl: *mut d_sg_list_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_write", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let open = transaction::writing(th, open)?;
            let ranges = Ranges::read(caller, iod)?;
            let total = ranges.bytes(&open.array)?;
            let list = List::read(caller, &mut Tally::default(), sgl, Use::Full)?;
            if list.length < total {
                fail!(Code::IoInval, "the ranges have {total} bytes, and the buffers hold {}", list.length);
            }
            let source = Source::Memory(list.cut(total));
            run(caller, "daos_array_write", ev, move |client| async move {
                open.array.write(&client, &ranges.extents, source).await
            })
        })
    }
}

/// Removes cells: they read as zero afterwards. Durable when it has completed.
///
/// @iod the ranges, in cells
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_punch(
    oh: daos_handle_t,
    th: daos_handle_t,
    iod: *mut daos_array_iod_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_punch", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let open = transaction::writing(th, open)?;
            let ranges = Ranges::read(caller, iod)?;
            run(caller, "daos_array_punch", ev, move |client| async move {
                open.array.punch(&client, &ranges.extents).await
            })
        })
    }
}

/// Tells the size of an array in cells: the index behind the last one written.
///
/// @size [out] in cells
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_get_size(
    oh: daos_handle_t,
    th: daos_handle_t,
    size: *mut daos_size_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_get_size", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let place = caller.out(size, "size")?;
            run(caller, "daos_array_get_size", ev, move |client| async move {
                place.set(open.array.get_size(&client, epoch).await?);
                Ok(())
            })
        })
    }
}

/// Sets the size of an array: cells behind it are removed, or the array grows by zeros. Durable when it has completed.
///
/// @size in cells
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_set_size(
    oh: daos_handle_t,
    th: daos_handle_t,
    size: daos_size_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_set_size", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let open = transaction::writing(th, open)?;
            run(
                caller,
                "daos_array_set_size",
                ev,
                move |client| async move { open.array.set_size(&client, size).await },
            )
        })
    }
}

/// Tells the size of an array in cells and the epoch of its newest change.
///
/// @stbuf [out] both
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_stat(
    oh: daos_handle_t,
    th: daos_handle_t,
    stbuf: *mut daos_array_stbuf_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_stat", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let (open, epoch) = transaction::reading(th, open)?;
            let place = caller.out(stbuf, "stbuf")?;
            run(caller, "daos_array_stat", ev, move |client| async move {
                let found = open.array.stat(&client, epoch).await?;
                place.set(daos_array_stbuf_t { st_size: found.size, st_max_epoch: found.max_epoch.0 });
                Ok(())
            })
        })
    }
}

/// Removes an array with all its cells, its cell and chunk size as well; durable when it has completed.
///
/// @return zero, -DER_NO_HDL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_array_destroy(oh: daos_handle_t, th: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_array_destroy", ev, |caller| {
            let open = handle_table::get::<OpenArray>(oh)?;
            let open = transaction::writing(th, open)?;
            run(caller, "daos_array_destroy", ev, move |client| async move { open.array.destroy(&client).await })
        })
    }
}
