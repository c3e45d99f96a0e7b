//! Properties of containers from text, by the names and words of upstream's tools.

use core::ffi::{c_char, c_int};

use daos_checksum::ChecksumKind;
use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::guard::guard;
use crate::gurt::memory;
use crate::prop::{daos_prop_alloc, daos_prop_free};

/// The longest text: many times what all properties together take.
const TEXT_LENGTH_MAX: u64 = 64 << 10;

/// How a value is written.
enum Form {
    Label,
    Number,
    Checksum,
    Words(&'static [&'static str]),
}

use Form::{Checksum, Label, Number, Words};

const SWITCH: Form = Words(&["off", "on"]);

/// Names, the types that they stand for, and how their values are written.
const NAMES: &[(&str, u32, Form)] = &[
    ("label", DAOS_PROP_CO_LABEL, Label),
    ("cksum", DAOS_PROP_CO_CSUM, Checksum),
    ("cksum_size", DAOS_PROP_CO_CSUM_CHUNK_SIZE, Number),
    ("srv_cksum", DAOS_PROP_CO_CSUM_SERVER_VERIFY, SWITCH),
    ("dedup", DAOS_PROP_CO_DEDUP, Words(&["off", "memcmp", "hash"])),
    ("dedup_threshold", DAOS_PROP_CO_DEDUP_THRESHOLD, Number),
    (
        "compression",
        DAOS_PROP_CO_COMPRESS,
        Words(&["off", "lz4", "deflate", "deflate1", "deflate2", "deflate3", "deflate4"]),
    ),
    (
        "encryption",
        DAOS_PROP_CO_ENCRYPT,
        Words(&[
            "off",
            "aes-xts128",
            "aes-xts256",
            "aes-cbc128",
            "aes-cbc192",
            "aes-cbc256",
            "aes-gcm128",
            "aes-gcm256",
        ]),
    ),
    ("rd_fac", DAOS_PROP_CO_REDUN_FAC, Number),
    ("rf", DAOS_PROP_CO_REDUN_FAC, Number),
    ("ec_cell_sz", DAOS_PROP_CO_EC_CELL_SZ, Number),
    ("ec_pda", DAOS_PROP_CO_EC_PDA, Number),
    ("rp_pda", DAOS_PROP_CO_RP_PDA, Number),
    ("perf_domain", DAOS_PROP_CO_PERF_DOMAIN, Number),
];

/// What a text says.
enum Said {
    Number(u64),
    Label(String),
}

/// A number, decimal or hexadecimal with 0x.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// One `NAME:VALUE`.
fn said(text: &str) -> Result<(u32, Said)> {
    let Some((name, value)) = text.split_once(':') else {
        fail!(Code::Inval, "'{text}' is no NAME:VALUE");
    };
    let (name, value) = (name.trim(), value.trim());
    let Some((_, kind, form)) = NAMES.iter().find(|(known, ..)| *known == name) else {
        let names: Vec<&str> = NAMES.iter().map(|(name, ..)| *name).collect();
        fail!(Code::Inval, "there is no property '{name}' that can be set so; there are {}", names.join(", "));
    };
    let found = match form {
        Label => {
            daos_types::check_label(value)?;
            return Ok((*kind, Said::Label(value.to_owned())));
        }
        Number => number(value),
        Checksum => ChecksumKind::from_name(value).map(|kind| u64::from(kind.number())),
        Words(words) => words.iter().position(|word| *word == value).map(|position| position as u64),
    };
    match found {
        Some(number) => Ok((*kind, Said::Number(number))),
        None => fail!(Code::Inval, "property '{name}' has no value '{value}'"),
    }
}

/// Makes a list of properties of a container from a text of names and values, as in "label:mine;cksum:crc64;rd_fac:1".
///
/// Names are label, cksum, cksum_size, srv_cksum, dedup, dedup_threshold, compression, encryption, rd_fac, ec_cell_sz, ec_pda, rp_pda,
/// perf_domain.
///
/// @str the text, which need not end with a zero
/// @len its length
/// @prop [out] a list that daos_prop_free frees
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_from_str(
    str: *const c_char,
    len: daos_size_t,
    prop: *mut *mut daos_prop_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_from_str", |caller| {
            let place = caller.out(prop, "prop")?;
            if len == 0 || len > TEXT_LENGTH_MAX {
                fail!(Code::Inval, "a text of {len} bytes; 1 to {TEXT_LENGTH_MAX} are taken");
            }
            let bytes = caller.bytes(str.cast(), len as usize, "str")?;
            let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            let Ok(text) = core::str::from_utf8(bytes) else { fail!(Code::Inval, "str is no text") };
            let parts = text.split(';').filter(|part| !part.trim().is_empty());
            let all = parts.map(said).collect::<Result<Vec<_>>>()?;
            if all.is_empty() || all.len() > DAOS_PROP_ENTRIES_MAX_NR as usize {
                fail!(Code::Inval, "'{text}' names {} properties", all.len());
            }
            place.set(list_of(&all)?);
            Ok(())
        })
    }
}

/// The list in memory of libc's.
fn list_of(all: &[(u32, Said)]) -> Result<*mut daos_prop_t> {
    // SAFETY: the list is checked, and made with so many entries, zero in all of them; whoever frees it sees what is written so far.
    unsafe {
        let list = daos_prop_alloc(all.len() as u32);
        if list.is_null() {
            fail!(Code::Nomem, "no memory for {} properties", all.len());
        }
        for (index, (kind, value)) in all.iter().enumerate() {
            let anonymous = match value {
                Said::Number(number) => AnonymousPropertyValue { dpe_val: *number },
                Said::Label(label) => {
                    let copy = memory::duplicate(label.as_bytes());
                    if copy.is_null() {
                        daos_prop_free(list);
                        fail!(Code::Nomem, "no memory for a label");
                    }
                    AnonymousPropertyValue { dpe_str: copy.cast() }
                }
            };
            let entry = daos_prop_entry { dpe_type: *kind, dpe_flags: 0, dpe_reserv: 0, anonymous };
            (*list).dpp_entries.add(index).write(entry);
        }
        Ok(list)
    }
}
