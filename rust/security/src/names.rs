//! Names of users and groups by number, and numbers by name, from the system's databases.
#![allow(unsafe_code, reason = "users and groups have no safe wrapper in the standard library")]

use crate::{Credentials, is_valid_name};
use std::ffi::{CStr, CString};

/// Bytes for an entry of the user or group database.
const ENTRY_BYTES: usize = 64 << 10;
/// The most groups of a process that are looked at.
const GROUPS_MAX: usize = 1024;

/// A name as access control lists have it.
fn text_of(name: *const libc::c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the database gives zero-terminated text in the buffer that the caller still holds.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_str().ok().map(|name| format!("{name}@")).filter(|name| is_valid_name(name))
}

/// Asks the user database.
fn user_entry<T>(
    ask: impl FnOnce(*mut libc::passwd, &mut [libc::c_char], *mut *mut libc::passwd) -> libc::c_int,
    read: impl FnOnce(&libc::passwd) -> Option<T>,
) -> Option<T> {
    let mut buffer = vec![0; ENTRY_BYTES];
    let mut found = std::ptr::null_mut();
    // SAFETY: zero is a value of every member.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let failed = ask(&raw mut entry, &mut buffer, &raw mut found);
    if failed != 0 || found.is_null() { None } else { read(&entry) }
}

/// Asks the group database.
fn group_entry<T>(
    ask: impl FnOnce(*mut libc::group, &mut [libc::c_char], *mut *mut libc::group) -> libc::c_int,
    read: impl FnOnce(&libc::group) -> Option<T>,
) -> Option<T> {
    let mut buffer = vec![0; ENTRY_BYTES];
    let mut found = std::ptr::null_mut();
    // SAFETY: zero is a value of every member.
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    let failed = ask(&raw mut entry, &mut buffer, &raw mut found);
    if failed != 0 || found.is_null() { None } else { read(&entry) }
}

/// The name of a user as access control lists have it, `name@`; `None` for a number that the database does not know.
pub fn user_of_number(number: u32) -> Option<String> {
    user_entry(
        // SAFETY: pointers and length are those of the entry, the buffer and the place for the result.
        |entry, buffer, found| unsafe { libc::getpwuid_r(number, entry, buffer.as_mut_ptr(), buffer.len(), found) },
        |entry| text_of(entry.pw_name),
    )
}

/// The name of a group, as [`user_of_number`].
pub fn group_of_number(number: u32) -> Option<String> {
    group_entry(
        // SAFETY: as for users.
        |entry, buffer, found| unsafe { libc::getgrgid_r(number, entry, buffer.as_mut_ptr(), buffer.len(), found) },
        |entry| text_of(entry.gr_name),
    )
}

/// The name before the `@`, for the database; names of other domains are not in it.
fn plain(name: &str) -> Option<CString> {
    let name = name.strip_suffix('@').filter(|_| is_valid_name(name))?;
    CString::new(name).ok()
}

/// The number of a user whose name has the form `name@`.
pub fn number_of_user(name: &str) -> Option<u32> {
    let name = plain(name)?;
    user_entry(
        // SAFETY: as above; the name is zero-terminated and outlives the call.
        |entry, buffer, found| unsafe {
            libc::getpwnam_r(name.as_ptr(), entry, buffer.as_mut_ptr(), buffer.len(), found)
        },
        |entry| Some(entry.pw_uid),
    )
}

/// The number of a group whose name has the form `name@`.
pub fn number_of_group(name: &str) -> Option<u32> {
    let name = plain(name)?;
    group_entry(
        // SAFETY: as for users.
        |entry, buffer, found| unsafe {
            libc::getgrnam_r(name.as_ptr(), entry, buffer.as_mut_ptr(), buffer.len(), found)
        },
        |entry| Some(entry.gr_gid),
    )
}

impl Credentials {
    /// Of numbers; who is in no database is called by number.
    pub fn of_ids(user: u32, group: u32, groups: &[u32]) -> Credentials {
        let by_number = |number: u32| format!("{number}@");
        let named = |number: u32| group_of_number(number).unwrap_or_else(|| by_number(number));
        Credentials {
            user: user_of_number(user).unwrap_or_else(|| by_number(user)),
            group: named(group),
            groups: groups.iter().filter(|other| **other != group).map(|number| named(*number)).collect(),
        }
    }

    /// Of this process.
    pub fn of_process() -> Credentials {
        // SAFETY: these calls take nothing and always succeed.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        let mut groups = vec![0; GROUPS_MAX];
        // SAFETY: there is room for as many groups as are asked for.
        let count = unsafe { libc::getgroups(GROUPS_MAX as libc::c_int, groups.as_mut_ptr()) };
        groups.truncate(usize::try_from(count).unwrap_or(0));
        Credentials::of_ids(user, group, &groups)
    }

    /// Whether every name in it is one.
    pub fn is_valid(&self) -> bool {
        [&self.user, &self.group].into_iter().chain(&self.groups).all(|name| is_valid_name(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found_in_both_directions() {
        assert_eq!(user_of_number(0).as_deref(), Some("root@"));
        assert_eq!(number_of_user("root@"), Some(0));
        let group = group_of_number(0).expect("group 0 has a name");
        assert_eq!(number_of_group(&group), Some(0));
        for unknown in ["root", "root@elsewhere", "no-such-user-here@", "@", "a\0b@"] {
            assert_eq!(number_of_user(unknown), None, "{unknown}");
            assert_eq!(number_of_group(unknown), None, "{unknown}");
        }
        assert_eq!(user_of_number(4_000_000_001), None);
        let nobody = Credentials::of_ids(4_000_000_001, 4_000_000_001, &[4_000_000_001, 4_000_000_002]);
        let number = "4000000001@".to_owned();
        assert_eq!(nobody.groups, ["4000000002@"]);
        assert!(nobody.user == number && nobody.group == number && nobody.is_valid());
        assert!(Credentials::of_process().is_valid());
    }
}
