//! Properties of callers, turned into those of the client and back.

use core::ffi::c_char;

use daos_client::{ContainerProperties, ContainerType};
use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::pointer::Caller;

/// Whether the value of a container property is a text.
fn is_text(kind: u32) -> bool {
    matches!(kind, DAOS_PROP_CO_LABEL | DAOS_PROP_CO_OWNER | DAOS_PROP_CO_OWNER_GROUP)
}

/// Whether the value of a container property is a pointer to a structure.
fn is_pointer(kind: u32) -> bool {
    matches!(kind, DAOS_PROP_CO_ACL | DAOS_PROP_CO_ROOTS)
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
        if is_pointer(kind) {
            // Access lists and roots are stored by calls of their own, which are not here yet.
            daos_env::log!(Warn, "libdaos", "container property {kind} is not kept yet");
        } else if is_text(kind) {
            // SAFETY: all members of the union are of one size; which one is meant follows from the type.
            let text = caller.text(unsafe { entry.anonymous.dpe_str }, "dpe_str")?;
            match kind {
                DAOS_PROP_CO_LABEL => {
                    daos_types::check_label(&text)?;
                    properties.label = text;
                }
                _ => properties.texts.push((kind, text)),
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

/// Fills the entries that a caller asks for; what is not known is marked as not set.
///
/// `label` is the type of the property that is the label.
pub fn answer(list: daos_prop_t, label: u32, properties: &ContainerProperties) -> Result<()> {
    if list.dpp_nr > DAOS_PROP_ENTRIES_MAX_NR as u32 || list.dpp_entries.is_null() {
        fail!(Code::Inval, "prop has {} entries", list.dpp_nr);
    }
    for index in 0..list.dpp_nr as usize {
        // SAFETY: the caller promised so many entries for the time of the call.
        let entry = unsafe { &mut *list.dpp_entries.add(index) };
        let kind = entry.dpe_type;
        let value = match kind {
            kind if kind == label => text_value(&properties.label),
            DAOS_PROP_CO_LAYOUT_TYPE => Some(AnonymousPropertyValue { dpe_val: u64::from(properties.kind.0) }),
            kind if is_text(kind) => {
                properties.texts.iter().find(|(other, _)| *other == kind).and_then(|(_, text)| text_value(text))
            }
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
    let copy = crate::gurt::memory::duplicate(text.as_bytes());
    (!text.is_empty() && !copy.is_null()).then_some(AnonymousPropertyValue { dpe_str: copy.cast::<c_char>() })
}
