//! Values of options that are more than words.

use crate::units::parse_size;
use daos_client::ContainerType;
use std::str::FromStr;

/// The size of a new pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoolSize {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the space that is free in the file system of the local directory.
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

/// A pair `NAME:VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is no NAME:VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_shares() {
        assert_eq!("10G".parse(), Ok(PoolSize::Bytes(10_000_000_000)));
        assert_eq!("50%".parse(), Ok(PoolSize::Percent(50)));
        for bad in ["0%", "101%", "%", "-1%", "x"] {
            assert!(bad.parse::<PoolSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs_have_a_name() {
        assert_eq!(pair("a:b:c"), Ok(("a".to_owned(), "b:c".to_owned())));
        assert!(pair("a").is_err() && pair(":b").is_err());
    }
}
