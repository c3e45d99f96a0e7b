//! Tables of the objects of a container at an epoch.

use core::ffi::c_int;

use daos_client::{Client, Container, MARK_LENGTH_MAX, ObjectAnchor, ObjectTable, SNAPSHOT_OBJECT_TABLE};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, ObjectId};

use crate::abi::*;
use crate::completion::{Call, run};
use crate::container::OpenContainer;
use crate::guard::guard_call;
use crate::handle_table;
use crate::object::object_id;
use crate::pointer::{Caller, Out, OutArray};

/// Tells our anchors from other bytes; it changes with their form.
const MARK: [u8; 4] = [0xda, 1, 0x01, 0];

/// The mark, whether there is a last object, and the object.
const ANCHOR_LENGTH: usize = 24;

/// What the handle of a table stands for.
pub struct OpenTable {
    /// The open table.
    pub table: ObjectTable,
}

/// Chooses objects: positive to list it, zero to leave it out, negative to stop. The header has this as a function type.
#[expect(non_camel_case_types, reason = "the name is the C API's")]
type daos_oit_filter_cb = Option<unsafe extern "C" fn(oid: daos_obj_id_t, marker: *mut d_iov_t) -> c_int>;

/// The epoch of an open table.
pub fn epoch_of(oh: daos_handle_t) -> Result<Epoch> {
    Ok(handle_table::get::<OpenTable>(oh)?.table.epoch())
}

/// Whether a table can be opened: of what there is now always, of a snapshot when one was made for it and not destroyed since.
async fn check_table(client: &Client, container: &Container, epoch: Epoch) -> Result<()> {
    if epoch != Epoch::MAX && container.snapshot_at(client, epoch).await?.options & SNAPSHOT_OBJECT_TABLE == 0 {
        fail!(
            Code::Nonexist,
            "the snapshot of container {} at epoch {} has no table of objects",
            container.id(),
            epoch.0
        );
    }
    Ok(())
}

/// Opens the table of the objects that a container had when a snapshot was made. Nothing is stored for it but that it was asked for
/// (daos_cont_snap_oit_create, or DAOS_SNAP_OPT_OIT of daos_cont_create_snap_opt): the targets know their objects. Objects of all
/// types are in it, each once.
///
/// @epoch the epoch of the snapshot; DAOS_EPOCH_MAX for the objects that there are now
/// @oh [out] the handle, closed by daos_oit_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL for epoch zero, -DER_NONEXIST when there is no snapshot at the epoch, or it has no table, or
///         its table was destroyed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_open(
    coh: daos_handle_t,
    epoch: daos_epoch_t,
    oh: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_oit_open", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(oh, "oh")?;
            let table = ObjectTable::open(&open.container, Epoch(epoch))?;
            run(caller, "daos_oit_open", ev, move |client| async move {
                check_table(&client, &open.container, Epoch(epoch)).await?;
                handle.set(handle_table::insert(OpenTable { table })?);
                Ok(())
            })
        })
    }
}

/// Closes the handle of a table of objects. Its marks stay.
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_close(oh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_oit_close", ev, |caller| {
            let (call, _open) = Call::closing::<OpenTable>(caller, "daos_oit_close", ev, oh)?;
            call.run(move |_client| async move { Ok(()) })
        })
    }
}

/// Where listed objects go.
struct ObjectPlaces {
    objects: OutArray<daos_obj_id_t>,
    count: Out<u32>,
    anchor: Out<daos_anchor_t>,
}

impl ObjectPlaces {
    fn read(
        caller: Caller,
        oids: *mut daos_obj_id_t,
        oids_nr: *mut u32,
        anchor: *mut daos_anchor_t,
    ) -> Result<ObjectPlaces> {
        let count = caller.out(oids_nr, "oids_nr")?;
        if count.get() == 0 {
            fail!(Code::Inval, "oids_nr is zero");
        }
        let objects = caller.out_array(oids, u64::from(count.get()), "oids")?;
        Ok(ObjectPlaces { objects, count, anchor: caller.out(anchor, "anchor")? })
    }

    /// How many objects there is room for.
    fn room(&self) -> u32 {
        self.objects.count() as u32
    }

    fn give(&self, found: &[ObjectId], anchor: &ObjectAnchor) {
        for (index, object) in found.iter().enumerate() {
            self.objects.set(index, daos_obj_id_t { lo: object.lo, hi: object.hi });
        }
        self.count.set(found.len() as u32);
        store(self.anchor, anchor);
    }
}

/// The anchor of a listing of objects.
fn anchor_at(place: Out<daos_anchor_t>) -> Result<ObjectAnchor> {
    let raw = place.get();
    match u32::from(raw.da_type) {
        DAOS_ANCHOR_TYPE_ZERO => return Ok(ObjectAnchor::default()),
        DAOS_ANCHOR_TYPE_EOF => return Ok(ObjectAnchor { end: true, ..ObjectAnchor::default() }),
        DAOS_ANCHOR_TYPE_KEY if raw.da_buf.starts_with(&MARK) => {
            let word = |at: usize| Some(u64::from_le_bytes(raw.da_buf.get(at..at + 8)?.try_into().ok()?));
            if let (Some(lo), Some(hi)) = (word(8), word(16)) {
                let after = (raw.da_buf[4] != 0).then_some(ObjectId { lo, hi });
                return Ok(ObjectAnchor { after, end: false });
            }
        }
        _ => {}
    }
    fail!(Code::Inval, "the anchor was not made by a listing of objects; zero it before the first call")
}

fn store(place: Out<daos_anchor_t>, anchor: &ObjectAnchor) {
    let mut raw = place.get();
    raw.da_buf = [0; DAOS_ANCHOR_BUF_MAX as usize];
    raw.da_type = if anchor.end { DAOS_ANCHOR_TYPE_EOF } else { DAOS_ANCHOR_TYPE_KEY } as u16;
    if !anchor.end {
        let object = anchor.after.unwrap_or_default();
        raw.da_buf[..4].copy_from_slice(&MARK);
        raw.da_buf[4] = u8::from(anchor.after.is_some());
        raw.da_buf[8..16].copy_from_slice(&object.lo.to_le_bytes());
        raw.da_buf[16..ANCHOR_LENGTH].copy_from_slice(&object.hi.to_le_bytes());
    }
    place.set(raw);
}

/// Lists objects of a table from the caller's anchor on, by what a step from there gives.
fn list(
    caller: Caller,
    function: &'static str,
    oh: daos_handle_t,
    places: ObjectPlaces,
    ev: *mut daos_event_t,
    step: impl AsyncFnOnce(&ObjectTable, &Client, &mut ObjectAnchor, u32) -> Result<Vec<ObjectId>> + Send + 'static,
) -> Result<()> {
    let open = handle_table::get::<OpenTable>(oh)?;
    run(caller, function, ev, move |client| async move {
        let mut position = anchor_at(places.anchor)?;
        let found = step(&open.table, &client, &mut position, places.room()).await?;
        places.give(&found, &position);
        Ok(())
    })
}

/// Lists the objects of a table. Call it with the same anchor until daos_anchor_is_eof.
///
/// @oids [out] the objects
/// @oids_nr [in,out] length of oids; how many objects were given
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_list(
    oh: daos_handle_t,
    oids: *mut daos_obj_id_t,
    oids_nr: *mut u32,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_oit_list", ev, |caller| {
            let places = ObjectPlaces::read(caller, oids, oids_nr, anchor)?;
            list(caller, "daos_oit_list", oh, places, ev, async |table, client, position, room| {
                table.list(client, position, room).await
            })
        })
    }
}

/// Lists the objects of a table that have no mark, as daos_oit_list lists all.
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_list_unmarked(
    oh: daos_handle_t,
    oids: *mut daos_obj_id_t,
    oids_nr: *mut u32,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_oit_list_unmarked", ev, |caller| {
            let places = ObjectPlaces::read(caller, oids, oids_nr, anchor)?;
            list(caller, "daos_oit_list_unmarked", oh, places, ev, async |table, client, position, room| {
                table.list_unmarked(client, position, room).await
            })
        })
    }
}

/// Lists the objects of a table that a function chooses, as daos_oit_list lists all. A step may give none before the end.
///
/// @filter called with each object and its mark, whose iov_len is zero when there is none. It gives a positive number to list the
///         object, zero to leave it out, a negative one to stop: the listing gives that number then, and its results and anchor stay as
///         they were. It runs on the thread that completes the call, and must not call this library
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, what the function gave
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_list_filter(
    oh: daos_handle_t,
    oids: *mut daos_obj_id_t,
    oids_nr: *mut u32,
    anchor: *mut daos_anchor_t,
    filter: daos_oit_filter_cb,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_oit_list_filter", ev, |caller| {
            let places = ObjectPlaces::read(caller, oids, oids_nr, anchor)?;
            let Some(filter) = filter else { fail!(Code::Inval, "filter is NULL") };
            list(caller, "daos_oit_list_filter", oh, places, ev, async move |table, client, position, room| {
                let mut chosen = Vec::new();
                for (object, mark) in table.list_marked(client, position, room).await? {
                    let mut bytes = [0; MARK_LENGTH_MAX];
                    let length = mark.len().min(MARK_LENGTH_MAX);
                    bytes[..length].copy_from_slice(&mark[..length]);
                    let mut marker =
                        d_iov_t { iov_buf: bytes.as_mut_ptr().cast(), iov_buf_len: MARK_LENGTH_MAX, iov_len: length };
                    // SAFETY: that it is a function of this type is the caller's promise; the mark lives until it returns.
                    match filter(daos_obj_id_t { lo: object.lo, hi: object.hi }, &raw mut marker) {
                        0 => {}
                        1.. => chosen.push(object),
                        stopped => return Err(stopped_by(stopped)),
                    }
                }
                Ok(chosen)
            })
        })
    }
}

/// The error that a filter has stopped a listing with.
fn stopped_by(number: c_int) -> Status {
    let context = format!("the filter stopped the listing with {number}");
    Status::from_der(number, context.clone()).unwrap_or(Status::new(Code::Misc, context))
}

/// Marks an object of a table, or takes its mark away; durable when it has completed. The marks of an epoch are the same for all who open
/// its table.
///
/// @oid the object
/// @marker 1 to DAOS_OIT_MARKER_MAX_LEN bytes; NULL to take the mark away
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when the table does not have the object, -DER_NO_PERM when the container was
///         opened read-only
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_mark(
    oh: daos_handle_t,
    oid: daos_obj_id_t,
    marker: *mut d_iov_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_oit_mark", ev, |caller| {
            let open = handle_table::get::<OpenTable>(oh)?;
            let mark = match caller.read_optional(marker, "marker")? {
                None => None,
                Some(iov) if iov.iov_len == 0 || iov.iov_len > iov.iov_buf_len || iov.iov_len > MARK_LENGTH_MAX => {
                    fail!(
                        Code::Inval,
                        "a mark of {} bytes in a buffer of {}; 1 to {MARK_LENGTH_MAX} are taken",
                        iov.iov_len,
                        iov.iov_buf_len
                    )
                }
                Some(iov) => Some(caller.bytes(iov.iov_buf, iov.iov_len, "marker")?),
            };
            run(caller, "daos_oit_mark", ev, move |client| async move {
                open.table.mark(&client, object_id(oid), mark.as_deref()).await
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_come_back_and_others_are_errors() {
        let mut raw = daos_anchor_t {
            da_type: 0,
            da_shard: 0,
            da_flags: 0,
            da_sub_anchors: 0,
            da_buf: [0; DAOS_ANCHOR_BUF_MAX as usize],
        };
        // SAFETY: the only pointer that is followed is this one.
        let place = unsafe { Caller::promised() }.out(&raw mut raw, "anchor").expect("a good pointer");
        assert_eq!(anchor_at(place).expect("the beginning"), ObjectAnchor::default());
        let object = ObjectId { hi: 1 << 63, lo: 7 };
        for anchor in [
            ObjectAnchor { after: Some(object), end: false },
            ObjectAnchor { after: None, end: false },
            ObjectAnchor { after: None, end: true },
        ] {
            store(place, &anchor);
            assert_eq!(anchor_at(place).expect("our own"), anchor);
        }
        crate::anchor::store(place, &daos_client::Anchor { position: vec![1], ..Default::default() }).expect("it fits");
        assert!(anchor_at(place).is_err(), "that of a listing of keys");
    }
}
