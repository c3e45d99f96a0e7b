//! Options that name snapshots.

use super::container::ContainerOf;
use clap::Args;
use daos_types::Epoch;

/// An epoch, in decimal or as `0x...`.
pub fn epoch(text: &str) -> Result<Epoch, String> {
    let text = text.trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(number) if number > 0 => Ok(Epoch(number)),
        _ => Err(format!("'{text}' is no epoch; 'daos container list-snaps' shows those of snapshots")),
    }
}

/// Two epochs with a `-` between.
pub fn epochs(text: &str) -> Result<(Epoch, Epoch), String> {
    let Some((first, last)) = text.split_once('-') else {
        return Err(format!("'{text}' is no range of epochs; give FIRST-LAST"));
    };
    let (first, last) = (epoch(first)?, epoch(last)?);
    if first > last {
        return Err(format!("'{text}' ends before it begins"));
    }
    Ok((first, last))
}

/// A snapshot of a container.
#[derive(Args, Debug, Clone)]
pub struct SnapshotOf {
    /// Which container.
    #[command(flatten)]
    pub of: ContainerOf,
    /// The snapshot, by its name
    #[arg(long = "snap", short = 's', value_name = "NAME")]
    pub name: Option<String>,
    /// The snapshot, by its epoch
    #[arg(long = "epc", short = 'e', value_name = "EPOCH", value_parser = epoch, conflicts_with = "name")]
    pub epoch: Option<Epoch>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_read_in_both_forms() {
        assert_eq!(epoch("0x10"), Ok(Epoch(16)));
        assert_eq!(epoch(" 16 "), Ok(Epoch(16)));
        assert_eq!(epochs("1-0x10"), Ok((Epoch(1), Epoch(16))));
        for wrong in ["", "0", "x", "-1", "0x", "99999999999999999999"] {
            assert!(epoch(wrong).is_err(), "{wrong}");
        }
        for wrong in ["1", "2-1", "-", "1-", "0-3"] {
            assert!(epochs(wrong).is_err(), "{wrong}");
        }
    }
}
