//! Object classes: what they are, and those that users register.

use core::ffi::{c_int, c_ushort};

use daos_client::{Anchor, ClassAttributes, ClassEntry};
use daos_status::{Code, Result, fail};
use daos_types::{GroupCount, ObjectClass, Redundancy};

use crate::abi::*;
use crate::anchor;
use crate::completion::run;
use crate::container::OpenContainer;
use crate::guard::guard_call;
use crate::handle_table;
use crate::pointer::OutArray;

/// The number of groups of classes that are on all targets.
const GROUPS_ALL: u32 = 0xffff;

/// The attributes of a class as the API has them. A class without copies is one with one copy.
pub(crate) fn attributes_of(class: ClassAttributes) -> daos_oclass_attr {
    let copies = |count| AnonymousRedundancy { rp: daos_rp_attr { r_proto: 0, r_num: count } };
    let (resil, degree, u) = match class.redundancy {
        Redundancy::None => (DAOS_RES_REPL, 0, copies(1)),
        Redundancy::Replicas(count) => (DAOS_RES_REPL, u32::from(count) - u32::from(count > 0), copies(count.into())),
        Redundancy::ErasureCode { data, parity } => {
            let ec = daos_ec_attr { e_k: data.into(), e_p: parity.into(), e_len: class.cell_bytes };
            (DAOS_RES_EC, parity.into(), AnonymousRedundancy { ec })
        }
    };
    let ca_grp_nr = match class.groups {
        GroupCount::Exactly(count) => count.into(),
        GroupCount::All => GROUPS_ALL,
    };
    daos_oclass_attr { ca_schema: class.schema, ca_resil: resil, ca_resil_degree: degree, ca_grp_nr, u }
}

/// The class that attributes of the API describe.
fn class_of(attributes: daos_oclass_attr) -> Result<ClassAttributes> {
    let groups = match attributes.ca_grp_nr {
        0 => fail!(Code::Inval, "ca_grp_nr is zero"),
        GROUPS_ALL | u32::MAX => GroupCount::All,
        count => match u16::try_from(count) {
            Ok(count) => GroupCount::Exactly(count),
            Err(_) => fail!(Code::Inval, "ca_grp_nr is {count}; 1 to 65534 are taken, or {GROUPS_ALL} for all targets"),
        },
    };
    let (redundancy, cell_bytes) = match attributes.ca_resil {
        DAOS_RES_REPL => {
            // SAFETY: all fields of the union are numbers, of which every value is one.
            let copies = unsafe { attributes.u.rp }.r_num;
            match u16::try_from(copies) {
                Ok(0) => fail!(Code::Inval, "r_num is zero"),
                Ok(1) => (Redundancy::None, 0),
                Ok(copies) => (Redundancy::Replicas(copies), 0),
                Err(_) => fail!(Code::Inval, "r_num is {copies}"),
            }
        }
        DAOS_RES_EC => {
            // SAFETY: as above.
            let daos_ec_attr { e_k, e_p, e_len } = unsafe { attributes.u.ec };
            let few = |count: c_ushort| u8::try_from(count).ok().filter(|count| *count > 0);
            match (few(e_k), few(e_p)) {
                (Some(data), Some(parity)) => (Redundancy::ErasureCode { data, parity }, e_len),
                _ => fail!(Code::Inval, "e_k is {e_k} and e_p is {e_p}; 1 to 255 are taken"),
            }
        }
        other => fail!(Code::Inval, "ca_resil is {other}; DAOS_RES_REPL or DAOS_RES_EC is wanted"),
    };
    if attributes.ca_schema > DAOS_OS_DYN_CHUNKED {
        fail!(Code::Inval, "ca_schema is {}; it is one of DAOS_OS_*", attributes.ca_schema);
    }
    Ok(ClassAttributes { redundancy, groups, schema: attributes.ca_schema, cell_bytes })
}

/// Registers a class of objects with a container. It is stored there, for all who open the container, and never changes: its objects are
/// placed by it.
///
/// @cid its number: bits 24 to 31 are a number that no class of this system has (0x40 to 0xff), bits 0 to 15 any number, the others zero
/// @attr ca_grp_nr groups (65535 for as many as the container has room for), each of r_num copies with DAOS_RES_REPL or of e_k and e_p shards with
///       DAOS_RES_EC. Objects of classes with more than one copy, or with parity, cannot be opened yet
/// @ev completion event; NULL to wait
///
/// @return zero, also when it is registered already as the same; -DER_NO_HDL, -DER_INVAL, -DER_EXIST when another class has the number,
///         -DER_NO_PERM when the container was opened read-only
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_register_class(
    coh: daos_handle_t,
    cid: daos_oclass_id_t,
    attr: *mut daos_oclass_attr,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_register_class", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let attributes = class_of(caller.read(attr, "attr")?)?;
            run(caller, "daos_obj_register_class", ev, move |client| async move {
                open.container.register_class(&client, ObjectClass(cid), attributes).await
            })
        })
    }
}

/// Tells what a class of objects is, one of this system's or one that was registered with the container.
///
/// @attr [out] its attributes
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL, -DER_NONEXIST when there is no such class
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_query_class(
    coh: daos_handle_t,
    cid: daos_oclass_id_t,
    attr: *mut daos_oclass_attr,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_query_class", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let place = caller.out(attr, "attr")?;
            run(caller, "daos_obj_query_class", ev, move |client| async move {
                place.set(attributes_of(open.container.class(&client, ObjectClass(cid)).await?));
                Ok(())
            })
        })
    }
}

/// Lists the classes of objects: those of this system, then those that were registered with the container.
///
/// @list [in,out] cl_cids has room for cl_nr numbers, and cl_cattrs for as many attributes unless it is NULL; cl_nr_out is set to how many
///       were given
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @ev completion event; NULL to wait
///
/// @return zero, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_list_class(
    coh: daos_handle_t,
    list: *mut daos_oclass_list,
    anchor: *mut daos_anchor_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_call("daos_obj_list_class", ev, |caller| {
            let open = handle_table::get::<OpenContainer>(coh)?;
            let list = caller.out(list, "list")?;
            let daos_oclass_list { cl_nr, cl_cids, cl_cattrs, .. } = list.get();
            if cl_nr == 0 {
                fail!(Code::Inval, "cl_nr is zero");
            }
            let numbers: OutArray<daos_oclass_id_t> = caller.out_array(cl_cids, u64::from(cl_nr), "cl_cids")?;
            let wanted = if cl_cattrs.is_null() { 0 } else { u64::from(cl_nr) };
            let attributes: OutArray<daos_oclass_attr> = caller.out_array(cl_cattrs, wanted, "cl_cattrs")?;
            let place = caller.out(anchor, "anchor")?;
            run(caller, "daos_obj_list_class", ev, move |client| async move {
                let mut position = anchor::read(place)?;
                let mut found = of_system(&mut position, numbers.count());
                let left = numbers.count() - found.len();
                if left > 0 && !position.end {
                    let mut behind = Anchor { shard: 0, ..position };
                    found.extend(open.container.list_classes(&client, &mut behind, left as u32).await?);
                    position = Anchor { shard: ObjectClass::named().count() as u32, ..behind };
                }
                for (index, (class, known)) in found.iter().enumerate() {
                    numbers.set(index, class.0);
                    attributes.set(index, attributes_of(*known));
                }
                let mut told = list.get();
                told.cl_nr_out = found.len() as u32;
                list.set(told);
                anchor::store(place, &position)
            })
        })
    }
}

/// The next classes of the system. The anchor's shard is how many of them were listed; its position is for those that follow.
fn of_system(position: &mut Anchor, room: usize) -> Vec<ClassEntry> {
    if position.end {
        return Vec::new();
    }
    let known = ObjectClass::named().skip(position.shard as usize).take(room);
    let found: Vec<ClassEntry> = known.filter_map(|class| Some((class, ClassAttributes::of(class)?))).collect();
    position.shard += found.len() as u32;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_the_api_come_back() {
        for class in ObjectClass::named() {
            let attributes = ClassAttributes::of(class).expect("it has a name");
            let back = class_of(attributes_of(attributes)).expect("attributes of a class");
            assert_eq!((back.redundancy, back.groups), (attributes.redundancy, attributes.groups), "{class}");
        }
    }

    #[test]
    fn attributes_of_no_class_are_refused() {
        let good = attributes_of(ClassAttributes::of(ObjectClass::S1).expect("a class"));
        assert!(class_of(good).is_ok());
        let rp = |r_num| AnonymousRedundancy { rp: daos_rp_attr { r_proto: 0, r_num } };
        let ec = |e_k, e_p| AnonymousRedundancy { ec: daos_ec_attr { e_k, e_p, e_len: 4096 } };
        for bad in [
            daos_oclass_attr { ca_grp_nr: 0, ..good },
            daos_oclass_attr { ca_grp_nr: 65536, ..good },
            daos_oclass_attr { ca_resil: 7, ..good },
            daos_oclass_attr { ca_schema: 7, ..good },
            daos_oclass_attr { u: rp(0), ..good },
            daos_oclass_attr { u: rp(65536), ..good },
            daos_oclass_attr { ca_resil: DAOS_RES_EC, u: ec(0, 1), ..good },
            daos_oclass_attr { ca_resil: DAOS_RES_EC, u: ec(256, 1), ..good },
        ] {
            assert_eq!(class_of(bad).map_err(|error| error.code()), Err(Code::Inval));
        }
    }
}
