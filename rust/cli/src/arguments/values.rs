//! Values of options that are more than words.

use super::system::Ranks;
use crate::units::parse_size;
use daos_client::ContainerType;
use std::str::FromStr;

/// The size of a new pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoolSize {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the space that is free in the file system of the local directory, or at the engines of a system.
    Percent(u64),
}

impl FromStr for PoolSize {
    type Err = String;

    fn from_str(text: &str) -> Result<PoolSize, String> {
        let Some(number) = text.trim().strip_suffix('%') else {
            return parse_size(text).map(PoolSize::Bytes);
        };
        match number.trim().parse::<u64>() {
            Ok(percent @ 1..=100) => Ok(PoolSize::Percent(percent)),
            _ => Err(format!("'{text}' is no share; give 1% to 100%")),
        }
    }
}

/// Words for what containers are used for, in the order of their numbers (`DAOS_PROP_CO_LAYOUT_*`).
pub const CONTAINER_TYPES: &[&str] =
    &["unknown", "POSIX", "HDF5", "PYTHON", "SPARK", "DATABASE", "ROOT", "SEISMIC", "METEO"];

/// A container type by its word.
pub fn container_type(text: &str) -> Result<ContainerType, String> {
    let found = CONTAINER_TYPES.iter().zip(0..).skip(1).find(|(word, _)| word.eq_ignore_ascii_case(text));
    let (_, number) = found
        .ok_or_else(|| format!("'{text}' is no container type; it is one of {}", CONTAINER_TYPES[1..].join(", ")))?;
    Ok(ContainerType(number))
}

/// A name of a user or group, as access control lists have it: `ann` stands for `ann@`.
pub fn principal_name(text: &str) -> Result<String, String> {
    let name = if text.contains('@') { text.to_owned() } else { format!("{text}@") };
    match daos_security::is_valid_name(&name) {
        true => Ok(name),
        false => Err(format!("'{text}' is no name of a user or group")),
    }
}

/// A principal: `u:ann@`, `g:staff@`, `OWNER@`, `GROUP@`, `EVERYONE@`; an `@` at the end of a name may be left out.
pub fn principal(text: &str) -> Result<daos_security::Principal, String> {
    let text = match text.split_once(':') {
        Some((kind, name)) => format!("{kind}:{}", principal_name(name)?),
        None => text.to_owned(),
    };
    daos_security::Principal::parse(&text).map_err(|status| status.context().to_owned())
}

/// A pair `NAME:VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is no NAME:VALUE")),
    }
}

/// The most ranks that a list names: a range with a slip of the pen must not fill the memory.
const RANKS_MAX: u32 = 4096;

/// Ranks as numbers and ranges: `0,2-4`, also in upstream's brackets.
pub fn ranks(text: &str) -> Result<Ranks, String> {
    let wrong = || format!("'{text}' is no list of ranks; write 0,2-4");
    let mut list = Vec::new();
    for part in text.trim_start_matches('[').trim_end_matches(']').split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
        let (first, last) = (number(first)?, number(last)?);
        if last < first || last - first >= RANKS_MAX {
            return Err(wrong());
        }
        list.extend(first..=last);
    }
    list.sort_unstable();
    list.dedup();
    if list.len() > RANKS_MAX as usize {
        return Err(format!("more than {RANKS_MAX} ranks are named"));
    }
    Ok(Ranks(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_numbers_and_ranges() {
        for (text, list) in [("0", vec![0]), ("3,0-2,1", vec![0, 1, 2, 3]), ("[1-2]", vec![1, 2])] {
            assert_eq!(ranks(text), Ok(Ranks(list)));
        }
        for bad in ["", ",", "x", "2-1", "0-", "-1", "0-4294967295", "1,,2"] {
            assert!(ranks(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_shares() {
        assert_eq!("10G".parse(), Ok(PoolSize::Bytes(10_000_000_000)));
        assert_eq!("50%".parse(), Ok(PoolSize::Percent(50)));
        for bad in ["0%", "101%", "%", "-1%", "x"] {
            assert!(bad.parse::<PoolSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn principals_may_be_named_without_their_at() {
        assert_eq!(principal_name("ann").as_deref(), Ok("ann@"));
        assert_eq!(principal_name("ann@site").as_deref(), Ok("ann@site"));
        assert_eq!(principal("g:staff").map(|who| who.to_string()).as_deref(), Ok("staff@"));
        assert_eq!(principal("OWNER@"), Ok(daos_security::Principal::Owner));
        for bad in ["", "@", "u:", "x:ann", "ann", "a@b@"] {
            assert!(principal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs_have_a_name() {
        assert_eq!(pair("a:b:c"), Ok(("a".to_owned(), "b:c".to_owned())));
        assert!(pair("a").is_err() && pair(":b").is_err());
    }
}
