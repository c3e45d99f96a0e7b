//! Objects: ids, handles, punches.

use core::ffi::{c_int, c_uint};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use daos_client::{Conditions, Container, Object, ObjectFlags, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::{ObjectClass, ObjectId, ObjectType};

use crate::abi::*;
use crate::completion::{Call, run, value_of};
use crate::container::OpenContainer;
use crate::guard::{guard, guard_call};
use crate::handle_table;
use crate::io;
use crate::pointer::Out;
use crate::transaction::{self, Transactional};

/// What an object handle stands for.
pub struct OpenObject {
    /// The open object.
    pub object: Object,
    /// Into how many parts its listing was divided last; zero when it was not.
    pub parts: AtomicU32,
}

impl Transactional for OpenObject {
    fn within(&self, transaction: &Transaction) -> OpenObject {
        OpenObject { object: self.object.within(transaction), parts: AtomicU32::new(0) }
    }
    fn container(&self) -> &Container {
        self.object.container()
    }
}

/// The conditions among the flags of a call.
pub(crate) fn conditions(flags: u64) -> Result<Conditions> {
    if flags & !u64::from(DAOS_COND_MASK) != 0 {
        fail!(Code::Inval, "flags are {flags:#x}; only DAOS_COND_* are taken");
    }
    Ok(Conditions(flags))
}

/// An id as the client takes it.
pub(crate) fn object_id(oid: daos_obj_id_t) -> ObjectId {
    ObjectId { hi: oid.hi, lo: oid.lo }
}

/// Puts type and class into the id of an object; the lower 96 bits are the caller's.
///
/// @oid [in,out] the id; its upper 32 bits are replaced
/// @type what the object is used as
/// @cid its class, one of this system's or one that was registered with the container; OC_UNKNOWN to let the library choose;
///      OC_RP_XSF becomes the class with a copy on as many fault domains as the pool has, which for one domain is OC_S1
/// @hints DAOS_OCH_* for the choice
/// @args must be zero
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_generate_oid2(
    coh: daos_handle_t,
    oid: *mut daos_obj_id_t,
    r#type: daos_otype_t,
    cid: daos_oclass_id_t,
    hints: daos_oclass_hints_t,
    args: u32,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_obj_generate_oid", |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let place = caller.out(oid, "oid")?;
            let kind = match u8::try_from(r#type).map(ObjectType) {
                Ok(kind) if kind.is_valid() => kind,
                _ => fail!(Code::Inval, "{} is not a type of objects", r#type),
            };
            if args != 0 {
                fail!(Code::Inval, "args is {args}; it must be zero");
            }
            let class = match ObjectClass(cid) {
                ObjectClass::UNKNOWN => chosen_class(kind, hints),
                ObjectClass::COPIED_EVERYWHERE => copied(open)?,
                class if class.redundancy().is_some() && class.groups().is_some() => class,
                class => registered(open, class)?,
            };
            let id = ObjectId::generate(object_id(place.get()), kind, class);
            place.set(daos_obj_id_t { lo: id.lo, hi: id.hi });
            Ok(())
        })
    }
}

/// The name of daos_obj_generate_oid2 for programs that look it up.
#[unsafe(export_name = "daos_obj_generate_oid")]
pub unsafe extern "C" fn daos_obj_generate_oid_plain(
    coh: daos_handle_t,
    oid: *mut daos_obj_id_t,
    r#type: daos_otype_t,
    cid: daos_oclass_id_t,
    hints: daos_oclass_hints_t,
    args: u32,
) -> c_int {
    // SAFETY: the same promises.
    unsafe { daos_obj_generate_oid2(coh, oid, r#type, cid, hints, args) }
}

/// The class that copies on all fault domains come down to.
fn copied(open: Arc<OpenContainer>) -> Result<ObjectClass> {
    value_of("daos_obj_generate_oid", move |client| async move {
        Ok(ObjectClass::copied_over(open.container.pool().fault_domains(&client).await?))
    })
}

/// A class that was registered with the container.
fn registered(open: Arc<OpenContainer>, class: ObjectClass) -> Result<ObjectClass> {
    value_of("daos_obj_generate_oid", move |client| async move {
        let any = ObjectId::generate(ObjectId::default(), ObjectType::MULTI_HASHED, class);
        if any.class() != class {
            fail!(Code::Inval, "{:#x} is not an object class", class.0);
        }
        open.container.know_class(&client, any).await?;
        Ok(class)
    })
}

/// The class of an object whose caller leaves it to us: arrays are spread widely, others stay on one target, unless a hint
/// says otherwise.
fn chosen_class(kind: ObjectType, hints: daos_oclass_hints_t) -> ObjectClass {
    match u32::from(hints) & DAOS_OCH_SHD_MASK as u32 {
        DAOS_OCH_SHD_TINY => ObjectClass::S1,
        DAOS_OCH_SHD_REG => ObjectClass::S4,
        DAOS_OCH_SHD_HI | DAOS_OCH_SHD_EXT | DAOS_OCH_SHD_MAX => ObjectClass::SX,
        _ if matches!(kind, ObjectType::ARRAY | ObjectType::ARRAY_ATTR | ObjectType::ARRAY_BYTE) => ObjectClass::SX,
        _ => ObjectClass::S1,
    }
}

/// Opens an object. Nothing is looked up: an object is there when something was written to it.
///
/// @oid its id, made by daos_obj_generate_oid
/// @mode DAOS_OO_RO or DAOS_OO_RW, with other DAOS_OO_* flags
/// @oh [out] the handle, closed by daos_obj_close
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_open(
    coh: daos_handle_t,
    oid: daos_obj_id_t,
    mode: c_uint,
    oh: *mut daos_handle_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_open", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let handle = caller.out(oh, "oh")?;
            let flags = open_flags(mode)?;
            run(caller, "daos_obj_open", ev, move |client| async move {
                open.container.know_class(&client, object_id(oid)).await?;
                let object = Object::open(&open.container, object_id(oid), flags)?;
                handle.set(handle_table::insert(OpenObject { object, parts: AtomicU32::new(0) })?);
                Ok(())
            })
        })
    }
}

/// The flags of an open.
pub(crate) fn open_flags(mode: c_uint) -> Result<ObjectFlags> {
    let known = DAOS_OO_RO | DAOS_OO_RW | DAOS_OO_EXCL | DAOS_OO_IO_RAND | DAOS_OO_IO_SEQ;
    if mode & !known != 0 || mode & (DAOS_OO_RO | DAOS_OO_RW) == 0 {
        fail!(Code::Inval, "mode is {mode:#x}; DAOS_OO_RO or DAOS_OO_RW is wanted");
    }
    Ok(if mode & DAOS_OO_RW != 0 { ObjectFlags::READ_WRITE } else { ObjectFlags::READ_ONLY })
}

/// Closes an object handle.
///
/// @return zero, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_close(oh: daos_handle_t, ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_close", ev, |caller| {
            let (call, _open) = Call::closing::<OpenObject>(caller, "daos_obj_close", ev, oh)?;
            call.run(move |_client| async move { Ok(()) })
        })
    }
}

/// Removes an object with all its keys; durable when it has completed.
///
/// @th transaction, or DAOS_TX_NONE
/// @flags DAOS_COND_PUNCH to fail when the object does not exist
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_punch(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_punch", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let open = transaction::writing(th, open)?;
            let conditions = conditions(flags)?;
            run(caller, "daos_obj_punch", ev, move |client| async move { open.object.punch(&client, conditions).await })
        })
    }
}

/// Removes dkeys of an object with all their akeys; durable when it has completed.
///
/// @nr how many; @dkeys has as many elements
/// @flags DAOS_COND_PUNCH to fail when one does not exist
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_KEY2BIG, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_punch_dkeys(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    nr: c_uint,
    dkeys: *mut daos_key_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_punch_dkeys", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let open = transaction::writing(th, open)?;
            let conditions = conditions(flags)?;
            let dkeys = io::keys(caller, dkeys, nr, "dkeys")?;
            run(caller, "daos_obj_punch_dkeys", ev, move |client| async move {
                open.object.punch_dkeys(&client, conditions, dkeys).await
            })
        })
    }
}

/// Removes akeys of a dkey; durable when it has completed.
///
/// @nr how many; @akeys has as many elements
/// @flags DAOS_COND_PUNCH to fail when one does not exist
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_KEY2BIG, -DER_NO_PERM, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_punch_akeys(
    oh: daos_handle_t,
    th: daos_handle_t,
    flags: u64,
    dkey: *mut daos_key_t,
    nr: c_uint,
    akeys: *mut daos_key_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_punch_akeys", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let open = transaction::writing(th, open)?;
            let conditions = conditions(flags)?;
            let dkey = io::key(caller, dkey, "dkey")?;
            let akeys = io::keys(caller, akeys, nr, "akeys")?;
            run(caller, "daos_obj_punch_akeys", ev, move |client| async move {
                open.object.punch_akeys(&client, conditions, dkey, akeys).await
            })
        })
    }
}

/// Tells the epoch of the newest change of an object.
///
/// @epoch [out] the epoch; zero when nothing was written
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_query_max_epoch(
    oh: daos_handle_t,
    th: daos_handle_t,
    epoch: *mut daos_epoch_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_query_max_epoch", ev, |caller| {
            let open = handle_table::get::<OpenObject>(oh)?;
            let (open, newest) = transaction::reading(th, open)?;
            let place: Out<daos_epoch_t> = caller.out(epoch, "epoch")?;
            run(caller, "daos_obj_query_max_epoch", ev, move |client| async move {
                place.set(open.object.max_epoch(&client).await?.min(newest).0);
                Ok(())
            })
        })
    }
}
