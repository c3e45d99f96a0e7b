//! The properties of pools and containers: which there are, what they may be, what they are when nobody says.
//!
//! All of upstream's are kept and told. Those without an effect in this release are marked so in `docs/properties.md`.

use daos_status::{Code, Result, fail};
use daos_wire::Properties;

/// When a property may be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Settable {
    Always,
    AtCreation,
    Never,
}

use Settable::{Always, AtCreation, Never};

/// What a number may be.
#[derive(Clone, Copy, Debug)]
enum Allowed {
    /// From, to.
    Range(u64, u64),
    /// Zero, or a multiple of the first, up to the second.
    Multiple(u64, u64),
    /// One of two.
    Either(u64, u64),
}

/// A property with a number as value.
struct Property {
    kind: u32,
    word: &'static str,
    default: u64,
    allowed: Allowed,
    settable: Settable,
}

const fn property(kind: u32, word: &'static str, default: u64, allowed: Allowed, settable: Settable) -> Property {
    Property { kind, word, default, allowed, settable }
}

/// `DAOS_PROP_PDA_MAX`: a domain of performance without a bound.
const PDA_MAX: u64 = u32::MAX as u64;
const PDA: Allowed = Allowed::Range(0, PDA_MAX);
/// `DAOS_PROP_PERF_DOMAIN_ROOT` and `_GROUP`.
const DOMAINS: Allowed = Allowed::Either(255, 200);
const CELL: Allowed = Allowed::Multiple(1 << 10, 1 << 30);
const CELL_DEFAULT: u64 = 64 << 10;
const ANY: Allowed = Allowed::Range(0, u64::MAX);

/// `DAOS_PROP_PO_*`, by number.
const POOL: &[Property] = &[
    property(3, "space_rb", 0, Allowed::Range(0, 100), Always),
    property(4, "self_heal", 3, Allowed::Range(0, 7), Always),
    property(5, "reclaim", 1, Allowed::Range(0, 4), Always),
    property(9, "ec_cell_sz", CELL_DEFAULT, CELL, Always),
    property(10, "data_thresh", 4096, Allowed::Multiple(4096, 1 << 20), Always),
    property(11, "rd_fac", 3, Allowed::Range(0, 4), AtCreation),
    property(12, "ec_pda", 1, PDA, AtCreation),
    property(13, "rp_pda", PDA_MAX, PDA, AtCreation),
    property(14, "global_version", 1, ANY, Never),
    property(15, "upgrade_status", 0, ANY, Never),
    property(16, "scrub", 0, Allowed::Range(0, 2), Always),
    property(17, "scrub_freq", 604_800, Allowed::Range(1, 1 << 32), Always),
    property(18, "scrub_thresh", 0, Allowed::Range(0, 1 << 32), Always),
    property(19, "svc_rf", 2, Allowed::Range(0, 4), AtCreation),
    property(20, "obj_version", 1, ANY, Never),
    property(21, "perf_domain", 255, DOMAINS, AtCreation),
    property(22, "checkpoint", 1, Allowed::Range(0, 2), Always),
    property(23, "checkpoint_freq", 5, Allowed::Range(1, 1 << 20), Always),
    property(24, "checkpoint_thresh", 50, Allowed::Range(10, 75), Always),
    property(25, "reintegration", 0, Allowed::Range(0, 2), Always),
    property(26, "svc_ops_enabled", 1, Allowed::Range(0, 1), Always),
    property(27, "svc_ops_entry_age", 300, Allowed::Range(60, 600), Always),
];

/// `DAOS_PROP_CO_ALLOCED_OID`: the next object identifier that is given out.
pub(crate) const ALLOCATED: u32 = 0x1013;
/// `DAOS_PROP_CO_STATUS`.
const STATUS: u32 = 0x1012;

/// `DAOS_PROP_CO_*`, by number; those of checksums are in [`crate::ContainerChecksums`] as well.
const CONTAINER: &[Property] = &[
    property(0x1003, "layout_version", 1, ANY, AtCreation),
    property(0x1004, "cksum", 3, Allowed::Range(0, 7), AtCreation),
    property(0x1005, "cksum_size", 32 << 10, Allowed::Range(0, 1 << 30), AtCreation),
    property(0x1006, "srv_cksum", 0, Allowed::Range(0, 1), AtCreation),
    property(0x1007, "rd_fac", 0, Allowed::Range(0, 4), AtCreation),
    property(0x1008, "rd_lvl", 2, Allowed::Range(1, 254), AtCreation),
    property(0x1009, "max_snapshot", 0, ANY, Always),
    property(0x100b, "compression", 0, Allowed::Range(0, 6), AtCreation),
    property(0x100c, "encryption", 0, Allowed::Range(0, 7), AtCreation),
    property(0x100f, "dedup", 0, Allowed::Range(0, 2), AtCreation),
    property(0x1010, "dedup_threshold", 4096, ANY, AtCreation),
    property(STATUS, "status", 0, ANY, Always),
    property(ALLOCATED, "alloc_oid", 0, ANY, AtCreation),
    property(0x1014, "ec_cell_sz", CELL_DEFAULT, CELL, AtCreation),
    property(0x1015, "ec_pda", 1, PDA, AtCreation),
    property(0x1016, "rp_pda", PDA_MAX, PDA, AtCreation),
    property(0x1017, "global_version", 1, ANY, Never),
    property(0x1018, "scrubber_disabled", 0, Allowed::Range(0, 1), Always),
    property(0x1019, "obj_version", 1, ANY, Never),
    property(0x101a, "perf_domain", 255, DOMAINS, AtCreation),
];

/// `DAOS_PROP_CO_ROOTS`: the objects that a middleware starts from, as the 64 bytes of the C structure in hexadecimal.
const ROOTS: u32 = 0x1011;

impl Property {
    fn check(&self, number: u64, creating: bool) -> Result<()> {
        match self.settable {
            Always => {}
            AtCreation if creating => {}
            AtCreation => fail!(Code::NoPerm, "property '{}' is chosen at creation, and stays as it is", self.word),
            Never => fail!(Code::NoPerm, "property '{}' cannot be set", self.word),
        }
        let fits = match self.allowed {
            Allowed::Range(from, to) => (from..=to).contains(&number),
            Allowed::Multiple(of, to) => number <= to && number.is_multiple_of(of),
            Allowed::Either(one, other) => number == one || number == other,
        };
        if !fits {
            let range = match self.allowed {
                Allowed::Range(from, to) => format!("{from} to {to}"),
                Allowed::Multiple(of, to) => format!("a multiple of {of}, at most {to}"),
                Allowed::Either(one, other) => format!("{one} or {other}"),
            };
            fail!(Code::Inval, "property '{}' cannot be {number}; it is {range}", self.word);
        }
        Ok(())
    }
}

fn find<'a>(table: &'a [Property], kind: u32, of: &str) -> Result<&'a Property> {
    match table.iter().find(|property| property.kind == kind) {
        Some(property) => Ok(property),
        None => fail!(Code::Inval, "{kind:#x} is no property of {of} with a number as value"),
    }
}

/// Accepts numbers for a pool.
pub(crate) fn check_pool(numbers: &[(u32, u64)], creating: bool) -> Result<()> {
    numbers.iter().try_for_each(|(kind, number)| find(POOL, *kind, "pools")?.check(*number, creating))
}

/// All numbers of a pool, with the defaults of those that were never set.
pub(crate) fn all_of_pool(set: &[(u32, u64)]) -> Vec<(u32, u64)> {
    filled(POOL, set)
}

fn filled(table: &[Property], set: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let value = |property: &Property| set.iter().find(|(kind, _)| *kind == property.kind).map(|(_, number)| *number);
    table.iter().map(|property| (property.kind, value(property).unwrap_or(property.default))).collect()
}

/// Accepts properties for a container; `before` are those that it has.
pub(crate) fn check_container(properties: &Properties, before: Option<&Properties>) -> Result<()> {
    for (kind, number) in &properties.numbers {
        // What it is already may be said again: programs copy all that they have read.
        let same = before.is_some_and(|before| filled(CONTAINER, &before.numbers).contains(&(*kind, *number)));
        if !same {
            find(CONTAINER, *kind, "containers")?.check(*number, before.is_none())?;
        }
    }
    for (kind, text) in &properties.texts {
        if *kind != ROOTS || text.len() != 128 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fail!(Code::Inval, "{kind:#x} is no property of containers with such a value");
        }
    }
    if let Some(before) = before
        && properties.kind != 0
        && properties.kind != before.kind
    {
        fail!(Code::NoPerm, "the layout type of a container is chosen at creation, and stays as it is");
    }
    Ok(())
}

/// Takes out of the properties of a new container from which object identifier on it shall give out, if they say so: a copy
/// of a container starts behind the identifiers of its origin.
pub(crate) fn take_first_object(properties: &mut Properties) -> Option<u64> {
    let place = properties.numbers.iter().position(|(kind, _)| *kind == ALLOCATED)?;
    Some(properties.numbers.remove(place).1)
}

/// All numbers of a container, with the defaults of those that were never set.
pub(crate) fn fill_container(properties: &mut Properties, next_object: u64) {
    properties.numbers = filled(CONTAINER, &properties.numbers);
    if let Some((_, number)) = properties.numbers.iter_mut().find(|(kind, _)| *kind == ALLOCATED) {
        *number = next_object;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<()>) -> Option<Code> {
        result.err().map(|status| status.code())
    }

    #[test]
    fn every_default_is_allowed_and_every_range_ends() {
        for property in POOL.iter().chain(CONTAINER).filter(|property| property.settable != Never) {
            assert_eq!(code(property.check(property.default, true)), None, "{}", property.word);
            let beyond = match property.allowed {
                Allowed::Range(_, u64::MAX) => continue,
                Allowed::Range(_, to) | Allowed::Multiple(_, to) => to + 1,
                Allowed::Either(one, other) => one.max(other) + 1,
            };
            assert_eq!(code(property.check(beyond, true)), Some(Code::Inval), "{}", property.word);
        }
        for table in [POOL, CONTAINER] {
            assert!(table.is_sorted_by_key(|property| property.kind));
        }
    }

    #[test]
    fn what_is_chosen_at_creation_stays() {
        assert_eq!(code(check_pool(&[(11, 2)], true)), None);
        assert_eq!(code(check_pool(&[(11, 2)], false)), Some(Code::NoPerm));
        assert_eq!(code(check_pool(&[(14, 2)], true)), Some(Code::NoPerm));
        assert_eq!(code(check_pool(&[(99, 2)], true)), Some(Code::Inval));
        assert_eq!(code(check_pool(&[(9, 1000)], true)), Some(Code::Inval));
        assert_eq!(code(check_pool(&[(3, 5), (27, 60)], false)), None);
        let properties = |numbers: &[(u32, u64)], texts: &[(u32, String)]| Properties {
            label: String::new(),
            kind: 0,
            numbers: numbers.to_vec(),
            texts: texts.to_vec(),
        };
        let before = properties(&[(0x1007, 1)], &[]);
        assert_eq!(code(check_container(&properties(&[(0x1007, 1), (0x1008, 2)], &[]), Some(&before))), None);
        assert_eq!(code(check_container(&properties(&[(0x1007, 2)], &[]), Some(&before))), Some(Code::NoPerm));
        assert_eq!(code(check_container(&properties(&[(0x1007, 5)], &[]), None)), Some(Code::Inval));
        assert_eq!(code(check_container(&properties(&[(7, 8)], &[]), None)), Some(Code::Inval));
        assert_eq!(code(check_container(&properties(&[], &[(ROOTS, "0f".repeat(64))]), None)), None);
        assert_eq!(code(check_container(&properties(&[], &[(ROOTS, "xx".repeat(64))]), None)), Some(Code::Inval));
        assert_eq!(code(check_container(&properties(&[], &[(0x100d, "a@".into())]), None)), Some(Code::Inval));
    }

    #[test]
    fn what_was_never_set_has_its_default() {
        let all = all_of_pool(&[(16, 2)]);
        assert_eq!(all.len(), POOL.len());
        assert!(all.contains(&(16, 2)) && all.contains(&(5, 1)) && all.contains(&(24, 50)));
    }
}
