//! Addresses between their text and the bytes that libfabric takes.
//!
//! Providers of IP networks take a `sockaddr_in` or `sockaddr_in6`, whose text is `HOST:PORT`. Others have addresses of
//! their own, which are written as hexadecimal numbers.

use crate::Address;
use daos_libfabric_sys as sys;
use daos_status::{Code, Result, Status, fail};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

const V4_LENGTH: usize = 16;
const V6_LENGTH: usize = 28;
const FAMILY_V4: u16 = libc::AF_INET as u16;
const FAMILY_V6: u16 = libc::AF_INET6 as u16;

/// The text form of the bytes that a provider gave.
pub(super) fn address_of(word: &str, format: u32, bytes: &[u8]) -> Result<Address> {
    let place = match socket_of(bytes).filter(|_| is_socket_format(format)) {
        Some(socket) => socket.to_string(),
        None => bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ok = write!(text, "{byte:02x}");
            text
        }),
    };
    Address::parse(&format!("{word}://{place}"))
}

/// The bytes of an address, for an endpoint whose own address has as many in the same form.
pub(super) fn bytes_of(word: &str, format: u32, own: &[u8], address: &Address) -> Result<Vec<u8>> {
    let place = address.place(word)?;
    let bytes = if is_socket_format(format) { bytes_of_socket(place) } else { bytes_of_hexadecimal(place) };
    match bytes {
        Some(bytes) if bytes.len() == own.len() => Ok(bytes),
        Some(_) => fail!(Code::Inval, "address {address} is of another kind of network than this endpoint's"),
        None => fail!(Code::Inval, "address {address} is not of the form {word}://HOST:PORT, with a host in numbers"),
    }
}

/// The host that was asked for, as libfabric takes it.
pub(super) fn host_of(text: &str) -> Result<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner.parse().map_err(|_| Status::new(Code::Inval, format!("host {text:?} is not an address in numbers")))
}

fn is_socket_format(format: u32) -> bool {
    [sys::FI_SOCKADDR, sys::FI_SOCKADDR_IN, sys::FI_SOCKADDR_IN6].contains(&format)
}

fn socket_of(bytes: &[u8]) -> Option<SocketAddr> {
    let field = |at: usize| -> Option<[u8; 2]> { bytes.get(at..at + 2)?.try_into().ok() };
    let (family, port) = (u16::from_ne_bytes(field(0)?), u16::from_be_bytes(field(2)?));
    match (family, bytes.len()) {
        (FAMILY_V4, V4_LENGTH) => {
            let host: [u8; 4] = bytes[4..8].try_into().ok()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(host), port).into())
        }
        (FAMILY_V6, V6_LENGTH) => {
            let host: [u8; 16] = bytes[8..24].try_into().ok()?;
            let scope = u32::from_ne_bytes(bytes[24..28].try_into().ok()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(host), port, 0, scope).into())
        }
        _ => None,
    }
}

fn bytes_of_socket(place: &str) -> Option<Vec<u8>> {
    let socket: SocketAddr = place.parse().ok()?;
    if socket.port() == 0 || socket.ip().is_unspecified() || socket.ip().is_multicast() {
        return None;
    }
    let mut bytes = Vec::with_capacity(V6_LENGTH);
    match socket {
        SocketAddr::V4(socket) => {
            bytes.extend_from_slice(&FAMILY_V4.to_ne_bytes());
            bytes.extend_from_slice(&socket.port().to_be_bytes());
            bytes.extend_from_slice(&socket.ip().octets());
            bytes.resize(V4_LENGTH, 0);
        }
        SocketAddr::V6(socket) => {
            bytes.extend_from_slice(&FAMILY_V6.to_ne_bytes());
            bytes.extend_from_slice(&socket.port().to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&socket.ip().octets());
            bytes.extend_from_slice(&socket.scope_id().to_ne_bytes());
        }
    }
    Some(bytes)
}

fn bytes_of_hexadecimal(place: &str) -> Option<Vec<u8>> {
    if !place.len().is_multiple_of(2) {
        return None;
    }
    (0..place.len()).step_by(2).map(|at| u8::from_str_radix(place.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_go_both_ways() {
        for (text, length) in [("tcp://127.0.0.1:4567", 16), ("tcp://[::1]:1", 28), ("tcp://[fe80::1%3]:9", 28)] {
            let address = Address::parse(text).unwrap();
            let bytes = bytes_of("tcp", sys::FI_SOCKADDR_IN, &vec![0; length], &address).unwrap();
            assert_eq!(address_of("tcp", sys::FI_SOCKADDR_IN, &bytes).unwrap(), address);
        }
        let address = Address::parse("cxi://00ff12").unwrap();
        let bytes = bytes_of("cxi", sys::FI_ADDR_CXI, &[0; 3], &address).unwrap();
        assert_eq!(bytes, [0, 0xff, 0x12]);
        assert_eq!(address_of("cxi", sys::FI_ADDR_CXI, &bytes).unwrap(), address);
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "tcp://1.2.3.4:0",
            "tcp://localhost:5",
            "tcp://1.2.3.4",
            "tcp://[::1]:5",
            "tcp://0.0.0.0:5",
            "x://1.2.3.4:5",
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                bytes_of("tcp", sys::FI_SOCKADDR_IN, &[0; 16], &address).unwrap_err().code(),
                Code::Inval,
                "{text}"
            );
        }
        assert!(host_of("nowhere").is_err());
        assert_eq!(host_of("[::1]").unwrap(), host_of("::1").unwrap());
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "[ -~]{0,60}") {
            // The texts are checked by `Address`; what is left are errors.
            let _address = address_of("tcp", sys::FI_SOCKADDR_IN, &bytes);
            if let Ok(address) = Address::parse(&format!("tcp://{text}")) {
                let _bytes = bytes_of("tcp", sys::FI_SOCKADDR_IN6, &[0; 28], &address);
                let _bytes = bytes_of("tcp", sys::FI_ADDR_CXI, &[0; 8], &address);
            }
        }
    }
}
