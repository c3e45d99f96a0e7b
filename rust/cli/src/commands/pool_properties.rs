//! Properties of pools that are numbers: upstream's names, and their words.

use super::pool::Property;
use crate::failure::{Failure, Result};
use daos_status::Code;
use serde_json::json;

/// `DAOS_PROP_PO_SCRUB_MODE` and the words of `DAOS_SCRUB_MODE_*`.
const SCRUB: u32 = 16;
const SCRUB_WORDS: [&str; 3] = ["off", "lazy", "timed"];

/// `DAOS_PROP_PO_RECLAIM` and the words of `DAOS_RECLAIM_*`; two of upstream's are not there.
const RECLAIM: u32 = 5;
const RECLAIM_WORDS: [(&str, u64); 3] = [("disabled", 0), ("lazy", 1), ("time", 4)];

/// Upstream's name, what it means, its type, and its default.
const NUMBERS: [(&str, &str, u32, u64); 4] = [
    ("reclaim", "Reclaim strategy", RECLAIM, 1),
    ("scrub", "Checksum scrubbing mode", SCRUB, 0),
    ("scrub_freq", "Checksum scrubbing frequency", 17, 604_800),
    ("scrub_thresh", "Checksum scrubbing threshold", 18, 0),
];

/// The properties as they are shown; those that were never set have their defaults.
pub fn shown(numbers: &[(u32, u64)]) -> Vec<Property> {
    let value = |kind: u32, default: u64| {
        let number = numbers.iter().find(|(known, _)| *known == kind).map_or(default, |(_, number)| *number);
        match kind {
            SCRUB => json!(SCRUB_WORDS.get(number as usize).copied().unwrap_or("unknown")),
            RECLAIM => {
                let word = RECLAIM_WORDS.iter().find(|(_, known)| *known == number);
                json!(word.map_or("unknown", |(word, _)| word))
            }
            _ => json!(number),
        }
    };
    NUMBERS.map(|(name, meaning, kind, default)| (name, meaning, value(kind, default))).into()
}

/// The numbers that a caller gives, the label apart.
pub fn numbers_of(properties: &[(String, String)]) -> Result<Vec<(u32, u64)>> {
    let given = properties.iter().filter(|(name, _)| name != "label");
    given.map(|(name, value)| number_of(name, value)).collect()
}

fn number_of(name: &str, value: &str) -> Result<(u32, u64)> {
    // Upstream takes both forms.
    let known = name.replace('-', "_");
    let Some((_, _, kind, _)) = NUMBERS.iter().find(|(other, ..)| *other == known) else {
        let sentence = format!(
            "property '{name}' cannot be set; 'label', 'reclaim', 'scrub', 'scrub_freq' and 'scrub_thresh' can"
        );
        return Err(Failure::new(Code::Notsupported, sentence));
    };
    let number = match *kind {
        SCRUB => SCRUB_WORDS.iter().position(|word| *word == value).map(|index| index as u64),
        RECLAIM => RECLAIM_WORDS.iter().find(|(word, _)| *word == value).map(|(_, number)| *number),
        _ => value.parse().ok(),
    };
    match number {
        Some(number) => Ok((*kind, number)),
        None if *kind == SCRUB => Err(Failure::new(
            Code::Inval,
            format!("property '{name}': '{value}' is none of {}", SCRUB_WORDS.join(", ")),
        )),
        None if *kind == RECLAIM => {
            Err(Failure::new(Code::Inval, format!("property '{name}': '{value}' is none of disabled, lazy, time")))
        }
        None => Err(Failure::new(Code::Inval, format!("property '{name}': '{value}' is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrubbing_is_chosen_by_upstreams_words() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = [pair("label", "a"), pair("scrub", "timed"), pair("scrub-freq", "60"), pair("scrub_thresh", "3")];
        let numbers = numbers_of(&given).expect("valid");
        assert_eq!(numbers, [(16, 2), (17, 60), (18, 3)]);
        let values: Vec<_> = shown(&numbers).into_iter().map(|property| property.2).collect();
        assert_eq!(values, [json!("lazy"), json!("timed"), json!(60), json!(3)]);
        assert_eq!(shown(&[])[1].2, json!("off"));
        let reclaim = numbers_of(&[pair("reclaim", "time")]).expect("valid");
        assert_eq!((&reclaim[..], &shown(&reclaim)[0].2), (&[(5, 4)][..], &json!("time")));
        for (name, value) in [("scrub", "often"), ("scrub_freq", "x"), ("reclaim", "batch"), ("rd_fac", "1")] {
            assert!(numbers_of(&[pair(name, value)]).is_err(), "{name}:{value}");
        }
    }
}
