//! Properties of callers, turned into those of the client and back.

use core::ffi::c_char;

use daos_client::{ContainerProperties, ContainerType};
use daos_security::{AccessList, Ownership};
use daos_status::{Code, Result, fail};
use daos_types::{ObjectClass, ObjectId, ObjectType};

use crate::abi::*;
use crate::pointer::{Caller, Out};
use crate::security_list::list_at;

/// Whether the value of a container property is a text.
fn is_text(kind: u32) -> bool {
    matches!(kind, DAOS_PROP_CO_LABEL | DAOS_PROP_CO_OWNER | DAOS_PROP_CO_OWNER_GROUP)
}

/// The entries of a property list.
pub fn entries(caller: Caller, list: *const daos_prop_t) -> Result<Vec<daos_prop_entry>> {
    let list = caller.read(list, "prop")?;
    if list.dpp_nr > DAOS_PROP_ENTRIES_MAX_NR as u32 {
        fail!(Code::Inval, "prop has {} entries; at most {DAOS_PROP_ENTRIES_MAX_NR} are taken", list.dpp_nr);
    }
    caller.array(list.dpp_entries, u64::from(list.dpp_nr), "dpp_entries")
}

/// The properties that a container is made with.
pub fn container(caller: Caller, list: *const daos_prop_t) -> Result<ContainerProperties> {
    let mut properties = ContainerProperties::default();
    if list.is_null() {
        return Ok(properties);
    }
    for entry in entries(caller, list)? {
        let kind = entry.dpe_type;
        if kind <= DAOS_PROP_CO_MIN || kind >= DAOS_PROP_CO_MAX {
            fail!(Code::Inval, "{kind} is not a property of containers");
        }
        // SAFETY: all members of the union are of one size; which one is meant follows from the type.
        let pointer = unsafe { entry.anonymous.dpe_val_ptr };
        if kind == DAOS_PROP_CO_ACL {
            if !pointer.is_null() {
                properties.access.list = Some(list_at(caller, pointer.cast())?);
            }
        } else if kind == DAOS_PROP_CO_ROOTS {
            let roots = caller.bytes(pointer, size_of::<daos_prop_co_roots>(), "dpe_val_ptr")?;
            let text: String = roots.iter().map(|byte| format!("{byte:02x}")).collect();
            properties.texts.push((kind, text));
        } else if is_text(kind) {
            // SAFETY: all members of the union are of one size; which one is meant follows from the type.
            let text = caller.text(unsafe { entry.anonymous.dpe_str }, "dpe_str")?;
            match kind {
                DAOS_PROP_CO_LABEL => {
                    daos_types::check_label(&text)?;
                    properties.label = text;
                }
                DAOS_PROP_CO_OWNER => properties.access.owner.user = text,
                _ => properties.access.owner.group = text,
            }
        } else {
            // SAFETY: as above.
            let number = unsafe { entry.anonymous.dpe_val };
            match kind {
                DAOS_PROP_CO_LAYOUT_TYPE if number < u64::from(DAOS_PROP_CO_LAYOUT_MAX) => {
                    properties.kind = ContainerType(number as u16);
                }
                DAOS_PROP_CO_LAYOUT_TYPE => fail!(Code::Inval, "{number} is not a layout of containers"),
                _ => properties.numbers.push((kind, number)),
            }
        }
    }
    Ok(properties)
}

/// Whether a caller asks for a property.
pub fn asks_for(list: daos_prop_t, kind: u32) -> bool {
    let count = if list.dpp_entries.is_null() { 0 } else { list.dpp_nr.min(DAOS_PROP_ENTRIES_MAX_NR as u32) };
    // SAFETY: the caller promised so many entries for the time of the call.
    (0..count as usize).any(|index| unsafe { (*list.dpp_entries.add(index)).dpe_type } == kind)
}

/// Names all properties of a kind of things in a list that names none: who asks for nothing in particular gets everything. The memory is
/// libc's, for daos_prop_free.
pub fn ask_for_all(list: &Out<daos_prop_t>, between: (u32, u32)) -> Result<()> {
    let mut all = list.get();
    if all.dpp_nr != 0 || !all.dpp_entries.is_null() {
        return Ok(());
    }
    let kinds = between.0 + 1..between.1;
    // SAFETY: plain memory; what is zero is an entry.
    let entries = unsafe { libc::calloc(kinds.len(), size_of::<daos_prop_entry>()) }.cast::<daos_prop_entry>();
    if entries.is_null() {
        fail!(Code::Nomem, "no memory for {} properties", kinds.len());
    }
    all.dpp_nr = kinds.len() as u32;
    for (index, kind) in kinds.enumerate() {
        // SAFETY: there is room for all of them.
        unsafe { (*entries.add(index)).dpe_type = kind };
    }
    all.dpp_entries = entries;
    list.set(all);
    Ok(())
}

/// Fills the entries that a caller asks for; what is not known is marked as not set.
///
/// `label` is the type of the property that is the label, `replicas` the ranks that keep the metadata, if they are asked for.
pub fn answer(list: daos_prop_t, label: u32, properties: &ContainerProperties, replicas: &[u32]) -> Result<()> {
    if list.dpp_nr > DAOS_PROP_ENTRIES_MAX_NR as u32 || (list.dpp_nr > 0 && list.dpp_entries.is_null()) {
        fail!(Code::Inval, "prop has {} entries", list.dpp_nr);
    }
    for index in 0..list.dpp_nr as usize {
        // SAFETY: the caller promised so many entries for the time of the call.
        let entry = unsafe { &mut *list.dpp_entries.add(index) };
        let kind = entry.dpe_type;
        let value = match kind {
            kind if kind == label => text_value(&properties.label),
            DAOS_PROP_CO_ACL | DAOS_PROP_PO_ACL => {
                properties.access.list.as_ref().and_then(|list| bytes_value(&list.to_bytes()))
            }
            DAOS_PROP_CO_OWNER | DAOS_PROP_PO_OWNER => text_value(&properties.access.owner.user),
            DAOS_PROP_CO_OWNER_GROUP | DAOS_PROP_PO_OWNER_GROUP => text_value(&properties.access.owner.group),
            DAOS_PROP_CO_ROOTS => bytes_value(&roots_of(properties)),
            DAOS_PROP_PO_SVC_LIST => {
                let ranks = crate::gurt::memory::rank_list(replicas)?;
                Some(AnonymousPropertyValue { dpe_val_ptr: ranks.cast() })
            }
            DAOS_PROP_CO_LAYOUT_TYPE => Some(AnonymousPropertyValue { dpe_val: u64::from(properties.kind.0) }),
            kind => properties
                .numbers
                .iter()
                .find(|(other, _)| *other == kind)
                .map(|(_, number)| AnonymousPropertyValue { dpe_val: *number }),
        };
        match value {
            Some(value) => {
                entry.dpe_flags &= !(DAOS_PROP_ENTRY_NOT_SET as u16);
                entry.anonymous = value;
            }
            None => entry.dpe_flags |= DAOS_PROP_ENTRY_NOT_SET as u16,
        }
    }
    Ok(())
}

/// A text in memory of libc, which the caller frees; `None` when there is none, or no memory.
fn text_value(text: &str) -> Option<AnonymousPropertyValue> {
    if text.is_empty() {
        return None;
    }
    let copy = crate::gurt::memory::duplicate(text.as_bytes());
    (!copy.is_null()).then_some(AnonymousPropertyValue { dpe_str: copy.cast::<c_char>() })
}

/// Bytes in memory of libc, which the caller frees.
fn bytes_value(bytes: &[u8]) -> Option<AnonymousPropertyValue> {
    let copy = crate::gurt::memory::duplicate(bytes);
    (!copy.is_null()).then_some(AnonymousPropertyValue { dpe_val_ptr: copy.cast() })
}

/// The roots of a container, which are kept as text; where nobody chose any, the object without a number of its user, which is what upstream
/// chooses when a container is created.
fn roots_of(properties: &ContainerProperties) -> Vec<u8> {
    let chosen = || {
        let (_, text) = properties.texts.iter().find(|(kind, _)| *kind == DAOS_PROP_CO_ROOTS)?;
        let byte = |index: usize| u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok();
        (0..size_of::<daos_prop_co_roots>()).map(byte).collect::<Option<Vec<u8>>>()
    };
    chosen().unwrap_or_else(|| {
        let root = ObjectId::generate(ObjectId { lo: 0, hi: 0 }, ObjectType::MULTI_HASHED, ObjectClass::S1);
        let mut bytes = [root.lo.to_le_bytes(), root.hi.to_le_bytes()].concat();
        bytes.resize(size_of::<daos_prop_co_roots>(), 0);
        bytes
    })
}

/// Access control list and owner in a property list, by the types of list, owner and group.
pub fn access_of(
    caller: Caller,
    list: *const daos_prop_t,
    [list_kind, user_kind, group_kind]: [u32; 3],
) -> Result<(AccessList, Ownership)> {
    let entries = entries(caller, list)?;
    let find = |kind: u32| match entries.iter().find(|entry| entry.dpe_type == kind) {
        Some(entry) => Ok(entry),
        None => fail!(Code::Inval, "prop has no property {kind}"),
    };
    // SAFETY: all members of the union are of one size; which one is meant follows from the type.
    let (found, user, group) = unsafe {
        let pointer = find(list_kind)?.anonymous.dpe_val_ptr;
        (pointer, find(user_kind)?.anonymous.dpe_str, find(group_kind)?.anonymous.dpe_str)
    };
    let owner = Ownership { user: caller.text(user, "owner")?, group: caller.text(group, "owner group")? };
    Ok((list_at(caller, found.cast())?, owner))
}
