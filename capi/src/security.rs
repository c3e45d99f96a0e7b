//! Entries of access control lists.

use core::ffi::{c_char, c_int, c_void};

use daos_security::{ENTRY_HEAD_LENGTH, Entry, Principal};
use daos_status::{Code, Result, Status, fail};
use libc::{gid_t, uid_t};

use crate::abi::*;
use crate::guard::{guard, guard_value};
use crate::gurt::memory::duplicate;
use crate::pointer::Caller;

/// The entry at a pointer, as bytes; its content may be anything.
fn bytes_at(caller: Caller, ace: *const daos_ace) -> Result<Vec<u8>> {
    let place = ace.cast::<c_void>();
    let head = caller.bytes(place, ENTRY_HEAD_LENGTH, "ace")?;
    caller.bytes(place, Entry::length_of_head(&head)?, "ace")
}

/// The entry at a pointer.
pub(crate) fn entry_at(caller: Caller, ace: *const daos_ace) -> Result<Entry> {
    Entry::from_bytes(&bytes_at(caller, ace)?).map(|(entry, _)| entry)
}

/// Bytes in memory of libc.
pub(crate) fn allocated<T>(bytes: &[u8]) -> Result<*mut T> {
    let copy = duplicate(bytes);
    if copy.is_null() {
        fail!(Code::Nomem, "no memory for {} bytes", bytes.len());
    }
    Ok(copy.cast())
}

/// The principal of a kind, and its name where it has one.
pub(crate) fn principal(caller: Caller, kind: u32, name: *const c_char) -> Result<Principal> {
    // Where a kind has no name, upstream passes over what is given.
    let name = if matches!(kind, DAOS_ACL_USER | DAOS_ACL_GROUP) { caller.text_optional(name, "name")? } else { None };
    Principal::from_kind(kind, name.as_deref())
}

/// Gives a text to a buffer of the caller's, cut when it is too long.
fn give_text(caller: Caller, text: &str, buf: *mut c_char, buf_len: usize) -> Result<()> {
    if buf_len == 0 {
        fail!(Code::Inval, "buf_len is zero");
    }
    let room = caller.out_bytes(buf.cast(), buf_len, "buf")?;
    let length = text.len().min(buf_len - 1);
    for (index, byte) in text.as_bytes()[..length].iter().enumerate() {
        room.set(index, *byte);
    }
    room.set(length, 0);
    if length < text.len() {
        fail!(Code::Trunc, "the text takes {} bytes; there is room for {buf_len}", text.len() + 1);
    }
    Ok(())
}

/// Makes an entry of an access control list that permits nothing yet.
///
/// @type whom it is about, DAOS_ACL_OWNER and so on
/// @principal_name name of a user or group; not looked at for others
///
/// @return an entry that daos_ace_free frees; NULL when the name is none, or there is no memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_create(
    r#type: daos_acl_principal_type,
    principal_name: *const c_char,
) -> *mut daos_ace {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_ace_create", core::ptr::null_mut(), |caller| {
            allocated(&Entry::new(principal(caller, r#type, principal_name)?).to_bytes())
        })
    }
}

/// Frees an entry; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_free(ace: *mut daos_ace) {
    // SAFETY: the caller promises NULL or memory of libc's.
    unsafe { libc::free(ace.cast()) }
}

/// The size of an entry in bytes.
///
/// @return the size, or -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_get_size(ace: *mut daos_ace) -> isize {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        let invalid = Status::from(Code::Inval).to_der() as isize;
        guard_value("daos_ace_get_size", invalid, |caller| Ok(bytes_at(caller, ace)?.len() as isize))
    }
}

/// Whether everything in an entry fits together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_is_valid(ace: *mut daos_ace) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_value("daos_ace_is_valid", false, |caller| entry_at(caller, ace).map(|_| true)) }
}

/// The name of whom an entry is about.
///
/// @return a text that belongs to the entry, or to the library; NULL when the entry is not valid
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_get_principal_str(ace: *mut daos_ace) -> *const c_char {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_ace_get_principal_str", core::ptr::null(), |caller| {
            Ok(match entry_at(caller, ace)?.principal {
                Principal::Owner => c"OWNER@".as_ptr(),
                Principal::OwnerGroup => c"GROUP@".as_ptr(),
                Principal::Everyone => c"EVERYONE@".as_ptr(),
                // The entry was read up to the end of its name.
                Principal::User(_) | Principal::Group(_) => ace.cast_const().byte_add(ENTRY_HEAD_LENGTH).cast(),
            })
        })
    }
}

/// Makes an entry from its text, such as A:G:GROUP@:rw.
///
/// @ace [out] freed by daos_ace_free
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_from_str(str: *const c_char, ace: *mut *mut daos_ace) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_ace_from_str", |caller| {
            let place = caller.out(ace, "ace")?;
            place.set(allocated(&Entry::parse(&caller.text(str, "str")?)?.to_bytes())?);
            Ok(())
        })
    }
}

/// Writes an entry as text.
///
/// @buf [out] at most DAOS_ACL_MAX_ACE_STR_LEN bytes and a zero are needed
/// @buf_len its length
///
/// @return zero, -DER_INVAL, -DER_TRUNC when the text was cut
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_to_str(ace: *mut daos_ace, buf: *mut c_char, buf_len: usize) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("daos_ace_to_str", |caller| give_text(caller, &entry_at(caller, ace)?.to_text()?, buf, buf_len)) }
}

/// Writes the text of an entry in words: Allow:Group:Owner-Group:Read/Write.
///
/// @buf [out] the words
/// @buf_len its length
///
/// @return zero, -DER_INVAL, -DER_TRUNC when they were cut
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_str_get_verbose(ace_str: *const c_char, buf: *mut c_char, buf_len: usize) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_ace_str_get_verbose", |caller| {
            let entry = Entry::parse(&caller.text(ace_str, "ace_str")?)?;
            give_text(caller, &entry.to_words()?, buf, buf_len)
        })
    }
}

/// Prints an entry to standard output.
///
/// @tabs how far it is moved to the right
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_dump(ace: *mut daos_ace, tabs: u32) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_ace_dump", (), |caller| {
            let indent = "\t".repeat(tabs.min(16) as usize);
            let line = match entry_at(caller, ace) {
                Ok(entry) => format!("{indent}Access Control Entry: {entry}"),
                Err(status) => format!("{indent}Access Control Entry: not valid: {}", status.context()),
            };
            let line = allocated::<c_char>(line.as_bytes())?;
            libc::puts(line);
            libc::free(line.cast());
            Ok(())
        });
    }
}

/// Takes the text of a principal apart: u:NAME, g:NAME, OWNER@, GROUP@ or EVERYONE@.
///
/// @type [out] DAOS_ACL_OWNER and so on
/// @name [out] of a user or group, freed by free; NULL for others
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_from_str(
    principal_str: *const c_char,
    r#type: *mut daos_acl_principal_type,
    name: *mut *mut c_char,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_principal_from_str", |caller| {
            let (kind, place) = (caller.out(r#type, "type")?, caller.out(name, "name")?);
            let principal = Principal::parse(&caller.text(principal_str, "principal_str")?)?;
            let copy = match principal.name() {
                Some(name) => allocated(name.as_bytes())?,
                None => core::ptr::null_mut(),
            };
            kind.set(principal.kind().into());
            place.set(copy);
            Ok(())
        })
    }
}

/// Whether a text can name a user or group: name@ or name@domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_is_valid(name: *const c_char) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_acl_principal_is_valid", false, |caller| {
            Ok(daos_security::is_valid_name(&caller.text(name, "name")?))
        })
    }
}

/// The number of a user.
///
/// @return zero, -DER_INVAL, -DER_NONEXIST when the system knows no such user
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_to_uid(principal: *const c_char, uid: *mut uid_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_principal_to_uid", |caller| {
            let place = caller.out(uid, "uid")?;
            let name = caller.text(principal, "principal")?;
            daos_security::check_name(&name)?;
            match daos_security::number_of_user(&name) {
                Some(number) => place.set(number),
                None => fail!(Code::Nonexist, "the system knows no user '{name}'"),
            }
            Ok(())
        })
    }
}

/// The number of a group.
///
/// @return zero, -DER_INVAL, -DER_NONEXIST when the system knows no such group
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_to_gid(principal: *const c_char, gid: *mut gid_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_principal_to_gid", |caller| {
            let place = caller.out(gid, "gid")?;
            let name = caller.text(principal, "principal")?;
            daos_security::check_name(&name)?;
            match daos_security::number_of_group(&name) {
                Some(number) => place.set(number),
                None => fail!(Code::Nonexist, "the system knows no group '{name}'"),
            }
            Ok(())
        })
    }
}

/// The name of a user by number.
///
/// @name [out] freed by free
///
/// @return zero, -DER_INVAL, -DER_NOMEM, -DER_NONEXIST when the system knows no such user
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_uid_to_principal(uid: uid_t, name: *mut *mut c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_uid_to_principal", |caller| {
            let place = caller.out(name, "name")?;
            match daos_security::user_of_number(uid) {
                Some(name) => place.set(allocated(name.as_bytes())?),
                None => fail!(Code::Nonexist, "the system knows no user {uid}"),
            }
            Ok(())
        })
    }
}

/// The name of a group by number.
///
/// @name [out] freed by free
///
/// @return zero, -DER_INVAL, -DER_NOMEM, -DER_NONEXIST when the system knows no such group
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_gid_to_principal(gid: gid_t, name: *mut *mut c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_acl_gid_to_principal", |caller| {
            let place = caller.out(name, "name")?;
            match daos_security::group_of_number(gid) {
                Some(name) => place.set(allocated(name.as_bytes())?),
                None => fail!(Code::Nonexist, "the system knows no group {gid}"),
            }
            Ok(())
        })
    }
}
