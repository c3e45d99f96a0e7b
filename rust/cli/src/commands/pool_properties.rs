//! Properties of pools that are numbers: upstream's names, and their words.

use super::pool::Property;
use crate::failure::{Failure, Result};
use crate::units::parse_size;
use daos_status::Code;
use serde_json::{Value, json};

/// How a number is written.
enum Form {
    /// As it is.
    Number,
    /// As a size.
    Size,
    /// By a word.
    Words(&'static [(&'static str, u64)]),
    /// By words for its bits, with `;` between them, or `none`.
    Bits(&'static [(&'static str, u64)]),
}

use Form::{Bits, Number, Size, Words};

/// Upstream's name, what it means, its type (`DAOS_PROP_PO_*`), and how it is written.
const NUMBERS: &[(&str, &str, u32, Form)] = &[
    ("space_rb", "Rebuild space ratio", 3, Number),
    ("self_heal", "Self-healing policy", 4, Bits(&[("exclude", 1), ("rebuild", 2), ("delay_rebuild", 4)])),
    ("reclaim", "Reclaim strategy", 5, Words(&[("disabled", 0), ("lazy", 1), ("time", 4)])),
    ("ec_cell_sz", "EC cell size", 9, Size),
    ("data_thresh", "Data bdev threshold size", 10, Size),
    ("rd_fac", "Pool redundancy factor", 11, Number),
    ("ec_pda", "Performance domain affinity level of EC", 12, Number),
    ("rp_pda", "Performance domain affinity level of RP", 13, Number),
    ("global_version", "Global version", 14, Number),
    (
        "upgrade_status",
        "Upgrade status",
        15,
        Words(&[("not started", 0), ("in progress", 1), ("completed", 2), ("failed", 3)]),
    ),
    ("scrub", "Checksum scrubbing mode", 16, Words(&[("off", 0), ("lazy", 1), ("timed", 2)])),
    ("scrub_freq", "Checksum scrubbing frequency", 17, Number),
    ("scrub_thresh", "Checksum scrubbing threshold", 18, Number),
    ("svc_rf", "Pool service redundancy factor", 19, Number),
    ("obj_version", "Object layout version", 20, Number),
    ("perf_domain", "Pool performance domain", 21, Words(&[("root", 255), ("group", 200)])),
    ("checkpoint", "WAL checkpointing behavior", 22, Words(&[("disabled", 0), ("timed", 1), ("lazy", 2)])),
    ("checkpoint_freq", "WAL checkpointing frequency, in seconds", 23, Number),
    ("checkpoint_thresh", "WAL checkpoint usage threshold, in percent", 24, Number),
    ("reintegration", "Reintegration mode", 25, Words(&[("data_sync", 0), ("no_data_sync", 1), ("incremental", 2)])),
    ("svc_ops_enabled", "Metadata duplicate operations detection", 26, Number),
    ("svc_ops_entry_age", "Metadata duplicate operations KVS max entry age, in seconds", 27, Number),
];

impl Form {
    fn shown(&self, number: u64) -> Value {
        match self {
            Number | Size => json!(number),
            Words(words) => match words.iter().find(|(_, known)| *known == number) {
                Some((word, _)) => json!(word),
                None => json!(number),
            },
            Bits(words) => {
                let set: Vec<&str> = words.iter().filter(|(_, bit)| number & bit != 0).map(|(word, _)| *word).collect();
                if set.is_empty() { json!("none") } else { json!(set.join(";")) }
            }
        }
    }

    fn read(&self, text: &str) -> std::result::Result<u64, String> {
        let word = |words: &[(&str, u64)], text: &str| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, number)| *number);
            found.ok_or_else(|| {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("'{text}' is none of {}", known.join(", "))
            })
        };
        match self {
            Number => text.parse().map_err(|_| format!("'{text}' is no number")),
            Size => parse_size(text),
            Words(words) => word(words, text),
            Bits(_) if text == "none" => Ok(0),
            Bits(words) => text.split(';').try_fold(0, |bits, part| Ok(bits | word(words, part)?)),
        }
    }
}

/// The properties as they are shown, of those whose numbers are known.
pub fn shown(numbers: &[(u32, u64)]) -> Vec<Property> {
    let value = |kind: u32| numbers.iter().find(|(known, _)| *known == kind).map(|(_, number)| *number);
    let known = NUMBERS
        .iter()
        .filter_map(|(name, meaning, kind, form)| value(*kind).map(|number| (*name, *meaning, form.shown(number))));
    known.collect()
}

/// The numbers that a caller gives, the label apart.
pub fn numbers_of(properties: &[(String, String)]) -> Result<Vec<(u32, u64)>> {
    let given = properties.iter().filter(|(name, _)| name != "label");
    given.map(|(name, value)| number_of(name, value)).collect()
}

fn number_of(name: &str, value: &str) -> Result<(u32, u64)> {
    // Upstream takes both forms.
    let known = name.replace('-', "_");
    let Some((_, _, kind, form)) = NUMBERS.iter().find(|(other, ..)| *other == known) else {
        let names: Vec<&str> = NUMBERS.iter().map(|(name, ..)| *name).collect();
        let sentence = format!("there is no property '{name}'; there are label, {}", names.join(", "));
        return Err(Failure::new(Code::Notsupported, sentence));
    };
    match form.read(value) {
        Ok(number) => Ok((*kind, number)),
        Err(sentence) => Err(Failure::new(Code::Inval, format!("property '{name}': {sentence}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn properties_are_chosen_by_upstreams_words() {
        let given = [
            pair("label", "a"),
            pair("scrub", "timed"),
            pair("scrub-freq", "60"),
            pair("reclaim", "time"),
            pair("ec_cell_sz", "64KiB"),
            pair("self_heal", "exclude;delay_rebuild"),
            pair("checkpoint", "lazy"),
            pair("perf_domain", "group"),
        ];
        let numbers = numbers_of(&given).expect("valid");
        assert_eq!(numbers, [(16, 2), (17, 60), (5, 4), (9, 65536), (4, 5), (22, 2), (21, 200)]);
        let all: Vec<(&str, Value)> = shown(&numbers).into_iter().map(|property| (property.0, property.2)).collect();
        for (name, value) in [
            ("self_heal", json!("exclude;delay_rebuild")),
            ("reclaim", json!("time")),
            ("ec_cell_sz", json!(65536)),
            ("scrub", json!("timed")),
            ("perf_domain", json!("group")),
        ] {
            assert!(all.contains(&(name, value)), "{name} is among {all:?}");
        }
        for (name, value) in
            [("scrub", "often"), ("scrub_freq", "x"), ("reclaim", "batch"), ("self_heal", "x"), ("what", "1")]
        {
            assert!(numbers_of(&[pair(name, value)]).is_err(), "{name}:{value}");
        }
    }
}
