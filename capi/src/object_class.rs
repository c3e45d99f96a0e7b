//! Names of object classes.

use core::ffi::{c_char, c_int};

use daos_status::Code;
use daos_types::ObjectClass;

use crate::abi::daos_oclass_id_t;
use crate::guard::guard_value;

/// Every class that programs can name, with its name: those of objects, and the one that stands for one of them.
fn classes() -> impl Iterator<Item = (ObjectClass, String)> {
    let everywhere = std::iter::once((ObjectClass::COPIED_EVERYWHERE, "RP_XSF".to_owned()));
    ObjectClass::named().map(|class| (class, class.to_string())).chain(everywhere)
}

/// The number of an object class by its name, such as "S1" or "RP_2GX".
///
/// @return zero (OC_UNKNOWN) when there is none of this name
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oclass_name2id(name: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_oclass_name2id", 0, |caller| {
            let name = caller.text(name, "name")?;
            Ok(classes().find(|(_, known)| *known == name).map_or(0, |(class, _)| class.0 as c_int))
        })
    }
}

/// The name of an object class.
///
/// @name [out] room for MAX_OBJ_CLASS_NAME_LEN characters
///
/// @return zero, -1 when there is no such class
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oclass_id2name(oc_id: daos_oclass_id_t, name: *mut c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_oclass_id2name", -1, |caller| {
            let length = crate::abi::MAX_OBJ_CLASS_NAME_LEN as u64;
            let places = caller.out_array(name.cast::<u8>(), length, "name")?;
            let Some((_, text)) = classes().find(|(class, _)| class.0 == oc_id) else { return Ok(-1) };
            for (index, byte) in text.bytes().take(length as usize - 1).chain([0]).enumerate() {
                places.set(index, byte);
            }
            Ok(0)
        })
    }
}

/// How many object classes have a name.
///
/// @opts has no meaning yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oclass_nr(opts: c_int) -> c_int {
    let _no_meaning = opts;
    ObjectClass::named().count() as c_int
}

/// The names of all object classes, with ", " between them.
///
/// @size room in bytes
/// @str [out] as much of them as there is room for, with a zero; NULL when size is zero
///
/// @return the bytes that all of them need, with the zero; -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oclass_names_list(size: usize, str: *mut c_char) -> isize {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_oclass_names_list", -(Code::Inval as isize), |caller| {
            let places = caller.out_bytes(str.cast::<u8>(), size, "str")?;
            let names: Vec<String> = ObjectClass::named().map(|class| class.to_string()).collect();
            let text = names.join(", ");
            let end = text.len().min(size.saturating_sub(1));
            for (index, byte) in text.as_bytes()[..end].iter().chain(&[0]).enumerate() {
                places.set(index, *byte);
            }
            Ok(text.len() as isize + 1)
        })
    }
}
