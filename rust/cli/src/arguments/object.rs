//! `object` commands.

use super::container::ContainerOf;
use super::manual;
use clap::Subcommand;
use daos_types::ObjectId;

/// `HI.LO`, each half decimal or with 0x.
fn object_id(text: &str) -> Result<ObjectId, String> {
    let half = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let halves = text.split_once('.').and_then(|(hi, lo)| Some((half(hi).ok()?, half(lo).ok()?)));
    let (hi, lo) = halves.ok_or_else(|| format!("'{text}' is no object id; write HI.LO, two 64-bit numbers"))?;
    Ok(ObjectId { hi, lo })
}

/// What can be done with objects.
#[derive(Subcommand, Debug)]
pub enum ObjectCommand {
    /// Show type, class and first keys of an object
    #[command(after_long_help = manual::OBJECT_QUERY_EXAMPLES)]
    Query {
        /// Which container.
        #[command(flatten)]
        of: ContainerOf,
        /// The object, HI.LO: two 64-bit numbers, decimal or with 0x
        #[arg(value_parser = object_id)]
        object: ObjectId,
    },
}

#[cfg(test)]
mod tests {
    use super::object_id;
    use daos_types::ObjectId;

    #[test]
    fn object_ids_have_two_halves() {
        assert_eq!(object_id("1.2"), Ok(ObjectId { hi: 1, lo: 2 }));
        assert_eq!(object_id("0xff.18446744073709551615"), Ok(ObjectId { hi: 255, lo: u64::MAX }));
        for bad in ["", ".", "1", "1.", "1.18446744073709551616", "1.2.3", "-1.0"] {
            assert!(object_id(bad).is_err(), "{bad}");
        }
    }
}
