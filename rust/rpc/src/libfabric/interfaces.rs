//! The machine's network interfaces and their addresses.

use daos_status::{Code, Result, Status, fail};
use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Interfaces that are looked at: more than any machine has.
const INTERFACES_MAX: usize = 4096;

/// The address of an interface: its first of version 4, otherwise its first of version 6 that is valid beyond the link.
pub(super) fn address_of(interface: &str) -> Result<IpAddr> {
    let all = all()?;
    let own = || all.iter().filter(|(name, _)| name == interface).map(|(_, address)| *address);
    let is_global = |address: &IpAddr| matches!(address, IpAddr::V6(address) if !address.is_unicast_link_local());
    if let Some(address) = own().find(IpAddr::is_ipv4).or_else(|| own().find(is_global)) {
        return Ok(address);
    }
    let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    fail!(Code::Inval, "network interface \"{interface}\" has no address; those that have one: {}", names.join(", "))
}

fn all() -> Result<Vec<(String, IpAddr)>> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call fills the pointer with a list that is freed below.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return Err(Status::from(std::io::Error::last_os_error()).while_doing("asking for the network interfaces"));
    }
    let mut found = Vec::new();
    let mut next = list;
    for _ in 0..INTERFACES_MAX {
        // SAFETY: an element of the list, or its end.
        let Some(entry) = (unsafe { next.as_ref() }) else { break };
        // SAFETY: the address is null, or one of the family that it names.
        let address = unsafe { address_at(entry.ifa_addr) };
        if let (Some(address), false) = (address, entry.ifa_name.is_null()) {
            // SAFETY: a name that ends with a zero, and lives as long as the list.
            let name = unsafe { CStr::from_ptr(entry.ifa_name) };
            found.push((name.to_string_lossy().into_owned(), address));
        }
        next = entry.ifa_next;
    }
    // SAFETY: the list was made above, and is not used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// # Safety
/// The pointer is null, or that of an address that is as long as its family says.
unsafe fn address_at(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: by the caller's contract.
    match i32::from(unsafe { address.as_ref() }?.sa_family) {
        libc::AF_INET => {
            // SAFETY: an address of this family has this form.
            let address = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: an address of this family has this form.
            let address = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_without_address_is_named_with_those_that_have_one() {
        assert_eq!(address_of("lo").unwrap(), IpAddr::from(Ipv4Addr::LOCALHOST));
        let error = address_of("nowhere0").unwrap_err();
        assert!(error.context().contains("\"nowhere0\"") && error.context().contains("lo"), "{error}");
    }
}
