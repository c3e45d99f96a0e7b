//! Access control lists as values.

use core::ffi::{c_char, c_int, c_void};

use daos_security::{AccessList, Entry, LIST_HEAD_LENGTH, list_to_text};
use daos_status::{Code, Result, Status, fail};
use libc::FILE;

use crate::abi::*;
use crate::guard::{guard, guard_value};
use crate::pointer::{Caller, Out};
use crate::security::{allocated, entry_at, principal};

/// The list at a pointer, as bytes; the entries may be anything.
fn bytes_at(caller: Caller, acl: *const daos_acl) -> Result<Vec<u8>> {
    let place = acl.cast::<c_void>();
    let head = caller.bytes(place, LIST_HEAD_LENGTH, "acl")?;
    caller.bytes(place, LIST_HEAD_LENGTH + AccessList::length_of_entries(&head)?, "acl")
}

/// The list at a pointer.
pub(crate) fn list_at(caller: Caller, acl: *const daos_acl) -> Result<AccessList> {
    AccessList::from_bytes(&bytes_at(caller, acl)?)
}

/// Makes an access control list of entries, in whatever order they come.
///
/// @aces pointers to entries, which are copied; NULL for an empty list
/// @num_aces how many
///
/// @return a list that daos_acl_free frees; NULL when an entry is not valid, two are about the same, or there is no memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_create(aces: *mut *mut daos_ace, num_aces: u16) -> *mut daos_acl {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_acl_create", core::ptr::null_mut(), |caller| {
            let pointers =
                if num_aces == 0 { Vec::new() } else { caller.array(aces.cast_const(), num_aces.into(), "aces")? };
            let entries = pointers.into_iter().map(|ace| entry_at(caller, ace)).collect::<Result<Vec<Entry>>>()?;
            allocated(&AccessList::new(entries)?.to_bytes())
        })
    }
}

/// Copies an access control list.
///
/// @return a list that daos_acl_free frees; NULL when there is none, it is no list, or there is no memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_dup(acl: *mut daos_acl) -> *mut daos_acl {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_value("daos_acl_dup", core::ptr::null_mut(), |caller| allocated(&bytes_at(caller, acl)?)) }
}

/// Frees an access control list; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_free(acl: *mut daos_acl) {
    // SAFETY: the caller promises NULL or memory of libc's.
    unsafe { libc::free(acl.cast()) }
}

/// The size of an access control list in bytes.
///
/// @return the size, or -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_get_size(acl: *mut daos_acl) -> isize {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        let invalid = Status::from(Code::Inval).to_der() as isize;
        guard_value("daos_acl_get_size", invalid, |caller| Ok(bytes_at(caller, acl)?.len() as isize))
    }
}

/// Tells whether an access control list is well formed: its entries are valid, in the order of what they are about, and
/// none is there twice.
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_validate(acl: *mut daos_acl) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("daos_acl_validate", |caller| list_at(caller, acl).map(|_| ())) }
}

/// Offset and bytes of each entry of a list.
fn entries_of(bytes: &[u8]) -> Result<Vec<(usize, Entry)>> {
    let (mut offset, mut entries) = (LIST_HEAD_LENGTH, Vec::new());
    while offset < bytes.len() {
        let (entry, length) = Entry::from_bytes(&bytes[offset..])?;
        entries.push((offset, entry));
        offset += length;
    }
    Ok(entries)
}

/// Goes over the entries of an access control list.
///
/// @current_ace an entry of the list; NULL to get the first one
///
/// @return the next entry, within the list; NULL behind the last one, and on errors
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_get_next_ace(acl: *mut daos_acl, current_ace: *mut daos_ace) -> *mut daos_ace {
    // SAFETY: the documentation makes the promises about pointers the caller's; offsets are within the list.
    unsafe {
        guard_value("daos_acl_get_next_ace", core::ptr::null_mut(), |caller| {
            let entries = entries_of(&bytes_at(caller, acl)?)?;
            let at = |offset: usize| acl.byte_add(offset).cast::<daos_ace>();
            let next = match current_ace.is_null() {
                true => entries.first(),
                false => match entries.iter().position(|(offset, _)| at(*offset) == current_ace) {
                    Some(index) => entries.get(index + 1),
                    None => fail!(Code::Inval, "current_ace is no entry of the list"),
                },
            };
            Ok(next.map_or(core::ptr::null_mut(), |(offset, _)| at(*offset)))
        })
    }
}

/// The entry about somebody.
///
/// @type whom, DAOS_ACL_OWNER and so on
/// @principal name of a user or group
/// @ace [out] the entry, within the list
///
/// @return zero, -DER_INVAL, -DER_NONEXIST
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_get_ace_for_principal(
    acl: *mut daos_acl,
    r#type: daos_acl_principal_type,
    principal: *const c_char,
    ace: *mut *mut daos_ace,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's; offsets are within the list.
    unsafe {
        guard("daos_acl_get_ace_for_principal", |caller| {
            let place = caller.out(ace, "ace")?;
            let wanted = crate::security::principal(caller, r#type, principal)?;
            let entries = entries_of(&bytes_at(caller, acl)?)?;
            match entries.iter().find(|(_, entry)| entry.principal == wanted) {
                Some((offset, _)) => place.set(acl.byte_add(*offset).cast()),
                None => fail!(Code::Nonexist, "the list has no entry about '{wanted}'"),
            }
            Ok(())
        })
    }
}

/// Puts a changed list in place of the one at a pointer, which is freed.
///
/// # Safety
/// The caller of the exported function promises that the list is memory of libc's.
unsafe fn replace(place: &Out<*mut daos_acl>, list: &AccessList) -> Result<()> {
    let changed = allocated(&list.to_bytes())?;
    // SAFETY: the promise above.
    unsafe { libc::free(place.get().cast()) };
    place.set(changed);
    Ok(())
}

/// Adds an entry to an access control list, or takes it in place of the one about the same.
///
/// @acl [in,out] the list moves: the old one is freed
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_add_ace(acl: *mut *mut daos_acl, new_ace: *mut daos_ace) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_add_ace", |caller| {
            let place = caller.out(acl, "acl")?;
            let mut list = list_at(caller, place.get())?;
            list.set(entry_at(caller, new_ace)?)?;
            replace(&place, &list)
        })
    }
}

/// Removes an entry of an access control list.
///
/// @acl [in,out] the list moves: the old one is freed
/// @type whom the entry is about, DAOS_ACL_OWNER and so on
/// @principal_name name of a user or group
///
/// @return zero, -DER_INVAL, -DER_NONEXIST, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_remove_ace(
    acl: *mut *mut daos_acl,
    r#type: daos_acl_principal_type,
    principal_name: *const c_char,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_remove_ace", |caller| {
            let place = caller.out(acl, "acl")?;
            let mut list = list_at(caller, place.get())?;
            list.remove(&principal(caller, r#type, principal_name)?)?;
            replace(&place, &list)
        })
    }
}

/// Makes an access control list from texts of entries.
///
/// @ace_strs the texts
/// @ace_nr how many
/// @acl [out] freed by daos_acl_free
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_from_strs(
    ace_strs: *mut *const c_char,
    ace_nr: usize,
    acl: *mut *mut daos_acl,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_from_strs", |caller| {
            let place = caller.out(acl, "acl")?;
            if ace_nr == 0 {
                fail!(Code::Inval, "no entries are given");
            }
            let pointers = caller.array(ace_strs.cast_const(), ace_nr as u64, "ace_strs")?;
            let texts =
                pointers.into_iter().map(|text| caller.text(text, "ace_str")).collect::<Result<Vec<String>>>()?;
            place.set(allocated(&AccessList::parse(texts.iter().map(String::as_str))?.to_bytes())?);
            Ok(())
        })
    }
}

/// Writes an access control list as texts of entries.
///
/// @ace_strs [out] the texts; each of them, and the array, is freed by free
/// @ace_nr [out] how many
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_to_strs(
    acl: *mut daos_acl,
    ace_strs: *mut *mut *mut c_char,
    ace_nr: *mut usize,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's; the array is as long as what is written.
    unsafe {
        guard("daos_acl_to_strs", |caller| {
            let (strings, count) = (caller.out(ace_strs, "ace_strs")?, caller.out(ace_nr, "ace_nr")?);
            let list = list_at(caller, acl)?;
            let texts = list.entries().iter().map(Entry::to_text).collect::<Result<Vec<String>>>()?;
            let array = libc::calloc(texts.len().max(1), size_of::<*mut c_char>()).cast::<*mut c_char>();
            if array.is_null() {
                fail!(Code::Nomem, "no memory for {} texts", texts.len());
            }
            for (index, text) in texts.iter().enumerate() {
                let copy = crate::gurt::memory::duplicate(text.as_bytes());
                array.add(index).write(copy);
                if copy.is_null() {
                    (0..index).for_each(|before| libc::free(array.add(before).read().cast()));
                    libc::free(array.cast());
                    fail!(Code::Nomem, "no memory for {} texts", texts.len());
                }
            }
            strings.set(array);
            count.set(texts.len());
            Ok(())
        })
    }
}

/// Writes an access control list to a stream, in the form of the files that dmg reads.
///
/// @stream where to
/// @acl the list; NULL for an empty one
/// @verbose to put a line before each entry that says it in words
///
/// @return zero, -DER_INVAL, -DER_IO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_to_stream(stream: *mut FILE, acl: *mut daos_acl, verbose: bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_to_stream", |caller| {
            if stream.is_null() {
                fail!(Code::Inval, "stream is NULL");
            }
            let list = if acl.is_null() { AccessList::default() } else { list_at(caller, acl)? };
            let text = allocated::<c_char>(list_to_text(&list, None, verbose).as_bytes())?;
            let written = libc::fputs(text, stream);
            libc::free(text.cast());
            if written < 0 {
                fail!(Code::Io, "the stream cannot be written");
            }
            Ok(())
        })
    }
}

/// Prints an access control list to standard output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_dump(acl: *mut daos_acl) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_acl_dump", (), |caller| {
            let text = match list_at(caller, acl) {
                Ok(list) => format!("Access Control List:\n{}", list_to_text(&list, None, true)),
                Err(status) => format!("Access Control List: not valid: {}", status.context()),
            };
            let text = allocated::<c_char>(text.trim_end().as_bytes())?;
            libc::puts(text);
            libc::free(text.cast());
            Ok(())
        });
    }
}
